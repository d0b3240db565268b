// Package telemetry records spans of OpenTelemetry, of a run and of what happens in it, and sends them to the collector
// that the environment names. Without one it records nothing and costs nothing. A span has names and codes, and never
// a value or the text of an error: those may be secret.
package telemetry

import (
	"context"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"lockstep/internal/fault"
)

// scope is the name of what records the spans.
const scope = "lockstep"

// An Attribute says what a span is about. There is one function for each, none of which takes a value of a template.
type Attribute = attribute.KeyValue

// Run returns the attribute with the id of a run.
func Run(id string) Attribute { return attribute.String("lockstep.run", id) }

// Environment returns the attribute with the name of an environment.
func Environment(name string) Attribute { return attribute.String("deployment.environment.name", name) }

// Account returns the attribute with the id of an account.
func Account(id string) Attribute { return attribute.String("cloud.account.id", id) }

// Region returns the attribute with the name of a region.
func Region(name string) Attribute { return attribute.String("cloud.region", name) }

// Stage returns the attribute with the stage of a step.
func Stage(name string) Attribute { return attribute.String("lockstep.stage", name) }

// ResourceType returns the attribute with the type of a resource.
func ResourceType(name string) Attribute { return attribute.String("aws.cloudformation.type", name) }

// Status returns the attribute with how something ended, in one of a few words.
func Status(word string) Attribute { return attribute.String("lockstep.status", word) }

// A Span is the time that something takes.
type Span struct{ span trace.Span }

// Start begins a span that is a part of the one in ctx. If there is none, nothing is recorded.
func Start(ctx context.Context, name string, attributes ...Attribute) (context.Context, Span) {
	return startAt(ctx, name, time.Time{}, attributes)
}

// startAt is Start with the time at which the span began; now if it is zero.
func startAt(ctx context.Context, name string, at time.Time, attributes []Attribute) (context.Context, Span) {
	tracer := trace.SpanFromContext(ctx).TracerProvider().Tracer(scope)
	options := []trace.SpanStartOption{trace.WithAttributes(attributes...)}
	if !at.IsZero() {
		options = append(options, trace.WithTimestamp(at))
	}
	ctx, span := tracer.Start(ctx, name, options...)
	return ctx, Span{span}
}

// End ends the span. An error is recorded by its code alone.
func (s Span) End(err error, attributes ...Attribute) {
	s.EndWithCode(fault.CodeOf(err), attributes...)
}

// EndWithCode ends the span with the code of an error; empty for none.
func (s Span) EndWithCode(code fault.Code, attributes ...Attribute) {
	s.endAt(code, time.Time{}, attributes)
}

func (s Span) endAt(code fault.Code, at time.Time, attributes []Attribute) {
	s.span.SetAttributes(attributes...)
	if code != "" {
		s.span.SetStatus(codes.Error, string(code))
		s.span.SetAttributes(attribute.String("error.type", string(code)))
	}
	if at.IsZero() {
		s.span.End()
		return
	}
	s.span.End(trace.WithTimestamp(at))
}

// A Period is the time from one moment to another.
type Period struct{ Begin, End time.Time }

// Record records a span that is over.
func Record(ctx context.Context, name string, period Period, code fault.Code, attributes ...Attribute) {
	_, span := startAt(ctx, name, period.Begin, attributes)
	span.endAt(code, period.End, nil)
}

// Environ returns the variables, as NAME=VALUE, by which a program that is started for a span knows it; none if nothing
// is recorded. Source: the specification of OpenTelemetry, environment variables as context propagation carriers.
func Environ(ctx context.Context) []string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	var environ []string
	for _, key := range propagation.TraceContext.Fields(propagation.TraceContext{}) {
		if value := carrier.Get(key); value != "" {
			environ = append(environ, strings.ToUpper(key)+"="+value)
		}
	}
	return environ
}
