package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
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
// that end in z for itself.) Whoever asks from another machine is told what is
// wrong, and not why. Slow clients, and many, harm nobody but themselves.
//
// It answers from the first moment, since to read thousands of rules takes a
// while. Until tell is called it is starting, and there are no metrics.
type healthServer struct {
	listener net.Listener
	server   *http.Server
	source   atomic.Pointer[source]
	ended    chan struct{}
	err      error // once it has ended
}

// source is what answers are made of.
type source struct {
	status  func() Status
	metrics http.Handler
}

// tell lets it answer with the status and the metrics of a worker.
func (h *healthServer) tell(status func() Status, metrics *prometheus.Registry) {
	h.source.Store(&source{status, promhttp.HandlerFor(metrics, promhttp.HandlerOpts{})})
}

// startHealth answers until close is called.
func startHealth(addr string, log *zap.Logger) (*healthServer, error) {
	h := &healthServer{ended: make(chan struct{})}
	starting := Status{Waiting: errStarting}
	h.source.Store(&source{func() Status { return starting }, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, errStarting.Error()+": there are no metrics yet", http.StatusServiceUnavailable)
	})})
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for health checks on %s: %w (health.addr in the configuration)", addr, err)
	}
	answering := func(wrong func(Status, time.Time) []finding) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			s := h.source.Load().status()
			found := wrong(s, time.Now())
			w.Header().Set("Content-Type", "application/json")
			if len(found) > 0 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			// A client that hung up gets no answer; there is nobody to tell.
			_ = json.NewEncoder(w).Encode(answer{len(found) == 0, texts(found, isLocal(r)), warnings(s)})
		}
	}
	mux := http.NewServeMux()
	for _, path := range []string{healthyPath, "/livez"} {
		mux.HandleFunc("GET "+path, answering(unhealthy))
	}
	for _, path := range []string{readyPath, "/readyz"} {
		mux.HandleFunc("GET "+path, answering(notReady))
	}
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) { h.source.Load().metrics.ServeHTTP(w, r) })
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

// finding is something that is wrong.
type finding struct {
	what string // for everybody
	why  string // for who is on this machine: it may hold hosts, users and addresses
}

// texts are what somebody is told of problems.
func texts(found []finding, all bool) (list []string) {
	for _, p := range found {
		if all && p.why != "" {
			p.what += ": " + p.why
		}
		list = append(list, p.what)
	}
	return list
}

// isLocal reports whether a request comes from this machine: from loopback, or from
// the address that it came to. A proxy on this machine asks for somebody else.
func isLocal(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "Via", "X-Forwarded-For", "X-Real-Ip"} {
		if r.Header.Get(name) != "" {
			return false
		}
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	to, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	addr := from.Addr().Unmap()
	return addr.IsLoopback() || to != nil && to.AddrPort().Addr().Unmap() == addr
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
func notReady(status Status, now time.Time) []finding {
	found := notRecording(status, now)
	for _, why := range status.Still {
		found = append(found, finding{"jobs and reactions stand still", why})
	}
	return found
}

// notRecording says why not all events are being recorded.
func notRecording(status Status, now time.Time) []finding {
	found := unready(status, now)
	if s := status.Ingest; s.Refused > 0 {
		what := fmt.Sprintf("the database refuses %d messages, which are held and tried again; the others are recorded", s.Refused)
		found = append(found, finding{what, fmt.Sprint(s.RefusedWhy)})
	}
	return found
}

// unready says why no events are being recorded.
func unready(status Status, now time.Time) (found []finding) {
	add := func(what string, why error) {
		p := finding{what: what}
		if why != nil {
			p.why = why.Error()
		}
		found = append(found, p)
	}
	switch {
	case errors.Is(status.Waiting, errStarting):
		add("starting", nil)
		return found
	case status.Waiting != nil:
		add("waiting for the database", status.Waiting)
		return found
	}
	s := status.Ingest
	if !s.Receiving {
		add("not receiving", s.ReceiveError)
	}
	switch {
	case s.PubSubDown != nil:
		add("Pub/Sub does not answer", s.PubSubDown)
	case s.LastHeard.IsZero():
		add("Pub/Sub has not answered yet", nil)
	case s.Silent(now):
		add("Pub/Sub has said nothing since "+s.LastHeard.UTC().Format(time.RFC3339), nil)
	}
	switch {
	case s.DatabaseDown != nil:
		add("the database does not take events", s.DatabaseDown)
	case status.DatabaseUnanswered != nil:
		add("the database does not answer", store.ExplainConnecting(status.DatabaseUnanswered))
	}
	return found
}

// maxSilence is how long Pub/Sub may say nothing before a restart is worth
// trying; the worker's own reconnects have failed by then.
const maxSilence = 10 * time.Minute

// unhealthy says why the process should be replaced. A database that is away
// is no reason: a new process could not write to it either.
func unhealthy(status Status, now time.Time) []finding {
	s := status.Ingest
	if silence := s.Silence(now); s.Receiving && silence > maxSilence {
		return []finding{{what: fmt.Sprintf("Pub/Sub has said nothing for %s", silence.Round(time.Second))}}
	}
	return nil
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
