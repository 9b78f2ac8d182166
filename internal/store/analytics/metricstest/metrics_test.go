// Package metricstest compares what the metrics of the schema analytics say of
// a recorded history with definitions in plain Go, which go through all that
// happened once for each question and know nothing of tables, rollups or SQL.
package metricstest

import (
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/store/analytics"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

// workspaces are a quiet one with gaps, a busy one with threads, one without threads,
// and one of rare cases; days begin and end at different times in each.
func workspaces() map[string]plan {
	return map[string]plan{
		"quiet":    {zone: "Asia/Kathmandu", days: 130, threaded: 1, people: 6, messages: 0.6, gaps: true},
		"threaded": {zone: "Europe/Berlin", days: 130, threaded: 3, people: 14, messages: 6, apps: true, welcoming: true, gaps: true},
		"edges":    {zone: "Pacific/Chatham", days: 200, threaded: 1, edges: true},
		"flat":     {zone: "America/New_York", days: 70, flat: 2, people: 8, messages: 3, apps: true},
	}
}

// windows hold changes of clocks, a whole history, days, and times of before.
func windows(h *history) []window {
	end := parseDay(endDay)
	var list []window
	if h.first < end-190 { // a past longer than 90 days
		list = []window{{end - 95, end, "all"}, {end - 95, end, h.spaces[0].name}}
	}
	for i, space := range append([]string{"all"}, names(h)...) {
		for n, w := range [][2]day{
			{end - 28, end}, {end - 56, end - 28}, {end - 20, end - 13}, {parseDay("2026-10-24"), parseDay("2026-10-26")},
			{parseDay("2026-10-25"), parseDay("2026-10-26")}, {parseDay("2026-11-01"), parseDay("2026-11-02")}, {h.first - 40, end},
			{h.first, h.first + 3}, {h.first - 30, h.first - 2},
		} {
			if i == 0 || (i+n)%2 == 1 { // half of them for each space
				list = append(list, window{w[0], w[1], space})
			}
		}
	}
	return list
}

func names(h *history) []string {
	var list []string
	for _, s := range h.spaces {
		list = append(list, s.name)
	}
	return list
}

// record lets the history reach the store, and the rollups take it up.
func record(t *testing.T, h *history) *storetest.Env {
	t.Helper()
	s := storetest.New(t, storetest.Options{})
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := s.Pool().Exec(t.Context(), sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	exec(`UPDATE reporting SET zone = $1, changed_at = now()`, h.zone.String())
	for _, c := range h.covered {
		cause := any("expired")
		if c.source == "live" {
			cause = nil
		}
		repair := any(nil)
		if c.source == "gap" {
			repair = "impossible"
		}
		exec(`INSERT INTO coverage (from_time, to_time, scope, source, cause, repair) VALUES ($1, $2, $3, $4, $5, $6)`,
			c.from, c.to, c.space.name, c.source, cause, repair)
	}
	exec(`INSERT INTO keeper_passes (listed_at) VALUES (now())`)
	for i, batch := range slices.Collect(slices.Chunk(h.deliveries, 100)) {
		if _, err := s.Record(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		if i%10 == 0 {
			pass(t, s)
		}
	}
	for i, r := range h.runs {
		exec(`INSERT INTO reactor_runs (event_time, due_at, finished_at, outcome, reactor, subject, space, member, trigger, hash, shadow)
			VALUES ($1, $1, $2, $3, 'welcome', $4, $5, $6, 'member.joined', '', $7)`,
			r.stay.joined, r.finished, r.outcome, fmt.Sprint(i), r.stay.space.name, r.stay.person.name, r.shadow)
	}
	for i, at := range h.quarantined {
		exec(`INSERT INTO quarantine (quarantine_key, received_at, message_id, ordering_key, reason, detail, attributes, data)
			VALUES (gen_random_uuid(), $1, $2, '', 'not_json', '', '{}', '')`, at, fmt.Sprint(i))
	}
	pass(t, s)
	return s
}

// pass lets the rollups take up all that was recorded. Each process rests between
// passes over responses; here each pass is another process's.
func pass(t *testing.T, s *storetest.Env) {
	t.Helper()
	for range 200 {
		if _, err := analytics.New(s.Store).Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		var waiting int
		if err := s.Pool().QueryRow(t.Context(), `SELECT max(waiting) FROM analytics.rollup_state`).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
		if waiting == 0 {
			return
		}
	}
	t.Fatal("the rollups don't come to an end")
}

// row is what metrics() says of one.
type row struct {
	Metric                                 string
	Value, Numerator, Denominator, Covered *float64
	IsPartial                              bool
}

func metrics(t *testing.T, s *storetest.Env, w window) map[string]row {
	t.Helper()
	var list []row
	if err := pgx.BeginFunc(t.Context(), s.Pool(), func(tx pgx.Tx) (err error) {
		if _, err := tx.Exec(t.Context(), `SET LOCAL timezone = 'America/New_York'`); err != nil { // the caller's changes nothing
			return err
		}
		rows, _ := tx.Query(t.Context(), `
			SELECT metric, value, numerator, denominator, coverage_ratio AS covered, is_partial
			FROM analytics.metrics($1, $2, $3)`, w.since.date(), w.until.date(), w.space)
		list, err = pgx.CollectRows(rows, pgx.RowToStructByName[row])
		return err
	}); err != nil {
		t.Fatal(err)
	}
	found := map[string]row{}
	for _, r := range list {
		if _, ok := found[r.Metric]; ok {
			t.Errorf("%s is there twice", r.Metric)
		}
		found[r.Metric] = r
	}
	return found
}

// The metrics are what their definitions say, wherever the schema tells them.
func TestMetrics(t *testing.T) {
	t.Parallel()
	for name, p := range workspaces() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := write(7, p)
			s := record(t, h)
			compareWindows(t, s, h, p)
			compareSeries(t, s, h)
			compareHeatmap(t, s, h)
			compareThreads(t, s, h, p)
			for _, space := range append([]string{"all"}, names(h)[:1]...) {
				compareStats(t, s, h, space)
			}
		})
	}
}

