package host

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault/faulttest"
	"lockstep/internal/pipeline"
)

// countingStep returns a step that reads in.txt, makes the folder out, and adds a line to the file runs each time it
// runs.
func countingStep() pipeline.Step {
	s := shellStep("make", "echo ran >> runs; mkdir -p out/sub; cat in.txt > out/sub/copy; ln -s sub/copy out/link; "+
		"echo made from $(cat in.txt)")
	s.Inputs, s.Outputs = []string{"*.txt", "!skip.txt"}, []string{"out"}
	return s
}

func TestCache_RestoresOutputsAndLog(t *testing.T) {
	for name, script := range map[string]string{
		"nothing has changed":          ``,
		"the folder is gone":           `rm -r out`,
		"a file is gone":               `rm out/sub/copy`,
		"a file was edited":            `echo two > out/sub/copy`,
		"a file can be executed":       `chmod +x out/sub/copy`,
		"a file became a folder":       `rm out/sub/copy; mkdir out/sub/copy`,
		"a link is gone":               `rm out/link`,
		"a link leads somewhere else":  `ln -sfn ../in.txt out/link`,
		"a link became a file":         `rm out/link; echo two > out/link`,
		"the folder became a file":     `rm -r out; touch out`,
		"a folder became a link":       `mv out/sub elsewhere; ln -s ../elsewhere out/sub`,
		"the edited file is read-only": `echo two > out/sub/copy; chmod a-w out/sub/copy`,
	} {
		t.Run(name, func(t *testing.T) {
			root := repository(t, map[string]string{"in.txt": "one"})
			assert.Equal(t, pipeline.Ran, runSteps(t, &Runner{Root: root}, countingStep())["make"].Status)
			mode := fileMode(t, root, "out/sub/copy")
			change := exec.Command("sh", "-ec", script)
			change.Dir = root
			require.NoError(t, change.Run())

			again := runSteps(t, &Runner{Root: root}, countingStep())["make"]
			assert.Equal(t, pipeline.Cached, again.Status)
			assert.Equal(t, "one", readFile(t, root, "out/link"))
			assert.Equal(t, mode, fileMode(t, root, "out/sub/copy"))
			assert.True(t, fileMode(t, root, "out/sub").IsDir())
			target, err := os.Readlink(filepath.Join(root, "out", "link"))
			require.NoError(t, err)
			assert.Equal(t, "sub/copy", target)
			assert.Equal(t, "made from one\n", readFile(t, again.Log))
			assert.Equal(t, "ran\n", readFile(t, root, "runs"))
		})
	}
}

// fileMode returns the mode of a file below root, without following a link.
func fileMode(t *testing.T, root, name string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(filepath.Join(root, name))
	require.NoError(t, err)
	return info.Mode()
}

func TestCacheKey_Changes(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(root string, s *pipeline.Step, r *Runner)
		want   pipeline.Status
	}{
		{"nothing", func(string, *pipeline.Step, *Runner) {}, pipeline.Cached},
		{"an input's bytes", func(root string, _ *pipeline.Step, _ *Runner) {
			writeFile(t, root, "in.txt", "two")
		}, pipeline.Ran},
		{"a new input", func(root string, _ *pipeline.Step, _ *Runner) { writeFile(t, root, "new.txt", "") }, pipeline.Ran},
		{"an input that can be executed now", func(root string, _ *pipeline.Step, _ *Runner) {
			require.NoError(t, os.Chmod(filepath.Join(root, "in.txt"), 0o755))
		}, pipeline.Ran},
		{"a file that is no input", func(root string, _ *pipeline.Step, _ *Runner) {
			writeFile(t, root, "README.md", "")
		}, pipeline.Cached},
		{"a file that is taken out of the inputs", func(root string, _ *pipeline.Step, _ *Runner) {
			writeFile(t, root, "skip.txt", "")
		}, pipeline.Cached},
		{"the command", func(_ string, s *pipeline.Step, _ *Runner) {
			s.Command = []string{"sh", "-c", "mkdir out"}
		}, pipeline.Ran},
		{"the declared environment", func(_ string, s *pipeline.Step, _ *Runner) {
			s.Env = map[string]string{"A": "1"}
		}, pipeline.Ran},
		{"the declared outputs", func(_ string, s *pipeline.Step, _ *Runner) {
			s.Outputs = []string{"out/sub"}
		}, pipeline.Ran},
		{"a further output, which the cached result lacks", func(_ string, s *pipeline.Step, _ *Runner) {
			s.Outputs = []string{"out", "runs"}
		}, pipeline.Ran},
		{"a tool", func(_ string, s *pipeline.Step, _ *Runner) { s.Tools = []string{pipeline.ToolGo} }, pipeline.Ran},
		{"the caller's GOFLAGS", func(_ string, _ *pipeline.Step, r *Runner) {
			r.Environ = append(os.Environ(), "GOFLAGS=-tags=x")
		}, pipeline.Ran},
		{"the caller's proxy", func(_ string, _ *pipeline.Step, r *Runner) {
			r.Environ = append(os.Environ(), "HTTP_PROXY=x")
		}, pipeline.Cached},
		{"a run without cache", func(_ string, _ *pipeline.Step, r *Runner) { r.NoCache = true }, pipeline.Ran},
		{"an effect", func(_ string, s *pipeline.Step, _ *Runner) { s.Effect = pipeline.AWS }, pipeline.Ran},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := repository(t, map[string]string{"in.txt": "one"})
			runSteps(t, &Runner{Root: root}, countingStep())
			s, runner := countingStep(), &Runner{Root: root}
			test.change(root, &s, runner)
			assert.Equal(t, test.want, runSteps(t, runner, s)["make"].Status)
		})
	}
}

