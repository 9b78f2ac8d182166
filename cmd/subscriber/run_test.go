package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// rulesFile is a file with one rule, the welcome.
func rulesFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "reactors.yaml")
	const text = `reactors: [{id: welcome, mode: live, on: member.joined, do: [{send: {to: private, text: "Welcome, {{ member.mention }}!"}}]}]`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// workspace is one whose spaces are subscribed to, and the environment that
// points a worker at it.
type workspace struct {
	*simulate.Workspace
	env environ
}

const (
	topicID        = "chat-events"
	subscriptionID = "spacekeeper"
)

func newWorkspace(t *testing.T, dsn string) *workspace {
	t.Helper()
	ws, err := simulate.Start(t.Context(), simulate.Options{Seed: 7, Spaces: 2, Users: 6})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ws.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, _, err := ws.CreateTopic(t.Context(), topicID, subscriptionID); err != nil {
		t.Fatal(err)
	}
	var spaces []string
	for _, s := range ws.Spaces() {
		spaces = append(spaces, s.Name)
	}
	w := &workspace{ws, environ{
		"SPACEKEEPER_PROJECT":                   ws.Project(),
		"SPACEKEEPER_PUBSUB_TOPIC":              topicID,
		"SPACEKEEPER_PUBSUB_SUBSCRIPTION":       subscriptionID,
		"SPACEKEEPER_WORKSPACE_SPACES":          strings.Join(spaces, ","),
		"SPACEKEEPER_DATABASE_DSN":              dsn,
		"SPACEKEEPER_REACTORS_FILE":             rulesFile(t),
		"SPACEKEEPER_HEALTH_ADDR":               "127.0.0.1:0",
		"SPACEKEEPER_CHAT_ENDPOINT":             conformancetest.Proxy(t, ws.ChatEndpoint()),
		"SPACEKEEPER_WORKSPACE_EVENTS_ENDPOINT": conformancetest.Proxy(t, ws.WorkspaceEventsEndpoint()),
		"PUBSUB_EMULATOR_HOST":                  ws.PubSubAddr(),
	}}
	subscribe(t, w.env)
	return w
}

// subscribe creates the subscriptions that the environment asks for, as
// subscribe-setup apply does, and returns those that were created.
func subscribe(t *testing.T, env environ) (created []subscriptions.Result) {
	t.Helper()
	cfg, err := config.Load("", func(name string) string { return env[name] }, config.ForApply)
	if err != nil {
		t.Fatal(err)
	}
	manager, err := subscriptions.New(t.Context(), subscriptions.Options{Endpoint: cfg.Endpoints.WorkspaceEvents})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	results, err := manager.Apply(t.Context(), subscriptions.DesiredFrom(cfg))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Outcome == subscriptions.Created {
			created = append(created, r)
		}
	}
	return created
}

// post lets somebody write to the first space.
func (w *workspace) post(t *testing.T, text string) (message string) {
	t.Helper()
	space := w.Spaces()[0].Name
	for _, member := range w.Members(space) {
		if member == w.App() {
			continue
		}
		message, err := w.Post(space, member, text)
		if err != nil {
			t.Fatal(err)
		}
		return message
	}
	t.Fatal("nobody is in the space")
	return ""
}

// logged parses a worker's log and returns the value of a field in the first
// line with the message, "" if there is none yet.
func logged(t *testing.T, p *process, message, field string) string {
	t.Helper()
	for line := range strings.Lines(p.stderr.String()) {
		var entry map[string]any
		if !strings.HasSuffix(line, "\n") {
			break // still being written
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("a log line is not JSON: %v\n%s", err, line)
		}
		if entry["message"] == message {
			value, _ := entry[field].(string)
			return value
		}
	}
	return ""
}

// healthAddr waits until the worker says where it answers.
func healthAddr(t *testing.T, p *process) (addr string) {
	t.Helper()
	eventually(t, p, "the worker answers health checks", func() bool {
		addr = logged(t, p, "answering health checks", "addr")
		return addr != ""
	})
	return addr
}

// get asks one of the worker's pages. It keeps no connection.
func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

