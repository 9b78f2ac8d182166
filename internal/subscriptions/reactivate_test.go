package subscriptions_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// Google keeps the expiry of what it reactivates, of which minutes may be left:
// it is renewed as well, at once, or by the next pass if that fails.
func TestReactivatedIsRenewed(t *testing.T) {
	t.Parallel()
	const lifetime = 4 * time.Hour
	for name, fails := range map[string]bool{"at once": false, "by the next pass": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newEnv(t, simulate.Options{Spaces: 1, Withhold: simulate.LifecycleKinds()})
			k, space := s.keeper(t, 0), s.list[0].Scope
			pass(t, k)
			s.clock.Advance(lifetime - 20*time.Minute)
			if err := s.Suspend(s.name(t, space), "ENDPOINT_PERMISSION_DENIED"); err != nil {
				t.Fatal(err)
			}
			if err := s.Mend(s.name(t, space)); err != nil {
				t.Fatal(err)
			}
			s.SetEventsFaults(func(c simulate.EventsCall) (f simulate.EventsFault) {
				if fails && c.Method == "subscriptions.patch" {
					f.Status = http.StatusForbidden
				}
				return f
			})
			pass(t, k)
			if got := s.memory.state(space); got.State != "ACTIVE" {
				t.Fatalf("got %+v, want it reactivated", got)
			}
			if fails {
				s.SetEventsFaults(nil)
				s.clock.Advance(5 * time.Minute)
				pass(t, k)
			}
			got := s.memory.state(space)
			if left := got.ExpireTime.Sub(s.clock.Now()); got.State != "ACTIVE" || left < lifetime-time.Minute {
				t.Errorf("it is %s and expires in %s, want that it was renewed for %s", got.State, left, lifetime)
			}
		})
	}
}
