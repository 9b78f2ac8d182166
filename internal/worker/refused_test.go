package worker

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/ingest"
)

// A message that is held apart is a matter of readiness, and no gap: the
// heartbeat, which goes by unready, goes on.
func TestNotReadyWhileMessagesAreRefused(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := Status{Ingest: ingest.Status{Receiving: true, LastHeard: now}}
	if got := notReady(s, now); len(got) > 0 {
		t.Errorf("not ready because of %v, want ready", got)
	}
	s.Ingest.Refused, s.Ingest.RefusedWhy = 2, errors.New("SQLSTATE XX000")
	got := texts(notReady(s, now), true)
	if len(got) != 1 || !strings.Contains(got[0], "refuses 2 messages") || !strings.Contains(got[0], "XX000") {
		t.Errorf("not ready because of %v, want the refused messages", got)
	}
	if got := unready(s, now); len(got) > 0 {
		t.Errorf("no heartbeat because of %v", got)
	}
}