// D11: a worker and a schema that don't belong together.
func TestSchemaOfAnotherVersion(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, change, want string
	}{
		{"none", "", "run `subscriber migrate up`"},
		{"older", "DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)", "run `subscriber migrate up`"},
		{"newer", "UPDATE schema_compatibility SET oldest_binary = 1000", "run a newer binary"},
		{"older job queue", "DELETE FROM river_migration WHERE version = (SELECT max(version) FROM river_migration)", "run `subscriber migrate up`"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var dsn string
			if tt.change == "" {
				dsn = bareDatabase(t)
			} else {
				dsn = migratedDatabase(t)
				query[int](t, dsn, "WITH change AS ("+tt.change+" RETURNING 1) SELECT count(*)::int FROM change")
			}
			const rows = `
				SELECT COALESCE(sum((xpath('/row/n/text()', query_to_xml(
					format('SELECT count(*) AS n FROM %I', relname), true, true, '')))[1]::text::int), 0)::int
				FROM pg_class
				WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace`
			before := query[int](t, dsn, rows)
			w := newWorkspace(t, dsn)
			w.post(t, "hello") // there is something to write
			code, _, stderr := call(t, w.env, "run")
			if code != cli.Misconfigured {
				t.Errorf("got exit code %d, want %d", code, cli.Misconfigured)
			}
			p := &process{}
			_, _ = p.stderr.Write([]byte(stderr))
			if ended := logged(t, p, "worker ended", "error"); !strings.HasPrefix(ended, "the database has ") || !strings.Contains(ended, tt.want) {
				t.Errorf("got %q, want it to say %q", ended, tt.want)
			}
			if after := query[int](t, dsn, rows); after != before {
				t.Errorf("%d rows were written", after-before)
			}
		})
	}
}

func TestMissingSubscription(t *testing.T) {
	t.Parallel()
	dsn := migratedDatabase(t)
	w := newWorkspace(t, dsn)
	p := start(t, w.env.with("SPACEKEEPER_PUBSUB_SUBSCRIPTION", "made-later"), "run")
	base := "http://" + healthAddr(t, p)
	eventually(t, p, "the worker isn't ready", func() bool {
		status, body := get(t, base+"/-/ready")
		return status == http.StatusServiceUnavailable &&
			strings.Contains(body, "subscriptions/made-later") &&
			strings.Contains(body, "create it, or correct pubsub.subscription")
	})
	if status, body := get(t, base+"/-/healthy"); status != http.StatusOK {
		t.Errorf("/-/healthy: got %d %s: a new process could do no better", status, body)
	}
	if code, _, stderr := call(t, environ{"SPACEKEEPER_HEALTH_ADDR": strings.TrimPrefix(base, "http://")}, "healthcheck", "--live"); code != cli.OK {
		t.Errorf("healthcheck --live: got exit code %d: %s", code, stderr)
	}

	client, err := pubsub.NewClient(t.Context(), w.Project(), w.Broker().ClientOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.SubscriptionAdminClient.CreateSubscription(t.Context(), &pubsubpb.Subscription{
		Name:  "projects/" + w.Project() + "/subscriptions/made-later",
		Topic: "projects/" + w.Project() + "/topics/" + topicID,
	}); err != nil {
		t.Fatal(err)
	}
	w.post(t, "hello")
	eventually(t, p, "the event is recorded", func() bool {
		return query[int](t, dsn, "SELECT count(*)::int FROM events") == 1
	})
	if status, body := get(t, base+"/-/ready"); status != http.StatusOK {
		t.Errorf("/-/ready: got %d %s", status, body)
	}
	if code := p.stop(); code != cli.OK {
		t.Errorf("got exit code %d, want %d", code, cli.OK)
	}
}

func TestHealthcheck(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, migratedDatabase(t))
	p := start(t, w.env, "run")
	running := w.env.with("SPACEKEEPER_HEALTH_ADDR", healthAddr(t, p))
	for _, args := range [][]string{{"healthcheck"}, {"healthcheck", "--live"}} {
		eventually(t, p, strings.Join(args, " ")+" says ok", func() bool {
			code, stdout, _ := call(t, running, args...)
			return code == cli.OK && stdout == `{"ok":true,"problems":null}`+"\n"
		})
	}
	if code := p.stop(); code != cli.OK {
		t.Errorf("got exit code %d, want %d", code, cli.OK)
	}
	for _, tt := range []struct {
		name, addr, want string
		code             int
	}{
		{"not running", closedPort(t), "is the worker running?", cli.Failed},
		{"switched off", "off", "health.addr is off", cli.Misconfigured},
	} {
		code, _, stderr := call(t, w.env.with("SPACEKEEPER_HEALTH_ADDR", tt.addr), "healthcheck")
		if code != tt.code || !strings.Contains(stderr, tt.want) {
			t.Errorf("%s: got exit code %d and %q, want %q", tt.name, code, stderr, tt.want)
		}
	}
	silent := w.env.with("SPACEKEEPER_PUBSUB_SUBSCRIPTION", "absent")
	p = start(t, silent, "run")
	unready := silent.with("SPACEKEEPER_HEALTH_ADDR", healthAddr(t, p))
	eventually(t, p, "healthcheck says what is missing", func() bool {
		code, _, stderr := call(t, unready, "healthcheck")
		return code == cli.Failed && strings.Contains(stderr, "503") && strings.Contains(stderr, "subscriptions/absent")
	})
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, migratedDatabase(t))
	w.post(t, "hello")
	if err := w.PublishGarbage(simulate.GarbageNotJSON, "projects/"+w.Project()+"/topics/"+topicID); err != nil {
		t.Fatal(err)
	}
	p := start(t, w.env, "run")
	page := "http://" + healthAddr(t, p) + "/metrics"
	var body string
	eventually(t, p, "both messages are counted", func() bool {
		_, body = get(t, page)
		return strings.Contains(body, "spacekeeper_ingest_messages_total{outcome=\"recorded\"} 1\n") &&
			strings.Contains(body, "spacekeeper_ingest_messages_total{outcome=\"quarantined\"} 1\n") &&
			strings.Contains(body, "spacekeeper_ingest_quarantined_total{reason=\"bad_json\"} 1\n") &&
			strings.Contains(body, "spacekeeper_ingest_delivery_attempts_count 2\n") &&
			strings.Contains(body, "spacekeeper_installation_read 1\n") &&
			strings.Contains(body, "spacekeeper_ingest_ready 1\n")
	})
	problems, err := promlint.New(strings.NewReader(body)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
	if strings.Contains(body, "spaces/") || strings.Contains(body, "users/") {
		t.Error("a metric has a label from an event")
	}
}

