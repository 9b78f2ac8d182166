package expr_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func newEnv(t testing.TB) *expr.Env {
	t.Helper()
	env, err := expr.NewEnv()
	if err != nil {
		t.Fatal(err)
	}
	return env.ForGroup()
}

func condition(t testing.TB, src string) *expr.Condition {
	t.Helper()
	c, err := newEnv(t).Condition(src)
	if err != nil {
		t.Fatalf("Condition(%q): %v", src, err)
	}
	return c
}

// anna has joined, written and been greeted with a wave.
func anna() *reactors.Facts {
	f := reactors.Facts{
		Trigger: reactors.MemberJoined,
		Event:   reactors.EventFacts{ID: "e1", Type: "google.workspace.chat.membership.v1.created", Time: noon.Add(-time.Hour).In(time.FixedZone("", 7200))},
		Space: reactors.SpaceFacts{
			Name: "spaces/S", DisplayName: "Team News", Type: "SPACE", Members: 12, JoinsLastHr: 3,
			Week: reactors.WeekFacts{Messages: 40, Posters: 4, Joins: 5, Leaves: 1, TopEmoji: "👍"},
		},
		Member: reactors.MemberFacts{
			Name: "users/1", Mention: reactors.Mention{User: "users/1"}, Type: "HUMAN", Role: "ROLE_MEMBER",
			DisplayName: "Anna", IsMember: true,
		},
		Message: reactors.MessageFacts{
			Name: "spaces/S/messages/M", Text: "Please HELP me", Thread: "spaces/S/threads/T",
			Attachments: 2, Exists: true, RepliesByOthers: 1,
		},
		Reaction: reactors.ReactionFacts{Emoji: "👋"},
	}
	f = f.Grouped([]string{"users/1", "users/2", "users/3", "users/4"})
	return &f
}

func TestEval(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]bool{
		`member.type == "HUMAN" && !member.known_external`:   true,
		`member.messages_in_space > 0 || !member.is_member`:  false,
		`trigger == "member.joined"`:                         true,
		`space.name.startsWith("spaces/")`:                   true,
		`message.text.lowerAscii().contains("help")`:         true,
		`message.text.matches("(?i)\\bhelp\\b")`:             true,
		`message.attachments + 1 == 3`:                       true,
		`reaction.emoji in ["👍", "👋"]`:                       true,
		`space.week.joins - space.week.leaves == 4`:          true,
		`now - event.time >= duration("1h")`:                 true,
		`now - event.time < duration("1d")`:                  true,
		`now - event.time > duration("7d")`:                  false,
		`now - event.time > duration("1h")`:                  false,
		`event.time.getHours() == 11`:                        true, // UTC
		`now > timestamp("2026-03-02T11:59:59Z")`:            true,
		`group.size == 4`:                                    true,
		`group.members.exists(m, m == "users/3")`:            true,
		`group.mentions.all(m, m.user.startsWith("users/"))`: true,
		`group.mentions[0] == member.mention`:                true,
		`group.mentions[1] == member.mention`:                false,
		`has(member.role) && !has(member.previous_role)`:     true,
		`(member.is_member ? space : space).name != ""`:      true,
		`[space][0].week.posters == 4`:                       true,
		`message.is_reply || message.replies_by_others == 1`: true,
	} {
		got, err := condition(t, src).Eval(t.Context(), anna(), noon)
		if err != nil || got != want {
			t.Errorf("%s = %v, %v; want %v", src, got, err, want)
		}
	}
}

func TestEvalFails(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		`int(message.text) > 1`,
		`group.members[99] == ""`,
		`1 / (space.members - 12) == 1`,
		`{"a": 1}[message.text] == 1`,
		`timestamp(message.text) < now`,
		`message.text.matches(member.role + "(")`,
		`message.text.charAt(9999) == ""`,
	} {
		ok, err := condition(t, src).Eval(t.Context(), anna(), noon)
		if ok || err == nil {
			t.Errorf("%s = %v, %v; want an error", src, ok, err)
			continue
		}
		if strings.Contains(err.Error(), "HELP") {
			t.Errorf("%s: the error quotes the message: %v", src, err)
		}
	}
}

func TestEvalHonoursContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, src := range []string{`member.is_member`, `group.members.exists(m, m == "x")`} {
		if ok, err := condition(t, src).Eval(ctx, anna(), noon); ok || !errors.Is(err, context.Canceled) {
			t.Errorf("%s = %v, %v; want context.Canceled", src, ok, err)
		}
	}
}

// stopped is a context that is done as soon as somebody waits for it, and says
// so only then.
type stopped struct {
	context.Context
	done chan struct{}
}

func (s *stopped) Done() <-chan struct{} {
	select {
	case <-s.done:
	default:
		close(s.done)
	}
	return s.done
}

func (s *stopped) Err() error {
	select {
	case <-s.done:
		return context.Canceled
	default:
		return nil
	}
}

func TestEvalIsInterrupted(t *testing.T) {
	t.Parallel()
	c := condition(t, `group.members.all(m, m != "x")`)
	f := anna()
	f.Group.Members = make([]string, 200)
	ctx := &stopped{t.Context(), make(chan struct{})}
	if ok, err := c.Eval(ctx, f, noon); ok || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v; want context.Canceled", ok, err)
	}
}

// The estimate takes the list for a short one. What stops a longer one is a cost,
// never the time: the same condition on the same facts always ends the same way.
func TestLongListsEndAtTheirCost(t *testing.T) {
	t.Parallel()
	c := condition(t, `group.members.all(m, m != "x")`)
	f := anna()
	for _, tt := range []struct {
		members int
		holds   bool
	}{{10_000, true}, {20_000, false}, {4 << 20, false}} {
		f.Group.Members = make([]string, tt.members)
		for range 3 {
			ok, err := c.Eval(t.Context(), f, noon)
			if ok != tt.holds || (err == nil) != tt.holds {
				t.Errorf("%d members: got %v, %v; want that it holds: %v", tt.members, ok, err, tt.holds)
			}
			if err != nil && !strings.Contains(err.Error(), "costs too much") {
				t.Errorf("%d members: got %v; want it to cost too much", tt.members, err)
			}
		}
	}
}

// A machine that takes its time changes no verdict. This one's pattern makes it
// slow, as others that are busy would.
func TestSlowIsNoError(t *testing.T) {
	t.Parallel()
	c := condition(t, `group.members.all(m, !m.matches("(x?){60}y"))`)
	f := anna()
	f.Group.Members = slices.Repeat([]string{strings.Repeat("x", 300)}, 50)
	began := time.Now()
	if ok, err := c.Eval(t.Context(), f, noon); !ok || err != nil {
		t.Errorf("after %v: got %v, %v; want that it holds", time.Since(began), ok, err)
	}
	if took := time.Since(began); took < 50*time.Millisecond {
		t.Skipf("took %v: on so fast a machine it shows nothing", took)
	}
}

// A text of more than Chat allows is seen in part.
func TestEvalClips(t *testing.T) {
	t.Parallel()
	f := anna()
	f.Message.Text = "x" + strings.Repeat("é", 1<<20) // the limit falls into a character
	if ok, err := condition(t, `size(message.text) == 16384`).Eval(t.Context(), f, noon); !ok || err != nil {
		t.Errorf("got %v, %v", ok, err)
	}
}

func TestNeeds(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]reactors.Needs{
		`member.type == "HUMAN"`:                                          reactors.NeedMember, // where the event doesn't tell
		`now > event.time && space.name != ""`:                            0,
		`member.is_member`:                                                reactors.NeedMember,
		`has(member.display_name)`:                                        reactors.NeedMember,
		`member.messages_in_space == 0`:                                   reactors.NeedPosts,
		`space.week.joins > 3 || message.exists`:                          reactors.NeedWeek | reactors.NeedThread,
		`space.members > 3`:                                               reactors.NeedSpaceActivity,
		`["a"].exists(x, x == space.display_name)`:                        reactors.NeedSpace,
		`space.week == space.week`:                                        reactors.NeedWeek | reactors.NeedTop,
		`[space][0].name == ""`:                                           reactors.NeedSpace | reactors.NeedSpaceActivity | reactors.NeedWeek | reactors.NeedTop,
		`{"a": member.is_member}["a"]`:                                    reactors.NeedMember,
		`(true ? member : member).name == ""`:                             reactors.NeedMember | reactors.NeedPosts | reactors.NeedAffiliation,
		`group.mentions.exists(m, m == member.mention)`:                   0,
		`group.members.exists(m, m == "a" && member.is_member)`:           reactors.NeedMember,
		`.member.is_member`:                                               reactors.NeedMember,
		`message.text.startsWith(string(message.replies_by_others))`:      reactors.NeedThread | reactors.NeedMessage,
		`group.members.filter(m, m != "").size() > space.joins_last_hour`: reactors.NeedSpaceActivity,
	} {
		if got := condition(t, src).Needs(); got != want {
			t.Errorf("%s needs %b, want %b", src, got, want)
		}
	}
}

