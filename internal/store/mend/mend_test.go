package mend_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/memberships"
	"github.com/spacekeeper/spacekeeper/internal/store/mend"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// wired is a delivery whose bytes hold what its event says.
func wired(t testing.TB, d events.Delivery) events.Delivery {
	t.Helper()
	type object map[string]any
	it := d.Event.Items[0]
	resource := object{"name": it.Resource}
	stamp := func(field string, at time.Time) {
		if !at.IsZero() {
			resource[field] = at.Format(time.RFC3339Nano)
		}
	}
	switch {
	case it.Message != nil:
		m := it.Message
		stamp("createTime", m.CreateTime)
		stamp("lastUpdateTime", m.LastUpdateTime)
		if m.DeletionType != "" {
			resource["deletionMetadata"] = object{"deletionType": m.DeletionType}
			break
		}
		resource["sender"], resource["text"], resource["thread"] = object{"name": m.Sender.Name, "type": "HUMAN"}, m.Text, object{"name": m.Thread}
	case it.Reaction != nil:
		resource["user"], resource["emoji"] = object{"name": it.Reaction.User.Name, "type": "HUMAN"}, object{"unicode": it.Reaction.Unicode}
	case it.Membership != nil:
		m := it.Membership
		resource["state"] = m.State
		if it.Verb != events.VerbDeleted {
			resource["role"], resource["member"] = m.Role, object{"name": m.Member.Name, "type": "HUMAN"}
		}
	case it.SpaceData != nil:
		resource["displayName"], resource["spaceType"] = it.SpaceData.DisplayName, "SPACE"
	}
	var err error
	if d.Data, err = json.Marshal(object{string(it.Kind): resource}); err != nil {
		t.Fatal(err)
	}
	d.Attributes = map[string]string{
		"ce-id": d.Event.ID, "ce-type": d.Event.Type, "ce-source": d.Event.Source, "ce-specversion": "1.0",
		"ce-subject": "//chat.googleapis.com/" + it.Space, "ce-time": d.Event.Time.Format(time.RFC3339Nano),
		"ce-datacontenttype": "application/json",
	}
	var malformed *events.Malformed
	if d.Event, malformed = events.Decode(d.Attributes, d.Data); malformed != nil {
		t.Fatalf("%s: %v", d.Data, malformed)
	}
	return d
}

// tables is all that projections hold.
func tables(t testing.TB, s *storetest.Env) []string {
	t.Helper()
	var parts []string
	for table, numbers := range map[string]string{
		"stored_messages": "sender_id", "stored_revisions": "", "stored_reactions": "user_id", "stored_memberships": "", "stored_membership_changes": "",
	} {
		user := "''"
		if numbers != "" {
			user = "(SELECT user_name FROM users WHERE id = x." + numbers + ")"
		}
		parts = append(parts, fmt.Sprintf(`SELECT concat_ws(' ', '%[1]s', p.space, %[2]s, to_jsonb(x) - ARRAY['space_id', '%[3]s'])
			FROM %[1]s x JOIN spaces p ON p.id = x.space_id`, table, user, numbers))
	}
	parts = append(parts, `SELECT concat_ws(' ', 'spaces', space, version_time, deleted_at, display_name) FROM spaces`)
	return column(t, s, strings.Join(parts, " UNION ALL ")+" ORDER BY 1")
}

// numbered names a space's member by number, as Google does.
func numbered(list []events.Delivery, space string, n int) {
	user := fmt.Sprint("users/", 1000+n)
	for i := range list {
		it := &list[i].Event.Items[0]
		if it.Actor != "" {
			it.Actor = user
		}
		switch {
		case it.Message != nil && it.Message.Sender.Name != "":
			it.Message.Sender.Name = user
		case it.Reaction != nil:
			it.Reaction.User.Name = user
		case it.Membership != nil:
			it.Resource = fmt.Sprint(space, "/members/", 1000+n)
			it.Membership.Name, it.Membership.Member.Name = it.Resource, user
		}
	}
}

