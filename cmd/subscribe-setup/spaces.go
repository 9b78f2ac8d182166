package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

func newSpaces(env *environment) *cobra.Command {
	return env.Group(&cobra.Command{Use: "spaces", Short: "Show the spaces that could be watched"}, &cobra.Command{
		Use:   "list",
		Short: "Show the spaces that the Chat app, or the user of auth, is in",
		Long: `Show the spaces that the Chat app, or the user of auth, is in, and whether a
subscription watches each. -o yaml is a piece of the configuration. Direct
messages and group chats in which nobody has written yet aren't shown.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return env.listSpaces(cmd.Context()) },
	})
}

// spaceRow is one space as it is printed.
type spaceRow struct {
	Space       string `json:"space"`
	DisplayName string `json:"display_name,omitempty"`
	Type        string `json:"type,omitempty"` // SPACE, GROUP_CHAT or DIRECT_MESSAGE
	Configured  bool   `json:"configured"`
	Subscribed  bool   `json:"subscribed"`      // by a subscription that is ACTIVE
	By          string `json:"by,omitempty"`    // the scope of that subscription
	State       string `json:"state,omitempty"` // of the space's own subscription
}

func (e *environment) listSpaces(ctx context.Context) error {
	s, err := e.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	spaces, err := s.directory.all(ctx)
	if err != nil {
		return err
	}
	if e.Format == cli.YAML {
		rows := make([]spaceRow, 0, len(spaces))
		for _, one := range spaces {
			rows = append(rows, spaceRow{Space: one.Name, DisplayName: one.DisplayName, Type: one.Type})
		}
		_, err := fmt.Fprint(e.Out, spacesYAML(rows))
		return err
	}
	rows, err := s.spaceRows(ctx)
	if err != nil {
		return err
	}
	l := cli.List[spaceRow]{Rows: rows, Columns: spaceColumns(), Name: func(r spaceRow) string { return r.Space }}
	if err := cli.Show(&e.Env, l); err != nil {
		return err
	}
	if len(rows) == 0 {
		e.Say("There are none: add the Chat app to a space (in the space: Apps & integrations), or the user of auth")
	} else if e.ForPeople() {
		e.Say("Next: subscribe-setup spaces list -o yaml, for the configuration, or subscribe-setup plan")
	}
	return nil
}

// spaceRows says of each space what watches it.
func (s *session) spaceRows(ctx context.Context) ([]spaceRow, error) {
	spaces, err := s.directory.all(ctx)
	if err != nil {
		return nil, err
	}
	actual, err := s.manager.List(ctx)
	if err != nil {
		return nil, err
	}
	desired, err := s.resolver().Desired(ctx)
	if err != nil {
		return nil, err
	}
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
	rows := make([]spaceRow, 0, len(spaces))
	for _, one := range spaces {
		r := spaceRow{Space: one.Name, DisplayName: one.DisplayName, Type: one.Type, Configured: all || configured[one.Name], By: wide}
		if its := own[one.Name]; its != nil {
			r.State = string(its.State)
			if its.State == subscriptions.StateActive {
				r.By = one.Name
			}
		}
		r.Subscribed = r.By != ""
		rows = append(rows, r)
	}
	return rows, nil
}

// watchesAll tells the scopes that every space of the caller is in.
func watchesAll(scope string) bool {
	return scope == events.AllSpaces || strings.HasPrefix(scope, "customers/")
}

func spaceColumns() []cli.Column[spaceRow] {
	type r = spaceRow
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

func subscribedText(r spaceRow) string {
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

// spacesYAML is a piece of the configuration.
func spacesYAML(rows []spaceRow) string {
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
