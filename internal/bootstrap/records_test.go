package bootstrap

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"lockstep/internal/awsclient"
)

// A strictS3 has one record in each bucket, and refuses a copy that does not say how it is encrypted.
type strictS3 struct{ copies int }

// Do implements aws.HTTPClient.
func (f *strictS3) Do(r *http.Request) (*http.Response, error) {
	status, body := http.StatusOK, "<ListBucketResult><Contents><Key>lockstep/a</Key><Size>1</Size></Contents>"+
		"</ListBucketResult>"
	const header = "X-Amz-Server-Side-Encryption"
	switch {
	case r.URL.Query().Has("encryption"):
		body = "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>" +
			"<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>the-key</KMSMasterKeyID>" +
			"</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
	case r.Method == http.MethodPut && r.Header.Get(header) == "aws:kms" &&
		r.Header.Get(header+"-Aws-Kms-Key-Id") == "the-key":
		f.copies++
		body = "<CopyObjectResult></CopyObjectResult>"
	case r.Method == http.MethodPut:
		status, body = http.StatusForbidden, "<Error><Code>AccessDenied</Code></Error>"
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

func TestRecordMover_EncryptsAsTheBucketDoes(t *testing.T) {
	f := &strictS3{}
	m := recordMover{owner: "444455556666", from: "old", to: "new", api: awsclient.NewS3(aws.Config{
		HTTPClient: f, Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	})}
	require.NoError(t, m.move(t.Context()))
	require.Equal(t, 1, f.copies)
}
