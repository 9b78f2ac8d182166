package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/credentials"
)

// AdminMessage is what has to be forwarded to the administrator of the Google
// Workspace, filled in: what to approve, for whom, and what it allows. It asks
// nobody anything. Rules in shadow mode count, so that they can go live.
func AdminMessage(cfg config.Config, rules []Rule) string {
	identity, _ := credentials.Describe(cfg.Auth) // what isn't known is described in words
	rules = slices.DeleteFunc(slices.Clone(rules), func(r Rule) bool { return r.Mode == off })
	ids, _ := users(rules, changesMembers)
	var asApp []string
	if len(ids) > 0 {
		asApp = append(asApp, membershipsScope)
	}
	var parts []string
	switch cfg.Auth.Mode {
	case config.AuthImpersonate:
		scopes := credentials.Scopes(cfg)
		if reacting, _ := users(rules, asPerson); len(reacting) > 0 {
			scopes = append(scopes, reactionsScope)
		}
		parts = append(parts, fmt.Sprintf(delegationText, cmp.Or(identity.ClientID, "(the OAuth 2 client id on the service account's page)"),
			strings.Join(scopes, ","), cfg.Auth.Subject, explained(scopes)))
	case config.AuthUser:
		scopes := credentials.Scopes(cfg)
		parts = append(parts, fmt.Sprintf(consentText, cmp.Or(identity.ClientID, "(the client id in client.json)"), explained(scopes)))
	default:
		asApp = append(slices.DeleteFunc(credentials.Scopes(cfg), func(s string) bool { return s == credentials.BotScope }), asApp...)
	}
	if len(asApp) > 0 {
		app := credentials.Identity{}
		if found, err := credentials.Describe(cfg.Auth.AsApp()); err == nil {
			app = found
		}
		account := cmp.Or(app.Account, "the Chat app's service account in that project")
		parts = append(parts, fmt.Sprintf(listingText, cfg.Project, account, explained(asApp)))
	}
	return greetingText + strings.Join(parts, "\n") + whyText
}

const greetingText = `Subject: approval of a Google Chat app, Spacekeeper

Hello,

we would like to run Spacekeeper, which records what happens in chosen Google Chat
spaces in a database of our own. Google asks that a Google Workspace super
administrator approves it once.
`

const listingText = `
Please install the app for everyone at the organization:

  1. Open https://workspace.google.com/marketplace/mydomainapps and choose the app,
     published by the Google Cloud project %[1]s.
  2. Admin install, for everyone at the organization: such scopes can't be granted
     to a part of it. Where apps are allow-listed, allow this one as well.
  3. Check that the list of what it may do is the one below, and agree.

It was installed before? Admin console, Apps, Google Workspace Marketplace apps,
Apps list, the app, Data access: Grant access.

The app acts as %[2]s. It asks for

%[3]s`

const delegationText = `
Please allow domain-wide delegation: Admin console, Security, Access and data
control, API controls, Domain-wide delegation, Add new.

  Client ID     %[1]s
  OAuth scopes  %[2]s

It acts for one user, %[3]s, but Google can't limit it to that user: whoever
controls the service account can act for anybody within these scopes. They are

%[4]s`

const consentText = `
A user gives consent to it, so there is nothing to approve, unless access to
Google services is restricted: then please trust this client under Admin console,
Security, Access and data control, API controls, Manage app access.

  Client ID     %[1]s

It asks the user for

%[2]s`

const whyText = `
All of this can be taken back at the same place at any time; recording then ends.

Thank you.
`

// explained lists scopes with what each of them allows.
func explained(scopes []string) string {
	var b strings.Builder
	for _, s := range scopes {
		fmt.Fprintf(&b, "  %s\n      %s\n", s, meaning(s))
	}
	return b.String()
}

// meaning says in words what a scope allows.
func meaning(scope string) string {
	_, name, _ := strings.Cut(scope, "/auth/chat.")
	where := "of the spaces that the user is in"
	if rest, ok := strings.CutPrefix(name, "app."); ok {
		name, where = rest, "of the spaces that the app is in"
	}
	if rest, ok := strings.CutPrefix(name, "all."); ok {
		name, where = rest, "of all spaces of the organization"
	}
	switch name {
	case "messages.readonly":
		return "read messages and reactions " + where
	case "messages.reactions.readonly":
		return "read reactions " + where
	case "messages.reactions.create":
		return "add reactions to messages " + where
	case "memberships.readonly":
		return "see who is a member " + where
	case "memberships":
		return "add and remove members " + where
	case "spaces.readonly":
		return "see the names and settings " + where
	case "users.readstate.readonly":
		return "see until when messages were read " + where
	case "users.availability.readonly":
		return "see when the user is available"
	}
	return name + " " + where
}
