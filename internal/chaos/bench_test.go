package chaos

import (
	"slices"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// BenchmarkJoinToWelcome measures how long it takes from somebody's joining
// until the Chat API has their private welcome, through the real worker, at 10
// joins a second to spaces whose quota is free: that is, by the event's time
// and the message's, which one clock tells.
func BenchmarkJoinToWelcome(b *testing.B) {
	const rate = 10
	w := newWorld(b, simulate.Options{Seed: 18, Spaces: max(50, min(b.N, 300)), Users: 4})
	w.work(b)
	spaces := w.Spaces()
	join := func(i int) {
		if err := w.AddMembers(spaces[i%len(spaces)].Name, w.newcomers(1)...); err != nil {
			b.Fatal(err)
		}
	}
	// The first one waits for the worker to start.
	join(len(spaces) - 1)
	eventually(b, 60*time.Second, "the worker works", func() bool { return w.Counts().AppMessages == 1 })
	tick := time.NewTicker(time.Second / rate)
	defer tick.Stop()
	b.ResetTimer()
	for i := range b.N {
		<-tick.C
		join(i)
	}
	eventually(b, 60*time.Second, "everybody is welcomed", func() bool { return w.Counts().AppMessages == b.N+1 })
	b.StopTimer()

	type greeting struct{ space, user string }
	joined := map[greeting]time.Time{}
	for _, j := range w.Ledger().Joins[1:] {
		joined[greeting{j.Space, j.User}] = j.Time
	}
	var took []time.Duration
	for _, m := range w.Ledger().AppMessages {
		if at, ok := joined[greeting{m.Space, m.Viewer}]; ok {
			took = append(took, m.Time.Sub(at))
		}
	}
	slices.Sort(took)
	at := func(share float64) float64 {
		return float64(took[min(len(took)-1, int(share*float64(len(took))))].Microseconds()) / 1000
	}
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.95), "p95-ms")
	b.ReportMetric(at(1), "max-ms")
}
