package eventlog_test

import (
	"fmt"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// An edit changes its message in place: it writes no index. Nothing else goes on
// in the server meanwhile: a long transaction keeps old versions in their place.
func TestEditsAreInPlace(t *testing.T) {
	s := storetest.New(t, storetest.Options{Now: clock})
	edit := func(n int) (list []events.Delivery) {
		for i := range 300 {
			name := fmt.Sprint(space, "/messages/", i, ".r")
			list = append(list, live(fmt.Sprint(n, "-", i), at(n), message(events.VerbUpdated, name, ann, fmt.Sprint("version ", n), at(0), at(n))))
		}
		return list
	}
	record(t, s, edit(1)...)
	for n := 2; n < 5; n++ {
		for i := range 300 { // now and then, not all at once
			if i%10 == n {
				record(t, s, edit(n)[i])
			}
		}
	}
	dsn := s.DSN
	s.Store.Close() // sessions report what they did when they end
	other, err := store.Open(t.Context(), dsn, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	var updated, inPlace int
	for updated < 90 {
		if err := other.Pool().QueryRow(t.Context(), `
			SELECT sum(n_tup_upd)::int, sum(n_tup_hot_upd)::int
			FROM pg_stat_user_tables, pg_stat_clear_snapshot()
			WHERE relname LIKE 'stored\_messages\_2026%'`).Scan(&updated, &inPlace); err != nil {
			t.Fatal(err)
		}
	}
	if inPlace < updated-2 {
		t.Errorf("%d of %d edits changed a row in place", inPlace, updated)
	}
}
