// Package modeltest compares what the store makes of events with what a plain
// fold over them in the order in which they happened makes of them. The fold was
// written from the documents and the comments of the columns alone: it knows
// nothing of the projections' SQL, of batches, or of the order of arrival.
package modeltest

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/mend"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

var seedFlag = flag.Uint64("model.seed", 1, "draw the histories from this seed, which a failure prints; 0: from any")

// perRound is how many histories share a database and its transactions.
const perRound = 75

// Whatever happens in spaces, and in whatever order, batches and copies it
// arrives: the projections hold what the model says, live, rebuilt, and rebuilt
// while more arrives.
func TestModel(t *testing.T) {
	t.Parallel()
	histories := 4 * perRound
	switch {
	case storetest.Full():
		histories = 5_000
	case storetest.RaceDetector:
		histories = perRound
	}
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	for first := 0; first < histories && !t.Failed(); first += perRound {
		t.Run(fmt.Sprint("from", first), func(t *testing.T) {
			var list []*history
			for n := first; n < min(first+perRound, histories); n++ {
				list = append(list, newHistory(seed, n))
			}
			h, stage, diff := play(t, list)
			if h == nil {
				return
			}
			t.Errorf("history %d of -model.seed %d, %s (-model +database):\n%s", h.number, seed, stage, diff)
			shrink(t, h)
		})
	}
}

// play lets the histories arrive side by side, and returns one of which the
// database holds something else than the model says.
func play(t *testing.T, list []*history) (failed *history, stage, diff string) {
	t.Helper()
	s := open(t)
	m := mend.New(s.Store, s.Log)
	const writers = 2
	var wg sync.WaitGroup
	rebuild := make(chan string, len(list))
	for w := range writers {
		var mine []*history
		for i, h := range list {
			if i%writers == w {
				mine = append(mine, h)
			}
		}
		wg.Go(func() { write(t, s, rand.New(rand.NewPCG(uint64(list[0].number), uint64(w))), mine, rebuild) })
	}
	go func() {
		wg.Wait()
		close(rebuild)
	}()
	for space := range rebuild {
		if _, err := m.Rebuild(t.Context(), space); err != nil {
			t.Errorf("rebuild %s: %v", space, err)
		}
	}
	if failed, diff = compare(t, s, list); failed != nil {
		return failed, "recorded", diff
	}
	for _, space := range append(spacesOf(list), "") {
		if _, err := m.Rebuild(t.Context(), space); err != nil {
			t.Fatal(err)
		}
	}
	failed, diff = compare(t, s, list)
	return failed, "rebuilt", diff
}

// write records the transactions of the histories, of several in one each time,
// and asks for the rebuild of some in their middle.
func write(t *testing.T, s *storetest.Env, r *rand.Rand, list []*history, rebuild chan<- string) {
	left := map[*history][][]events.Delivery{}
	for _, h := range list {
		left[h] = transactions(h)
	}
	for {
		list = slices.DeleteFunc(list, func(h *history) bool { return len(left[h]) == 0 })
		if len(list) == 0 {
			return
		}
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		var tx []events.Delivery
		for _, h := range list[:min(len(list), 1+r.IntN(30))] {
			tx = append(tx, left[h][0]...)
			left[h] = left[h][1:]
			if h.number%5 == 0 && r.IntN(8) == 0 {
				select {
				case rebuild <- h.space:
				default: // enough of them wait
				}
			}
		}
		if _, err := s.Record(t.Context(), tx); err != nil {
			t.Errorf("Record: %v", err)
			return
		}
	}
}

func spacesOf(list []*history) (spaces []string) {
	for _, h := range list {
		spaces = append(spaces, h.space)
	}
	return spaces
}

func open(t *testing.T) *storetest.Env {
	t.Helper()
	return storetest.New(t, storetest.Options{Now: func() time.Time { return epoch.Add(time.Hour) }})
}

func compare(t *testing.T, s *storetest.Env, list []*history) (*history, string) {
	t.Helper()
	held := read(t, s)
	for _, h := range list {
		if diff := differences(fold(h), held[h.space]); diff != "" {
			return h, diff
		}
	}
	return nil, ""
}

// differences are the lines of one list only.
func differences(want, got []string) string {
	count := map[string]int{}
	for _, line := range want {
		count[line]++
	}
	for _, line := range got {
		count[line]--
	}
	var out []string
	for _, line := range slices.Sorted(maps.Keys(count)) {
		n := count[line]
		switch {
		case n > 0:
			out = append(out, "- "+line)
		case n < 0:
			out = append(out, "+ "+line)
		}
	}
	return strings.Join(out, "\n")
}
