package eventlog_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// counter counts who it was told to have joined.
type counter struct {
	mu     sync.Mutex
	joined map[string]int
}

// Plan implements reactors.Planner.
func (c *counter) Plan(change reactors.Change) (p reactors.Plan) {
	if change.Joined && change.Origin == events.OriginLive {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.joined[change.Item.Actor]++
	}
	return p
}

// Whoever joins while a gap is being filled is greeted, whichever of the copies
// is first, and if all are recorded at once.
func TestCopiesRecordedTogether(t *testing.T) {
	t.Parallel()
	told := &counter{joined: map[string]int{}}
	s := storetest.New(t, storetest.Options{Now: clock, Planner: told})
	const rounds, many = 40, 5
	for round := range rounds {
		var delivered, fetched, again []events.Delivery
		for i := range many {
			d := of(fmt.Sprintf("users/%d", 100*round+i), events.VerbCreated, 1+i, "ROLE_MEMBER")
			delivered, fetched = append(delivered, d), append(fetched, backfilled(of(fmt.Sprintf("users/%d", 100*round+i), events.VerbCreated, 1+i, "ROLE_MEMBER")))
			again = append([]events.Delivery{of(fmt.Sprintf("users/%d", 100*round+i), events.VerbCreated, 1+i, "ROLE_MEMBER")}, again...)
		}
		var all sync.WaitGroup
		for _, batch := range [][]events.Delivery{fetched, delivered, again, delivered[1:3], fetched[2:]} {
			all.Go(func() {
				if _, err := s.Record(t.Context(), batch); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for i := range many {
			if user := fmt.Sprintf("users/%d", 100*round+i); told.joined[user] != 1 {
				t.Errorf("round %d: rules were asked %d times about %s", round, told.joined[user], user)
			}
		}
	}
}
