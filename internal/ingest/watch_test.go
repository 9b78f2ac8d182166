package ingest

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
)

// Google's emulator gives no sign of life in a stream: it counts as there
// because it answers when it is asked.
func TestMutePubSubIsNotSilent(t *testing.T) {
	t.Parallel()
	const silentAfter = 4 * time.Second
	f := startWith(t, broker.Options{Mute: true})
	w, stop := f.run(t, newMemory(nil), Options{SilentAfter: silentAfter}, nil)
	eventually(t, time.Minute, "Pub/Sub has answered", func() bool { return !w.Status().LastHeard.IsZero() })
	over := time.After(2 * silentAfter)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for waiting := true; waiting; {
		select {
		case <-over:
			waiting = false
		case <-tick.C:
			if s := w.Status(); s.Silent(time.Now()) {
				t.Fatalf("an idle worker counts as cut off: %+v", s)
			}
		}
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

// A Pub/Sub that can't be reached is known within seconds, with the reason, and
// told once; so is its answer, once it comes.
func TestUnreachablePubSub(t *testing.T) {
	t.Parallel()
	f := start(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.addr = l.Addr().String()
	l.Close()
	core, logs := observer.New(zap.InfoLevel)
	w := New(f.client(t), subName, newMemory(nil), zap.New(core), Options{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	eventually(t, time.Minute, "it is known why Pub/Sub doesn't answer", func() bool {
		down := w.Status().PubSubDown
		return down != nil && strings.Contains(down.Error(), "connection refused") && strings.Contains(down.Error(), "HTTPS_PROXY")
	})
	if s := w.Status(); !s.LastHeard.IsZero() {
		t.Errorf("something was heard: %+v", s)
	}
	newBlackholeAt(t, f.addr, f.Addr())
	f.publish(t, 0, 1, 10)
	eventually(t, time.Minute, "Pub/Sub answers", func() bool {
		s := w.Status()
		return s.PubSubDown == nil && !s.LastHeard.IsZero() && s.Recorded == 1
	})
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for _, message := range []string{"Pub/Sub does not answer; asking again", "Pub/Sub answers again"} {
		if n := logs.FilterMessage(message).Len(); n != 1 {
			t.Errorf("%q was logged %d times, want once", message, n)
		}
	}
}
