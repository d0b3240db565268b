package rollout

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault/faulttest"
	"lockstep/internal/refusal"
)

// clearAWSSettings removes every setting of the AWS SDK for the time of a test.
func clearAWSSettings(t *testing.T) {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "") // so that it is set again afterwards
			require.NoError(t, os.Unsetenv(name))
		}
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
}

func TestLive_EndpointsAreThoseOfAWSUnlessNamed(t *testing.T) {
	printed := faulttest.Printed(t)
	const emulator = "https://127.0.0.1:4566"
	profile := func(text string) map[string]string { return map[string]string{"profile": text} }
	for name, test := range map[string]struct {
		settings map[string]string
		region   string
		endpoint string // what the session names
		want     string // empty if it is accepted
	}{
		"nothing is set": {},
		"an emulator": {
			map[string]string{"AWS_ENDPOINT_URL": emulator}, "", "", emulator + " for STS",
		},
		"an emulator of one service": {
			map[string]string{"AWS_ENDPOINT_URL_S3": emulator}, "", "", emulator + " for S3",
		},
		"an emulator of CloudFormation": {
			map[string]string{"AWS_ENDPOINT_URL_CLOUDFORMATION": emulator}, "", "", "for CloudF",
		},
		"an emulator of SSM": {map[string]string{"AWS_ENDPOINT_URL_SSM": emulator}, "", "", "for SSM"},
		"an emulator of CloudWatch": {
			map[string]string{"AWS_ENDPOINT_URL_CLOUDWATCH": emulator}, "", "", "for CloudWatch",
		},
		"a sign-in service":            {map[string]string{"AWS_ENDPOINT_URL_SSO": emulator}, "", "", "for SSO"},
		"its tokens' service":          {map[string]string{"AWS_ENDPOINT_URL_SSO_OIDC": emulator}, "", "", "for SSO_OIDC"},
		"the console's sign-in":        {map[string]string{"AWS_ENDPOINT_URL_SIGNIN": emulator}, "", "", "for signin"},
		"a service that is not called": {map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": emulator}, "", "", ""},
		"an emulator in the profile":   {profile("[default]\nendpoint_url = " + emulator + "\n"), "", "", emulator},
		"one service in the profile": {
			profile("[default]\nservices = s\n[services s]\ns3 =\n  endpoint_url = " + emulator + "\n"), "", "", "for S3",
		},
		"settings that are to be ignored": {
			map[string]string{"AWS_ENDPOINT_URL": emulator, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, "", "", "",
		},
		"a VPC endpoint": {
			map[string]string{"AWS_ENDPOINT_URL_STS": "https://vpce-1.sts.eu-west-1.vpce.amazonaws.com"}, "", "", "",
		},
		"a dual-stack endpoint": {
			map[string]string{"AWS_ENDPOINT_URL_STS": "https://sts.eu-west-1.api.aws"}, "", "", "",
		},
		"AWS without TLS": {
			map[string]string{"AWS_ENDPOINT_URL_STS": "http://sts.eu-west-1.amazonaws.com"}, "", "", "which is not AWS",
		},
		"a name that ends alike": {
			map[string]string{"AWS_ENDPOINT_URL": "https://notamazonaws.com"}, "", "", "which is not AWS",
		},
		"a name that begins alike": {
			map[string]string{"AWS_ENDPOINT_URL": "https://sts.amazonaws.com.example.com"}, "", "", "which is not AWS",
		},
		"a user that looks like AWS": {
			map[string]string{"AWS_ENDPOINT_URL": "https://sts.amazonaws.com@example.com"}, "", "", "which is not AWS",
		},
		"another partition's name": {
			map[string]string{"AWS_ENDPOINT_URL": "https://sts.amazonaws.com"}, "cn-north-1", "", "which is not AWS",
		},
		"China": {
			map[string]string{"AWS_ENDPOINT_URL": "https://sts.cn-north-1.amazonaws.com.cn"}, "cn-north-1", "", "",
		},
		"the session names an emulator": {nil, "", emulator, ""},
		"and so does a variable":        {map[string]string{"AWS_ENDPOINT_URL": emulator}, "", emulator, ""},
		"and a variable names another": {
			map[string]string{"AWS_ENDPOINT_URL": "https://localhost:1"}, "", emulator, "",
		},
		"and a service's variable another": {
			map[string]string{"AWS_ENDPOINT_URL_S3": "https://localhost:1"}, "", emulator, "",
		},
		"and the profile names another": {profile("[default]\nendpoint_url = https://localhost:1\n"), "", emulator, ""},
		"and the settings are to be ignored": {
			map[string]string{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, "", emulator, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			clearAWSSettings(t)
			for variable, value := range test.settings {
				if variable == "profile" {
					file := filepath.Join(t.TempDir(), "config")
					require.NoError(t, os.WriteFile(file, []byte(value), 0o600))
					variable, value = "AWS_CONFIG_FILE", file
				}
				t.Setenv(variable, value)
			}
			s := newOpener(t, true).session
			s.Endpoint = test.endpoint
			if test.region != "" {
				s.Config.Pipeline.Tooling.Region = test.region
			}
			_, err := s.LoadAWSConfig(t.Context())
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			var refusal *refusal.Error
			printed.Error(err)
			require.ErrorAs(t, err, &refusal)
			assert.ErrorContains(t, err, test.want)
			assert.ErrorContains(t, err, "--endpoint")
		})
	}
}
