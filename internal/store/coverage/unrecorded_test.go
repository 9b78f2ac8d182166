package coverage_test

import (
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// What is recorded or in quarantine isn't missing, whatever else the quarantine
// holds: an id with a zero byte is in none of our tables, and breaks no question.
func TestUnrecorded(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: storetest.Clock})
	broken := func(id string) events.Delivery {
		return events.Delivery{
			MessageID: "m" + id, Attributes: map[string]string{"ce-id": "spaces/S/spaceEvents/" + id}, Data: []byte("{"), ReceivedAt: storetest.Epoch,
			Origin: events.OriginLive, Malformed: &events.Malformed{Reason: "bad_json"},
		}
	}
	if _, err := s.Record(t.Context(), []events.Delivery{storetest.Join("recorded", 0), broken("kept"), broken("zero\x00")}); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]int{"recorded": 0, "kept": 0, "missing": 1} {
		n, err := s.Unrecorded(t.Context(), []coverage.Event{{ID: "spaces/S/spaceEvents/" + id, Time: storetest.At(0)}})
		if err != nil || n != want {
			t.Errorf("%s: %d unrecorded, want %d: %v", id, n, want, err)
		}
	}
}
