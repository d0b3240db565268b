package tests

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// allowedImports is which of this module's packages each may import. What is not listed may not exist.
var allowedImports = map[string][]string{
	".":                        {"config", "internal/cli", "internal/deploy"},
	"internal/gate/findings":   {},
	"tests/gates/proof":        {"config", "internal/gate/findings", "internal/host", "internal/pipeline"},
	"internal/gate":            {"config", "internal/gate/findings", "internal/pipeline"},
	"internal/cli":             {"internal/bill", "internal/gate/images", "internal/gate", "internal/gate/findings", "config", "internal/host", "internal/deploy", "internal/deploy/assembly", "internal/rehearsal", "internal/bootstrap", "internal/report", "internal/pipeline", "tools"},
	"internal/report":          {"internal/gate/findings", "internal/deploy", "internal/rehearsal", "internal/pipeline"},
	"internal/host":            {"internal/pipeline", "tools"},
	"internal/deploy":          {"internal/deploy/assembly", "internal/deploy/ledger", "internal/deploy/pace"},
	"internal/deploy/assembly": {},
	"internal/rehearsal":       {"internal/bootstrap", "tools"},
	"internal/bootstrap":       {"config", "tools"},
	"internal/pipeline":        {"config"},
	"tools":                    {"internal/pipeline"},
	"config":                   {"config/awsrules"},
	"config/awsrules":          {},
	"infra":                    {"config", "internal/pipeline", "infra/stages", "infra/stacks", "infra/constructs", "infra/plugins"},
	"infra/stages":             {"config", "internal/pipeline", "infra/stacks", "infra/constructs", "infra/plugins"},
	"infra/stacks":             {"config", "internal/pipeline", "infra/constructs"},
	"infra/plugins":            {"config", "infra/stacks", "infra/constructs"},
	"infra/constructs":         {"config"},
	"tests/module":             {},
	"tests":                    {"config", "internal/pipeline", "internal/deploy", "internal/deploy/assembly", "internal/rehearsal"},

	"tests/faults": {},
	// What a deployment is made of.
	"bench/scale":               {"internal/deploy", "internal/deploy/assembly", "internal/deploy/simulated"},
	"internal/bill":             {},
	"internal/gate/images":      {},
	"internal/deploy/ledger":    {},
	"internal/deploy/pace":      {},
	"internal/deploy/simulated": {},
}

// forbiddenImports are the packages that may only see files through an fs.FS, and what they may not import.
var forbiddenImports = map[string][]string{
	"config":            {"os", "net", "net/http", "os/exec"},
	"internal/pipeline": {"os", "net", "net/http", "os/exec"},
}

func TestArchitecture_ImportsPointOneWay(t *testing.T) {
	for dir, imports := range packageImports(t) {
		allowed, known := allowedImports[dir]
		if !assert.True(t, known, "package %s is not in the table of this test: say what it may import", dir) {
			continue
		}
		for _, imported := range imports {
			if own, ok := strings.CutPrefix(imported, "lockstep/"); ok {
				assert.Contains(t, allowed, own, "%s imports %s", dir, own)
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

// packageImports are the imports of each package that is part of the program, by the package's folder.
func packageImports(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	root := os.DirFS(repository)
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{".git", ".lockstep", "node_modules", "testdata", "ci", "schema"}, entry.Name()):
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		source, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		found[dir] = append(found[dir], "")
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found[dir] = append(found[dir], imported)
		}
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, found)
	return found
}
