package rollout

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"lockstep/config"
	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
)

func TestSelfTest_ProtectedEnvironmentIsRefusedLive(t *testing.T) {
	printed := faulttest.Printed(t)
	s := &Session{Live: true}
	_, err := s.SelfTest(t.Context(), []config.Environment{{Name: "prod", TerminationProtection: true}}, false)
	assert.Equal(t, fault.SelfTestProtected, fault.CodeOf(printed.Error(err)), "%v", err)
}

func TestLive_ProfileThatIsInNoFileIsNamed(t *testing.T) {
	printed := faulttest.Printed(t)
	t.Setenv("AWS_PROFILE", "nobody")
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/config")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/credentials")
	_, err := (&Session{Live: true}).LoadAWSConfig(t.Context())
	assert.Equal(t, fault.AWSSettings, fault.CodeOf(printed.Error(err)), "%v", err)
	assert.ErrorContains(t, err, "nobody")
}
