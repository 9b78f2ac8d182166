package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// A Postgres whose clock is hours behind or ahead changes nothing about what
// runs: reactions, at once and after a wait, the keeper, the silence check,
// schedules. The difference is shown.
func TestDatabaseWithAnotherClock(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{-2 * time.Hour, 2 * time.Hour} {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			dsn := migratedDatabase(t)
			w := newWorkspace(t, storetest.ShiftClock(t, dsn, by))
			rules := filepath.Join(t.TempDir(), "reactors.yaml")
			if err := os.WriteFile(rules, []byte(`
reactors:
  - {id: welcome, mode: live, on: member.joined, do: [{send: {to: private, text: "Welcome!"}}]}
  - {id: later, mode: live, on: member.joined, wait: 2s, do: [{send: {text: "Well?"}}]}
`), 0o600); err != nil {
				t.Fatal(err)
			}
			p := start(t, w.env.with("SPACEKEEPER_REACTORS_FILE", rules), "run")
			base := "http://" + healthAddr(t, p)
			if err := w.AddMembers(w.Spaces()[0].Name, w.AddUser(false)); err != nil {
				t.Fatal(err)
			}
			done := func(kind string) bool {
				return query[int](t, dsn, "SELECT count(*)::int FROM river_job WHERE state = 'completed' AND kind = '"+kind+"'") > 0
			}
			eventually(t, p, "both rules have sent", func() bool {
				return query[int](t, dsn, "SELECT count(*)::int FROM reactor_runs WHERE outcome = 'sent'") == 2
			})
			for _, kind := range []string{"keep", "silence", "members"} {
				eventually(t, p, "a job "+kind+" is done", func() bool { return done(kind) })
			}
			eventually(t, p, "schedules are looked at", func() bool { return query[int](t, dsn, "SELECT count(*)::int FROM reactor_schedules") == 1 })
			word := map[bool]string{true: "ahead of", false: "behind"}[by > 0]
			said := fmt.Sprintf("the database's clock is 2h0m0s %s this machine's", word)
			var body string
			eventually(t, p, "the worker is ready", func() bool {
				var status int
				status, body = get(t, base+"/-/ready")
				return status == http.StatusOK
			})
			if !strings.Contains(body, `"warnings":["`+said) {
				t.Errorf("readiness doesn't tell of the clock: %s", body)
			}
			if n := strings.Count(p.stderr.String(), said); n != 1 {
				t.Errorf("the log tells %d times of the clock, want once", n)
			}
			_, body = get(t, base+"/metrics")
			if !regexp.MustCompile(`(?m)^spacekeeper_database_clock_ahead_seconds -?7\d\d\d`).MatchString(body) {
				t.Errorf("no metric tells of the clock:\n%s", body)
			}
			if code := p.stop(); code != cli.OK {
				t.Errorf("got exit code %d, want %d", code, cli.OK)
			}
		})
	}
}
