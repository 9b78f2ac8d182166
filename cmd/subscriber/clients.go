package main

import (
	"context"

	"google.golang.org/api/option"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/credentials"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/ingest"
)

// openChat opens the Chat API: the Chat app sends, and whoever the
// configuration says reads.
func openChat(ctx context.Context, cfg config.Config) (*gchat.Client, error) {
	return gchat.New(ctx, gchat.Options{Endpoint: cfg.Endpoints.Chat, Auth: cfg.Auth, Scopes: credentials.Scopes(cfg)})
}

// pubsubScope is what pulling takes.
const pubsubScope = "https://www.googleapis.com/auth/pubsub"

// openPubSub connects to Pub/Sub as the service account, or to the emulator.
func openPubSub(ctx context.Context, cfg config.Config) (*ingest.Client, error) {
	var opts []option.ClientOption
	if cfg.Endpoints.PubSubEmulator == "" {
		var err error
		if opts, err = credentials.ClientOptions(cfg.Auth, pubsubScope); err != nil {
			return nil, err
		}
	}
	return ingest.NewClient(ctx, cfg.Project, cfg.Endpoints.PubSubEmulator, opts...)
}
