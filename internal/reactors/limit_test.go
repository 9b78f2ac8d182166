package reactors_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

func TestLimitIsWrittenAsInRules(t *testing.T) {
	t.Parallel()
	for window, want := range map[time.Duration]string{
		time.Hour: "per_space: 3/1h", 90 * time.Minute: "per_space: 3/1h30m", 24 * time.Hour: "per_space: 3/24h",
		10 * time.Minute: "per_space: 3/10m", 20 * time.Second: "per_space: 3/20s", time.Hour + time.Second: "per_space: 3/1h0m1s",
	} {
		if got := (reactors.Limit{Per: reactors.PerSpace, Max: 3, Window: window}).String(); got != want {
			t.Errorf("%s: got %q, want %q", window, got, want)
		}
	}
}

// However runs come, no window holds more than the limits let through, each comes
// as early as it may, and those whom the same limits count come in order.
func TestPassKeepsLimits(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	even := func(t time.Time) time.Time { return t.Add(time.Minute - 1).Truncate(2 * time.Minute).Add(time.Minute) } // at odd minutes
	always := func(t time.Time) time.Time { return t }
	rapid.Check(t, func(t *rapid.T) {
		narrow := reactors.Limit{Max: rapid.IntRange(1, 3).Draw(t, "narrow"), Window: time.Hour, Later: true}
		wide := reactors.Limit{Max: rapid.IntRange(1, 6).Draw(t, "wide"), Window: 3 * time.Hour, Later: true}
		open := always
		if rapid.Bool().Draw(t, "open at times") {
			open = even
		}
		var all []time.Time
		members := map[int][]time.Time{}
		now := start
		for range rapid.IntRange(1, 30).Draw(t, "runs") {
			now = now.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "later")) * time.Minute)
			who := rapid.IntRange(1, 3).Draw(t, "who")
			_, at := reactors.Pass(now, []reactors.Limit{narrow, wide}, [][]time.Time{members[who], all}, open)
			if at.Before(now) || at.After(now) && !open(at).Equal(at) {
				t.Fatalf("at %s it may pass at %s", now, at)
			}
			if mine := members[who]; len(mine) > 0 && at.Before(mine[len(mine)-1]) {
				t.Fatalf("at %s it passes before one that came earlier", at)
			}
			members[who] = append(members[who], at)
			all = append(all, at)
			slices.SortFunc(all, time.Time.Compare)
			for _, c := range []struct {
				limit reactors.Limit
				times []time.Time
			}{{narrow, members[who]}, {wide, all}} {
				for i := range len(c.times) - c.limit.Max {
					if c.times[i+c.limit.Max].Sub(c.times[i]) < c.limit.Window {
						t.Fatalf("%d within %s: %s", c.limit.Max+1, c.limit.Window, c.times)
					}
				}
			}
		}
	})
}
