package awsclient

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
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
	case reflect.Interface:
		if v.Type() == reflect.TypeFor[io.Reader]() {
			v.Set(reflect.ValueOf(strings.NewReader("x")))
		}
	}
}

func TestFence_AsksBeforeEveryWrite(t *testing.T) {
	client := &recordingClient{}
	lost := errors.New("the lock was lost")
	fence := &Fence{}
	fence.Set(func(context.Context) error { return lost })
	buckets := NewS3(testConfig(client), fence)
	put := func() error {
		_, err := buckets.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
		return err
	}
	err := put()
	require.ErrorIs(t, err, lost)
	assert.EqualError(t, err, "the lock was lost", "without the words of the SDK")
	assert.Empty(t, client.method, "nothing was sent")

	_, err = buckets.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
	require.NotErrorIs(t, err, lost)
	assert.Equal(t, http.MethodGet, client.method)

	fence.Set(nil)
	require.NotErrorIs(t, put(), lost)
	assert.Equal(t, http.MethodPut, client.method)
}
