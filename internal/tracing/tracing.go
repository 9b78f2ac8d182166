// Package tracing sends traces by OTLP over HTTP, if the environment asks for it with
// OpenTelemetry's own variables.
//
// It promises to start nothing otherwise. All that is done about an event, by any
// process and at any time, is in one trace: its id is made of the event's ([Event]).
// Spans hold ids and outcomes, never what people write, their names or addresses.
//
// # What the caller must do
//
// Stop it last: what isn't sent by then is sent first.
//
// # What happens on failure
//
// Wrong variables are an error. Spans that can't be sent are dropped; the log says so
// once, and once that they are sent again.
package tracing

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
)

// stopTimeout bounds how long the last spans are sent.
const stopTimeout = 5 * time.Second

// checked are variables of which the SDK would print a wrong value, be it a secret, and
// go on without it, or panic.
var checked = []struct {
	name  string
	right *regexp.Regexp
	write string
}{
	{"OTEL_EXPORTER_OTLP_ENDPOINT", address, addressText},
	{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", address, addressText},
	{"OTEL_EXPORTER_OTLP_HEADERS", headers, headersText},
	{"OTEL_EXPORTER_OTLP_TRACES_HEADERS", headers, headersText},
	{"OTEL_EXPORTER_OTLP_TIMEOUT", number, numberText},
	{"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", number, numberText},
	{"OTEL_BSP_SCHEDULE_DELAY", number, numberText},
	{"OTEL_BSP_EXPORT_TIMEOUT", number, numberText},
	{"OTEL_BSP_MAX_QUEUE_SIZE", number, numberText},
	{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", number, numberText},
	{"OTEL_TRACES_SAMPLER", regexp.MustCompile(`^(parentbased_)?(always_on|always_off|traceidratio)$`), "traceidratio, always_on or always_off"},
	{"OTEL_TRACES_SAMPLER_ARG", regexp.MustCompile(`^(0|1|1\.0|0?\.[0-9]+)$`), "a share from 0 to 1, such as 0.1"},
}

const (
	addressText = "a URL, such as http://127.0.0.1:4318"
	headersText = "key=value,key=value, with what is special in a value as %20"
	numberText  = "a number from 1 to 999999, of milliseconds where it is a time"

	header = "\\s*[-!#$&'*+.^_`|~0-9A-Za-z]+\\s*=([^,%]|%[0-9A-Fa-f]{2})*"
)

var (
	address = regexp.MustCompile(`^https?://[^\s/?#@]+(/[^\s]*)?$`)
	headers = regexp.MustCompile("^" + header + "(," + header + ")*$")
	number  = regexp.MustCompile(`^[1-9][0-9]{0,5}$`)
)

// Start returns the tracer that the environment asks for, nil for none. The SDK reads
// the variables that aren't read here, such as OTEL_TRACES_SAMPLER.
func Start(ctx context.Context, getenv func(string) string, version string, log *zap.Logger) (t trace.Tracer, stop func(), err error) {
	endpoint := getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	if base := getenv("OTEL_EXPORTER_OTLP_ENDPOINT"); endpoint == "" && base != "" {
		endpoint = strings.TrimSuffix(base, "/") + "/v1/traces"
	}
	exporter := getenv("OTEL_TRACES_EXPORTER")
	if exporter == "" && endpoint == "" || exporter == "none" || strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") {
		return nil, func() {}, nil
	}
	for _, v := range checked {
		if value := getenv(v.name); value != "" && !v.right.MatchString(value) {
			return nil, nil, fmt.Errorf("%s is wrong: write %s", v.name, v.write)
		}
	}
	if exporter != "" && exporter != "otlp" {
		return nil, nil, fmt.Errorf("OTEL_TRACES_EXPORTER is %q: write otlp or none", exporter)
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"} {
		if protocol := getenv(name); protocol != "" && protocol != "http/protobuf" {
			return nil, nil, fmt.Errorf("%s is %q: traces are sent by http/protobuf only, to port 4318 of most collectors", name, protocol)
		}
	}
	var opts []otlptracehttp.Option
	if endpoint != "" {
		opts = append(opts, otlptracehttp.WithEndpointURL(endpoint))
	}
	client, err := otlptracehttp.New(ctx, opts...)
	if err != nil {
		return nil, nil, fmt.Errorf("start to send traces to %s: %w", endpoint, err)
	}
	of, err := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", "spacekeeper"), attribute.String("service.version", version),
	), resource.WithFromEnv())
	if err != nil {
		return nil, nil, fmt.Errorf("read OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithResource(of), sdktrace.WithIDGenerator(ids{}),
		sdktrace.WithBatcher(&watched{SpanExporter: client, log: log}))
	log.Info("sending traces")
	return provider.Tracer("spacekeeper"), func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			log.Warn("last traces not sent", zap.Error(err))
		}
	}, nil
}

// watched logs when spans can't be sent.
type watched struct {
	sdktrace.SpanExporter
	log  *zap.Logger
	down atomic.Bool
}

// ExportSpans implements sdktrace.SpanExporter. The error goes no further: the SDK
// would print it, each time.
func (w *watched) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := w.SpanExporter.ExportSpans(ctx, spans)
	switch was := w.down.Swap(err != nil); {
	case err != nil && !was:
		w.log.Warn("traces not sent; dropping them until they can be", zap.String("error", reason(err)))
	case err == nil && was:
		w.log.Info("traces are sent again")
	}
	return nil
}

const reasonLength = 300 // bytes

// theirs is what a collector wrote, in the SDK's errors.
var theirs = regexp.MustCompile(`(?s)( \(body|: body|(OTLP partial success)): .*`)

// reason says in a line why spans weren't sent. What the collector wrote is left out:
// it may be long, and repeat headers and spans.
func reason(err error) string {
	text := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, theirs.ReplaceAllString(err.Error(), "$2"))
	return strings.ToValidUTF8(text[:min(len(text), reasonLength)], "")
}

type eventKey struct{}

// Event returns a context in which a new trace is the event's; "" stands for one that
// has no id, and gets any.
func Event(ctx context.Context, id string) context.Context {
	if id == "" {
		return ctx
	}
	hash := sha256.Sum256([]byte(id))
	return context.WithValue(ctx, eventKey{}, trace.TraceID(hash[:16]))
}

// ids makes those of traces of what Event says, and others at random.
type ids struct{}

// NewIDs implements sdktrace.IDGenerator.
func (g ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	of, ok := ctx.Value(eventKey{}).(trace.TraceID)
	if !ok {
		random := sha256.Sum256(fmt.Append(nil, rand.Uint64(), rand.Uint64()))
		of = trace.TraceID(random[:16])
	}
	return of, g.NewSpanID(ctx, of)
}

// NewSpanID implements sdktrace.IDGenerator.
func (ids) NewSpanID(context.Context, trace.TraceID) (id trace.SpanID) {
	for !id.IsValid() {
		for i, n := 0, rand.Uint64(); i < len(id); i++ {
			id[i] = byte(n >> (8 * i))
		}
	}
	return id
}
