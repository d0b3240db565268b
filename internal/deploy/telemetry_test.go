package deploy

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"lockstep/internal/fault"
)

// spansOf returns the spans of a deployment by name, and the name of each one's parent.
func spansOf(t *testing.T, c *cloud, template string) (map[string]sdktrace.ReadOnlySpan, map[string]string, error) {
	t.Helper()
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	ctx, run := provider.Tracer("test").Start(t.Context(), "run")
	_, err := c.open(oneStack(t, template)).Deploy(ctx, DeployRequest{})
	run.End()
	spans, names, parents := map[string]sdktrace.ReadOnlySpan{}, map[string]string{}, map[string]string{}
	for _, span := range recorder.Ended() {
		spans[span.Name()] = span
		names[span.SpanContext().SpanID().String()] = span.Name()
	}
	for name, span := range spans {
		parents[name] = names[span.Parent().SpanID().String()]
	}
	return spans, parents, err
}

func TestTelemetry_StackAndItsResourcesAreSpans(t *testing.T) {
	spans, parents, err := spansOf(t, newCloud(t), topics(1))
	require.NoError(t, err)
	assert.Equal(t, map[string]string{
		"run": "", "stack web": "run", "resource Topic0": "stack web",
	}, parents)
	for name, span := range spans {
		assert.Equal(t, codes.Unset, span.Status().Code, name)
	}
}

func TestTelemetry_FailedStackHasItsCode(t *testing.T) {
	spans, parents, err := spansOf(t, newCloud(t), failingTemplate)
	require.Error(t, err)
	want := sdktrace.Status{Code: codes.Error, Description: string(fault.StackFailed)}
	assert.Equal(t, want, spans["stack web"].Status())
	assert.Equal(t, "stack web", parents["resource Never"])
}
