package simulate

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	"google.golang.org/api/workspaceevents/v1"
)

// unserved is a world without sockets.
func unserved(t testing.TB, opts Options) *world {
	t.Helper()
	v := &world{clock: &clock{t: start}, pubsub: newRecorder()}
	opts.Now, opts.Publisher, opts.NoListen = v.clock.Now, v.pubsub, true
	v.start(t, opts)
	return v
}

func (v *world) start(t testing.TB, opts Options) {
	t.Helper()
	w, err := Start(t.Context(), opts)
	check(t, err)
	v.Workspace = w
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	client := &http.Client{Transport: w.InProcess()}
	v.events, err = workspaceevents.NewService(t.Context(), option.WithEndpoint(w.WorkspaceEventsEndpoint()), option.WithHTTPClient(client))
	check(t, err)
	v.settleIn()
}

func TestInProcess(t *testing.T) {
	t.Parallel()
	v := unserved(t, Options{})
	made := v.subscribe(t)
	got, err := v.get(made.Name)
	check(t, err)
	if got.Name != made.Name || got.Header.Get("Date") != start.Format(http.TimeFormat) {
		t.Errorf("got %s at %s", got.Name, got.Header.Get("Date"))
	}
	_, err = v.get("subscriptions/none")
	wantError(t, err, http.StatusNotFound, "NOT_FOUND")

	v.SetEventsFaults(func(EventsCall) EventsFault { return EventsFault{DropReply: true} })
	_, err = v.get(made.Name)
	var answer *googleapi.Error
	if err == nil || errors.As(err, &answer) {
		t.Errorf("got %v, want a cut connection", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	v.SetEventsFaults(func(EventsCall) EventsFault { cancel(); return EventsFault{Latency: time.Hour} })
	if _, err := v.events.Subscriptions.Get(made.Name).Context(ctx).Do(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the call cancelled", err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://example.com/v1/subscriptions", nil)
	check(t, err)
	reply, err := v.InProcess().RoundTrip(request)
	if err == nil {
		check(t, reply.Body.Close())
		t.Fatal("another host answered")
	}
	if !strings.Contains(err.Error(), "example.com") {
		t.Errorf("another host: got %v", err)
	}
}

// On the wall clock the Workspace wakes by itself; in a bubble of synctest the
// wall clock is made up.
func TestAlarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &world{pubsub: newRecorder()}
		v.start(t, Options{Publisher: v.pubsub, NoListen: true})
		v.subscribe(t)
		time.Sleep(3*time.Hour + time.Second)
		if n := len(v.pubsub.takeLifecycle()); n != 1 {
			t.Errorf("got %d lifecycle events after three hours, want the reminder", n)
		}
		time.Sleep(time.Hour)
		if n := len(v.pubsub.takeLifecycle()); n != 1 {
			t.Errorf("got %d lifecycle events after the fourth, want the end", n)
		}
		v.subscribe(t) // its alarm is still set when the Workspace is closed
	})
}

func BenchmarkInProcess(b *testing.B) {
	v := unserved(b, Options{Spaces: 1000, Users: 1, Quotas: Quotas{-1, -1, -1, -1}})
	var names []string
	for _, s := range v.Spaces() {
		in := v.wanted()
		in.TargetResource = spaceTarget(s.Name)
		op, err := v.events.Subscriptions.Create(in).Do()
		check(b, err)
		names = append(names, subscriptionIn(b, op).Name)
	}
	b.Run("renew", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			v.clock.Advance(time.Second)
			_, err := v.events.Subscriptions.Patch(names[i%len(names)], &workspaceevents.Subscription{Ttl: "0s"}).UpdateMask("ttl").Do()
			check(b, err)
		}
	})
	for _, s := range v.Spaces() {
		in := v.wanted()
		in.TargetResource = spaceTarget(s.Name)
		_, err := v.events.Subscriptions.Create(in).Do()
		if err != nil {
			wantError(b, err, http.StatusConflict, "")
		}
	}
	b.Run("list1000", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			n := 0
			check(b, v.events.Subscriptions.List().Filter(`event_types:"`+chatEventTypes[0]+`"`).PageSize(100).Pages(b.Context(), func(page *workspaceevents.ListSubscriptionsResponse) error {
				n += len(page.Subscriptions)
				return nil
			}))
			if n < 900 {
				b.Fatalf("got %d subscriptions", n)
			}
		}
	})
}
