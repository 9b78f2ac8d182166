package provision

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	pubsub "cloud.google.com/go/pubsub/v2/apiv1"
	"google.golang.org/api/option"
)

// Options of a [Provisioner].
type Options struct {
	// Topic, Subscription and DeadLetterTopic are full names, "projects/P/…".
	Topic           string
	Subscription    string
	DeadLetterTopic string

	// ProjectNumber is that of the subscription's project. If it is "", the
	// Resource Manager API is asked for it when it is needed.
	ProjectNumber string

	// Worker is the member that pulls, "serviceAccount:…"; "" leaves its roles
	// to others.
	Worker string

	// Member is who calls, "serviceAccount:…" or "user:…", for the commands
	// that grant what is missing; "" leaves it to the reader.
	Member string

	// ClientOptions are for Pub/Sub's clients. PUBSUB_EMULATOR_HOST goes before
	// them.
	ClientOptions []option.ClientOption

	// ResourceManager answers the calls of the Resource Manager API, with
	// credentials, at the given base URL, "" for Google's. nil leaves a number
	// that isn't given unknown: Make needs it where a service agent has no role
	// yet.
	ResourceManager         http.RoundTripper
	ResourceManagerEndpoint string
}

// Provisioner checks and makes the resources.
type Provisioner struct {
	options       Options
	names         Names
	topics        *pubsub.TopicAdminClient
	subscriptions *pubsub.SubscriptionAdminClient
}

// New connects to Pub/Sub.
func New(ctx context.Context, o Options) (*Provisioner, error) {
	for _, name := range []string{o.Topic, o.Subscription, o.DeadLetterTopic} {
		if project(name) == "" {
			return nil, fmt.Errorf("provision Pub/Sub: %q is not a full name", name)
		}
	}
	topics, err := pubsub.NewTopicAdminClient(ctx, o.ClientOptions...)
	if err != nil {
		return nil, fmt.Errorf("connect to Pub/Sub: %w", err)
	}
	subscriptions, err := pubsub.NewSubscriptionAdminClient(ctx, o.ClientOptions...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connect to Pub/Sub: %w", err), topics.Close())
	}
	return &Provisioner{o, o.names(), topics, subscriptions}, nil
}

// Close closes the connections.
func (p *Provisioner) Close() error {
	return errors.Join(p.topics.Close(), p.subscriptions.Close())
}
