package preview

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/googleapis/gax-go/v2"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

// Options say for whom a rule is previewed; "" is made up.
type Options struct {
	Space, Member string
	SendTo        string // users/U, who alone sees the messages; "" for nobody

	// Progress is called with how far the search for an event has come; nil for nobody.
	Progress func(from, at, to time.Time)
}

// Sample makes up facts for the rule: a person who did what matches its trigger.
func Sample(rule *rules.Rule, o Options) reactors.Facts {
	space, member := cmp.Or(o.Space, "spaces/SAMPLE"), cmp.Or(o.Member, "users/SAMPLE")
	now := time.Now().UTC()
	f := reactors.Facts{
		Trigger: rule.On[0],
		Event:   reactors.EventFacts{ID: space + "/spaceEvents/SAMPLE", Type: string(rule.On[0]), Time: now},
		Space:   reactors.SpaceFacts{Name: space, DisplayName: "Sample space", Type: "SPACE", Members: 12, JoinsLastHr: 1},
		Member:  reactors.MemberFacts{Name: member, Type: "HUMAN", Role: "ROLE_MEMBER", PreviousRole: "ROLE_MANAGER", DisplayName: "Sam Sample", IsMember: true},
		Message: reactors.MessageFacts{
			Name: space + "/messages/SAMPLE.SAMPLE", Text: "A sample of a message", Author: "users/AUTHOR", Thread: space + "/threads/SAMPLE",
			Exists: true, Reactions: map[string]int{"👍": 5}, PreviousText: "A simple of a message", TextChanged: true,
		},
		Reaction: reactors.ReactionFacts{Emoji: "👍"},
		Command:  reactors.CommandFacts{ID: 1},
		Card:     reactors.CardFacts{Function: "sample", Parameters: map[string]string{}},

		GoogleGroup:  reactors.GoogleGroupFacts{Name: "groups/SAMPLE"},
		Subscription: reactors.SubscriptionFacts{Name: "subscriptions/SAMPLE", Reason: "USER_SCOPE_REVOKED"},
	}
	f.Space.Week = reactors.WeekFacts{Messages: 34, Posters: 7, Joins: 2, Leaves: 1, TopEmoji: "🎉", TopMessages: []reactors.TopMessage{
		{Text: "A sample of a message", Author: reactors.Mention{User: member}, Permalink: reactors.MessageLink(f.Message.Name), Reactions: 5},
	}}
	return expr.Brought(f).Grouped(nil)
}

// lookBack is how far a preview looks for an event.
const lookBack = 28 * 24 * time.Hour

// Past is what was recorded.
type Past interface {
	History(ctx context.Context, since, until time.Time, f reactors.Filter, each func(reactors.Change) error) error
	Facts(ctx context.Context, run reactors.Run, needs reactors.Needs, now time.Time) (reactors.Facts, error)
}

// Recorded returns the newest event of the space that pulls the rule's trigger,
// with the state as of now. If there is none it says so and returns the sample. A
// schedule needs no event.
func Recorded(ctx context.Context, out io.Writer, set *rules.Set, rule *rules.Rule, past Past, o Options) (reactors.Facts, error) {
	sample := Sample(rule, o)
	now := time.Now()
	found, fits := sample, false
	if rule.On[0] == reactors.Schedule {
		found.Event.ID = ""
		return past.Facts(ctx, reactors.Run{Reactor: rule.ID, Space: o.Space, Facts: found}, reactors.NeedAll, now)
	}
	which := reactors.Filter{Kinds: rules.Kinds(rule), Space: o.Space}
	err := past.History(ctx, now.Add(-lookBack), now, which, func(c reactors.Change) error {
		if o.Progress != nil {
			o.Progress(now.Add(-lookBack), c.Event.Time, now)
		}
		for _, in := range set.PlanAll(c) {
			if f := reactors.FactsOf(c, in.Trigger); in.Reactor == rule.ID && (o.Member == "" || f.Member.Name == o.Member) {
				found, fits = f, true
			}
		}
		return nil
	})
	if err != nil {
		return sample, err
	}
	if !fits {
		fmt.Fprintf(out, "nothing that is recorded of %s in 28 days pulls the trigger: names and numbers are made up\n", o.Space)
		return sample, nil
	}
	return past.Facts(ctx, reactors.Run{Reactor: rule.ID, Space: o.Space, Facts: found}, reactors.NeedAll, now)
}

// Show prints what each step would do, and returns it. title is how a person or a
// space is shown.
func Show(ctx context.Context, out io.Writer, rule *rules.Rule, f reactors.Facts, title func(string) string) ([]reactors.Request, error) {
	run := reactors.Run{
		Reactor: rule.ID, Subject: "preview", Shadow: true, Trigger: f.Trigger, Space: f.Space.Name, Member: f.Member.Name,
		EventTime: f.Event.Time, Facts: f,
	}
	whom := ""
	if f.Member.Name != "" {
		whom = " for " + cli.Clean(title(f.Member.Name))
	}
	fmt.Fprintf(out, "%s (%s)%s in %s\n", rule.ID, rule.Mode, whom, cli.Clean(title(f.Space.Name)))
	var all []reactors.Request
	show := func(title string, collapsed bool, f reactors.Facts) error {
		requests, err := rule.Render(ctx, run, f, time.Now(), collapsed)
		if err != nil {
			return err
		}
		for _, r := range requests {
			fmt.Fprintf(out, "\n%s: %s\n", title, r.Action)
			PrintContent(out, r.Body)
		}
		all = append(all, requests...)
		return nil
	}
	for _, s := range rule.Steps {
		run.Step, run.StepID = s.Index, s.ID
		title := "at once"
		if s.After.For > 0 {
			title = "after " + s.After.String()
		}
		if err := show(title, false, f); err != nil {
			return nil, err
		}
	}
	if c := rule.Collapse; c != nil {
		group := []string{f.Member.Name}
		for i := range c.Over {
			group = append(group, fmt.Sprintf("users/SAMPLE%d", i+2))
		}
		run.Step, run.StepID = 0, ""
		if err := show(fmt.Sprintf("once for more than %d", c.Over), true, f.Grouped(group)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Send sends the messages among the requests to one person.
func Send(ctx context.Context, out io.Writer, chat *gchat.Client, requests []reactors.Request, o Options, title func(string) string) error {
	sent := 0
	for _, r := range requests {
		var body struct {
			Text  string          `json:"text"`
			Cards json.RawMessage `json:"cards"`
		}
		if json.Unmarshal(r.Body, &body) != nil || body.Text == "" && body.Cards == nil {
			continue
		}
		if sent > 0 {
			if err := gax.Sleep(ctx, betweenMessages); err != nil {
				return err
			}
		}
		id := uuid.NewString()
		if _, err := chat.CreateMessage(ctx, gchat.CreateMessage{
			Space: o.Space, Text: body.Text, Cards: body.Cards, PrivateViewer: o.SendTo, RequestID: id, MessageID: "client-preview-" + id,
		}); err != nil {
			return fmt.Errorf("after %s: %w", cli.Count(sent, "message"), err)
		}
		sent++
	}
	if sent == 0 {
		fmt.Fprintln(out, "\nnothing was sent: the rule writes no message")
		return nil
	}
	fmt.Fprintf(out, "\nsent %s to %s in %s, who alone can see them, with new ids\n", cli.Count(sent, "message"), cli.Clean(title(o.SendTo)), cli.Clean(title(o.Space)))
	return nil
}

// betweenMessages is how far apart Google wants two messages to a space.
const betweenMessages = 1100 * time.Millisecond
