package eventlog_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/facts"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// past is a history with something of everything, in its order.
func past(t *testing.T) []events.Delivery {
	return []events.Delivery{
		decoded(t, "1", "membership.v1.created", at(1), member("ann", "JOINED", "ROLE_MEMBER")),
		decoded(t, "2", "membership.v1.batchCreated", at(2), `{"memberships":[`+member("bob", "INVITED", "ROLE_MEMBER")+`,`+member("cat", "JOINED", "ROLE_MEMBER")+`]}`),
		decoded(t, "3", "message.v1.created", at(3), sent(at(3), post("ann", "1", "hello"))),
		decoded(t, "4", "membership.v1.updated", at(4), member("bob", "JOINED", "ROLE_MEMBER")),
		decoded(t, "5", "membership.v1.updated", at(5), member("bob", "JOINED", "ROLE_MANAGER")),
		decoded(t, "6", "message.v1.created", at(6), sent(at(6), post("cat", "2", "hi"))),
		decoded(t, "7", "message.v1.created", at(7), sent(at(7), post("ann", "3", "again"))),
		decoded(t, "8", "reaction.v1.created", at(8), `{"reaction":{"name":"`+space+`/messages/1/reactions/R","user":{"name":"users/cat","type":"HUMAN"},"emoji":{"unicode":"👍"}}}`),
		decoded(t, "9", "membership.v1.deleted", at(9), `{"membership":{"name":"`+space+`/members/ann","state":"NOT_A_MEMBER"}}`),
		decoded(t, "10", "message.v1.deleted", at(10), `{"message":{"name":"`+space+`/messages/2","deletionMetadata":{"deletionType":"CREATOR"}}}`),
	}
}

// sent says when the message of a payload was.
func sent(at time.Time, payload string) string {
	return strings.Replace(payload, `"name":`, fmt.Sprintf(`"createTime":%q,"name":`, at.Format(time.RFC3339)), 1)
}

// witness keeps what it was asked about when it was recorded.
type witness struct{ told *[]string }

func (w witness) Plan(c reactors.Change) (p reactors.Plan) {
	*w.told = append(*w.told, describe(c))
	return p
}

func describe(c reactors.Change) string {
	t := reactors.TriggerOf(c)
	f := reactors.FactsOf(c, t)
	return fmt.Sprintf("%s %s %s %s→%s %q %s", c.Event.Time.Format("05"), t, f.Member.Name, f.Member.PreviousRole, f.Member.Role, f.Message.Text, f.Reaction.Emoji)
}

