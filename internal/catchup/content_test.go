package catchup_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/spacekeeper/spacekeeper/internal/catchup"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// newNamesOnly returns an env whose subscriptions deliver names only.
func newNamesOnly(t *testing.T) *env {
	t.Helper()
	e := newTicking(t, simulate.Options{})
	if _, err := e.manager.Apply(t.Context(), e.desired(false)); err != nil {
		t.Fatal(err)
	}
	return e
}

// recordPublished records what was published, in the given order.
func (e *env) recordPublished(t *testing.T, shuffle func(int, func(i, j int))) {
	t.Helper()
	var list []events.Delivery
	for i, m := range e.published {
		d := events.Delivery{MessageID: fmt.Sprint(i), ReceivedAt: e.now(), Attributes: m.Attributes, Data: m.Data, Origin: events.OriginLive}
		d.Event, d.Malformed = events.Decode(m.Attributes, m.Data)
		list = append(list, d)
	}
	e.published = nil
	shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	for chunk := range slices.Chunk(list, 7) {
		if _, err := e.db.Record(t.Context(), chunk); err != nil {
			t.Fatal(err)
		}
	}
}

func inOrder(int, func(i, j int)) {}

func (e *env) fetches(t *testing.T) (list []jobs.Fetch) {
	t.Helper()
	for _, raw := range e.column(t, `SELECT args::text FROM river_job WHERE kind = 'fetch' ORDER BY id`) {
		var args jobs.Fetch
		if err := json.Unmarshal([]byte(raw), &args); err != nil {
			t.Fatal(err)
		}
		list = append(list, args)
	}
	return list
}

func (e *env) fetch(t *testing.T, args jobs.Fetch) error {
	t.Helper()
	return catchup.WorkOnFetch(e.reader, t.Context(), &river.Job[jobs.Fetch]{JobRow: &rivertype.JobRow{}, Args: args})
}

// Whatever happened, in whatever order it arrives and is fetched: in the end
// what is known is what is so, and who joined is greeted once.
func TestProjectionsCatchUp(t *testing.T) {
	t.Parallel()
	e := newNamesOnly(t)
	ann, bob := e.people[0], e.people[1]
	kept := must[string](t)(e.Post(e.space, ann, "kept"))
	edited := must[string](t)(e.Post(e.space, bob, "helo"))
	check(t, e.Edit(edited, "hello"))
	deleted := must[string](t)(e.Post(e.space, ann, "deleted"))
	check(t, e.Delete(deleted))
	check(t, e.Coalesce(func() error {
		for _, text := range []string{"one", "two", "three"} {
			if _, err := e.Post(e.space, bob, text); err != nil {
				return err
			}
		}
		return nil
	}))
	must[string](t)(e.React(kept, bob, "👍"))
	gone := must[string](t)(e.React(kept, ann, "🎉"))
	check(t, e.Unreact(gone))
	newcomer, passing, first, second := e.AddUser(false), e.AddUser(false), e.AddUser(false), e.AddUser(false)
	invited, bot := e.AddUser(false), e.AddUser(true)
	check(t, e.AddMembers(e.space, newcomer))
	check(t, e.AddMembers(e.space, passing))
	check(t, e.RemoveMember(e.space, passing))
	check(t, e.AddMembers(e.space, first, second)) // a batch
	check(t, e.AddMembers(e.space, bot))
	check(t, e.Invite(e.space, invited))
	check(t, e.Accept(e.space, invited))
	check(t, e.SetRole(e.space, ann, "ROLE_MANAGER"))
	check(t, e.RenameSpace(e.space, "Crew"))

	rng := rand.New(rand.NewPCG(1, 2))
	e.recordPublished(t, rng.Shuffle)
	if got := e.column(t, `SELECT text FROM messages WHERE text IS NOT NULL`); len(got) > 0 {
		t.Fatalf("got texts %q before anything was fetched", got)
	}
	list := e.fetches(t)
	rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	for _, args := range append(list, list[:3]...) { // some of them twice
		check(t, e.fetch(t, args))
	}

	got := e.column(t, `
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
		"space Crew", "unfetched " + e.space + "/members/" + passing[len("users/"):] + " gone",
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
func TestContentRefused(t *testing.T) {
	t.Parallel()
	e := newNamesOnly(t)
	first := must[string](t)(e.Post(e.space, e.people[0], "first"))
	must[string](t)(e.Reply(first, e.people[1], "reply"))
	check(t, e.DeleteWithReplies(first))
	e.recordPublished(t, inOrder)
	list := e.fetches(t)
	check(t, e.fetch(t, list[1])) // 403, but others can be read: it is gone

	status := func(code int) func(simulate.ChatCall) simulate.ChatFault {
		return func(simulate.ChatCall) simulate.ChatFault {
			return simulate.ChatFault{Status: code, RetryAfter: 7 * time.Second}
		}
	}
	snooze := func(what string, want time.Duration) {
		t.Helper()
		if got := e.fetch(t, list[0]); got == nil || got.Error() != river.JobSnooze(want).Error() {
			t.Errorf("%s: got %v, want a snooze of %s", what, got, want)
		}
	}
	e.SetChatFaults(status(http.StatusTooManyRequests))
	snooze("too many calls", 7*time.Second)
	e.SetChatFaults(status(http.StatusForbidden))
	snooze("not allowed", 15*time.Minute)
	e.behind = 25 * time.Hour
	check(t, e.fetch(t, list[0]))
	e.SetChatFaults(nil)

	got := e.column(t, `SELECT format('%s %s', resource = '`+first+`', reason) FROM unfetched ORDER BY 1`)
	if diff := cmp.Diff([]string{"f gone", "t denied"}, got); diff != "" {
		t.Errorf("given up (-want +got):\n%s", diff)
	}
}
