package metricstest

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	numbers "github.com/spacekeeper/spacekeeper/internal/analytics"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// compareStats compares what stats tells of a window with the definitions, and what
// the panels of the dashboards show of it with what stats tells.
func compareStats(t *testing.T, s *storetest.Env, h *history, space string) {
	t.Helper()
	q := numbers.Question{Since: (parseDay(endDay) - 28).date()}
	if space != "all" {
		q.Space = space
	}
	r, err := numbers.Stats(t.Context(), s.Store, q)
	if err != nil {
		t.Fatal(err)
	}
	w := window{parseDay(r.Since), parseDay(r.Until), space}
	series, values := map[string][]numbers.Value{}, map[string]float64{}
	for _, n := range r.Numbers {
		d := definitions()[n.Metric]
		a := h.ask(w)
		want := d.of(a)
		if sum, _ := a.coverage(a.looksBackTo(d.back), a.until); want.value == 0 && math.IsNaN(want.denominator) && !(sum > 0) {
			want.value = null
		}
		if got := float64(n.Value); !same(&got, want.value) && !(math.IsNaN(got) && math.IsNaN(want.value)) {
			t.Errorf("%s of %s, %s to %s: stats says %v, want %v", n.Metric, space, r.Since, r.Until, got, want.value)
		}
		series[n.Metric], values[n.Metric] = n.Series, float64(n.Value)
	}
	if len(values) != len(definitions()) {
		t.Errorf("stats tells %d of %d metrics", len(values), len(definitions()))
	}
	for _, p := range panels(t) {
		sql := p.expand(w, h.zone)
		switch {
		case p.daily:
			compareDaily(t, s, p, sql, r.Days, h.zone, series, values)
		case strings.HasPrefix(p.Title, "Watched · ") && strings.HasPrefix(sql, "SELECT sum"):
			if got := column[*float64](t, s, sql); !same(got[0], values["coverage"]) {
				t.Errorf("%s of %s shows %s, stats %v", p.Title, space, show(got[0]), values["coverage"])
			}
		case strings.HasPrefix(p.Title, "Active spaces") && space == "all":
			if got := column[float64](t, s, sql); got[0] != max(0, values["active_spaces"]) {
				t.Errorf("%s shows %v, stats %v", p.Title, got, values["active_spaces"])
			}
		case strings.HasPrefix(p.Title, "Messages by weekday"):
			want := column[string](t, s, `
				SELECT string_agg(COALESCE(round(messages::numeric, 1)::text, '-'), ' ' ORDER BY hour_of_day)
				FROM analytics.heatmap($1, $2, $3)
				GROUP BY iso_weekday
				ORDER BY iso_weekday`, w.since.date(), w.until.date(), space)
			got := column[string](t, s, `
				SELECT string_agg(COALESCE(value, '-'), ' ' ORDER BY place) FILTER (WHERE key <> 'weekday')
				FROM (SELECT row_number() OVER () AS day, to_json(x) AS cells FROM (`+sql+`) x) x
				CROSS JOIN LATERAL json_each_text(cells) WITH ORDINALITY AS e (key, value, place)
				GROUP BY day
				ORDER BY day`)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s of %s (-heatmap() +panel):\n%s", p.Title, space, diff)
			}
		}
	}
}

// compareDaily compares a panel that shows the series of metrics.
func compareDaily(t *testing.T, s *storetest.Env, p panel, sql string, days []string, zone *time.Location,
	series map[string][]numbers.Value, values map[string]float64,
) {
	t.Helper()
	rows, _ := s.Pool().Query(t.Context(), sql)
	var at time.Time
	var metric string
	var value *float64
	targets := []any{&at, &metric, &value}
	if len(p.metrics) == 1 && !strings.Contains(sql, "metric, value") {
		metric, targets = p.metrics[0], []any{&at, &value}
	}
	sum, n, shown := 0.0, 0, 0
	_, err := pgx.ForEachRow(rows, targets, func() error {
		day := slices.Index(days, dayOf(at, zone).String())
		if day < 0 {
			return fmt.Errorf("it shows %s", at)
		}
		if want := float64(series[metric][day]); value == nil != math.IsNaN(want) || value != nil && !same(value, want) {
			t.Errorf("%s shows %s of %s on %s, stats %v", p.Title, show(value), metric, days[day], want)
		}
		if shown++; value != nil {
			sum, n = sum+*value, n+1
		}
		return nil
	})
	if err != nil {
		t.Errorf("%s: %v", p.Title, err)
	}
	if known := slices.ContainsFunc(series[metric], func(v numbers.Value) bool { return !math.IsNaN(float64(v)) }); known && shown == 0 {
		t.Errorf("%s shows nothing of %s", p.Title, metric)
	}
	// What Grafana makes of the series is what stats says of the window.
	switch calcs := p.Options.ReduceOptions.Calcs; {
	case n == 0 || len(p.metrics) > 1:
	case slices.Equal(calcs, []string{"sum"}) && !same(&sum, values[metric]):
		t.Errorf("%s: %v together, stats says %v", p.Title, sum, values[metric])
	case slices.Equal(calcs, []string{"mean"}):
		if mean := sum / float64(n); !same(&mean, values[metric]) {
			t.Errorf("%s: %v in the mean, stats says %v", p.Title, mean, values[metric])
		}
	}
}

// panel is one of a dashboard.
type panel struct {
	Title   string
	Options struct{ ReduceOptions struct{ Calcs []string } }
	Targets []struct {
		RawSQL string `json:"rawSql"`
	}
	metrics []string // of its series
	daily   bool     // shows them as they are
}

var ofSeries = regexp.MustCompile(`(?s)^SELECT "time",(?: metric,)? value\s+FROM analytics\.timeseries\s+WHERE metric (?:= |IN \()([^)]*?)\)? AND`)

func panels(t *testing.T) (all []panel) {
	t.Helper()
	files, err := filepath.Glob("../../../../dashboards/grafana/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	daily := 0
	for _, file := range files {
		var d struct{ Panels []panel }
		text, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(text, &d)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range d.Panels {
			if of := ofSeries.FindStringSubmatch(p.Targets[0].RawSQL); of != nil {
				daily++
				p.daily, p.metrics = true, strings.Split(strings.ReplaceAll(of[1], "'", ""), ", ")
			}
			all = append(all, p)
		}
	}
	if daily < 15 {
		t.Fatalf("%d of the %d panels show series", daily, len(all))
	}
	return all
}

// expand is the panel's query as Grafana sends it for a window.
func (p panel) expand(w window, zone *time.Location) string {
	quoted := func(at time.Time) string { return at.UTC().Format("'2006-01-02T15:04:05.000Z'") }
	from, to := quoted(w.since.start(zone)), quoted(w.until.start(zone).Add(-time.Millisecond))
	return strings.NewReplacer(`$__timeFilter("time")`, `"time" BETWEEN `+from+" AND "+to, "$__timeFrom()", from, "$__timeTo()", to,
		"$space", w.space, "$zone", zone.String(), "$range", "day").Replace(p.Targets[0].RawSQL)
}
