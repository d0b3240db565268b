package telemetry

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"lockstep/internal/fault"
)

// A loopback is a collector on this machine.
type loopback struct {
	url string

	mu    sync.Mutex
	spans map[string]*tracepb.Span
	body  []byte
}

// newLoopback starts a collector, and names it in the environment of the test.
func newLoopback(t *testing.T) *loopback {
	t.Helper()
	l := &loopback{spans: map[string]*tracepb.Span{}}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		var request collector.ExportTraceServiceRequest
		if assert.NoError(t, err) && assert.NoError(t, proto.Unmarshal(body, &request)) {
			l.add(body, &request)
		}
	}))
	t.Cleanup(server.Close)
	l.url = server.URL
	return l
}

func (l *loopback) add(body []byte, request *collector.ExportTraceServiceRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.body = append(l.body, body...)
	for _, described := range request.ResourceSpans {
		for _, scoped := range described.ScopeSpans {
			for _, span := range scoped.Spans {
				l.spans[span.Name] = span
			}
		}
	}
}

// parent returns the name of the span that a span is a part of; its id if no span was sent with it.
func (l *loopback) parent(name string) string {
	id := l.spans[name].GetParentSpanId()
	for _, span := range l.spans {
		if string(span.SpanId) == string(id) {
			return span.Name
		}
	}
	return hex.EncodeToString(id)
}

// open begins a run with these variables, whose notices are added to the lines.
func open(t *testing.T, variables map[string]string, lines *[]string) (context.Context, *Recorder) {
	t.Helper()
	for name, value := range variables {
		t.Setenv(name, value) // the exporter reads them itself
	}
	return Open(t.Context(), Settings{
		Getenv: func(name string) string { return variables[name] },
		Notice: func(line string) { *lines = append(*lines, line) },
	}, "lockstep deploy", Run("r1"))
}

const parentSpan = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestRecorder_SendsSpansWithTheirParents(t *testing.T) {
	l, lines := newLoopback(t), []string{}
	ctx, recorder := open(t, map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": l.url, "TRACEPARENT": parentSpan, "OTEL_SERVICE_NAME": "shop-pipeline",
	}, &lines)
	inStep, step := Start(ctx, "step deploy:acc", Stage("deploy"))
	inStack, stack := Start(inStep, "stack web")
	Record(inStack, "resource Bucket", Period{time.Unix(10, 0), time.Unix(12, 0)}, fault.StackFailed,
		ResourceType("AWS::S3::Bucket"))
	secret := "hunter" + "2"
	stack.End(fault.New(fault.StackFailed, "the password is "+secret), Status("failed"))
	step.EndWithCode("")
	recorder.Close(errors.New("it failed because of " + secret))

	assert.Empty(t, lines)
	assert.Equal(t, "stack web", l.parent("resource Bucket"))
	assert.Equal(t, "step deploy:acc", l.parent("stack web"))
	assert.Equal(t, "lockstep deploy", l.parent("step deploy:acc"))
	assert.Equal(t, "b7ad6b7169203331", l.parent("lockstep deploy"), "the span that TRACEPARENT names")
	for name, span := range l.spans {
		assert.Equal(t, "0af7651916cd43dd8448eb211c80319c", hex.EncodeToString(span.TraceId), name)
	}
	assert.Equal(t, string(fault.StackFailed), l.spans["stack web"].Status.Message)
	assert.Equal(t, tracepb.Status_STATUS_CODE_ERROR, l.spans["lockstep deploy"].Status.Code)
	assert.Equal(t, tracepb.Status_STATUS_CODE_UNSET, l.spans["step deploy:acc"].Status.Code)
	assert.Equal(t, 2*time.Second,
		time.Duration(l.spans["resource Bucket"].EndTimeUnixNano-l.spans["resource Bucket"].StartTimeUnixNano))
	assert.NotContains(t, string(l.body), secret)
	assert.Contains(t, string(l.body), "shop-pipeline")
}

func TestOpen_RecordsNothingUnlessACollectorIsNamed(t *testing.T) {
	l := newLoopback(t)
	for name, test := range map[string]struct {
		variables map[string]string
		notice    string
	}{
		"no variables":   {nil, ""},
		"a parent alone": {map[string]string{"TRACEPARENT": parentSpan}, ""},
		"disabled":       {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": l.url, "OTEL_SDK_DISABLED": "true"}, ""},
		"exporter none":  {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": l.url, "OTEL_TRACES_EXPORTER": "none"}, ""},
		"exporter zipkin": {
			map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": l.url, "OTEL_TRACES_EXPORTER": "zipkin"}, "write otlp",
		},
		"no address": {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost"}, "name no address"},
		"protocol": {
			map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": l.url, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"},
			"write http/protobuf or grpc",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var lines []string
			ctx, recorder := open(t, test.variables, &lines)
			require.Nil(t, recorder)
			ctx, span := Start(ctx, "step build")
			assert.Empty(t, Environ(ctx))
			span.End(nil)
			recorder.Close(nil)
			if test.notice == "" {
				assert.Empty(t, lines)
			} else {
				assert.Contains(t, strings.Join(lines, "\n"), test.notice)
			}
		})
	}
	assert.Empty(t, l.spans)
}

func TestEnviron_NamesTheSpanToAProcess(t *testing.T) {
	l, lines := newLoopback(t), []string{}
	ctx, recorder := open(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": l.url}, &lines)
	inStep, step := Start(ctx, "step build")
	environ := Environ(inStep)
	step.End(nil)
	recorder.Close(nil)
	span := l.spans["step build"]
	assert.Equal(t, []string{
		"TRACEPARENT=00-" + hex.EncodeToString(span.TraceId) + "-" + hex.EncodeToString(span.SpanId) + "-01",
	}, environ)
}

// A collector that takes nothing is named once, and the run ends all the same.
func TestRecorder_CollectorThatTakesNothing(t *testing.T) {
	silent := make(chan struct{})
	t.Cleanup(func() { close(silent) })
	for name, handler := range map[string]http.HandlerFunc{
		"broken": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"silent": func(http.ResponseWriter, *http.Request) { <-silent },
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(handler)
			var lines []string
			ctx, recorder := open(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL}, &lines)
			if name == "silent" {
				recorder.timeout = time.Millisecond
			}
			_, span := Start(ctx, "step build")
			span.End(nil)
			recorder.Close(nil)
			assert.Equal(t, []string{"telemetry: the collector has not taken every span; nothing else is affected"}, lines)
			go server.Close() // it waits for the handler
		})
	}
}

// The answer of a collector is not read into memory without a bound.
func TestRecorder_CollectorWithoutAnEnd(t *testing.T) {
	const most = 512 << 20
	written := make(chan int, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		chunk, sent := make([]byte, 1<<20), 0
		for sent < most {
			n, err := w.Write(chunk)
			sent += n
			if err != nil {
				break
			}
		}
		written <- sent
	}))
	t.Cleanup(server.Close)
	var lines []string
	ctx, recorder := open(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL}, &lines)
	recorder.timeout = time.Minute // the bound ends it, not the time
	_, span := Start(ctx, "step build")
	span.End(nil)
	recorder.Close(nil)
	assert.Len(t, lines, 1)
	assert.Less(t, <-written, most)
}
