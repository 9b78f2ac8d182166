package backfill_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"go.uber.org/zap/zaptest"

	"github.com/spacekeeper/spacekeeper/internal/backfill"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/simulatetest"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// epoch is when a scene begins.
var epoch = time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)

// scene is a Workspace, a database and what repairs gaps, on one made-up clock.
type scene struct {
	*simulate.Workspace
	db     *store.Store
	chat   *gchat.Client
	filler *backfill.Filler
	keeper *subscriptions.Keeper

	clock  *simulatetest.Clock
	mu     sync.Mutex
	events []simulate.Event // all that happened
}

func newScene(t testing.TB, spaces int) *scene {
	t.Helper()
	s := &scene{clock: simulatetest.NewClock(epoch)}
	var err error
	s.Workspace, err = simulate.Start(t.Context(), simulate.Options{
		Seed: 1, Spaces: spaces, Users: 30, Publisher: simulatetest.Deaf{}, Now: s.clock.Now,
		OnEvent: func(e simulate.Event) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.events = append(s.events, e)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if s.chat, err = gchat.New(t.Context(), gchat.Options{Endpoint: conformancetest.Proxy(t, s.ChatEndpoint())}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.chat.Close)
	s.db = storetest.New(t, store.Options{
		Now:     s.clock.Now,
		Planner: storetest.Greeter{},
	}).Store
	s.filler = backfill.New(s.chat, s.db, backfill.Options{Types: config.EventTypes(), Now: s.clock.Now, Log: zaptest.NewLogger(t)})
	manager, err := subscriptions.New(t.Context(), subscriptions.Options{
		Endpoint: conformancetest.Proxy(t, s.WorkspaceEventsEndpoint()), Now: s.clock.Now,
		Wait: s.clock.Wait,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(manager.Close)
	s.keeper = subscriptions.NewKeeper(manager, s.db, subscriptions.KeeperOptions{
		Topic:   s.topic(),
		Desired: func(context.Context) ([]subscriptions.Desired, error) { return s.desired(), nil },
	})
	return s
}

func (s *scene) topic() string { return "projects/" + s.Project() + "/topics/chat-events" }

func (s *scene) desired() (list []subscriptions.Desired) {
	for _, space := range s.Spaces() {
		list = append(list, subscriptions.Desired{
			Scope: space.Name, Topic: s.topic(), EventTypes: config.EventTypes(), IncludeResource: true,
		})
	}
	return list
}

func (s *scene) pass(t testing.TB) {
	t.Helper()
	report, err := s.keeper.Pass(t.Context())
	if err != nil || report.Failed > 0 || report.Left > 0 {
		t.Fatalf("pass: got %+v, %v", report, err)
	}
}

// suspendAll suspends every subscription; nobody is told.
func (s *scene) suspendAll(t testing.TB) {
	t.Helper()
	s.Withhold(simulate.LifecycleKinds()...)
	for _, space := range s.Spaces() {
		states, err := s.db.SubscriptionStates(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(states, func(n store.SubscriptionState) bool { return n.Scope == space.Name })
		if i < 0 {
			t.Fatalf("%s has no subscription", space.Name)
		}
		if err := s.Suspend(states[i].Name, "ENDPOINT_PERMISSION_DENIED"); err != nil {
			t.Fatal(err)
		}
	}
}

// mendAll makes them fit to be reactivated.
func (s *scene) mendAll(t testing.TB) {
	t.Helper()
	states, err := s.db.SubscriptionStates(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range states {
		if err := s.Mend(n.Name); err != nil && !strings.Contains(err.Error(), "no subscription") {
			t.Fatal(err)
		}
	}
}

// live makes n SpaceEvents within the time, evenly: messages, edits,
// reactions, people who come and stay, and a few batches.
func (s *scene) live(t testing.TB, n int, within time.Duration) {
	t.Helper()
	spaces := s.Spaces()
	from, begin := s.clock.Now(), s.count()
	last := map[string]string{} // message by space
	for i := 0; s.count()-begin < n; i++ {
		space := spaces[i%len(spaces)]
		author := s.author(space.Name)
		var err error
		switch {
		case i%50 == 7 && n-(s.count()-begin) > 1:
			err = s.Coalesce(func() error {
				for range 3 {
					if _, err := s.Post(space.Name, author, "one of three"); err != nil {
						return err
					}
				}
				return nil
			})
		case i%40 == 3:
			err = s.AddMembers(space.Name, s.AddUser(false))
		case i%7 == 5 && last[space.Name] != "":
			_, err = s.React(last[space.Name], author, fmt.Sprintf("%c", 0x1F600+i%70))
		case i%11 == 4 && last[space.Name] != "":
			err = s.Edit(last[space.Name], fmt.Sprintf("edit %d", i))
		default:
			last[space.Name], err = s.Post(space.Name, author, fmt.Sprintf("message %d", i))
		}
		if err != nil {
			t.Fatal(err)
		}
		s.clock.Set(from.Add(within * time.Duration(s.count()-begin) / time.Duration(n)))
	}
}

// author is a person who stays.
func (s *scene) author(space string) string {
	members := s.Members(space)
	return members[slices.IndexFunc(members, func(m string) bool { return m != s.App() })]
}

func (s *scene) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.events)
}

// repair runs the worker until no gap waits for it.
func (s *scene) repair(t testing.TB) {
	t.Helper()
	workers := river.NewWorkers()
	if err := s.filler.AddWorkers(workers); err != nil {
		t.Fatal(err)
	}
	client, err := jobs.NewClient(s.db.Pool(), zaptest.NewLogger(t), jobs.Options{
		Queues: map[string]int{jobs.QueueBackfill: backfill.MaxWorkers}, Workers: workers, Grace: time.Second,
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
	for s.waiting(t) {
		select {
		case <-done:
		case <-deadline:
			t.Fatal("gaps are waiting for their repair after 2 min")
		}
	}
}

func (s *scene) waiting(t testing.TB) bool {
	return slices.ContainsFunc(s.gaps(t), func(g store.Gap) bool { return g.State == store.GapPending })
}

func (s *scene) gaps(t testing.TB) []store.Gap {
	t.Helper()
	gaps, err := s.db.Gaps(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return gaps
}

// number runs a query that answers with one.
func (s *scene) number(t testing.TB, query string, args ...any) (n int) {
	t.Helper()
	if err := s.db.Pool().QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}
