package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
)

// listed is a rule and what it has come to of late.
type listed struct {
	ID       string                     `json:"id"`
	Mode     rules.Mode                 `json:"mode"`
	On       []reactors.Trigger         `json:"on"`
	What     string                     `json:"what"`
	Hash     string                     `json:"hash"`
	Outcomes map[reactors.Outcome]int64 `json:"last_24h"`
	Paused   *pausedSince               `json:"paused,omitempty"`
}

type pausedSince struct {
	Since  time.Time `json:"since"`
	Reason string    `json:"reason,omitempty"`
	All    bool      `json:"all,omitempty"` // all rules are paused
}

func newReactorsList(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the rules, and their outcomes in the last 24 hours",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := env.Load(config.ForReactors, config.ForRules)
			if err != nil {
				return err
			}
			set, err := env.someRules(cfg, "")
			if err != nil {
				return err
			}
			return withStore(cmd.Context(), cfg, func(db *store.Store) error {
				list, err := listRules(cmd.Context(), set, runs.New(db))
				if err != nil {
					return err
				}
				if env.Format == cli.JSON {
					return env.Encode(list)
				}
				return env.printRules(list)
			})
		},
	}
	env.FormatFlag(cmd, cmd.Flags(), cli.Table, cli.JSON)
	return cmd
}

func listRules(ctx context.Context, set *rules.Set, db *runs.Runs) ([]listed, error) {
	counts, err := db.OutcomeCounts(ctx, time.Now().Add(-24*time.Hour))
	if err != nil {
		return nil, err
	}
	switches, err := db.Switches(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]listed, 0, len(set.Rules()))
	for _, r := range set.Rules() {
		l := listed{ID: r.ID, Mode: r.Mode, On: r.On, What: whatOf(r), Hash: r.Hash, Outcomes: map[reactors.Outcome]int64{}}
		for _, c := range counts {
			if c.Reactor == r.ID {
				l.Outcomes[c.Outcome] += c.Count
			}
		}
		for _, s := range switches {
			if s.Reactor == runs.AllReactors || s.Reactor == r.ID {
				l.Paused = &pausedSince{Since: s.PausedAt.UTC(), Reason: s.Reason, All: s.Reactor == runs.AllReactors}
			}
		}
		list = append(list, l)
	}
	return list, nil
}

// whatOf says in short what a rule does.
func whatOf(r *rules.Rule) string {
	if r.Description != "" {
		return r.Description
	}
	var names []string
	seen := map[string]bool{}
	for _, s := range r.Steps {
		for _, d := range s.Do {
			if n := d.Action.Name(); !seen[n] {
				seen[n] = true
				names = append(names, n)
			}
		}
	}
	what := strings.Join(names, ", ")
	if len(r.Steps) > 1 {
		what = fmt.Sprintf("%s in %d steps", what, len(r.Steps))
	}
	return what
}

func (e *environment) printRules(list []listed) error {
	if len(list) == 0 {
		e.Print("there are no rules\n")
		return nil
	}
	var rows [][]string
	paused := false
	for _, l := range list {
		var sum int64
		for o, n := range l.Outcomes {
			switch o {
			case reactors.Sent, reactors.Shadowed, reactors.Failed, reactors.Pending, reactors.Unclear:
			default:
				sum += n
			}
		}
		count := func(n int64) string { return strconv.FormatInt(n, 10) }
		rows = append(rows, []string{
			l.ID, string(l.Mode), strings.Join(reactors.Words(l.On), ", "), cli.Shorten(l.What, maxText),
			count(l.Outcomes[reactors.Sent]), count(l.Outcomes[reactors.Shadowed]),
			count(sum), count(l.Outcomes[reactors.Failed]), count(l.Outcomes[reactors.Pending] + l.Outcomes[reactors.Unclear]), l.Paused.String(),
		})
		paused = paused || l.Paused != nil
	}
	if err := e.Rows([]string{"ID", "MODE", "ON", "WHAT", "SENT", "SHADOW", "SUPPRESSED", "FAILED", "PENDING", "PAUSED"}, rows); err != nil {
		return err
	}
	if paused {
		e.Print("Next: subscriber reactors resume ID, or resume --all\n")
	}
	return nil
}

func (p *pausedSince) String() string {
	if p == nil {
		return ""
	}
	s := "since " + clockTime(p.Since)
	if p.All {
		s = "all " + s
	}
	if p.Reason != "" {
		s += ": " + p.Reason
	}
	return s
}
