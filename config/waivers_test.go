package config

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func parseWaivers(text string) ([]Waiver, error) {
	return LoadWaivers(fstest.MapFS{"waivers.yaml": {Data: []byte(text)}})
}

func TestWaivers_LoadWithLine(t *testing.T) {
	all, err := parseWaivers("waivers:\n  - rule: G204\n    gate: gosec\n    path: \"{a,b}/*/x.go\"\n    " +
		"reason: it runs " +
		"programs of a table\n    owner: a@example.com\n    until: \"2027-06-30\"\n")
	require.NoError(t, err)
	assert.Equal(t, []Waiver{{
		Rule: "G204", Gate: "gosec", Path: "{a,b}/*/x.go", Reason: "it runs programs of a table",
		Owner: "a@example.com", Until: "2027-06-30", Line: 2,
	}}, all)
	none, err := LoadWaivers(fstest.MapFS{})
	require.NoError(t, err)
	assert.Empty(t, none)
}

func TestWaivers_RejectIncompleteWithPosition(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{
			"no reason", "waivers:\n  - rule: R\n    gate: gosec\n    path: x\n    owner: a@example.com\n    " +
				"until: \"2027-06-30\"\n",
			"config/waivers.yaml:2:5: LS-205: waivers.0.reason is missing; add it: a reason that a reader can judge",
		},
		{"a reason that is none", "waivers:\n  - rule: R\n    gate: gosec\n    path: x\n    reason: ok\n    owner: " +
			"a@example.com\n    until: \"2027-06-30\"\n", "config/waivers.yaml:5:13: LS-204: waivers.0.reason"},
		{
			"no end", "waivers:\n  - rule: R\n    gate: gosec\n    path: x\n    reason: only for a test\n    " +
				"owner: a@example.com\n",
			"waivers.0.until is missing",
		},
		{"no day", "waivers:\n  - rule: R\n    gate: gosec\n    path: x\n    reason: only for a test\n    owner: " +
			"a@example.com\n    until: \"2027-02-30\"\n", "config/waivers.yaml:7:12: LS-204: there is no day 2027-02-30"},
		{
			"an owner that cannot be asked",
			"waivers:\n  - rule: R\n    gate: gosec\n    path: x\n    reason: only for a test\n    owner: " +
				"somebody\n    until: \"2027-06-30\"\n", "config/waivers.yaml:6:12: LS-204: waivers.0.owner",
		},
		{
			"an unknown key", "waivers:\n  - rule: R\n    gate: gosec\n    paths: x\n    path: x\n    " +
				"reason: only for a test\n    owner: a@example.com\n    until: \"2027-06-30\"\n",
			`config/waivers.yaml:4:5: LS-203: unknown key "paths"; did you mean "path"?`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := parseWaivers(test.text)
			assert.ErrorContains(t, err, test.want)
		})
	}
}

func TestWaivers_NameFilesNotTrees(t *testing.T) {
	waive := func(path string) error {
		_, err := parseWaivers("waivers:\n  - rule: G204\n    gate: gosec\n    path: '" + path + "'\n    " +
			"reason: only for a test\n    owner: a@example.com\n    until: \"2027-06-30\"\n")
		return err
	}
	for _, path := range []string{
		"internal/**", "**", "*", "internal/*", "internal/*.go", "internal/**/*.go", "{internal,tools}/**", "**/*",
		"internal/*/*", "internal/?.go", "internal/*.*", "internal/[a-z]*.go", "{**/a.go,**}", "{a.go,*}",
		"internal/{a,*}.go",
		"internal/**/a*.go", "internal/***", "internal/{**/a.go,b}", `internal/\*`,
	} {
		assert.ErrorContains(t, waive(path), "config/waivers.yaml:4:11: LS-204: "+path+" is a tree", path)
	}
	for _, path := range []string{
		"internal/process/command.go", "**/main.go", "internal/**/doc.go",
		".lockstep/assembly/*/*-{governance,pipeline}.json",
		"{internal,tools}/main.go", "Makefile", "*.lock.json", "docs/a*.md",
	} {
		assert.NoError(t, waive(path), path)
	}
}

func TestGates_MayBeAbsentRejectsUnknownName(t *testing.T) {
	_, err := Load(configFS(map[string]string{"environments/dev.yaml": environmentYAML("111122223333",
		"gates:\n  mayBeAbsent: [govulncheck, gosek]\n")}))
	assert.ErrorContains(t, err, "config/environments/dev.yaml:6:30: LS-204: gates.mayBeAbsent.1")
	c, err := Load(configFS(map[string]string{"environments/dev.yaml": environmentYAML("111122223333",
		"gates:\n  mayBeAbsent: [govulncheck]\n")}))
	require.NoError(t, err)
	assert.Equal(t, []string{"govulncheck"}, c.Environments[0].Gates.MayBeAbsent)
	assert.Equal(t, Gates{
		Registries:        []string{"docker.io", "registry.dagger.io"},
		GoVulnerabilities: "https://vuln.go.dev",
		GoPackages:        []string{"./..."},
	}, c.Pipeline.Gates)
}
