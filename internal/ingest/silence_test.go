package ingest

import (
	"flag"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/keepalive"
)

var full = flag.Bool("chaos.full", false, "run the failure tests at full size")

// Row P8: a network that swallows everything is noticed, and the stream comes
// back by itself once the network does. The intervals are the shortest that gRPC
// and Pub/Sub allow; at full size they are those of production.
func TestSilentStreamIsNoticedAndRecovers(t *testing.T) {
	t.Parallel()
	f := start(t)
	net := newBlackhole(t, f.addr)
	f.addr = net.addr()
	lease := leaseTime
	if !*full {
		f.pings, lease = keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 2 * time.Second}, 10*time.Second
	}
	w, stop := f.run(t, newMemory(nil), Options{SilentAfter: 10 * time.Second}, func(w *Worker) {
		w.sub.ReceiveSettings.MaxDurationPerAckExtension = lease
	})
	f.publish(t, 0, 10, 10)
	if err := f.WaitIdle(t.Context(), subName); err != nil {
		t.Fatal(err)
	}

	net.swallow(true)
	f.publish(t, 10, 10, 10)
	eventually(t, time.Minute, "the status says that the stream is silent", func() bool { return w.Status().Silent(time.Now()) })
	if *full {
		<-time.After(10 * time.Minute)
	}
	net.swallow(false)
	f.publish(t, 20, 10, 10)
	eventually(t, 2*time.Minute, "messages flow again", func() bool { return w.Status().Recorded >= 20 })
	// What was sent into the void is leased for a while, and again if
	// it went down a stream that the library opened and dropped.
	eventually(t, 150*time.Second, "what was lost on the way has come again", func() bool { return w.Status().Recorded == 30 })
	if s := w.Status(); s.Silent(time.Now()) {
		t.Errorf("status after recovery = %+v, want not silent", s)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

// blackhole is a TCP proxy that can swallow what passes through it without
// closing anything, as a broken route does.
type blackhole struct {
	listener net.Listener
	target   string
	wg       sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
	lost  bool
}

func newBlackhole(t *testing.T, target string) *blackhole {
	t.Helper()
	return newBlackholeAt(t, "127.0.0.1:0", target)
}

func newBlackholeAt(t *testing.T, addr, target string) *blackhole {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	b := &blackhole{listener: l, target: target}
	b.wg.Go(b.accept)
	t.Cleanup(func() {
		b.close()
		b.wg.Wait()
	})
	return b
}

// close cuts all connections, and refuses more.
func (b *blackhole) close() {
	_ = b.listener.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.conns {
		_ = c.Close()
	}
}

func (b *blackhole) addr() string { return b.listener.Addr().String() }

func (b *blackhole) swallow(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lost = on
}

func (b *blackhole) swallowing() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lost
}

func (b *blackhole) accept() {
	for {
		in, err := b.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", b.target)
		if err != nil {
			_ = in.Close()
			continue
		}
		b.mu.Lock()
		b.conns = append(b.conns, in, out)
		b.mu.Unlock()
		b.wg.Go(func() { b.pass(in, out) })
		b.wg.Go(func() { b.pass(out, in) })
	}
}

func (b *blackhole) pass(from, to net.Conn) {
	defer to.Close()
	buf := make([]byte, 32<<10)
	swallowed := false
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		// A connection that has lost bytes is broken for good.
		swallowed = swallowed || b.swallowing()
		if swallowed {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}
