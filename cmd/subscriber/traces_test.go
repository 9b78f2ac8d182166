package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector takes traces by OTLP over HTTP.
type collector struct {
	endpoint string

	mu    sync.Mutex
	names map[string][]string // of spans, by trace
	raw   strings.Builder     // all that came
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{names: map[string][]string{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var sent collectorpb.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &sent)
		}
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("got %s: %v", r.URL, err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.raw.Write(body)
		for _, resource := range sent.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				for _, span := range scope.GetSpans() {
					c.names[string(span.GetTraceId())] = append(c.names[string(span.GetTraceId())], span.GetName())
				}
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(server.Close)
	c.endpoint = server.URL
	return c
}

// traced reports whether all of these spans are in one trace.
func (c *collector) traced(names ...string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, spans := range c.names {
		if !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(spans, name) }) {
			return true
		}
	}
	return false
}
