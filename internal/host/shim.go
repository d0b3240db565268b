package host

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"lockstep/internal/fsx"
	"lockstep/tools"
)

// A versionManager keeps several versions of a program and puts shims for them on the PATH. To ask a shim takes longer
// than everything else in a run with nothing to do.
type versionManager struct {
	// variable names the version, before all files.
	variable string
	// file names the version for its folder and those below.
	file string
	// others are variables that change the choice in other ways.
	others []string
}

// versionManagers are the managers whose choice is known, by the program that their shims call. They choose alike:
// https://github.com/pyenv/pyenv#understanding-python-version-selection.
var versionManagers = map[string]versionManager{
	"pyenv":  {"PYENV_VERSION", ".python-version", []string{"PYENV_DIR", "PYENV_HOOK_PATH", "PYENV_ROOT"}},
	"nodenv": {"NODENV_VERSION", ".node-version", []string{"NODENV_DIR", "NODENV_HOOK_PATH", "NODENV_ROOT"}},
}

// shimCall is the last line of a shim.
var shimCall = regexp.MustCompile(`(?m)^exec "(/[^"$]+)/(?:libexec|bin)/([a-z]+)" exec "\$program" "\$@"$`)

// maxShimBytes is more than a shim has.
const maxShimBytes = 4 << 10

// shimTarget returns the program that a version manager's shim starts, or the file itself if it is no shim, or
// that program is not known.
func (p *prober) shimTarget(file string) string {
	if filepath.Base(filepath.Dir(file)) != "shims" {
		return file
	}
	text, err := fsx.ReadFile(file, maxShimBytes)
	call := shimCall.FindSubmatch(text)
	if err != nil || call == nil {
		return file
	}
	root := string(call[1])
	manager, ok := versionManagers[string(call[2])]
	if !ok {
		return file
	}
	for _, variable := range manager.others {
		if value := tools.Getenv(p.environ, variable); value != "" && value != root {
			return file
		}
	}
	version := p.chosenVersion(manager, root)
	if version == "" || version == "system" || version != filepath.Base(version) {
		return file
	}
	target := filepath.Join(root, "versions", version, "bin", filepath.Base(file))
	if target, err = filepath.EvalSymlinks(target); err != nil {
		return file
	}
	return target
}

// chosenVersion returns the version that a manager takes, or "" if it takes several or none is known.
func (p *prober) chosenVersion(manager versionManager, root string) string {
	if version := tools.Getenv(p.environ, manager.variable); version != "" {
		return version
	}
	dir, err := filepath.Abs(p.dir)
	if err != nil {
		return ""
	}
	files := []string{filepath.Join(dir, manager.file)}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		files = append(files, filepath.Join(filepath.Dir(dir), manager.file))
	}
	for _, file := range append(files, filepath.Join(root, "version")) {
		if _, err := os.Lstat(file); os.IsNotExist(err) {
			continue
		}
		text, err := fsx.ReadFile(file, maxShimBytes)
		versions := strings.Fields(string(text))
		if err != nil || len(versions) != 1 {
			return ""
		}
		return versions[0]
	}
	return ""
}
