package main

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

func statusColumns() []column[statusRow] {
	type r = statusRow
	return []column[r]{
		{title: "", value: func(r r) string { return statusSigns[r.Health].sign }, paint: paintHealth},
		{title: "TARGET", value: func(r r) string { return r.Scope }},
		{title: "NAME", value: func(r r) string { return r.DisplayName }},
		{title: "STATE", value: healthText, paint: paintHealth},
		{title: "EXPIRES", value: func(r r) string {
			if r.ExpireTime == nil {
				return ""
			}
			return "in " + short(r.left)
		}},
		{title: "LAST EVENT", value: func(r r) string {
			if r.LastEvent == nil {
				return ""
			}
			return short(r.quiet) + " ago"
		}},
		{title: "24H EVENTS", value: func(r r) string {
			if r.Events24h == nil {
				return ""
			}
			return strconv.Itoa(*r.Events24h)
		}},
		{title: "24H SEEN", value: func(r r) string {
			if r.Coverage24h == nil {
				return ""
			}
			return percent(*r.Coverage24h)
		}},
		{title: "EVENTS", wide: true, value: func(r r) string { return subscriptions.TypesText(r.EventTypes) }},
		{title: "SUBSCRIPTION", wide: true, value: func(r r) string { return r.Subscription }},
	}
}

var statusSigns = map[string]struct {
	sign   string
	colour colour
}{
	healthOK:        {"●", green},
	healthMissing:   {"×", red},
	healthSuspended: {"×", red},
	healthDiffers:   {"~", yellow},
	healthExpiring:  {"▲", yellow},
	healthOrphan:    {"!", yellow},
}

func paintHealth(r statusRow) colour { return statusSigns[r.Health].colour }

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
		text += fmt.Sprintf(" for %s", short(g.To.Sub(g.From)))
	}
	switch g.State {
	case store.GapOpen:
		text += ", still going on"
	case store.GapPending:
		text += ", to be filled by the worker"
	case store.GapImpossible:
		text += ", for good: " + g.Detail
	}
	return text + " (" + g.Cause + ")"
}
