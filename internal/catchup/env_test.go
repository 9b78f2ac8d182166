package catchup_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"go.uber.org/zap/zaptest"

	"github.com/spacekeeper/spacekeeper/internal/catchup"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/simulatetest"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// epoch is when a test begins.
var epoch = time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)

// env is a simulated Workspace, a database and a Reader, on one clock.
type env struct {
	*simulate.Workspace
	db      *storetest.Env
	chat    *gchat.Client
	reader  *catchup.Reader
	manager *subscriptions.Manager
	keeper  *subscriptions.Keeper

	clock  *simulatetest.Clock
	ticks  bool
	behind time.Duration // how far the Workspace's clock is behind the Reader's

	space  string   // the first
	people []string // who are in it
	told   int      // how many changes of members were recorded

	mu        sync.Mutex
	events    []simulate.Event          // all that happened
	published []*pubsubpb.PubsubMessage // and was not recorded yet
}

// newEnv returns an env whose clock stands still until it is moved.
func newEnv(t testing.TB, opts simulate.Options) *env {
	return start(t, &env{clock: simulatetest.NewClock(epoch)}, opts)
}

// newTicking returns an env whose clock goes on by a second with each look, so
// that quotas don't matter.
func newTicking(t testing.TB, opts simulate.Options) *env {
	return start(t, &env{clock: simulatetest.NewClock(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)), ticks: true}, opts)
}

