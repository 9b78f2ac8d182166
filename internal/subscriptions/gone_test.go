package subscriptions_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// Why there was a gap before another subscription is told by what is known: one
// whose lifetime was over had expired, one that had hours left was deleted.
func TestWhatBecameOfASubscription(t *testing.T) {
	t.Parallel()
	s := newEnv(t, simulate.Options{Spaces: 2, Withhold: simulate.LifecycleKinds()})
	db := storetest.New(t, storetest.Options{})
	s.keep = recorded{s.memory, db}
	k := s.keeper(t, 0)
	pass(t, k)
	deleted, expired := s.list[0].Scope, s.list[1].Scope
	s.clock.Advance(time.Hour)
	if err := s.ExpireAfter(s.name(t, deleted), 0); err != nil { // which deletes it
		t.Fatal(err)
	}
	s.clock.Advance(time.Minute)
	pass(t, k)
	s.clock.Advance(5 * time.Hour) // no pass renews it
	pass(t, k)
	got := map[string][]string{}
	for _, scope := range []string{deleted, expired} {
		got[scope] = storetest.Column(t, db, `SELECT cause FROM coverage_gaps WHERE scope = $1 ORDER BY from_time`, scope)
	}
	want := map[string][]string{deleted: {"deleted", "expired"}, expired: {"expired"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("causes of gaps (-want +got):\n%s", diff)
	}
}
