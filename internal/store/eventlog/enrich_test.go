package eventlog_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// bare takes everything but names out of a delivery.
func bare(d events.Delivery) events.Delivery {
	for i := range d.Event.Items {
		it := &d.Event.Items[i]
		it.Message, it.Membership, it.Reaction, it.SpaceData = nil, nil, nil, nil
		if it.Kind != events.KindMembership {
			it.Actor = ""
		}
	}
	return d
}

// asked returns the jobs that fetch, first to be worked first.
func asked(t testing.TB, s *storetest.Env) []jobs.Fetch {
	t.Helper()
	var list []jobs.Fetch
	for _, raw := range column(t, s, `SELECT args::text FROM river_job WHERE kind = 'fetch' AND queue = 'fetch' ORDER BY priority, id`) {
		var job jobs.Fetch
		if err := json.Unmarshal([]byte(raw), &job); err != nil {
			t.Fatal(err)
		}
		list = append(list, job)
	}
	return list
}

func named(job jobs.Fetch) eventlog.Named {
	return eventlog.Named{
		Key: items.Key(uuid.MustParse(job.Key)), Ordinal: job.Ordinal, Time: job.EventTime,
		Kind: events.Kind(job.ItemKind), Resource: job.Resource, Space: job.Space,
	}
}

func enrich(t testing.TB, s *storetest.Env, job jobs.Fetch, content events.Item, seconds int) {
	t.Helper()
	if err := s.Enrich(t.Context(), named(job), content, at(seconds)); err != nil {
		t.Fatal(err)
	}
}

const greeting = "spaces/S/messages/1"

