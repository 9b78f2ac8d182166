package subscriptions_test

import (
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// A pass that finds all as it was writes no more than 20 bytes of log for each
// subscription, so that 10,000 of them write 200 kB. Not parallel: the log is that of
// the whole server.
func TestIdlePassWritesLittle(t *testing.T) {
	spaces := 1000
	if storetest.Full() {
		spaces = 10_000
	}
	s, keeper, db := healthy(t, spaces)
	look := func() {
		s.clock.Advance(time.Second)
		if r := pass(t, keeper); r.Actions[subscriptions.Keep] != spaces {
			t.Fatalf("got %+v, want that nothing needs anything", r)
		}
	}
	requested := func() int { return storetest.Value[int](t, db, `SELECT count(*) FROM member_lists`) }
	for look(); requested() < spaces; look() { // once a day, the lists of members are requested
	}
	const bytes = 20
	for range 3 {
		log := storetest.Logged(t, db, look)
		t.Logf("a pass over %d subscriptions writes %d bytes of log", spaces, log)
		if log > bytes*spaces {
			t.Errorf("a pass over %d subscriptions writes %d bytes of log, want %d at most", spaces, log, bytes*spaces)
		}
	}
}
