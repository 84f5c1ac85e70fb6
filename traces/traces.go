// Package traces tells an OpenTelemetry collector what a durahook process does for an event, from its publication to
// each attempt, and carries the publisher's W3C trace context on to the receiver. It owns every span's name and
// attributes: IDs, event types and outcomes, no addresses, nothing out of a payload.
//
// A nil *Traces makes no spans and passes the publisher's context on as it is, so that packages and tests need not
// care, and what is not collected costs nothing. It imports webhook.
package traces

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Traces makes spans. It is safe for concurrent use.
type Traces struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// FromEnvironment returns traces that go where the standard variables of OpenTelemetry say, OTEL_EXPORTER_OTLP_ENDPOINT
// and its like; nil when they say nowhere. What cannot be sent later on is told to log.
func FromEnvironment(ctx context.Context, version string, log *slog.Logger) (*Traces, error) {
	if !wanted() {
		return nil, nil //nolint:nilnil // which makes no spans
	}
	exporter, err := newExporter(ctx)
	if err != nil {
		return nil, fmt.Errorf("set up the export of traces (OTEL_EXPORTER_OTLP_…): %w", err)
	}
	// There is no other way to learn what goes wrong: it is the library's for the whole process.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("export traces", "error", err) }))
	return New(sdktrace.NewBatchSpanProcessor(exporter), version)
}

func wanted() bool {
	set := os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") + os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	return set != "" && !strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") && os.Getenv("OTEL_TRACES_EXPORTER") != "none"
}

func newExporter(ctx context.Context) (sdktrace.SpanExporter, error) {
	protocol := os.Getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
	if protocol == "" {
		protocol = os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL")
	}
	switch protocol {
	case "", "http/protobuf":
		return otlptracehttp.New(ctx)
	case "grpc":
		return otlptracegrpc.New(ctx)
	default:
		return nil, fmt.Errorf("the protocol %q is none of http/protobuf and grpc", protocol)
	}
}

// New returns traces whose spans go to a processor. Which are kept is for OTEL_TRACES_SAMPLER to say: by default those
// whose publisher keeps its own, and those of publishers without a trace.
func New(processor sdktrace.SpanProcessor, version string) (*Traces, error) {
	service, err := resource.Merge(
		resource.NewSchemaless(attribute.String("service.name", "durahook"), attribute.String("service.version", version)),
		resource.Environment()) // which counts for more
	if err != nil {
		return nil, fmt.Errorf("describe this process for traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(processor), sdktrace.WithResource(service))
	return &Traces{provider: provider, tracer: provider.Tracer("github.com/durahook/durahook", trace.WithInstrumentationVersion(version))}, nil
}

// Close sends what has not been sent yet.
func (t *Traces) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	if err := t.provider.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("send the last traces: %w", err)
	}
	return nil
}

const headerTraceparent = "traceparent"

// FromHeader returns ctx with the trace that the header traceparent of a request names. One that is not well formed
// names none.
func FromHeader(ctx context.Context, header http.Header) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(header))
}

// ToHeader names the trace in ctx in the header of a request. What vendors of the publisher's tracing have added to it
// (tracestate) stays here: receivers are strangers.
func ToHeader(ctx context.Context, header http.Header) {
	if parent := Traceparent(ctx); parent != "" {
		header.Set(headerTraceparent, parent)
	}
}

// Traceparent returns the trace in ctx in the form of the header traceparent, to be kept; empty without one.
func Traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[headerTraceparent]
}

// within returns ctx with a trace that was kept.
func within(ctx context.Context, traceparent string) context.Context {
	if traceparent == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{headerTraceparent: traceparent})
}

// ID returns the ID of a trace that was kept, for the log; empty without one.
func ID(traceparent string) string {
	_, rest, _ := strings.Cut(traceparent, "-") // the version
	id, _, _ := strings.Cut(rest, "-")
	return id
}
