package engine_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Requests that count towards a quota of the project take their turns over all spaces,
// and nobody holds a worker meanwhile: whoever has to wait is told for how long.
func TestQuotaOfTheProject(t *testing.T) {
	t.Parallel()
	const n = 150
	for _, quota := range []reactors.Quota{reactors.MembershipWrites, reactors.ReactionWrites} {
		t.Run(string(quota), func(t *testing.T) {
			t.Parallel()
			s := newEnv(t, plain)
			s.action.quota = quota
			var items []events.Item
			for i := range n {
				items = append(items, member(events.VerbCreated, fmt.Sprint("spaces/", i), fmt.Sprint("users/", i)))
			}
			s.record(items...)
			var mu sync.Mutex
			put, longest := 0, time.Duration(0)
			var all sync.WaitGroup
			for _, r := range s.runs() {
				all.Go(func() {
					wait, err := s.Attempt(t.Context(), r.ID)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					if wait > 0 {
						put++
					}
					longest = max(longest, wait)
				})
			}
			all.Wait()
			if acted := len(s.action.texts()); acted+put != n || acted > n/2 {
				t.Errorf("%d of %d acted at once and %d were put off: nobody keeps the quota", acted, n, put)
			}
			if longest < n*200*time.Millisecond/2 {
				t.Errorf("the last of %d comes after %s: that is more than Google allows", n, longest)
			}
		})
	}
}
