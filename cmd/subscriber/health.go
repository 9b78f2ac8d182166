package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/spacekeeper/spacekeeper/internal/ingest"
)

// healthServer answers
//
//	/-/healthy   200 while the process is worth keeping
//	/-/ready     200 while it receives and records events, 503 with the reason otherwise
//	/metrics     Prometheus metrics
//
// /livez and /readyz are the same for Kubernetes. (Cloud Run keeps some paths
// that end in z for itself.)
type healthServer struct {
	listener net.Listener
	server   *http.Server
}

func listenHealth(addr string, status func() ingest.Status, metrics *prometheus.Registry) (*healthServer, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for health checks on %s: %w (health.addr in the configuration)", addr, err)
	}
	answer := func(problems func(ingest.Status, time.Time) []string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			found := problems(status(), time.Now())
			w.Header().Set("Content-Type", "application/json")
			if len(found) > 0 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			// A client that hung up gets no answer; there is nobody to tell.
			_ = json.NewEncoder(w).Encode(map[string]any{"ok": len(found) == 0, "problems": found})
		}
	}
	mux := http.NewServeMux()
	for _, path := range []string{"/-/healthy", "/livez"} {
		mux.HandleFunc("GET "+path, answer(unhealthy))
	}
	for _, path := range []string{"/-/ready", "/readyz"} {
		mux.HandleFunc("GET "+path, answer(unready))
	}
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	return &healthServer{l, &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}}, nil
}

func (h *healthServer) serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = h.server.Close() })
	defer stop()
	if err := h.server.Serve(h.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve health checks: %w", err)
	}
	return nil
}

// unready says why no events are being recorded.
func unready(s ingest.Status, now time.Time) (problems []string) {
	if s.ReceiveError != nil {
		problems = append(problems, s.ReceiveError.Error())
	} else if !s.Receiving {
		problems = append(problems, "not receiving")
	}
	if s.Silent(now) {
		problems = append(problems, fmt.Sprintf("Pub/Sub has said nothing since %s", s.LastHeard.UTC().Format(time.RFC3339)))
	}
	if s.DatabaseDown != nil {
		problems = append(problems, fmt.Sprintf("the database does not take events: %v", s.DatabaseDown))
	}
	return problems
}

// hopeless is how long the stream may be dead before a restart is worth
// trying; the worker's own means have failed by then.
const hopeless = 10 * time.Minute

// unhealthy says why the process should be replaced. A database that is away
// is no such reason: a new process could not write to it either.
func unhealthy(s ingest.Status, now time.Time) (problems []string) {
	if s.Silent(now) && now.Sub(s.LastHeard) > hopeless {
		problems = append(problems, fmt.Sprintf("Pub/Sub has said nothing for %s", now.Sub(s.LastHeard).Round(time.Second)))
	}
	return problems
}
