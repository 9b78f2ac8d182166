package mend_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// A message that is deleted stays so, although an edit bears a later time than
// its deletion: its text is a version of the past, whichever comes first, in
// one batch or in two.
func TestDeletionOutlivesALaterVersion(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	var want []string
	for i := range 4 {
		name := fmt.Sprintf("%s/messages/%d", space, i)
		list := []events.Delivery{
			wired(t, live(fmt.Sprint("e", i), at(15), message(events.VerbUpdated, name, storetest.Ann, "edited", at(1), at(30)))),
			wired(t, live(fmt.Sprint("d", i), at(20), message(events.VerbDeleted, name, "", "", at(1), at(1)))),
		}
		if i%2 == 1 {
			slices.Reverse(list)
		}
		if i < 2 {
			record(t, s, list...)
		} else {
			record(t, s, list[0])
			record(t, s, list[1])
		}
		want = append(want, fmt.Sprintf("%s deleted at 20 by CREATOR, versions: edited at 30", name))
	}
	const states = `
		SELECT format('%s deleted at %s by %s, versions: %s', m.message, extract(epoch FROM m.deleted_at - $1)::integer, m.deletion_type, (
			SELECT string_agg(h.text || ' at ' || extract(epoch FROM h.version_time - $1)::integer, ', ')
			FROM message_history h
			WHERE h.message = m.message
		))
		FROM messages m
		WHERE m.text IS NULL
		ORDER BY m.message`
	if diff := cmp.Diff(want, column(t, s, states, epoch)); diff != "" {
		t.Errorf("messages without a text (-want +got):\n%s", diff)
	}
	rebuildAll(t, mender(t, s))
	if diff := cmp.Diff(want, column(t, s, states, epoch)); diff != "" {
		t.Errorf("after rebuilding (-want +got):\n%s", diff)
	}
}
