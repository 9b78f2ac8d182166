package report

import (
	"fmt"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// SpaceRow is one space as it is printed.
type SpaceRow struct {
	Space       string `json:"space"`
	DisplayName string `json:"display_name,omitempty"`
	Type        string `json:"type,omitempty"` // SPACE, GROUP_CHAT or DIRECT_MESSAGE
	Configured  bool   `json:"configured"`
	Subscribed  bool   `json:"subscribed"`      // by a subscription that is ACTIVE
	By          string `json:"by,omitempty"`    // the scope of that subscription
	State       string `json:"state,omitempty"` // of the space's own subscription
}

// Spaces says of each space what watches it.
func Spaces(spaces []gchat.SpaceInfo, actual []subscriptions.Subscription, desired []subscriptions.Desired) []SpaceRow {
	own, wide := map[string]*subscriptions.Subscription{}, ""
	for i := range actual {
		one := &actual[i]
		own[one.Scope()] = one
		if watchesAll(one.Scope()) && one.State == subscriptions.StateActive {
			wide = one.Scope()
		}
	}
	configured, all := map[string]bool{}, false
	for _, d := range desired {
		configured[d.Scope] = true
		all = all || watchesAll(d.Scope)
	}
	rows := make([]SpaceRow, 0, len(spaces))
	for _, one := range spaces {
		r := SpaceRow{Space: one.Name, DisplayName: one.DisplayName, Type: one.Type, Configured: all || configured[one.Name], By: wide}
		if its := own[one.Name]; its != nil {
			r.State = string(its.State)
			if its.State == subscriptions.StateActive {
				r.By = one.Name
			}
		}
		r.Subscribed = r.By != ""
		rows = append(rows, r)
	}
	return rows
}

// PrintSpaces prints the spaces in the form that was asked for.
func PrintSpaces(e *cli.Env, rows []SpaceRow) error {
	return cli.Show(e, cli.List[SpaceRow]{Rows: rows, Columns: spaceColumns(), Name: func(r SpaceRow) string { return r.Space }})
}

// watchesAll tells the scopes that every space of the caller is in.
func watchesAll(scope string) bool {
	return scope == events.AllSpaces || strings.HasPrefix(scope, "customers/")
}

func spaceColumns() []cli.Column[SpaceRow] {
	type r = SpaceRow
	return []cli.Column[r]{
		{Title: "SPACE", Value: func(r r) string { return r.Space }},
		{Title: "NAME", Value: func(r r) string { return r.DisplayName }},
		{Title: "TYPE", Wide: true, Value: func(r r) string { return r.Type }},
		{Title: "CONFIGURED", Value: func(r r) string {
			if r.Configured {
				return "yes"
			}
			return "no"
		}},
		{Title: "SUBSCRIBED", Value: subscribedText, Paint: func(r r) cli.Colour {
			switch {
			case r.Subscribed:
				return cli.Green
			case r.State != "":
				return cli.Red
			}
			return cli.Plain
		}},
	}
}

func subscribedText(r SpaceRow) string {
	switch {
	case r.Subscribed && r.By != r.Space:
		return "by " + r.By
	case r.Subscribed:
		return "yes"
	case r.State != "":
		return r.State
	}
	return "no"
}

// SpacesYAML is a piece of the configuration.
func SpacesYAML(rows []SpaceRow) string {
	var text strings.Builder
	text.WriteString("workspace:\n  spaces:")
	if len(rows) == 0 {
		text.WriteString(" []")
	}
	text.WriteString("\n")
	for _, r := range rows {
		about := r.DisplayName
		if about == "" {
			about = strings.ReplaceAll(strings.ToLower(r.Type), "_", " ")
		}
		fmt.Fprintf(&text, "    - %s # %s\n", r.Space, cli.Clean(about))
	}
	return text.String()
}
