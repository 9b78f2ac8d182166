package chaos

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/localpg"
	"github.com/spacekeeper/spacekeeper/internal/provision"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
	"github.com/spacekeeper/spacekeeper/internal/simulate/reconcile"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// environment is a Workspace with its Pub/Sub, a database, and any number of
// workers.
type environment struct {
	*simulate.Workspace
	db           *storetest.Env
	topic        string
	subscription string
}

// newEnvironment sets everything up but the workers, with a database on the
// server that the tests share.
func newEnvironment(t testing.TB, o simulate.Options) *environment {
	t.Helper()
	return newEnvironmentOn(t, storetest.NewDSN(t), o)
}

// newEnvironmentToBreak is one with a server of its own.
func newEnvironmentToBreak(t testing.TB, o simulate.Options) (*environment, *localpg.Server) {
	t.Helper()
	pg, err := localpg.Start(t.Context(), storetest.Filled(localpg.Options{Private: true, Memory: true}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Stop(); err != nil {
			t.Error(err)
		}
	})
	return newEnvironmentOn(t, pg.DSN(), o), pg
}

// newEnvironmentOn is one with this database. The subscription has a
// dead-letter policy of the fewest attempts that Pub/Sub allows, so that a
// nack would show.
func newEnvironmentOn(t testing.TB, dsn string, o simulate.Options) *environment {
	t.Helper()
	db := storetest.Open(t, dsn, storetest.Options{MaxConns: 2})
	ws, err := simulate.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ws.Close(); err != nil {
			t.Error(err)
		}
	})
	env := &environment{Workspace: ws, db: db}
	env.createPubSub(t)
	env.subscribe(t)
	return env
}

