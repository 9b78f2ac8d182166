package mend_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/mend"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// Whatever brings a message into quarantine, it is kept whole: as Pub/Sub
// delivered it, or as the Chat API listed it.
func TestQuarantineKeepsMessagesWhole(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	const text = `{"membership":{"name":"` + space + `/members/1","state":"JOINED"}}`
	for name, tt := range map[string]struct {
		reason events.Reason
		change func(*events.Delivery)
	}{
		"can't be decoded": {"bad_json", func(d *events.Delivery) {
			d.Event, d.Malformed, d.Data = nil, &events.Malformed{Reason: "bad_json"}, []byte{0, 0xff, '{'}
		}},
		"holds nothing": {"empty", func(d *events.Delivery) {
			d.Event, d.Malformed, d.Data = nil, &events.Malformed{Reason: "empty"}, []byte{}
		}},
		"an absurd time":          {"absurd_time", func(d *events.Delivery) { d.Event.Time = epoch.AddDate(0, 0, -41) }},
		"refused by the database": {"rejected_by_database", func(d *events.Delivery) { d.Event.Type = "google.workspace.chat.\xff" }},
		"an element of a batch": {"missing_name", func(d *events.Delivery) {
			d.Event.Refused = &events.Malformed{Reason: "missing_name"}
		}},
		"listed by the Chat API": {"bad_json", func(d *events.Delivery) {
			d.Event, d.Malformed = nil, &events.Malformed{Reason: "bad_json"}
			d.MessageID, d.OrderingKey, d.PublishTime, d.Origin = "", "", time.Time{}, events.OriginBackfill
		}},
	} {
		d := decoded(t, name, "membership.v1.created", at(10), text)
		d.OrderingKey, d.PublishTime, d.ReceivedAt = "//workspaceevents.googleapis.com/subscriptions/s1", at(11), at(12)
		d.Attributes["more"] = "\"é\x01\u2028"
		tt.change(&d)
		record(t, s, d)
		list, err := mender(t, s).Quarantine(t.Context(), mend.Filter{Max: 2})
		if err != nil || len(list) != 1 {
			t.Fatalf("%s: %d messages in quarantine, %v, want 1", name, len(list), err)
		}
		want := mend.Kept{
			Key: list[0].Key, ReceivedAt: d.ReceivedAt, PublishTime: d.PublishTime, MessageID: d.MessageID, OrderingKey: d.OrderingKey,
			Reason: tt.reason, Detail: list[0].Detail, Attributes: d.Attributes, Data: d.Data,
		}
		if diff := cmp.Diff(want, list[0]); diff != "" {
			t.Errorf("%s: kept (-want +got):\n%s", name, diff)
		}
		if _, err := s.Pool().Exec(t.Context(), `TRUNCATE quarantine`); err != nil {
			t.Fatal(err)
		}
	}
}