// pastOf draws what happens in some spaces, live and backfilled, in some order.
func pastOf(t testing.TB, r *rapid.T, first, spaces int) (all []events.Delivery) {
	for n := first; n < first+spaces; n++ {
		space := fmt.Sprint("spaces/r", n)
		h := storetest.Past(r, space)
		numbered(h, space, n)
		for i := range rapid.IntRange(0, 2).Draw(r, "space updates") {
			d := live(fmt.Sprintf("r%d-space-%d", n, i), at(i), events.Item{
				Kind: events.KindSpace, Verb: events.VerbUpdated, Resource: space, Space: space,
				SpaceData: &events.Space{Name: space, DisplayName: fmt.Sprint("name ", i)},
			})
			d.Event.ID = strings.Replace(d.Event.ID, "spaces/S/", space+"/", 1)
			h = append(h, d)
		}
		for i := range h {
			h[i] = wired(t, h[i])
			if rapid.IntRange(0, 4).Draw(r, "backfilled") == 0 {
				h[i].Origin, h[i].PublishTime, h[i].MessageID, h[i].ReceivedAt = events.OriginBackfill, time.Time{}, "", at(3600)
			}
		}
		all = append(all, h...)
	}
	shuffle := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "order of arrival"), 0))
	shuffle.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

