package eventlog_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// Events of one time, at the edges of months, as old and as new as is allowed are
// each recorded once, however many copies come, live or backfilled, in whichever
// order: the key begins with the time.
func TestCopiesOfAnyTimeAreRecordedOnce(t *testing.T) {
	t.Parallel()
	november := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)
	times := []time.Time{
		epoch.Add(-40*24*time.Hour + time.Microsecond), november.Add(-time.Microsecond), november, november.Add(time.Microsecond),
		epoch, epoch, epoch, epoch.Add(24*time.Hour - time.Microsecond),
	}
	var all []events.Delivery
	for i, when := range times {
		d := live(fmt.Sprint(i), when, message(events.VerbCreated, fmt.Sprint(space, "/messages/", i, ".r"), ann, "hello", when, time.Time{}))
		all = append(all, d, d, backfilled(d))
	}
	for seed := range uint64(6) {
		s := storetest.New(t, storetest.Options{Now: clock})
		rng := rand.New(rand.NewPCG(seed, 1))
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		counts := map[events.Outcome]int{}
		for some := range slices.Chunk(all, 1+rng.IntN(len(all))) {
			for _, o := range record(t, s, some...) {
				counts[o]++
			}
		}
		n := len(times)
		if diff := cmp.Diff(map[events.Outcome]int{events.Recorded: n, events.Duplicate: 2 * n}, counts); diff != "" {
			t.Errorf("seed %d: outcomes (-want +got):\n%s", seed, diff)
		}
		got := column(t, s, `
			SELECT concat_ws(' ', count(*), count(DISTINCT event_key), count(DISTINCT event_time), count(*) FILTER (WHERE origin = 'l'))
			FROM events
			UNION ALL
			SELECT concat_ws(' ', count(*), count(DISTINCT name))
			FROM stored_messages`)
		if diff := cmp.Diff([]string{fmt.Sprint(n, n, n-2, n), fmt.Sprint(n, n)}, got); diff != "" {
			t.Errorf("seed %d: events, keys, times and live ones; messages and names (-want +got):\n%s", seed, diff)
		}
	}
}
