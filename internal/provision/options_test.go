package provision_test

import (
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/provision"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
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

// The simulated Workspace's own topic, on which the demo and the tests of the
// worker run, is as ours must be.
func TestTheSimulatedTopicIsRight(t *testing.T) {
	t.Parallel()
	ws, err := simulate.Start(t.Context(), simulate.Options{Spaces: -1})
	check(t, err)
	t.Cleanup(func() { check(t, ws.Close()) })
	cfg := config.Default()
	cfg.Project, cfg.PubSub.Topic, cfg.PubSub.Subscription = ws.Project(), "events", "worker"
	_, _, err = ws.CreateTopic(t.Context(), cfg.PubSub.Topic, cfg.PubSub.Subscription)
	check(t, err)
	w := &world{Server: ws.Broker()}
	p := w.provisioner(t, func(o *provision.Options) {
		*o = provision.OptionsFrom(cfg)
		o.ClientOptions, o.ProjectNumber = ws.Broker().ClientOptions(), broker.ProjectNumber(ws.Project())
	})
	if drifts, err := p.Check(t.Context()); err != nil || len(drifts) > 0 {
		t.Errorf("got %v, %v", drifts, err)
	}
}
