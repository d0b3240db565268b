package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"lockstep/internal/fault"
	"lockstep/internal/pipeline"
)

func TestTelemetry_StepIsASpanThatItsProcessKnows(t *testing.T) {
	root := repository(t, nil)
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	ctx, run := provider.Tracer("test").Start(t.Context(), "run")
	deploy, self := scriptGate(t, "deploy", `echo "$TRACEPARENT $OTEL_EXPORTER_OTLP_HEADERS" > deploy; exit 1`)
	deploy.Command, deploy.Inputs, deploy.Effect = []string{pipeline.Self, "deploy"}, nil, pipeline.AWS
	results := runStepsContext(t, ctx, &Runner{
		Root: root, Executable: self, Environ: append(os.Environ(), "OTEL_EXPORTER_OTLP_HEADERS=x=y"),
	}, shellStep("build", `echo "$TRACEPARENT $OTEL_EXPORTER_OTLP_HEADERS" > build`), deploy)
	require.Equal(t, pipeline.Failed, results["deploy"].Status)

	written := map[string]string{}
	for _, span := range recorder.Ended() {
		name, _ := strings.CutPrefix(span.Name(), "step ")
		assert.Equal(t, run.SpanContext().SpanID(), span.Parent().SpanID(), name)
		text, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		id := "00-" + span.SpanContext().TraceID().String() + "-" + span.SpanContext().SpanID().String() + "-01"
		written[name] = strings.TrimPrefix(strings.TrimSpace(string(text)), id)
		if name == "deploy" {
			assert.Equal(t, sdktrace.Status{Code: codes.Error, Description: string(fault.StepFailed)}, span.Status())
		}
	}
	assert.Equal(t, map[string]string{"build": "", "deploy": " x=y"}, written,
		"only this program's own deployments know how the collector is reached")
}

func TestTelemetry_StepInheritsTheCallersSpan(t *testing.T) {
	root := repository(t, nil)
	runSteps(t, &Runner{Root: root, Environ: append(os.Environ(), "TRACEPARENT=outside")},
		shellStep("build", `echo "$TRACEPARENT" > build`))
	text, err := os.ReadFile(filepath.Join(root, "build"))
	require.NoError(t, err)
	assert.Equal(t, "outside\n", string(text))
}
