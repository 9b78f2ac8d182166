package ingest

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	grpcbackoff "google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// Client is a Pub/Sub client that notices when the service falls silent.
type Client struct {
	*pubsub.Client
	heard  *atomic.Int64
	broken chan struct{}
}

// pings are how a dead connection is noticed. The library reopens a silent stream
// after 45 s, but on the same connection, and its own 5 minutes are too long.
var pings = keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 15 * time.Second}

// NewClient connects to Pub/Sub with the options of credentials.ClientOptions,
// or without any to the emulator at "host:port" if one is named.
func NewClient(ctx context.Context, project, emulator string, credentials ...option.ClientOption) (*Client, error) {
	return newClient(ctx, project, emulator, pings, credentials...)
}

func newClient(
	ctx context.Context, project, emulator string, pings keepalive.ClientParameters, credentials ...option.ClientOption,
) (*Client, error) {
	heard, broken := new(atomic.Int64), make(chan struct{}, 1)
	opts := []option.ClientOption{
		option.WithGRPCDialOption(grpc.WithKeepaliveParams(pings)),
		// Connect soon once the network is back, not after gRPC's two minutes.
		option.WithGRPCDialOption(grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           grpcbackoff.Config{BaseDelay: time.Second, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 10 * time.Second},
			MinConnectTimeout: 10 * time.Second,
		})),
		option.WithGRPCDialOption(grpc.WithChainStreamInterceptor(listen(heard, broken))),
	}
	if emulator == "" {
		opts = append(opts, credentials...)
	} else {
		opts = append(opts,
			option.WithEndpoint(emulator),
			option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	}
	c, err := pubsub.NewClient(ctx, project, opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to Pub/Sub project %q: %w", project, err)
	}
	return &Client{Client: c, heard: heard, broken: broken}, nil
}

// listen notes when a stream last received anything: the library doesn't show
// heartbeats otherwise.
//
// It also makes a new stream wait for its connection. Without one a stream would
// fail, and the library's pauses before the next grow to a minute.
func listen(heard *atomic.Int64, broken chan<- struct{}) grpc.StreamClientInterceptor {
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, next grpc.Streamer,
		opts ...grpc.CallOption,
	) (grpc.ClientStream, error) {
		s, err := next(ctx, desc, cc, method, append(opts, grpc.WaitForReady(true))...)
		if err != nil {
			return nil, err
		}
		return &listener{s, heard, broken}, nil
	}
}

type listener struct {
	grpc.ClientStream
	heard  *atomic.Int64
	broken chan<- struct{}
}

func (l *listener) RecvMsg(m any) error {
	err := l.ClientStream.RecvMsg(m)
	if err == nil {
		l.heard.Store(time.Now().UnixNano())
		return nil
	}
	select {
	case l.broken <- struct{}{}:
	default:
	}
	return err
}
