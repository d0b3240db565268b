package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/jsonx"
	"lockstep/internal/process"
)

// The folders of installed dependencies.
const nodeModulesDir = "node_modules"

var virtualEnvironmentDirs = []string{".venv", "venv"}

// plugAndPlayFiles are how Yarn lets Node.js find packages without a folder of them.
// Source: https://yarnpkg.com/features/pnp.
var plugAndPlayFiles = []string{".pnp.cjs", ".pnp.js"}

// nodeCommand matches a command that runs programs of Node's packages.
var nodeCommand = regexp.MustCompile(`(^|[\s/;&|])(node|npx|npm|yarn|pnpm|ts-node|tsx|bun|bunx)\b`)

// usesNode reports whether the app needs packages of Node that people install.
func (a App) usesNode() bool {
	switch a.Language {
	case "typescript", "javascript":
		return true
	case "":
		return nodeCommand.MatchString(a.Command)
	}
	return false
}

// folders returns the app's folder and those above it, up to the repository's root: a workspace installs there.
func (a App) folders() []string {
	var folders []string
	for dir := a.dir(); ; dir = filepath.Dir(dir) {
		folders = append(folders, dir)
		if relative, err := filepath.Rel(a.Root, dir); err != nil || relative == "." || !filepath.IsLocal(relative) {
			return folders
		}
	}
}

// find returns the first of the named files or folders in the app's folders; empty if there is none.
func (a App) find(names ...string) string {
	for _, dir := range a.folders() {
		for _, name := range names {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				return filepath.Join(dir, name)
			}
		}
	}
	return ""
}

// nodeModules returns the folder of the installed packages of Node; empty if there is none.
func (a App) nodeModules() string { return a.find(nodeModulesDir) }

// virtualEnvironment returns the folder of the virtual environment of Python; empty if there is none in the repository.
func (a App) virtualEnvironment() string {
	for _, name := range virtualEnvironmentDirs {
		if program := a.find(filepath.Join(name, "bin", "python")); program != "" {
			return filepath.Dir(filepath.Dir(program))
		}
	}
	return ""
}

// ensureDependencies installs the app's dependencies with the configured command, if they are not installed or others
// than those of the lock file. Without such a command it says which one installs them.
func (a App) ensureDependencies(ctx context.Context) error {
	reason, err := a.missingDependencies()
	if err != nil || reason == "" {
		return err
	}
	if a.Install == "" {
		return fault.Errorf(fault.AppDependencies, "%s: run `%s`, or write it as app.install into config/pipeline.yaml",
			reason, a.installCommand())
	}
	err = a.shell(ctx, a.Install, a.commandEnviron(), a.Log)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fault.Errorf(fault.AppDependencies, "%s, and `%s` failed: %s; run it by hand to see why",
			reason, a.Install, process.DescribeExit(err))
	}
	return nil
}

// missingDependencies returns what is not installed; empty if nothing is known to be missing.
func (a App) missingDependencies() (string, error) {
	switch {
	case a.usesNode() && a.find(plugAndPlayFiles...) != "": // the packages are in a folder of Yarn's
	case a.usesNode() && a.find("package.json") != "":
		if a.nodeModules() == "" {
			return "the app's packages are not installed: there is no " + a.shown(nodeModulesDir), nil
		}
		return staleNodePackage(a.nodeModules())
	case a.Language == "python" && a.Install != "" && a.virtualEnvironment() == "" && os.Getenv("VIRTUAL_ENV") == "":
		return "the app's packages are not installed: there is no " + a.shown(virtualEnvironmentDirs[0]), nil
	}
	return "", nil
}

// A nodeLock is the part of npm's lock files that is compared.
type nodeLock struct {
	Packages map[string]struct {
		Version  string `json:"version"`
		Optional bool   `json:"optional"`
		Link     bool   `json:"link"`
	} `json:"packages"`
}

// maxLockBytes is more than a lock file of npm has, in bytes.
const maxLockBytes = 64 << 20

// staleNodePackage returns which package is installed in another version than the lock file beside node_modules names,
// or not at all; empty if there is none. npm keeps what it has installed in a lock file of its own.
func staleNodePackage(modules string) (string, error) {
	var want, installed nodeLock
	for file, into := range map[string]*nodeLock{
		filepath.Join(filepath.Dir(modules), "package-lock.json"): &want,
		filepath.Join(modules, ".package-lock.json"):              &installed,
	} {
		text, err := fsx.ReadFile(file, maxLockBytes)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return "", nil // another package manager's
		case err != nil:
			return "", err
		}
		if err := jsonx.UnmarshalForeign(text, into); err != nil {
			return "", describe(filepath.Base(file), err)
		}
	}
	var names []string
	for name, wanted := range want.Packages {
		have, isThere := installed.Packages[name]
		if name != "" && !wanted.Link && (isThere || !wanted.Optional) && have.Version != wanted.Version {
			names = append(names, strings.TrimPrefix(name, nodeModulesDir+"/"))
		}
	}
	if len(names) == 0 {
		return "", nil
	}
	return "the installed packages are not those of package-lock.json: " + slices.Min(names) + " differs", nil
}

// installCommand returns the command that installs the app's dependencies.
func (a App) installCommand() string {
	if a.usesNode() {
		return cmp.Or(a.packageProgram("typescript").install, "npm install")
	}
	return cmp.Or(a.packageProgram("python").install,
		"python3 -m venv .venv && .venv/bin/pip install -r requirements.txt")
}

// hints are what programs print when something is not installed, with what to do.
var hints = []struct {
	printed *regexp.Regexp
	hint    string
	// isPackage says that it is a package of the app, so that the command that installs those follows the hint.
	isPackage bool
}{
	{regexp.MustCompile(`No module named|ModuleNotFoundError`), "install the app's Python packages", true},
	{regexp.MustCompile(`Cannot find module|MODULE_NOT_FOUND|TS2307`), "install the app's packages", true},
	{regexp.MustCompile(`(sh|dash|bash): .*not found`), "install the program that was not found", false},
}

// assetHint returns what to do about a run that printed the text because an asset took in its own assembly, which is in
// the folder out; empty for another reason.
func (a App) assetHint(text, out string) string {
	name, err := filepath.Rel(a.Root, out)
	if err != nil || !strings.Contains(text, "ENAMETOOLONG") || !strings.Contains(text, filepath.ToSlash(name)+"/asset.") {
		return ""
	}
	folder, _, _ := strings.Cut(filepath.ToSlash(name), "/")
	return fmt.Sprintf("; an asset takes in the folder %s, which its own assembly is in: write %[1]s into the "+
		".dockerignore of the asset's folder, or exclude it in the app", folder)
}

// hint returns what to do about a command that failed and printed the text.
func (a App) hint(text string) string {
	for _, h := range hints {
		if !h.printed.MatchString(text) {
			continue
		}
		if !h.isPackage {
			return "; " + h.hint + "; see what it printed"
		}
		hint := "; " + h.hint + ": `" + a.installCommand() + "`"
		if a.Install == "" {
			hint += ", or write that as app.install into config/pipeline.yaml"
		}
		return hint
	}
	return "; see what it printed above, and run it by hand in that folder"
}
