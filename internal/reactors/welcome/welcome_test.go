package welcome_test

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/welcome"
)

// chat notes what it is asked to send.
type chat struct {
	sent  []gchat.CreateMessage
	found bool
	err   error
}

func (c *chat) CreateMessage(_ context.Context, m gchat.CreateMessage) (gchat.Message, error) {
	c.sent = append(c.sent, m)
	return gchat.Message{}, c.err
}

func (c *chat) MessageByClientID(context.Context, string, string) (gchat.Message, bool, error) {
	return gchat.Message{}, c.found, c.err
}

var joinedAt = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func join(change func(*reactors.Change)) reactors.Change {
	c := reactors.Change{
		Event: &events.Event{ID: "spaces/AAQA/spaceEvents/E1", Time: joinedAt},
		Item: &events.Item{Kind: events.KindMembership, Verb: events.VerbCreated, Space: "spaces/AAQA", Membership: &events.Membership{
			State: events.MembershipJoined, Member: events.User{Name: "users/7", Type: events.UserHuman},
		}},
		Origin: events.OriginLive,
		Joined: true,
	}
	if change != nil {
		change(&c)
	}
	return c
}

func TestPlanGreetsOnlyPeopleWhoJoinNow(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*reactors.Change)
		want   int
	}{
		"a person joins":      {nil, 1},
		"a bot joins":         {func(c *reactors.Change) { c.Item.Membership.Member.Type = events.UserBot }, 0},
		"a group joins":       {func(c *reactors.Change) { c.Item.Membership.Member = events.User{} }, 0},
		"of unknown type":     {func(c *reactors.Change) { c.Item.Membership.Member.Type = "" }, 0},
		"no transition":       {func(c *reactors.Change) { c.Joined = false }, 0},
		"backfilled":          {func(c *reactors.Change) { c.Origin = events.OriginBackfill }, 0},
		"names only":          {func(c *reactors.Change) { c.Item.Membership = nil }, 0},
		"a message is posted": {func(c *reactors.Change) { c.Item.Membership, c.Joined = nil, false }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runs, err := welcome.New(&chat{}, welcome.Options{Text: "Hi"}).Plan(join(tt.change))
			if err != nil || len(runs) != tt.want {
				t.Errorf("Plan = %d runs, %v, want %d", len(runs), err, tt.want)
			}
		})
	}
}

func TestSamePersonAndSpaceGetTheSameIDs(t *testing.T) {
	t.Parallel()
	c := &chat{}
	r := welcome.New(c, welcome.Options{Text: "Hi {member}, welcome. {member}!", MaxAge: time.Hour})
	for _, change := range []func(*reactors.Change){
		nil,
		func(c *reactors.Change) {
			c.Event = &events.Event{ID: "spaces/AAQA/spaceEvents/E2", Time: joinedAt.Add(time.Hour)}
		},
		func(c *reactors.Change) { c.Item.Space = "spaces/OTHER" },
		func(c *reactors.Change) { c.Item.Membership.Member.Name = "users/8" },
	} {
		runs, err := r.Plan(join(change))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Act(t.Context(), runs[0]); err != nil {
			t.Fatal(err)
		}
	}
	first := c.sent[0]
	if diff := cmp.Diff(first, c.sent[1]); diff != "" {
		t.Errorf("a second join of the same person makes another request (-first +second):\n%s", diff)
	}
	for _, other := range c.sent[2:] {
		if other.MessageID == first.MessageID || other.RequestID == first.RequestID {
			t.Errorf("%s in %s shares an id with %s in %s", other.PrivateViewer, other.Space, first.PrivateViewer, first.Space)
		}
	}
	if want := "Hi <users/7>, welcome. <users/7>!"; first.Text != want {
		t.Errorf("text = %q, want %q", first.Text, want)
	}
	if first.PrivateViewer != "users/7" || first.Space != "spaces/AAQA" {
		t.Errorf("sent to %s in %s, want users/7 in spaces/AAQA", first.PrivateViewer, first.Space)
	}
	if valid := regexp.MustCompile(`^client-[a-z0-9-]{1,56}$`); !valid.MatchString(first.MessageID) {
		t.Errorf("message id %q is none that Chat accepts", first.MessageID)
	}
}

func TestTextIsRenderedOnce(t *testing.T) {
	t.Parallel()
	before := welcome.New(&chat{}, welcome.Options{Text: "old"})
	runs, err := before.Plan(join(nil))
	if err != nil {
		t.Fatal(err)
	}
	c := &chat{}
	after := welcome.New(c, welcome.Options{Text: "new"})
	if err := after.Act(t.Context(), runs[0]); err != nil {
		t.Fatal(err)
	}
	if c.sent[0].Text != "old" {
		t.Errorf("a retry after a change of the text sends %q, want the text that was planned", c.sent[0].Text)
	}
}

func TestActPassesErrorsOn(t *testing.T) {
	t.Parallel()
	c := &chat{err: reactors.Permanent(errors.New("not a member"))}
	r := welcome.New(c, welcome.Options{Text: "Hi"})
	runs, err := r.Plan(join(nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Act(t.Context(), runs[0]); !reactors.IsPermanent(err) {
		t.Errorf("Act = %v, want the permanent error", err)
	}
	if err := r.Act(t.Context(), reactors.Run{ID: 5, Request: json.RawMessage(`{"text":`)}); !reactors.IsPermanent(err) || !strings.Contains(err.Error(), "run 5") {
		t.Errorf("Act on a broken request = %v, want a permanent error that names the run", err)
	}
}

func TestSettledAsksChat(t *testing.T) {
	t.Parallel()
	for _, found := range []bool{true, false} {
		r := welcome.New(&chat{found: found}, welcome.Options{Text: "Hi"})
		runs, err := r.Plan(join(nil))
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.Settled(t.Context(), runs[0])
		if err != nil || got != found {
			t.Errorf("Settled = %t, %v, want %t", got, err, found)
		}
	}
}
