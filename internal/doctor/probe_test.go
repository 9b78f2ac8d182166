package doctor

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/googleapis/gax-go/v2"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/spacekeeper/spacekeeper/internal/ingest"
	"github.com/spacekeeper/spacekeeper/internal/provision"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// work runs a worker until the test ends.
func (w *env) work(t *testing.T) {
	t.Helper()
	s := storetest.Open(t, w.cfg.Database.DSN, storetest.Options{})
	client, err := ingest.NewClient(t.Context(), w.Project(), w.PubSubAddr())
	try(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- ingest.New(client, w.cfg.SubscriptionName(), s, zap.NewNop(), ingest.Options{}).Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		try(t, <-done)
		try(t, client.Close())
		s.Store.Close()
	})
}

// probe probes the first space. Its clock goes on by half a second with each
// look, and after some looks the message is given up.
func (w *env) probe(t *testing.T, timeout time.Duration, postManually func(string) error) ProbeReport {
	t.Helper()
	var ahead atomic.Int64
	return Probe(t.Context(), ProbeOptions{
		Config: w.cfg, Space: w.spaces[0], PostManually: postManually, Timeout: timeout,
		Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
		Wait: func(ctx context.Context, d time.Duration) error {
			ahead.Add(int64(d))
			return gax.Sleep(ctx, 10*time.Millisecond)
		},
	})
}

func TestProbe(t *testing.T) {
	t.Parallel()
	w := healthy(t, simulate.Options{}, newDatabase(t))
	w.work(t)
	r := w.probe(t, time.Hour, nil)
	if r.Outcome != OK || r.Lost() != nil || !strings.HasPrefix(r.Message, w.spaces[0]+"/messages/") || r.Seconds < 0 || r.Seconds > 60 || r.ReceivedAt.IsZero() {
		t.Errorf("got %+v", r)
	}
}

// TestProbePostedManually: where the app may not post, a person does.
func TestProbePostedManually(t *testing.T) {
	t.Parallel()
	w := healthy(t, simulate.Options{Auth: simulate.AuthUser}, newDatabase(t))
	w.work(t)
	w.SetChatFaults(func(c simulate.ChatCall) (f simulate.ChatFault) {
		if c.Method == "spaces.messages.create" {
			f.Status = http.StatusForbidden
		}
		return f
	})
	r := w.probe(t, time.Hour, nil)
	if lost := r.Lost(); lost == nil || lost.Name != "the message is posted" || !strings.Contains(lost.Fix[0], "by hand") {
		t.Errorf("got %+v, with nobody there", r)
	}
	r = w.probe(t, time.Hour, func(text string) error {
		if !strings.HasPrefix(text, "Spacekeeper probe ") {
			t.Errorf("asked to post %q", text)
		}
		_, err := w.Post(w.spaces[0], w.Authority(), "hello")
		return err
	})
	if r.Outcome != OK || r.Message == "" {
		t.Errorf("got %+v", r)
	}
}

// TestProbeLost: a message whose event doesn't arrive is followed to where the
// way is broken.
func TestProbeLost(t *testing.T) {
	t.Parallel()
	shared := newDatabase(t)
	for _, tt := range []struct {
		name   string
		inject func(*testing.T, *env)
		lost   string // name of the hop
		seen   string
		fix    string
		posted bool
		own    bool // it changes the database
	}{
		{"no database", func(_ *testing.T, w *env) { w.cfg.Database.DSN = "postgres://worker@127.0.0.1:1/chat" },
			"the database is ready", "127.0.0.1:1", "start Postgres", false, false},
		{"not subscribed", func(t *testing.T, w *env) { try(t, w.ExpireAfter(w.subscription(t, w.spaces[0]), 0)) },
			"a subscription delivers new messages of the space", "there is none for spaces/", "subscribe-setup apply", false, false},
		{"suspended", suspend("APP_SCOPE_REVOKED"),
			"a subscription delivers new messages of the space", "is suspended: APP_SCOPE_REVOKED", "SK702", false, false},
		{"not in the space", func(t *testing.T, w *env) {
			w.SetCondition(simulate.AppNotConfigured, true)
		}, "the message is posted", "isn't configured", "Apps & integrations", false, false},
		{"Chat may not publish", func(t *testing.T, w *env) {
			try(t, w.Broker().Revoke(w.cfg.TopicName(), broker.PublisherRole, provision.Chat))
		}, "Google may publish the event", "SK503", "--role=roles/pubsub.publisher", true, false},
		{"no Pub/Sub subscription", func(t *testing.T, w *env) { w.drop(t, w.cfg.SubscriptionName()) },
			"Pub/Sub keeps it for the worker", "SK507", "gcloud pubsub subscriptions create", true, false},
		{"no worker", func(t *testing.T, w *env) { w.sql(t, "DELETE FROM worker_heartbeats") },
			"a worker takes it", "SK706", "subscriber run", true, true},
		{"quarantined", func(t *testing.T, w *env) {
			w.sql(t, `INSERT INTO quarantine (quarantine_key, received_at, message_id, ordering_key, reason, detail, attributes, data)
				VALUES (gen_random_uuid(), now() + interval '1 minute', '1', '', 'bad_json', '', '{}', '')`)
		}, "the worker can read it", "bad_json", "SELECT", true, true},
		{"late", func(*testing.T, *env) {}, "the event is recorded", "not within 10s", "--timeout", true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := shared
			if tt.own {
				db = newDatabase(t)
			}
			w := healthy(t, simulate.Options{}, db) // and nothing pulls
			tt.inject(t, w)
			r := w.probe(t, 10*time.Second, nil)
			lost := r.Lost()
			if r.Outcome != Failed || lost == nil {
				t.Fatalf("got %+v", r)
			}
			if lost.Name != tt.lost || !strings.Contains(lost.Seen, tt.seen) || !strings.Contains(strings.Join(lost.Fix, "\n"), tt.fix) {
				t.Errorf("lost at %+v, want %q, %q, %q", *lost, tt.lost, tt.seen, tt.fix)
			}
			if posted := r.Message != ""; posted != tt.posted {
				t.Errorf("posted: %v, want %v", posted, tt.posted)
			}
		})
	}
}

