package mutants

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/tests/harness"
	"lockstep/tests/module"
)

// plantVariable asks for mutants to be planted, which takes long: those of the package that it names, such as
// ./internal/gate, and of those below it; with the value 1, all of them.
const plantVariable = "LOCKSTEP_MUTANTS"

func TestMutants_StandInSource(t *testing.T) {
	for _, m := range all() {
		_, err := m.plant(harness.Repository())
		assert.NoError(t, err, m.String())
		assert.DirExists(t, filepath.Join(harness.Repository(), m.Package), m.String())
		for _, name := range m.Fails {
			test, _, _ := strings.Cut(name, "/")
			assert.True(t, declares(t, filepath.Join(harness.Repository(), m.Package), test), "%s: %s", m, name)
		}
	}
}

// declares reports whether a test file in the folder has a function of that name.
func declares(t *testing.T, folder, function string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	require.NoError(t, err)
	return slices.ContainsFunc(files, func(name string) bool {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		return strings.Contains(string(text), "\nfunc "+function+"(")
	})
}

func TestMutants_AreKilled(t *testing.T) {
	chosen := os.Getenv(plantVariable)
	if chosen == "" {
		t.Skip("not run: " + plantVariable + "=1 plants every mutant, which takes long")
	}
	byPackage := map[string][]Mutant{}
	for _, m := range all() {
		if chosen == "1" || m.Package == chosen || strings.HasPrefix(m.Package, chosen+"/") {
			byPackage[m.Package] = append(byPackage[m.Package], m)
		}
	}
	require.NotEmpty(t, byPackage, chosen)
	for _, name := range slices.Sorted(maps.Keys(byPackage)) {
		t.Run(strings.ReplaceAll(name, "/", "."), func(t *testing.T) {
			root := harness.Repository()
			if name == moduleOfEngine {
				root = t.TempDir()
				project, err := composeModule(root)
				require.NoError(t, err)
				t.Setenv(module.ProjectVariable, project)
			}
			var runs []string
			for _, m := range byPackage[name] {
				runs = append(runs, m.run())
			}
			whole := Mutant{Package: name, Run: strings.Join(runs, "|")}
			require.NoError(t, whole.check(t.Context(), root))
			for i, m := range byPackage[name] {
				t.Run(fmt.Sprint(i, " ", path.Base(m.File)), func(t *testing.T) {
					began := time.Now()
					assert.NoError(t, m.kill(t.Context(), root, t.TempDir()), m.String())
					t.Logf("%s in %.1f s", m.Fault, time.Since(began).Seconds())
				})
			}
		})
	}
}

// Each result of a mutant, in a module of one function.
func TestMutants_SurvivorIsReported(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module m\n\ngo 1.26\n",
		"m.go":   "package m\n\nfunc Max(a, b int) int {\n\tif a > b {\n\t\treturn a\n\t}\n\treturn b\n}\n",
		"m_test.go": "package m\n\nimport \"testing\"\n\n" +
			"func TestMax(t *testing.T) {\n\tif Max(1, 2) != 2 {\n\t\tt.Error()\n\t}\n}\n\n" +
			"func TestCases(t *testing.T) {\n\tt.Run(\"two and one\", func(t *testing.T) {\n" +
			"\t\tif Max(2, 1) != 2 {\n\t\t\tt.Error()\n\t\t}\n\t})\n" +
			"\tt.Run(\"one and one\", func(t *testing.T) {\n\t\tif Max(1, 1) != 1 {\n\t\t\tt.Error()\n\t\t}\n\t})\n}\n\n" +
			"func TestBroken(t *testing.T) { t.Error() }\n",
	} {
		harness.MustWriteFile(t, filepath.Join(root, name), text)
	}
	for name, test := range map[string]struct {
		mutant Mutant
		want   error
	}{
		"killed":           {Mutant{Old: "a > b", New: "a < b", Run: "TestMax"}, nil},
		"survives":         {Mutant{Old: "a > b", New: "a > b+9", Run: "TestMax"}, errSurvived},
		"does not compile": {Mutant{Old: "a > b", New: "a > c", Run: "TestMax"}, errDoesNotCompile},
		"no tests":         {Mutant{Old: "a > b", New: "a < b", Run: "TestMin"}, errNoTests},
		"fails anyway":     {Mutant{Old: "a > b", New: "a < b", Run: "TestBroken"}, errFailsAnyway},
		"kills what it is to kill": {
			Mutant{Old: "a > b", New: "a < b", Fails: []string{"TestMax", "TestCases/two and one"}}, nil,
		},
		"kills something else": {
			Mutant{Old: "a > b", New: "a < b", Fails: []string{"TestMax", "TestCases/one and one"}}, errPasses,
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.mutant.File, test.mutant.Package = "m.go", "."
			err := test.mutant.check(t.Context(), root)
			if err == nil {
				err = test.mutant.kill(t.Context(), root, t.TempDir())
			}
			assert.ErrorIs(t, err, test.want)
		})
	}
	_, err := Mutant{File: "m.go", Old: "return", New: ""}.plant(root)
	require.Error(t, err, "the text stands there twice")
}

func TestFailedTests_IncludeThoseThatHang(t *testing.T) {
	const output = "--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/a_case (0.00s)\n    --- PASS: TestA/other (0.00s)\n" +
		"panic: test timed out after 1m0s\n\trunning tests:\n\t\tTestB/a_case (60s)\n\ngoroutine 1\n"
	assert.Equal(t, []string{"TestA", "TestA/a_case", "TestB/a_case", "TestB"}, failedTests(output))
}