func rebuildAll(t testing.TB, m *mend.Mender) {
	t.Helper()
	spaces, err := m.Spaces(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, space := range append(spaces, "") {
		if _, err := m.Rebuild(t.Context(), space); err != nil {
			t.Fatal(err)
		}
	}
}

func mender(t testing.TB, s *storetest.Env) *mend.Mender {
	t.Helper()
	l, err := eventlog.New(s.Store, nil, nil) // asks no rules
	if err != nil {
		t.Fatal(err)
	}
	return mend.New(s.Store, l)
}

// arrive lets the past of some spaces arrive, has some content fetched, and may read
// a list of members.
func arrive(t testing.TB, r *rapid.T, s *storetest.Env, first, spaces int) {
	t.Helper()
	all := pastOf(t, r, first, spaces)
	senders, created := map[string]string{}, map[string]time.Time{}
	for _, d := range all {
		if it := d.Event.Items[0]; it.Message != nil && !it.Message.CreateTime.IsZero() {
			created[it.Resource] = it.Message.CreateTime
		}
	}
	for i := first; i < first+spaces; i++ {
		senders[fmt.Sprint("spaces/r", i)] = fmt.Sprint("users/", 1000+i)
	}
	for len(all) > 0 {
		size := min(len(all), rapid.IntRange(1, 30).Draw(r, "batch"))
		if _, err := s.Record(t.Context(), all[:size]); err != nil {
			r.Fatalf("Record: %v", err)
		}
		for _, d := range all[:size] {
			it := d.Event.Items[0]
			if it.Kind != events.KindMessage || it.Message != nil || d.Origin != events.OriginLive || !rapid.Bool().Draw(r, "fetched") {
				continue
			}
			content := message(it.Verb, it.Resource, senders[it.Space], "fetched", created[it.Resource], d.Event.Time)
			named := eventlog.Named{Key: items.KeyOf(d.Event, d.MessageID), Time: d.Event.Time, Kind: it.Kind, Resource: it.Resource, Space: it.Space}
			if err := s.Enrich(t.Context(), named, content, at(100)); err != nil {
				r.Fatalf("Enrich: %v", err)
			}
		}
		all = all[size:]
	}
	if rapid.Bool().Draw(r, "listed") {
		space := fmt.Sprint("spaces/r", first)
		if _, err := s.Reconcile(t.Context(), memberships.Listing{Space: space, AsOf: at(rapid.IntRange(0, 20).Draw(r, "listed at")), Members: []memberships.Member{
			{Membership: space + "/members/5", Name: "users/5", Type: events.UserHuman, State: "JOINED", Role: "ROLE_MEMBER"},
			{Membership: fmt.Sprint(space, "/members/", 1000+first), Name: fmt.Sprint("users/", 1000+first), Type: events.UserHuman, State: "JOINED", Role: "ROLE_MANAGER"},
		}}); err != nil {
			r.Fatalf("Reconcile: %v", err)
		}
	}
}

// wreck breaks much of what follows from the log, and nothing else.
func wreck(t testing.TB, s *storetest.Env) {
	t.Helper()
	before := tables(t, s)
	if _, err := s.Pool().Exec(t.Context(), `
		BEGIN;
		SET LOCAL session_replication_role = replica;
		DELETE FROM stored_messages WHERE payload_as_of IS NULL AND random() < 0.3;
		UPDATE stored_messages SET text = 'wrong', version_time = 'infinity' WHERE text IS NOT NULL AND payload_as_of IS NULL AND random() < 0.3;
		DELETE FROM stored_revisions WHERE payload_as_of IS NULL AND random() < 0.3;
		INSERT INTO stored_messages (create_time, version_time, event_time, verb_order, version_key, name, space_id, text)
			SELECT '2026-11-02', now(), event_time, 1, version_key, name, space_id, 'twice'
			FROM stored_messages WHERE text IS NOT NULL AND payload_as_of IS NULL AND random() < 0.3;
		DELETE FROM stored_reactions WHERE random() < 0.3;
		UPDATE stored_reactions SET present = NOT present, version_time = 'infinity' WHERE random() < 0.3;
		DELETE FROM stored_memberships WHERE source = 'event' AND random() < 0.3;
		UPDATE stored_memberships SET state = 'INVITED', version_time = 'infinity' WHERE source = 'event' AND random() < 0.3;
		DELETE FROM stored_membership_changes WHERE origin <> 's' AND random() < 0.3;
		COMMIT`); err != nil {
		t.Fatal(err)
	}
	if gocmp.Equal(before, tables(t, s)) {
		t.Fatal("nothing is broken")
	}
}

// Whatever is broken in projections: rebuilt, they are as they were live, with
// what was fetched and what lists told, which the log doesn't hold.
func TestRebuiltIsLive(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	m := mender(t, s)
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		const spaces = 4
		if n >= 12*spaces && !storetest.Full() {
			return // each round rebuilds the spaces of all before it
		}
		arrive(t, r, s, n, spaces)
		n += spaces
		want := tables(t, s)
		wreck(t, s)
		rebuildAll(t, m)
		if diff := gocmp.Diff(want, tables(t, s)); diff != "" {
			r.Fatalf("rebuilt (-live +rebuilt):\n%s", diff)
		}
	})
}

// A rebuild beside a worker loses nothing of what the worker records meanwhile.
func TestRebuildWhileRecording(t *testing.T) {
	t.Parallel()
	beside, alone := storetest.New(t, storetest.Options{Now: clock}), storetest.New(t, storetest.Options{Now: clock})
	m := mender(t, beside)
	rapid.Check(t, func(r *rapid.T) {
		if len(tables(t, alone)) > 0 {
			return // one history is enough
		}
		all := pastOf(t, r, 0, 40)
		record(t, alone, all...)
		recorded := make(chan error, 2)
		for w := range 2 {
			go func() {
				var err error
				for i := w * 7; i < len(all) && err == nil; i += 14 {
					_, err = beside.Record(context.WithoutCancel(t.Context()), all[i:min(i+7, len(all))])
				}
				recorded <- err
			}()
		}
		for done := 0; done < 2; {
			select {
			case err := <-recorded:
				if err != nil {
					r.Fatal(err)
				}
				done++
			default:
				rebuildAll(t, m)
			}
		}
		if diff := gocmp.Diff(tables(t, alone), tables(t, beside)); diff != "" {
			r.Fatalf("rebuilt while recording (-alone +beside):\n%s", diff)
		}
	})
}