// What people write, how they are called and what can't be decoded stays out
// of the log, at every level, and of traces, which tell of an event from its coming
// to what was sent for it.
func TestLogHoldsNoContent(t *testing.T) {
	t.Parallel()
	const canary = "canary-4711"
	dsn := migratedDatabase(t)
	w := newWorkspace(t, dsn)
	space := w.Spaces()[0].Name
	topic := "projects/" + w.Project() + "/topics/" + topicID

	message := w.post(t, canary+"-text")
	if err := w.Edit(message, canary+"-edited"); err != nil {
		t.Fatal(err)
	}
	if err := w.RenameSpace(space, canary+"-space"); err != nil {
		t.Fatal(err)
	}
	if err := w.AddMembers(space, w.AddUser(false)); err != nil {
		t.Fatal(err)
	}
	for _, kind := range simulate.GarbageKinds() {
		if err := w.PublishGarbage(kind, topic); err != nil {
			t.Fatal(err)
		}
	}
	quarantined := len(simulate.GarbageKinds())
	for _, data := range []string{
		`{"message":{"name":"` + canary + `-name","text":"` + canary + `"}}`,
		`{"` + canary + `-key":1,"` + canary + `-key":2}`,
		canary + "@example.com",
		// Decodes as an interaction with a display name that Postgres can't hold.
		`{"type":"MESSAGE","eventTime":"2026-01-01T00:00:00Z","user":{"name":"users/1","displayName":"` + canary + `\u0000"}}`,
	} {
		quarantined++
		if _, err := w.Broker().Publish(topic, &pubsubpb.PubsubMessage{
			Data: []byte(data),
			Attributes: map[string]string{
				"ce-id": canary, "ce-type": "google.workspace.chat.message.v1.created", "ce-specversion": "1.0", "ce-source": "//" + canary,
				"ce-time": "2026-01-01T00:00:00Z", "ce-datacontenttype": "application/json",
			},
		}); err != nil {
			t.Fatal(err)
		}
	}

	// The first attempt to welcome somebody fails, which is logged.
	var once sync.Once
	w.SetChatFaults(func(c simulate.ChatCall) (f simulate.ChatFault) {
		if c.Method == "spaces.messages.create" {
			once.Do(func() { f.Status = http.StatusServiceUnavailable })
		}
		return f
	})
	traces := newCollector(t)
	p := start(t, w.env.with("SPACEKEEPER_LOG_LEVEL", "debug").with("OTEL_EXPORTER_OTLP_ENDPOINT", traces.endpoint), "run")
	eventually(t, p, "everything is recorded and the newcomer is welcomed", func() bool {
		return query[int](t, dsn, "SELECT count(*)::int FROM quarantine") == quarantined &&
			query[int](t, dsn, "SELECT count(*)::int FROM reactor_runs WHERE outcome = 'sent'") == 1
	})
	if code := p.stop(); code != cli.OK {
		t.Errorf("got exit code %d, want %d", code, cli.OK)
	}
	if got := query[string](t, dsn, "SELECT text FROM messages WHERE text LIKE 'canary%'"); got != canary+"-edited" {
		t.Errorf("the database has the text %q", got)
	}
	if logged(t, p, "run not carried out; retrying", "space") != space {
		t.Error("the log doesn't say that the welcome was tried again")
	}
	if !traces.traced("receive", "decode", "commit", "run", "send") {
		t.Errorf("no trace goes from an event to its welcome: %q", traces.names)
	}
	for _, forbidden := range []string{canary, "spoilt", "Welcome, "} {
		if strings.Contains(traces.raw.String(), forbidden) {
			t.Errorf("a trace says %q", forbidden)
		}
	}
	lines := 0
	for line := range strings.Lines(p.stderr.String()) {
		lines++
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("not one JSON object a line: %v\n%s", err, line)
		}
		for _, forbidden := range []string{canary, "spoilt", "Welcome, "} {
			if strings.Contains(line, forbidden) {
				t.Errorf("the log says %q: %s", forbidden, line)
			}
		}
	}
	if lines < 3 {
		t.Errorf("the log has %d lines: the test has shown nothing", lines)
	}
}

