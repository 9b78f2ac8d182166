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
	env := newEnvironment(b, simulate.Options{Seed: 18, Spaces: quietSpaces(b.N), Users: 4})
	env.startWorker(b)
	env.greetFirst(b, env.Spaces())
	b.ResetTimer()
	took := env.greet(b, env.Spaces(), b.N)
	b.StopTimer()
	b.ReportMetric(quantile(took, 0.5), "p50-ms")
	b.ReportMetric(quantile(took, 0.95), "p95-ms")
	b.ReportMetric(quantile(took, 1), "max-ms")
}

// quietSpaces is how many spaces n joins need for their quota to be free.
func quietSpaces(n int) int { return max(50, min(n, 300)) }

// greetFirst lets one person join, and waits for the worker to start.
func (env *environment) greetFirst(b *testing.B, spaces []simulate.SpaceInfo) {
	b.Helper()
	env.join(b, spaces[len(spaces)-1])
	eventually(b, 60*time.Second, "the worker works", func() bool { return env.Counts().AppMessages == 1 })
}

func (env *environment) join(b *testing.B, space simulate.SpaceInfo) {
	b.Helper()
	if err := env.AddMembers(space.Name, env.addUsers(1)...); err != nil {
		b.Fatal(err)
	}
}

// greet lets n people join after the first, 10 a second, and answers how long
// their welcomes took, shortest first. Nobody else may be written to.
func (env *environment) greet(b *testing.B, spaces []simulate.SpaceInfo, n int) (took []time.Duration) {
	b.Helper()
	const rate = 10
	tick := time.NewTicker(time.Second / rate)
	defer tick.Stop()
	for i := range n {
		<-tick.C
		env.join(b, spaces[i%len(spaces)])
	}
	eventually(b, 60*time.Second, "everybody is welcomed", func() bool { return env.Counts().AppMessages == n+1 })

	type greeting struct{ space, user string }
	joined := map[greeting]time.Time{}
	for _, j := range env.Truth().Joins[1:] {
		joined[greeting{j.Space, j.User}] = j.Time
	}
	for _, m := range env.Truth().AppMessages {
		if at, ok := joined[greeting{m.Space, m.Viewer}]; ok {
			took = append(took, m.Time.Sub(at))
		}
	}
	slices.Sort(took)
	return took
}

// quantile is in milliseconds.
func quantile(sorted []time.Duration, share float64) float64 {
	return float64(sorted[min(len(sorted)-1, int(share*float64(len(sorted))))].Microseconds()) / 1000
}
