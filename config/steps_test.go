package config

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stepYAML returns a configuration with a step of a name and a setting.
func stepYAML(name, setting string) map[string]string {
	return map[string]string{
		"pipeline.yaml": "project: orders\ntooling: {account: \"123456789012\", region: eu-west-1}\nsteps:\n" +
			"  - name: " + name + "\n    stage: test\n    command: make\n    " + setting + "\n",
	}
}

func TestSteps_RefuseWhatHarmsOtherSteps(t *testing.T) {
	for _, test := range []struct{ name, setting, want string }{
		{"contracts", "outputs: [/etc/passwd]", `"/etc/passwd" is no path in the repository`},
		{"contracts", "outputs: [../other]", `"../other" is no path in the repository`},
		{"contracts", "outputs: [a/../../b]", `"a/../../b" is no path in the repository`},
		{"contracts", "outputs: [.]", ". is replaced when the command runs"},
		{"contracts", "outputs: [config/environments]", "config/environments is replaced when the command runs"},
		{"contracts", "outputs: [.git/hooks]", ".git/hooks is replaced when the command runs"},
		{"contracts", "outputs: [.lockstep]", ".lockstep is replaced when the command runs"},
		{"contracts", "outputs: [.lockstep/cache/entries]", ".lockstep/cache/entries is replaced when the command runs"},
		{"contracts", "outputs: [.lockstep/runs]", ".lockstep/runs is replaced when the command runs"},
		{"contracts", "outputs: [.lockstep/packages/node]", ".lockstep/packages/node is replaced when the command runs"},
		{"contracts", "outputs: [.lockstep/rehearsal]", ".lockstep/rehearsal is replaced when the command runs"},
		{"contracts", "inputs: ['a[']", `"a[" is no pattern of files`},
		{"contracts", "inputs: [../**]", `"../**" leads out of the repository`},
		{"contracts", "inputs: ['!/etc/*']", `"!/etc/*" leads out of the repository`},
		{"contracts", "image: debian", "steps.0.image"},
		{"contracts", "caches: [/root]", "steps.0.caches.0"},
		{"lint", "summary: mine", "there is a step called lint already"},
		{"node-tests", "summary: mine", "there is a step called node-tests already"},
		{"synth", "summary: mine", "there is a step called synth already"},
		{"deploy:dev", "summary: mine", "steps.0.name"},
		{"'a; rm -rf'", "summary: mine", "steps.0.name"},
	} {
		t.Run(test.name+" "+test.setting, func(t *testing.T) {
			_, err := Load(configFS(stepYAML(test.name, test.setting)))
			assert.ErrorContains(t, err, test.want)
		})
	}
	c, err := Load(configFS(stepYAML("contracts", "outputs: [.lockstep/out/report, dist]")))
	require.NoError(t, err)
	assert.Equal(t, []string{".lockstep/out/report", "dist"}, c.Pipeline.Steps[0].Outputs)
	assert.Equal(t, "go", c.Pipeline.Steps[0].Image, "a default of an item of a list")
}
