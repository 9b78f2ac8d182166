package tracing

import (
	"context"
	"strings"
	"testing"

	"go.uber.org/zap"
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
			if err == nil || !strings.Contains(err.Error(), want.wrong) {
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
