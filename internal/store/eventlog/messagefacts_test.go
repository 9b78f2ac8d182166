package eventlog_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/facts"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// said is a new message in a thread; quoted is one that it quotes, or "".
func said(id string, seconds int, name, sender string, typ events.UserType, text, thread, quoted string) events.Delivery {
	it := message(events.VerbCreated, space+"/messages/"+name, sender, text, at(seconds), time.Time{})
	it.Message.Thread, it.Message.Sender.Type = space+"/threads/"+thread, typ
	if quoted != "" {
		it.Message.Quoted = space + "/messages/" + quoted
	}
	return live(id, at(seconds), it)
}

func edited(id string, seconds int, name, text string) events.Delivery {
	it := message(events.VerbUpdated, space+"/messages/"+name, "users/ann", text, at(1), at(seconds))
	it.Message.Thread = "" // which its first event has told
	return live(id, at(seconds), it)
}

func deleted(id string, seconds int, name string, written int) events.Delivery {
	return live(id, at(seconds), message(events.VerbDeleted, space+"/messages/"+name, "", "", at(written), time.Time{}))
}

func reacted(id string, seconds int, verb events.Verb, name, user, emoji string) events.Delivery {
	return live(id, at(seconds), reaction(verb, space+"/messages/"+name, user, emoji))
}

// Of a reaction, Chat tells the name of the message. Who wrote it, what it said at
// a time, its thread and its reactions are looked up.
func TestFactsOfTheMessage(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	record(t, s,
		said("1", 1, "T.T", "users/ann", events.UserHuman, "the vpn is down", "T", ""),
		said("2", 2, "T.R", "users/bob", events.UserHuman, "for me, too", "T", ""),
		reacted("3", 3, events.VerbCreated, "T.T", "users/bob", "👍"),
		reacted("4", 4, events.VerbCreated, "T.T", "users/cat", "👍🏽"),
		edited("5", 5, "T.T", "the VPN is down"),
		reacted("6", 6, events.VerbDeleted, "T.T", "users/cat", "👍🏽"),
		reacted("7", 7, events.VerbCreated, "T.T", "users/ann", "❤️"),
		deleted("8", 8, "T.T", 1),
	)
	run := reactors.Run{Reactor: "r", Space: space}
	run.Facts.Trigger, run.Facts.Space.Name, run.Facts.Message.Name = reactors.ReactionAdded, space, space+"/messages/T.T"
	run.Facts.Event.Time = at(3)
	whole := func(text string) reactors.MessageFacts {
		f := reactors.Facts{Message: reactors.MessageFacts{
			Name: space + "/messages/T.T", Text: text, Author: "users/ann", Thread: space + "/threads/T", Exists: true, RepliesByOthers: 1,
		}}
		f.Derive()
		return f.Message
	}
	for _, tt := range []struct {
		name string
		at   time.Time // zero: now
		want reactors.MessageFacts
	}{
		{"when it was reacted to", at(4), func() reactors.MessageFacts {
			m := whole("the vpn is down")
			m.Reactions, m.OthersReacted = map[string]int{"👍": 1, "👍🏽": 1}, []string{"👍", "👍🏽"}
			return m
		}()},
		{"after an edit, and one is taken back", at(7), func() reactors.MessageFacts {
			m := whole("the VPN is down")
			m.Reactions, m.OthersReacted = map[string]int{"👍": 1, "❤️": 1}, []string{"👍"}
			return m
		}()},
		{"after it was deleted", time.Time{}, func() reactors.MessageFacts {
			m := whole("")
			m.Exists, m.Reactions, m.OthersReacted = false, map[string]int{"👍": 1, "❤️": 1}, []string{"👍"}
			return m
		}()},
	} {
		ask, when := s.FactsAsOf, tt.at
		if when.IsZero() {
			ask, when = s.Facts, at(60)
		}
		f, err := ask(t.Context(), run, reactors.NeedMessage|reactors.NeedReactions|reactors.NeedThread, when)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, f.Message, cmpopts.SortSlices(func(a, b string) bool { return a < b })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	run.Facts.Message.Name = space + "/messages/T.R"
	if f, err := s.Facts(t.Context(), run, reactors.NeedMessage, at(60)); err != nil || !f.Message.IsReply || f.Message.Author != "users/bob" {
		t.Errorf("a reply: got %+v, %v", f.Message, err)
	}
	run.Facts.Message.Name = space + "/messages/unknown"
	if f, err := s.Facts(t.Context(), run, reactors.NeedAll, at(60)); err != nil || f.Message.Thread != "" || f.Message.Exists {
		t.Errorf("a message of which nothing is recorded: got %+v, %v", f.Message, err)
	}
}

// An answer is a reply or a quote by another person that is still there.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name            string
		then            []events.Delivery
		replies, quotes int
	}{
		{"nothing", nil, 0, 0},
		{"a reply", []events.Delivery{said("2", 2, "T.R", "users/bob", events.UserHuman, "there", "T", "")}, 1, 0},
		{"a reply that was deleted", []events.Delivery{
			said("2", 2, "T.R", "users/bob", events.UserHuman, "there", "T", ""), deleted("3", 3, "T.R", 2),
		}, 0, 0},
		{"one's own", []events.Delivery{said("2", 2, "T.R", "users/ann", events.UserHuman, "I mean", "T", "")}, 0, 0},
		{"an app's", []events.Delivery{said("2", 2, "T.R", "users/app", events.UserBot, "noted", "T", "")}, 0, 0},
		{"a quote in another thread", []events.Delivery{said("2", 2, "U.U", "users/bob", events.UserHuman, "there", "U", "T.T")}, 0, 1},
		{"a quote that was deleted", []events.Delivery{
			said("2", 2, "U.U", "users/bob", events.UserHuman, "there", "U", "T.T"), deleted("3", 3, "U.U", 2),
		}, 0, 0},
		{"a quote of something else", []events.Delivery{said("2", 2, "U.U", "users/bob", events.UserHuman, "there", "U", "X.X")}, 0, 0},
		{"one's own quote", []events.Delivery{said("2", 2, "U.U", "users/ann", events.UserHuman, "once more", "U", "T.T")}, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := storetest.New(t, storetest.Options{Now: clock})
			record(t, s, said("1", 1, "T.T", "users/ann", events.UserHuman, "where is it?", "T", ""))
			for _, d := range tt.then {
				record(t, s, d)
			}
			// The question's own event, and a reaction to it by somebody else.
			for _, f := range []reactors.Facts{
				{
					Trigger: reactors.MessageCreated, Event: reactors.EventFacts{Time: at(1)}, Member: reactors.MemberFacts{Name: "users/ann"},
					Message: reactors.MessageFacts{Name: space + "/messages/T.T", Author: "users/ann", Thread: space + "/threads/T"},
				},
				{
					Trigger: reactors.ReactionAdded, Event: reactors.EventFacts{Time: at(5)}, Member: reactors.MemberFacts{Name: "users/bob"},
					Message: reactors.MessageFacts{Name: space + "/messages/T.T"},
				},
			} {
				f.Space.Name = space
				got, err := s.Facts(t.Context(), reactors.Run{Reactor: "r", Space: space, Facts: f}, reactors.NeedThread, at(60))
				if err != nil || got.Message.RepliesByOthers != tt.replies || got.Message.Quotes != tt.quotes || !got.Message.Exists {
					t.Errorf("%s: got %+v, %v, want %d replies, %d quotes", f.Trigger, got.Message, err, tt.replies, tt.quotes)
				}
			}
		})
	}
}

