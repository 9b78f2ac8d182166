package simulate

import (
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
	broker     *broker.Server // nil if the caller brought a Publisher
	http       []*http.Server
	serving    sync.WaitGroup
	stop       context.CancelFunc
	requests   context.Context // ends with Close; every request's context is below it
	chatURL    string
	eventsURL  string
	usageURL   string
	managerURL string
	chat       http.Handler
	events     http.Handler
	usage      http.Handler
	manager    http.Handler
}

func (s *servers) start(ctx context.Context, w *Workspace) error {
	s.requests, s.stop = context.WithCancel(context.Background())
	if w.opts.Publisher == nil && w.opts.NoListen {
		return errors.New("a Workspace that doesn't listen needs a Publisher")
	}
	if w.opts.Publisher == nil {
		b, err := broker.Start(broker.Options{Addr: w.opts.Addrs.PubSub})
		if err != nil {
			return err
		}
		s.broker = b
		w.emitter.publisher = b.As(ChatPublisher)
	} else {
		w.emitter.publisher = w.opts.Publisher
	}
	s.chat, s.events = w.dated(w.chat.handler()), w.dated(w.events.handler())
	s.usage, s.manager = w.dated(usageAPI{w}.handler()), w.dated(managerAPI{w}.handler())
	if w.opts.NoListen {
		s.chatURL, s.eventsURL, s.usageURL, s.managerURL = chatUnserved, eventsUnserved, usageUnserved, managerUnserved
		return nil
	}
	var err error
	if s.chatURL, err = s.serve(ctx, "the Chat API", w.opts.Addrs.Chat, s.chat); err != nil {
		return err
	}
	if s.eventsURL, err = s.serve(ctx, "the Workspace Events API", w.opts.Addrs.WorkspaceEvents, s.events); err != nil {
		return err
	}
	if s.usageURL, err = s.serve(ctx, "the Service Usage API", "", s.usage); err != nil {
		return err
	}
	s.managerURL, err = s.serve(ctx, "the Resource Manager API", "", s.manager)
	return err
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
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", addr)
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
