package worker

import (
	"math"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/ingest"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

const prefix = "spacekeeper_"

// newMetrics returns the worker's metrics, read from its status or the database when
// they are scraped. No label takes a value from an event, so their number is bounded.
func (w *Worker) newMetrics(status func() ingest.Status, all *installationMetrics) *prometheus.Registry {
	r := registry{prometheus.NewRegistry()}
	version, commit, goVersion := cli.Build()
	r.gauge("spacekeeper_build_info", "1; the labels tell what was built, and by which Go.",
		prometheus.Labels{"version": version, "commit": commit, "goversion": goVersion}, func() float64 { return 1 })
	r.addIngest(status)
	r.MustRegister(w.deliveries.all()...)
	r.addPool(w.store.Pool().Stat)
	r.MustRegister(all)
	r.gauge("spacekeeper_ingest_ready", "1 while events are received and recorded, 0 otherwise.", nil, func() float64 {
		return truth(len(notRecording(w.Status(), time.Now())) == 0)
	})
	r.gauge("spacekeeper_jobs_ready", "1 while jobs and reactions can go on, 0 otherwise.", nil, func() float64 {
		s := w.Status()
		return truth(s.Waiting == nil && s.DatabaseUnanswered == nil && len(s.Still) == 0)
	})
	r.gauge("spacekeeper_database_clock_ahead_seconds", "How far the database's clock is ahead of this machine's; negative: behind.",
		nil, func() float64 { return w.Status().DatabaseAhead.Seconds() })
	r.addKeeper(&w.keeper)
	r.gauge("spacekeeper_proof_refused", "1 while this process signs no checkpoints, since the log isn't what it was; absent without a key.", nil, func() float64 {
		if w.checkpoints == nil {
			return math.NaN()
		}
		return truth(w.checkpoints.Refused())
	})
	r.MustRegister(w.rules.metrics.runs, w.rules.metrics.ofRules, w.rules.metrics.delay, w.rules.metrics.rejected)
	for _, mode := range []rules.Mode{rules.Off, rules.Shadow, rules.Live} {
		r.gauge("spacekeeper_reactors_rules", "Rules in force, by mode.", prometheus.Labels{"mode": string(mode)},
			func() float64 { return float64(w.rules.count(mode)) })
	}
	r.gauge("spacekeeper_reactors_unready", "Modules that rules name and that can't be compiled for now; runs of these rules fail.",
		nil, w.rules.unreadyRules)
	r.gauge("spacekeeper_reactors_open_breakers", "Breakers of this process that let runs wait, since what they call fails.",
		nil, func() float64 { return float64(w.rules.dispatcher.OpenBreakers()) })
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r.Registry
}

// gauge is left out while its value is NaN: what nobody knows yet is not 0, and in a
// sum over replicas NaN would hide what the others know.
type gauge struct {
	prometheus.GaugeFunc
	value func() float64
}

func (g gauge) Collect(to chan<- prometheus.Metric) {
	if !math.IsNaN(g.value()) {
		g.GaugeFunc.Collect(to)
	}
}

// registry adds metrics whose value a function gives.
type registry struct{ *prometheus.Registry }

func (r registry) gauge(name, help string, labels prometheus.Labels, value func() float64) {
	r.MustRegister(gauge{prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, value), value})
}

func (r registry) counter(name, help string, labels prometheus.Labels, value func() float64) {
	r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, value))
}

func (r registry) addIngest(status func() ingest.Status) {
	for outcome, count := range map[string]func(ingest.Status) uint64{
		"recorded":    func(s ingest.Status) uint64 { return s.Recorded },
		"duplicate":   func(s ingest.Status) uint64 { return s.Duplicates },
		"quarantined": func(s ingest.Status) uint64 { return s.Quarantined },
	} {
		r.counter("spacekeeper_ingest_messages_total", "Pub/Sub messages that were committed and acked, by what became of them.",
			prometheus.Labels{"outcome": outcome}, func() float64 { return float64(count(status())) })
	}
	r.counter("spacekeeper_ingest_items_total", "Items of recorded messages; a batch event has several.",
		nil, func() float64 { return float64(status().Items) })
	r.gauge("spacekeeper_ingest_held_messages", "Messages that wait for their commit.",
		nil, func() float64 { return float64(status().Held) })
	r.gauge("spacekeeper_ingest_oldest_held_seconds", "For how long the oldest message that is held has been waiting for its commit; 0 if none is.",
		nil, func() float64 {
			if since := status().HeldSince; !since.IsZero() {
				return time.Since(since).Seconds()
			}
			return 0
		})
	r.gauge("spacekeeper_ingest_refused_messages", "Messages that the database refuses again and again, while it takes others.",
		nil, func() float64 { return float64(status().Refused) })
	r.gauge("spacekeeper_ingest_last_commit_timestamp_seconds", "When the last transaction was committed, in Unix time; absent before the first.",
		nil, func() float64 { return unixSeconds(status().LastCommit) })
	r.gauge("spacekeeper_ingest_last_heard_timestamp_seconds", "When Pub/Sub last said anything, in Unix time; absent before.",
		nil, func() float64 { return unixSeconds(status().LastHeard) })
}

