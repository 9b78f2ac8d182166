package main

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

func statusColumns() []cli.Column[statusRow] {
	type r = statusRow
	return []cli.Column[r]{
		{Title: "", Value: func(r r) string { return statusSigns[r.Health].sign }, Paint: paintHealth},
		{Title: "TARGET", Value: func(r r) string { return r.Scope }},
		{Title: "NAME", Value: func(r r) string { return r.DisplayName }},
		{Title: "STATE", Value: healthText, Paint: paintHealth},
		{Title: "EXPIRES", Value: func(r r) string {
			if r.ExpireTime == nil {
				return ""
			}
			return "in " + cli.ShortDuration(r.Left)
		}},
		{Title: "LAST EVENT", Value: func(r r) string {
			if r.LastEvent == nil {
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

func paintHealth(r statusRow) cli.Colour { return statusSigns[r.Health].colour }

func healthText(r statusRow) string {
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
func (g gapRow) text(scope string) string {
	text := fmt.Sprintf("%s from %s", scope, g.From.Format(time.RFC3339))
	if g.To != nil {
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
