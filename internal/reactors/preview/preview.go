package preview

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/googleapis/gax-go/v2"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/clock"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// Options say for whom a rule is previewed; "" is made up.
type Options struct {
	Space, Member string
	SendTo        string // users/U, who alone sees the messages; "" for nobody

	// Progress is called with how far the search for an event has come; nil for nobody.
	Progress func(from, at, to time.Time)
}

const sampleEvent = "/spaceEvents/SAMPLE"

// Sample makes up facts for the rule: a person who did what matches its trigger.
func Sample(rule *rules.Rule, o Options) reactors.Facts {
	space, member := cmp.Or(o.Space, "spaces/SAMPLE"), cmp.Or(o.Member, "users/SAMPLE")
	now := time.Now().UTC()
	f := reactors.Facts{
		Trigger: rule.On[0],
		Event:   reactors.EventFacts{ID: space + sampleEvent, Type: string(rule.On[0]), Time: now},
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
		{
			Text: "A sample of a message", Author: reactors.Mention{User: member}, AuthorName: f.Member.DisplayName,
			Permalink: reactors.MessageLink(f.Message.Name), Reactions: 5,
		},
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
// with the state as of now. If there is none, as found says, who did what is made
// up, and the rest is the space's. A schedule needs no event.
func Recorded(ctx context.Context, set *rules.Set, rule *rules.Rule, past Past, o Options) (f reactors.Facts, found bool, err error) {
	f = Sample(rule, o)
	f.Space = reactors.SpaceFacts{Name: o.Space}
	now := time.Now()
	which := reactors.Filter{Kinds: rules.Kinds(rule), Space: o.Space}
	needs := ofSpace
	if rule.On[0] == reactors.Schedule {
		f.Event.ID, found = "", true
	} else if err := past.History(ctx, now.Add(-lookBack), now, which, func(c reactors.Change) error {
		if o.Progress != nil {
			o.Progress(now.Add(-lookBack), c.Event.Time, now)
		}
		for _, in := range set.PlanAll(c) {
			if told := reactors.FactsOf(c, in.Trigger); in.Reactor == rule.ID && (o.Member == "" || told.Member.Name == o.Member) {
				f, found = told, true
			}
		}
		return nil
	}); err != nil {
		return f, false, err
	}
	if found {
		needs = reactors.NeedAll
	}
	f, err = past.Facts(ctx, reactors.Run{Reactor: rule.ID, Space: o.Space, Facts: f}, needs, now)
	return f, found, err
}

// ofSpace is what is known of a space without an event.
const ofSpace = reactors.NeedSpace | reactors.NeedSpaceActivity | reactors.NeedWeek | reactors.NeedRecent | reactors.NeedTop

// CheckSpace is an error about a space in which the rule has nothing to do.
func CheckSpace(rule *rules.Rule, space string, titlesOf TitlesOf) error {
	titles := titlesOf(append([]string{space}, rule.Include...)...)
	why := "its spaces except that"
	switch {
	case slices.Contains(rule.Except, space):
	case len(rule.Include) == 0 || slices.Contains(rule.Include, space):
		return nil
	case len(rule.Include) == 1:
		why = "it is for " + titles.With(rule.Include[0])
	default:
		why = fmt.Sprintf("it is for %d others, such as %s", len(rule.Include), titles.With(rule.Include[0]))
	}
	return fmt.Errorf("%s doesn't apply in %s: %s", rule.ID, titles.With(space), why)
}

// Titles say what people call spaces and people.
type Titles interface {
	With(resource string) string // "Anna (users/123)"
	In(text string) string       // the text, with titles beside the resources that it names
}

// TitlesOf looks titles up of the spaces and people that texts name.
type TitlesOf func(texts ...string) Titles

// shown is what is done at one time.
type shown struct {
	when     string
	requests []reactors.Request
}

// Show prints what each step would do, where and to whom, and returns it. Then it
// says what is empty among the facts, or may be if they are made up.
func Show(ctx context.Context, out io.Writer, rule *rules.Rule, f reactors.Facts, titlesOf TitlesOf) ([]reactors.Request, error) {
	now := time.Now()
	list, err := steps(ctx, rule, f, now)
	if err != nil {
		return nil, err
	}
	var all []reactors.Request
	named := []string{f.Space.Name, f.Member.Name}
	for _, s := range list {
		for _, r := range s.requests {
			all, named = append(all, r), append(append(named, r.Effect), Lines(r.Body)...)
		}
	}
	titles := titlesOf(named...)
	whom := ""
	if f.Member.Name != "" {
		whom = " for " + cli.Clean(titles.With(f.Member.Name))
	}
	if f.Space.Name != "" {
		whom += " in " + cli.Clean(titles.With(f.Space.Name))
	}
	fmt.Fprintf(out, "%s (%s)%s\n", rule.ID, rule.Mode, whom)
	for _, s := range list {
		for _, r := range s.requests {
			fmt.Fprintf(out, "\n%s: %s\n", s.when, cli.Clean(titles.In(r.Effect)))
			PrintContent(out, r.Body, titles)
		}
	}
	notes(out, rule, f, now)
	return all, nil
}

// notes says what more there is to know before a rule acts: what is empty, and how
// often it acts.
func notes(out io.Writer, rule *rules.Rule, f reactors.Facts, now time.Time) {
	var list []string
	where := "here: nobody knows it"
	if strings.HasSuffix(f.Event.ID, sampleEvent) {
		f.Member.DisplayName = "" // Google's events tell no names
		where = "for whom nobody knows it"
	}
	for _, field := range rule.Empty(&f, now) {
		list = append(list, fmt.Sprintf("{{ %s }} writes nothing %s", field, where))
	}
	for _, l := range rule.Limits {
		rest := "is dropped"
		if l.Later {
			rest = "comes later"
		}
		list = append(list, fmt.Sprintf("limit %s: what is more %s", l, rest))
	}
	for i, note := range list {
		if i == 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "note: %s\n", note)
	}
}

// steps renders all that the rule does.
func steps(ctx context.Context, rule *rules.Rule, f reactors.Facts, now time.Time) (list []shown, err error) {
	run := reactors.Run{
		Reactor: rule.ID, Subject: "preview", Shadow: true, Trigger: f.Trigger, Space: f.Space.Name, Member: f.Member.Name,
		EventTime: f.Event.Time, Facts: f,
	}
	for _, s := range rule.Steps {
		run.Step, run.StepID = s.Index, s.ID
		one := shown{when: when(rule, s.After, now)}
		if one.requests, err = rule.Render(ctx, run, f, now, false); err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	if c := rule.Collapse; c != nil {
		group := []string{f.Member.Name}
		for i := range c.Over {
			group = append(group, fmt.Sprintf("users/SAMPLE%d", i+2))
		}
		run.Step, run.StepID = 0, ""
		one := shown{when: fmt.Sprintf("%s, once for more than %d", when(rule, rule.Steps[0].After, now), c.Over)}
		if one.requests, err = rule.Render(ctx, run, f.Grouped(group), now, true); err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

// when says when a step is due: of an event how long after it, of a schedule from
// which time on it comes next.
func when(rule *rules.Rule, after rules.Wait, now time.Time) string {
	var window time.Duration
	if rule.Collapse != nil {
		window = rule.Collapse.Window
	}
	if after.Hours == nil { // the longer one counts
		after.For, window = max(after.For, window), 0
	}
	s, wait := "at once", after.String()
	if window > 0 {
		wait += " and at least " + strictyaml.FormatDuration(window)
	}
	if after.For+window > 0 {
		s = "after " + wait
	}
	if next := rule.NextTick(now); !next.IsZero() {
		at := clock.Wall(next)
		if s = "next on " + at; after.For+window > 0 {
			s = "next " + wait + " after " + at
		}
	}
	if rule.Until != nil {
		s += ", or as soon as " + rule.Until.Source()
	}
	switch q := rule.Quiet; {
	case q == nil:
	case q.Drop:
		s += ", if that is within " + q.String()
	default:
		s += ", then within " + q.String()
	}
	return s
}

// Send sends the messages among the requests to one person.
func Send(ctx context.Context, out io.Writer, chat *gchat.Client, requests []reactors.Request, o Options, titlesOf TitlesOf) error {
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
	titles := titlesOf(o.SendTo, o.Space)
	fmt.Fprintf(out, "\nsent %s to %s in %s, who alone can see them, with new ids\n", cli.Count(sent, "message"), cli.Clean(titles.With(o.SendTo)), cli.Clean(titles.With(o.Space)))
	return nil
}

// betweenMessages is how far apart Google wants two messages to a space.
const betweenMessages = 1100 * time.Millisecond
