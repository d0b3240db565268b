package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/pipeline"
	"lockstep/internal/repo"
)

// keyVersion changes when what is stored under a key changes its meaning.
const keyVersion = 2

// cacheKey returns the name of a step's result: the same key means the same command, declared environment, tools and
// bytes of the inputs.
func (r *graphRun) cacheKey(ctx context.Context, step pipeline.Step) (string, error) {
	inputs, err := r.inputHashes(ctx, step)
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
		"version": keyVersion, "command": step.Command, "env": step.Env,
		"outputs": slices.Concat(step.Outputs, step.Installs),
		"shaping": buildVarPairs(r.Environ), "tools": tools, "inputs": inputs,
	})
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// toolVersions returns what tells the programs that a step runs apart from other versions of them, by their name.
// Where no version of this program's component is known, the program's bytes count.
func (r *graphRun) toolVersions(ctx context.Context, step pipeline.Step) (map[string]string, error) {
	versions := map[string]string{}
	for _, tool := range step.Tools {
		version, err := r.tools.version(ctx, tool)
		if err != nil {
			return nil, err
		}
		versions[tool] = version
	}
	if step.Command[0] != pipeline.Self {
		return versions, nil
	}
	if r.ComponentVersion != nil {
		versions[pipeline.Self] = r.ComponentVersion(step.Command[1:])
	}
	if versions[pipeline.Self] == "" {
		hash, err := r.store.index.hash(r.Executable)
		if err != nil {
			return nil, err
		}
		versions[pipeline.Self] = hash
	}
	return versions, nil
}

// inputHashes returns the hashes of the step's input files by their path.
func (r *graphRun) inputHashes(ctx context.Context, step pipeline.Step) (map[string]string, error) {
	listing, err := r.files()
	if err != nil {
		return nil, err
	}
	files, err := listing.Match(step.Inputs)
	if err != nil {
		return nil, err
	}
	upstream, err := upstreamFiles(r.Root, step)
	if err != nil {
		return nil, err
	}
	hashes := map[string]string{}
	for _, name := range append(files, upstream...) {
		hash, err := r.store.index.inputHash(r.store.path(name))
		switch {
		case errors.Is(err, fs.ErrNotExist): // it was removed after it was listed
		case err != nil:
			return nil, err
		default:
			hashes[name] = hash
		}
	}
	if slices.Contains(step.Inputs, pipeline.History) {
		history, err := repo.New(r.Root, r.Environ).History(ctx)
		if err != nil {
			return nil, err
		}
		hashes[pipeline.History] = fmt.Sprintf("%x", sha256.Sum256([]byte(history)))
	}
	return hashes, nil
}

// upstreamFiles returns the step's inputs that other steps made. They are not among the repository's files, and may
// be newer than the run. Pipes, sockets and devices are no inputs.
func upstreamFiles(root string, step pipeline.Step) ([]string, error) {
	var files []string
	for _, pattern := range step.Inputs {
		if !strings.HasPrefix(pattern, pipeline.StateDir+"/") {
			continue
		}
		found, err := doublestar.Glob(os.DirFS(root), pattern, doublestar.WithFilesOnly())
		if err != nil {
			return nil, fault.Errorf(fault.SourceUnreadable, "its input %q cannot be read: %w", pattern, err)
		}
		for _, name := range found {
			info, err := os.Stat(filepath.Join(root, filepath.FromSlash(name)))
			if err == nil && info.Mode().IsRegular() {
				files = append(files, name)
			}
		}
	}
	return files, nil
}

// hasNothingToDo reports whether the repository has no file that the step is about.
func (r *graphRun) hasNothingToDo(step pipeline.Step) (bool, error) {
	if len(step.TriggerPaths) == 0 {
		return false, nil
	}
	listing, err := r.files()
	if err != nil {
		return false, err
	}
	files, err := listing.Match(step.TriggerPaths)
	if err != nil || step.TriggerText == "" {
		return len(files) == 0, err
	}
	for _, name := range files {
		text, err := fsx.ReadFile(r.store.path(name), fsx.MaxText)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		if strings.Contains(string(text), step.TriggerText) {
			return false, nil
		}
	}
	return true, nil
}
