package tracing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// Nothing is started unless the variables ask for it; wrong ones are named.
func TestStart(t *testing.T) {
	t.Parallel()
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"
	for vars, want := range map[string]struct {
		on    bool
		wrong string
	}{
		"":                                      {},
		endpoint:                                {on: true},
		"OTEL_TRACES_EXPORTER=otlp":             {on: true},
		endpoint + " OTEL_TRACES_EXPORTER=none": {},
		endpoint + " OTEL_SDK_DISABLED=true":    {},
		endpoint + " OTEL_TRACES_EXPORTER=zipkin":      {wrong: `OTEL_TRACES_EXPORTER is "zipkin": write otlp or none`},
		endpoint + " OTEL_EXPORTER_OTLP_PROTOCOL=grpc": {wrong: `OTEL_EXPORTER_OTLP_PROTOCOL is "grpc": traces are sent by http/protobuf only`},
		// The SDK would take https://localhost:4318, print what may be secret, or panic.
		"OTEL_EXPORTER_OTLP_ENDPOINT=127.0.0.1:4318":                                {wrong: "OTEL_EXPORTER_OTLP_ENDPOINT is wrong: write a URL, such as http://127.0.0.1:4318"},
		endpoint + " OTEL_EXPORTER_OTLP_HEADERS=Bearer:s3cret":                      {wrong: "OTEL_EXPORTER_OTLP_HEADERS is wrong: write key=value,key=value"},
		endpoint + " OTEL_EXPORTER_OTLP_HEADERS=a=b,Bearer:s3cret=":                 {wrong: "OTEL_EXPORTER_OTLP_HEADERS is wrong: write key=value,key=value"},
		endpoint + " OTEL_EXPORTER_OTLP_HEADERS=a=s3cret%":                          {wrong: "OTEL_EXPORTER_OTLP_HEADERS is wrong: write key=value,key=value"},
		endpoint + " OTEL_EXPORTER_OTLP_HEADERS=a=b%20c==,x-d=e":                    {on: true},
		endpoint + " OTEL_EXPORTER_OTLP_TRACES_TIMEOUT=10s":                         {wrong: "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT is wrong: write a number from 1 to 999999"},
		endpoint + " OTEL_BSP_MAX_QUEUE_SIZE=-5":                                    {wrong: "OTEL_BSP_MAX_QUEUE_SIZE is wrong: write a number from 1 to 999999"},
		endpoint + " OTEL_TRACES_SAMPLER=half":                                      {wrong: "OTEL_TRACES_SAMPLER is wrong: write traceidratio"},
		endpoint + " OTEL_TRACES_SAMPLER_ARG=10%":                                   {wrong: "OTEL_TRACES_SAMPLER_ARG is wrong: write a share from 0 to 1"},
		endpoint + " OTEL_TRACES_SAMPLER=traceidratio OTEL_TRACES_SAMPLER_ARG=0.25": {on: true},
	} {
		tracer, stop, err := Start(t.Context(), func(name string) (value string) {
			for _, one := range strings.Fields(vars) {
				if key, set, _ := strings.Cut(one, "="); key == name {
					value = set
				}
			}
			return value
		}, "v1", zap.NewNop())
		if want.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), want.wrong) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s: %v, want %s", vars, err, want.wrong)
			}
			continue
		}
		if err != nil || (tracer != nil) != want.on {
			t.Errorf("%s: traces %t, %v, want %t", vars, tracer != nil, err, want.on)
			continue
		}
		stop()
	}
}

// What a collector writes is not logged: it may be long, and repeat what was sent. How
// it refused is, in a line, once.
func TestRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status     int
		kind, body string
		want       string
	}{
		{http.StatusUnauthorized, "text/html", "<p>s3cret</p>\n" + strings.Repeat("long ", 1000), "failed to send to URL/v1/traces: 401 Unauthorized"},
		{http.StatusOK, "application/json", `{"partialSuccess": {"rejectedSpans": "1", "errorMessage": "s3cret"}}`, "OTLP partial success"},
	} {
		collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.kind)
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		}))
		defer collector.Close()
		core, log := observer.New(zap.WarnLevel)
		tracer, stop, err := Start(t.Context(), func(name string) string {
			return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL}[name]
		}, "v1", zap.New(core))
		if err != nil {
			t.Fatal(err)
		}
		_, span := tracer.Start(t.Context(), "receive")
		span.End()
		stop()
		said := ""
		for _, entry := range log.All() {
			said += fmt.Sprint(entry.ContextMap())
		}
		if want := strings.ReplaceAll(c.want, "URL", collector.URL); log.Len() != 1 || !strings.HasSuffix(said, want+"]") || strings.Contains(said, "s3cret") {
			t.Errorf("%d: the log says %.500s, want %s", c.status, said, want)
		}
	}
	if got := reason(errors.New("max retry time elapsed: retry-able request failure: body: s3cret")); got != "max retry time elapsed: retry-able request failure" {
		t.Errorf("tried again and again: %q", got)
	}
	if got := reason(errors.New(strings.Repeat("\x1b[31m\n", 1000))); len(got) > reasonLength || strings.ContainsAny(got, "\x1b\n") {
		t.Errorf("a library that writes much: %q", got)
	}
}

// What is done about an event is in its trace, whoever does it and when.
func TestEvent(t *testing.T) {
	t.Parallel()
	id := func(event string) string {
		traceID, spanID := ids{}.NewIDs(Event(context.Background(), event))
		if !traceID.IsValid() || !spanID.IsValid() {
			t.Errorf("%q has trace %s, span %s", event, traceID, spanID)
		}
		return traceID.String()
	}
	if a, b := id("spaces/S/spaceEvents/1"), id("spaces/S/spaceEvents/1"); a != b {
		t.Errorf("an event has traces %s and %s", a, b)
	}
	if a, b := id("spaces/S/spaceEvents/1"), id("spaces/S/spaceEvents/2"); a == b {
		t.Errorf("two events have the trace %s", a)
	}
	if a, b := id(""), id(""); a == b {
		t.Errorf("two events without an id have the trace %s", a)
	}
}
