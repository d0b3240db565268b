package awsclient

import (
	"testing"

	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"

	"lockstep/internal/fault"
)

func TestWrap_CodeOfWhatAWSAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		code, message string
		want          fault.Code
	}{
		"expired":           {"ExpiredToken", "", fault.CredentialsExpired},
		"an unknown key":    {"InvalidClientTokenId", "", fault.CredentialsRefused},
		"denied":            {"AccessDenied", "not authorized to perform: s3:GetObject", fault.AccessDenied},
		"denied by EC2":     {"UnauthorizedOperation", "", fault.AccessDenied},
		"a key is denied":   {"AccessDenied", "not authorized to perform: kms:Decrypt", fault.KeyDenied},
		"a disabled key":    {"KMS.DisabledException", "", fault.KeyDenied},
		"no such bucket":    {"NoSuchBucket", "", fault.NoSuchResource},
		"another region":    {"PermanentRedirect", "", fault.BucketElsewhere},
		"a region is off":   {"OptInRequired", "", fault.RegionDisabled},
		"a fault of AWS":    {"InternalFailure", "", fault.AWSFault},
		"any other refusal": {"ValidationError", "", fault.AWSRefused},
	} {
		t.Run(name, func(t *testing.T) {
			err := Wrap(&smithy.GenericAPIError{Code: test.code, Message: test.message})
			assert.Equal(t, test.want, fault.CodeOf(err))
		})
	}
}