// compareWindows compares each metric in windows of all spaces and of each.
func compareWindows(t *testing.T, s *storetest.Env, h *history, p plan) {
	t.Helper()
	values := map[string]int{}
	for _, w := range windows(h) {
		got := metrics(t, s, w)
		for metric, d := range definitions() {
			a := h.ask(w)
			want := d.of(a)
			sum, days := a.coverage(a.looksBackTo(d.back), a.until)
			covered := sum / float64(days)
			if want.value == 0 && math.IsNaN(want.denominator) && !(covered > 0) {
				want.value = null
			}
			r := got[metric]
			if !same(r.Value, want.value) || r.Value != nil && (!same(r.Numerator, want.numerator) || !same(r.Denominator, want.denominator)) ||
				r.Value == nil && r.Denominator != nil && *r.Denominator > 0 {
				t.Errorf("%s of %s, %s to %s: %s of %s/%s, want %v of %v/%v", metric, w.space, w.since, w.until,
					show(r.Value), show(r.Numerator), show(r.Denominator), want.value, want.numerator, want.denominator)
			}
			if !same(r.Covered, covered) || r.IsPartial != !(covered >= 0.8) {
				t.Errorf("%s of %s, %s to %s: covered %s, partial %v, want %v", metric, w.space, w.since, w.until, show(r.Covered), r.IsPartial, covered)
			}
			if r.Value != nil && *r.Value != 0 {
				values[metric]++
			}
		}
	}
	if p.threaded > 1 && len(values) < len(definitions()) {
		t.Errorf("this history shows nothing of some metrics: %v", values)
	}
	t.Logf("%d deliveries, values that are neither null nor 0: %v", len(h.deliveries), values)
}

func same(got *float64, want float64) bool {
	if got == nil || math.IsNaN(want) {
		return got == nil && math.IsNaN(want)
	}
	return math.Abs(*got-want) <= 1e-6*max(1, math.Abs(want))
}

func show(v *float64) string {
	if v == nil {
		return "null"
	}
	return fmt.Sprint(*v)
}
