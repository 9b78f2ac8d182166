package provision

import (
	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/api/cloudresourcemanager/v1"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/credentials"
)

// OptionsAs are [OptionsFrom] and who calls, with their credentials. A fake of
// Google gets none, and where there is no Resource Manager beside it nobody is
// asked for the project's number.
func OptionsAs(cfg config.Config) (Options, error) {
	o := OptionsFrom(cfg)
	if o.ClientOptions == nil {
		var err error
		if o.ClientOptions, err = credentials.ClientOptions(cfg.Auth, pubsub.ScopePubSub); err != nil {
			return o, err
		}
		if identity, err := credentials.Describe(cfg.Auth.AsApp()); err == nil && identity.Account != "" {
			o.Member = "serviceAccount:" + identity.Account
		}
	}
	var err error
	if endpoint := o.ResourceManagerEndpoint; endpoint != "" || !cfg.Endpoints.Faked() {
		o.ResourceManager, err = credentials.Transport(cfg.Auth.AsApp(), config.IsLoopback(endpoint),
			cloudresourcemanager.CloudPlatformReadOnlyScope)
	}
	return o, err
}

// OptionsFrom are the options that the configuration decides: names and
// endpoints. Who calls, and with which credentials, is the caller's to add.
func OptionsFrom(cfg config.Config) Options {
	o := Options{
		Topic:                   cfg.TopicName(),
		Subscription:            cfg.SubscriptionName(),
		DeadLetterTopic:         cfg.DeadLetterTopicName(),
		ResourceManagerEndpoint: cfg.Endpoints.ResourceManager,
	}
	if host := cfg.Endpoints.PubSubEmulator; host != "" {
		o.ClientOptions = []option.ClientOption{
			option.WithEndpoint(host),
			option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
		}
	}
	return o
}
