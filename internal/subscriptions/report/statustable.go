package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// Print prints the status. The table has lines below it for what concerns all
// subscriptions, and for what is to be done.
func (d *Status) Print(e *cli.Env) error {
	l := cli.List[StatusRow]{
		Rows: d.Subscriptions, Document: d, Columns: statusColumns(),
		Name: func(r StatusRow) string {
			if r.Health == healthOK || r.Health == healthOrphan {
				return ""
			}
			return r.Scope
		},
	}
	if err := cli.Show(e, l); err != nil {
		return err
	}
	if e.ForPeople() {
		d.printFooter(e)
	}
	return nil
}

func statusColumns() []cli.Column[StatusRow] {
	type r = StatusRow
	return []cli.Column[r]{
		{Title: "", Value: func(r r) string { return statusSigns[r.Health].sign }, Paint: paintHealth},
		{Title: "TARGET", Value: func(r r) string { return r.Scope }},
		{Title: "NAME", Value: func(r r) string { return r.DisplayName }},
		{Title: "STATE", Value: healthText, Paint: paintHealth},
		{Title: "EXPIRES", Value: func(r r) string { return expiresText(r.Row) }},
		{Title: "LAST EVENT", Value: func(r r) string {
			if r.LastEvent.IsZero() {
				return ""
			}
			return cli.ShortDuration(r.quiet) + " ago"
		}},
		{Title: "24H EVENTS", Value: func(r r) string {
			if r.Events24h == nil {
				return ""
			}
			return strconv.Itoa(*r.Events24h)
		}},
		{Title: "24H SEEN", Value: func(r r) string {
			if r.Coverage24h == nil {
				return ""
			}
			return percent(*r.Coverage24h)
		}},
		{Title: "EVENTS", Wide: true, Value: func(r r) string { return subscriptions.TypesText(r.EventTypes) }},
		{Title: "SUBSCRIPTION", Wide: true, Value: func(r r) string { return r.Subscription }},
	}
}

var statusSigns = map[string]struct {
	sign   string
	colour cli.Colour
}{
	healthOK:        {"●", cli.Green},
	healthMissing:   {"×", cli.Red},
	healthSuspended: {"×", cli.Red},
	healthDiffers:   {"~", cli.Yellow},
	healthExpiring:  {"▲", cli.Yellow},
	healthOrphan:    {"!", cli.Yellow},
}

func paintHealth(r StatusRow) cli.Colour { return statusSigns[r.Health].colour }

func healthText(r StatusRow) string {
	switch {
	case r.Health == healthOK && len(r.Gaps) > 0:
		return "active, with gaps"
	case r.Health == healthOK:
		return "active"
	case r.Health == healthSuspended:
		return r.Reason
	}
	return r.Health
}

func percent(share float64) string {
	return strconv.FormatFloat(math.Round(share*10_000)/100, 'f', -1, 64) + "%"
}

// text describes a gap for people.
func (g Gap) text(scope string) string {
	text := fmt.Sprintf("%s from %s", scope, g.From.Format(time.RFC3339))
	if !g.To.IsZero() {
		text += fmt.Sprintf(" for %s", cli.ShortDuration(g.To.Sub(g.From)))
	}
	switch g.State {
	case coverage.GapOpen:
		text += ", still going on"
	case coverage.GapPending:
		text += ", to be filled by the worker"
	case coverage.GapImpossible:
		text += ", for good: " + g.Detail
	}
	return text + " (" + g.Cause + ")"
}

func (d *Status) printFooter(e *cli.Env) {
	e.Print("Subscriptions: %s\n", SightText(d.SeenAt, d.asked, d.Time))
	if w := d.Worker; w != nil {
		parts := []string{"no heartbeat yet"}
		if !w.Heartbeat.IsZero() {
			parts[0] = "last heartbeat " + cli.ShortDuration(d.Time.Sub(w.Heartbeat)) + " ago"
		}
		if w.LagP95 != nil {
			lag := time.Duration(*w.LagP95*1000) * time.Millisecond
			parts = append(parts, fmt.Sprintf("95%% of events come within %s", lag.Round(10*time.Millisecond)))
		}
		e.Print("Worker: %s\n", strings.Join(parts, " · "))
		if w.Unlisted > 0 {
			e.Print("Members: not listed yet of %d of %s; the worker does so\n", w.Unlisted, cli.Count(w.Watched, "watched space"))
		}
	}
	var gaps []string
	for _, r := range d.Subscriptions {
		for _, g := range r.Gaps {
			gaps = append(gaps, "Gap: "+g.text(r.Scope))
		}
	}
	printSome(e, gaps, cli.Plain)
	printSome(e, d.Unhealthy, cli.Red)
	if d.Healthy {
		e.Print("%s\n", cli.Cell{Text: "Healthy.", Colour: cli.Green})
	}
}

// someShown is how many lines of one kind are shown: where very many targets
// have a problem, it is mostly one. JSON has them all.
const someShown = 10

func printSome(e *cli.Env, lines []string, c cli.Colour) {
	for i, line := range lines {
		if i == someShown {
			e.Print("… and %d more\n", len(lines)-i)
			return
		}
		e.Print("%s\n", cli.Cell{Text: line, Colour: c})
	}
}
