package modeltest

import (
	"slices"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/mend"
)

// shrink leaves deliveries out while the database and the model still differ,
// and says what is left.
func shrink(t *testing.T, h *history) {
	t.Helper()
	stage, diff := alone(t, h)
	if diff == "" {
		t.Logf("alone the history does not fail:\n%s", describe(h))
		return
	}
	kind := strings.Fields(diff)[1] // a history that fails in another way is another
	apart := *h
	apart.deliveries = slices.Clone(h.deliveries)
	for i := range apart.deliveries {
		apart.deliveries[i].batch = i
	}
	if s, d := alone(t, &apart); strings.Contains(d, " "+kind+" ") {
		*h, stage, diff = apart, s, d
	}
	for size := (len(h.deliveries) + 1) / 2; size > 0; size /= 2 {
		for from := 0; from < len(h.deliveries); {
			less := *h
			less.deliveries = slices.Delete(slices.Clone(h.deliveries), from, min(from+size, len(h.deliveries)))
			if s, d := alone(t, &less); strings.Contains(d, " "+kind+" ") {
				*h, stage, diff = less, s, d
			} else {
				from += size
			}
		}
	}
	for i := range h.deliveries {
		for _, e := range h.deliveries[i].event.ids() {
			diff = strings.ReplaceAll(diff, e[0], e[1])
		}
	}
	t.Errorf("the shortest history that fails, when %s:\n%s\n(-model +database)\n%s", stage, describe(h), diff)
}

// ids are the event's key and its name, for people.
func (e *event) ids() [][2]string {
	return [][2]string{{e.key(), e.name}, {strings.ReplaceAll(e.key(), "-", ""), e.name}}
}

func describe(h *history) string {
	var lines []string
	for _, d := range h.deliveries {
		lines = append(lines, d.String())
	}
	return strings.Join(lines, "\n")
}

// transactions are the deliveries by what is recorded together.
func transactions(h *history) (list [][]events.Delivery) {
	for i, d := range h.deliveries {
		if i == 0 || h.deliveries[i-1].batch != d.batch {
			list = append(list, nil)
		}
		list[len(list)-1] = append(list[len(list)-1], d.wire())
	}
	return list
}

// alone plays a history in a database of its own.
func alone(t *testing.T, h *history) (stage, diff string) {
	t.Helper()
	t.Run("alone", func(t *testing.T) {
		s := open(t)
		m := mend.New(s.Store, s.Log)
		for _, tx := range transactions(h) {
			if _, err := s.Record(t.Context(), tx); err != nil {
				t.Fatal(err)
			}
		}
		if _, diff = compare(t, s, []*history{h}); diff != "" {
			stage = "recorded"
			return
		}
		for _, space := range []string{h.space, ""} {
			if _, err := m.Rebuild(t.Context(), space); err != nil {
				t.Fatal(err)
			}
		}
		stage = "rebuilt"
		_, diff = compare(t, s, []*history{h})
	})
	return stage, diff
}
