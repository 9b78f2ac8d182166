package prometheus_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/spacekeeper/spacekeeper/internal/cli/clitest"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/provision"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/internal/worker"
)

// installation is a Workspace, its Pub/Sub, a database, and workers.
type installation struct {
	*testing.T
	*simulate.Workspace
	broker              *broker.Server
	clock               *clock // Pub/Sub's
	dsn                 string
	env                 map[string]string
	topic, subscription string
	running             *running
}

// clock goes with the machine's, so much ahead.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) move(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += by
}

const rules = `reactors: [{id: welcome, mode: live, on: member.joined, do: [{send: {to: private, text: "Welcome, {{ member.mention }}!"}}]}]`

func newInstallation(t *testing.T) *installation {
	t.Helper()
	in := &installation{T: t, dsn: storetest.NewDSN(t), clock: &clock{}}
	var err error
	if in.broker, err = broker.Start(broker.Options{Now: in.clock.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(in.broker.Close)
	stop := make(chan struct{})
	var ticking sync.WaitGroup
	ticking.Go(func() { // with a clock of its own nothing falls due but in Tick
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				in.broker.Tick()
			}
		}
	})
	t.Cleanup(func() { close(stop); ticking.Wait() })
	in.Workspace, err = simulate.Start(t.Context(), simulate.Options{Seed: 3, Spaces: 2, Users: 8, Publisher: in.broker.As(simulate.ChatPublisher)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	})
	in.createPubSub()
	file := filepath.Join(t.TempDir(), "reactors.yaml")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	var spaces []string
	for _, s := range in.Spaces() {
		spaces = append(spaces, s.Name)
	}
	in.env = map[string]string{
		"SPACEKEEPER_PROJECT":                   in.Project(),
		"SPACEKEEPER_PUBSUB_TOPIC":              in.topic,
		"SPACEKEEPER_PUBSUB_SUBSCRIPTION":       in.subscription,
		"SPACEKEEPER_WORKSPACE_SPACES":          strings.Join(spaces, ","),
		"SPACEKEEPER_DATABASE_DSN":              in.dsn,
		"SPACEKEEPER_REACTORS_FILE":             file,
		"SPACEKEEPER_HEALTH_ADDR":               "127.0.0.1:0",
		"SPACEKEEPER_CHAT_ENDPOINT":             conformancetest.Proxy(t, in.ChatEndpoint()),
		"SPACEKEEPER_WORKSPACE_EVENTS_ENDPOINT": conformancetest.Proxy(t, in.WorkspaceEventsEndpoint()),
		"PUBSUB_EMULATOR_HOST":                  in.broker.Addr(),
	}
	in.running = in.start()
	return in
}

func (in *installation) createPubSub() {
	client, err := pubsub.NewClient(in.Context(), in.Project(), in.broker.ClientOptions()...)
	if err != nil {
		in.Fatal(err)
	}
	defer client.Close()
	in.topic = "projects/" + in.Project() + "/topics/chat-events"
	in.subscription = "projects/" + in.Project() + "/subscriptions/spacekeeper"
	for _, name := range []string{in.topic, in.topic + "-dead"} {
		if _, err := client.TopicAdminClient.CreateTopic(in.Context(), &pubsubpb.Topic{Name: name}); err != nil {
			in.Fatal(err)
		}
	}
	if err := in.broker.Grant(in.topic, broker.PublisherRole, simulate.ChatPublisher); err != nil {
		in.Fatal(err)
	}
	if _, err := client.SubscriptionAdminClient.CreateSubscription(in.Context(), &pubsubpb.Subscription{
		Name: in.subscription, Topic: in.topic, AckDeadlineSeconds: 60,
		DeadLetterPolicy: &pubsubpb.DeadLetterPolicy{DeadLetterTopic: in.topic + "-dead", MaxDeliveryAttempts: provision.MaxDeliveryAttempts},
		RetryPolicy:      &pubsubpb.RetryPolicy{MinimumBackoff: durationpb.New(0), MaximumBackoff: durationpb.New(time.Second)},
	}); err != nil {
		in.Fatal(err)
	}
}

// running is a worker.
type running struct {
	in   *installation
	log  clitest.Output
	addr string
	stop func()
}

// start starts a worker and waits until it is ready.
func (in *installation) start() *running {
	in.Helper()
	getenv := func(name string) string { return in.env[name] }
	cfg, err := config.Load("", getenv, config.ForWorker)
	if err != nil {
		in.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(in.Context()))
	r := &running{in: in}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = worker.Main(ctx, cfg, worker.Options{MetricsAge: 10 * time.Millisecond}, getenv, &r.log) // its log tells
	}()
	r.stop = sync.OnceFunc(func() { cancel(); <-done })
	in.Cleanup(func() {
		r.stop()
		if in.Failed() {
			in.Logf("log of a worker:\n%s", r.log.String())
		}
	})
	in.until("the worker answers", func() bool { r.addr = r.logged("answering health checks", "addr"); return r.addr != "" })
	r.shows("it is ready", func(s *scrape) bool {
		return s.max("spacekeeper_ingest_ready") == 1 && s.max("spacekeeper_jobs_ready") == 1
	})
	return r
}

// restart starts the worker anew: what it does at its start is done now.
func (in *installation) restart() {
	in.Helper()
	in.running.stop()
	in.running = in.start()
}

// shows waits until the metrics say so.
func (r *running) shows(what string, ok func(*scrape) bool) {
	r.in.Helper()
	r.in.until("metrics show that "+what, func() bool { return ok(r.scrape()) })
}

// until waits until ok answers true.
func (in *installation) until(what string, ok func() bool) {
	in.Helper()
	deadline := time.After(3 * time.Minute)
	for !ok() {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-deadline:
			in.Fatalf("waited in vain until %s", what)
		}
	}
}

func (in *installation) exec(sql string) {
	in.Helper()
	conn, err := pgx.Connect(in.Context(), in.dsn)
	if err != nil {
		in.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(in.Context()))
	if _, err := conn.Exec(in.Context(), sql); err != nil {
		in.Fatalf("%s: %v", sql, err)
	}
}

// join lets somebody new join the first space.
func (in *installation) join() {
	in.Helper()
	if err := in.AddMembers(in.Spaces()[0].Name, in.AddUser(false)); err != nil {
		in.Fatal(err)
	}
}

// logged is the value of a field in the first line with the message.
func (r *running) logged(message, field string) string {
	for line := range strings.Lines(r.log.String()) {
		var entry map[string]any
		if json.Unmarshal([]byte(line), &entry) == nil && entry["message"] == message {
			value, _ := entry[field].(string)
			return value
		}
	}
	return ""
}

// scrape asks a worker for its metrics; a worker that is gone has none.
func (r *running) scrape() *scrape {
	r.in.Helper()
	req, err := http.NewRequestWithContext(r.in.Context(), http.MethodGet, "http://"+r.addr+"/metrics", nil)
	if err != nil {
		r.in.Fatal(err)
	}
	req.Close = true
	at := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return &scrape{at: at}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return &scrape{at: at}
	}
	return parse(r.in.T, at, resp.Body)
}
