package main

import (
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// showPlan prints the plan. The table leaves out what stays as it is.
func (e *environment) showPlan(d *planDocument) error {
	l := listing[planRow]{document: d, columns: planColumns(), name: func(r planRow) string { return r.Scope }}
	for _, r := range d.Actions {
		if r.kind.Mutates() || r.kind != subscriptions.Keep && e.format != formatName || e.format == formatWide {
			l.rows = append(l.rows, r)
		}
	}
	if err := show(e, l); err != nil {
		return err
	}
	if e.forPeople() {
		e.sayPubSub(d)
		e.say("%s", d.Summary)
	}
	return nil
}

func (e *environment) sayPubSub(d *planDocument) {
	for _, r := range d.PubSub {
		e.say("Pub/Sub: %s", r.text())
	}
	if d.lacksTopic() {
		e.say("Note: Google can validate subscriptions once apply has made the topic")
	}
}

func planColumns() []column[planRow] {
	type r = planRow
	return []column[r]{
		{title: "", value: func(r r) string { return planSigns[r.kind].sign }, paint: func(r r) colour { return planSigns[r.kind].colour }},
		{title: "ACTION", value: func(r r) string { return planSigns[r.kind].verb }},
		{title: "TARGET", value: func(r r) string { return r.Scope }},
		{title: "NAME", value: func(r r) string { return r.DisplayName }},
		{title: "CHANGE", value: changeText},
		{title: "GOOGLE", value: checkText, paint: func(r r) colour {
			if r.Error != "" {
				return red
			}
			return green
		}},
		{title: "SUBSCRIPTION", wide: true, value: func(r r) string {
			if r.Actual == nil {
				return ""
			}
			return r.Actual.Subscription
		}},
	}
}

var planSigns = map[subscriptions.Kind]struct {
	sign, verb string
	colour     colour
}{
	subscriptions.Create:     {"+", "subscribe", green},
	subscriptions.Update:     {"~", "update", yellow},
	subscriptions.Replace:    {"±", "replace", yellow},
	subscriptions.Reactivate: {"↻", "reactivate", cyan},
	subscriptions.Prune:      {"-", "delete", red},
	subscriptions.Orphan:     {"!", "orphan", yellow},
	subscriptions.Keep:       {"", "keep", faint},
}

func changeText(r planRow) string {
	switch r.kind {
	case subscriptions.Create:
		text := subscriptions.TypesText(r.Desired.EventTypes)
		if !r.Desired.IncludeResource {
			text += " (names only)"
		}
		return text
	case subscriptions.Reactivate:
		return "suspended: " + r.Reason
	case subscriptions.Orphan:
		return r.Reason + "; kept, --prune deletes it"
	}
	return r.Reason
}

// checkText is what Google says about it, where it can say anything
// beforehand.
func checkText(r planRow) string {
	switch {
	case r.Error != "":
		return "refuses"
	case !r.checked:
	case r.kind == subscriptions.Create || r.kind == subscriptions.Update || r.kind == subscriptions.Replace:
		return "agrees"
	}
	return ""
}
