package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/cli/clitest"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// Row D6: whatever spaces are called and Google answers, no command does
// anything to the terminal but show it.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	x := openHealthy(t)
	for _, s := range x.ws.Spaces() {
		if err := x.ws.RenameSpace(s.Name, clitest.Hostile); err != nil {
			t.Fatal(err)
		}
	}
	calls := map[string][][]string{
		"spaces list": {{}},
		"init":        {{"--no-input", "--force", "--watch", "$A", "--project", "my-project", "--config", "$DIR/first.yaml"}},
		"plan":        {{}, {"--prune"}},
		"list":        {{}},
		"status":      {{}},
		"doctor":      {{}, {"--pre"}, {"--admin-message"}, {"--probe", "$A", "--timeout", "1ms"}},
		"renew":       {{"--all"}, {"$A"}},
		"reactivate":  {{"--all"}},
		"delete":      {{"--yes", "$A"}},
		"apply":       {{"--yes"}, {}},
		"version":     {{}},
	}
	order := []string{"spaces list", "plan", "list", "status", "doctor", "renew", "reactivate", "delete", "plan", "apply", "version", "init"}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		name := strings.TrimPrefix(c.CommandPath(), "subscribe-setup ")
		if c.Runnable() && !c.HasSubCommands() && elsewhere[c.Name()] == "" && calls[name] == nil {
			order, calls[name] = append(order, name), [][]string{{}} // a newer command
		}
		for _, child := range c.Commands() {
			walk(child)
		}
	}
	walk(newRoot(&environment{}))
	seen := map[string]bool{}
	try := func(what string, formats ...string) {
		for _, name := range order {
			for _, args := range calls[name] {
				for _, format := range formats {
					args := append(append(strings.Fields(name), args...), "-o", format)
					x.transcript.Reset()
					x.run(exitAny, args...)
					clitest.CheckOutput(t, what+": "+strings.Join(args, " "), x.transcript.String())
					seen[name] = seen[name] || strings.Contains(x.transcript.String(), "0;owned")
				}
			}
		}
	}
	x.env["SPACEKEEPER_CHAT_ENDPOINT"], x.env["SPACEKEEPER_WORKSPACE_EVENTS_ENDPOINT"] = x.ws.ChatEndpoint(), x.ws.WorkspaceEventsEndpoint()
	try("names", cli.Formats()...)
	for _, name := range []string{"spaces list", "plan", "apply", "status"} {
		if !seen[name] {
			t.Errorf("%s shows no name: this test can't fail", name)
		}
	}
	x.ws.SetEventsFaults(func(simulate.EventsCall) simulate.EventsFault {
		return simulate.EventsFault{Status: http.StatusBadRequest, Message: clitest.Hostile, Reason: clitest.Hostile}
	})
	try("errors", cli.Table, cli.JSON)
}
