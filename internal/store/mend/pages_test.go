package mend_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/mend"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// A rebuild reads the log to its end: part by part, and page by page within one
// time.
func TestAllIsRebuilt(t *testing.T) {
	t.Parallel()
	const n = 5_100 // a part holds 5,000, a page 500
	s := storetest.New(t, storetest.Options{Now: clock})
	var list []events.Delivery
	for i := range n {
		list = append(list, decoded(t, fmt.Sprint(i), "message.v1.created", at(1), storetest.Post("ann", fmt.Sprint(i), "hi")))
	}
	for chunk := range slices.Chunk(list, 1_000) {
		record(t, s, chunk...)
	}
	if _, err := s.Pool().Exec(t.Context(), `TRUNCATE stored_messages`); err != nil {
		t.Fatal(err)
	}
	m, told := mender(t, s), ""
	m.Told = func(done, of int) { told += fmt.Sprintf(" %d/%d", done, of) }
	if got, err := m.Rebuild(t.Context(), space); err != nil || got.Items != n {
		t.Errorf("rebuilt %+v, %v, want %d items", got, err, n)
	}
	if told != " 1/2 2/2" {
		t.Errorf("told%s, want each part", told)
	}
	if got := storetest.Value[int](t, s, `SELECT count(*) FROM messages`); got != n {
		t.Errorf("%d messages are rebuilt, want %d", got, n)
	}
}

// A retry looks at everything in quarantine, although all was received at one
// time.
func TestQuarantineIsRetriedToItsEnd(t *testing.T) {
	t.Parallel()
	const n = 450 // a page holds 200
	s := storetest.New(t, storetest.Options{Now: clock})
	var list []events.Delivery
	for i := range n {
		d := decoded(t, fmt.Sprint(i), "message.v1.created", at(1), storetest.Post("ann", fmt.Sprint(i), "hi"))
		d.Event, d.Malformed = nil, &events.Malformed{Reason: "bad_json", Detail: "an older version could not read it"}
		if i%2 == 0 {
			d.Data = []byte("{")
		}
		list = append(list, d)
	}
	record(t, s, list...)
	if got, err := mender(t, s).Retry(t.Context(), mend.Filter{}); err != nil || got != (mend.Retried{Recorded: n / 2, Kept: n / 2}) {
		t.Errorf("retried %+v, %v, want half of %d recorded and half kept", got, err, n)
	}
	if got := storetest.Value[int](t, s, `SELECT count(*) FROM events`); got != n/2 {
		t.Errorf("%d events are recorded, want %d", got, n/2)
	}
}
