package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/engine"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

// reactorMetrics is what this process did for rules. Rules are not told apart:
// subscriber reactors list does that, and counts exactly over all replicas.
type reactorMetrics struct {
	runs     *prometheus.CounterVec
	delay    prometheus.Histogram
	rejected prometheus.Counter
}

func newReactorMetrics() *reactorMetrics {
	m := &reactorMetrics{
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "spacekeeper_reactors_runs_total", Help: "Runs of rules that have ended in this process, by outcome.",
		}, []string{"outcome"}),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "spacekeeper_reactors_delay_seconds", Help: "Time between a run's turn and its effect, for runs that were sent.",
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

// ended notes a run that has ended.
func (m *reactorMetrics) ended(r reactors.Run, o reactors.Outcome, now time.Time) {
	m.runs.WithLabelValues(string(o)).Inc()
	if o == reactors.Sent {
		m.delay.Observe(now.Sub(r.Due).Seconds())
	}
}

// collectors are to be registered. The rules are those of the book when it is
// asked.
func (m *reactorMetrics) collectors(book *engine.RuleSet) []prometheus.Collector {
	list := []prometheus.Collector{m.runs, m.delay, m.rejected}
	for _, mode := range []rules.Mode{rules.Off, rules.Shadow, rules.Live} {
		list = append(list, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "spacekeeper_reactors_rules", Help: "Rules in force, by mode.", ConstLabels: prometheus.Labels{"mode": string(mode)},
		}, func() float64 {
			n := 0
			for _, r := range book.Set().Rules() {
				if r.Mode == mode {
					n++
				}
			}
			return float64(n)
		}))
	}
	return list
}