// The history tells the same as rules were asked about when it happened.
func TestHistory(t *testing.T) {
	t.Parallel()
	var live []string
	s := storetest.New(t, storetest.Options{Now: clock, Planner: witness{&live}})
	for _, d := range past(t) {
		record(t, s, d)
	}
	backfill := past(t)[0]
	backfill.Origin, backfill.Event.ID = events.OriginBackfill, space+"/spaceEvents/0"
	record(t, s, backfill) // nobody was asked about it
	var told []string
	if err := s.History(t.Context(), at(0), at(60), reactors.Filter{}, func(c reactors.Change) error {
		told = append(told, describe(c))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(live, told); diff != "" {
		t.Errorf("(-live +history):\n%s", diff)
	}
	for _, want := range []string{"member.joined users/bob", "member.role_changed users/bob ROLE_MEMBER→ROLE_MANAGER", "member.left users/ann", `message.created users/cat → "hi"`} {
		if !strings.Contains(strings.Join(told, "\n"), want) {
			t.Errorf("nothing is told of %q in\n%s", want, strings.Join(told, "\n"))
		}
	}
	for _, f := range []reactors.Filter{
		{Kinds: []events.Kind{events.KindMembership}}, {Kinds: []events.Kind{events.KindMessage, events.KindReaction}, Space: space},
		{Space: "spaces/other"}, {Kinds: []events.Kind{}},
	} {
		var want, got []reactors.Change
		if err := s.History(t.Context(), at(0), at(60), reactors.Filter{}, func(c reactors.Change) error {
			if (f.Kinds == nil || slices.Contains(f.Kinds, c.Item.Kind)) && (f.Space == "" || f.Space == c.Item.Space) {
				want = append(want, c)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := s.History(t.Context(), at(0), at(60), f, func(c reactors.Change) error {
			got = append(got, c)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%+v (-left of all +read):\n%s", f, diff)
		}
	}
	told = nil
	if err := s.History(t.Context(), at(3), at(5), reactors.Filter{}, func(c reactors.Change) error {
		told = append(told, describe(c))
		return nil
	}); err != nil || len(told) != 2 {
		t.Errorf("(3s, 5s] holds %d changes, %v, want 2: %q", len(told), err, told)
	}
}

// Facts are those of their time.
func TestFactsAsOf(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	for _, d := range past(t) {
		record(t, s, d)
	}
	run := reactors.Run{Reactor: "r", Space: space, Member: "users/ann"}
	run.Facts.Space.Name, run.Facts.Member.Name = space, "users/ann"
	run.Facts.Message.Name, run.Facts.Message.Thread, run.Facts.Event.Time = space+"/messages/1", space+"/threads/T", at(3)
	all := reactors.NeedMember | reactors.NeedPosts | reactors.NeedSpace | reactors.NeedSpaceActivity | reactors.NeedThread | reactors.NeedWeek
	for _, tt := range []struct {
		name string
		at   time.Time // zero: now
		want string
	}{
		{"before anything was said", at(2), "member true posts 0 members 2 joins 2 replies 0 week 0/0 +2-0 "},
		{"in the middle", at(8), "member true posts 2 members 3 joins 3 replies 1 week 3/2 +3-0 👍"},
		{"after leaving", at(9), "member false posts 2 members 2 joins 3 replies 1 week 3/2 +3-1 👍"},
		{"now, by a clock that is late", time.Time{}, "member false posts 2 members 2"},
	} {
		ask, when := s.FactsAsOf, tt.at
		if when.IsZero() {
			ask, when = s.Facts, at(5)
		}
		f, err := ask(t.Context(), run, all, when)
		if err != nil {
			t.Fatal(err)
		}
		w := f.Space.Week
		got := fmt.Sprintf("member %v posts %d members %d joins %d replies %d week %d/%d +%d-%d %s", f.Member.IsMember, f.Member.MessagesInSpace,
			f.Space.Members, f.Space.JoinsLastHr, f.Message.RepliesByOthers, w.Messages, w.Posters, w.Joins, w.Leaves, w.TopEmoji)
		if !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
	bob := run
	bob.Facts.Member = reactors.MemberFacts{Name: "users/bob"}
	for when, want := range map[time.Time]string{at(4): "ROLE_MEMBER", at(5): "ROLE_MANAGER"} {
		if f, err := s.FactsAsOf(t.Context(), bob, reactors.NeedMember, when); err != nil || f.Member.Role != want {
			t.Errorf("bob's role at %s is %q, %v, want %q", when, f.Member.Role, err, want)
		}
	}
	for trigger, want := range map[reactors.Trigger]string{reactors.MemberJoined: "ROLE_MANAGER", reactors.MemberRoleChanged: "ROLE_OF_THE_EVENT"} {
		bob.Facts.Trigger, bob.Facts.Member.Role = trigger, "ROLE_OF_THE_EVENT"
		if f, err := s.FactsAsOf(t.Context(), bob, reactors.NeedMember, at(5)); err != nil || f.Member.Role != want {
			t.Errorf("%s: bob's role is %q, %v, want %q", trigger, f.Member.Role, err, want)
		}
	}
	together := []reactors.Run{run, bob, run}
	together[2].Facts.Member = reactors.MemberFacts{Name: "users/nobody"}
	got, err := s.FactsOfAll(t.Context(), together, reactors.NeedAll, clock())
	if err != nil {
		t.Fatal(err)
	}
	for i, run := range together {
		want, err := s.Facts(t.Context(), run, reactors.NeedAll, clock())
		if diff := cmp.Diff(want, got[i]); err != nil || diff != "" {
			t.Errorf("%s, asked together (-want +got): %v\n%s", run.Facts.Member.Name, err, diff)
		}
	}
	if f, err := s.FactsAsOf(t.Context(), run, reactors.NeedMember, at(9)); err != nil || f.Member.IsMember || f.Member.Role != "ROLE_MEMBER" {
		t.Errorf("who has left was %q, %v, want the last role", f.Member.Role, err)
	}
	f, err := s.Facts(t.Context(), run, reactors.NeedSpace, clock())
	if err != nil || f.Space.DisplayName != facts.UnknownSpace {
		t.Errorf("a space without a name is called %q, %v", f.Space.DisplayName, err)
	}
	if err := s.NameSpace(t.Context(), space, "Team News", "SPACE"); err != nil {
		t.Fatal(err)
	}
	if f, err = s.Facts(t.Context(), run, reactors.NeedSpace, clock()); err != nil || f.Space.DisplayName != "Team News" || f.Space.Type != "SPACE" {
		t.Errorf("got %+v, %v", f.Space, err)
	}
}