// What a message quotes stays known, though an edit's event says nothing of it.
func TestQuotesAreKept(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	record(t, s,
		said("1", 1, "T.T", "users/ann", events.UserHuman, "where is it?", "T", ""),
		said("2", 2, "U.U", "users/bob", events.UserHuman, "there", "U", "T.T"),
		live("3", at(3), message(events.VerbUpdated, space+"/messages/U.U", "users/bob", "over there", at(2), at(3))), // says nothing of it
	)
	if got := column(t, s, `SELECT name || ' ' || quoted FROM stored_messages WHERE quoted IS NOT NULL`); !slices.Equal(got, []string{"/U.U /T.T"}) {
		t.Errorf("got %q", got)
	}
}

// What an edit changed is what the version before it said, not that of another event.
func TestEdits(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	record(t, s, said("1", 1, "T.T", "users/ann", events.UserHuman, "see https://example.com", "T", ""))
	record(t, s, live("2", at(2), message(events.VerbUpdated, space+"/messages/T.T", "users/ann", "see https://example.com", at(1), time.Time{})))
	record(t, s, edited("3", 3, "T.T", "see below"))
	record(t, s, edited("4", 4, "T.T", "see above"))
	record(t, s, edited("5", 5, "X.X", "unknown before"))
	for _, tt := range []struct {
		seconds    int
		name, text string
		previous   string
		changed    bool
	}{
		{2, "T.T", "see https://example.com", "see https://example.com", false}, // a preview came
		{3, "T.T", "see below", "see https://example.com", true},
		{4, "T.T", "see above", "see below", true},
		{5, "X.X", "unknown before", "", true},
	} {
		f := reactors.Facts{Trigger: reactors.MessageEdited, Event: reactors.EventFacts{Time: at(tt.seconds)}}
		f.Space.Name, f.Message.Name, f.Message.Text = space, space+"/messages/"+tt.name, tt.text
		for _, when := range []time.Time{at(tt.seconds), at(60)} {
			got, err := s.FactsAsOf(t.Context(), reactors.Run{Reactor: "r", Space: space, Facts: f}, reactors.NeedEdits, when)
			if err != nil || got.Message.PreviousText != tt.previous || got.Message.TextChanged != tt.changed {
				t.Errorf("edit at %d s, asked at %s: got %q, changed %v, %v", tt.seconds, when.Format("05"), got.Message.PreviousText, got.Message.TextChanged, err)
			}
		}
	}
}

