package metricstest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func column[T any](t *testing.T, s *storetest.Env, sql string, args ...any) []T {
	t.Helper()
	rows, err := s.Pool().Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return list
}

// The catalogue of metrics, and the views of those that are tables.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{})
	tables := map[string]string{
		"retention": "agg_retention_weekly", "thread_depth": "agg_response_daily", "top_emoji": "agg_emoji_daily",
		"most_discussed": "top_messages", "response_network": "response_network", "heatmap": "heatmap('2026-10-01', '2026-11-01')",
	}
	want := append(slices.Collect(maps.Keys(definitions())), slices.Collect(maps.Keys(tables))...)
	slices.Sort(want)
	if diff := cmp.Diff(want, column[string](t, s, `SELECT metric FROM analytics.metric_definitions ORDER BY metric COLLATE "C"`)); diff != "" {
		t.Errorf("metric_definitions (-catalogue +there):\n%s", diff)
	}
	for metric, view := range tables {
		column[any](t, s, `SELECT 1 FROM analytics.`+view)
		if got := column[string](t, s, `SELECT needs FROM analytics.metric_definitions WHERE metric = $1`, metric); !strings.Contains(got[0], strings.Split(view, "(")[0]) {
			t.Errorf("%s needs %q, and not %s", metric, got, view)
		}
	}
	got := column[string](t, s, `SELECT metric FROM analytics.metrics('2026-10-01', '2026-11-01') ORDER BY metric COLLATE "C"`)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(definitions())), got); diff != "" {
		t.Errorf("metrics() (-defined +there):\n%s", diff)
	}
	if got := column[string](t, s, `
		SELECT metric
		FROM analytics.metric_definitions
		WHERE section NOT IN ('growth', 'activity', 'conversations', 'onboarding', 'health') OR direction NOT IN ('up', 'down', 'context')
		   OR definition !~ '^[A-Z].*\.$' OR unit IN ('ratio', 'seconds') AND denominator IS NULL`); len(got) > 0 {
		t.Errorf("%v are not defined as they should be", got)
	}
}

// compareSeries compares what timeseries says of days with metrics() of the same.
func compareSeries(t *testing.T, s *storetest.Env, h *history) {
	t.Helper()
	series := column[string](t, s, `SELECT metric FROM analytics.metric_definitions WHERE has_series ORDER BY metric COLLATE "C"`)
	if diff := cmp.Diff(series, column[string](t, s, `SELECT DISTINCT metric COLLATE "C" FROM analytics.timeseries ORDER BY 1`)); diff != "" {
		t.Errorf("series (-defined +there):\n%s", diff)
	}
	end := parseDay(endDay)
	for i, space := range append([]string{"all"}, names(h)...) {
		for n, d := range []day{h.first, h.first + 1, end - 40, parseDay("2026-10-25"), parseDay("2026-11-01"), end - 2, end - 1} {
			if i > 0 && (i+n)%3 > 0 {
				continue // a third of them for each space
			}
			got := metrics(t, s, window{d, d + 1, space})
			rows, err := s.Pool().Query(t.Context(), `
				SELECT metric, value
				FROM analytics.timeseries
				WHERE "time" = $1 AND space_id = $2`, d.start(h.zone), space)
			if err != nil {
				t.Fatal(err)
			}
			var metric string
			var value *float64
			found := map[string]*float64{}
			if _, err := pgx.ForEachRow(rows, []any{&metric, &value}, func() error { found[metric] = value; return nil }); err != nil {
				t.Fatal(err)
			}
			for _, metric := range series {
				want := null
				if v := found[metric]; v != nil {
					want = *v
				}
				if v := got[metric].Value; !same(v, want) {
					t.Errorf("%s of %s on %s is %s, in timeseries %v", metric, space, d, show(v), want)
				}
			}
		}
	}
}

