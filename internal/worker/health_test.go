package worker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/ingest"
	"github.com/spacekeeper/spacekeeper/internal/store/privileges"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
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
		"stopping":             {Status{Ingest: ingest.Status{Started: ago(time.Hour), LastHeard: ago(time.Second)}}, "not receiving", ""},
		"the database is away": {Status{Ingest: ingest.Status{Receiving: true, LastHeard: ago(time.Second), DatabaseDown: errors.New("gone")}}, "gone", ""},
		"idle while the database is away": {
			Status{Ingest: ingest.Status{Receiving: true, LastHeard: ago(time.Second)}, DatabaseUnanswered: errors.New("gone")}, "does not answer: gone", "",
		},
		"silent and not asking": {Status{Ingest: ingest.Status{Started: ago(time.Hour), LastHeard: ago(time.Hour)}}, "not receiving", ""},
	} {
		for what, got := range map[string]struct {
			reasons []string
			want    string
		}{"unready": {texts(unready(c.status, now), true), c.unready}, "unhealthy": {texts(unhealthy(c.status, now), true), c.unhealthy}} {
			switch {
			case got.want == "" && len(got.reasons) == 0:
			case got.want == "" || len(got.reasons) != 1 || !strings.Contains(got.reasons[0], got.want):
				t.Errorf("%s, %s: got %q, want %q", name, what, got.reasons, got.want)
			}
		}
	}
}

// Whoever asks from this machine is told all, others nothing of the database's and of
// Google's users, hosts and addresses.
func TestStrangersAreToldLess(t *testing.T) {
	t.Parallel()
	h, err := startHealth("127.0.0.1:0", zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	now, secret := time.Now(), errors.New("user u at db.example.com (10.0.0.7)")
	for status, what := range map[*Status]string{
		{Waiting: errStarting}: "starting",
		{Waiting: secret}:      "waiting for the database",
		{Ingest: ingest.Status{ReceiveError: secret, LastHeard: now}}:                        "not receiving",
		{Ingest: ingest.Status{Receiving: true, LastHeard: now, PubSubDown: secret}}:         "Pub/Sub does not answer",
		{Ingest: ingest.Status{Receiving: true, LastHeard: now, DatabaseDown: secret}}:       "the database does not take events",
		{Ingest: ingest.Status{Receiving: true, LastHeard: now}, DatabaseUnanswered: secret}: "the database does not answer",
		{Ingest: ingest.Status{Receiving: true, LastHeard: now, Refused: 1, RefusedWhy: secret}}: "the database refuses 1 messages, " +
			"which are held and tried again; the others are recorded",
		{Ingest: ingest.Status{Receiving: true, LastHeard: now}, Still: []string{secret.Error()}}: "jobs and reactions stand still",
	} {
		h.source.Store(&source{func() Status { return *status }, http.NotFoundHandler()})
		for from, all := range map[string]bool{
			"127.0.0.1:9": true, "[::1]:9": true, "[::ffff:127.0.0.1]:9": true, "10.1.2.3:9": false, "[2001:db8::1]:9": false,
			"10.0.0.5:9":                           true,  // this machine, by the address where it answers
			"127.0.0.1:9 X-Forwarded-For 10.1.2.3": false, // through a proxy on this machine
			"10.1.2.3:9 X-Forwarded-For 127.0.0.1": false,
		} {
			to := context.WithValue(t.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 5), Port: 8080})
			r, w := httptest.NewRequestWithContext(to, http.MethodGet, readyPath, nil), httptest.NewRecorder()
			if words := strings.Fields(from); len(words) == 3 {
				r.Header.Set(words[1], words[2])
			}
			r.RemoteAddr, _, _ = strings.Cut(from, " ")
			h.server.Handler.ServeHTTP(w, r)
			want := what
			if all && what != "starting" {
				want += ": " + secret.Error()
			}
			if got := w.Body.String(); got != fmt.Sprintf(`{"ok":false,"problems":[%q]}`+"\n", want) {
				t.Errorf("%s is told %s, want %q", from, got, want)
			}
		}
	}
}

// A worker whose jobs stand still records all the same.
func TestStandingStill(t *testing.T) {
	t.Parallel()
	now := time.Now()
	standing := Status{Ingest: ingest.Status{Receiving: true, LastHeard: now}, Still: []string{"a lock"}}
	if got := texts(notReady(standing, now), true); len(got) != 1 || !strings.Contains(got[0], "jobs and reactions stand still: a lock") {
		t.Errorf("a worker whose jobs stand still is unready because of %q", got)
	}
	if got := notRecording(standing, now); len(got) > 0 {
		t.Errorf("a worker whose jobs stand still records nothing because of %q", got)
	}
}

// A lock counts once it has lasted, by whom and on what it is.
func TestLocksArePatientlyWaitedFor(t *testing.T) {
	t.Parallel()
	var v vitals
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	mine := privileges.Lock{Table: "reactor_runs", Mode: "AccessExclusiveLock", Process: 1}
	others := privileges.Lock{Table: "reactor_runs", Mode: "AccessExclusiveLock", Process: 2}
	for i, look := range []struct {
		after time.Duration
		locks []privileges.Lock
		want  int
	}{
		{0, []privileges.Lock{mine}, 0},
		{4 * time.Second, []privileges.Lock{mine}, 0},
		{5 * time.Second, []privileges.Lock{mine, others}, 1},
		{9 * time.Second, []privileges.Lock{others}, 0},
		{10 * time.Second, []privileges.Lock{mine, others}, 1},
		{20 * time.Second, nil, 0},
	} {
		if got := v.patience(look.locks, now.Add(look.after)); len(got) != look.want {
			t.Errorf("look %d: got %q, want %d", i, got, look.want)
		}
	}
}

// What nobody knows yet has no value, in the place of 0.
func TestMetricsLeaveOutWhatNobodyKnows(t *testing.T) {
	t.Parallel()
	var keeper keeperStatus
	r := registry{prometheus.NewRegistry()}
	r.addIngest(func() ingest.Status { return ingest.Status{} })
	r.addKeeper(&keeper)
	told := func() (names []string) {
		families, err := r.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetType().String() == "GAUGE" {
				names = append(names, strings.TrimPrefix(f.GetName(), "spacekeeper_"))
			}
		}
		return names
	}
	before := []string{"ingest_held_messages", "ingest_oldest_held_seconds", "ingest_refused_messages"}
	if diff := cmp.Diff(before, told()); diff != "" {
		t.Errorf("before anything happens (-want +got):\n%s", diff)
	}
	keeper.passed(subscriptions.Report{}, nil)
	after := append(before, "keeper_failing_subscriptions", "keeper_last_pass_timestamp_seconds")
	if diff := cmp.Diff(after, told()); diff != "" {
		t.Errorf("after the keeper's first pass (-want +got):\n%s", diff)
	}
}
