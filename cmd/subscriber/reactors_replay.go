package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/replay"
	"github.com/spacekeeper/spacekeeper/internal/reactors/report"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
)

// window is the part of the past that is looked at, and how much of it is shown.
type window struct {
	since, until cli.Time
	space        string
	limit        int
}

func addWindow(cmd *cobra.Command, w *window, ago time.Duration) {
	w.since.Ago = ago
	cmd.Flags().Var(&w.since, "since", "from when on, such as 14d or 12h ago, or a time")
	cmd.Flags().Var(&w.until, "until", "up to when (default now)")
	cmd.Flags().StringVar(&w.space, "space", "", "show only this space: its name, such as spaces/AAQA…, or what it is called")
	cmd.Flags().IntVar(&w.limit, "limit", 0, "how many lines at most (default 200, of JSON all)")
}

func (w *window) options(cmd *cobra.Command, now time.Time) (replay.Options, error) {
	o := replay.Options{Since: w.since.Before(now), Until: w.until.Before(now)}
	if !o.Since.Before(o.Until) {
		return o, cli.Usage("--since %s is not before --until: want a time before it, such as 14d", &w.since)
	}
	if cmd.Flags().Changed("limit") && w.limit < 1 {
		return o, cli.Usage("--limit %d: want 1 or more, such as 50", w.limit)
	}
	return o, nil
}

// checkOutcome is an outcome that somebody has named; "" for any.
func checkOutcome(word string) (reactors.Outcome, error) {
	if word != "" && !slices.Contains(reactors.Outcomes(), reactors.Outcome(word)) {
		return "", cli.Usage("--outcome %q: want one of %s", word, strings.Join(reactors.Words(reactors.Outcomes()), ", "))
	}
	return reactors.Outcome(word), nil
}

func newReactorsReplay(env *environment) *cobra.Command {
	var w window
	var all bool
	var outcome string
	cmd := &cobra.Command{
		Use:   "replay ID | --all",
		Short: "Show what a rule would have done on what was recorded",
		Long: `Replay carries rules out on the recorded past, in virtual time, as if they had
been live: once_per, limits, quiet hours and collapsing included. It holds no
client of the Chat API, so nothing can be sent. It ignores runs before --since.
What depends on a message that isn't recorded, which a worker would read from
Chat, is unclear.

It lists what would have been sent and counts the rest: --outcome lists that.
Texts are shown: they may hold what people wrote.`,
		Args: cli.Takes(0, 1, aRule),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := switched(args, all)
			if err != nil {
				return err
			}
			o, err := w.options(cmd, time.Now())
			if err != nil {
				return err
			}
			shown := report.Shown{Limit: w.limit}
			if shown.Outcome, err = checkOutcome(outcome); err != nil {
				return err
			}
			o.Reactor = id
			cfg, err := env.Load(config.ForReactors)
			if err != nil {
				return err
			}
			set, err := env.soundRules(cfg)
			if err != nil {
				return err
			}
			if !all {
				if err := knownRule(set, id); err != nil {
					return err
				}
			}
			return withEventLog(cmd.Context(), cfg, func(all *store.Store, db *eventlog.Log) (err error) {
				if o.Space, err = resolveSpace(cmd.Context(), all, w.space); err != nil {
					return err
				}
				result, err := env.replay(cmd.Context(), set, db, o, "")
				if err != nil {
					return err
				}
				return report.Replay(&env.Env, result, shown, titlesOf(cmd.Context(), all))
			})
		},
	}
	addWindow(cmd, &w, 14*24*time.Hour)
	env.QuietFlag(cmd)
	env.FormatFlag(cmd, cmd.Flags(), cli.Table, cli.JSON)
	cmd.Flags().BoolVar(&all, "all", false, "all rules")
	cmd.Flags().StringVar(&outcome, "outcome", "", "list those that came to this, such as failed, instead of what would be sent")
	return cmd
}

// replay replays rules, and says how far it has come.
func (e *environment) replay(
	ctx context.Context, set *rules.Set, db *eventlog.Log, o replay.Options, which string,
) (*replay.Result, error) {
	progress := e.Progress()
	defer progress.End()
	o.Progress = func(at time.Time) { progress.Reached(which, o.Since, at, o.Until) }
	return replay.History(ctx, set, db, o)
}

func newReactorsDiff(env *environment) *cobra.Command {
	var w window
	cmd := &cobra.Command{
		Use:   "diff OTHER_FILE",
		Short: "Compare what the rules and those of another file would have sent",
		Long: `Diff replays the rules and those of another file on the same past. + is what the
other file would send in addition, - what it would not, and ~ what it would word
differently. Nothing is sent.`,
		Args: cli.Takes(1, 1, "another file of rules, such as new-reactors.yaml"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := w.options(cmd, time.Now())
			if err != nil {
				return err
			}
			cfg, err := env.Load(config.ForReactors)
			if err != nil {
				return err
			}
			before, err := env.soundRules(cfg)
			if err != nil {
				return err
			}
			after, err := readRules(cfg, args[0])
			if err != nil {
				return env.showMistakes(err)
			}
			return withEventLog(cmd.Context(), cfg, func(all *store.Store, db *eventlog.Log) (err error) {
				if o.Space, err = resolveSpace(cmd.Context(), all, w.space); err != nil {
					return err
				}
				was, err := env.replay(cmd.Context(), before, db, o, "the rules in force, ")
				if err != nil {
					return err
				}
				is, err := env.replay(cmd.Context(), after, db, o, args[0]+", ")
				if err != nil {
					return err
				}
				return report.Differences(&env.Env, replay.Diff(was, is), w.limit, titlesOf(cmd.Context(), all))
			})
		},
	}
	addWindow(cmd, &w, 30*24*time.Hour)
	env.QuietFlag(cmd)
	env.FormatFlag(cmd, cmd.Flags(), cli.Table, cli.JSON)
	return cmd
}
