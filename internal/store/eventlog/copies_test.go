package eventlog_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// copies is a history as it was delivered and as it was fetched afterwards,
// when somebody had become a manager, and messages were edited or deleted.
func copies(t *testing.T) (live, fetched []events.Delivery) {
	t.Helper()
	add := func(id, typ string, seconds int, delivered, later string) {
		live = append(live, decoded(t, id, typ, at(seconds), delivered))
		d := decoded(t, id, typ, at(seconds), later)
		d.MessageID, d.PublishTime, d.ReceivedAt, d.Origin = "", time.Time{}, at(1000+seconds), events.OriginBackfill
		fetched = append(fetched, d)
	}
	edited := `{"message":{"name":"` + space + `/messages/1","sender":{"name":"users/1","type":"HUMAN"},"text":"v2","lastUpdateTime":"` + at(40).Format(time.RFC3339Nano) + `"}}`
	gone := `{"message":{"name":"` + space + `/messages/2","createTime":"` + at(15).Format(time.RFC3339Nano) + `","deletionMetadata":{"deletionType":"CREATOR"}}}`
	deletion := `{"message":{"name":"` + space + `/messages/2","deletionMetadata":{"deletionType":"CREATOR"}}}`
	named := `{"space":{"name":"` + space + `","displayName":"B","spaceType":"SPACE"}}`
	add("1", "membership.v1.created", 10, member("1", "JOINED", "ROLE_MEMBER"), member("1", "JOINED", "ROLE_MANAGER"))
	add("2", "membership.v1.batchCreated", 11, `{"memberships":[`+member("2", "JOINED", "ROLE_MEMBER")+`,`+member("3", "JOINED", "ROLE_MEMBER")+`]}`,
		`{"memberships":[{"membership":{}},`+member("3", "JOINED", "ROLE_MEMBER")+`]}`)
	add("3", "message.v1.created", 12, post("1", "1", "v1"), edited)
	add("4", "message.v1.created", 15, post("2", "2", "secret"), gone)
	add("5", "space.v1.updated", 16, `{"space":{"name":"`+space+`","displayName":"A","spaceType":"SPACE"}}`, named)
	add("6", "membership.v1.updated", 20, member("1", "JOINED", "ROLE_MANAGER"), member("1", "JOINED", "ROLE_MANAGER"))
	add("7", "message.v1.updated", 40, edited, edited)
	add("8", "message.v1.deleted", 41, deletion, deletion)
	add("9", "space.v1.updated", 42, named, named)
	return live, fetched
}

// everything is what the database holds, without what tells the copies apart.
func everything(t testing.TB, s *storetest.Env) []string {
	t.Helper()
	return column(t, s, `
		SELECT format('event %s %s %s %s %s', event_time, ordinal, origin, actor, message_id) FROM event_log
		UNION ALL SELECT format('message %s %s %s %s %s', message, text, version_time, payload_as_of, deleted_at) FROM messages
		UNION ALL SELECT format('version %s %s %s %s', message, version_time, text, payload_as_of) FROM message_history
		UNION ALL SELECT format('member %s %s %s %s', member, state, role, payload_as_of) FROM memberships
		UNION ALL SELECT format('change %s %s %s %s %s', membership, event_time, origin, role, fetched_at) FROM membership_changes
		UNION ALL SELECT format('interval %s %s %s', member, joined_at, left_at) FROM membership_intervals
		UNION ALL SELECT format('space %s %s %s', display_name, version_time, payload_as_of) FROM spaces
		ORDER BY 1`)
}

// Whether a backfill or Pub/Sub was first, and whatever came twice: in the end
// the database holds what was delivered, with its bytes, rules were asked about
// the same, and a replay tells the same.
func TestBackfillAndLiveInAnyOrder(t *testing.T) {
	t.Parallel()
	live, fetched := copies(t)
	type result struct{ state, told, past []string }
	var told []string
	s := storetest.New(t, storetest.Options{Now: clock, Planner: witness{&told}})
	play := func(fail func(string, ...any), list []events.Delivery, sizes func() int) (r result) {
		told = nil
		if _, err := s.Pool().Exec(t.Context(), `
			TRUNCATE events, stored_messages, stored_revisions, stored_memberships, stored_membership_changes;
			UPDATE spaces
			SET version_time = '-infinity', payload_as_of = NULL, version_key = '00000000-0000-0000-0000-000000000000', verb_order = 0,
				display_name = NULL, space_type = NULL`); err != nil {
			fail("start anew: %v", err)
		}
		for len(list) > 0 {
			n := min(len(list), sizes())
			if _, err := s.Record(t.Context(), list[:n]); err != nil {
				fail("Record: %v", err)
			}
			list = list[n:]
		}
		r.state = everything(t, s)
		for i := range live {
			got, err := s.Payloads(t.Context(), items.KeyOf(live[i].Event, ""))
			if err != nil || len(got) != 1 || !bytes.Equal(got[0], live[i].Data) {
				fail("the bytes of %s are %s, %v, want %s", live[i].Event.ID, got, err, live[i].Data)
			}
		}
		if err := s.History(t.Context(), at(0), at(2000), reactors.Filter{}, func(c reactors.Change) error {
			r.past = append(r.past, describe(c))
			return nil
		}); err != nil {
			fail("History: %v", err)
		}
		r.told = pulled(told)
		return r
	}
	want := play(func(f string, a ...any) { t.Fatalf(f, a...) }, live, func() int { return 1 })
	if !slices.Contains(want.told, "20 member.role_changed users/1 ROLE_MEMBER→ROLE_MANAGER \"\" ") {
		t.Fatalf("nobody is told of the new role: %q", want.told)
	}
	round, failed := 0, false
	rapid.Check(t, func(r *rapid.T) {
		if round++; round > 25 && !storetest.Full() && !failed {
			return // each round takes a database
		}
		defer func() { failed = failed || r.Failed() }() // then rapid looks for a shorter one
		list := slices.Clone(live)
		for i := range fetched {
			for range rapid.IntRange(0, 2).Draw(r, "fetched") {
				list = append(list, fetched[i])
			}
		}
		shuffle := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "order of arrival"), 0))
		shuffle.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		got := play(r.Fatalf, list, func() int { return rapid.IntRange(1, 6).Draw(r, "batch") })
		if diff := cmp.Diff(want.state, got.state); diff != "" {
			r.Fatalf("state (-live alone +with a backfill):\n%s", diff)
		}
		if diff := cmp.Diff(want.past, got.past); diff != "" {
			r.Fatalf("history (-live alone +with a backfill):\n%s", diff)
		}
		if diff := cmp.Diff(want.told, got.told); diff != "" {
			r.Fatalf("told (-live alone +with a backfill):\n%s", diff)
		}
	})
}

