package worker

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/ingest"
	"github.com/spacekeeper/spacekeeper/internal/proof"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/installation"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

var update = flag.Bool("update", false, "rewrite docs/metrics.md")

// maxSeries is how many series a worker may tell, however much it watches.
const maxSeries = 500

// docs/metrics.md lists every metric; they are named as Prometheus wants them, and
// their series are few even when all has happened that can.
func TestMetricsReference(t *testing.T) {
	t.Parallel()
	cfg := nowhere(config.Default())
	cfg.Project, cfg.PubSub.Subscription = "p", "s"
	cfg.Database.DSN, cfg.Health.Addr = "postgres://nobody@127.0.0.1:1/none", ""
	secret, _, err := proof.NewKey("example.com/chat")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Proof.KeyFile = filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(cfg.Proof.KeyFile, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := New(t.Context(), cfg, zap.NewNop(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	w.keeper.passed(subscriptions.Report{}, nil)
	begun := func() ingest.Status { return ingest.Status{LastHeard: time.Now(), LastCommit: time.Now()} }
	for _, reason := range reasons(t) {
		w.deliveries.settled(events.Delivery{Malformed: &events.Malformed{Reason: reason}}, events.Quarantined)
	}
	for _, outcome := range reactors.Outcomes() {
		for i := range 1000 {
			w.rules.metrics.ended(reactors.Run{Reactor: fmt.Sprint("rule-", i)}, outcome, time.Now())
		}
	}
	all := newInstallationMetrics(func(context.Context) (values []installation.Value, err error) {
		for _, m := range installation.Metrics() {
			states := []string{"1", "2", "3", "4", "5", "6"}
			if m.Label == "" {
				states = []string{""}
			}
			for _, state := range states {
				values = append(values, installation.Value{Metric: m.Name, Label: state})
			}
		}
		return values, nil
	}, 0, zap.NewNop())
	families, err := w.newMetrics(begun, all).Gather()
	if err != nil {
		t.Fatal(err)
	}
	described := prometheus.NewRegistry()
	described.MustRegister(all)
	ofInstallation := metricNames(described)
	var tables [2]strings.Builder
	var told []string
	series := 0
	for _, f := range families {
		series += seriesOf(f)
		if !strings.HasPrefix(f.GetName(), prefix) {
			continue // of the client library
		}
		told = append(told, f.GetName())
		table := &tables[0]
		if slices.Contains(ofInstallation, f.GetName()) {
			table = &tables[1]
		}
		labels := ""
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels += fmt.Sprintf(" `%s`", l.GetName())
		}
		fmt.Fprintf(table, "| `%s` | %s |%s | %s |\n", f.GetName(), strings.ToLower(f.GetType().String()), labels, f.GetHelp())
	}
	if series > maxSeries {
		t.Errorf("%d series, at most %d", series, maxSeries)
	}
	t.Logf("%d series", series)
	want := slices.DeleteFunc(metricNames(w.newMetrics(begun, all)), func(name string) bool { return !strings.HasPrefix(name, prefix) })
	if !slices.Equal(told, want) {
		t.Errorf("told are %v, want all: %v", told, want)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}

	const path = "../../docs/metrics.md"
	text := fmt.Sprintf(metricsPage, &tables[1], &tables[0])
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != text {
		t.Errorf("docs/metrics.md tells other metrics: run go test ./internal/worker -run TestMetricsReference -update (%v)", err)
	}
}

const metricsPage = `# Metrics

The worker answers Prometheus on ` + "`/metrics` of `health.addr`" + `. What nobody knows yet is left out, in the place of 0. No label takes a value
from an event; a worker tells at most 500 series, however many spaces and rules there are. [subscriber.md](subscriber.md#health-metrics-and-logs)
says what else it answers, and [the runbooks](runbooks/README.md) what to do when an alert tells of them.

<!-- Written by: go test ./internal/worker -run TestMetricsReference -update -->

## Of the whole installation

Whoever is scraped reads these from the database, at most once in ten seconds: all replicas tell the same, and one that has just begun does, too.
They are absent while the database doesn't answer. Take one of the replicas: ` + "`max by (state) (spacekeeper_coverage_gaps)`" + `, never a sum.

| metric | type | labels | meaning |
|---|---|---|---|
%s
## Of each process

Counters begin at 0 with the process. Add up those of all replicas.

| metric | type | labels | meaning |
|---|---|---|---|
%s
` + "`go_…` and `process_…`" + ` are those of Prometheus's client library.
`

// metricNames are those of all metrics that a registry knows, with a value or without.
func metricNames(r *prometheus.Registry) []string {
	descriptions := make(chan *prometheus.Desc)
	go func() {
		defer close(descriptions)
		r.Describe(descriptions)
	}()
	found := map[string]bool{}
	for d := range descriptions {
		found[regexp.MustCompile(`fqName: "([^"]*)"`).FindStringSubmatch(d.String())[1]] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// seriesOf counts those of a scrape: each bucket is one.
func seriesOf(f *dto.MetricFamily) (n int) {
	for _, m := range f.GetMetric() {
		switch {
		case m.Histogram != nil:
			n += len(m.Histogram.Bucket) + 3
		case m.Summary != nil:
			n += len(m.Summary.Quantile) + 2
		default:
			n++
		}
	}
	return n
}

// reasons are all for which a message may be quarantined, read out of the source.
func reasons(t *testing.T) (all []events.Reason) {
	t.Helper()
	for _, file := range []string{"../events/reason.go", "../ingest/receive.go", "../store/eventlog/record.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`Reason\w+ +(?:events\.)?Reason *= "(\w+)"`).FindAllStringSubmatch(string(text), -1) {
			all = append(all, events.Reason(match[1]))
		}
	}
	if len(all) < 20 {
		t.Fatalf("the reasons aren't found: %v", all)
	}
	return all
}

// What is read from the database is told for ten seconds, and left out when it can't be read.
func TestInstallationMetrics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.WarnLevel)
		reads, failure := 0, error(nil)
		m := newInstallationMetrics(func(context.Context) ([]installation.Value, error) {
			reads++
			if failure != nil {
				<-time.After(installationTimeout)
			}
			return []installation.Value{{Metric: "coverage_gaps", Label: "open", Number: float64(reads)}}, failure
		}, 0, zap.New(core))
		r := prometheus.NewRegistry()
		r.MustRegister(m)
		want := func(lines string) {
			t.Helper()
			families, err := r.Gather()
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, f := range families {
				got += fmt.Sprintf("%s %v\n", f.GetName(), f.GetMetric()[0].GetGauge().GetValue())
			}
			if got != lines {
				t.Errorf("got %q, want %q", got, lines)
			}
		}
		want("spacekeeper_coverage_gaps 1\nspacekeeper_installation_read 1\n")
		want("spacekeeper_coverage_gaps 1\nspacekeeper_installation_read 1\n")
		<-time.After(installationAge)
		failure = errors.New("away")
		want("spacekeeper_installation_read 0\n")
		<-time.After(installationAge)
		want("spacekeeper_installation_read 0\n")
		<-time.After(installationAge)
		failure = nil
		want("spacekeeper_coverage_gaps 4\nspacekeeper_installation_read 1\n")
		if logs.Len() != 1 {
			t.Errorf("%d warnings of one failure: %v", logs.Len(), logs.All())
		}
	})
}

// What metrics cost a message that is recorded; target: 3 % of the 63 µs that it takes
// (docs/performance.md).
func BenchmarkDeliveryMetrics(b *testing.B) {
	manager, err := openManager(b.Context(), nowhere(config.Default()), zap.NewNop(), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer manager.Close()
	m, attempt := newDeliveryMetrics(manager.Now), 1
	now := time.Now()
	d := events.Delivery{ReceivedAt: now, PublishTime: now, Event: &events.Event{Time: now}}
	for b.Loop() {
		m.received(&attempt)
		m.settled(d, events.Recorded)
		m.tried(1, time.Millisecond) // which comes once for many
	}
}