// What a hop's checks can't tell isn't right: it says so, and why.
func TestProbeCannotTell(t *testing.T) {
	t.Parallel()
	const publishes, keeps = "Google may publish the event", "Pub/Sub keeps it for the worker"
	db := newDatabase(t)
	for name, tt := range map[string]struct {
		answer func(broker.Call) error
		want   map[string]string // hop → what it says; "" for right
	}{
		"policies may not be read": {nil, map[string]string{publishes: "pubsub.topics.getIamPolicy is missing", keeps: ""}},
		"no policies": {func(c broker.Call) error {
			if c.Method == "GetIamPolicy" {
				return status.Error(codes.Unimplemented, "no such method")
			}
			return nil
		}, map[string]string{publishes: "this Pub/Sub has no policies", keeps: ""}},
		"Pub/Sub away": {func(broker.Call) error { return status.Error(codes.FailedPrecondition, "not now") },
			map[string]string{publishes: "not now", keeps: "not now"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := healthy(t, simulate.Options{}, db)
			if tt.answer == nil {
				w.Broker().Deny("pubsub.topics.getIamPolicy")
			} else {
				w.Broker().OnCall(func(_ context.Context, c broker.Call) error { return tt.answer(c) })
			}
			r := w.probe(t, 10*time.Second, nil)
			seen := map[string]Hop{}
			for _, h := range r.Hops {
				seen[h.Name] = h
			}
			for hop, why := range tt.want {
				h := seen[hop]
				if why == "" && h.Outcome != OK {
					t.Errorf("%s: %+v, want right", hop, h)
				}
				if why != "" && (h.Outcome != Skipped || !strings.HasPrefix(h.Seen, "can't be told: SK5") || !strings.Contains(h.Seen, why)) {
					t.Errorf("%s: %+v, want that it can't be told: %s", hop, h, why)
				}
			}
		})
	}
}

// With a Pub/Sub that has no policies, only what they say can't be told.
func TestNoPolicies(t *testing.T) {
	t.Parallel()
	w := healthy(t, simulate.Options{}, newDatabase(t))
	w.Broker().OnCall(func(_ context.Context, c broker.Call) error {
		if c.Method == "GetIamPolicy" {
			return status.Error(codes.Unimplemented, "no such method")
		}
		return nil
	})
	r := w.examine(t)
	var untold []string
	for _, one := range r.Results {
		if one.Group != groupPubSub && one.Group != groupDeadLetters {
			continue
		}
		switch one.Outcome {
		case Skipped:
			untold = append(untold, one.Code)
			if !strings.Contains(one.Seen, "no policies") {
				t.Errorf("%s: %s", one.Code, one.Seen)
			}
		case OK:
		default:
			t.Errorf("%s is %s: %s", one.Code, one.Outcome, one.Seen)
		}
	}
	if got := strings.Join(untold, " "); got != "SK503 SK504 SK520 SK521" {
		t.Errorf("can't be told: %s", got)
	}
}
