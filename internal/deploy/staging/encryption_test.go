package staging

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/ledger"
)

// An s3Fake answers how its bucket encrypts, and keeps the headers of what is written.
type s3Fake struct {
	// onQuestion is called when a client asks how the bucket encrypts; its status is the answer's, 0 for none.
	onQuestion func(context.Context) (status int)
	questions  int
	written    []http.Header
}

// Do implements aws.HTTPClient.
func (f *s3Fake) Do(r *http.Request) (*http.Response, error) {
	status, body := http.StatusOK, ""
	if r.URL.Query().Has("encryption") {
		f.questions++
		status = f.onQuestion(r.Context())
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		body = "<Error><Code>AccessDenied</Code></Error>"
		if status == http.StatusOK {
			body = "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>" +
				"<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>the-key</KMSMasterKeyID>" +
				"</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
		}
	} else {
		f.written = append(f.written, r.Header)
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

func (f *s3Fake) bucket() *Bucket {
	return NewBucket(awsclient.NewS3(aws.Config{
		HTTPClient: f, Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}), "staging", awsclient.Target{Account: "444455556666", Environment: "acc"})
}

// put writes an object and returns the headers of the last request.
func (f *s3Fake) put(t *testing.T, b *Bucket) http.Header {
	t.Helper()
	_, err := b.Put(t.Context(), "key", nil, ledger.Condition{})
	require.NoError(t, err)
	return f.written[len(f.written)-1]
}

const (
	algorithmHeader = "X-Amz-Server-Side-Encryption"
	keyHeader       = "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"
)

func TestBucket_CancelledQuestionIsAskedAgain(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := &s3Fake{onQuestion: func(context.Context) int { cancel(); return http.StatusOK }}
	b := f.bucket()
	_, err := b.Put(ctx, "key", nil, ledger.Condition{}) // another upload has failed meanwhile
	require.ErrorIs(t, err, context.Canceled)

	f.onQuestion = func(context.Context) int { return http.StatusOK }
	header := f.put(t, b)
	assert.Equal(t, "aws:kms", header.Get(algorithmHeader))
	assert.Equal(t, "the-key", header.Get(keyHeader))
	f.put(t, b)
	assert.Equal(t, 2, f.questions, "an answer is kept")
}

func TestBucket_DeniedQuestionIsAskedOnce(t *testing.T) {
	f := &s3Fake{onQuestion: func(context.Context) int { return http.StatusForbidden }}
	b := f.bucket()
	for range 2 {
		assert.Empty(t, f.put(t, b).Get(algorithmHeader))
	}
	assert.Equal(t, 1, f.questions)
}