// pulled are the changes that pulled a trigger, each once and in one order.
func pulled(told []string) (list []string) {
	for _, line := range told {
		if len(triggers([]string{line})) > 0 {
			list = append(list, line)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Two edits with one lastUpdateTime: the later event is the later version, in
// whichever order they arrive, and whatever their keys are.
func TestTiesOfVersions(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	for i := range 40 {
		name := fmt.Sprintf("%s/messages/%d", space, i)
		older := live(fmt.Sprint("o", i), at(10), message(events.VerbUpdated, name, ann, "older", at(1), at(10)))
		newer := live(fmt.Sprint("n", i), at(11), message(events.VerbUpdated, name, ann, "newer", at(1), at(10)))
		on := live(fmt.Sprint("r", i), at(12), reaction(events.VerbCreated, name, ann, "👍"))
		off := live(fmt.Sprint("s", i), at(12), reaction(events.VerbDeleted, name, ann, "👍"))
		list := []events.Delivery{older, newer, on, off}
		if i%2 == 1 {
			slices.Reverse(list)
		}
		if i%4 < 2 {
			record(t, s, list...)
			continue
		}
		for _, d := range list {
			record(t, s, d)
		}
	}
	if n := storetest.Value[int](t, s, `SELECT count(*) FROM messages WHERE text <> 'newer'`); n != 0 {
		t.Errorf("in %d of 40 the older text wins", n)
	}
	if n := storetest.Value[int](t, s, `SELECT count(*) FROM reactions WHERE present`); n != 0 {
		t.Errorf("%d of 40 reactions are there that were removed", n)
	}
}

// Of two updates of a space at one time the key decides, whichever is first.
func TestTiesOfSpaces(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	for i := range 40 {
		name := fmt.Sprint("spaces/", i)
		told := func(id string) events.Delivery {
			return live(id, at(10), events.Item{
				Kind: events.KindSpace, Verb: events.VerbUpdated, Resource: name, Space: name,
				SpaceData: &events.Space{Name: name, DisplayName: id, SpaceType: "SPACE"},
			})
		}
		x, y := told(fmt.Sprint("x", i)), told(fmt.Sprint("y", i))
		if i%2 == 1 {
			x, y = y, x
		}
		if i%4 < 2 {
			record(t, s, x, y)
		} else {
			record(t, s, x)
			record(t, s, y)
		}
	}
	if n := storetest.Value[int](t, s, `
		SELECT count(*)
		FROM spaces p
		WHERE (SELECT e.ce_id FROM events e WHERE e.space_id = p.id ORDER BY e.event_key DESC LIMIT 1) NOT LIKE '%' || p.display_name`); n != 0 {
		t.Errorf("%d of 40 spaces are called what the lesser key tells", n)
	}
}

// A join and an update of it have one time: somebody has joined, once.
func TestJoinAndUpdateAtOnce(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	for i := range 20 {
		user := fmt.Sprint("users/", i)
		record(t, s,
			live(fmt.Sprint("u", i), at(10), membership(events.VerbUpdated, space, user, events.MembershipJoined)),
			live(fmt.Sprint("c", i), at(10), membership(events.VerbCreated, space, user, events.MembershipJoined)))
	}
	if n := countRuns(t, s); n != 20 {
		t.Errorf("%d of 20 are greeted", n)
	}
}

// What was deleted before it was fetched is no version with an empty text.
func TestDeletedIsNoVersion(t *testing.T) {
	t.Parallel()
	_, fetched := copies(t)
	s := storetest.New(t, storetest.Options{Now: clock})
	record(t, s, fetched[3])
	if got := column(t, s, `SELECT COALESCE(text, 'unknown') FROM messages UNION ALL SELECT text FROM message_history`); !slices.Equal(got, []string{"unknown"}) {
		t.Errorf("texts %q, want none known", got)
	}
}
