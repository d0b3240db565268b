package telemetry

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"lockstep/internal/fault"
)

// flushTimeout is how long the end of a run waits for the collector.
const flushTimeout = 2 * time.Second

// The variables that name the collector, the one for spans alone first. Source: the specification of OpenTelemetry,
// OTLP exporter configuration.
var (
	endpointVars = []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"}
	protocolVars = []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"}
)

// IsVariable reports whether a variable of the environment is one of OpenTelemetry's.
func IsVariable(name string) bool { return strings.HasPrefix(name, "OTEL_") }

// A Recorder sends spans to a collector. The collector's answers change nothing of a run. A nil Recorder sends nothing.
type Recorder struct {
	provider *sdktrace.TracerProvider
	root     Span
	timeout  time.Duration
	notice   func(string)

	mu sync.Mutex
	// failure is the first error of sending; nil for none.
	failure error
}

// Settings say where spans are sent, and what all of them say.
type Settings struct {
	// Getenv returns a variable of the environment, empty for none.
	Getenv func(name string) string
	// Version is the version of this program.
	Version string
	// Notice is called with a line when spans cannot be sent.
	Notice func(line string)
}

// Open begins the span of a run, which is a part of the one that TRACEPARENT names. It returns nil, and the same
// context, if the environment names no collector.
func Open(ctx context.Context, s Settings, name string, attributes ...Attribute) (context.Context, *Recorder) {
	exporter, err := newExporter(ctx, s.Getenv)
	if err != nil {
		s.Notice("telemetry is off: " + err.Error())
	}
	if exporter == nil {
		return ctx, nil
	}
	r := &Recorder{timeout: flushTimeout, notice: s.Notice}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(r.fail))
	otel.SetLogger(logr.Discard()) // it shows the values of variables
	r.provider = sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter), sdktrace.WithResource(describe(ctx, s.Version)),
	)
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{
		"traceparent": s.Getenv("TRACEPARENT"), "tracestate": s.Getenv("TRACESTATE"),
	})
	ctx, span := r.provider.Tracer(scope).Start(ctx, name)
	span.SetAttributes(attributes...)
	r.root = Span{span}
	return ctx, r
}

// describe returns what all spans say of this program. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win.
func describe(ctx context.Context, version string) *resource.Resource {
	described, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", scope), attribute.String("service.version", version),
	), resource.WithFromEnv())
	if err != nil { // one of the variables cannot be read
		otel.Handle(err)
	}
	return described
}

// newExporter returns what sends spans, by the variables of the environment; nil if they name no collector.
func newExporter(ctx context.Context, getenv func(string) string) (sdktrace.SpanExporter, error) {
	endpoint := firstOf(getenv, endpointVars)
	if endpoint == "" || strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") {
		return nil, nil
	}
	if kind := getenv("OTEL_TRACES_EXPORTER"); kind == "none" {
		return nil, nil
	} else if kind != "" && kind != "otlp" {
		return nil, fault.Errorf(fault.FlagValue, "OTEL_TRACES_EXPORTER is %q: write otlp or none", kind)
	}
	if address, err := url.Parse(endpoint); err != nil || address.Host == "" {
		return nil, fault.Errorf(fault.FlagValue, "%s and %s name no address such as http://localhost:4318",
			endpointVars[0], endpointVars[1])
	}
	var client otlptrace.Client
	switch protocol := firstOf(getenv, protocolVars); protocol {
	case "", "http/protobuf":
		client = otlptracehttp.NewClient(otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}))
	case "grpc":
		client = otlptracegrpc.NewClient(otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{}))
	default:
		return nil, fault.Errorf(fault.FlagValue, "%s or %s is %q: write http/protobuf or grpc",
			protocolVars[0], protocolVars[1], protocol)
	}
	exporter, err := otlptrace.New(ctx, client)
	if err != nil {
		return nil, fault.Wrap(fault.FlagValue, err)
	}
	return exporter, nil
}

// firstOf returns the first variable that has a value.
func firstOf(getenv func(string) string, names []string) string {
	for _, name := range names {
		if value := getenv(name); value != "" {
			return value
		}
	}
	return ""
}

// fail keeps the first error of sending.
func (r *Recorder) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure == nil {
		r.failure = err
	}
}

// Close ends the span of the run, and waits a moment for the collector. If spans were lost it says so once.
func (r *Recorder) Close(err error) {
	if r == nil {
		return
	}
	r.root.End(err)
	ctx, cancel := context.WithTimeout(context.Background(), r.timeout) // the run's own has ended if it was interrupted
	defer cancel()
	if err := r.provider.Shutdown(ctx); err != nil {
		r.fail(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure != nil {
		r.notice("telemetry: the collector has not taken every span; nothing else is affected")
	}
}
