package eventlog_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/events/redaction"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// Links that publish a private message are nowhere in the database: neither of what
// is recorded nor of what goes to the quarantine. The log says so.
func TestLinksAreRedacted(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{Now: clock})
	const link = "canarylink"
	delivery := func(id, data string) events.Delivery {
		d := events.Delivery{MessageID: id, PublishTime: storetest.At(0), ReceivedAt: storetest.At(1), Origin: events.OriginLive, Data: []byte(data)}
		d.Event, d.Malformed = events.Decode(nil, d.Data)
		return d
	}
	given := []events.Delivery{
		delivery("1", `{"type":"MESSAGE","eventTime":"2026-11-20T12:00:00Z","configCompleteRedirectUrl":"https://x/`+link+`","space":{"name":"spaces/S"}}`),
		delivery("2", `{"chat":{"eventTime":"2026-11-20T12:00:00Z","messagePayload":{"space":{"name":"spaces/S"},"\u0063onfigCompleteRedirectUri":"`+link+`"}}}`),
		delivery("3", `{"type":"MESSAGE","configCompleteRedirectUrl":"`+link+`"`),
	}
	for range 2 { // redelivered
		record(t, env, given...)
	}
	if got := storetest.Holding(t, env, link); len(got) > 0 {
		t.Errorf("the link is in %q", got)
	}
	if !bytes.Contains(given[0].Data, []byte(link)) {
		t.Error("the caller's bytes were changed")
	}
	got, err := env.Payloads(t.Context(), items.KeyOf(given[0].Event, "1"))
	if err != nil || len(got) != 1 || !bytes.Contains(got[0], []byte(redaction.Mark)) {
		t.Errorf("got %q, %v; want a mark in it", got, err)
	}
	l := proofs.New(env.Store)
	if n, err := l.Seal(t.Context()); n != 3 || err != nil {
		t.Errorf("%d leaves, %v", n, err)
	}
	report, err := l.Verify(t.Context(), nil, func(uint64, uint64) {})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string(nil), report.Findings); diff != "" {
		t.Error(diff)
	}
}
