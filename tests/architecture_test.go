package tests

import (
	"os"
	"path"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// allowedImports lists the packages of this module that each package may import. A package that is not listed may not
// exist.
var allowedImports = map[string][]string{
	".": {
		"config", "internal/cli", "internal/display", "internal/fault", "internal/pipeline", "internal/process",
		"internal/refusal",
	},
	"internal/cli": {
		"config", "internal/app", "internal/attest", "internal/awsclient", "internal/bootstrap",
		"internal/comment", "internal/deploy", "internal/deploy/assembly", "internal/deploy/cfn", "internal/deploy/change",
		"internal/deploy/digest",
		"internal/deploy/ledger", "internal/deploy/planfile", "internal/deploy/readiness",
		"internal/deploy/selftest", "internal/deploy/staging", "internal/diagram",
		"internal/display", "internal/drawing", "internal/fault", "internal/fsx", "internal/gate",
		"internal/gate/findings", "internal/gate/images", "internal/host", "internal/jsonx", "internal/maintain",
		"internal/metrics", "internal/pipeline", "internal/process", "internal/refusal", "internal/rehearsal",
		"internal/repo", "internal/report", "internal/rollout", "internal/telemetry", "internal/text", "internal/utc",
		"internal/workflows", "tools",
	},
	"internal/app": {"config", "internal/fault", "internal/fsx", "internal/jsonx", "internal/process"},
	"internal/rollout": {
		"internal/telemetry", // spans of accounts
		"config", "internal/attest", "internal/awsclient", "internal/bootstrap", "internal/builder", "internal/deploy",
		"internal/deploy/assembly", "internal/deploy/change", "internal/deploy/digest", "internal/deploy/ledger",
		"internal/deploy/planfile", "internal/deploy/risk", "internal/deploy/selftest", "internal/fault", "internal/fsx",
		"internal/host", "internal/jsonx", "internal/pipeline", "internal/refusal", "internal/rehearsal", "internal/repo",
		"internal/report", "internal/roles", "internal/sbom", "internal/utc", "tools",
	},
	"internal/report": {
		"internal/deploy", "internal/deploy/change", "internal/deploy/planfile", "internal/display", "internal/fault",
		"internal/fsx", "internal/gate/findings", "internal/jsonx", "internal/metrics", "internal/pipeline",
		"internal/redact", "internal/rehearsal", "internal/utc", "internal/deploy/digest", "internal/deploy/ledger",
	},

	// One account's deployment.
	// It makes container images. The deployment calls it by an interface of its own.
	"internal/builder": {
		"internal/deploy/assembly", "internal/deploy/digest", "internal/fault", "internal/fsx", "internal/pipeline",
		"internal/process", "internal/refusal", "tools",
	},
	"internal/deploy": {
		"internal/attest", "internal/awsclient", "internal/awsmodel", "internal/deploy/assembly",
		"internal/deploy/cfn", "internal/deploy/change", "internal/deploy/compare", "internal/deploy/digest",
		"internal/deploy/ledger", "internal/deploy/planfile", "internal/deploy/preflight", "internal/deploy/readiness",
		"internal/deploy/risk", "internal/deploy/selftest", "internal/deploy/staging", "internal/fault", "internal/fsx",
		"internal/jsonx", "internal/refusal",
		"internal/roles", "internal/telemetry", "internal/utc",
	},
	"internal/deploy/change": {},
	"internal/deploy/preflight": {
		"config/awsrules", "internal/awsmodel", "internal/deploy/assembly", "internal/deploy/resolve",
	},
	"internal/deploy/readiness": {
		"internal/awsmodel", "internal/deploy/assembly", "internal/deploy/resolve", "internal/fault", "internal/refusal",
	},
	"internal/deploy/selftest": {"internal/awsclient", "internal/fault", "internal/refusal"},
	"internal/deploy/risk": {
		"internal/awsmodel", "internal/deploy/assembly", "internal/deploy/change", "internal/deploy/resolve",
		"internal/fault", "internal/jsonx", "internal/redact", "internal/refusal", "internal/stateful",
	},
	"internal/deploy/resolve": {},
	"internal/deploy/planfile": {
		"internal/deploy/change", "internal/deploy/digest", "internal/deploy/ledger", "internal/fault",
		"internal/fsx", "internal/jsonx", "internal/refusal",
	},
	"internal/deploy/cfn": {
		"internal/awsclient", "internal/deploy/assembly", "internal/deploy/change", "internal/deploy/compare",
		"internal/deploy/digest", "internal/deploy/resolve", "internal/display", "internal/fault", "internal/redact",
		"internal/refusal", "internal/telemetry",
	},
	"internal/deploy/compare": {"internal/deploy/assembly", "internal/deploy/resolve"},
	"internal/deploy/staging": {
		"internal/awsclient", "internal/deploy/assembly", "internal/deploy/digest", "internal/deploy/ledger",
		"internal/fault", "internal/fsx", "internal/jsonx", "internal/refusal", "internal/utc",
	},
	"internal/deploy/ledger": {
		"internal/attest", "internal/deploy/digest", "internal/fault", "internal/fsx", "internal/jsonx",
	},
	"internal/deploy/assembly": {
		"internal/deploy/digest", "internal/deploy/resolve", "internal/fault", "internal/fsx", "internal/jsonx",
		"internal/refusal",
	},
	"internal/comment":          {"internal/fault", "internal/fsx", "internal/jsonx", "internal/text"},
	"internal/attest":           {"internal/fault", "internal/jsonx"},
	"internal/deploy/digest":    {"internal/fault", "internal/fsx"},
	"internal/deploy/simulated": {"internal/awsmodel/requests"},
	"internal/awsclient": {
		"internal/awsclient/pace", "internal/fault", "internal/fsx", "internal/refusal", "internal/roles",
	},
	"internal/awsclient/pace": {},
	"internal/fault":          {},
	"internal/fault/generate": {"internal/fault"},
	"internal/refusal":        {"internal/fault"},
	"internal/diagram": {
		"config", "internal/deploy/assembly", "internal/display", "internal/fault", "internal/pipeline",
	},
	"internal/drawing": {
		"config", "internal/deploy/assembly", "internal/diagram", "internal/fault", "internal/fsx", "internal/process",
		"tools",
	},
	"internal/rehearsal": {
		"internal/awsmodel", "internal/bootstrap", "internal/deploy/assembly", "internal/fault", "internal/fsx",
		"internal/jsonx", "internal/process", "internal/utc", "tools",
	},
	"internal/bootstrap": {
		"config", "internal/awsclient", "internal/fault", "internal/fsx", "internal/refusal", "internal/roles", "tools",
	},
	"tools/generated": {"internal/fsx", "tools"},
	"tools/site":      {"internal/pipeline", "internal/process", "tools"},

	// Steps and gates.
	"internal/host": {
		"internal/display", "internal/fault", "internal/fsx", "internal/jsonx", "internal/pipeline",
		"internal/process", "internal/repo", "internal/telemetry", "tools",
	},
	"internal/gate": {
		"config", "internal/fault", "internal/fsx", "internal/gate/findings", "internal/jsonx", "internal/pipeline",
		"internal/process", "internal/project", "internal/repo", "internal/text",
	},
	"internal/project": {"internal/fault", "internal/fsx", "internal/jsonx"},
	"internal/gate/findings": {
		"internal/display", "internal/fault", "internal/jsonx", "internal/text",
	},
	"internal/display":                      {},
	"internal/display/displaytest":          {},
	"internal/deploy/assembly/assemblytest": {"internal/deploy/assembly"},
	"internal/fault/faulttest":              {"internal/fault"},
	"internal/redact":                       {"internal/display"},
	"internal/gate/images":                  {"internal/fault"},
	"internal/repo": {
		"internal/fault", "internal/fsx", "internal/pipeline", "internal/process", "internal/text", "tools",
	},
	"internal/process":           {"internal/fault", "internal/fsx"},
	"internal/telemetry":         {"internal/fault"},
	"internal/text":              {},
	"internal/jsonx":             {"internal/fault"},
	"internal/roles":             {},
	"internal/fsx":               {"internal/fault"},
	"internal/utc":               {},
	"internal/sbom":              {},
	"internal/maintain":          {"internal/fault"},
	"internal/metrics":           {"internal/deploy/ledger", "internal/pipeline", "internal/utc"},
	"internal/stateful":          {},
	"internal/workflows":         {"config", "internal/fault", "internal/fsx", "internal/pipeline"},
	"internal/awsmodel":          {"internal/fault", "internal/jsonx"},
	"internal/awsmodel/generate": {"internal/awsmodel", "internal/fsx", "internal/pipeline", "tools", "tools/generated"},
	"internal/awsmodel/requests": {"internal/fault"},
	"internal/awsmodel/requests/generate": {
		"internal/awsclient", "internal/awsmodel/requests", "internal/fsx", "tools", "tools/generated",
	},
	"internal/stateful/generate": {"internal/awsmodel"},
	"internal/pipeline":          {"config", "internal/fault", "internal/roles"},

	"internal/deploy/assembly/generate": {
		"internal/deploy/assembly", "internal/jsonx", "tools", "tools/generated",
	},
	"tools": {
		"internal/fault", "internal/fsx", "internal/jsonx", "internal/pipeline", "internal/process",
	},
	"config":          {"config/awsrules", "internal/fault"},
	"config/awsrules": {"internal/fault"},

	"infra": {
		"config", "internal/pipeline", "infra/constructs", "infra/plugins", "infra/stacks", "infra/stages",
	},
	"infra/stages": {"config", "internal/pipeline", "infra/constructs", "infra/plugins", "infra/stacks"},
	"infra/stacks": {
		"config", "internal/pipeline", "internal/roles", "internal/stateful", "infra/constructs",
	},
	"infra/plugins":    {"config", "infra/stacks", "infra/constructs"},
	"infra/constructs": {"config"},

	"tests/codesize":         {},
	"tests/gates/proof":      {"config", "internal/gate/findings", "internal/host", "internal/pipeline"},
	"tests/harness":          {"internal/pipeline", "tools"},
	"tests/iam":              {},
	"tests/module":           {"tests/harness", "tests/module/recording"},
	"tests/module/recording": {},
	"tests/mutants":          {"internal/deploy/simulated", "tests/harness", "tests/module"},
	"bench/deployment/app":   {},
	"bench/measure":          {},
	"bench/scale": {
		"internal/awsclient", "internal/deploy", "internal/deploy/assembly", "internal/deploy/digest",
		"internal/deploy/simulated", "internal/process", "internal/rollout",
	},
}

// forbiddenImports lists what packages may not import because they see files only through an fs.FS and nothing else of
// the machine.
var forbiddenImports = map[string][]string{
	"config":            {"os", "net", "net/http", "os/exec"},
	"internal/pipeline": {"os", "net", "net/http", "os/exec"},
}

// foldersWithoutPackages hold no package of this module that others import.
var foldersWithoutPackages = []string{".git", ".lockstep", "node_modules", "testdata", "ci", "schema", "examples"}

func TestArchitecture_ImportsPointOneWay(t *testing.T) {
	for dir, imports := range packageImports(t) {
		allowed, known := allowedImports[dir]
		if !assert.True(t, known, "package %s is not in the table of this test: say what it may import", dir) {
			continue
		}
		for _, imported := range imports {
			if name, ok := strings.CutPrefix(imported, "lockstep/"); ok {
				assert.Contains(t, allowed, name, "%s imports %s", dir, name)
			}
			assert.NotContains(t, forbiddenImports[dir], imported, "%s imports %s", dir, imported)
		}
	}
}

func TestArchitecture_PackageNames(t *testing.T) {
	for dir := range packageImports(t) {
		assert.NotContains(t, []string{"util", "utils", "common", "helpers", "misc", "shared"}, path.Base(dir))
	}
}

// packageImports returns the imports of each package outside of tests, by the package's folder.
func packageImports(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	root := os.DirFS(repository)
	for _, name := range goFiles(t, root, ".", foldersWithoutPackages...) {
		dir := path.Dir(name)
		found[dir] = append(found[dir], "")
		for _, spec := range parseGo(t, root, name).Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			found[dir] = append(found[dir], imported)
		}
	}
	require.NotEmpty(t, found)
	return found
}
