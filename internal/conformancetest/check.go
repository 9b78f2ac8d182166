package conformancetest

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
)

// Check passes requests on to next, and fails the test for each that Google's
// documents don't allow.
func Check(t testing.TB, next http.RoundTripper) http.RoundTripper {
	t.Helper()
	return check(t, next, false)
}

func check(t testing.TB, next http.RoundTripper, answers bool) *checker {
	t.Helper()
	known, err := methods()
	if err != nil {
		t.Fatal(err)
	}
	return &checker{t: t, next: next, known: known, answers: answers}
}

type checker struct {
	t       testing.TB
	next    http.RoundTripper
	known   []*method
	answers bool // are checked, too
}

func (c *checker) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := readAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("read the request's body: %w", err)
	}
	called, complaints := inspect(c.known, r, body)
	c.complain(r, complaints)
	if body != nil {
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	reply, err := c.next.RoundTrip(r)
	if called == nil {
		return reply, err
	}
	seen.Store(called.ID, nil)
	if err != nil || !c.answers || reply.StatusCode != http.StatusOK {
		return reply, err
	}
	answer, err := readAll(reply.Body)
	if err != nil { // it was cut off
		return nil, err
	}
	c.complain(r, inspectAnswer(called, answer))
	reply.Body = io.NopCloser(bytes.NewReader(answer))
	return reply, nil
}

func (c *checker) complain(r *http.Request, complaints []string) {
	for _, complaint := range complaints {
		c.t.Errorf("%s %s: %s", r.Method, r.URL.Path, complaint)
	}
}

// CloseIdleConnections is what http.Client calls of that name.
func (c *checker) CloseIdleConnections() {
	if next, ok := c.next.(interface{ CloseIdleConnections() }); ok {
		next.CloseIdleConnections()
	}
}

// readAll reads a body to its end and closes it; nil if there is none.
func readAll(body io.ReadCloser) ([]byte, error) {
	if body == nil || body == http.NoBody {
		return nil, nil
	}
	raw, err := io.ReadAll(body)
	if closeErr := body.Close(); err == nil {
		err = closeErr
	}
	return raw, err
}

// Proxy serves what target does, a base URL, and holds every request and every
// answer against the documents. It answers with its own base URL; it ends with the test.
func Proxy(t testing.TB, target string) string {
	t.Helper()
	return proxy(t, target, true)
}

// RequestProxy is a [Proxy] in front of a server whose answers may be wrong.
func RequestProxy(t testing.TB, target string) string {
	t.Helper()
	return proxy(t, target, false)
}

func proxy(t testing.TB, target string, answers bool) string {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatalf("target of the proxy: %v", err)
	}
	transport := &http.Transport{DisableKeepAlives: true} // so that none outlives the test
	handler := &httputil.ReverseProxy{
		Transport: check(t, transport, answers),
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ErrorLog:  log.New(io.Discard, "", 0), // about clients that hang up
		// A connection that target cuts is cut here.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	front := httptest.NewUnstartedServer(handler)
	front.Config.ErrorLog = handler.ErrorLog
	front.Start()
	t.Cleanup(front.Close)
	return front.URL
}
