package awsclient

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// operations returns the operations of an SDK client: its methods that take a context, an input and options.
func operations(client any) map[string]reflect.Value {
	out := map[string]reflect.Value{}
	v := reflect.ValueOf(client)
	for i := range v.NumMethod() {
		if m := v.Method(i); m.Type().NumIn() == 3 && m.Type().IsVariadic() {
			out[v.Type().Method(i).Name] = m
		}
	}
	return out
}

// The query protocol sends everything by POST, so the reads come from the service authorization reference: the actions
// of CloudFormation with the access level Read or List.
func TestFence_OnlyReadsOfCloudFormationPassUnasked(t *testing.T) {
	text, err := os.ReadFile("testdata/cloudformation-reads.txt")
	require.NoError(t, err)
	reads := strings.Fields(string(text))
	all := operations(&cloudformation.Client{})
	require.Greater(t, len(all), 80)
	for name := range all {
		assert.Equal(t, slices.Contains(reads, name), isRead(name), name)
	}
}

// recordingClient keeps the method of the last request, and answers none.
type recordingClient struct{ method string }

func (c *recordingClient) Do(r *http.Request) (*http.Response, error) {
	c.method = r.Method
	return nil, errors.New("there is no network")
}

func testConfig(client aws.HTTPClient) aws.Config {
	return aws.Config{
		Region: "eu-west-1", HTTPClient: client, Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}
}

// S3 reads by GET and HEAD alone.
func TestFence_OnlyReadsOfS3PassUnasked(t *testing.T) {
	client := &recordingClient{}
	sent := 0
	api := s3.NewFromConfig(testConfig(client), func(o *s3.Options) { o.DisableS3ExpressSessionAuth = aws.Bool(true) })
	for name, operation := range operations(api) {
		in := reflect.New(operation.Type().In(1).Elem())
		fill(in.Elem(), 4)
		client.method = ""
		operation.Call([]reflect.Value{reflect.ValueOf(t.Context()), in})
		if client.method == "" {
			assert.False(t, isRead(name), "%s was not sent, so it is not known to be a read", name)
			continue
		}
		sent++
		if isRead(name) {
			assert.Contains(t, []string{http.MethodGet, http.MethodHead}, client.method, name)
		}
	}
	assert.Greater(t, sent, 80)
}

// fill gives every field of an input a value, so that it passes the SDK's validation.
func fill(v reflect.Value, depth int) {
	if depth == 0 || !v.CanSet() {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), depth-1)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), depth)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, depth)
		fill(value, depth)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Interface:
		if v.Type() == reflect.TypeFor[io.Reader]() {
			v.Set(reflect.ValueOf(strings.NewReader("x")))
		}
	}
}

// clients are the clients of this package, each made from a configuration, with the operations that read. Every other
// operation is a write.
var clients = map[string]struct {
	open  func(aws.Config) any
	reads []string
}{
	"CloudFormation": {func(cfg aws.Config) any { return NewCloudFormation(cfg) }, []string{
		"DescribeChangeSet", "DescribeEvents", "DescribeStackDriftDetectionStatus", "DescribeStackEvents",
		"DescribeStackResourceDrifts", "DescribeStackResources", "DescribeStacks", "DetectStackDrift",
		"GetStackPolicy", "GetTemplate",
		"ListChangeSets", "ListExports", "ListHookResults", "ListImports", "ListStackResources", "ListStacks",
	}},
	"S3": {
		func(cfg aws.Config) any { return NewS3(cfg) },
		[]string{"GetBucketEncryption", "GetObject", "HeadObject", "ListObjectsV2"},
	},
	"STS": {func(cfg aws.Config) any { return NewSTS(cfg) }, []string{"GetCallerIdentity"}},
	"ECR": {func(cfg aws.Config) any { return NewECR(cfg) }, []string{"DescribeImages"}},
	"KMS": {func(cfg aws.Config) any { return NewKMS(cfg) }, nil},
	"SSM": {func(cfg aws.Config) any { return NewSSM(cfg) }, []string{"DescribeParameters", "GetParameter"}},
	"CloudWatch": {func(cfg aws.Config) any { return NewCloudWatch(cfg) }, []string{
		"DescribeAlarms", "GetMetricStatistics",
	}},
	"IAM": {func(cfg aws.Config) any { return NewIAM(cfg) }, []string{"GetRole", "SimulatePrincipalPolicy"}},
	"CloudControl": {func(cfg aws.Config) any { return NewCloudControl(cfg) }, []string{
		"GetResource", "ListResources",
	}},
	"ServiceQuotas": {func(cfg aws.Config) any { return NewServiceQuotas(cfg) }, []string{"GetServiceQuota"}},
}

var errLost = errors.New("the lock was lost")

// lostFence returns a fence of a run that has lost its lock, whose key is lock.json.
func lostFence() *Fence {
	fence := &Fence{}
	fence.Set(&Guard{
		Check: func(context.Context) error { return errLost }, Validity: time.Minute, LockKey: "lock.json",
	})
	return fence
}

