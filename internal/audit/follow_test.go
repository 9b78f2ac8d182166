package audit

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/audit/query"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// Whatever arrives is told once: of events, gaps and rules, as the query says.
func testFollow(t *testing.T, s *storetest.Env) {
	q, err := query.Parse("-actor_kind:operator", at(2000))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	told, done := make(chan query.Record), make(chan error)
	go func() {
		done <- follow(ctx, s.Store, Request{Query: q}, func(list []query.Record) error {
			for _, r := range list {
				select {
				case told <- r:
				case <-ctx.Done():
				}
			}
			return nil
		}, func(error) {})
	}()
	join := func(n int) {
		t.Helper()
		storetest.Record(t, s, storetest.Live(fmt.Sprint("follow", n), at(3000+n),
			storetest.Membership(events.VerbCreated, space, fmt.Sprint("users/f", n), events.MembershipJoined)))
	}
	began := func() query.Record { // it tells what arrives since it began, and nobody knows when that is
		for n := 0; ; n++ {
			join(n)
			select {
			case r := <-told:
				return r
			case err := <-done:
				t.Fatal(err)
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	seen := map[string]int{began().ID: 1}
	join(5000)
	join(5000) // delivered again
	exec(t, s, `INSERT INTO coverage (from_time, to_time, scope, source, cause, repair) VALUES (now() - interval '2 days', now() - interval '1 day', 'spaces/F', 'gap', 'expired', 'pending')`)
	exec(t, s, `INSERT INTO reactor_runs (event_time, due_at, finished_at, outcome, reactor, subject, space, member, trigger, hash)
		VALUES (now(), now(), now(), 'sent', 'welcome', 'follow', 'spaces/S', '', 'member.joined', '')`)
	wanted := map[string]bool{"users/f5000": true, "spaces/F": true, "welcome": true}
	for len(wanted) > 0 {
		select {
		case r := <-told:
			if seen[r.ID]++; seen[r.ID] > 1 {
				t.Errorf("%s is told again", r.ID)
			}
			delete(wanted, *r.TargetID)
		case err := <-done:
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
