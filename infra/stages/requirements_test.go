package stages

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// requirementIDs are the rows of the table in docs/infrastructure.md.
var requirementIDs = []string{
	"B1", "B2", "B3", "B4", "B5", "B6", "B7",
	"C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10", "C11",
	"D1", "D2", "D3", "D4", "F2", "F5", "F6",
}

var quotedPattern = regexp.MustCompile("`([^`]+)`")

func TestRequirements_TableIsTrue(t *testing.T) {
	page, err := os.ReadFile("../../docs/infrastructure.md")
	require.NoError(t, err)
	tests := testNames(t, "../..")
	seen := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || !regexp.MustCompile(`^ [A-Z][0-9]+ +$`).MatchString(cells[1]) {
			continue
		}
		row := strings.TrimSpace(cells[1])
		assert.False(t, seen[row], "%s stands in the table twice", row)
		seen[row] = true
		assertRow(t, row, strings.Fields(cells[2]), quotedNames(cells[3]), quotedNames(cells[4]), tests)
	}
	for _, row := range requirementIDs {
		assert.True(t, seen[row], "%s is not in the table", row)
	}
	assert.Len(t, seen, len(requirementIDs))
}

func TestRequirements_FalseRowFails(t *testing.T) {
	tests := map[string]bool{"TestB1_Something": true}
	for name, row := range map[string]func(*testing.T){
		"a missing stack": func(t *testing.T) {
			assertRow(t, "B1", []string{"tooling/nothing"}, nil, []string{"TestB1_Something"}, tests)
		},
		"a missing resource": func(t *testing.T) {
			assertRow(t, "B1", []string{"tooling/events"}, []string{"AWS::S3::Bucket"}, []string{"TestB1_Something"}, tests)
		},
		"a missing test": func(t *testing.T) {
			assertRow(t, "B1", []string{"tooling/events"}, nil, []string{"TestB1_Nothing"}, tests)
		},
		"no test called after requirement": func(t *testing.T) {
			assertRow(t, "B2", []string{"tooling/events"}, nil, []string{"TestB1_Something"}, tests)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var pretended testing.T
			row(&pretended)
			assert.True(t, pretended.Failed())
		})
	}
}

// assertRow checks that the stacks of a row exist and have its resources between them, and that its tests exist, one of
// them with the row's name.
func assertRow(t *testing.T, row string, stacks, types, named []string, tests map[string]bool) {
	var all []template
	for _, name := range stacks {
		environment, stack, _ := strings.Cut(name, "/")
		environments := []string{environment}
		if environment == "ENV" {
			environments = []string{"dev", "acc", "prod"}
		}
		for _, environment := range environments {
			found, ok := synthesizedAssemblies[environment].templates[stack]
			assert.True(t, ok, "%s: %s has no stack %s", row, environment, stack)
			all = append(all, found)
		}
	}
	for _, kind := range types {
		count := 0
		for _, template := range all {
			count += len(template.resourcesOfType(kind))
		}
		assert.Positive(t, count, "%s: no %s in %v", row, kind, stacks)
	}
	own := false
	for _, test := range named {
		assert.True(t, tests[test], "%s: there is no test %s", row, test)
		own = own || strings.HasPrefix(test, "Test"+row+"_")
	}
	assert.True(t, own || row == "C1", "%s has no test that is called after it", row) // C1 is B as a whole
}

func quotedNames(cell string) []string {
	var out []string
	for _, found := range quotedPattern.FindAllStringSubmatch(cell, -1) {
		out = append(out, found[1])
	}
	return out
}

// testNames returns the names of the tests in the folders that the table names.
func testNames(t *testing.T, root string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, folder := range []string{"infra", "config", "tests"} {
		require.NoError(t, fs.WalkDir(os.DirFS(root), folder, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(name, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), root+"/"+name, nil, 0)
			if err != nil {
				return err
			}
			for _, declared := range file.Decls {
				if function, ok := declared.(*ast.FuncDecl); ok && strings.HasPrefix(function.Name.Name, "Test") {
					found[function.Name.Name] = true
				}
			}
			return nil
		}))
	}
	return found
}