func TestCache_DamagedEntryIsMiss(t *testing.T) {
	for _, test := range []struct {
		name   string
		damage func(t *testing.T, cache string)
	}{
		{"a blob with other bytes", func(t *testing.T, cache string) {
			forEachFile(t, cache, "blobs", func(path string) { require.NoError(t, os.WriteFile(path, []byte("evil"), 0o644)) })
		}},
		{"blobs that are gone", func(t *testing.T, cache string) {
			forEachFile(t, cache, "blobs", func(path string) { require.NoError(t, os.Remove(path)) })
		}},
		{"an entry cut in half", func(t *testing.T, cache string) {
			forEachFile(t, cache, "entries", func(path string) { require.NoError(t, os.Truncate(path, 10)) })
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := repository(t, map[string]string{"in.txt": "one"})
			runSteps(t, &Runner{Root: root}, countingStep())
			require.NoError(t, os.RemoveAll(filepath.Join(root, "out")))
			test.damage(t, filepath.Join(root, ".lockstep", "cache"))

			var events recorder
			again := runSteps(t, &Runner{Root: root, Observe: events.observe}, countingStep())["make"]
			assert.Equal(t, pipeline.Ran, again.Status)
			assert.Contains(t, events.notices(), "its cached result is not usable")
			assert.Equal(t, "one", readFile(t, root, "out/sub/copy"))
			require.NoError(t, os.RemoveAll(filepath.Join(root, "out")))
			again = runSteps(t, &Runner{Root: root}, countingStep())["make"]
			assert.Equal(t, pipeline.Cached, again.Status, "the damage is repaired")
		})
	}
}

// forEachFile calls do with the path of each file in a folder of the cache.
func forEachFile(t *testing.T, cache, sub string, do func(path string)) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(cache, sub))
	require.NoError(t, err)
	require.NotEmpty(t, entries)
	for _, e := range entries {
		do(filepath.Join(cache, sub, e.Name()))
	}
}

func TestCache_RestoreRemovesOtherFiles(t *testing.T) {
	root := repository(t, map[string]string{"in.txt": "one"})
	runSteps(t, &Runner{Root: root}, countingStep())
	writeFile(t, root, "out/sub/stray", "")
	writeFile(t, root, "out/sub/copy", "tampered")
	past := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(filepath.Join(root, "out/sub/copy"), past, past))
	assert.Equal(t, pipeline.Cached, runSteps(t, &Runner{Root: root}, countingStep())["make"].Status)
	assert.NoFileExists(t, filepath.Join(root, "out/sub/stray"))
	assert.Equal(t, "one", readFile(t, root, "out/sub/copy"))
}

func TestStep_MissingOutputFails(t *testing.T) {
	printed := faulttest.Printed(t)
	s := shellStep("forgetful", "true")
	s.Outputs = []string{"out"}
	result := runSteps(t, &Runner{Root: repository(t, nil)}, s)["forgetful"]
	printed.Text(result.Message())
	assert.Equal(t, pipeline.Failed, result.Status)
	assert.Equal(t, "ended well but did not make its output out", result.Reason)
}

func TestCache_FailureIsNotStored(t *testing.T) {
	root := repository(t, map[string]string{"in.txt": "one", "out/old": ""})
	s := countingStep()
	s.Command = []string{"sh", "-c", "exit 1"}
	for range 2 {
		assert.Equal(t, pipeline.Failed, runSteps(t, &Runner{Root: root}, s)["make"].Status)
	}
	assert.NoDirExists(t, filepath.Join(root, "out"))
}

func TestCacheKey_IncludesOutputsOfOtherSteps(t *testing.T) {
	root := repository(t, map[string]string{"in.txt": "one"})
	first := shellStep("first", "mkdir -p .lockstep/bin && cat in.txt > .lockstep/bin/app")
	first.Inputs, first.Outputs = []string{"in.txt"}, []string{".lockstep/bin/app"}
	second := shellStep("second", "cat .lockstep/bin/app", "first")
	second.Inputs = []string{".lockstep/bin/app"}
	runSteps(t, &Runner{Root: root}, first, second)
	assert.Equal(t, pipeline.Cached, runSteps(t, &Runner{Root: root}, first, second)["second"].Status)
	writeFile(t, root, "in.txt", "two")
	assert.Equal(t, pipeline.Ran, runSteps(t, &Runner{Root: root}, first, second)["second"].Status)
}

func TestCacheKey_SymlinkLoop(t *testing.T) {
	root := repository(t, map[string]string{"in.txt": "one"})
	require.NoError(t, os.Symlink(".", filepath.Join(root, "loop")))
	require.NoError(t, os.Symlink("nowhere.txt", filepath.Join(root, "dangling.txt")))
	assert.Equal(t, pipeline.Ran, runSteps(t, &Runner{Root: root}, countingStep())["make"].Status)
}

func TestCache_TrimsOldEntries(t *testing.T) {
	root := repository(t, map[string]string{"in.txt": "one"})
	s, err := openStore(root, sealer{}, time.Now, false)
	require.NoError(t, err)
	for i := range maxEntries + 1 {
		log := filepath.Join(root, "log")
		require.NoError(t, os.WriteFile(log, []byte{byte(i), byte(i >> 8)}, 0o644))
		require.NoError(t, s.save(string(rune('a'+i%26))+time.Duration(i).String(), shellStep("x", "true"), log, ""))
	}
	require.NoError(t, s.close())
	entries, err := os.ReadDir(filepath.Join(s.dir, "entries"))
	require.NoError(t, err)
	blobs, err := os.ReadDir(filepath.Join(s.dir, "blobs"))
	require.NoError(t, err)
	assert.Len(t, entries, maxEntries/2)
	assert.Len(t, blobs, maxEntries/2)
}
