package simulate

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
)

// inProcessURL is the address of an API that listens nowhere. It is on loopback, so
// that nobody sends credentials.
const inProcessURL = "http://127.0.0.1:%d/"

// InProcess serves the REST APIs without sockets, for tests that make very
// many calls or whose clock is made up (testing/synctest). The calls go to
// [Workspace.ChatEndpoint], [Workspace.WorkspaceEventsEndpoint],
// [Workspace.ServiceUsageEndpoint] and [Workspace.ResourceManagerEndpoint] as
// ever.
func (w *Workspace) InProcess() http.RoundTripper { return inProcess{w} }

type inProcess struct{ w *Workspace }

// RoundTrip runs the handler in the caller's goroutine.
func (t inProcess) RoundTrip(r *http.Request) (reply *http.Response, err error) {
	var handler http.Handler
	s := &t.w.servers
	for _, api := range []restAPI{s.chat, s.events, s.usage, s.manager} {
		if api.url == "http://"+r.URL.Host+"/" {
			handler = api.handler
		}
	}
	if handler == nil {
		return nil, fmt.Errorf("the simulated Workspace has no host %q", r.URL.Host)
	}
	in := r.WithContext(r.Context()) // a copy, as the mux writes to it
	if in.Body == nil {
		in.Body = http.NoBody
	}
	defer func() { err = closeBody(in, err) }()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	answer := &bufferedReply{header: http.Header{}, code: http.StatusOK}
	if dropped := answer.serve(handler, in); dropped {
		return nil, io.ErrUnexpectedEOF
	}
	if err := r.Context().Err(); err != nil { // gone while it waited
		return nil, err
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", answer.code, http.StatusText(answer.code)), StatusCode: answer.code,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: answer.header, Body: io.NopCloser(&answer.body), ContentLength: int64(answer.body.Len()),
		Request: r,
	}, nil
}

func closeBody(r *http.Request, err error) error {
	if closeErr := r.Body.Close(); err == nil && closeErr != nil {
		return fmt.Errorf("close the request's body: %w", closeErr)
	}
	return err
}

type bufferedReply struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (b *bufferedReply) Header() http.Header         { return b.header }
func (b *bufferedReply) WriteHeader(code int)        { b.code = code }
func (b *bufferedReply) Write(p []byte) (int, error) { return b.body.Write(p) }

// serve reports whether the handler cut the connection.
func (b *bufferedReply) serve(handler http.Handler, r *http.Request) (dropped bool) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			dropped = true
		default:
			panic(v)
		}
	}()
	handler.ServeHTTP(b, r)
	return false
}
