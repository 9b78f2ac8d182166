package catchup_test

import (
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/catchup"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// One space, 10,000 events: as many pages as may be listed at a stroke.
func BenchmarkFill(b *testing.B) {
	events := 0
	for b.Loop() {
		b.StopTimer()
		e := newEnv(b, simulate.Options{Users: 30})
		e.live(b, outageCount, outage)
		r := catchup.Range{Space: e.space, From: epoch.Add(-time.Second), To: e.clock.Now()}
		b.StartTimer()
		done, err := e.reader.Fill(b.Context(), r, nil)
		if err != nil || done.Recorded != outageCount {
			b.Fatalf("got %+v, %v", done, err)
		}
		events += done.Recorded
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
}
