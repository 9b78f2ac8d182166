package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

func newSpaces(env *environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "spaces",
		Short: "Show the spaces that could be watched",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprint(env.err, cmd.UsageString())
			return &usageError{errors.New("name a command")}
		},
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "list",
		Short: "Show the spaces that the Chat app, or the user of auth, is in",
		Long: `Show the spaces that the Chat app, or the user of auth, is in, and whether a
subscription watches each. -o yaml is a piece of the configuration. Direct
messages and group chats in which nobody has written yet aren't shown.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return env.listSpaces(cmd.Context()) },
	})
	return cmd
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
	if e.format == formatYAML {
		rows := make([]spaceRow, 0, len(spaces))
		for _, one := range spaces {
			rows = append(rows, spaceRow{Space: one.Name, DisplayName: one.DisplayName, Type: one.Type})
		}
		_, err := fmt.Fprint(e.out, spacesYAML(rows))
		return err
	}
	rows, err := s.spaceRows(ctx)
	if err != nil {
		return err
	}
	if err := show(e, listing[spaceRow]{rows: rows, columns: spaceColumns(), name: func(r spaceRow) string { return r.Space }}); err != nil {
		return err
	}
	if len(rows) == 0 {
		e.say("There are none: add the Chat app to a space (in the space: Apps & integrations), or the user of auth")
	} else if e.forPeople() {
		e.say("Next: subscribe-setup spaces list -o yaml, for the configuration, or subscribe-setup plan")
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
	return scope == "spaces/-" || strings.HasPrefix(scope, "customers/")
}

func spaceColumns() []column[spaceRow] {
	type r = spaceRow
	return []column[r]{
		{title: "SPACE", value: func(r r) string { return r.Space }},
		{title: "NAME", value: func(r r) string { return r.DisplayName }},
		{title: "TYPE", wide: true, value: func(r r) string { return r.Type }},
		{title: "CONFIGURED", value: func(r r) string {
			if r.Configured {
				return "yes"
			}
			return "no"
		}},
		{title: "SUBSCRIBED", value: subscribedText, paint: func(r r) colour {
			switch {
			case r.Subscribed:
				return green
			case r.State != "":
				return red
			}
			return plain
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
		fmt.Fprintf(&text, "    - %s # %s\n", r.Space, oneLine(about))
	}
	return text.String()
}

// oneLine keeps a name from ending the line that it stands on, or from moving
// a terminal's cursor.
func oneLine(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, name)
}
