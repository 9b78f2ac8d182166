package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

func TestBackfill(t *testing.T) {
	t.Parallel()
	ws, err := simulate.Start(t.Context(), simulate.Options{Seed: 8, Spaces: 2, Users: 6})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ws.Close(); err != nil {
			t.Error(err)
		}
	})
	spaces := ws.Spaces()
	var author string
	for _, m := range ws.Members(spaces[0].Name) {
		if m != ws.App() {
			author = m
		}
	}
	for i := range 3 {
		if _, err := ws.Post(spaces[0].Name, author, fmt.Sprintf("message %d", i)); err != nil {
			t.Fatal(err)
		}
	}
	dsn := migratedDatabase(t)
	// What people say to the app alone, and group chats without a name, aren't asked for.
	query[int](t, dsn, `
		WITH known AS (
			INSERT INTO spaces (version_time, version_key, space, space_type)
			VALUES ('-infinity', gen_random_uuid(), 'spaces/DM', 'DIRECT_MESSAGE'), ('-infinity', gen_random_uuid(), 'spaces/GROUP', 'GROUP_CHAT')
			RETURNING 1)
		SELECT count(*)::int FROM known`)
	env := environ{
		"SPACEKEEPER_WORKSPACE_SPACES": spaces[0].Name + "," + spaces[1].Name,
		"SPACEKEEPER_DATABASE_DSN":     dsn,
		"SPACEKEEPER_CHAT_ENDPOINT":    conformancetest.Proxy(t, ws.ChatEndpoint()),
	}
	var seen strings.Builder
	say := func(what string, args ...string) {
		code, stdout, stderr := call(t, env, append([]string{"backfill"}, args...)...)
		text := transcript(append([]string{"backfill"}, args...), code, stdout, stderr)
		for i, s := range spaces {
			text = strings.ReplaceAll(text, s.Name, "spaces/AAQA"+string(rune('1'+i)))
		}
		text = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`).ReplaceAllString(text, "TIME")
		seen.WriteString("# " + what + "\n" + text)
	}
	say("the first time")
	query[string](t, dsn, "UPDATE spaces SET display_name = 'Sales' WHERE space = '"+spaces[0].Name+"' RETURNING space")
	say("again", "--since", "12h", "--space", "sales")
	if err := ws.RemoveMember(spaces[1].Name, ws.App()); err != nil {
		t.Fatal(err)
	}
	say("the app was removed from one")
	say("too far back", "--since", "29d")
	say("no space", "--space", "AAQA")
	golden(t, "backfill", seen.String())
	if n := query[int](t, dsn, "SELECT count(*)::int FROM events WHERE origin = 'b'"); n != 3 {
		t.Errorf("got %d events recorded, want 3", n)
	}
	if n := query[int](t, dsn, "SELECT count(*)::int FROM reactor_runs"); n != 0 {
		t.Errorf("got %d reactor runs, want none", n)
	}
}