// compareHeatmap compares each hour of the week with the mean of the hours that
// there were: one is missing where clocks are set forward, one comes twice in autumn.
func compareHeatmap(t *testing.T, s *storetest.Env, h *history) {
	t.Helper()
	w := window{parseDay("2026-10-01"), parseDay("2026-11-05"), "all"}
	a := h.ask(w)
	hours, sums, apps := map[[2]int]int{}, map[[2]int]int{}, map[[2]int]int{}
	counts := func(t time.Time) bool { return a.sawAnything(dayOf(t, h.zone)) }
	cell := func(t time.Time) [2]int {
		t = t.In(h.zone)
		return [2]int{(int(t.Weekday())+6)%7 + 1, t.Hour()}
	}
	for at := a.from; at.Before(a.to); at = at.Add(time.Hour) {
		if counts(at) {
			hours[cell(at)]++
		}
	}
	for _, m := range h.messages {
		if a.inside(m.sent) && counts(m.sent) {
			if m.sender.app {
				apps[cell(m.sent)]++
			} else {
				sums[cell(m.sent)]++
			}
		}
	}
	var want []string
	for weekday := 1; weekday <= 7; weekday++ {
		for hour := range 24 {
			c := [2]int{weekday, hour}
			want = append(want, fmt.Sprintf("%d %d %.4f %.4f %d", weekday, hour,
				float64(sums[c])/float64(hours[c]), float64(apps[c])/float64(hours[c]), hours[c]))
		}
	}
	got := column[string](t, s, `
		SELECT format('%s %s %s %s %s', iso_weekday, hour_of_day, to_char(messages, 'FM990.0000'), to_char(messages_app, 'FM990.0000'), hours)
		FROM analytics.heatmap($1, $2)`, w.since.date(), w.until.date())
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("heatmap (-want +got):\n%s", diff)
	}
}

// compareThreads compares which threads were answered, discussed, and by whom.
func compareThreads(t *testing.T, s *storetest.Env, h *history, p plan) {
	t.Helper()
	type edge struct {
		month, space, member, author string
	}
	var unanswered, top, edges []string
	pairs, repliers := map[edge]int{}, map[[2]string]map[string]bool{}
	for _, root := range h.messages {
		if root.root != nil || root.deleted || !root.space.threaded {
			continue
		}
		others, replies, reactors := map[*person]bool{}, 0, map[*person]bool{}
		for _, m := range h.messages {
			if m.root != root || m.deleted {
				continue
			}
			if replies++; m.sender.app || m.sender == root.sender {
				continue
			}
			others[m.sender] = true
			if !root.sender.app {
				month := m.sent.In(h.zone).Format("2006-01-") + "01"
				pairs[edge{month, m.space.name, m.sender.name, root.sender.name}]++
				of := [2]string{month, m.space.name}
				if repliers[of] == nil {
					repliers[of] = map[string]bool{}
				}
				repliers[of][m.sender.name] = true
			}
		}
		for _, r := range h.reactions {
			if r.message == root && !r.removed && r.person != root.sender {
				reactors[r.person] = true
			}
		}
		top = append(top, fmt.Sprint(root.name, " ", len(others), " ", replies, " ", len(reactors)))
		if len(others) == 0 && !root.sender.app {
			own := strings.TrimPrefix(root.name, root.space.name+"/messages/")
			unanswered = append(unanswered, fmt.Sprint(root.name, " ", len(reactors), " https://chat.google.com/room/",
				strings.TrimPrefix(root.space.name, "spaces/"), "/", strings.ReplaceAll(own, ".", "/")))
		}
	}
	for e, n := range pairs {
		if len(repliers[[2]string{e.month, e.space}]) >= 5 {
			edges = append(edges, fmt.Sprint(e.month, " ", e.space, " ", e.member, " ", e.author, " ", n))
		}
	}
	for view, want := range map[string][]string{
		`SELECT format('%s %s %s', message_id, reactors, permalink) FROM analytics.unanswered_threads`:                          unanswered,
		`SELECT format('%s %s %s %s', message_id, repliers, replies, reactors) FROM analytics.top_messages`:                     top,
		`SELECT format('%s %s %s %s %s', month_start, space_id, member_id, author_id, replies) FROM analytics.response_network`: edges,
	} {
		got := append([]string(nil), column[string](t, s, view)...)
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", view, diff)
		}
		few := p.people < 10 && strings.Contains(view, "network")
		if (p.threaded == 0) != (len(got) == 0) && !few {
			t.Errorf("%s has %d rows", view, len(got))
		}
	}
}

// refused asks both functions of a window and a space, where null stands for none,
// and compares code, message and hint of their error.
func refused(t *testing.T, s *storetest.Env, since, until, space, want string) {
	t.Helper()
	for _, function := range []string{"metrics", "heatmap"} {
		_, err := s.Pool().Exec(t.Context(), `
			SELECT * FROM analytics.`+function+`(NULLIF($1, 'null')::date, NULLIF($2, 'null')::date, NULLIF($3, 'null'))`, since, until, space)
		var e *pgconn.PgError
		if !errors.As(err, &e) || strings.Join([]string{e.Code, e.Message, e.Hint}, ": ") != want {
			t.Errorf("%s(%s, %s, %s): %#v, want %s", function, since, until, space, err, want)
		}
	}
}