func start(t testing.TB, e *env, opts simulate.Options) *env {
	t.Helper()
	opts.Seed, opts.Spaces, opts.Publisher, opts.Now = 1, max(opts.Spaces, 1), e, e.now
	opts.OnEvent = func(event simulate.Event) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.events = append(e.events, event)
	}
	var err error
	if e.Workspace, err = simulate.Start(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	if e.chat, err = gchat.New(t.Context(), gchat.Options{Endpoint: conformancetest.Proxy(t, e.ChatEndpoint())}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.chat.Close)
	e.db = storetest.New(t, storetest.Options{Now: e.now, Planner: storetest.Greeter{}})
	e.reader = catchup.New(e.chat, e.db.Log, e.db.Coverage, catchup.Options{
		Types: config.EventTypes(), AsUser: e.Authority() != "", Log: zaptest.NewLogger(t),
		Now: func() time.Time { return e.now().Add(e.behind) },
	})
	if e.manager, err = subscriptions.New(t.Context(), subscriptions.Options{
		Endpoint: conformancetest.Proxy(t, e.WorkspaceEventsEndpoint()), Now: e.now, Wait: e.clock.Wait,
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.manager.Close)
	e.keeper = subscriptions.NewKeeper(e.manager, e.db, subscriptions.KeeperOptions{
		Topic:   e.topic(),
		Desired: func(context.Context) ([]subscriptions.Desired, error) { return e.desired(true), nil },
	})
	e.space = e.Spaces()[0].Name
	for _, u := range e.Members(e.space) {
		if u != e.App() {
			e.people = append(e.people, u)
		}
	}
	return e
}

// now is the Workspace's clock.
func (e *env) now() time.Time {
	if e.ticks {
		e.clock.Advance(time.Second)
	}
	return e.clock.Now()
}

// Publish implements simulate.Publisher.
func (e *env) Publish(_ string, messages ...*pubsubpb.PubsubMessage) ([]string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.published = append(e.published, messages...)
	return make([]string, len(messages)), nil
}

// TopicExists implements simulate.Publisher.
func (*env) TopicExists(string) bool { return true }

func (e *env) topic() string { return "projects/" + e.Project() + "/topics/chat-events" }

func (e *env) desired(resources bool) (list []subscriptions.Desired) {
	for _, space := range e.Spaces() {
		list = append(list, subscriptions.Desired{
			Scope: space.Name, Topic: e.topic(), EventTypes: config.EventTypes(), IncludeResource: resources,
		})
	}
	return list
}

func (e *env) pass(t testing.TB) {
	t.Helper()
	report, err := e.keeper.Pass(t.Context())
	if err != nil || report.Failed > 0 || report.Left > 0 {
		t.Fatalf("pass: got %+v, %v", report, err)
	}
}

// suspendAll suspends every subscription; nobody is told.
func (e *env) suspendAll(t testing.TB) {
	t.Helper()
	e.Withhold(simulate.LifecycleKinds()...)
	for _, space := range e.Spaces() {
		states, err := e.db.SubscriptionStates(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(states, func(n coverage.SubscriptionState) bool { return n.Scope == space.Name })
		if i < 0 {
			t.Fatalf("%s has no subscription", space.Name)
		}
		if err := e.Suspend(states[i].Name, "ENDPOINT_PERMISSION_DENIED"); err != nil {
			t.Fatal(err)
		}
	}
}

// mendAll makes them fit to be reactivated.
func (e *env) mendAll(t testing.TB) {
	t.Helper()
	states, err := e.db.SubscriptionStates(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range states {
		if err := e.Mend(n.Name); err != nil && !strings.Contains(err.Error(), "no subscription") {
			t.Fatal(err)
		}
	}
}

// live makes n SpaceEvents within the time, evenly: messages, edits,
// reactions, people who come and stay, and a few batches.
func (e *env) live(t testing.TB, n int, within time.Duration) {
	t.Helper()
	spaces := e.Spaces()
	from, begin := e.clock.Now(), e.count()
	last := map[string]string{} // message by space
	for i := 0; e.count()-begin < n; i++ {
		space := spaces[i%len(spaces)]
		author := e.author(space.Name)
		var err error
		switch {
		case i%50 == 7 && n-(e.count()-begin) > 1:
			err = e.Coalesce(func() error {
				for range 3 {
					if _, err := e.Post(space.Name, author, "one of three"); err != nil {
						return err
					}
				}
				return nil
			})
		case i%40 == 3:
			err = e.AddMembers(space.Name, e.AddUser(false))
		case i%7 == 5 && last[space.Name] != "":
			_, err = e.React(last[space.Name], author, fmt.Sprintf("%c", 0x1F600+i%70))
		case i%11 == 4 && last[space.Name] != "":
			err = e.Edit(last[space.Name], fmt.Sprintf("edit %d", i))
		default:
			last[space.Name], err = e.Post(space.Name, author, fmt.Sprintf("message %d", i))
		}
		if err != nil {
			t.Fatal(err)
		}
		e.clock.Set(from.Add(within * time.Duration(e.count()-begin) / time.Duration(n)))
	}
}

// author is a person who stays.
func (e *env) author(space string) string {
	members := e.Members(space)
	return members[slices.IndexFunc(members, func(m string) bool { return m != e.App() })]
}

func (e *env) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.events)
}

// repair runs the worker until no gap waits for it.
func (e *env) repair(t testing.TB) {
	t.Helper()
	workers := river.NewWorkers()
	if err := e.reader.AddWorkers(workers); err != nil {
		t.Fatal(err)
	}
	client, err := jobs.NewClient(e.db.Pool(), e.db.Store.Clock(), zaptest.NewLogger(t), jobs.Options{
		Queues: map[string]int{jobs.QueueBackfill: catchup.MaxBackfills}, Workers: workers, Grace: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	done, unsubscribe := client.Subscribe(river.EventKindJobCompleted, river.EventKindJobFailed, river.EventKindJobSnoozed)
	defer unsubscribe()
	ctx, cancel := context.WithCancel(t.Context())
	if err := client.Start(ctx); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		<-client.Stopped()
	}()
	deadline := time.After(2 * time.Minute)
	for e.waiting(t) {
		select {
		case <-done:
		case <-deadline:
			t.Fatal("gaps are waiting for their repair after 2 min")
		}
	}
}

func (e *env) waiting(t testing.TB) bool {
	return slices.ContainsFunc(e.gaps(t), func(g coverage.Gap) bool { return g.State == coverage.GapPending })
}

func (e *env) gaps(t testing.TB) []coverage.Gap {
	t.Helper()
	gaps, err := e.db.Gaps(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return gaps
}

// number runs a query that answers with one.
func (e *env) number(t testing.TB, query string, args ...any) (n int) {
	t.Helper()
	if err := e.db.Pool().QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// column runs a query of one column.
func (e *env) column(t *testing.T, query string) []string {
	t.Helper()
	rows, err := e.db.Pool().Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return list
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		check(t, err)
		return v
	}
}
