package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/replay"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/names"
)

// window is the part of the past that is looked at.
type window struct {
	since, until cli.Time
	space        string
}

func addWindow(cmd *cobra.Command, w *window, ago time.Duration) {
	w.since.Ago = ago
	cmd.Flags().Var(&w.since, "since", "from when on, such as 14d or 12h ago, or a time")
	cmd.Flags().Var(&w.until, "until", "up to when (default now)")
	cmd.Flags().StringVar(&w.space, "space", "", "show only this space, such as spaces/AAQA…")
}

func (w *window) options(now time.Time) (replay.Options, error) {
	o := replay.Options{Since: w.since.Before(now), Until: w.until.Before(now), Space: w.space}
	if !o.Since.Before(o.Until) {
		return o, cli.Usage("--since %s is not before --until: want a time before it, such as 14d", &w.since)
	}
	if w.space != "" {
		return o, checkSpaces("space", w.space)
	}
	return o, nil
}

func newReactorsReplay(env *environment) *cobra.Command {
	var w window
	var all bool
	var file string
	cmd := &cobra.Command{
		Use:   "replay ID | --all",
		Short: "Show what a rule would have done on what was recorded",
		Long: `Replay carries rules out on the recorded past, in virtual time, as if they had
been live: once_per, limits, quiet hours and collapsing included. It holds no
client of the Chat API, so nothing can be sent. It ignores runs before --since.

Texts are shown: they may hold what people wrote.`,
		Args: cli.Takes(0, 1, aRule),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := switched(args, all)
			if err != nil {
				return err
			}
			o, err := w.options(time.Now())
			if err != nil {
				return err
			}
			o.Reactor = id
			cfg, err := env.Load(config.ForReactors)
			if err != nil {
				return err
			}
			set, err := env.someRules(cfg, file)
			if err != nil {
				return err
			}
			if !all {
				if _, err := knownRule(set, id, w.space); err != nil {
					return err
				}
			}
			return withEventLog(cmd.Context(), cfg, func(all *store.Store, db *eventlog.Log) error {
				progress := env.Progress()
				defer progress.End()
				o.Progress = func(at time.Time) { progress.Reached("", o.Since, at, o.Until) }
				result, err := replay.History(cmd.Context(), set, db, o)
				if err != nil {
					return err
				}
				if env.Format == cli.JSON {
					return env.Encode(result)
				}
				return printReplay(cmd.Context(), &env.Env, result, all)
			})
		},
	}
	addWindow(cmd, &w, 14*24*time.Hour)
	env.QuietFlag(cmd)
	env.FormatFlag(cmd, cmd.Flags(), cli.Table, cli.JSON)
	cmd.Flags().BoolVar(&all, "all", false, "all rules")
	cmd.Flags().StringVar(&file, "file", "", "rules to replay instead of the configured ones")
	return cmd
}

// maxShown bounds a table; JSON holds all.
const maxShown = 200

func printReplay(ctx context.Context, env *cli.Env, r *replay.Result, db *store.Store) error {
	for _, s := range r.Rules {
		env.Print("%s: %s · %d would be sent%s\n", s.Reactor,
			cli.Count(s.Pulled, "trigger"), s.Outcomes[reactors.Sent], otherOutcomes(s))
	}
	if len(r.Entries) > 0 {
		entries := r.Entries[:min(len(r.Entries), maxShown)]
		titles := titlesOf(ctx, db, entries, func(e *replay.Entry) *replay.Entry { return e })
		var rows [][]string
		for i := range entries {
			e := &entries[i]
			rows = append(rows, []string{
				clockTime(e.At), named(e.Reactor, e.Step), titles.With(e.Space), titles.With(e.Member), resultOf(e), textOf(e),
			})
		}
		if err := env.Rows([]string{"TIME", "REACTOR", "SPACE", "MEMBER", "RESULT", "TEXT OR REASON"}, rows); err != nil {
			return err
		}
	}
	endTable(env, len(r.Entries)-maxShown)
	return nil
}

// titlesOf are what the spaces and people are called that lines of a table are about.
func titlesOf[L any](ctx context.Context, db *store.Store, lines []L, entry func(*L) *replay.Entry) names.Titles {
	var about []string
	for i := range lines {
		e := entry(&lines[i])
		about = append(about, e.Space, e.Member)
	}
	return names.Of(ctx, db, about...)
}