func (env *environment) createPubSub(t testing.TB) {
	t.Helper()
	client, err := pubsub.NewClient(t.Context(), env.Project(), env.Broker().ClientOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	env.topic = "projects/" + env.Project() + "/topics/chat-events"
	env.subscription = "projects/" + env.Project() + "/subscriptions/spacekeeper"
	for _, name := range []string{env.topic, env.topic + "-dead"} {
		if _, err := client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	agent := broker.ServiceAgent(env.Project())
	env.grant(t, env.topic, broker.PublisherRole, simulate.ChatPublisher)
	env.grant(t, env.topic+"-dead", broker.PublisherRole, agent)
	// Five attempts show that none is wasted. Hundreds of kills use up more of them,
	// where a subscription has as many as subscribe-setup gives it.
	attempts := int32(scaled(5, provision.MaxDeliveryAttempts))
	if _, err := client.SubscriptionAdminClient.CreateSubscription(t.Context(), &pubsubpb.Subscription{
		Name: env.subscription, Topic: env.topic, AckDeadlineSeconds: 10,
		DeadLetterPolicy: &pubsubpb.DeadLetterPolicy{DeadLetterTopic: env.topic + "-dead", MaxDeliveryAttempts: attempts},
		RetryPolicy:      &pubsubpb.RetryPolicy{MinimumBackoff: durationpb.New(0), MaximumBackoff: durationpb.New(time.Second)},
	}); err != nil {
		t.Fatal(err)
	}
	env.grant(t, env.subscription, broker.SubscriberRole, agent)
}

func (env *environment) grant(t testing.TB, resource, role, member string) {
	t.Helper()
	if err := env.Broker().Grant(resource, role, member); err != nil {
		t.Fatal(err)
	}
}

// subscribe makes the subscriptions to the spaces that a configuration would ask
// for. As by hand: through the API they would take a minute for a hundred.
func (env *environment) subscribe(t testing.TB) {
	t.Helper()
	cfg := config.Default()
	cfg.Project, cfg.PubSub.Topic = env.Project(), env.topic
	for _, s := range env.Spaces() {
		cfg.Workspace.Spaces = append(cfg.Workspace.Spaces, s.Name)
	}
	for _, d := range subscriptions.DesiredFrom(cfg) {
		if _, err := env.AddUnmanaged(simulate.Unmanaged{
			Target: d.Target(), Topic: d.Topic, EventTypes: d.EventTypes, IncludeResource: d.IncludeResource,
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func (env *environment) stats(t *testing.T) broker.Stats {
	t.Helper()
	s, err := env.Broker().Stats(env.subscription)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wantAllExact waits until nothing is left to do and wants it to be exact, the
// welcomes too: lost 0, unexpected 0, doubled 0.
func (env *environment) wantAllExact(t *testing.T, limit time.Duration) {
	t.Helper()
	wantExact(t, env.reconcile(t, limit))
}

// wantEventsExact is wantAllExact for rules that don't welcome everybody.
func (env *environment) wantEventsExact(t *testing.T, limit time.Duration) {
	t.Helper()
	wantExact(t, env.reconcile(t, limit)[:3])
}

// reconcile waits until nothing is left to do and compares what was recorded
// and sent with what happened.
func (env *environment) reconcile(t *testing.T, limit time.Duration) reconcile.Report {
	t.Helper()
	env.Flush()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := reconcile.Drain(ctx, env.db.Pool(), env.Broker(), env.subscription); err != nil {
		t.Fatalf("%v; %+v\n%s", err, env.stats(t), env.pending(t))
	}
	report, err := reconcile.Check(ctx, env.db.Pool(), env.Truth(), env.topic, time.Time{}, env.Members)
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if err := report.Write(&table); err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v\n%s", env.stats(t), table.String())
	if !report.Exact() {
		t.Log(env.unsent(t))
	}
	env.wantSoundLog(ctx, t)
	return report
}

// wantSoundLog wants all that was recorded to be as it was.
func (env *environment) wantSoundLog(ctx context.Context, t *testing.T) {
	t.Helper()
	r, err := proofs.New(env.db.Store).Verify(ctx, nil, func(uint64, uint64) {})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Sound() {
		t.Errorf("the transparency log: %d findings, %q …", len(r.Findings)+r.More, r.Findings[:min(3, len(r.Findings))])
	}
}

// unsent describes, of each person who joined and was sent nothing, the history,
// the events and the runs.
func (env *environment) unsent(t *testing.T) (list string) {
	t.Helper()
	truth := env.Truth()
	greeted := map[[2]string]bool{}
	for _, m := range truth.AppMessages {
		greeted[[2]string{m.Space, m.Viewer}] = true
	}
	var spaces, users []string
	for _, j := range truth.Joins {
		if !j.Bot && !greeted[[2]string{j.Space, j.User}] {
			spaces, users = append(spaces, j.Space), append(users, j.User)
		}
	}
	if err := env.db.Pool().QueryRow(t.Context(), `
		SELECT COALESCE(json_agg(json_build_object('space', p.space, 'user', p.member, 'runs', (
			SELECT json_agg(r) FROM reactor_runs r WHERE r.space = p.space AND r.member = p.member
		), 'changes', (
			SELECT json_agg(c ORDER BY c.event_time)
			FROM membership_changes c
			WHERE c.space = p.space AND c.membership = replace(p.member, 'users/', p.space || '/members/')
		), 'events', (
			SELECT json_agg(e ORDER BY e.event_time) FROM event_log e WHERE e.space = p.space AND e.actor = p.member AND e.kind = 'membership'
		)))::text, '')
		FROM unnest($1::text[], $2::text[]) AS p (space, member)`, spaces, users).Scan(&list); err != nil {
		t.Fatal(err)
	}
	return list
}

// pending describes runs that haven't ended, with their jobs.
func (env *environment) pending(t *testing.T) (list string) {
	t.Helper()
	if err := env.db.Pool().QueryRow(t.Context(), `
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
func (env *environment) query(t *testing.T, sql string) (n int) {
	t.Helper()
	if err := env.db.Pool().QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
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

// startActivity lets the people do so much in the background; wait ends when they have.
func (env *environment) startActivity(t *testing.T, a simulate.Activity) (wait func()) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- env.Run(t.Context(), a) }()
	return func() {
		t.Helper()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}

// addUsers adds n people to the Workspace.
func (env *environment) addUsers(n int) (users []string) {
	for range n {
		users = append(users, env.AddUser(false))
	}
	return users
}

func count(s, sub string) string { return fmt.Sprintf("%d× %q", strings.Count(s, sub), sub) }
