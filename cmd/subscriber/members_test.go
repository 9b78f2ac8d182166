package main

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/cli/clitest"
	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

func TestReconcileMembers(t *testing.T) {
	t.Parallel()
	// Google's lists are of a second: what one tells is older than the next.
	var later atomic.Int64
	ws, err := simulate.Start(t.Context(), simulate.Options{
		Seed: 7, Spaces: 3, Users: 6,
		Now: func() time.Time { return time.Now().Add(time.Duration(later.Load())) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ws.Close(); err != nil {
			t.Error(err)
		}
	})
	spaces := ws.Spaces()
	env := environ{
		"SPACEKEEPER_WORKSPACE_SPACES": spaces[0].Name + "," + spaces[1].Name + "," + spaces[2].Name,
		"SPACEKEEPER_DATABASE_DSN":     migratedDatabase(t),
		"SPACEKEEPER_CHAT_ENDPOINT":    conformancetest.Proxy(t, ws.ChatEndpoint()),
	}
	var seen strings.Builder
	say := func(what string, args ...string) {
		code, stdout, stderr := call(t, env, append([]string{"reconcile-members"}, args...)...)
		text := transcript(append([]string{"reconcile-members"}, args...), code, stdout, stderr)
		for i, s := range spaces {
			text = strings.ReplaceAll(text, s.Name, "spaces/AAQA"+string(rune('1'+i)))
		}
		seen.WriteString("# " + what + "\n" + text)
	}
	say("the first time")
	query[string](t, env["SPACEKEEPER_DATABASE_DSN"], "UPDATE spaces SET display_name = 'Sales' WHERE space = '"+spaces[1].Name+"' RETURNING space")
	say("again, one of them", "--space", "sales")
	later.Add(int64(time.Minute))
	for _, member := range ws.Members(spaces[1].Name) {
		if member != ws.App() {
			if err := ws.RemoveMember(spaces[1].Name, member); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	if err := ws.RemoveMember(spaces[2].Name, ws.App()); err != nil {
		t.Fatal(err)
	}
	say("somebody has left a space, and the app was removed from another")
	say("no space", "--space", "AAQA")
	delete(env, "SPACEKEEPER_WORKSPACE_SPACES")
	env["SPACEKEEPER_DATABASE_DSN"] = migratedDatabase(t)
	say("nothing known")
	golden(t, "reconcile-members", seen.String())
}

// What reads space by space says how far it has come when it is interrupted.
func TestEachSpaceIsInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var out clitest.Output
	e := &environment{Env: cli.Env{Out: &out, Err: &out}}
	_, err := e.eachSpace(ctx, []string{"spaces/A", "spaces/B"}, func(space string) (string, error) {
		if space == "spaces/B" {
			cancel()
			return "", errors.New("ERROR: canceling statement due to user request (SQLSTATE 57014)")
		}
		return "read", nil
	})
	if !errors.Is(err, context.Canceled) || !strings.HasSuffix(err.Error(), " after 1 of 2 spaces: run it again") {
		t.Errorf("got %v", err)
	}
}
