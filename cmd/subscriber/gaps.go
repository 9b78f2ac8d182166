package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
)

func newGaps(env *environment) *cobra.Command {
	return env.Group(&cobra.Command{Use: "gaps", Short: "Show what events are missing, and acknowledge what can't be repaired"},
		newGapsList(env), newGapsAcknowledge(env))
}

func newGapsList(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the gaps that aren't repaired, oldest first",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return env.withCoverage(cmd.Context(), func(c *coverage.Coverage) error { return env.listGaps(cmd.Context(), c) })
		},
	}
	env.FormatFlag(cmd, cmd.Flags(), cli.Table, cli.JSON, cli.Name)
	return cmd
}

// gapRow is a gap as it is printed.
type gapRow struct {
	ID     int64     `json:"id"`
	Scope  string    `json:"scope"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to,omitzero"` // left out while it goes on
	Cause  string    `json:"cause"`
	State  string    `json:"state"`
	Detail string    `json:"detail,omitempty"`          // why it can't be repaired
	Known  string    `json:"acknowledgement,omitempty"` // what a person said
}

func (e *environment) listGaps(ctx context.Context, c *coverage.Coverage) error {
	gaps, err := c.Gaps(ctx)
	if err != nil {
		return err
	}
	rows := make([]gapRow, 0, len(gaps))
	for _, g := range gaps {
		rows = append(rows, gapRow(g))
	}
	if err := cli.Show(&e.Env, cli.List[gapRow]{
		Rows: rows, Columns: gapColumns(), Name: func(r gapRow) string { return strconv.FormatInt(r.ID, 10) },
	}); err != nil {
		return err
	}
	if len(rows) == 0 && e.ForPeople() {
		e.Say("There are none.")
	}
	return nil
}

func gapColumns() []cli.Column[gapRow] {
	type r = gapRow
	return []cli.Column[r]{
		{Title: "GAP", Value: func(r r) string { return strconv.FormatInt(r.ID, 10) }},
		{Title: "TARGET", Value: func(r r) string { return r.Scope }},
		{Title: "FROM", Value: func(r r) string { return r.From.Format(time.RFC3339) }},
		{Title: "FOR", Value: func(r r) string {
			if r.To.IsZero() {
				return ""
			}
			return cli.ShortDuration(r.To.Sub(r.From))
		}},
		{Title: "CAUSE", Value: func(r r) string { return r.Cause }},
		{Title: "STATE", Value: func(r r) string { return r.State }},
		{Title: "WHY", Value: func(r r) string { return r.Detail }},
		{Title: "ACKNOWLEDGED", Value: func(r r) string { return r.Known }},
	}
}

func newGapsAcknowledge(env *environment) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "acknowledge GAP…",
		Short: "Say that gaps can't be repaired, and why that is all right",
		Long: `Acknowledge gaps that can't be repaired, by the numbers that gaps list shows. They
stay in the coverage as missing, with the reason, and are no cause for alarm any
more: status leaves them out, and the metric counts them apart.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("gaps acknowledge needs the number of a gap, such as 7: subscriber gaps list shows them")
			}
			for _, a := range args {
				if id, err := strconv.ParseInt(a, 10, 64); err != nil || id < 1 {
					return fmt.Errorf("%q is not the number of a gap, such as 7: subscriber gaps list shows them", a)
				}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(reason) == "" {
				return cli.Usage("--reason is missing: say why that is all right, such as --reason \"nobody wrote there\"")
			}
			return env.withCoverage(cmd.Context(), func(c *coverage.Coverage) error {
				var failures []error
				for _, a := range args {
					id, _ := strconv.ParseInt(a, 10, 64) // checked above
					failures = append(failures, c.AcknowledgeGap(cmd.Context(), id, reason))
				}
				return errors.Join(failures...)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why that is all right, for whoever reads the coverage later")
	return cmd
}

// withCoverage reads the configuration and opens the coverage for one command.
func (e *environment) withCoverage(ctx context.Context, use func(*coverage.Coverage) error) error {
	cfg, err := e.Load(config.ForGaps)
	if err != nil {
		return err
	}
	return withStore(ctx, cfg, func(db *store.Store) error { return use(coverage.New(db)) })
}
