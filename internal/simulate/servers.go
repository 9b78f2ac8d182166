package simulate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
)

// servers are the listeners of a Workspace.
type servers struct {
	broker   *broker.Server // nil if the caller brought a Publisher
	http     []*http.Server
	serving  sync.WaitGroup
	stop     context.CancelFunc
	requests context.Context // ends with Close; every request's context is below it

	chat, events, usage, manager restAPI
}

// restAPI is one of Google's REST APIs.
type restAPI struct {
	url     string
	handler http.Handler
}

func (s *servers) start(ctx context.Context, w *Workspace) error {
	s.requests, s.stop = context.WithCancel(context.Background())
	switch {
	case w.opts.Publisher != nil:
		w.emitter.publisher = w.opts.Publisher
	case w.opts.NoListen:
		return errors.New("a Workspace that doesn't listen needs a Publisher")
	default:
		b, err := broker.Start(broker.Options{Addr: w.opts.Addrs.PubSub})
		if err != nil {
			return err
		}
		s.broker = b
		w.emitter.publisher = b.As(ChatPublisher)
	}
	for n, api := range []struct {
		*restAPI
		name, addr string
		handler    http.Handler
	}{
		{&s.chat, "the Chat API", w.opts.Addrs.Chat, w.chat.handler()},
		{&s.events, "the Workspace Events API", w.opts.Addrs.WorkspaceEvents, w.events.handler()},
		{&s.usage, "the Service Usage API", "", oneMethod("GET /v1/projects/{project}/services:batchGet", usageAPI{w}.batchGet)},
		{&s.manager, "the Resource Manager API", "", oneMethod("GET /v1/projects/{project}", managerAPI{w}.get)},
	} {
		api.restAPI.handler = w.dated(api.handler)
		if w.opts.NoListen {
			api.url = fmt.Sprintf(inProcessURL, n+1)
			continue
		}
		url, err := s.serve(ctx, api.name, api.addr, api.restAPI.handler)
		if err != nil {
			return err
		}
		api.url = url
	}
	return nil
}

// oneMethod serves an API of which the Workspace has a single method.
func oneMethod(route string, answer func(*http.Request) (any, *apiError)) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(route, handle(answer))
	mux.HandleFunc("/", handle(unknownMethod))
	return mux
}

// dated answers with the Workspace's time, as Google does with its own.
func (w *Workspace) dated(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Date", w.state.now().UTC().Format(http.TimeFormat))
		handler.ServeHTTP(rw, r)
	})
}

// serve listens and answers with the base URL.
func (s *servers) serve(ctx context.Context, what, addr string, handler http.Handler) (string, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", cmp.Or(addr, "127.0.0.1:0"))
	if err != nil {
		return "", fmt.Errorf("listen for %s on %q: %w", what, addr, err)
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return s.requests },
		ErrorLog:          log.New(io.Discard, "", 0), // about clients that hang up
	}
	s.http = append(s.http, server)
	s.serving.Go(func() { _ = server.Serve(listener) }) // ends with Close
	return "http://" + listener.Addr().String() + "/", nil
}

// close lets running requests end, breaks all connections and waits for the
// listeners.
func (s *servers) close() error {
	s.stop() // a request that waits out a fault's latency
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var errs []error
	for _, server := range s.http {
		if err := server.Shutdown(ctx); err != nil {
			errs = append(errs, server.Close())
		}
	}
	s.serving.Wait()
	if s.broker != nil {
		s.broker.Close()
	}
	return errors.Join(errs...)
}

// PubSubAddr is where Pub/Sub listens, for PUBSUB_EMULATOR_HOST; "" if the
// caller brought a Publisher.
func (w *Workspace) PubSubAddr() string {
	if w.servers.broker == nil {
		return ""
	}
	return w.servers.broker.Addr()
}

// Broker is the Pub/Sub server, for its faults and statistics; nil if the
// caller brought a Publisher.
func (w *Workspace) Broker() *broker.Server { return w.servers.broker }
