package demo

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/simulatetest"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// A past comes first, and the demo is as exact after it as without one.
func TestDemoAfterAPast(t *testing.T) {
	t.Parallel()
	stdout, err := show(t, Options{Length: 5 * time.Second, History: minHistory, Quiet: true})
	if err != nil {
		t.Error(err)
	}
	if !strings.Contains(stdout, "  numbers   SPACEKEEPER_DATABASE_DSN='postgresql:") {
		t.Errorf("it doesn't say how to see numbers:\n%s", stdout)
	}
	table(t, stdout, map[string]string{
		"events": exact, "items of events": exact, "malformed messages": exact, "welcomes": exact, "joins decided on": exact, "display names": exact,
	})
}

// What was delivered is recorded once, whole, and about everybody who is there now; what
// was lost is known to be.
func TestRecordHistory(t *testing.T) {
	if storetest.RaceDetector {
		t.Skip("one thing is recorded after the other, and the detector makes sixty days of it long")
	}
	t.Parallel()
	env := storetest.New(t, storetest.Options{})
	now := time.Now()
	ws, err := simulate.Start(t.Context(), simulate.Options{
		Spaces: 5, Users: 40, Flat: 1, NoListen: true, Publisher: simulatetest.Deaf{},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ws.Close(); err != nil {
			t.Error(err)
		}
	})
	record := func(ctx context.Context) (int, error) {
		cfg := config.Default()
		cfg.Database.DSN = env.DSN
		return recordHistory(ctx, ws, Options{History: 60 * 24 * time.Hour}, cfg, now, zap.NewNop())
	}
	recorded, err := record(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ask := func(query string, args ...any) (n int) {
		t.Helper()
		if err := env.Pool().QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := ask(`SELECT count(DISTINCT ce_id) FROM event_log`); n != recorded || n < 5_000 {
		t.Errorf("%d events are recorded, and %d were reported", n, recorded)
	}
	for what, query := range map[string]string{
		"messages in quarantine":                 `SELECT count(*) FROM quarantine`,
		"events without what follows":            `SELECT count(*) FROM unapplied_events`,
		"events after the past":                  `SELECT count(*) FROM event_log WHERE event_time >= $1 OR received_at >= $1`,
		"runs that haven't ended":                `SELECT count(*) FROM reactor_runs WHERE finished_at IS NULL`,
		"runs of the demo's rules":               `SELECT count(*) FROM reactor_runs WHERE reactor <> 'hello'`,
		"runs that ended before they were due":   `SELECT count(*) FROM reactor_runs WHERE finished_at NOT BETWEEN event_time AND $1`,
		"gaps that nobody saw somebody leave in": `SELECT 1 - count(*) FROM membership_changes WHERE origin = 's' AND state = 'NOT_A_MEMBER'`,
		"gaps that nobody knows":                 `SELECT count(*) FROM coverage_gaps WHERE state <> 'acknowledged'`,
		"events in a gap":                        `SELECT count(*) FROM event_log e JOIN coverage_gaps g ON g.scope = e.space AND e.event_time >= g.from_time AND e.event_time < g.to_time`,
		"backfilled events outside of one":       `SELECT count(*) FROM event_log e JOIN coverage c ON c.scope = e.space AND e.event_time >= c.from_time AND e.event_time < c.to_time WHERE (c.source = 'backfill') <> (e.origin = 'backfill')`,
		"subscriptions":                          `SELECT count(*) FROM subscription_states`,
		"unnamed spaces":                         `SELECT count(*) FROM spaces WHERE display_name IS NULL OR threading_state IS NULL`,
	} {
		var args []any
		if strings.Contains(query, "$1") {
			args = append(args, now)
		}
		if n := ask(query, args...); n != 0 {
			t.Errorf("%s: %d", what, n)
		}
	}
	if n := ask(`SELECT count(*) FROM reactor_runs WHERE outcome = 'sent'`); n < 20 {
		t.Errorf("%d people were greeted, want some of each space", n)
	}
	if n := ask(`SELECT extract(epoch FROM sum(to_time - from_time))::int / 3600 FROM coverage_gaps`); n != 48 {
		t.Errorf("a gap lasts for %d hours, want 48", n)
	}
	if n := ask(`SELECT extract(epoch FROM sum(to_time - from_time))::int / 3600 FROM coverage`); n != 5*60*24 {
		t.Errorf("the coverage is of %d hours, want %d", n, 5*60*24)
	}
	if n := ask(`SELECT count(*) FROM names WHERE name LIKE 'spaces/%'`); n != 6 {
		t.Errorf("the spaces have had %d names, want 6", n)
	}
	for _, s := range ws.Spaces() {
		want := slices.DeleteFunc(ws.Members(s.Name), func(user string) bool { return user == ws.App() })
		got := storetest.Column(t, env, `SELECT member FROM memberships WHERE space = $1 AND state = 'JOINED' ORDER BY member COLLATE "C"`, s.Name)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("members of %s (-Workspace +recorded):\n%s", s.Name, diff)
		}
	}
	if _, err := record(t.Context()); err == nil {
		t.Error("a past was added to what is there")
	}
}
