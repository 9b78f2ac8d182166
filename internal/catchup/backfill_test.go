package catchup_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/catchup"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
)

// An attempt goes on where the one before it was interrupted.
func TestFillGoesOn(t *testing.T) {
	t.Parallel()
	const count, pages = 1500, 15
	e := newEnv(t, simulate.Options{Users: 30})
	e.live(t, count, time.Hour)
	var calls atomic.Int32
	e.SetChatFaults(func(c simulate.ChatCall) simulate.ChatFault {
		switch calls.Add(1) % 5 {
		case 3:
			return simulate.ChatFault{Status: http.StatusServiceUnavailable}
		case 0:
			return simulate.ChatFault{DropReply: true}
		}
		return simulate.ChatFault{}
	})
	r := catchup.Range{Space: e.space, From: epoch.Add(-time.Second), To: e.clock.Now()}
	for attempt := 1; ; attempt++ {
		var reported coverage.Backfill
		b, err := e.reader.Fill(t.Context(), r, func(b coverage.Backfill) { reported = b })
		if err == nil {
			if reported.Recorded != b.Recorded || b.Recorded != count || !b.Done {
				t.Errorf("got %+v, last reported %+v, want %d recorded", b, reported, count)
			}
			break
		}
		if reactors.IsPermanent(err) || attempt == pages {
			t.Fatalf("attempt %d: %v", attempt, err)
		}
	}
	if got := e.number(t, `SELECT count(DISTINCT event_key) FROM events`); got != count {
		t.Errorf("got %d events, want %d", got, count)
	}
	// Each of about ten attempts lists at most the pages again that were under
	// way. From the start it would never end: the third call fails.
	if n := calls.Load(); n < pages || n > 4*pages {
		t.Errorf("%d pages took %d calls", pages, n)
	}
}

// A stop keeps what is committed, and isn't Google's refusal.
func TestFillStops(t *testing.T) {
	t.Parallel()
	e := newEnv(t, simulate.Options{Users: 30})
	e.live(t, 700, time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	r := catchup.Range{Space: e.space, From: epoch.Add(-time.Second), To: e.clock.Now()}
	if _, err := e.reader.Fill(ctx, r, func(coverage.Backfill) { cancel() }); err == nil || reactors.IsPermanent(err) {
		t.Fatalf("got %v, want an error that may pass", err)
	}
	if _, err := e.reader.Fill(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
	if got := e.number(t, `SELECT count(DISTINCT event_key) FROM events`); got != 700 {
		t.Errorf("got %d events, want 700", got)
	}
}

// What Google refuses to list stays a gap, which says why.
func TestRefusedGapStaysVisible(t *testing.T) {
	t.Parallel()
	e := newEnv(t, simulate.Options{Users: 30})
	e.pass(t)
	e.clock.Advance(time.Hour)
	e.pass(t)
	if err := e.db.OpenGap(t.Context(), e.space, epoch.Add(10*time.Minute), epoch.Add(20*time.Minute), coverage.CauseSilentLoss); err != nil {
		t.Fatal(err)
	}
	if err := e.RemoveMember(e.space, e.App()); err != nil {
		t.Fatal(err)
	}
	e.repair(t)
	gaps := e.gaps(t)
	if len(gaps) != 1 || gaps[0].State != coverage.GapImpossible {
		t.Fatalf("got gaps %+v, want one that can't be repaired", gaps)
	}
	for _, want := range []string{e.space, "add it to the space"} {
		if !strings.Contains(gaps[0].Detail, want) {
			t.Errorf("the gap's reason is %q, want it to hold %q", gaps[0].Detail, want)
		}
	}
}

// The joining of somebody who has left since comes without a name. It is kept,
// and a live copy that is delivered later is recorded all the same.
func TestRemovedMember(t *testing.T) {
	t.Parallel()
	e := newEnv(t, simulate.Options{Users: 30})
	user := e.AddUser(false)
	if err := e.AddMembers(e.space, user); err != nil {
		t.Fatal(err)
	}
	e.clock.Advance(time.Minute)
	if err := e.RemoveMember(e.space, user); err != nil {
		t.Fatal(err)
	}
	joined := e.events[0]
	r := catchup.Range{Space: e.space, From: epoch.Add(-time.Second), To: e.clock.Now()}
	for range 2 {
		if _, err := e.reader.Fill(t.Context(), r, nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := e.number(t, `SELECT count(*) FROM quarantine WHERE reason = 'missing_name' AND attributes->>'ce-id' = $1`, joined.ID); n != 1 {
		t.Errorf("the event is in the quarantine %d times, want once", n)
	}
	attributes := map[string]string{
		"ce-id": joined.ID, "ce-type": joined.Type, "ce-time": joined.Time.Format(time.RFC3339Nano), "ce-specversion": "1.0",
		"ce-source": "//workspaceevents.googleapis.com/subscriptions/s", "ce-subject": "//chat.googleapis.com/" + e.space,
	}
	live := events.Delivery{MessageID: "1", PublishTime: e.clock.Now(), ReceivedAt: e.clock.Now(), Origin: events.OriginLive, Attributes: attributes}
	live.Data = []byte(`{"membership":{"name":"` + joined.Items[0].Resource + `","state":"JOINED","member":{"name":"` + user + `","type":"HUMAN"}}}`)
	if live.Event, live.Malformed = events.Decode(attributes, live.Data); live.Malformed != nil {
		t.Fatal(live.Malformed)
	}
	outcomes, err := e.db.Record(t.Context(), []events.Delivery{live})
	if err != nil || outcomes[0] != events.Recorded {
		t.Errorf("the live copy: got %v, %v, want it recorded", outcomes, err)
	}
}