// quoted is a value as it is in SQL.
func quoted(v string) string { return strings.Replace("'"+v+"'", "'null'", "NULL", 1) }

// A window that is none and a space that nobody knows are refused, and today hasn't
// ended.
func TestWindows(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{})
	const from = "2026-10-01"
	for _, w := range [][2]string{{from, from}, {from, "2026-09-30"}, {"null", from}, {from, "null"}, {"-infinity", from}, {from, "infinity"}} {
		refused(t, s, w[0], w[1], "all", fmt.Sprintf("22023: no window of days: from %s to before %s: "+
			"Name its first day and the day after its last: (DATE '2026-10-01', DATE '2026-10-02') is one day.", quoted(w[0]), quoted(w[1])))
	}
	now := time.Now().UTC()
	today := dayOf(now, time.UTC)
	threaded := storetest.Renamed("spaces/S", "Team", "SPACE")
	threaded.SpaceData.ThreadingState = "THREADED_MESSAGES"
	deliveries := []events.Delivery{storetest.Live("space", now.AddDate(0, 0, -9), threaded)}
	for i, at := range []time.Time{
		now, now.Add(-23 * time.Hour), (today - 1).start(time.UTC), (today - 7).start(time.UTC), (today - 8).start(time.UTC),
	} {
		post := storetest.Message(events.VerbCreated, fmt.Sprintf("spaces/S/messages/t%d.t%[1]d", i), storetest.Ann, "hello", at, time.Time{})
		post.Message.Thread = fmt.Sprint("spaces/S/threads/t", i)
		deliveries = append(deliveries, storetest.Live(fmt.Sprint("m", i), at, post))
	}
	for i, at := range []time.Time{now.Add(-week - time.Hour), now.Add(-week + time.Hour)} {
		join := storetest.Membership(events.VerbCreated, "spaces/S", fmt.Sprint("users/u", i), events.MembershipJoined)
		deliveries = append(deliveries, storetest.Live(fmt.Sprint("j", i), at, join))
	}
	if _, err := s.Record(t.Context(), deliveries); err != nil {
		t.Fatal(err)
	}
	const behind = `SELECT DISTINCT CASE WHEN refreshed_at IS NULL THEN 'never' END || ' ' || COALESCE(behind_seconds::text, 'unknown') FROM analytics.rollup_state`
	if diff := cmp.Diff([]string{"never unknown"}, column[string](t, s, behind)); diff != "" {
		t.Errorf("how far the rollups are before the first pass (-want +got):\n%s", diff)
	}
	pass(t, s)
	for metric, m := range metrics(t, s, window{today + 30, today + 60, "all"}) {
		if m.Value != nil || m.Numerator != nil || m.Denominator != nil {
			t.Errorf("%s of days to come has a value", metric)
		}
	}
	// Weeks and days that aren't over don't count.
	got := metrics(t, s, window{today - 9, today + 1, "all"})
	for what, of := range map[string][2]float64{
		"joins with a first week": {*got["activation_7d"].Denominator, 1}, "threads with their week": {*got["reply_coverage"].Denominator, 1},
		"unanswered": {*got["unanswered"].Value, 2}, "unanswered_threads": {float64(len(column[string](t, s, `SELECT message_id FROM analytics.unanswered_threads`))), 3},
	} {
		if of[0] != of[1] {
			t.Errorf("%s: %v, want %v", what, of[0], of[1])
		}
	}
	got = metrics(t, s, window{today, today + 1, "all"})
	if r := got["messages"]; r.Value == nil || *r.Value < 1 || !r.IsPartial || r.Covered != nil {
		t.Errorf("messages of today: %+v", r)
	}
	if r := got["dau"]; !same(r.Value, 1) {
		t.Errorf("dau of today: %+v", r)
	}
	const lists = "SELECT space_id, display_name FROM analytics.dim_spaces shows whose numbers this role may see; 'all' stands for all spaces together."
	for space, want := range map[string]string{
		"spaces/unknown": lists, "": lists, "null": lists, "team": "Spaces are named by their space_id: of Team it is 'spaces/S'.",
	} {
		refused(t, s, from, "2026-10-02", space, fmt.Sprintf("22023: no such space is known: %s: %s", quoted(space), want))
	}
}
