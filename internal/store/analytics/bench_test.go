package analytics_test

import (
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/store/analytics"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// BenchmarkTriggers records the same batches with the triggers and without, in turns,
// and reports the ratio of the rates.
func BenchmarkTriggers(b *testing.B) {
	with, without := storetest.New(b, storetest.Options{Now: storetest.Clock}), storetest.New(b, storetest.Options{Now: storetest.Clock})
	for _, table := range strings.Fields("stored_messages stored_reactions stored_memberships stored_membership_changes users spaces") {
		if _, err := without.Pool().Exec(b.Context(), `ALTER TABLE `+table+` DISABLE TRIGGER USER`); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := without.Pool().Exec(b.Context(), `ALTER TABLE stored_messages ENABLE TRIGGER keep_message_version`); err != nil {
		b.Fatal(err)
	}
	m := storetest.NewMix(7)
	var took [2]time.Duration
	for b.Loop() {
		batch := m.Batch(1000)
		for i, env := range []*storetest.Env{with, without} {
			began := time.Now()
			storetest.Record(b, env, batch...)
			took[i] += time.Since(began)
		}
	}
	b.ReportMetric(took[1].Seconds()/took[0].Seconds(), "ratio")
	b.ReportMetric(float64(storetest.Value[int](b, with, `SELECT pg_relation_size('rollup_changes') + pg_relation_size('rollup_marks')`))/
		float64(b.N*1000), "B/event")
}

// BenchmarkPass makes a pass after every 20,000 events, and reports how long passes take against recording.
func BenchmarkPass(b *testing.B) {
	env := storetest.New(b, storetest.Options{Now: storetest.Clock})
	r := analytics.New(env.Store)
	m := storetest.NewMix(7)
	var recording, passing time.Duration
	for b.Loop() {
		for range 20 {
			batch := m.Batch(1000)
			recording += timed(func() { storetest.Record(b, env, batch...) })
		}
		passing += timed(func() { pass(b, r) })
	}
	b.ReportMetric(passing.Seconds()/recording.Seconds(), "of-recording")
	b.ReportMetric(passing.Seconds()*1e6/float64(b.N*20_000), "µs/event")
}

func timed(do func()) time.Duration {
	began := time.Now()
	do()
	return time.Since(began)
}

func pass(b *testing.B, r *analytics.Rollups) {
	b.Helper()
	if _, err := r.Pass(b.Context()); err != nil {
		b.Fatal(err)
	}
}