// A new operation, or a new client, is in none of the lists, so it is not known to be a read.
func TestFence_StandsBeforeEveryWriteOfEveryClient(t *testing.T) {
	for name, test := range clients {
		client := &recordingClient{}
		api := test.open(lostFence().middleware(testConfig(client)))
		found := operations(api)
		require.NotEmpty(t, found)
		for _, read := range test.reads {
			assert.Contains(t, found, read)
		}
		for operation, call := range found {
			t.Run(name+"."+operation, func(t *testing.T) {
				in := reflect.New(call.Type().In(1).Elem())
				fill(in.Elem(), 6)
				client.method = ""
				answers := call.Call([]reflect.Value{reflect.ValueOf(t.Context()), in})
				err, _ := answers[1].Interface().(error)
				if slices.Contains(test.reads, operation) {
					require.NotErrorIs(t, err, errLost)
					assert.NotEmpty(t, client.method, "it was sent")
					return
				}
				require.ErrorIs(t, err, errLost)
				assert.Empty(t, client.method, "nothing was sent")
			})
		}
	}
}

// The clients are found by their constructors, so that one that is added cannot be left out of the test above.
func TestFence_TestHasEveryClient(t *testing.T) {
	var found []string
	var declarations []ast.Decl
	for _, name := range []string{"clients.go", "images.go", "inquiries.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		declarations = append(declarations, file.Decls...)
	}
	for _, declaration := range declarations {
		f, ok := declaration.(*ast.FuncDecl)
		if !ok || f.Recv != nil {
			continue
		}
		if name, isNew := strings.CutPrefix(f.Name.Name, "New"); isNew {
			found = append(found, name)
		}
	}
	assert.ElementsMatch(t, slices.Collect(maps.Keys(clients)), found)
}

func TestFence_AsksBeforeEveryWrite(t *testing.T) {
	client := &recordingClient{}
	fence := lostFence()
	buckets := NewS3(fence.middleware(testConfig(client)))
	put := func(key string) error {
		_, err := buckets.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("b"), Key: &key})
		return err
	}
	err := put("k")
	require.ErrorIs(t, err, errLost)
	assert.EqualError(t, err, "the lock was lost", "without the words of the SDK")
	assert.Empty(t, client.method, "nothing was sent")

	_, err = buckets.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
	require.NotErrorIs(t, err, errLost)
	assert.Equal(t, http.MethodGet, client.method)

	require.NotErrorIs(t, put("lock.json"), errLost, "the check renews the lock")
	require.ErrorIs(t, put("x/lock.json"), errLost)
	key := "lock.json"
	_, err = buckets.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("b"), Key: &key})
	require.ErrorIs(t, err, errLost, "nobody deletes the lock")

	fence.Set(nil)
	require.NotErrorIs(t, put("k"), errLost)
	assert.Equal(t, http.MethodPut, client.method)
}

// A pausingClient answers every attempt with an error that is worth another one, and the clock goes on by a pause with
// each.
type pausingClient struct {
	now      time.Time
	pause    time.Duration
	attempts int
}

func (c *pausingClient) Do(*http.Request) (*http.Response, error) {
	c.attempts++
	c.now = c.now.Add(c.pause)
	return &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{}, Body: http.NoBody}, nil
}

func TestFence_AsksAgainWhenAnAnswerIsOld(t *testing.T) {
	for name, test := range map[string]struct {
		pause time.Duration
		// asked is how often the guard is asked in five attempts.
		asked int
	}{
		"attempts in a row":                 {time.Second, 1},
		"attempts within the validity":      {6 * time.Second, 1},
		"a pause of half the validity":      {15 * time.Second, 2},
		"a pause of more than the validity": {31 * time.Second, 5},
	} {
		t.Run(name, func(t *testing.T) {
			client := &pausingClient{now: time.Unix(0, 0), pause: test.pause}
			fence := &Fence{now: func() time.Time { return client.now }}
			asked := 0
			fence.Set(&Guard{Validity: 30 * time.Second, Check: func(context.Context) error { asked++; return nil }})
			cfg := testConfig(client)
			cfg.Retryer = func() aws.Retryer {
				return retry.NewStandard(func(o *retry.StandardOptions) {
					o.MaxAttempts, o.RateLimiter = 5, ratelimit.None
					o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
				})
			}
			_, err := NewS3(fence.middleware(cfg)).DeleteObject(t.Context(), &s3.DeleteObjectInput{
				Bucket: aws.String("b"), Key: aws.String("k"),
			})
			require.Error(t, err)
			assert.Equal(t, 5, client.attempts)
			assert.Equal(t, test.asked, asked)
		})
	}
}

// A lock that is lost while a call waits for its turn stops the call.
func TestFence_AsksAgainAfterWaitingForATurn(t *testing.T) {
	now := time.Unix(0, 0)
	fence := &Fence{now: func() time.Time { return now }}
	asked := 0
	fence.Set(&Guard{Validity: 30 * time.Second, Check: func(context.Context) error {
		if asked++; asked > 1 {
			return errLost
		}
		return nil
	}})
	client := &recordingClient{}
	cfg := testConfig(client)
	cfg.APIOptions = append(cfg.APIOptions, func(stack *middleware.Stack) error {
		return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("Turn",
			func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
				middleware.FinalizeOutput, middleware.Metadata, error,
			) {
				now = now.Add(time.Minute)
				return next.HandleFinalize(ctx, in)
			}), "Retry", middleware.After)
	})
	_, err := NewS3(fence.middleware(cfg)).DeleteObject(t.Context(), &s3.DeleteObjectInput{
		Bucket: aws.String("b"), Key: aws.String("k"),
	})
	require.ErrorIs(t, err, errLost)
	assert.Empty(t, client.method, "nothing was sent")
}
