package provision

import (
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

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
