package eventlog_test

import (
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func TestFindMessage(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	if _, found, err := s.FindMessage(t.Context(), "spaces/S", "", at(0)); err != nil || found {
		t.Errorf("got %v, %v of an empty log", found, err)
	}
	record(t, s,
		live("1", at(-10), message(events.VerbCreated, "spaces/S/messages/old", "users/1", "a", at(-10), time.Time{})),
		live("2", at(5), message(events.VerbUpdated, "spaces/S/messages/old", "users/1", "b", at(-10), at(5))),
		live("3", at(20), message(events.VerbCreated, "spaces/S/messages/late", "users/1", "c", at(20), time.Time{})),
		live("4", at(10), message(events.VerbCreated, "spaces/S/messages/new", "users/1", "d", at(10), time.Time{})),
		live("5", at(1), message(events.VerbCreated, "spaces/T/messages/other", "users/1", "e", at(1), time.Time{})),
	)
	for want, query := range map[string]string{"spaces/S/messages/new": "", "spaces/S/messages/late": "spaces/S/messages/late"} {
		seen, found, err := s.FindMessage(t.Context(), "spaces/S", query, at(0))
		if err != nil || !found || seen.Message != want || !seen.ReceivedAt.Equal(seen.EventTime.Add(150*time.Millisecond)) {
			t.Errorf("got %+v, %v, %v, want %s", seen, found, err, want)
		}
	}
	if seen, found, err := s.FindMessage(t.Context(), "spaces/S", "spaces/S/messages/none", at(0)); err != nil || found {
		t.Errorf("got %+v, %v", seen, err)
	}

	bad := live("6", at(30), message(events.VerbCreated, "spaces/S/messages/bad", "users/1", "f", at(30), time.Time{}))
	bad.Event, bad.Malformed = nil, &events.Malformed{Reason: "test"}
	record(t, s, bad)
	if n, reason, err := s.Quarantined(t.Context(), at(0)); n != 1 || reason != "test" || err != nil {
		t.Errorf("got %d in quarantine for %q, %v", n, reason, err)
	}
	if n, reason, err := s.Quarantined(t.Context(), at(60)); n != 0 || reason != "" || err != nil {
		t.Errorf("got %d in quarantine for %q, %v", n, reason, err)
	}
}
