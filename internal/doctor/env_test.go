package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/provision"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
	"github.com/spacekeeper/spacekeeper/internal/store/roles"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// env is a set-up in which nothing is wrong, but for what a test breaks.
type env struct {
	*simulate.Workspace
	*database
	cfg    config.Config
	opts   Options // but for the configuration
	rules  []Rule
	spaces []string
	pubsub *pubsub.Client

	// tamper changes answers that the simulation can't be made to give.
	tamper func(*examination)
}

// database is a migrated one of which a worker has just made use.
type database struct {
	dsn  string // as a superuser
	role string // as which the worker works
}

func newDatabase(t *testing.T) *database {
	t.Helper()
	db := &database{role: storetest.NewRole(t)} // before the database, to be dropped after it
	db.dsn = storetest.NewDSN(t)
	s := storetest.Open(t, db.dsn, storetest.Options{})
	defer s.Store.Close()
	try(t, roles.Create(t.Context(), s.Store, nil))
	db.sql(t, "GRANT "+roles.Worker+" TO "+db.role)
	try(t, s.Heartbeat(t.Context(), time.Now(), time.Hour))
	return db
}

// bare is an env in which nothing has been made yet.
func bare(t *testing.T, options simulate.Options, db *database) *env {
	t.Helper()
	options.Seed, options.Project = 1, "acme-chat"
	ws, err := simulate.Start(t.Context(), options)
	try(t, err)
	t.Cleanup(func() { try(t, ws.Close()) })
	w := &env{Workspace: ws, database: db, cfg: config.Default(), opts: Options{Timeout: 10 * time.Second}}
	for _, s := range ws.Spaces() {
		w.spaces = append(w.spaces, s.Name)
	}
	w.cfg.Project = ws.Project()
	w.cfg.PubSub.Topic, w.cfg.PubSub.Subscription = "chat-events", "chat-events-worker"
	w.cfg.Workspace.Spaces = w.spaces
	if options.Auth != "" {
		w.cfg.Auth.Mode = string(options.Auth)
	}
	w.cfg.Endpoints = config.Endpoints{
		Chat: conformancetest.Proxy(t, ws.ChatEndpoint()), WorkspaceEvents: conformancetest.Proxy(t, ws.WorkspaceEventsEndpoint()),
		ServiceUsage: conformancetest.Proxy(t, ws.ServiceUsageEndpoint()), PubSubEmulator: ws.PubSubAddr(),
		ResourceManager: conformancetest.Proxy(t, ws.ResourceManagerEndpoint()),
	}
	w.pubsub, err = pubsub.NewClient(t.Context(), ws.Project(), ws.Broker().ClientOptions()...)
	try(t, err)
	t.Cleanup(func() { w.pubsub.Close() })
	w.cfg.Database.DSN = storetest.WithRole(w.dsn, w.role)
	w.cfg.Reactors.File = "reactors.yaml"
	w.rules = []Rule{{ID: "welcome", Mode: live, Chat: []string{"send", "add_member"}, Secrets: []string{w.file(t, "whsec_…")}}}
	if options.Auth == simulate.AuthImpersonate {
		w.rules = append(w.rules, Rule{ID: "cheer", Mode: live, Chat: []string{"react"}})
	}
	w.opts.Rules = func() ([]Rule, error) { return w.rules, nil }
	return w
}

// healthy is an env in which everything is there and a worker is running.
func healthy(t *testing.T, options simulate.Options, db *database) *env {
	t.Helper()
	w := bare(t, options, db)
	p, err := provision.New(t.Context(), provision.Options{
		Topic: w.cfg.TopicName(), Subscription: w.cfg.SubscriptionName(), DeadLetterTopic: w.cfg.DeadLetterTopicName(),
		ProjectNumber: broker.ProjectNumber(w.Project()), ClientOptions: w.Broker().ClientOptions(),
	})
	try(t, err)
	defer p.Close()
	_, left, err := p.Make(t.Context())
	try(t, err)
	if len(left) > 0 {
		t.Fatalf("left %v", left)
	}
	w.apply(t)
	return w
}

// apply subscribes to what is configured.
func (w *env) apply(t *testing.T) {
	t.Helper()
	m, err := subscriptions.New(t.Context(), subscriptions.Options{Endpoint: w.cfg.Endpoints.WorkspaceEvents})
	try(t, err)
	defer m.Close()
	_, err = m.Apply(t.Context(), subscriptions.DesiredFrom(w.cfg))
	try(t, err)
}

// credentials makes a file of them the configured one.
func (w *env) credentials(t *testing.T, text string) {
	t.Helper()
	w.cfg.Auth.CredentialsFile = w.file(t, text)
}

// file is one with this text.
func (w *env) file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	try(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

// sql runs a statement as a superuser.
func (db *database) sql(t *testing.T, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.dsn)
	try(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), statement)
	try(t, err)
}

func (w *env) subscription(t *testing.T, space string) string {
	t.Helper()
	m, err := subscriptions.New(t.Context(), subscriptions.Options{Endpoint: w.cfg.Endpoints.WorkspaceEvents})
	try(t, err)
	defer m.Close()
	list, err := m.List(t.Context())
	try(t, err)
	for i := range list {
		if list[i].Scope() == space {
			return list[i].Name
		}
	}
	t.Fatalf("there is no subscription of %s", space)
	return ""
}

func (w *env) examine(t *testing.T) Report {
	t.Helper()
	opts := w.opts
	opts.Config = w.cfg
	if w.tamper == nil {
		return Run(t.Context(), opts)
	}
	e, list := prepare(t.Context(), opts)
	defer e.close()
	w.tamper(e)
	return newReport(runAll(t.Context(), e, list))
}

func try(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// lines shows a report as a test's log does.
func lines(r Report) string {
	var b strings.Builder
	for _, result := range r.Results {
		fmt.Fprintf(&b, "%-8s %s %s: %s\n", result.Outcome, result.Code, result.Name, result.Seen)
		for _, fix := range result.Fix {
			fmt.Fprintf(&b, "%14s %s\n", "→", fix)
		}
	}
	return b.String()
}
