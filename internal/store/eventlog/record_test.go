package eventlog_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// Row P2: each event delivered five times in random order is recorded once.
func TestDuplicatesAreRecordedOnce(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{Now: clock})
	n := 2_000
	if storetest.Full() {
		n = 100_000
	}
	m := storetest.NewMix(1)
	unique := m.Batch(n)
	var all []events.Delivery
	for range 5 {
		all = append(all, unique...)
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	counts := map[events.Outcome]int{}
	for len(all) > 0 {
		k := min(len(all), 700)
		for _, o := range record(t, env, all[:k]...) {
			counts[o]++
		}
		all = all[k:]
	}
	want := map[events.Outcome]int{events.Recorded: n, events.Duplicate: 4 * n}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	if got := storetest.Value[int](t, env, `SELECT count(*) FROM events`); got != n {
		t.Errorf("events = %d, want %d", got, n)
	}
	for _, d := range unique[:50] {
		got, err := env.Payloads(t.Context(), items.KeyOf(d.Event, d.MessageID))
		if err != nil || len(got) != 1 || !bytes.Equal(got[0], d.Data) {
			t.Fatalf("Payloads(%s) = %q, %v, want %q", d.Event.ID, got, err, d.Data)
		}
	}
}
