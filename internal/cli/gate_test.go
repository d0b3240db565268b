package cli

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"lockstep/config"
	"lockstep/internal/pipeline"
)

func TestMayBeAbsent_StrictLiveAndInCI(t *testing.T) {
	allows := config.Environment{Name: "dev", Gates: config.EnvironmentGates{MayBeAbsent: []string{"osv", "templates"}}}
	strict := config.Environment{Name: "prod"}
	osv := pipeline.Step{Name: "osv", Stage: pipeline.Security}
	gosec := pipeline.Step{Name: "gosec", Stage: pipeline.Security}
	templates := pipeline.Step{Name: "templates:dev", Stage: pipeline.Security}
	synth := pipeline.Step{Name: "synth:dev", Stage: pipeline.Synth}
	for _, test := range []struct {
		name         string
		live         bool
		environ      []string
		environments []config.Environment
		step         pipeline.Step
		want         bool
	}{
		{"each on a person's machine", false, nil, []config.Environment{strict}, osv, true},
		{"none of them live", true, nil, []config.Environment{strict}, osv, false},
		{"none of them in CI", false, []string{"CI=true"}, []config.Environment{strict}, osv, false},
		{"each if CI is false", false, []string{"CI=true", "CI=false"}, []config.Environment{strict}, osv, true},
		{"one that the environment allows", true, nil, []config.Environment{allows}, osv, true},
		{"one that another environment does not allow", true, nil, []config.Environment{allows, strict}, osv, false},
		{"one that exists for each environment", true, nil, []config.Environment{allows}, templates, true},
		{"another one", true, nil, []config.Environment{allows}, gosec, false},
		{"none without an environment", true, nil, nil, osv, false},
		{"a step that is no gate", false, nil, []config.Environment{allows}, synth, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := &app{Process: Process{Environ: test.environ}, live: test.live}
			assert.Equal(t, test.want, a.mayBeAbsent(test.environments)(test.step))
		})
	}
}
