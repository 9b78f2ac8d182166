package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/preview"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/names"
)

func newReactorsPreview(env *environment) *cobra.Command {
	var o preview.Options
	var picture string
	cmd := &cobra.Command{
		Use:   "preview ID",
		Short: "Show what a rule does and to whom, here or to one person",
		Long: `Preview renders each step of a rule for a made-up person, or, with --space, for
the newest event of that space that matches its trigger, and a schedule as of now.
A rule that names spaces is shown as in the first of them. Preview says when each
message goes where and to whom, and what is empty in it. Conditions aren't asked.

With --svg, it draws the rule's cards, too. With --send-to, messages go to one
member of the space, who alone can see them. They carry new ids, so the rule
doesn't count them.`,
		Args: cli.Takes(1, 1, "the id of a rule, such as welcome"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkPreview(o); err != nil {
				return err
			}
			var needs []config.Need
			if o.Space != "" {
				needs = append(needs, config.ForReactors)
			}
			cfg, err := env.Load(needs...)
			if err != nil {
				return err
			}
			set, err := env.soundRules(cfg)
			if err != nil {
				return err
			}
			if err := knownRule(set, args[0]); err != nil {
				return err
			}
			return env.preview(cmd.Context(), cfg, set, args[0], o, picture)
		},
	}
	cmd.Flags().StringVar(&o.Space, "space", "", "as in this space, by its overrides and its newest event: its name or what it is called")
	env.QuietFlag(cmd)
	cmd.Flags().StringVar(&o.Member, "member", "", "for this person, such as users/123")
	cmd.Flags().StringVar(&o.SendTo, "send-to", "", "send it to this member of the space, such as users/123, privately")
	cmd.Flags().StringVar(&picture, "svg", "", "draw the cards into this file, such as card.svg")
	return cmd
}

func checkPreview(o preview.Options) error {
	for flag, value := range map[string]string{"--member": o.Member, "--send-to": o.SendTo} {
		if value != "" && !events.IsUser(value) {
			return cli.Usage("%s %q: want a person, such as users/123456789", flag, value)
		}
	}
	if o.Space == "" && o.SendTo != "" {
		return cli.Usage("--send-to needs --space, in which the person can see it")
	}
	return nil
}

func (e *environment) preview(ctx context.Context, cfg config.Config, set *rules.Set, id string, o preview.Options, picture string) error {
	named, opened := o.Space != "", false
	if in := set.Rule(id, "").Include; !named && len(in) > 0 {
		o.Space = in[0]
	}
	if named || o.Space != "" && cfg.Validate(config.ForReactors) == nil {
		err := withEventLog(ctx, cfg, func(all *store.Store, db *eventlog.Log) error {
			opened = true
			return e.previewRecorded(ctx, cfg, set, id, all, db, o, picture)
		})
		if err == nil || named || opened {
			return err
		}
		e.Say("what is recorded of %s isn't looked up: %v", o.Space, err)
	}
	rule := set.Rule(id, o.Space)
	return e.show(ctx, cfg, rule, preview.Sample(rule, o), o, picture, func(...string) preview.Titles { return names.Titles{} })
}

// previewRecorded previews a rule as in a space that is known.
func (e *environment) previewRecorded(
	ctx context.Context, cfg config.Config, set *rules.Set, id string, all *store.Store, db *eventlog.Log, o preview.Options, picture string,
) (err error) {
	progress := e.Progress()
	defer progress.End()
	o.Progress = func(from, at, to time.Time) { progress.Reached("looking for an event, ", from, at, to) }
	if o.Space, err = resolveSpace(ctx, all, o.Space); err != nil {
		return err
	}
	rule, titles := set.Rule(id, o.Space), titlesOf(ctx, all)
	if err := preview.CheckSpace(rule, o.Space, titles); err != nil {
		return cli.Usage("--space: %w", err)
	}
	facts, found, err := preview.Recorded(ctx, set, rule, db, o)
	if err != nil {
		return err
	}
	progress.End()
	if !found {
		e.Print("nothing that is recorded of %s in 28 days pulls the trigger: who did what is made up\n", titles(o.Space).With(o.Space))
	}
	return e.show(ctx, cfg, rule, facts, o, picture, titles)
}

// show prints what the rule does, draws its cards and sends it to one person, as
// far as that is wanted.
func (e *environment) show(
	ctx context.Context, cfg config.Config, rule *rules.Rule, f reactors.Facts, o preview.Options, picture string, titles preview.TitlesOf,
) error {
	requests, err := preview.Show(ctx, e.Out, rule, f, titles)
	if err != nil {
		return err
	}
	if picture != "" {
		svg, err := preview.Picture(requests)
		if err == nil {
			err = os.WriteFile(picture, svg, 0o644) //nolint:gosec // a picture for whoever may read the folder
		}
		if err != nil {
			return fmt.Errorf("--svg: %w", err)
		}
		e.Print("\nthe cards are drawn in %s\n", picture)
	}
	if o.SendTo == "" {
		return nil
	}
	chat, err := gchat.Open(ctx, cfg, nil)
	if err != nil {
		return err
	}
	defer chat.Close()
	return preview.Send(ctx, e.Out, chat, requests, o, titles)
}
