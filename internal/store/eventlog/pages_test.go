package eventlog_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/originals"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// What is read page by page is read to its end, each item once and in order,
// although all have one time, which page after page ends in the middle of, and
// some pages within an event.
func TestPagesWithinOneTime(t *testing.T) {
	t.Parallel()
	const n, singles = 400, 800 // events of three items, and of one; a page holds 500 items
	s := storetest.New(t, storetest.Options{Now: clock})
	var list []events.Delivery
	for i := range n {
		var messages []string
		for j := range 3 {
			messages = append(messages, fmt.Sprintf(`{"message":{"name":"%s/messages/%d.%d","text":"hi"}}`, space, i, j))
		}
		list = append(list, decoded(t, fmt.Sprint(i), "message.v1.batchCreated", at(1), `{"messages":[`+strings.Join(messages, ",")+`]}`))
	}
	for i := range singles {
		list = append(list, decoded(t, fmt.Sprint("single", i), "message.v1.created", at(2), post("ann", fmt.Sprint("single", i), "hi")))
	}
	record(t, s, list...)

	const all = 3*n + singles
	want := column(t, s, `SELECT ce_id || ' ' || resource FROM event_log ORDER BY event_time, event_key, ordinal`)
	if len(want) != all {
		t.Fatalf("%d items are recorded, want %d", len(want), all)
	}
	for name, c := range map[string]struct{ since, until, from, to int }{
		"all": {0, 3, 0, all}, "from a time on": {1, 3, 3 * n, all}, "up to a time": {0, 1, 0, 3 * n},
	} {
		var got []string
		if err := s.History(t.Context(), at(c.since), at(c.until), reactors.Filter{}, func(change reactors.Change) error {
			got = append(got, change.Event.ID+" "+change.Item.Resource)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		wantSame(t, "history, "+name, want[c.from:c.to], got)
	}

	want = column(t, s, `SELECT ce_id FROM event_log WHERE ordinal = 0 ORDER BY event_time, event_key`)
	var got []string
	if err := s.Each(t.Context(), originals.Filter{}, func(e originals.Event) error {
		got = append(got, e.ID)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	wantSame(t, "originals", want, got)
}

// wantSame compares long lists.
func wantSame(t *testing.T, what string, want, got []string) {
	t.Helper()
	for i := range min(len(want), len(got)) {
		if got[i] != want[i] {
			t.Errorf("%s: the first to differ is number %d: got %s, want %s", what, i, got[i], want[i])
			break
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: got %d, want %d", what, len(got), len(want))
	}
}
