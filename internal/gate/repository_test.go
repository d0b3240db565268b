package gate

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/pipeline"
)

// commitAll makes a folder a Git repository with one commit of all that is in it.
func commitAll(t *testing.T, dir string) {
	t.Helper()
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"commit", "-q", "--allow-empty", "-m", "one"}} {
		options := []string{"-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"}
		cmd := exec.Command("git", append(options, args...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
}

func TestGate_ProjectInFolderOfRepository(t *testing.T) {
	dir := t.TempDir()
	project := filepath.Join(dir, "project")
	floor := filepath.Join(project, filepath.FromSlash(pipeline.CoverageFloor))
	require.NoError(t, os.MkdirAll(filepath.Dir(floor), 0o755))
	require.NoError(t, os.WriteFile(floor, []byte("81.5\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(project, "ignored.md"), nil, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("ignored.md\n"), 0o644))
	commitAll(t, dir)

	some, err := hasCommits(context.Background(), project)
	require.NoError(t, err)
	assert.True(t, some)
	previous, ok := previousFloor(project)
	assert.True(t, ok)
	assert.InDelta(t, 81.5, previous, 0)
	files, err := ListFiles(project, []string{"**"})
	require.NoError(t, err)
	assert.Equal(t, []string{pipeline.CoverageFloor}, files)
}

func TestWaivers_ClockThatWasSetBackMakesNoneValid(t *testing.T) {
	root := newRepository(t, map[string]string{"config/waivers.yaml": waiverUntil("2026-11-24")})
	t.Setenv("GIT_COMMITTER_DATE", "2026-11-25T00:00:00Z")
	commitAll(t, root)
	for name, clock := range map[string]time.Time{
		"1970": time.Unix(0, 0), "the last day": now(), "2100": time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		g, _ := newShellGate(root, printScript(findingsSARIF), pipeline.SARIF)
		g.Name, g.Now = "gosec", func() time.Time { return clock }
		require.EqualError(t, g.Run(t.Context()), "2 findings", name)
		ended := Gate{Name: "waivers", Root: root, Format: pipeline.SARIF, Log: io.Discard, Now: g.Now}
		require.ErrorContains(t, ended.Run(t.Context()), "the waiver of G1 in a/b*.go ended on 2026-11-24", name)
	}
}

func TestGate_IgnoresGitDirOfCaller(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.md"), nil, 0o644))
	commitAll(t, dir)
	commitAll(t, other)
	t.Setenv("GIT_DIR", filepath.Join(other, ".git"))
	t.Setenv("GIT_WORK_TREE", other)
	files, err := ListFiles(dir, []string{"**"})
	require.NoError(t, err)
	assert.Equal(t, []string{"a.md"}, files)
}

func TestGate_PipesAndDevicesAreNotGivenToPrograms(t *testing.T) {
	for name, add := range map[string]func(file string) error{
		"a link to a device": func(file string) error { return os.Symlink("/dev/zero", file) },
		"a pipe":             func(file string) error { return syscall.Mkfifo(file, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			root := newRepository(t, map[string]string{"src/b.py": "", "node_modules/x/c.py": ""})
			require.NoError(t, os.Symlink("b.py", filepath.Join(root, "src", "link.py")))
			require.NoError(t, add(filepath.Join(root, "node_modules", "x", "d.py")))
			g, _ := newShellGate(root, "echo ran >> ran; "+printScript(`{"version": "2.1.0", "runs": []}`), pipeline.SARIF)
			_ = g.Run(t.Context())
			assert.FileExists(t, filepath.Join(root, "ran"), "what no program looks at does not matter")
			require.NoError(t, os.Remove(filepath.Join(root, "ran")))

			require.NoError(t, add(filepath.Join(root, "src", "a.py")))
			require.EqualError(t, g.Run(t.Context()), "1 finding")
			assert.Equal(t, "endless-file", readReport(t, root).Findings[0].Rule)
			assert.NoFileExists(t, filepath.Join(root, "ran"))
		})
	}
}

// A table of TOML may be written in many ways, of which its program takes each.
func TestLineOfSettings_KnowsATableInEveryForm(t *testing.T) {
	for text, want := range map[string]int{
		"[tool.mypy]\nstrict = false\n":                    1,
		"\n[[tool.mypy.overrides]]\nmodule = 'a'\n":        2,
		"[ tool . mypy ]\n":                                1,
		"\n\n[tool.\"mypy\"]\n":                            3,
		"[tool.'mypy'.overrides]\n":                        1,
		"[tool.\"\\u006dypy\"]\n":                          1,
		"\n[tool]\nmypy.strict = false\n":                  3,
		"[tool]\n\nmypy = { strict = false }\n":            3,
		"tool.mypy.strict = false\n":                       1,
		"tool = { mypy = {} }\n":                           1,
		"[tool.ruff]\nname = \"mypy\"\n":                   0,
		"[project]\nname = \"mypy\"\n[other]\nmypy = true": 0,
		"[tool.ruff\n":                                     1,
		"":                                                 0,
	} {
		t.Run(text, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "pyproject.toml")
			require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
			assert.Equal(t, want, lineOfSettings(file, "[tool.mypy"))
		})
	}
}

func TestGate_NamesFilesThatItsProgramSkips(t *testing.T) {
	root := newRepository(t, map[string]string{"venv/a.py": "", "deep/venv/b.py": "", "dist/c.py": "", "d.py": ""})
	commitAll(t, root)
	g, _ := newShellGate(root, printScript(emptySARIF), pipeline.SARIF)
	g.Skips = []string{"**/venv/**", "**/dist/**"}
	require.NoError(t, g.Run(t.Context()))
	report := readReport(t, root)
	require.Len(t, report.Findings, 1)
	assert.Equal(t, "skipped", report.Findings[0].Rule)
	assert.Equal(t, "deep/venv/b.py", report.Findings[0].File)
	assert.Equal(t, "is in a folder that sh does not look at, and 2 files more", report.Findings[0].Message)
}
