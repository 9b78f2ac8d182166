package prometheus_test

import (
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// scrape is what one answer of /metrics holds: values by series, such as
// spacekeeper_jobs{state="running"}. A worker that didn't answer has none.
type scrape struct {
	at     time.Time
	up     bool
	values map[string]float64
	counts map[string]bool // that only grow
}

// parse reads the text that Prometheus reads.
func parse(t *testing.T, at time.Time, text io.Reader) *scrape {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(text)
	if err != nil {
		t.Fatalf("metrics can't be read: %v", err)
	}
	s := &scrape{at: at, up: true, values: map[string]float64{}, counts: map[string]bool{}}
	for name, f := range families {
		if !strings.HasPrefix(name, "spacekeeper_") {
			continue
		}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			add := func(name string, value float64, counts bool, more ...string) {
				series := name
				if all := append(slices.Clone(labels), more...); len(all) > 0 {
					series += "{" + strings.Join(all, ",") + "}"
				}
				s.values[series], s.counts[series] = value, counts
			}
			switch f.GetType() {
			case dto.MetricType_COUNTER:
				add(name, m.GetCounter().GetValue(), true)
			case dto.MetricType_HISTOGRAM:
				h := m.GetHistogram()
				infinite := false
				for _, b := range h.GetBucket() {
					infinite = infinite || math.IsInf(b.GetUpperBound(), 1)
					add(name+"_bucket", float64(b.GetCumulativeCount()), true, `le="`+strconv.FormatFloat(b.GetUpperBound(), 'g', -1, 64)+`"`)
				}
				if !infinite {
					add(name+"_bucket", float64(h.GetSampleCount()), true, `le="+Inf"`)
				}
			default:
				add(name, m.GetGauge().GetValue(), false)
			}
		}
	}
	return s
}

// max is the greatest value of a metric, or of those of its series that have some
// labels, and NaN if there is none.
func (s *scrape) max(name string, labels ...string) float64 {
	greatest := math.NaN()
	for series, value := range s.values {
		metric, rest, _ := strings.Cut(series, "{")
		if metric != name || slices.ContainsFunc(labels, func(l string) bool { return !strings.Contains(rest, l) }) {
			continue
		}
		if math.IsNaN(greatest) || value > greatest {
			greatest = value
		}
	}
	return greatest
}

// series are samples a minute of one or more workers, as Prometheus would store them.
type series struct {
	minutes int
	names   map[string]bool // that the alerts ask for
	values  map[string][]string
	last    map[string]float64 // as scraped
	beyond  map[string]float64 // what was counted on beyond that
}

func newSeries(t *testing.T) *series {
	t.Helper()
	s := &series{names: map[string]bool{}, values: map[string][]string{}, last: map[string]float64{}, beyond: map[string]float64{}}
	text, err := os.ReadFile("alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range metric.FindAllString(string(text), -1) {
		s.names[name] = true
	}
	return s
}

// hold goes on for some minutes as a worker's metrics have become from one scrape to
// the next: gauges stay, times stay as long ago, and what grows goes on as fast, by as
// much in each minute. Without a scrape before it stays, too.
func (s *series) hold(instance string, before, now *scrape, minutes int) {
	labels := fmt.Sprintf("instance=%q,job=\"spacekeeper\"", instance)
	set := func(name string, minute int, value float64) {
		for len(s.values[name]) < minute {
			s.values[name] = append(s.values[name], "_")
		}
		s.values[name] = append(s.values[name], strconv.FormatFloat(value, 'f', -1, 64))
	}
	for n := range minutes {
		up := 0.0
		if now.up {
			up = 1
		}
		set("up{"+labels+"}", s.minutes+n, up)
	}
	for name, value := range now.values {
		metric, rest, labelled := strings.Cut(name, "{")
		if !s.names[metric] {
			continue
		}
		with := metric + "{" + labels + "}"
		if labelled {
			with = metric + "{" + labels + "," + rest
		}
		grows := now.counts[name] || metric == "spacekeeper_database_bytes"
		if value < s.last[with] {
			s.beyond[with] = 0 // it began anew
		}
		s.last[with] = value
		for n := range minutes {
			minute := s.minutes + n
			switch {
			case grows:
				if before != nil && n > 0 {
					s.beyond[with] += value - before.values[name]
				}
				set(with, minute, value+s.beyond[with])
			case strings.HasSuffix(metric, "_timestamp_seconds"):
				set(with, minute, value+float64(minute*60)-float64(now.at.UnixNano())/1e9)
			default:
				set(with, minute, value)
			}
		}
	}
}

// on goes on to the minutes after those that were held.
func (s *series) on(minutes int) { s.minutes += minutes }

// want is what is to fire at a minute: alerts by name.
type want struct {
	minute int
	alerts []string
}

// check lets promtool tell which alerts fire when, and wants those.
func (s *series) check(t *testing.T, wants ...want) {
	t.Helper()
	rules, err := filepath.Abs("alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "rule_files: [%q]\nevaluation_interval: 1m\ntests:\n- interval: 1m\n  input_series:\n", rules)
	for _, name := range slices.Sorted(maps.Keys(s.values)) {
		fmt.Fprintf(&b, "  - series: '%s'\n    values: '%s'\n", name, strings.Join(s.values[name], " "))
	}
	b.WriteString("  promql_expr_test:\n")
	for _, w := range wants {
		fmt.Fprintf(&b, "  - expr: 'count by (alertname) (ALERTS{alertstate=\"firing\"})'\n    eval_time: %dm\n    exp_samples:\n", w.minute)
		for _, alert := range w.alerts {
			fmt.Fprintf(&b, "    - labels: '{alertname=%q}'\n      value: 1\n", alert)
		}
	}
	file := filepath.Join(t.TempDir(), "test.yaml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := promtool(t, "test", "rules", file); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
