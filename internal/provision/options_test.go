package provision_test

import (
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/provision"
)

// What the configuration names is what is made, at the endpoint it names.
func TestOptionsFrom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg := config.Default()
	cfg.Project, cfg.PubSub.Topic, cfg.PubSub.Subscription = "p", "chat-events", "projects/other/subscriptions/events"
	cfg.Endpoints.PubSubEmulator, cfg.Endpoints.ResourceManager = w.Addr(), "http://127.0.0.1:9000/"
	o := provision.OptionsFrom(cfg)
	if o.Topic != topic || o.Subscription != cfg.PubSub.Subscription || o.DeadLetterTopic != deadTopic || o.ResourceManagerEndpoint != cfg.Endpoints.ResourceManager {
		t.Errorf("got %+v", o)
	}
	p, err := provision.New(t.Context(), o)
	check(t, err)
	defer p.Close()
	if drifts, err := p.Check(t.Context()); err != nil || len(drifts) != 7 { // four resources, three roles
		t.Errorf("got %v, %v", drifts, err)
	}
	cfg.Endpoints.PubSubEmulator = ""
	if o := provision.OptionsFrom(cfg); o.ClientOptions != nil {
		t.Error("Google's own Pub/Sub needs credentials")
	}
}
