package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// What is recorded is printed, with names and without what was written, until the
// command is told to stop.
func TestTail(t *testing.T) {
	t.Parallel()
	dsn, worker := workersDatabase(t)
	log := storetest.Open(t, dsn, storetest.Options{})
	now := time.Now()
	storetest.Record(t, log,
		storetest.Interaction("i", now.Add(-time.Hour), "users/U", "Ann\x1b[2J", "spaces/S", "Team"),
		storetest.Live("before", now, storetest.Message(events.VerbCreated, "spaces/S/messages/M", "users/U", "hush", now, now)))
	env := environ{"SPACEKEEPER_DATABASE_DSN": worker}
	table, lines := start(t, env, "tail", "--space", "team", "--type", "message"), start(t, env, "tail", "-o", "json", "--type", "member.*")
	for i := 0; strings.Count(table.stdout.String(), "\n") < 2 || !strings.Contains(lines.stdout.String(), "\n"); i++ {
		at := time.Now()
		name := fmt.Sprint("spaces/S/messages/M", i)
		storetest.Record(t, log, storetest.Live(fmt.Sprint("e", i), at, storetest.Message(events.VerbCreated, name, "users/U", "hush", at, at)),
			storetest.Live(fmt.Sprint("j", i), at, storetest.Membership(events.VerbCreated, "spaces/S", "users/V", events.MembershipJoined)))
		if i > 50_000 {
			t.Fatalf("%d events later it prints %q", i, table.stdout.String())
		}
	}
	if code := table.stop() + lines.stop(); code != cli.OK {
		t.Errorf("exit codes: %d", code)
	}
	line, _, _ := strings.Cut(table.stdout.String(), "\n")
	if !strings.Contains(line, "  message.created     Team (spaces/S)  Ann [2J (users/U)  messages/M") {
		t.Errorf("it prints %q", line)
	}
	line, _, _ = strings.Cut(lines.stdout.String(), "\n")
	for _, want := range []string{`"type":"membership.created"`, `"space_name":"Team"`, `"actor":"users/V"`, `"origin":"live"`} {
		if !strings.Contains(line, want) {
			t.Errorf("it lacks %s: %s", want, line)
		}
	}
	if all := table.stdout.String() + lines.stdout.String(); strings.Contains(all, "hush") || strings.Contains(all, "member.") {
		t.Errorf("it prints %s", all)
	}
}