// A worker that is told to stop commits and acks what it has in hand: no more
// is recorded than acked, and the other way round. What rules refused is counted.
func TestStop(t *testing.T) {
	t.Parallel()
	dsn := migratedDatabase(t)
	w := newWorkspace(t, dsn)
	refusing := filepath.Join(t.TempDir(), "reactors.yaml")
	const rule = `reactors: [{id: never, on: message.created, bots: true, if: 'message.text == "no such words"', do: [{send: {text: Hi}}]}]`
	if err := os.WriteFile(refusing, []byte(rule), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, w.env.with("SPACEKEEPER_REACTORS_FILE", refusing), "run")
	if err := w.Run(t.Context(), simulate.Activity{Steps: 500}); err != nil {
		t.Fatal(err)
	}
	const recorded = "SELECT count(DISTINCT event_key)::int FROM events"
	eventually(t, p, "the first events are recorded", func() bool { return query[int](t, dsn, recorded) > 0 })
	if code := p.stop(); code != cli.OK {
		t.Errorf("got exit code %d, want %d", code, cli.OK)
	}
	if logged(t, p, "worker stopped; all held messages committed", "severity") != "INFO" {
		t.Error("the log doesn't say that the worker stopped")
	}
	stats, err := w.Broker().Stats("projects/" + w.Project() + "/subscriptions/" + subscriptionID)
	if err != nil {
		t.Fatal(err)
	}
	if n := query[int](t, dsn, recorded); int64(n) != stats.Acked {
		t.Errorf("%d events are recorded, but %d are acked: %+v", n, stats.Acked, stats)
	}
	written := query[int](t, dsn, "SELECT count(*)::int FROM event_log WHERE type IN ('google.workspace.chat.message.v1.created', 'google.workspace.chat.message.v1.batchCreated')")
	if n := query[int](t, dsn, "SELECT COALESCE(sum(count), 0)::int FROM reactor_outcomes"); n != written || n == 0 {
		t.Errorf("%d evaluations are counted, want one of each of %d messages", n, written)
	}
}

// A worker whose Pub/Sub is gone stops before its grace period ends, and well: all
// is committed.
func TestStopWithoutPubSub(t *testing.T) {
	t.Parallel()
	dsn := migratedDatabase(t)
	w := newWorkspace(t, dsn)
	p := start(t, w.env.with("SPACEKEEPER_SHUTDOWN_GRACE", "10m"), "run")
	w.post(t, "hello")
	eventually(t, p, "the event is recorded", func() bool { return query[int](t, dsn, "SELECT count(*)::int FROM events") == 1 })
	w.Broker().Close()
	p.cancel()
	select {
	case <-p.done:
	case <-time.After(2 * time.Minute):
		t.Fatal("the stop waits for the grace period")
	}
	if p.code != cli.OK {
		t.Errorf("got exit code %d, want %d", p.code, cli.OK)
	}
	if logged(t, p, "worker stopped; all held messages committed", "severity") != "INFO" || strings.Contains(p.stderr.String(), "database did not take") {
		t.Error("the log doesn't say that all is well, or blames the database")
	}
}

// A running worker takes up what its file of rules says from then on.
func TestNewRules(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, migratedDatabase(t))
	p := start(t, w.env, "run")
	eventually(t, p, "it runs", func() bool { return logged(t, p, "worker started", "severity") == "INFO" })
	const text = `reactors: [{id: another, on: member.left, do: [{record: {name: gone}}]}]`
	if err := os.WriteFile(w.env["SPACEKEEPER_REACTORS_FILE"], []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, p, "the new rules are in force", func() bool { return logged(t, p, "new rules in force", "hash") != "" })
	if code := p.stop(); code != cli.OK {
		t.Errorf("got exit code %d, want %d", code, cli.OK)
	}
}