// Who is external is known of any membership that tells; what Chat told is kept.
func TestAffiliation(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	of := func(space, user, affiliation string) events.Item {
		it := membership(events.VerbCreated, space, user, events.MembershipJoined)
		it.Membership.Affiliation = affiliation
		return it
	}
	record(t, s, live("1", at(1), of("spaces/T", "users/1", "EXTERNAL")), live("2", at(2), of(space, "users/1", "")), live("3", at(3), of(space, "users/2", "")))
	ask := func(user string) reactors.MemberFacts {
		t.Helper()
		run := reactors.Run{Reactor: "r", Space: space, Member: user}
		run.Facts.Trigger, run.Facts.Space.Name, run.Facts.Member.Name = reactors.MessageCreated, space, user
		f, err := s.Facts(t.Context(), run, reactors.NeedAffiliation|reactors.NeedMember, at(60))
		if err != nil {
			t.Fatal(err)
		}
		return f.Member
	}
	if m := ask("users/1"); !m.KnownExternal || !m.MaybeExternal || m.Type != "HUMAN" {
		t.Errorf("of another space: %+v", m)
	}
	if m := ask("users/2"); m.KnownExternal || !m.MaybeExternal {
		t.Errorf("nobody knows: %+v", m)
	}
	if err := s.KeepPerson(t.Context(), space, "users/2", facts.Person{Type: "BOT", Affiliation: "INTERNAL"}); err != nil {
		t.Fatal(err)
	}
	if m := ask("users/2"); m.KnownExternal || m.MaybeExternal || m.Type != "HUMAN" {
		t.Errorf("Chat told: %+v; the type was known from events", m)
	}
}

// Recent messages are those of people; the top ones are those with the most
// reactions that are still there.
func TestRecentAndTop(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	record(t, s,
		said("1", 1, "A.A", "users/ann", events.UserHuman, "first", "A", ""),
		said("2", 2, "B.B", "users/bob", events.UserHuman, "second", "B", ""),
		said("3", 3, "C.C", "users/app", events.UserBot, "third", "C", ""),
		said("4", 4, "D.D", "users/ann", events.UserHuman, "gone", "D", ""),
		reacted("5", 5, events.VerbCreated, "A.A", "users/bob", "👍"),
		reacted("6", 6, events.VerbCreated, "A.A", "users/bob", "🎉"),
		reacted("7", 7, events.VerbDeleted, "A.A", "users/bob", "🎉"),
		reacted("8", 8, events.VerbCreated, "C.C", "users/bob", "👍"),
		reacted("9", 9, events.VerbCreated, "C.C", "users/ann", "👍"),
		reacted("10", 10, events.VerbCreated, "D.D", "users/ann", "👍"),
		deleted("11", 11, "D.D", 4),
	)
	if _, err := s.Store.Exec(t.Context(), `UPDATE users SET display_name = 'Ann' WHERE user_name = 'users/ann'`); err != nil {
		t.Fatal(err)
	}
	run := reactors.Run{Reactor: "r", Space: space}
	run.Facts.Trigger, run.Facts.Space.Name = reactors.Schedule, space
	f, err := s.FactsAsOf(t.Context(), run, reactors.NeedRecent|reactors.NeedTop, at(20))
	if err != nil {
		t.Fatal(err)
	}
	record(t, s,
		reacted("12", 21, events.VerbCreated, "B.B", "users/ann", "❤"),
		reacted("13", 22, events.VerbCreated, "B.B", "users/bob", "❤️"), reacted("14", 23, events.VerbCreated, "A.A", "users/ann", "❤️"),
		reacted("15", 24, events.VerbCreated, "C.C", "users/app", "❤️"), reacted("16", 25, events.VerbDeleted, "C.C", "users/app", "❤️"),
	)
	for when, want := range map[int]string{20: "👍", 23: "👍", 24: "❤️", 25: "👍"} {
		if f, err := s.FactsAsOf(t.Context(), run, reactors.NeedWeek, at(when)); err != nil || f.Space.Week.TopEmoji != want {
			t.Errorf("after %ds the top emoji is %q, %v, want %q", when, f.Space.Week.TopEmoji, err, want)
		}
	}
	if diff := cmp.Diff([]time.Duration{16 * time.Second, 18 * time.Second, 19 * time.Second}, f.Space.Recent); diff != "" {
		t.Errorf("recent messages (-want +got):\n%s", diff)
	}
	want := []reactors.TopMessage{
		{Text: "third", Author: reactors.Mention{User: "users/app"}, Permalink: reactors.MessageLink(space + "/messages/C.C"), Reactions: 2},
		{Text: "first", Author: reactors.Mention{User: "users/ann"}, AuthorName: "Ann", Permalink: reactors.MessageLink(space + "/messages/A.A"), Reactions: 1},
	}
	if diff := cmp.Diff(want, f.Space.Week.TopMessages); diff != "" {
		t.Errorf("top messages (-want +got):\n%s", diff)
	}
}