// What a projection refused is applied once it is mended, and its mark goes.
func TestRebuildAppliesWhatWasRefused(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	exec := func(sql string) {
		t.Helper()
		if _, err := s.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(`ALTER TABLE stored_messages DROP CONSTRAINT stored_messages_deleted_check, ADD CONSTRAINT stored_messages_deleted_check CHECK (text <> 'refused')`)
	say := func(id, text string) events.Delivery {
		return wired(t, live(id, at(1), message(events.VerbCreated, "spaces/S/messages/"+id, "users/7", text, at(1), time.Time{})))
	}
	for _, o := range record(t, s, say("a", "fine"), say("b", "refused"), say("c", "fine")) {
		if o != events.Recorded {
			t.Errorf("outcome = %s, want recorded: the log takes it", o)
		}
	}
	m := mender(t, s)
	rebuild := func(refused, marks, messages int) {
		t.Helper()
		got, err := m.Rebuild(t.Context(), "spaces/S")
		if err != nil || got.Items != 3 || got.Refused != refused {
			t.Errorf("rebuilt = %+v, %v, want 3 items, %d refused", got, err, refused)
		}
		if n := storetest.Value[int](t, s, `SELECT count(*) FROM unapplied_events`); n != marks {
			t.Errorf("marks = %d, want %d", n, marks)
		}
		if n := storetest.Value[int](t, s, `SELECT count(*) FROM messages`); n != messages {
			t.Errorf("messages = %d, want %d", n, messages)
		}
	}
	rebuild(1, 1, 2)
	exec(`ALTER TABLE stored_messages DROP CONSTRAINT stored_messages_deleted_check`)
	rebuild(0, 0, 3)
}

// countingPlanner counts what a planner is asked.
type countingPlanner struct{ n atomic.Int64 }

func (a *countingPlanner) Plan(reactors.Change) (p reactors.Plan) { a.n.Add(1); return p }

// What is in quarantine comes back once, under its own key, and nobody is
// greeted for it.
func TestQuarantineIsRetried(t *testing.T) {
	t.Parallel()
	planner := &countingPlanner{}
	s := storetest.New(t, storetest.Options{Now: clock, Planner: planner})
	if _, err := s.Pool().Exec(t.Context(), `ALTER TABLE events DROP CONSTRAINT events_ordinal_check, ADD CONSTRAINT events_ordinal_check CHECK (message_id NOT LIKE 'm-bad%')`); err != nil {
		t.Fatal(err)
	}
	join := func(id string, user int) events.Delivery {
		d := live(id, at(1), membership(events.VerbCreated, "spaces/S", fmt.Sprint("users/", user), "JOINED"))
		d.OrderingKey = "key"
		return wired(t, d)
	}
	first, second, copied := join("bad1", 1), join("bad2", 2), join("bad3", 3)
	broken := events.Delivery{
		MessageID: "m-broken", ReceivedAt: epoch, Attributes: map[string]string{"a": "b"}, Data: []byte("{"),
		Malformed: &events.Malformed{Reason: "bad_json", Detail: "at byte 1"},
	}
	record(t, s, first, second, copied, broken)
	if _, err := s.Pool().Exec(t.Context(), `ALTER TABLE events DROP CONSTRAINT events_ordinal_check`); err != nil {
		t.Fatal(err)
	}
	again := copied
	again.MessageID = "m-other"
	record(t, s, again)
	m := mender(t, s)
	list, err := m.Quarantine(t.Context(), mend.Filter{Max: 10})
	if err != nil || len(list) != 4 {
		t.Fatalf("quarantine = %d messages, %v, want 4", len(list), err)
	}
	for _, k := range list {
		if k.MessageID == first.MessageID {
			want := mend.Kept{
				Key: k.Key, ReceivedAt: first.ReceivedAt, PublishTime: first.PublishTime, MessageID: first.MessageID, OrderingKey: "key",
				Reason: "rejected_by_database", Detail: k.Detail, Attributes: first.Attributes, Data: first.Data,
			}
			if diff := gocmp.Diff(want, k); diff != "" {
				t.Errorf("kept (-want +got):\n%s", diff)
			}
		}
	}
	before := planner.n.Load()
	for _, want := range []mend.Retried{{Recorded: 2, Duplicates: 1, Kept: 1}, {Kept: 1}} {
		if got, err := m.Retry(t.Context(), mend.Filter{}); err != nil || got != want {
			t.Errorf("retried %+v, %v, want %+v", got, err, want)
		}
	}
	if n := planner.n.Load(); n != before {
		t.Errorf("rules were asked %d times about what is old", n-before)
	}
	if got := record(t, s, first); got[0] != events.Duplicate {
		t.Errorf("a redelivery is %s, want a duplicate", got[0])
	}
	if n := storetest.Value[int](t, s, `SELECT count(*) FROM memberships WHERE state = 'JOINED'`); n != 3 {
		t.Errorf("members = %d, want 3", n)
	}
	if reasons := column(t, s, `SELECT message_id FROM quarantine`); !gocmp.Equal(reasons, []string{"m-broken"}) {
		t.Errorf("left in quarantine: %v, want what can't be read", reasons)
	}
}

// A retry leaves a batch in quarantine as long as elements of it are refused.
func TestRetryKeepsWhatIsRefused(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	const good = `{"message":{"name":"` + space + `/messages/%d","text":"hi"}}`
	for i, bad := range []string{`{}`, `{"message":{"name":"` + space + `/messages/x","text":"\u0000"}}`} {
		record(t, s, decoded(t, fmt.Sprint(i), "message.v1.batchCreated", at(i+1), fmt.Sprintf(`{"messages":[%s,`+good+`]}`, bad, i)))
	}
	m := mender(t, s)
	for range 2 {
		if got, err := m.Retry(t.Context(), mend.Filter{}); err != nil || got != (mend.Retried{Kept: 2}) {
			t.Errorf("retried %+v, %v, want two kept", got, err)
		}
	}
	got := column(t, s, `SELECT count(*)::text FROM quarantine UNION ALL SELECT count(*)::text FROM messages`)
	if diff := gocmp.Diff([]string{"2", "2"}, got); diff != "" {
		t.Errorf("quarantined, recorded (-want +got):\n%s", diff)
	}
}

// Of a batch that came live in part, the rest may have been fetched: each item
// is read from the bytes in which it came.
func TestRebuildReadsTheBytesOfEachOrigin(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	text := func(n, said string) string {
		return `{"message":{"name":"` + space + `/messages/` + n + `","text":"` + said + `"}}`
	}
	record(t, s, decoded(t, "1", "message.v1.batchCreated", at(1), `{"messages":[{},`+text("1", "live")+`,`+text("2", "live")+`]}`))
	fetched := decoded(t, "1", "message.v1.batchCreated", at(1), `{"messages":[`+text("0", "fetched")+`,`+text("1", "fetched")+`,`+text("2", "fetched")+`]}`)
	fetched.MessageID, fetched.PublishTime, fetched.ReceivedAt, fetched.Origin = "", time.Time{}, at(100), events.OriginBackfill
	record(t, s, fetched)
	said := func() []string {
		return column(t, s, `SELECT right(message, 1) || ' ' || text FROM messages ORDER BY message`)
	}
	want := []string{"0 fetched", "1 live", "2 live"}
	if diff := gocmp.Diff(want, said()); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
	rebuildAll(t, mender(t, s))
	if diff := gocmp.Diff(want, said()); diff != "" {
		t.Errorf("rebuilt (-want +got):\n%s", diff)
	}
}
