package worker

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/ingest"
)

// What makes a worker unready, and what makes its process worth replacing.
func TestReadyAndHealthy(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for name, c := range map[string]struct {
		status             Status
		unready, unhealthy string // part of the only reason; "" for none
	}{
		"all is well": {Status{Ingest: ingest.Status{Receiving: true, Started: ago(time.Hour), LastHeard: ago(time.Second)}}, "", ""},
		"waits for the database": {
			Status{Waiting: errors.New("no such host"), Ingest: ingest.Status{}}, "no such host", "",
		},
		"Pub/Sub never answered": {
			Status{Ingest: ingest.Status{Receiving: true, Started: ago(time.Second)}}, "has not answered yet", "",
		},
		"Pub/Sub never answered for long": {
			Status{Ingest: ingest.Status{Receiving: true, Started: ago(11 * time.Minute)}}, "has not answered yet", "said nothing for 11m0s",
		},
		"Pub/Sub is away": {
			Status{Ingest: ingest.Status{Receiving: true, Started: ago(time.Hour), LastHeard: ago(time.Second), PubSubDown: errors.New("refused")}},
			"Pub/Sub does not answer: refused", "",
		},
		"Pub/Sub is silent": {
			Status{Ingest: ingest.Status{Receiving: true, Started: ago(time.Hour), LastHeard: ago(76 * time.Second)}},
			"said nothing since 2026-11-01T11:58:44Z", "",
		},
		"Pub/Sub is silent for long": {
			Status{Ingest: ingest.Status{Receiving: true, Started: ago(time.Hour), LastHeard: ago(601 * time.Second)}},
			"said nothing since", "said nothing for 10m1s",
		},
		"Receive ended": {
			Status{Ingest: ingest.Status{ReceiveError: errors.New("no such subscription"), Started: ago(time.Hour), LastHeard: ago(time.Second)}},
			"no such subscription", "",
		},
		"stopping":              {Status{Ingest: ingest.Status{Started: ago(time.Hour), LastHeard: ago(time.Second)}}, "not receiving", ""},
		"the database is away":  {Status{Ingest: ingest.Status{Receiving: true, LastHeard: ago(time.Second), DatabaseDown: errors.New("gone")}}, "gone", ""},
		"silent and not asking": {Status{Ingest: ingest.Status{Started: ago(time.Hour), LastHeard: ago(time.Hour)}}, "not receiving", ""},
	} {
		for what, got := range map[string]struct {
			reasons []string
			want    string
		}{"unready": {unready(c.status, now), c.unready}, "unhealthy": {unhealthy(c.status, now), c.unhealthy}} {
			switch {
			case got.want == "" && len(got.reasons) == 0:
			case got.want == "" || len(got.reasons) != 1 || !strings.Contains(got.reasons[0], got.want):
				t.Errorf("%s, %s: got %q, want %q", name, what, got.reasons, got.want)
			}
		}
	}
}
