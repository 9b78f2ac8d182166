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
	known, err := methods()
	if err != nil {
		t.Fatal(err)
	}
	return &checker{t: t, next: next, known: known}
}

type checker struct {
	t     testing.TB
	next  http.RoundTripper
	known []*method
}

func (c *checker) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	id, complaints := inspect(c.known, r, body)
	seen.add(id)
	for _, complaint := range complaints {
		c.t.Errorf("%s %s: %s", r.Method, r.URL.Path, complaint)
	}
	if body != nil {
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return c.next.RoundTrip(r)
}

// CloseIdleConnections is what http.Client calls of that name.
func (c *checker) CloseIdleConnections() {
	if next, ok := c.next.(interface{ CloseIdleConnections() }); ok {
		next.CloseIdleConnections()
	}
}

// readBody reads the body to its end and closes it; nil if there is none.
func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	body, err := io.ReadAll(r.Body)
	if closeErr := r.Body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("read the request's body: %w", err)
	}
	return body, nil
}

// Proxy serves what target does, a base URL, and holds every request against
// the documents. It answers with its own base URL; it ends with the test.
func Proxy(t testing.TB, target string) string {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatalf("target of the proxy: %v", err)
	}
	transport := &http.Transport{}
	proxy := &httputil.ReverseProxy{
		Transport: Check(t, transport),
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ErrorLog:  log.New(io.Discard, "", 0), // about clients that hang up
		// A connection that target cuts is cut here.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	front := httptest.NewUnstartedServer(proxy)
	front.Config.ErrorLog = proxy.ErrorLog
	front.Start()
	t.Cleanup(transport.CloseIdleConnections)
	t.Cleanup(front.Close)
	return front.URL
}
