package simulate

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
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
	defer in.Body.Close()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	answer := httptest.NewRecorder()
	if serve(handler, answer, in) {
		return nil, io.ErrUnexpectedEOF
	}
	if err := r.Context().Err(); err != nil { // gone while it waited
		return nil, err
	}
	reply = answer.Result()
	reply.Request = r
	return reply, nil
}

// serve reports whether the handler cut the connection.
func serve(handler http.Handler, w http.ResponseWriter, r *http.Request) (dropped bool) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			dropped = true
		default:
			panic(v)
		}
	}()
	handler.ServeHTTP(w, r)
	return false
}
