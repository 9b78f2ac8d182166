package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/googleapis/gax-go/v2"
	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
	"github.com/spacekeeper/spacekeeper/internal/reactors/replay"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
)

type previewOptions struct{ space, member, sendTo string }

func newReactorsPreview(env *environment) *cobra.Command {
	var o previewOptions
	cmd := &cobra.Command{
		Use:   "preview ID",
		Short: "Show what a rule says, here or to one person",
		Long: `Preview renders each step of a rule for a made-up person, or, with --space, for
the newest event of that space that pulls its trigger, and a schedule as of now.
Conditions aren't asked.

With --send-to, messages go to one member of the space, who alone can see them.
They carry new ids, so the rule itself takes no notice.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			var needs []config.Need
			if o.space != "" {
				needs = append(needs, config.ForReactors)
			}
			cfg, err := env.Load(needs...)
			if err != nil {
				return err
			}
			set, err := env.someRules(cfg, "")
			if err != nil {
				return err
			}
			rule, err := knownRule(set, args[0], o.space)
			if err != nil {
				return err
			}
			return env.preview(cmd.Context(), cfg, set, rule, o)
		},
	}
	cmd.Flags().StringVar(&o.space, "space", "", "as in this space, by its overrides and its newest event")
	cmd.Flags().StringVar(&o.member, "member", "", "for this person, such as users/123")
	cmd.Flags().StringVar(&o.sendTo, "send-to", "", "send it to this member of the space, such as users/123, privately")
	return cmd
}

func (o *previewOptions) check() error {
	for flag, value := range map[string]string{"--member": o.member, "--send-to": o.sendTo} {
		if value != "" && !events.IsUser(value) {
			return cli.Usage("%s %q is nobody: name them as users/123", flag, value)
		}
	}
	if o.space == "" && o.sendTo != "" {
		return cli.Usage("--send-to needs --space, in which the person can see it")
	}
	if o.space == "" {
		return nil
	}
	return checkSpaces([]string{o.space})
}

func (e *environment) preview(ctx context.Context, cfg config.Config, set *rules.Set, rule *rules.Rule, o previewOptions) error {
	sample := sampleFacts(rule, o)
	if o.space != "" {
		if err := withEventLog(ctx, cfg, func(db *eventlog.Log) (err error) {
			sample, err = e.recordedFacts(ctx, set, rule, db, sample, o)
			return err
		}); err != nil {
			return err
		}
	}
	requests, err := e.showSteps(ctx, rule, sample)
	if err != nil || o.sendTo == "" {
		return err
	}
	return e.sendPreview(ctx, cfg, requests, o)
}

// sampleFacts is somebody made up.
func sampleFacts(rule *rules.Rule, o previewOptions) reactors.Facts {
	space := "spaces/SAMPLE"
	if o.space != "" {
		space = o.space
	}
	member := "users/SAMPLE"
	if o.member != "" {
		member = o.member
	}
	now := time.Now().UTC()
	f := reactors.Facts{
		Trigger:  rule.On[0],
		Event:    reactors.EventFacts{ID: space + "/spaceEvents/SAMPLE", Type: string(rule.On[0]), Time: now},
		Space:    reactors.SpaceFacts{Name: space, DisplayName: "Sample space", Type: "SPACE", Members: 12, JoinsLastHr: 1},
		Member:   reactors.MemberFacts{Name: member, Type: "HUMAN", Role: "ROLE_MEMBER", PreviousRole: "ROLE_MANAGER", DisplayName: "Sam Sample", IsMember: true},
		Message:  reactors.MessageFacts{Name: space + "/messages/SAMPLE", Text: "A sample of a message", Thread: space + "/threads/SAMPLE", Exists: true},
		Reaction: reactors.ReactionFacts{Emoji: "👍"},
	}
	f.Space.Week = reactors.WeekFacts{Messages: 34, Posters: 7, Joins: 2, Leaves: 1, TopEmoji: "🎉"}
	f.Subscription = reactors.SubscriptionFacts{Name: "subscriptions/SAMPLE", Reason: "USER_SCOPE_REVOKED"}
	return expr.Brought(f).Grouped(nil)
}

// lookBack is how far a preview looks for an event.
const lookBack = 28 * 24 * time.Hour

// allNeeds is all state that there is.
const allNeeds = reactors.NeedSpace | reactors.NeedSpaceActivity | reactors.NeedWeek |
	reactors.NeedMember | reactors.NeedPosts | reactors.NeedThread

// recordedFacts is the newest event of the space that pulls the rule's trigger,
// with the state as of now; the sample if there is none, which is said. A
// schedule needs no event.
func (e *environment) recordedFacts(ctx context.Context, set *rules.Set, rule *rules.Rule, db *eventlog.Log,
	sample reactors.Facts, o previewOptions,
) (reactors.Facts, error) {
	now := time.Now()
	found, fits := sample, false
	if rule.On[0] == reactors.Schedule {
		found.Event.ID = ""
		return db.Facts(ctx, reactors.Run{Reactor: rule.ID, Space: o.space, Facts: found}, allNeeds, now)
	}
	err := db.History(ctx, now.Add(-lookBack), now, func(c reactors.Change) error {
		if c.Item.Space != o.space {
			return nil
		}
		for _, in := range set.Plan(c) {
			if f := reactors.FactsOf(c, in.Trigger); in.Reactor == rule.ID && (o.member == "" || f.Member.Name == o.member) {
				found, fits = f, true
			}
		}
		return nil
	})
	if err != nil {
		return sample, err
	}
	if !fits {
		fmt.Fprintf(e.Out, "nothing that is recorded of %s in 28 days pulls the trigger: names and numbers are made up\n", o.space)
		return sample, nil
	}
	return db.Facts(ctx, reactors.Run{Reactor: rule.ID, Space: o.space, Facts: found}, allNeeds, now)
}

// showSteps prints what each step would do, and returns it.
func (e *environment) showSteps(ctx context.Context, rule *rules.Rule, f reactors.Facts) ([]reactors.Request, error) {
	run := reactors.Run{
		Reactor: rule.ID, Subject: "preview", Shadow: true, Trigger: f.Trigger, Space: f.Space.Name, Member: f.Member.Name,
		EventTime: f.Event.Time, Facts: f,
	}
	whom := ""
	if f.Member.Name != "" {
		whom = " for " + f.Member.Name
	}
	fmt.Fprintf(e.Out, "%s (%s)%s in %s\n", rule.ID, rule.Mode, whom, f.Space.Name)
	var all []reactors.Request
	show := func(title string, collapsed bool, f reactors.Facts) error {
		requests, err := rule.Render(ctx, run, f, time.Now(), collapsed)
		if err != nil {
			return err
		}
		for _, r := range requests {
			fmt.Fprintf(e.Out, "\n%s: %s\n", title, r.Action)
			printContent(e.Out, r.Body)
		}
		all = append(all, requests...)
		return nil
	}
	for _, s := range rule.Steps {
		run.Step = s.Index
		title := "at once"
		if s.After > 0 {
			title = "after " + replay.After(s.After)
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
		run.Step = 0
		if err := show(fmt.Sprintf("once for more than %d", c.Over), true, f.Grouped(group)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// sendPreview sends the messages among the requests to one person.
func (e *environment) sendPreview(ctx context.Context, cfg config.Config, requests []reactors.Request, o previewOptions) error {
	chat, err := gchat.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer chat.Close()
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
			Space: o.space, Text: body.Text, Cards: body.Cards, PrivateViewer: o.sendTo, RequestID: id, MessageID: "client-preview-" + id,
		}); err != nil {
			return fmt.Errorf("after %s: %w", cli.Count(sent, "message"), err)
		}
		sent++
	}
	if sent == 0 {
		fmt.Fprintln(e.Out, "\nnothing was sent: the rule writes no message")
		return nil
	}
	fmt.Fprintf(e.Out, "\nsent %s to %s in %s, who alone can see them, with new ids\n", cli.Count(sent, "message"), o.sendTo, o.space)
	return nil
}

// betweenMessages is how far apart Google wants two messages to a space.
const betweenMessages = 1100 * time.Millisecond

// printContent prints a request as a person would read it: its text and cards,
// or else what it holds.
func printContent(out io.Writer, body json.RawMessage) {
	var parts map[string]json.RawMessage
	if json.Unmarshal(body, &parts) != nil {
		return
	}
	var text string
	if json.Unmarshal(parts["text"], &text) == nil && text != "" {
		for _, line := range strings.Split(text, "\n") {
			fmt.Fprintln(out, "  │ "+cli.Clean(line))
		}
	}
	shown := text != ""
	if cards := parts["cards"]; len(cards) > 0 {
		for _, line := range cardLines(cards) {
			fmt.Fprintln(out, "  ▕ "+cli.Clean(line))
		}
		shown = true
	}
	if !shown {
		printFields(out, parts)
	}
}

// printFields prints what a request holds, one a line; JSON in a text as JSON.
func printFields(out io.Writer, parts map[string]json.RawMessage) {
	for _, key := range slices.Sorted(maps.Keys(parts)) {
		value := parts[key]
		var text string
		if json.Unmarshal(value, &text) == nil && json.Valid([]byte(text)) && strings.HasPrefix(text, "{") {
			value = json.RawMessage(text)
		}
		var b bytes.Buffer
		if json.Indent(&b, value, "  ", "  ") != nil {
			continue
		}
		lines := strings.Split(b.String(), "\n")
		for i := range lines {
			lines[i] = cli.Clean(lines[i])
		}
		fmt.Fprintf(out, "  %s: %s\n", key, strings.Join(lines, "\n"))
	}
}
