package credentials

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"cloud.google.com/go/auth"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

const (
	// tokenTimeout bounds a request of a token, tokensTimeout all that one token
	// takes: with impersonation there are two.
	tokenTimeout  = 10 * time.Second
	tokensTimeout = 20 * time.Second

	// openEvery is how often credentials are opened anew, however often Google
	// refuses them.
	openEvery = 10 * time.Second
)

// tokens gives access tokens and keeps them. When Google refuses one, or gives
// none, the credentials are opened anew: their file may be another by now.
type tokens struct {
	auth config.Auth
	open func() (*auth.Credentials, error)
	lock chan struct{} // held while a token is got: others wait, as long as their context lets them

	mu      sync.Mutex
	creds   *auth.Credentials // nil after drop
	dropped time.Time
}

// Token implements [auth.TokenProvider]. Every failure is an [*Error] or of the
// context.
func (t *tokens) Token(ctx context.Context) (*auth.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, tokensTimeout)
	defer cancel()
	select {
	case t.lock <- struct{}{}:
		defer func() { <-t.lock }()
	case <-ctx.Done():
		return nil, asError(t.auth, ctx.Err())
	}
	creds, err := t.current()
	if err != nil {
		return nil, asError(t.auth, err)
	}
	token, err := creds.Token(ctx)
	if err == nil {
		return token, nil
	}
	err = asError(t.auth, err)
	var known *Error
	if errors.As(err, &known) && !known.Temporary() {
		t.drop()
	}
	return nil, err
}

func (t *tokens) current() (*auth.Credentials, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.creds == nil {
		creds, err := t.open()
		if err != nil {
			return nil, err
		}
		t.creds = creds
	}
	return t.creds, nil
}

// drop lets the next call open the credentials anew.
func (t *tokens) drop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.dropped) >= openEvery {
		t.creds, t.dropped = nil, time.Now()
	}
}

func (t *tokens) quotaProject(ctx context.Context) (string, error) {
	creds, err := t.current()
	if err != nil {
		return "", err
	}
	return creds.QuotaProjectID(ctx)
}

// carrier carries calls with a token. If Google refuses the token, which may
// have been revoked before its time, the call is made once more with another.
type carrier struct {
	tokens *tokens
	next   http.RoundTripper
}

func (c carrier) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.once(req, req.Body)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	discard(resp)
	c.tokens.drop()
	var body io.ReadCloser
	if req.Body != nil {
		if req.GetBody == nil {
			return nil, unaccepted(c.tokens.auth)
		}
		if body, err = req.GetBody(); err != nil {
			return nil, err
		}
	}
	resp, err = c.once(req, body)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		discard(resp)
		return nil, unaccepted(c.tokens.auth)
	}
	return resp, err
}

func (c carrier) once(req *http.Request, body io.ReadCloser) (*http.Response, error) {
	token, err := c.tokens.Token(req.Context())
	if err != nil {
		if body != nil {
			_ = body.Close() // it was never read
		}
		return nil, err
	}
	req = req.Clone(req.Context())
	req.Body = body
	req.Header.Set("Authorization", "Bearer "+token.Value)
	introduce(req)
	if project, err := c.tokens.quotaProject(req.Context()); err == nil && project != "" {
		req.Header.Set("X-Goog-User-Project", project)
	}
	return c.next.RoundTrip(req)
}

// discard lets the connection be used again.
func discard(resp *http.Response) {
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // what is left of it ends with Close
	_ = resp.Body.Close()
}

// unary calls Pub/Sub once more when it refuses the token.
func (t *tokens) unary(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker,
	opts ...grpc.CallOption,
) error {
	err := invoke(ctx, method, req, reply, conn, opts...)
	if !refused(err) {
		return err
	}
	t.drop()
	if err = invoke(ctx, method, req, reply, conn, opts...); refused(err) {
		return unaccepted(t.auth)
	}
	return err
}

// stream leaves it to the caller to open another stream, with another token.
func (t *tokens) stream(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, next grpc.Streamer,
	opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	s, err := next(ctx, desc, conn, method, opts...)
	if err != nil {
		return nil, t.explained(err)
	}
	return &watched{s, t}, nil
}

type watched struct {
	grpc.ClientStream
	tokens *tokens
}

func (w *watched) RecvMsg(m any) error { return w.tokens.explained(w.ClientStream.RecvMsg(m)) }

func (t *tokens) explained(err error) error {
	if !refused(err) {
		return err
	}
	t.drop()
	return unaccepted(t.auth)
}

// refused reports whether Pub/Sub didn't accept the token. If there was none,
// the error says already why.
func refused(err error) bool {
	return status.Code(err) == codes.Unauthenticated && !errors.As(err, new(*Error))
}

// GRPCStatus makes the libraries of Pub/Sub hand the error on as it is.
func (e *Error) GRPCStatus() *status.Status { return status.New(codes.Unauthenticated, e.Error()) }

// introduce adds our name to that of the library.
func introduce(req *http.Request) {
	name := userAgent()
	if library := req.Header.Get("User-Agent"); library != "" {
		name += " " + library
	}
	req.Header.Set("User-Agent", name)
}

// userAgent is what Google's logs know us by.
func userAgent() string {
	version := "devel"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		version = info.Main.Version
	}
	return "spacekeeper/" + version
}
