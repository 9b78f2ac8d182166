package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

const (
	healthyPath = "/-/healthy"
	readyPath   = "/-/ready"
)

// clientTimeout is how long a client may take to ask, and to take the answer.
const clientTimeout = 5 * time.Second

// healthServer answers
//
//	/-/healthy   200 while the process is worth keeping
//	/-/ready     200 while it receives and records events and jobs go on, 503 with the reason otherwise
//	/metrics     Prometheus metrics
//
// /livez and /readyz are the same for Kubernetes. (Cloud Run keeps some paths
// that end in z for itself.) Slow clients, and many, harm nobody but themselves.
//
// It answers from the first moment, since to read thousands of rules takes a
// while. Until tell is called it is starting, and there are no metrics.
type healthServer struct {
	listener net.Listener
	server   *http.Server
	told     atomic.Pointer[told]
	ended    chan struct{}
	err      error // once it has ended
}

// told is what answers are made of.
type told struct {
	status  func() Status
	metrics http.Handler
}

// tell lets it answer with the status and the metrics of a worker.
func (h *healthServer) tell(status func() Status, metrics *prometheus.Registry) {
	h.told.Store(&told{status, promhttp.HandlerFor(metrics, promhttp.HandlerOpts{})})
}

// startHealth answers until close is called.
func startHealth(addr string, log *zap.Logger) (*healthServer, error) {
	h := &healthServer{ended: make(chan struct{})}
	starting := Status{Waiting: errStarting}
	h.told.Store(&told{func() Status { return starting }, http.NotFoundHandler()})
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for health checks on %s: %w (health.addr in the configuration)", addr, err)
	}
	answering := func(wrong func(Status, time.Time) []string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			s := h.told.Load().status()
			found := wrong(s, time.Now())
			w.Header().Set("Content-Type", "application/json")
			if len(found) > 0 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			// A client that hung up gets no answer; there is nobody to tell.
			_ = json.NewEncoder(w).Encode(answer{len(found) == 0, found, warnings(s)})
		}
	}
	mux := http.NewServeMux()
	for _, path := range []string{healthyPath, "/livez"} {
		mux.HandleFunc("GET "+path, answering(unhealthy))
	}
	for _, path := range []string{readyPath, "/readyz"} {
		mux.HandleFunc("GET "+path, answering(notReady))
	}
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) { h.told.Load().metrics.ServeHTTP(w, r) })
	errorLog, err := zap.NewStdLogAt(log, zap.WarnLevel)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make the log of health checks: %w", err), l.Close())
	}
	h.server = &http.Server{
		Handler: mux, ReadTimeout: clientTimeout, WriteTimeout: clientTimeout, MaxHeaderBytes: 8 << 10, ErrorLog: errorLog,
	}
	h.server.SetKeepAlivesEnabled(false) // nobody asks twice within seconds
	h.listener = &cappedListener{Listener: l}
	go func() {
		defer close(h.ended)
		if err := h.server.Serve(h.listener); !errors.Is(err, http.ErrServerClosed) {
			h.err = fmt.Errorf("serve health checks: %w", err)
		}
	}()
	return h, nil
}

// close ends it and waits for its end.
func (h *healthServer) close() {
	_ = h.server.Close()
	<-h.ended
}

// wait waits until ctx ends, or returns the error that ends it before.
func (h *healthServer) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-h.ended:
		return h.err
	}
}

type answer struct {
	OK       bool     `json:"ok"`
	Reasons  []string `json:"problems"`
	Warnings []string `json:"warnings,omitempty"` // of what works all the same
}

func warnings(status Status) (all []string) {
	if status.DatabaseAhead.Abs() > clockSlack {
		all = append(all, clocksDiffer(status.DatabaseAhead))
	}
	return all
}

// notReady says why not everything is being done.
func notReady(status Status, now time.Time) []string {
	reasons := notRecording(status, now)
	for _, why := range status.Still {
		reasons = append(reasons, "jobs and reactions stand still: "+why)
	}
	return reasons
}

// notRecording says why not all events are being recorded.
func notRecording(status Status, now time.Time) []string {
	reasons := unready(status, now)
	if s := status.Ingest; s.Refused > 0 {
		reasons = append(reasons, fmt.Sprintf("the database refuses %d messages, which are held and tried again; the others are recorded: %v",
			s.Refused, s.RefusedWhy))
	}
	return reasons
}

// unready says why no events are being recorded.
func unready(status Status, now time.Time) (reasons []string) {
	if status.Waiting != nil {
		return []string{status.Waiting.Error()}
	}
	s := status.Ingest
	if s.ReceiveError != nil {
		reasons = append(reasons, s.ReceiveError.Error())
	} else if !s.Receiving {
		reasons = append(reasons, "not receiving")
	}
	switch {
	case s.PubSubDown != nil:
		reasons = append(reasons, fmt.Sprintf("Pub/Sub does not answer: %v", s.PubSubDown))
	case s.LastHeard.IsZero():
		reasons = append(reasons, "Pub/Sub has not answered yet")
	case s.Silent(now):
		reasons = append(reasons, fmt.Sprintf("Pub/Sub has said nothing since %s", s.LastHeard.UTC().Format(time.RFC3339)))
	}
	switch {
	case s.DatabaseDown != nil:
		reasons = append(reasons, fmt.Sprintf("the database does not take events: %v", s.DatabaseDown))
	case status.DatabaseUnanswered != nil:
		reasons = append(reasons, fmt.Sprintf("the database does not answer: %v", store.ExplainConnecting(status.DatabaseUnanswered)))
	}
	return reasons
}

// maxSilence is how long Pub/Sub may say nothing before a restart is worth
// trying; the worker's own reconnects have failed by then.
const maxSilence = 10 * time.Minute

// unhealthy says why the process should be replaced. A database that is away
// is no reason: a new process could not write to it either.
func unhealthy(status Status, now time.Time) (reasons []string) {
	s := status.Ingest
	if silence := s.Silence(now); s.Receiving && silence > maxSilence {
		reasons = append(reasons, fmt.Sprintf("Pub/Sub has said nothing for %s", silence.Round(time.Second)))
	}
	return reasons
}

// CheckHealth asks the worker at addr whether it is ready or, with live,
// whether its process is worth keeping, and returns what it answers. A no is an
// error with the reason.
func CheckHealth(ctx context.Context, addr string, live bool) (answer string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	at := "http://" + addr + readyPath
	if live {
		at = "http://" + addr + healthyPath
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return "", fmt.Errorf("check health at %s: %w", at, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		var long *url.Error
		if errors.As(err, &long) {
			err = long.Err
		}
		return "", fmt.Errorf("ask the worker at %s: %w: is the worker running? health.addr says where it answers", addr, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return "", fmt.Errorf("check health at %s: %w", at, err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("check health at %s: %s: %s", at, resp.Status, strings.TrimSpace(string(body)))
	}
	return string(body), nil
}
