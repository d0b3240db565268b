package mutants

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/tests/harness"
)

// allVariable asks for every mutant to be planted, which takes minutes.
const allVariable = "LOCKSTEP_MUTANTS"

func TestMutants_StandInSource(t *testing.T) {
	for _, m := range all() {
		_, err := m.plant(harness.Repository())
		assert.NoError(t, err, m.String())
		assert.DirExists(t, filepath.Join(harness.Repository(), m.Package), m.String())
	}
}

func TestMutants_AreKilled(t *testing.T) {
	if os.Getenv(allVariable) == "" {
		t.Skip("not run: " + allVariable + "=1 plants every mutant, which takes minutes")
	}
	for _, m := range all() {
		t.Run(m.String(), func(t *testing.T) {
			began := time.Now()
			assert.NoError(t, m.kill(t.Context(), harness.Repository(), t.TempDir()))
			t.Logf("%s in %.1f s", m.Package, time.Since(began).Seconds())
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
	} {
		t.Run(name, func(t *testing.T) {
			test.mutant.File, test.mutant.Package = "m.go", "."
			assert.ErrorIs(t, test.mutant.kill(t.Context(), root, t.TempDir()), test.want)
		})
	}
	_, err := Mutant{File: "m.go", Old: "return", New: ""}.plant(root)
	require.Error(t, err, "the text stands there twice")
}
