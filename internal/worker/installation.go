package worker

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/store/installation"
)

const (
	// installationTimeout is shorter than a scrape waits, and than the server's.
	installationTimeout = 3 * time.Second
	// installationAge is how old values may be that are told again, unless the options
	// say otherwise: so several who scrape cost no more than one.
	installationAge = 10 * time.Second
)

// installationMetrics are read from the database by whoever is scraped, so that
// replicas tell the same. While it doesn't answer they are absent.
type installationMetrics struct {
	read    func(context.Context) ([]installation.Value, error)
	log     *zap.Logger
	age     time.Duration
	told    *prometheus.Desc // whether they could be read
	metrics map[string]*prometheus.Desc

	mu     sync.Mutex
	until  time.Time // the values hold so long
	values []installation.Value
	err    error
}

// readInstallation reads them once the worker has begun: why it waits is logged.
func (w *Worker) readInstallation(ctx context.Context) ([]installation.Value, error) {
	if why := w.waiting.reason(); why != nil {
		return nil, errors.Join(errStarting, why)
	}
	return installation.Read(ctx, w.lookout)
}

func newInstallationMetrics(
	read func(context.Context) ([]installation.Value, error), age time.Duration, log *zap.Logger,
) *installationMetrics {
	m := &installationMetrics{
		read: read, log: log, age: cmp.Or(age, installationAge), metrics: map[string]*prometheus.Desc{},
		told: prometheus.NewDesc(prefix+"installation_read", "1 if the metrics of the installation could be read from the database; 0: they are absent.", nil, nil),
	}
	for _, one := range installation.Metrics() {
		var labels []string
		if one.Label != "" {
			labels = []string{one.Label}
		}
		m.metrics[one.Name] = prometheus.NewDesc(prefix+one.Name, one.Help, labels, nil)
	}
	return m
}

// Describe implements prometheus.Collector.
func (m *installationMetrics) Describe(to chan<- *prometheus.Desc) {
	to <- m.told
	for _, one := range m.metrics {
		to <- one
	}
}

// Collect implements prometheus.Collector.
func (m *installationMetrics) Collect(to chan<- prometheus.Metric) {
	values, ok := m.current()
	to <- prometheus.MustNewConstMetric(m.told, prometheus.GaugeValue, truth(ok))
	if !ok {
		return
	}
	for _, v := range values {
		var labels []string
		if v.Label != "" {
			labels = []string{v.Label}
		}
		to <- prometheus.MustNewConstMetric(m.metrics[v.Metric], prometheus.GaugeValue, v.Number, labels...)
	}
}

// current are the values, read anew if they are old; false if they can't be read.
// What takes long to read is read less often; what couldn't be read is tried again soon,
// lest one stall of the database looks like an absence.
func (m *installationMetrics) current() ([]installation.Value, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	began := time.Now()
	if began.Before(m.until) {
		return m.values, m.err == nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), installationTimeout)
	defer cancel()
	before := m.err
	if m.values, m.err = m.read(ctx); errors.Is(m.err, errStarting) {
		return nil, false
	}
	m.until = time.Now().Add(m.age)
	if m.err == nil {
		m.until = time.Now().Add(max(m.age, 20*time.Since(began)))
	}
	var unconnected *pgconn.ConnectError // which the store logs
	if m.err != nil && (before == nil || errors.Is(before, errStarting)) && !errors.As(m.err, &unconnected) {
		m.log.Warn("metrics of the installation not read; they are left out until they can be", zap.Error(m.err))
	}
	return m.values, m.err == nil
}