// endTable says how many lines more there are, and that all was a trial.
func endTable(env *cli.Env, more int) {
	if more > 0 {
		env.Print("… and %d more: -o json shows all\n", more)
	}
	env.Print("nothing was sent\n")
}

func otherOutcomes(s replay.Summary) string {
	var b strings.Builder
	for _, o := range reactors.Outcomes() {
		if n := s.Outcomes[o]; n > 0 && o != reactors.Sent {
			fmt.Fprintf(&b, " · %d %s", n, o)
		}
	}
	return b.String()
}

// resultOf says what was done, or why nothing was.
func resultOf(e *replay.Entry) string {
	switch e.Outcome {
	case reactors.Sent:
		var names []string
		for _, r := range e.Requests {
			names = append(names, r.Action)
		}
		return "would " + strings.Join(names, ", ")
	case reactors.Pending:
		return "waits until " + clockTime(e.Due)
	}
	return string(e.Outcome)
}

func textOf(e *replay.Entry) string {
	if e.Outcome == reactors.Sent {
		return cli.Shorten(strings.Join(e.Texts(), " | "), maxText)
	}
	return cli.Shorten(e.Reason, maxText)
}

func newReactorsDiff(env *environment) *cobra.Command {
	var w window
	cmd := &cobra.Command{
		Use:   "diff OTHER_FILE",
		Short: "Compare what the rules and those of another file would have sent",
		Long: `Diff replays the configured rules and those of another file on the same past.
+ is what the other file would send in addition, - what it would not, and ~ what
it would word differently. Nothing is sent.`,
		Args: cli.Takes(1, 1, "another file of rules, such as new-reactors.yaml"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := w.options(time.Now())
			if err != nil {
				return err
			}
			cfg, err := env.Load(config.ForReactors, config.ForRules)
			if err != nil {
				return err
			}
			return withEventLog(cmd.Context(), cfg, func(all *store.Store, db *eventlog.Log) error {
				var results [2]*replay.Result
				for i, path := range []string{"", args[0]} {
					set, err := env.someRules(cfg, path)
					if err != nil {
						return err
					}
					progress := env.Progress()
					o.Progress = func(at time.Time) {
						progress.Reached([]string{"the rules in force, ", path + ", "}[i], o.Since, at, o.Until)
					}
					results[i], err = replay.History(cmd.Context(), set, db, o)
					progress.End()
					if err != nil {
						return err
					}
				}
				differences := replay.Diff(results[0], results[1])
				if env.Format == cli.JSON {
					return env.Encode(differences)
				}
				return printDiff(cmd.Context(), &env.Env, differences, all)
			})
		},
	}
	addWindow(cmd, &w, 30*24*time.Hour)
	env.QuietFlag(cmd)
	env.FormatFlag(cmd, cmd.Flags(), cli.Table, cli.JSON)
	return cmd
}

func printDiff(ctx context.Context, env *cli.Env, list []replay.Difference, db *store.Store) error {
	signs := map[replay.DifferenceKind]string{replay.Added: "+", replay.Removed: "-", replay.Changed: "~"}
	counts := map[replay.DifferenceKind]int{}
	titles := titlesOf(ctx, db, list[:min(len(list), maxShown)], (*replay.Difference).Entry)
	var rows [][]string
	for i := range list {
		d := &list[i]
		counts[d.Kind]++
		if len(rows) == maxShown {
			continue
		}
		e := d.Entry()
		text := textOf(e)
		if was := d.Before; d.Kind == replay.Changed && textOf(was) != text {
			text = textOf(was) + " → " + text
		}
		rows = append(rows, []string{signs[d.Kind], clockTime(e.At), named(e.Reactor, e.Step), titles.With(e.Space), titles.With(e.Member), text})
	}
	env.Print("+%s, -%s, %d changed\n",
		cli.Count(counts[replay.Added], "send"), cli.Count(counts[replay.Removed], "send"), counts[replay.Changed])
	if len(rows) > 0 {
		if err := env.Rows([]string{"", "TIME", "REACTOR", "SPACE", "MEMBER", "TEXT"}, rows); err != nil {
			return err
		}
	}
	endTable(env, len(list)-maxShown)
	return nil
}