func TestNamesAreAskedFor(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	none := time.Time{}
	batch := live("batch", at(5), message(events.VerbCreated, greeting, ann, "a", at(5), none))
	batch.Event.Items = append(batch.Event.Items, message(events.VerbCreated, greeting+"0", ann, "b", at(5), none))
	batch.Event.Items[1].Ordinal = 1
	list := []events.Delivery{
		bare(live("m", at(1), message(events.VerbCreated, greeting, ann, "hello", at(1), none))),
		bare(batch),
		bare(live("r", at(2), reaction(events.VerbCreated, greeting, ann, "👍"))),
		bare(live("s", at(3), events.Item{Kind: events.KindSpace, Verb: events.VerbUpdated, Resource: space, Space: space})),
		bare(join("j", 4)),
		// These tell all there is to tell, or came with their content.
		live("full", at(6), message(events.VerbUpdated, greeting, ann, "hello", at(1), at(6))),
		bare(live("d", at(7), message(events.VerbDeleted, greeting, "", "", at(1), none))),
		backfilled(bare(live("b", at(8), message(events.VerbCreated, greeting+"1", ann, "c", at(8), none)))),
		live("u", at(9), events.Item{Kind: events.KindUnknown, Verb: events.VerbOther, Space: space}),
	}
	record(t, s, list...)
	record(t, s, list...) // a redelivery asks for nothing
	var got []string
	for _, job := range asked(t, s) {
		got = append(got, job.ItemKind+" "+job.Resource+" "+string(rune('0'+job.Ordinal))+" "+job.Event)
		if job.Space != space || job.EventTime.IsZero() {
			t.Errorf("got %+v", job)
		}
	}
	want := []string{
		"membership spaces/S/members/ann 0 spaces/S/spaceEvents/j",
		"message spaces/S/messages/1 0 spaces/S/spaceEvents/m",
		"reaction spaces/S/messages/1/reactions/ann.f09f918d 0 spaces/S/spaceEvents/r",
		"space spaces/S 0 spaces/S/spaceEvents/s",
		"message spaces/S/messages/1 0 spaces/S/spaceEvents/batch",
		"message spaces/S/messages/10 1 spaces/S/spaceEvents/batch",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
}

func messageState(t testing.TB, s *storetest.Env) []string {
	t.Helper()
	return column(t, s, `
		SELECT format('%s %s as of %s deleted %s', COALESCE(text, '-'), COALESCE(sender, '-'),
			extract(epoch FROM payload_as_of - $1::timestamptz)::int, extract(epoch FROM deleted_at - $1::timestamptz)::int)
		FROM messages`, epoch)
}

func TestMessageIsFilledIn(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	none := time.Time{}
	created := message(events.VerbCreated, greeting, ann, "hello", at(1), none)
	record(t, s, bare(live("m", at(1), created)))
	const log = `SELECT md5(string_agg(e::text, ',')) FROM events e`
	before := storetest.Value[string](t, s, log)
	job := asked(t, s)[0]
	created = message(events.VerbCreated, greeting, ann, "hello", at(1), none)
	for range 2 { // a job may be worked twice
		enrich(t, s, job, created, 10)
		if diff := cmp.Diff([]string{"hello users/ann as of 10 deleted "}, messageState(t, s)); diff != "" {
			t.Errorf("message (-want +got):\n%s", diff)
		}
	}
	if storetest.Value[string](t, s, log) != before {
		t.Error("the log has changed")
	}

	// An edit that came with its content is newer, whatever is fetched later
	// for the older event.
	record(t, s, live("e", at(5), message(events.VerbUpdated, greeting, ann, "hello!", at(1), at(5))))
	enrich(t, s, job, created, 20)
	if diff := cmp.Diff([]string{"hello! users/ann as of  deleted "}, messageState(t, s)); diff != "" {
		t.Errorf("after an edit (-want +got):\n%s", diff)
	}

	// What was deleted meanwhile comes as a tombstone.
	tombstone := message(events.VerbDeleted, greeting, "", "", at(1), none)
	tombstone.Message.DeleteTime = at(30)
	enrich(t, s, job, tombstone, 31)
	if diff := cmp.Diff([]string{"- users/ann as of  deleted 30"}, messageState(t, s)); diff != "" {
		t.Errorf("after the deletion (-want +got):\n%s", diff)
	}
}

// A join that came by name is one once its membership was fetched: the
// welcome runs once, however often it is fetched.
func TestJoinByName(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	record(t, s, bare(join("j", 10)))
	if n := countRuns(t, s); n != 0 {
		t.Fatalf("got %d reactor runs of a name, want none", n)
	}
	job := asked(t, s)[0]
	for range 2 {
		enrich(t, s, job, membership(events.VerbCreated, space, ann, events.MembershipJoined), 20)
		if n := countRuns(t, s); n != 1 {
			t.Errorf("got %d reactor runs, want 1", n)
		}
	}
	wantMembers(t, s, "users/ann 10-", "users/ann JOINED event")
	if got := storetest.Value[int](t, s, `SELECT extract(epoch FROM fetched_at - $1::timestamptz)::int FROM membership_changes`, epoch); got != 20 {
		t.Errorf("the history says that it was fetched at %d, want 20", got)
	}
	if n := storetest.Value[int](t, s, `SELECT count(*) FROM river_job WHERE kind = 'reactor_run'`); n != 1 {
		t.Errorf("got %d jobs for the run, want 1", n)
	}
}

func TestNamesOnlyOfNoJoin(t *testing.T) {
	t.Parallel()
	invited := membership(events.VerbCreated, space, ann, events.MembershipInvited)
	joined := membership(events.VerbUpdated, space, ann, events.MembershipJoined)
	for name, tt := range map[string]struct {
		events  []events.Delivery
		content []events.Item
		runs    int
	}{
		"invited":               {[]events.Delivery{join("1", 1)}, []events.Item{invited}, 0},
		"invited, accepted":     {[]events.Delivery{join("1", 1), update("2", 2)}, []events.Item{invited, joined}, 1},
		"accepted before both":  {[]events.Delivery{join("1", 1), update("2", 2)}, []events.Item{joined, joined}, 1},
		"change of role":        {[]events.Delivery{update("1", 1)}, []events.Item{joined}, 0},
		"left and joined again": {[]events.Delivery{join("1", 1), join("2", 3)}, []events.Item{joined, joined}, 1},
	} {
		s := storetest.NewGreeting(t)
		for _, d := range tt.events {
			record(t, s, bare(d))
		}
		for i, job := range asked(t, s) {
			enrich(t, s, job, tt.content[i], 20+i)
		}
		if n := countRuns(t, s); n != tt.runs {
			t.Errorf("%s: got %d reactor runs, want %d", name, n, tt.runs)
		}
	}
}

// Somebody who left since stays outside: what is fetched for an older event
// doesn't undo a newer one.
func TestMembershipOfLongAgo(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	record(t, s, bare(join("j", 10)), bare(leave("l", 15)))
	enrich(t, s, asked(t, s)[0], membership(events.VerbCreated, space, ann, events.MembershipJoined), 20)
	wantMembers(t, s, "users/ann 10-15", "users/ann NOT_A_MEMBER event")
}

func TestReactionAndSpaceAreFilledIn(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	record(t, s, bare(live("r", at(2), reaction(events.VerbCreated, greeting, ann, "👍"))),
		bare(live("s", at(3), events.Item{Kind: events.KindSpace, Verb: events.VerbUpdated, Resource: space, Space: space})))
	list := asked(t, s)
	enrich(t, s, list[0], reaction(events.VerbCreated, greeting, ann, "👍"), 10)
	enrich(t, s, list[1], events.Item{SpaceData: &events.Space{Name: space, DisplayName: "Team", SpaceType: "SPACE"}}, 11)
	got := column(t, s, `
		SELECT format('%s %s %s', user_name, emoji, present) FROM reactions
		UNION ALL
		SELECT format('%s %s', display_name, space_type) FROM spaces
		ORDER BY 1`)
	if diff := cmp.Diff([]string{"Team SPACE", "users/ann 👍 t"}, got); diff != "" {
		t.Errorf("reaction and space (-want +got):\n%s", diff)
	}
}

func TestGiveUp(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	record(t, s, bare(join("j", 10)))
	n := named(asked(t, s)[0])
	for range 2 {
		if err := s.GiveUp(t.Context(), n, "gone", "HTTP 404\x00"); err != nil {
			t.Fatal(err)
		}
	}
	got := column(t, s, `SELECT format('%s %s %s %s', kind, resource, reason, detail) FROM unfetched`)
	if len(got) != 1 || !strings.HasPrefix(got[0], "membership spaces/S/members/ann gone HTTP 404") {
		t.Errorf("got %q", got)
	}
	n.Time = n.Time.Add(time.Second)
	if err := s.Enrich(t.Context(), n, events.Item{}, at(20)); !errors.Is(err, eventlog.ErrNoEvent) {
		t.Errorf("an event that isn't there: got %v", err)
	}
}
