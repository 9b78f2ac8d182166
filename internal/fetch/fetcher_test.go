package fetch_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/fetch"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// scene is a Workspace that sends names only, and what fetches the rest.
type scene struct {
	*simulate.Workspace
	db      *store.Store
	worker  river.Worker[jobs.Fetch]
	space   string
	people  []string
	arrived []*pubsubpb.PubsubMessage

	mu    sync.Mutex
	at    time.Time
	later time.Duration // how much later than the Workspace's the fetcher's clock is
}

// now goes on by a second with each look: the quotas are tested elsewhere.
func (s *scene) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = s.at.Add(time.Second)
	return s.at
}

// Publish takes the place of Pub/Sub.
func (s *scene) Publish(_ string, messages ...*pubsubpb.PubsubMessage) ([]string, error) {
	s.arrived = append(s.arrived, messages...)
	return make([]string, len(messages)), nil
}

func (*scene) TopicExists(string) bool { return true }

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{at: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	var err error
	if s.Workspace, err = simulate.Start(t.Context(), simulate.Options{Seed: 1, Spaces: 1, Publisher: s, Now: s.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	chat, err := gchat.New(t.Context(), gchat.Options{Endpoint: conformancetest.Proxy(t, s.ChatEndpoint())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chat.Close)
	s.db = storetest.New(t, store.Options{
		Now: s.now, Planner: storetest.Greeter{},
	}).Store
	s.worker = fetch.NewWorker(fetch.New(chat, s.db, fetch.Options{
		Now: func() time.Time { return s.now().Add(s.later) }, Log: zap.NewNop(),
	}))
	s.space = s.Spaces()[0].Name
	for _, u := range s.Members(s.space) {
		if u != s.App() {
			s.people = append(s.people, u)
		}
	}
	manager, err := subscriptions.New(t.Context(), subscriptions.Options{Endpoint: conformancetest.Proxy(t, s.WorkspaceEventsEndpoint())})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	if _, err := manager.Apply(t.Context(), []subscriptions.Desired{{
		Scope: s.space, Topic: "projects/" + s.Project() + "/topics/chat-events", EventTypes: config.EventTypes(),
	}}); err != nil {
		t.Fatal(err)
	}
	return s
}

// record records what has arrived, in the given order.
func (s *scene) record(t *testing.T, shuffle func(int, func(i, j int))) {
	t.Helper()
	var list []events.Delivery
	for i, m := range s.arrived {
		d := events.Delivery{MessageID: fmt.Sprint(i), ReceivedAt: s.now(), Attributes: m.Attributes, Data: m.Data, Origin: events.OriginLive}
		d.Event, d.Malformed = events.Decode(m.Attributes, m.Data)
		list = append(list, d)
	}
	s.arrived = nil
	shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	for chunk := range slices.Chunk(list, 7) {
		if _, err := s.db.Record(t.Context(), chunk); err != nil {
			t.Fatal(err)
		}
	}
}

func inOrder(int, func(i, j int)) {}

func (s *scene) jobs(t *testing.T) (list []jobs.Fetch) {
	t.Helper()
	for _, raw := range s.column(t, `SELECT args::text FROM river_job WHERE kind = 'fetch' ORDER BY id`) {
		var args jobs.Fetch
		if err := json.Unmarshal([]byte(raw), &args); err != nil {
			t.Fatal(err)
		}
		list = append(list, args)
	}
	return list
}

func (s *scene) work(t *testing.T, args jobs.Fetch) error {
	t.Helper()
	return s.worker.Work(t.Context(), &river.Job[jobs.Fetch]{JobRow: &rivertype.JobRow{}, Args: args})
}

func (s *scene) column(t *testing.T, sql string) []string {
	t.Helper()
	rows, err := s.db.Pool().Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
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

// Whatever happened, in whatever order it arrives and is fetched: in the end
// what is known is what is so, and who joined is greeted once.
func TestProjectionsCatchUp(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	ann, bob := s.people[0], s.people[1]
	kept := must[string](t)(s.Post(s.space, ann, "kept"))
	edited := must[string](t)(s.Post(s.space, bob, "helo"))
	check(t, s.Edit(edited, "hello"))
	deleted := must[string](t)(s.Post(s.space, ann, "deleted"))
	check(t, s.Delete(deleted))
	check(t, s.Coalesce(func() error {
		for _, text := range []string{"one", "two", "three"} {
			if _, err := s.Post(s.space, bob, text); err != nil {
				return err
			}
		}
		return nil
	}))
	must[string](t)(s.React(kept, bob, "👍"))
	gone := must[string](t)(s.React(kept, ann, "🎉"))
	check(t, s.Unreact(gone))
	newcomer, passing, first, second := s.AddUser(false), s.AddUser(false), s.AddUser(false), s.AddUser(false)
	invited, bot := s.AddUser(false), s.AddUser(true)
	check(t, s.AddMembers(s.space, newcomer))
	check(t, s.AddMembers(s.space, passing))
	check(t, s.RemoveMember(s.space, passing))
	check(t, s.AddMembers(s.space, first, second)) // a batch
	check(t, s.AddMembers(s.space, bot))
	check(t, s.Invite(s.space, invited))
	check(t, s.Accept(s.space, invited))
	check(t, s.SetRole(s.space, ann, "ROLE_MANAGER"))
	check(t, s.RenameSpace(s.space, "Crew"))

	rng := rand.New(rand.NewPCG(1, 2))
	s.record(t, rng.Shuffle)
	if got := s.column(t, `SELECT text FROM messages WHERE text IS NOT NULL`); len(got) > 0 {
		t.Fatalf("got texts %q before anything was fetched", got)
	}
	list := s.jobs(t)
	rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	for _, args := range append(list, list[:3]...) { // some of them twice
		check(t, s.work(t, args))
	}

	got := s.column(t, `
		SELECT format('message %s %s', COALESCE(text, 'deleted ' || deletion_type), sender) FROM messages
		UNION ALL SELECT format('reaction %s %s %s', user_name, emoji, present) FROM reactions WHERE emoji IS NOT NULL
		UNION ALL SELECT format('member %s %s %s', member, state, role) FROM memberships
		UNION ALL SELECT format('run %s', member) FROM reactor_runs
		UNION ALL SELECT format('space %s', display_name) FROM spaces
		UNION ALL SELECT format('unfetched %s %s', resource, reason) FROM unfetched`)
	want := []string{
		"message kept " + ann, "message hello " + bob, "message deleted CREATOR " + ann,
		"message one " + bob, "message two " + bob, "message three " + bob,
		"reaction " + bob + " 👍 t", "reaction " + ann + " 🎉 f",
		"member " + ann + " JOINED ROLE_MANAGER", "member " + passing + " NOT_A_MEMBER ", "member " + bot + " JOINED ROLE_MEMBER",
		"space Crew", "unfetched " + s.space + "/members/" + passing[len("users/"):] + " gone",
	}
	for _, u := range []string{newcomer, first, second, invited} {
		want = append(want, "member "+u+" JOINED ROLE_MEMBER", "run "+u)
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What can't be had is given up for a reason, or tried again.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	first := must[string](t)(s.Post(s.space, s.people[0], "first"))
	must[string](t)(s.Reply(first, s.people[1], "reply"))
	check(t, s.DeleteWithReplies(first))
	s.record(t, inOrder)
	list := s.jobs(t)
	check(t, s.work(t, list[1])) // 403, but others can be read: it is gone

	status := func(code int) func(simulate.ChatCall) simulate.ChatFault {
		return func(simulate.ChatCall) simulate.ChatFault {
			return simulate.ChatFault{Status: code, RetryAfter: 7 * time.Second}
		}
	}
	snooze := func(what string, want time.Duration) {
		t.Helper()
		if got := s.work(t, list[0]); got == nil || got.Error() != river.JobSnooze(want).Error() {
			t.Errorf("%s: got %v, want a snooze of %s", what, got, want)
		}
	}
	s.SetChatFaults(status(http.StatusTooManyRequests))
	snooze("too many calls", 7*time.Second)
	s.SetChatFaults(status(http.StatusForbidden))
	snooze("not allowed", 15*time.Minute)
	s.later = 25 * time.Hour
	check(t, s.work(t, list[0]))
	s.SetChatFaults(nil)

	got := s.column(t, `SELECT format('%s %s', resource = '`+first+`', reason) FROM unfetched ORDER BY 1`)
	if diff := cmp.Diff([]string{"f gone", "t denied"}, got); diff != "" {
		t.Errorf("given up (-want +got):\n%s", diff)
	}
}
