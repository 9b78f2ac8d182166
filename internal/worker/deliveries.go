package worker

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/ingest"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
)

// deliveryMetrics measure what ingest does with each message and transaction.
type deliveryMetrics struct {
	now                                                func() time.Time // by Google's clock, as the times of events are
	commit, age, published, attempts, messages, trying prometheus.Histogram
	quarantined                                        *prometheus.CounterVec
}

func newDeliveryMetrics(now func() time.Time) *deliveryMetrics {
	histogram := func(name, help string, buckets ...float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: prefix + "ingest_" + name, Help: help, Buckets: buckets})
	}
	late := []float64{.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 4 * 3600, 24 * 3600}
	return &deliveryMetrics{
		now: now,
		commit: histogram("commit_seconds", "Time from when the Pub/Sub client handed a message over until its commit.",
			.0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15, 60, 300),
		age: histogram("event_age_seconds", "Age of events at their commit, by Google's clock; of those that this process recorded.", late...),
		published: histogram("publish_age_seconds",
			"Time from when Pub/Sub took a message until its commit; of those that this process recorded or put into the quarantine.", late...),
		attempts: histogram("delivery_attempts",
			"The how many-th delivery of its message each was; counted by Pub/Sub if the subscription has a dead-letter topic, where messages go after the last one that it allows.",
			1, 2, 5, 10, 25, 50, 75, 100),
		messages: histogram("batch_messages", "Messages in each transaction that was tried.", 1, 2, 5, 10, 25, 50, 100, 250, 500, 1000),
		trying: histogram("batch_seconds", "How long each transaction took, those that failed among them.",
			.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15),
		quarantined: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: prefix + "ingest_quarantined_total",
			Help: "Messages that were put into the quarantine, by reason, as its table has it; rejected_by_database stands for absurd_time, too.",
		}, []string{"reason"}),
	}
}

// MeasureIngest has deliveries measured as the worker does, for benchmarks.
func MeasureIngest(o *ingest.Options, now func() time.Time) { newDeliveryMetrics(now).addTo(o) }

// addTo has the options' functions tell of deliveries.
func (m *deliveryMetrics) addTo(o *ingest.Options) {
	before := o.Observe
	o.Received, o.Tried = m.received, m.tried
	o.Observe = func(d events.Delivery, outcome events.Outcome) {
		m.settled(d, outcome)
		if before != nil {
			before(d, outcome)
		}
	}
}

func (m *deliveryMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.commit, m.age, m.published, m.attempts, m.messages, m.trying, m.quarantined}
}

// received counts a message that Pub/Sub has delivered for the how many-th time.
func (m *deliveryMetrics) received(attempt *int) {
	if attempt != nil {
		m.attempts.Observe(float64(*attempt))
	}
}

// tried counts a transaction.
func (m *deliveryMetrics) tried(messages int, took time.Duration) {
	m.messages.Observe(float64(messages))
	m.trying.Observe(took.Seconds())
}

// settled counts a message whose transaction has committed. A duplicate is no news:
// how old it is says nothing.
func (m *deliveryMetrics) settled(d events.Delivery, o events.Outcome) {
	m.commit.Observe(time.Since(d.ReceivedAt).Seconds())
	if o == events.Duplicate {
		return
	}
	now := m.now()
	m.published.Observe(max(0, now.Sub(d.PublishTime).Seconds()))
	switch {
	case o == events.Recorded:
		m.age.Observe(max(0, now.Sub(d.Event.Time).Seconds()))
	case d.Malformed != nil:
		m.quarantined.WithLabelValues(string(d.Malformed.Reason)).Inc()
	default:
		m.quarantined.WithLabelValues(string(eventlog.ReasonRejected)).Inc()
	}
}
