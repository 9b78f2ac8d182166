package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/clock"
	"github.com/spacekeeper/spacekeeper/internal/reactors/preview"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

// Rule is a rule and what it has come to of late.
type Rule struct {
	ID       string                     `json:"id"`
	Mode     rules.Mode                 `json:"mode,omitempty"` // "": the file of rules can't be read
	On       []reactors.Trigger         `json:"on,omitempty"`
	Next     time.Time                  `json:"next,omitzero"`    // of a schedule: when it comes
	Spaces   []string                   `json:"spaces,omitempty"` // empty: all but Except
	Except   []string                   `json:"except,omitempty"`
	What     string                     `json:"what,omitempty"`
	Hash     string                     `json:"hash,omitempty"`
	Outcomes map[reactors.Outcome]int64 `json:"last_24h"`
	Paused   *Paused                    `json:"paused,omitempty"`
}

// Paused says since when a rule is paused.
type Paused struct {
	Since  time.Time `json:"since"`
	Reason string    `json:"reason,omitempty"`
	All    bool      `json:"all,omitempty"` // all rules are paused
}

// RuleOf is a rule as the file has it.
func RuleOf(r *rules.Rule, now time.Time) Rule {
	return Rule{ID: r.ID, Mode: r.Mode, On: r.On, Next: r.NextTick(now), Spaces: r.Include, Except: r.Except, What: whatOf(r), Hash: r.Hash}
}

// whatOf says in short what a rule does.
func whatOf(r *rules.Rule) string {
	if r.Description != "" {
		return r.Description
	}
	var actions []string
	for _, s := range r.Steps {
		for _, d := range s.Do {
			if n := d.Action.Name(); !slices.Contains(actions, n) {
				actions = append(actions, n)
			}
		}
	}
	what := strings.Join(actions, ", ")
	if len(r.Steps) > 1 {
		what = fmt.Sprintf("%s in %d steps", what, len(r.Steps))
	}
	return what
}

// Rules prints a list of rules.
func Rules(env *cli.Env, list []Rule, titlesOf preview.TitlesOf) error {
	if env.Format != cli.Table {
		return env.Encode(list)
	}
	if len(list) == 0 {
		env.Print("there are no rules\n")
		return nil
	}
	var spaces []string
	for i := range list {
		spaces = append(spaces, list[i].Spaces...)
	}
	titles := titlesOf(spaces...)
	var rows [][]string
	paused := false
	for i := range list {
		l := &list[i]
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
			l.ID, string(l.Mode), l.on(), l.where(titles), cli.Shorten(l.What, maxText),
			count(l.Outcomes[reactors.Sent]), count(l.Outcomes[reactors.Shadowed]),
			count(sum), count(l.Outcomes[reactors.Failed]), count(l.Outcomes[reactors.Pending] + l.Outcomes[reactors.Unclear]),
			l.Paused.String(),
		})
		paused = paused || l.Paused != nil
	}
	head := []string{"ID", "MODE", "ON", "IN", "WHAT", "SENT", "SHADOW", "SUPPRESSED", "FAILED", "PENDING", "PAUSED"}
	if err := env.Rows(head, rows); err != nil {
		return err
	}
	if paused {
		env.Print("Next: subscriber reactors resume ID, or resume --all\n")
	}
	return nil
}

// on says what pulls the trigger, of a schedule when it comes next.
func (l *Rule) on() string {
	on := strings.Join(reactors.Words(l.On), ", ")
	if !l.Next.IsZero() {
		on += ", next " + clock.Wall(l.Next)
	}
	return on
}

// where says in which spaces the rule applies.
func (l *Rule) where(titles preview.Titles) string {
	switch {
	case l.Mode == "":
		return ""
	case len(l.Spaces) == 1:
		return titles.With(l.Spaces[0])
	case len(l.Spaces) > 1:
		return cli.Count(len(l.Spaces), "space")
	case len(l.Except) > 0:
		return "all but " + cli.Count(len(l.Except), "space")
	}
	return "all spaces"
}

func (p *Paused) String() string {
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
