package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/catchup"
	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions/report"
)

type applyFlags struct {
	yes   bool
	prune bool
	back  time.Duration
}

func newApply(env *environment) *cobra.Command {
	var flags applyFlags
	cmd := &cobra.Command{
		Use:   "apply [PLAN]",
		Short: "Make the subscriptions as the configuration says",
		Long: `Make the subscriptions as the configuration says: create what is missing,
change event types in place, reactivate what is suspended. A subscription whose
topic or payload differs can't be changed: it is deleted and created anew, and
what happens in between is missed; the worker records and fills that gap.

What can be checked is checked before the first change, the database's schema
as well. Applying again changes nothing, after an interruption it goes on, and two
at once do no harm. PLAN is a file that plan --out has written: then nothing else
is done, and nothing at all if anything but what it asks for has changed since.`,
		Args: cli.Takes(0, 1, "one plan that plan --out has written, such as plan.json"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && flags.prune {
				return cli.Usage("a plan says itself what is deleted: give --prune to subscribe-setup plan, not here")
			}
			return env.apply(cmd.Context(), strings.Join(args, ""), flags)
		},
	}
	env.QuietFlag(cmd)
	cmd.Flags().BoolVar(&flags.yes, "yes", false, "don't ask")
	cmd.Flags().BoolVar(&flags.prune, "prune", false, "delete subscriptions to the topic that aren't configured")
	cli.DurationFlag(cmd.Flags(), &flags.back, "backfill", 0, "also have the worker fetch what happened before, at most 28d; needs the database", catchup.CheckPast)
	return cmd
}

func (e *environment) apply(ctx context.Context, file string, flags applyFlags) error {
	var wanted *report.Plan
	if file != "" {
		var err error
		if wanted, err = report.ReadPlan(file); err != nil {
			return err
		}
	}
	s, err := e.open(ctx, config.ForApply)
	if err != nil {
		return err
	}
	defer s.close()
	if flags.back > 0 && !s.hasDatabase() {
		return cli.WrongConfiguration("--backfill is done by the worker, which is told so in its database: set database.dsn, or database.dsn_file")
	}
	if _, err := s.database(ctx); err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	actions, err := s.plan(ctx, flags.prune || wanted != nil)
	if err != nil {
		return err
	}
	if wanted != nil {
		if actions, err = wanted.Choose(s.cfg, actions); err != nil {
			return err
		}
	}
	e.introduce(ctx, s)
	document, err := s.describe(ctx, actions)
	if err != nil {
		return err
	}
	if wanted != nil {
		wanted.SayValidated(&e.Env)
	}
	if err := e.confirm(ctx, document, flags.yes || wanted != nil); err != nil {
		return err
	}
	if err := e.makePubSub(ctx, s); err != nil {
		return err
	}
	results, rows, err := e.carryOut(ctx, s, actions)
	if ctx.Err() == nil {
		if told := e.tellWorker(ctx, s, results, flags.back); told != nil {
			next := "its keeper finds out at its next pass"
			if flags.back > 0 {
				next = "apply --backfill again"
			}
			err = errors.Join(err, fmt.Errorf("subscriptions applied, worker not told; %s: %w", next, store.ExplainConnecting(told)))
		}
	}
	if !e.ForPeople() {
		l := cli.List[report.Row]{Rows: rows, Name: func(r report.Row) string { return r.Subscription }}
		err = errors.Join(cli.Show(&e.Env, l), err)
	}
	if err != nil {
		return err
	}
	e.Say("Next: subscribe-setup status, and subscriber run, which keeps them alive")
	return nil
}

// confirm asks where somebody is there to ask. Where nobody is, what would be
// lost has to be agreed to beforehand.
func (e *environment) confirm(ctx context.Context, d *report.Plan, agreed bool) error {
	pending, losing := d.Pending(), d.Summary.Replace+d.Summary.Delete
	if agreed || pending == 0 || !e.Interactive && losing == 0 {
		return nil
	}
	if !e.Interactive {
		return fmt.Errorf("apply: %d to replace and %d to delete: nobody is there to agree: add --yes once you have seen the plan",
			d.Summary.Replace, d.Summary.Delete)
	}
	aside := e.Env
	aside.Out, aside.Format = e.Err, cli.Table // it isn't the result
	if err := d.PrintChanges(&aside); err != nil {
		return err
	}
	d.SayPubSub(&e.Env)
	e.Say("%s", d.Summary)
	yes, err := e.Confirm(ctx, "Apply this?")
	if err != nil {
		return err
	}
	if !yes {
		return errors.New("nothing was changed")
	}
	return nil
}

// carryOut does what the actions say, and prints a line for each that does
// anything, in their order.
func (e *environment) carryOut(
	ctx context.Context, s *session, actions []subscriptions.Action,
) ([]subscriptions.Result, []report.Row, error) {
	names := s.directory.names(ctx)
	scopes, titles := 0, 0
	pending := 0
	for _, a := range actions {
		scopes, titles = max(scopes, len(a.Desired.Scope)), max(titles, len([]rune(names[a.Desired.Scope])))
		if a.Kind.Mutates() {
			pending++
		}
	}
	if took := subscriptions.TakesAbout(pending); took > time.Minute {
		e.Say("%d changes take about %s at Google's quota; interrupted, apply goes on when run again", pending, cli.ShortDuration(took))
	}
	var results []subscriptions.Result
	rows := []report.Row{}
	var failures []error
	counts := map[subscriptions.Outcome]int{}
	done := 0
	next := 0
	progress := e.Progress()
	defer progress.End()
	progress.Count("applied", done, pending)
	for r := range s.manager.DoAll(ctx, actions) {
		kind := actions[next].Kind
		if next++; ctx.Err() != nil && errors.Is(r.Err, context.Canceled) {
			continue // it wasn't tried, or nobody knows: applying again finds out
		}
		results = append(results, r)
		row := report.ResultRow(r, names, s.manager.Now())
		if r.Err != nil {
			failures = append(failures, r.Err)
		}
		counts[r.Outcome]++
		rows = append(rows, row)
		if !kind.Mutates() && r.Err == nil {
			continue
		}
		done++
		if e.ForPeople() {
			e.printRow(fmt.Sprintf("[%d/%d] ", done, pending), row, scopes, titles)
		}
		progress.Count("applied", done, pending)
	}
	progress.End()
	e.Say("%s", report.OutcomeText(counts))
	if err := ctx.Err(); err != nil {
		failures = append(failures, fmt.Errorf("%w after %d of %d: apply again to go on", err, done, pending))
	}
	return results, rows, report.Join(failures)
}

// printRow prints a line of the table that grows.
func (e *environment) printRow(place string, row report.Row, scopes, titles int) {
	text := fmt.Sprintf("%s%-11s  %-*s  %-*s", place, row.Outcome, scopes, row.Scope, titles, row.DisplayName)
	if !row.ExpireTime.IsZero() && row.Outcome != string(subscriptions.Failed) {
		text += fmt.Sprintf("  for %s: %s", cli.ShortDuration(row.Left), subscriptions.TypesText(row.EventTypes))
		if !*row.IncludeResource {
			text += " (names only)"
		}
	}
	text = strings.TrimRight(text, " ")
	e.Print("%s\n", cli.Cell{Text: text, Colour: report.PaintOutcome(row.Outcome)})
}
