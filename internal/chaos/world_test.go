package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/localpg"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
	"github.com/spacekeeper/spacekeeper/internal/simulate/reconcile"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// world is a Workspace with its Pub/Sub, a database, and any number of
// workers.
type world struct {
	*simulate.Workspace
	pg           *localpg.Server
	db           *store.Store
	topic        string
	subscription string
}

// newWorld sets everything up but the workers. The subscription has a
// dead-letter policy of the fewest attempts that Pub/Sub allows, so that a
// nack would show.
func newWorld(t testing.TB, o simulate.Options) *world {
	t.Helper()
	if err := readSources(); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	pg, err := localpg.Start(ctx, localpg.Options{Private: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := store.Migrate(ctx, pg.DSN()); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(ctx, pg.DSN(), store.Options{MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	ws, err := simulate.Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ws.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{Workspace: ws, pg: pg, db: db}
	w.createPubSub(t)
	w.subscribe(t)
	return w
}

func (w *world) createPubSub(t testing.TB) {
	t.Helper()
	client, err := pubsub.NewClient(t.Context(), w.Project(), w.Broker().ClientOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	w.topic = "projects/" + w.Project() + "/topics/chat-events"
	w.subscription = "projects/" + w.Project() + "/subscriptions/spacekeeper"
	for _, name := range []string{w.topic, w.topic + "-dead"} {
		if _, err := client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	agent := broker.ServiceAgent(w.Project())
	w.grant(t, w.topic, broker.PublisherRole, simulate.ChatPublisher)
	w.grant(t, w.topic+"-dead", broker.PublisherRole, agent)
	if _, err := client.SubscriptionAdminClient.CreateSubscription(t.Context(), &pubsubpb.Subscription{
		Name: w.subscription, Topic: w.topic, AckDeadlineSeconds: 10,
		DeadLetterPolicy: &pubsubpb.DeadLetterPolicy{DeadLetterTopic: w.topic + "-dead", MaxDeliveryAttempts: 5},
		RetryPolicy:      &pubsubpb.RetryPolicy{MinimumBackoff: durationpb.New(0), MaximumBackoff: durationpb.New(time.Second)},
	}); err != nil {
		t.Fatal(err)
	}
	w.grant(t, w.subscription, broker.SubscriberRole, agent)
}

func (w *world) grant(t testing.TB, resource, role, member string) {
	t.Helper()
	if err := w.Broker().Grant(resource, role, member); err != nil {
		t.Fatal(err)
	}
}

// subscribe makes the subscriptions to the spaces that a configuration would ask
// for. As by hand: through the API they would take a minute for a hundred.
func (w *world) subscribe(t testing.TB) {
	t.Helper()
	cfg := config.Default()
	cfg.Project, cfg.PubSub.Topic = w.Project(), w.topic
	for _, s := range w.Spaces() {
		cfg.Workspace.Spaces = append(cfg.Workspace.Spaces, s.Name)
	}
	for _, d := range subscriptions.DesiredFrom(cfg) {
		if _, err := w.AddUnmanaged(simulate.Unmanaged{
			Target: d.Target(), Topic: d.Topic, EventTypes: d.EventTypes, IncludeResource: d.IncludeResource,
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *world) stats(t *testing.T) broker.Stats {
	t.Helper()
	s, err := w.Broker().Stats(w.subscription)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// settle waits until nothing is left to do and wants it to be exact, the
// welcomes too: lost 0, unexpected 0, doubled 0.
func (w *world) settle(t *testing.T, limit time.Duration) {
	t.Helper()
	wantExact(t, w.reconcile(t, limit))
}

// settleEvents is settle for rules that don't welcome everybody.
func (w *world) settleEvents(t *testing.T, limit time.Duration) {
	t.Helper()
	wantExact(t, w.reconcile(t, limit)[:3])
}

// reconcile waits until nothing is left to do and compares what was recorded
// and sent with what happened.
func (w *world) reconcile(t *testing.T, limit time.Duration) reconcile.Report {
	t.Helper()
	w.Flush()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := reconcile.Drain(ctx, w.db.Pool(), w.Broker(), w.subscription); err != nil {
		t.Fatalf("%v; %+v\n%s", err, w.stats(t), w.pending(t))
	}
	report, err := reconcile.Check(ctx, w.db.Pool(), w.Truth(), w.topic, time.Time{}, w.Members)
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if err := report.Write(&table); err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v\n%s", w.stats(t), table.String())
	return report
}

// pending describes runs that haven't ended, with their jobs.
func (w *world) pending(t *testing.T) (list string) {
	t.Helper()
	if err := w.db.Pool().QueryRow(t.Context(), `
		SELECT COALESCE(json_agg(p)::text, '')
		FROM (
			SELECT now(), r.id, r.step, r.attempts, r.held, r.event_time, r.due_at, r.slot_at, r.requests IS NULL AS undecided, r.trace, (
				SELECT json_agg(json_build_object('state', j.state, 'attempt', j.attempt, 'attempted_at', j.attempted_at,
					'scheduled_at', j.scheduled_at, 'finalized_at', j.finalized_at, 'metadata', j.metadata, 'errors', j.errors))
				FROM river_job j
				WHERE j.args->>'run_id' = r.id::text
			) AS jobs
			FROM reactor_runs r
			WHERE r.outcome = 'pending'
			LIMIT 10
		) p`).Scan(&list); err != nil {
		return err.Error()
	}
	return list
}

func wantExact(t *testing.T, report reconcile.Report) {
	t.Helper()
	if !report.Exact() {
		t.Error("what was recorded or sent differs from what happened")
	}
	for _, row := range report[:2] {
		if row.Wanted == 0 {
			t.Errorf("no %s to compare: the test has shown nothing", row.What)
		}
	}
}

// query answers with one number.
func (w *world) query(t *testing.T, sql string) (n int) {
	t.Helper()
	if err := w.db.Pool().QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// process is a running worker.
type process struct {
	cmd  *exec.Cmd
	log  *logBuffer
	done chan struct{}
	err  error // once done is closed
}

// welcome greets everybody who joins, as the simplest of rules does.
const welcome = `
reactors:
  - id: welcome
    mode: live
    on: member.joined
    max_age: 10m
    do:
      - send: { to: private, text: "Welcome, {{ member.mention }}!" }
`

// inForce writes rules to a file, and is the setting that names it; without
// rules nothing reacts.
func inForce(t testing.TB, rules string) string {
	t.Helper()
	const setting = "SPACEKEEPER_REACTORS_FILE="
	if rules == "" {
		return setting
	}
	path := filepath.Join(t.TempDir(), "reactors.yaml")
	if err := os.WriteFile(path, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	return setting + path
}

// work starts a worker. Settings are environment variables.
func (w *world) work(t testing.TB, settings ...string) *process {
	t.Helper()
	cmd := exec.Command(binary, "run")
	cmd.Env = append(os.Environ(),
		"SPACEKEEPER_CHAT_ENDPOINT="+conformancetest.Proxy(t, w.ChatEndpoint()),
		"SPACEKEEPER_WORKSPACE_EVENTS_ENDPOINT="+conformancetest.Proxy(t, w.WorkspaceEventsEndpoint()),
		"PUBSUB_EMULATOR_HOST="+w.PubSubAddr(),
		"SPACEKEEPER_PROJECT="+w.Project(),
		"SPACEKEEPER_PUBSUB_SUBSCRIPTION="+w.subscription,
		"SPACEKEEPER_DATABASE_DSN="+w.pg.DSN(),
		inForce(t, welcome),
		"SPACEKEEPER_CHAT_WRITES_PER_MINUTE_PER_SPACE=60",
		"SPACEKEEPER_HEALTH_ADDR=off",
	)
	cmd.Env = append(cmd.Env, settings...)
	p := &process{cmd: cmd, log: &logBuffer{}, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = io.Discard, p.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.done
		if t.Failed() {
			t.Logf("log of worker %d:\n%s", cmd.Process.Pid, p.log.tail(4000))
		}
	})
	return p
}

// stop sends the signal and wants the worker to end within the limit.
func (p *process) stop(t *testing.T, sig syscall.Signal, limit time.Duration) error {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.done:
		return p.err
	case <-timer.C:
		t.Fatalf("the worker was still there %s after %s", limit, sig)
		return nil
	}
}

// logBuffer collects the log of a worker.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *logBuffer) tail(n int) string {
	s := b.String()
	return s[max(0, len(s)-n):]
}

// eventually waits until ok answers true.
func eventually(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited %s in vain until %s", limit, what)
		}
	}
}

// after waits, as a person would who lets something go on for a while.
func after(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

// act lets the people do so much in the background; wait ends when they have.
func (w *world) act(t *testing.T, a simulate.Activity) (wait func()) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- w.Run(t.Context(), a) }()
	return func() {
		t.Helper()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}

// newcomers adds n people to the Workspace.
func (w *world) newcomers(n int) (users []string) {
	for range n {
		users = append(users, w.AddUser(false))
	}
	return users
}

func count(s, sub string) string { return fmt.Sprintf("%d× %q", strings.Count(s, sub), sub) }