// addPool adds how the connections to the database are used.
func (r registry) addPool(stat func() *pgxpool.Stat) {
	for state, count := range map[string]func(*pgxpool.Stat) int32{
		"idle": (*pgxpool.Stat).IdleConns, "in_use": (*pgxpool.Stat).AcquiredConns, "max": (*pgxpool.Stat).MaxConns,
	} {
		r.gauge("spacekeeper_database_connections", "Connections of the pool; max: as many as there may be.",
			prometheus.Labels{"state": state}, func() float64 { return float64(count(stat())) })
	}
	r.counter("spacekeeper_database_acquires_total", "How often a connection was taken from the pool.",
		nil, func() float64 { return float64(stat().AcquireCount()) })
	r.counter("spacekeeper_database_acquire_wait_seconds_total", "For how long connections were waited for, since all were in use.",
		nil, func() float64 { return stat().EmptyAcquireWaitTime().Seconds() })
}

// addKeeper adds what this process's passes of the keeper found.
func (r registry) addKeeper(status *keeperStatus) {
	read := func(value func(*keeperStatus) float64) func() float64 {
		return func() float64 {
			status.mu.Lock()
			defer status.mu.Unlock()
			return value(status)
		}
	}
	r.gauge("spacekeeper_keeper_last_pass_timestamp_seconds",
		"When this process last looked at all subscriptions, in Unix time; absent before the first time.", nil,
		read(func(s *keeperStatus) float64 { return unixSeconds(s.at) }))
	r.gauge("spacekeeper_keeper_failing_subscriptions", "Subscriptions that could not be brought in order by the last pass.",
		nil, read(func(s *keeperStatus) float64 {
			if s.at.IsZero() {
				return math.NaN() // which the first pass will tell
			}
			return float64(s.last.Failed)
		}))
	r.counter("spacekeeper_keeper_failed_passes_total", "Passes that could not look at the subscriptions.",
		nil, read(func(s *keeperStatus) float64 { return float64(s.failed) }))
	for _, kind := range []subscriptions.Kind{
		subscriptions.Create, subscriptions.Update, subscriptions.Replace, subscriptions.Renew, subscriptions.Reactivate,
	} {
		r.counter("spacekeeper_keeper_changes_total", "Changes to subscriptions that passes set out to make, failed ones included.",
			prometheus.Labels{"action": string(kind)}, read(func(s *keeperStatus) float64 { return float64(s.changes[kind]) }))
	}
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func unixSeconds(t time.Time) float64 {
	if t.IsZero() {
		return math.NaN()
	}
	return float64(t.UnixNano()) / 1e9
}

// ruleMetrics counts what this process did for rules: subscriber reactors list
// counts all of it, over all replicas.
type ruleMetrics struct {
	runs     *prometheus.CounterVec
	ofRules  *prometheus.CounterVec
	mu       sync.Mutex
	apart    map[[2]string]bool // rules and outcomes that have a series of their own
	delay    prometheus.Histogram
	rejected prometheus.Counter
}

func newRuleMetrics() *ruleMetrics {
	m := &ruleMetrics{
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "spacekeeper_reactors_runs_total", Help: "Runs of rules that have ended in this process, by outcome.",
		}, []string{"outcome"}),
		ofRules: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "spacekeeper_reactors_rule_runs_total",
			Help: "Runs that have ended in this process, by id of the rule and outcome. A hundred of these are told apart, the first that come; the others are of the rule " + otherRules + ".",
		}, []string{"reactor", "outcome"}),
		apart: map[[2]string]bool{},
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "spacekeeper_reactors_delay_seconds", Help: "Time between when a run was due and its effect, for runs that were sent.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 15, 60, 300, 900},
		}),
		rejected: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "spacekeeper_reactors_rejected_rules_total", Help: "Changes of the rules that had mistakes and were not taken up.",
		}),
	}
	for _, o := range reactors.Outcomes() {
		if o != reactors.Pending {
			m.runs.WithLabelValues(string(o)) // there from the beginning, so that rates begin at 0
		}
	}
	return m
}

// ended counts a run that has ended.
func (m *ruleMetrics) ended(r reactors.Run, o reactors.Outcome, now time.Time) {
	m.runs.WithLabelValues(string(o)).Inc()
	m.ofRules.WithLabelValues(m.rule(r.Reactor, o), string(o)).Inc()
	if o == reactors.Sent {
		m.delay.Observe(now.Sub(r.Due).Seconds())
	}
}

// otherRules stands for the rules that have no series of their own: no id is like it.
// A fifth of the series is for runs that have failed.
const (
	otherRules = "(others)"
	maxApart   = 100
)

// rule is what a rule is called in the series of an outcome.
func (m *ruleMetrics) rule(id string, o reactors.Outcome) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	room := maxApart
	if o != reactors.Failed {
		room -= maxApart / 5
	}
	one := [2]string{id, string(o)}
	if !m.apart[one] && len(m.apart) >= room {
		return otherRules
	}
	m.apart[one] = true
	return id
}
