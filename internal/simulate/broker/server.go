package broker

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// Options of a [Server]. The zero value works.
type Options struct {
	// Addr is the TCP address to listen on; default a free port on loopback.
	Addr string
	// StreamAge is how long a StreamingPull stream lives before it is closed
	// with UNAVAILABLE, as Google does; default 30 minutes.
	StreamAge time.Duration
	// Mute leaves the pings of streams unanswered, as Google's emulator does.
	Mute bool
	// Now replaces the wall clock. Deadlines then fall due in Tick only.
	Now func() time.Time
}

// Server is a running Pub/Sub service.
type Server struct {
	grpc      *grpc.Server
	listener  net.Listener
	streamAge time.Duration
	mute      bool
	now       func() time.Time
	driven    bool // the clock is the caller's: no timers
	wg        sync.WaitGroup
	lastID    atomic.Uint64 // of a message
	hook      atomic.Pointer[func(context.Context, Call) error]

	mu            sync.RWMutex // guards what follows; taken before any subscription's lock
	topics        map[string]*topic
	subscriptions map[string]*subscription
	serial        uint64                   // of the last subscription: part of its ack ids
	policies      map[string]*iampb.Policy // by resource; none is an empty one
	etag          uint64                   // of the last policy
	denied        map[string]bool          // permissions that callers lack
}

// Start listens and serves until Close.
func Start(o Options) (*Server, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.StreamAge == 0 {
		o.StreamAge = 30 * time.Minute
	}
	listener, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen for Pub/Sub on %q: %w", o.Addr, err)
	}
	s := &Server{
		listener:      listener,
		streamAge:     o.StreamAge,
		mute:          o.Mute,
		now:           time.Now,
		topics:        map[string]*topic{},
		subscriptions: map[string]*subscription{},
		policies:      map[string]*iampb.Policy{},
		denied:        map[string]bool{},
	}
	if o.Now != nil {
		s.now, s.driven = o.Now, true
	}
	s.OnCall(nil)
	s.lastID.Store(firstMessageID(s.now()))
	s.grpc = grpc.NewServer(
		grpc.ForceServerCodecV2(newCodec()),
		grpc.MaxRecvMsgSize(maxRequestBytes+1<<20), // the limit itself is answered with a clear INVALID_ARGUMENT
		grpc.WaitForHandlers(true),
		grpc.UnaryInterceptor(s.interceptUnary),
		grpc.StreamInterceptor(s.interceptStream),
		grpc.InitialWindowSize(1<<20),
		grpc.InitialConnWindowSize(4<<20),
		grpc.WriteBufferSize(128<<10),
		grpc.ReadBufferSize(128<<10),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
	)
	pubsubpb.RegisterPublisherServer(s.grpc, &publisher{server: s})
	pubsubpb.RegisterSubscriberServer(s.grpc, &subscriber{server: s})
	iampb.RegisterIAMPolicyServer(s.grpc, &policies{server: s})
	s.wg.Go(func() { _ = s.grpc.Serve(listener) }) // its error is that of Close
	return s, nil
}

// Addr is the address that the server listens on: a PUBSUB_EMULATOR_HOST.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// ClientOptions make a Google client talk to this server without credentials.
func (s *Server) ClientOptions() []option.ClientOption {
	return []option.ClientOption{
		option.WithEndpoint(s.Addr()),
		option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
}

// Close breaks all connections and waits for all goroutines. Messages that
// weren't acknowledged are gone.
func (s *Server) Close() {
	s.mu.Lock()
	for _, sub := range s.subscriptions {
		sub.close(errShutdown)
	}
	s.mu.Unlock()
	s.grpc.Stop()
	s.wg.Wait()
}

// Tick does what has fallen due by the clock given in [Options].Now.
func (s *Server) Tick() {
	s.mu.RLock()
	subs := make([]*subscription, 0, len(s.subscriptions))
	for _, sub := range s.subscriptions {
		subs = append(subs, sub)
	}
	s.mu.RUnlock()
	for _, sub := range subs {
		sub.tick()
	}
}

// TopicExists reports whether the topic "projects/P/topics/T" exists.
func (s *Server) TopicExists(name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.topics[name] != nil
}

func (s *Server) subscription(name string) (*subscription, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if sub := s.subscriptions[name]; sub != nil {
		return sub, nil
	}
	return nil, notFound(name)
}
