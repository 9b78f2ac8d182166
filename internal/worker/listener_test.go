package worker

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/ingest"
)

func readyWorker(t *testing.T) (addr string) {
	t.Helper()
	ready := Status{Ingest: ingest.Status{Receiving: true, Started: time.Now(), LastHeard: time.Now()}}
	h, err := startHealth("127.0.0.1:0", zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	h.tell(func() Status { return ready }, prometheus.NewRegistry())
	t.Cleanup(func() {
		h.close()
		if h.err != nil {
			t.Error(h.err)
		}
	})
	return h.listener.Addr().String()
}

func dial(t *testing.T, addr, say string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, say); err != nil {
		t.Fatal(err)
	}
	return c
}

// hungUp waits until the server ends the connection.
func hungUp(t *testing.T, c net.Conn, limit time.Duration) bool {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	_, err := io.Copy(io.Discard, c)
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

// Clients that say nothing, or little, neither pile up nor keep a probe from
// its answer.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	addr := readyWorker(t)
	const clients = 60
	var slow []net.Conn
	for i := range clients {
		slow = append(slow, dial(t, addr, []string{"", "GET /-/ready HTTP/1.1\r\n", "GET /-/ready HTTP/1.1\r\nHost: a\r\nX: "}[i%3]))
		if i%20 == 19 {
			answer, err := CheckHealth(t.Context(), addr, false)
			if err != nil || !strings.Contains(answer, `"ok":true`) {
				t.Fatalf("with %d slow clients: %q, %v", i+1, answer, err)
			}
		}
	}
	for i, c := range slow {
		limit := clientTimeout / 2 // of those that newer ones have pushed out
		if i >= clients-maxConnections {
			limit = 2 * clientTimeout
		}
		if !hungUp(t, c, limit) {
			t.Fatalf("slow client %d of %d is still connected", i+1, clients)
		}
	}
}

// A request takes one connection, and has small headers.
func TestRequestsAreBounded(t *testing.T) {
	t.Parallel()
	addr := readyWorker(t)
	c := dial(t, addr, "GET /-/ready HTTP/1.1\r\nHost: a\r\n\r\n")
	if !hungUp(t, c, clientTimeout/2) {
		t.Error("the connection outlives its answer")
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+readyPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X", strings.Repeat("x", 64<<10))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("64 KB of headers: got %s", resp.Status)
	}
}