func TestAtEvent(t *testing.T) {
	t.Parallel()
	human, bot := anna(), anna()
	bot.Member.Type = "BOT"
	tests := map[string]struct {
		early            bool // is there such a part
		onHuman, onRobot bool
	}{
		`member.type == "HUMAN"`:                                               {true, true, false},
		`member.type == "HUMAN" && member.messages_in_space > 9`:               {true, true, false},
		`(member.is_member && member.type == "HUMAN") && space.week.joins > 9`: {true, true, false},
		`member.is_member && space.name == "spaces/X"`:                         {true, false, false},
		`member.is_member && member.type == "HUMAN" && space.name != ""`:       {true, true, false},
		`member.is_member`:                              {},
		`member.is_member || member.type == "HUMAN"`:    {},
		`now > event.time`:                              {},
		`group.size > 3`:                                {},
		`!(member.type == "HUMAN" && member.is_member)`: {},
		// A term that fails may yet be overruled by a later one that is false.
		`int(message.text) > 1 && member.type == "HUMAN" && member.is_member`: {true, false, false},
	}
	for src, test := range tests {
		early := condition(t, src).AtEvent()
		if (early != nil) != test.early {
			t.Errorf("%s: AtEvent is %v, want one: %v", src, early, test.early)
			continue
		}
		if early == nil {
			continue
		}
		if early.Needs() != 0 || early.AtEvent() != early || early.Source() != src {
			t.Errorf("%s: AtEvent needs %b, comes from %q", src, early.Needs(), early.Source())
		}
		gotHuman, _ := early.Eval(t.Context(), human, noon)
		gotBot, err := early.Eval(t.Context(), bot, noon)
		if gotHuman != test.onHuman || gotBot != test.onRobot || err != nil {
			t.Errorf("%s: at the event %v for people, %v (%v) for apps; want %v, %v",
				src, gotHuman, gotBot, err, test.onHuman, test.onRobot)
		}
	}
}

// If the part that the event tells is false, the whole is false, too.
func TestAtEventImplies(t *testing.T) {
	t.Parallel()
	parts := []string{
		`member.type == "HUMAN"`, `member.is_member`, `space.name == "spaces/x"`, `now < event.time`,
		`int(message.text) > 1`, `1 / space.week.messages > 1`,
	}
	env := newEnv(t)
	for _, a := range parts {
		for _, b := range parts {
			for _, c := range parts {
				whole, err := env.Condition(a + " && " + b + " && " + c)
				if err != nil {
					t.Fatal(err)
				}
				early := whole.AtEvent()
				if early == nil {
					continue
				}
				before, err := early.Eval(t.Context(), anna(), noon)
				after, err2 := whole.Eval(t.Context(), anna(), noon)
				if err == nil && !before && (after || err2 != nil) {
					t.Errorf("%s: false at the event, then %v, %v", whole.Source(), after, err2)
				}
			}
		}
	}
}

func TestConcurrently(t *testing.T) {
	t.Parallel()
	c := condition(t, `member.is_member && group.members.exists(m, m == member.name)`)
	results := make(chan error)
	const many = 8
	for range many {
		go func() {
			var failed error
			for range 200 {
				if ok, err := c.Eval(t.Context(), anna(), noon); !ok || err != nil {
					failed = errors.Join(failed, err, errors.New("not true"))
				}
			}
			results <- failed
		}()
	}
	for range many {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff(`member.is_member && group.members.exists(m, m == member.name)`, c.Source()); diff != "" {
		t.Errorf("source (-want +got):\n%s", diff)
	}
}
