package report

import (
	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// Print prints the plan. The table leaves out what stays as it is.
func (d *Plan) Print(e *cli.Env) error {
	l := cli.List[PlanRow]{Document: d, Columns: planColumns(), Name: func(r PlanRow) string { return r.Scope }}
	for _, r := range d.Actions {
		if r.kind.Mutates() || r.kind != subscriptions.Keep && e.Format != cli.Name || e.Format == cli.Wide {
			l.Rows = append(l.Rows, r)
		}
	}
	if err := cli.Show(e, l); err != nil {
		return err
	}
	if e.ForPeople() {
		d.SayPubSub(e)
		e.Say("%s", d.Summary)
		d.SayValidated(e)
	}
	return nil
}

// SayValidated says how many of the changes Google has been asked about, if not
// about all.
func (d *Plan) SayValidated(e *cli.Env) {
	if v := d.Validated; v.Done < v.Of && !d.lacksTopic() {
		e.Say("Google was asked beforehand about %d of %s", v.Done, cli.Count(v.Of, "change"))
	}
}

// PrintChanges prints what the plan changes and what it leaves unconfigured.
func (d *Plan) PrintChanges(e *cli.Env) error {
	l := cli.List[PlanRow]{Columns: planColumns()[:5]}
	for _, r := range d.Actions {
		if r.kind.Mutates() || r.kind == subscriptions.Orphan {
			l.Rows = append(l.Rows, r)
		}
	}
	return cli.Show(e, l)
}

// SayPubSub says what apply does to Pub/Sub.
func (d *Plan) SayPubSub(e *cli.Env) {
	for _, r := range d.PubSub {
		e.Say("Pub/Sub: %s", r.Text())
	}
	if d.lacksTopic() {
		e.Say("Note: Google can validate subscriptions once apply has made the topic")
	}
}

func planColumns() []cli.Column[PlanRow] {
	type r = PlanRow
	return []cli.Column[r]{
		{Title: "", Value: func(r r) string { return planSigns[r.kind].sign }, Paint: func(r r) cli.Colour { return planSigns[r.kind].colour }},
		{Title: "ACTION", Value: func(r r) string { return planSigns[r.kind].verb }},
		{Title: "TARGET", Value: func(r r) string { return r.Scope }},
		{Title: "NAME", Value: func(r r) string { return r.DisplayName }},
		{Title: "CHANGE", Value: changeText},
		{Title: "GOOGLE", Value: checkText, Paint: func(r r) cli.Colour {
			if r.Error != "" {
				return cli.Red
			}
			return cli.Green
		}},
		{Title: "SUBSCRIPTION", Wide: true, Value: func(r r) string {
			if r.Actual == nil {
				return ""
			}
			return r.Actual.Subscription
		}},
	}
}

var planSigns = map[subscriptions.Kind]struct {
	sign, verb string
	colour     cli.Colour
}{
	subscriptions.Create:     {"+", "subscribe", cli.Green},
	subscriptions.Update:     {"~", "update", cli.Yellow},
	subscriptions.Replace:    {"±", "replace", cli.Yellow},
	subscriptions.Reactivate: {"↻", "reactivate", cli.Cyan},
	subscriptions.Prune:      {"-", "delete", cli.Red},
	subscriptions.Orphan:     {"!", "orphan", cli.Yellow},
	subscriptions.Keep:       {"", "keep", cli.Faint},
}

func changeText(r PlanRow) string {
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
func checkText(r PlanRow) string {
	switch {
	case r.Error != "":
		return "refuses"
	case !r.Validated:
	case r.kind == subscriptions.Create || r.kind == subscriptions.Update || r.kind == subscriptions.Replace:
		return "agrees"
	}
	return ""
}
