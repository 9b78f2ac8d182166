package backfill_test

import (
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/backfill"
)

// One space, 10,000 events: as many pages as may be listed at a stroke.
func BenchmarkFill(b *testing.B) {
	events := 0
	for b.Loop() {
		b.StopTimer()
		s := newScene(b, 1)
		s.live(b, outageCount, outage)
		r := backfill.Range{Space: s.Spaces()[0].Name, From: epoch.Add(-time.Second), To: s.clock.Now()}
		b.StartTimer()
		done, err := s.filler.Fill(b.Context(), r, nil)
		if err != nil || done.Recorded != outageCount {
			b.Fatalf("got %+v, %v", done, err)
		}
		events += done.Recorded
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
}
