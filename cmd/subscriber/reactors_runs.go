package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/names"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
)

// evaluated is a run, or an evaluation that led to none.
type evaluated struct {
	Run       int64            `json:"run,omitempty"` // 0: there was none
	EventTime time.Time        `json:"event_time"`
	Reactor   string           `json:"reactor"`
	Step      int              `json:"step"`
	Trigger   reactors.Trigger `json:"trigger"`
	Space     string           `json:"space,omitempty"`
	Member    string           `json:"member,omitempty"`
	Subject   string           `json:"subject"`
	Shadow    bool             `json:"shadow,omitempty"`
	Due       time.Time        `json:"due,omitzero"`
	Outcome   reactors.Outcome `json:"outcome"`
	Reason    string           `json:"reason,omitempty"`
	Attempts  int              `json:"attempts,omitempty"`
}

func evaluatedOf(r reactors.Run) evaluated {
	return evaluated{
		Run: r.ID, EventTime: r.EventTime, Reactor: r.Reactor, Step: r.Step, Trigger: r.Trigger, Space: r.Space, Member: r.Member,
		Subject: r.Subject, Shadow: r.Shadow, Due: r.Due, Outcome: r.Outcome, Reason: r.Reason, Attempts: r.Attempts,
	}
}

func newReactorsRuns(env *environment) *cobra.Command {
	var f runs.Filter
	var outcome string
	var since cli.Time
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List what rules decided, for whom, and why",
		Long: `Runs lists runs and evaluations that led to none, the newest first. Evaluations
without a run are sampled hourly; reactors list counts all.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.Outcome = reactors.Outcome(outcome)
			if outcome != "" && !slices.Contains(reactors.Outcomes(), f.Outcome) {
				return cli.Usage("--outcome %q: want one of %s", outcome, strings.Join(reactors.Words(reactors.Outcomes()), ", "))
			}
			if f.Max < 1 {
				return cli.Usage("--most %d: want 1 or more, such as 50", f.Max)
			}
			if err := checkFilter(f); err != nil {
				return err
			}
			if since.String() != "" {
				f.Since = since.Before(time.Now())
			}
			return env.withRuns(cmd.Context(), func(cfg config.Config, all *store.Store, db *runs.Runs) error {
				list, err := listRuns(cmd.Context(), db, f)
				if err != nil {
					return err
				}
				if len(list) == 0 && f.Reactor != "" {
					if err := env.checkReactor(cmd.Context(), cfg, db, f.Reactor); err != nil {
						return err
					}
				}
				if env.Format == cli.JSON {
					return env.Encode(list)
				}
				var about []string
				for _, e := range list {
					about = append(about, e.Space, e.Member)
				}
				return printRuns(&env.Env, list, names.Of(cmd.Context(), all, about...))
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.Reactor, "reactor", "", "only of this rule")
	flags.StringVar(&f.Space, "space", "", "only in this space")
	flags.StringVar(&f.Member, "member", "", "only about this person, such as users/123")
	flags.StringVar(&outcome, "outcome", "", "only those that came to this, such as failed")
	flags.Var(&since, "since", "only of events since then: 14d or 12h ago, or a time")
	flags.IntVar(&f.Max, "most", 50, "how many at most")
	env.FormatFlag(cmd, cmd.Flags(), cli.Table, cli.JSON)
	cmd.AddCommand(newReactorsShow(env))
	return cmd
}

// checkFilter finds what can't be anybody's name: nothing would be found, and
// that would look like an answer.
func checkFilter(f runs.Filter) error {
	if f.Member != "" && !events.IsUser(f.Member) {
		return cli.Usage("--member %q: want a person, such as users/123456789", f.Member)
	}
	if f.Space == "" {
		return nil
	}
	return checkSpaces("space", f.Space)
}

// checkReactor finds typing errors, too: a rule is known if it is in the file, or
// was when something was recorded of it.
func (e *environment) checkReactor(ctx context.Context, cfg config.Config, db *runs.Runs, id string) error {
	once, err := listRuns(ctx, db, runs.Filter{Reactor: id, Max: 1})
	if err != nil || len(once) > 0 {
		return err
	}
	return e.checkID(cfg, id)
}

func listRuns(ctx context.Context, db *runs.Runs, f runs.Filter) ([]evaluated, error) {
	led, err := db.List(ctx, f)
	if err != nil {
		return nil, err
	}
	others, err := db.Evaluations(ctx, f)
	if err != nil {
		return nil, err
	}
	list := make([]evaluated, 0, len(led)+len(others))
	for _, r := range led {
		list = append(list, evaluatedOf(r))
	}
	for _, e := range others {
		list = append(list, evaluated{
			EventTime: e.EventTime.UTC(), Reactor: e.Reactor, Trigger: e.Trigger, Space: e.Space, Member: e.Member,
			Subject: e.Subject, Shadow: e.Shadow, Outcome: e.Outcome, Reason: e.Reason,
		})
	}
	slices.SortStableFunc(list, func(a, b evaluated) int { return b.EventTime.Compare(a.EventTime) })
	return list[:min(len(list), f.Max)], nil
}

func printRuns(env *cli.Env, list []evaluated, titles names.Titles) error {
	if len(list) == 0 {
		env.Print("there are none\n")
		return nil
	}
	var rows [][]string
	withRun := int64(0)
	for _, e := range list {
		number := ""
		if e.Run > 0 {
			number = fmt.Sprint(e.Run)
			withRun = max(withRun, e.Run)
		}
		rows = append(rows, []string{
			number, clockTime(e.EventTime), named(e.Reactor, e.Step), titles.With(e.Space), titles.With(e.Member),
			outcomeText(e.Outcome, e.Shadow, e.Due), cli.Shorten(e.Reason, maxText),
		})
	}
	if err := env.Rows([]string{"RUN", "EVENT", "REACTOR", "SPACE", "MEMBER", "OUTCOME", "REASON"}, rows); err != nil {
		return err
	}
	if withRun > 0 {
		env.Print("Next: subscriber reactors runs show %d\n", withRun)
	}
	return nil
}

// named is a rule and which step of it.
func named(reactor string, step int) string {
	if step > 0 {
		return fmt.Sprintf("%s, step %d", reactor, step+1)
	}
	return reactor
}

// outcomeText says what a run came to, or when it is due.
func outcomeText(o reactors.Outcome, shadow bool, due time.Time) string {
	s := string(o)
	if o == reactors.Pending {
		s += ", due " + clockTime(due)
	}
	if shadow && o != reactors.Shadowed {
		s += " (in shadow)"
	}
	return s
}

func newReactorsShow(env *environment) *cobra.Command {
	var asTest, content bool
	cmd := &cobra.Command{
		Use:   "show RUN",
		Short: "Tell the story of one run",
		Args:  cli.Takes(1, 1, "the number of a run, such as 17 (subscriber reactors runs lists them)"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := runNumber(args[0])
			if err != nil {
				return err
			}
			return env.withRuns(cmd.Context(), func(_ config.Config, all *store.Store, db *runs.Runs) error {
				run, err := db.Run(cmd.Context(), id)
				if errors.Is(err, runs.ErrNoRun) {
					return noRun(id)
				}
				if err != nil {
					return err
				}
				switch {
				case asTest:
					return env.printAsTest(cmd.Context(), db, run)
				case env.Format == cli.JSON:
					return env.Encode(documentOf(run, content))
				}
				return printRun(&env.Env, run, names.Of(cmd.Context(), all, run.Space, run.Member), content)
			})
		},
	}
	cmd.Flags().BoolVar(&asTest, "as-test", false, "print a test for the file of rules instead; it holds what the event told, texts among it")
	cmd.Flags().BoolVar(&content, "content", false, "show what the event told and what is sent, too: what people wrote is among it")
	env.FormatFlag(cmd, cmd.Flags(), cli.Table, cli.JSON)
	return cmd
}
