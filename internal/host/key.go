package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"lockstep/internal/pipeline"
)

// keyVersion changes when what is stored under a key changes its meaning.
const keyVersion = 1

// cacheKey names the outcome of a step: the same key means the same command, declared environment, tools and input bytes.
func (r *graphRun) cacheKey(ctx context.Context, step pipeline.Step) (string, error) {
	inputs, err := r.inputSums(step)
	if err != nil {
		return "", err
	}
	tools, err := r.toolVersions(ctx, step)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	// These are strings, and maps and slices of strings: encoding them cannot go wrong, and sorts the maps.
	_ = json.NewEncoder(hash).Encode(map[string]any{
		"version": keyVersion, "command": step.Command, "env": step.Env, "outputs": step.Outputs,
		"shaping": buildVarPairs(r.Environ), "tools": tools, "inputs": inputs,
	})
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// toolVersions tells apart the programs that a step runs. This very binary has no version of its own, so its bytes count.
func (r *graphRun) toolVersions(ctx context.Context, step pipeline.Step) (map[string]string, error) {
	versions := map[string]string{}
	for _, tool := range step.Tools {
		version, err := r.tools.version(ctx, tool)
		if err != nil {
			return nil, err
		}
		versions[tool] = version
	}
	if step.Command[0] == pipeline.Self && r.ComponentVersion != nil {
		versions[pipeline.Self] = r.ComponentVersion(step.Command[1:])
	}
	if step.Command[0] == pipeline.Self && versions[pipeline.Self] == "" {
		sum, err := r.store.index.sum(r.Executable)
		if err != nil {
			return nil, err
		}
		versions[pipeline.Self] = sum
	}
	return versions, nil
}

// inputSums are the SHA-256 sums of the step's input files by their path.
func (r *graphRun) inputSums(step pipeline.Step) (map[string]string, error) {
	files, err := r.files()
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	for _, name := range InputFiles(step, files) {
		if sums[name], err = r.store.index.sum(filepath.Join(r.Root, filepath.FromSlash(name))); err != nil {
			return nil, err
		}
	}
	if slices.Contains(step.Inputs, pipeline.History) {
		sums[pipeline.History] = r.historyDigest()
	}
	// What other steps made is not among the repository's files, and may be new since the run began.
	for _, pattern := range step.Inputs {
		if !strings.HasPrefix(pattern, pipeline.StateDir+"/") {
			continue
		}
		made, err := doublestar.Glob(os.DirFS(r.Root), pattern, doublestar.WithFilesOnly())
		if err != nil {
			return nil, fmt.Errorf("its input %q cannot be read: %w", pattern, err)
		}
		for _, name := range made {
			if sums[name], err = r.store.index.sum(filepath.Join(r.Root, filepath.FromSlash(name))); err != nil {
				return nil, err
			}
		}
	}
	return sums, nil
}

// historyDigest is the commits: the one that is checked out, and what every branch and tag is. It is empty where there are none.
func (r *graphRun) historyDigest() string {
	git, err := r.tools.find(pipeline.ToolGit, nil)
	if err != nil {
		return ""
	}
	var all strings.Builder
	for _, args := range [][]string{{"rev-parse", "HEAD"}, {"for-each-ref", "--format=%(objectname) %(refname)"}} {
		cmd := exec.Command(git, args...)
		cmd.Dir, cmd.Env, cmd.Stdout = r.Root, stepEnviron(pipeline.Step{}, r.Environ, false), &all
		if cmd.Run() != nil {
			return ""
		}
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(all.String())))
}

// hasNothingToDo says whether there is no file that the step is about.
func (r *graphRun) hasNothingToDo(step pipeline.Step) (bool, error) {
	if len(step.TriggerPaths) == 0 {
		return false, nil
	}
	files, err := r.files()
	return !slices.ContainsFunc(files, func(name string) bool { return pipeline.Matches(step.TriggerPaths, name) }), err
}

// listFiles are all files of the repository, slash-separated and relative to its root. Symbolic links count as files, by
// what they point to; links to folders are not followed, so a loop of them does no harm.
func listFiles(root string) ([]string, error) {
	var files []string
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && slices.Contains(pipeline.SkippedDirs, path.Base(name)):
			return fs.SkipDir
		case entry.Type().IsRegular():
			files = append(files, name)
		case entry.Type()&fs.ModeSymlink != 0:
			if info, err := os.Stat(filepath.Join(root, name)); err == nil && info.Mode().IsRegular() {
				files = append(files, name)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("the repository's files cannot be listed: %w", err)
	}
	return files, nil
}
