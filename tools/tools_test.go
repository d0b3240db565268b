package tools

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault/faulttest"
	"lockstep/internal/pipeline"
)

// machine is a machine whose programs are shell scripts, so that nothing is downloaded.
type machine struct {
	bin     string
	environ []string
}

func newMachine(t *testing.T, programs map[string]string) machine {
	t.Helper()
	m := machine{bin: t.TempDir()}
	for name, script := range programs {
		m.addProgram(t, name, script)
	}
	m.environ = []string{"PATH=" + m.bin + ":/usr/bin:/bin", "HOME=" + t.TempDir()}
	return m
}

func (m machine) addProgram(t *testing.T, name, script string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(m.bin, name), []byte("#!/bin/sh\n"+script), 0o755))
}

// workingGo is a go command that builds a gofumpt, and adds a line to the file builds.
const workingGo = `
if [ "$1" = env ]; then echo go1.26.8; exit; fi
test -f go.mod && test -f go.sum || exit 9
echo built >> ../builds
mkdir -p bin && printf '#!/bin/sh\necho v0\n' > bin/gofumpt && chmod +x bin/gofumpt
`

// discard is for tests that read no progress.
func discard(string) {}

func countBuilds(t *testing.T, dir string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "builds"))
	require.NoError(t, err)
	return strings.Count(string(text), "built")
}

func TestInstaller_ConcurrentInstallBuildsOnce(t *testing.T) {
	m := newMachine(t, map[string]string{"go": workingGo})
	dir := t.TempDir()
	progress := make(chan string, 10)
	record := func(line string) { progress <- line }
	var group sync.WaitGroup
	for range 5 {
		group.Go(func() {
			folder, err := NewInstallerIn(dir, m.environ, record).Install(context.Background(), pipeline.ToolGofumpt)
			assert.NoError(t, err)
			assert.FileExists(t, filepath.Join(folder, "bin/gofumpt"))
		})
	}
	group.Wait()
	assert.Equal(t, 1, countBuilds(t, dir))
	require.Len(t, progress, 2)
	assert.Equal(t, "installing gofumpt 0.12.0, once: the form of Go code", <-progress)
}

func TestInstaller_ReinstallsDamagedTool(t *testing.T) {
	for _, test := range []struct {
		name   string
		damage func(folder string) error
		state  State
	}{
		{"an installation that did not finish", func(folder string) error {
			return os.Remove(filepath.Join(folder, completionFile))
		}, Damaged},
		{"a program that was removed", func(folder string) error {
			return os.Remove(filepath.Join(folder, "bin/gofumpt"))
		}, Damaged},
		{"a program that was cut in half", func(folder string) error {
			return os.Truncate(filepath.Join(folder, "bin/gofumpt"), 3)
		}, Damaged},
		{"a program that is not executable", func(folder string) error {
			return os.Chmod(filepath.Join(folder, "bin/gofumpt"), 0o644)
		}, Damaged},
		{"a program of the same size", func(folder string) error {
			return rewrite(filepath.Join(folder, "bin/gofumpt"), "v0", "v1")
		}, Damaged},
		{"a program of the same size and time", func(folder string) error {
			file := filepath.Join(folder, "bin/gofumpt")
			info, err := os.Stat(file)
			if err != nil {
				return err
			}
			return errors.Join(rewrite(file, "v0", "v1"), os.Chtimes(file, info.ModTime(), info.ModTime()))
		}, Damaged},
		{"a file that no program is", func(folder string) error {
			return rewrite(filepath.Join(folder, "go.mod"), "module", "MODULE")
		}, Damaged},
		{"a file that is new", func(folder string) error {
			return os.WriteFile(filepath.Join(folder, "sitecustomize.py"), nil, 0o644)
		}, Damaged},
		{"a program that is a link now", func(folder string) error {
			file := filepath.Join(folder, "bin/gofumpt")
			elsewhere := filepath.Join(filepath.Dir(folder), "elsewhere")
			return errors.Join(os.Rename(file, elsewhere), os.Symlink("../../elsewhere", file))
		}, Damaged},
		{"a file and the manifest", func(folder string) error {
			manifest := filepath.Join(folder, manifestFile)
			program := filepath.Join(folder, "bin/gofumpt")
			return errors.Join(rewrite(program, "v0", "v1"), os.WriteFile(manifest, []byte("{}"), 0o644))
		}, Damaged},
		{"a completion file that is garbage", func(folder string) error {
			return os.WriteFile(filepath.Join(folder, completionFile), []byte("{"), 0o644)
		}, Damaged},
		{"a folder that was removed", os.RemoveAll, Absent},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			m := newMachine(t, map[string]string{"go": workingGo})
			installer := NewInstallerIn(dir, m.environ, discard)
			folder, err := installer.Install(context.Background(), pipeline.ToolGofumpt)
			require.NoError(t, err)
			state, stateDir := installer.State(pipeline.ToolGofumpt)
			assert.Equal(t, Installed, state)
			assert.Equal(t, folder, stateDir)

			require.NoError(t, test.damage(folder))
			state, _ = installer.State(pipeline.ToolGofumpt)
			assert.Equal(t, test.state, state)
			_, err = installer.Install(context.Background(), pipeline.ToolGofumpt)
			require.NoError(t, err)
			assert.Equal(t, 2, countBuilds(t, dir))
			state, _ = installer.State(pipeline.ToolGofumpt)
			assert.Equal(t, Installed, state)
		})
	}
}

// rewrite replaces a text in a file, which stays the same file.
func rewrite(file, old, replacement string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(strings.ReplaceAll(string(text), old, replacement)), 0o755)
}

// What is only touched, or was copied, is as it was installed, which its sums show.
func TestInstaller_ReadsFilesThatWereTouched(t *testing.T) {
	dir := t.TempDir()
	m := newMachine(t, map[string]string{"go": workingGo})
	installer := NewInstallerIn(dir, m.environ, discard)
	folder, err := installer.Install(context.Background(), pipeline.ToolGofumpt)
	require.NoError(t, err)
	long := time.Unix(0, 0)
	require.NoError(t, os.Chtimes(filepath.Join(folder, "bin/gofumpt"), long, long))
	code := filepath.Join(folder, "lib", "__pycache__", "app.pyc")
	require.NoError(t, os.MkdirAll(filepath.Dir(code), 0o755))
	require.NoError(t, os.WriteFile(code, []byte("planted"), 0o644))
	_, err = installer.Install(context.Background(), pipeline.ToolGofumpt)
	require.NoError(t, err)
	assert.Equal(t, 1, countBuilds(t, dir))
	assert.NoFileExists(t, code, "Python would run it")
}

func TestInstaller_FailureLeavesNothing(t *testing.T) {
	printed := faulttest.Printed(t)
	for _, test := range []struct{ name, script, want string }{
		{
			"a build that fails", "echo no such module >&2; exit 1",
			"gofumpt could not be installed: go build -trimpath -buildvcs=false: exit status 1\n  no such module",
		},
		{
			"a full disk", "echo 'write: No space left on device'; exit 1",
			"is full: make room there, then run this again",
		},
		{
			"a program that does not run",
			"mkdir bin; printf '#!/bin/sh\nexit 4' > bin/gofumpt; chmod +x bin/gofumpt",
			"gofumpt could not be installed: bin/gofumpt -version: exit status 4",
		},
		{"a build that makes nothing", "true", "gofumpt could not be installed: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			m := newMachine(t, map[string]string{"go": "if [ $1 = env ]; then exit; fi\n" + test.script})
			installer := NewInstallerIn(dir, m.environ, discard)
			_, err := installer.Install(context.Background(), pipeline.ToolGofumpt)
			assert.ErrorContains(t, printed.Error(err), test.want)
			state, folder := installer.State(pipeline.ToolGofumpt)
			assert.Equal(t, Absent, state)
			assert.NoDirExists(t, folder)
		})
	}
	t.Run("no Go", func(t *testing.T) {
		environ := []string{"PATH=" + t.TempDir() + ":/bin", "HOME=" + t.TempDir()}
		installer := NewInstallerIn(t.TempDir(), environ, discard)
		_, err := installer.Install(context.Background(), pipeline.ToolGofumpt)
		assert.ErrorContains(t, printed.Error(err), "go is not on the PATH; `lockstep doctor` says what to do")
	})
}

func TestInstaller_IgnoresCallerBuildSettings(t *testing.T) {
	m := newMachine(t, map[string]string{"go": `if [ "$1" = env ]; then exit; fi; env > ../env; exit 1`})
	dir := t.TempDir()
	environ := append(m.environ, "GOFLAGS=-mod=mod", "CGO_ENABLED=1", "GOPROXY=https://proxy.example.com")
	installer := NewInstallerIn(dir, environ, discard)
	_, err := installer.Install(context.Background(), pipeline.ToolGofumpt)
	require.Error(t, err)
	env, err := os.ReadFile(filepath.Join(dir, "env"))
	require.NoError(t, err)
	assert.Contains(t, string(env), "GOFLAGS=\n")
	assert.Contains(t, string(env), "CGO_ENABLED=0\n")
	assert.Contains(t, string(env), "GOPROXY=https://proxy.example.com\n")
}

func TestInstaller_OneFolderPerGoVersion(t *testing.T) {
	m := newMachine(t, map[string]string{"go": workingGo})
	dir := t.TempDir()
	before := NewInstallerIn(dir, m.environ, nil).toolDir(pipeline.ToolGofumpt)
	m.addProgram(t, "go", "echo go1.27.0")
	assert.NotEqual(t, before, NewInstallerIn(dir, m.environ, nil).toolDir(pipeline.ToolGofumpt))
}

// lockedVersions finds the version that a lock file asks for.
var lockedVersions = map[pipeline.ToolKind]struct {
	file    string
	version func(t *testing.T, text, name string) string
}{
	pipeline.GoModule: {"tool.mod", func(t *testing.T, text, _ string) string {
		tool := regexp.MustCompile(`(?m)^tool (\S+)$`).FindStringSubmatch(text)
		require.NotNil(t, tool)
		version := ""
		for _, require := range regexp.MustCompile(`(?m)^\s*(?:require )?(\S+) v(\S+)`).FindAllStringSubmatch(text, -1) {
			if tool[1] == require[1] || strings.HasPrefix(tool[1], require[1]+"/") {
				version = require[2]
			}
		}
		return version
	}},
	pipeline.PythonPackages: {"requirements.txt", func(t *testing.T, text, name string) string {
		found := regexp.MustCompile(`(?m)^` + name + `(?:-bin)?==(\S+) `).FindStringSubmatch(text)
		require.NotNil(t, found)
		return found[1]
	}},
	pipeline.NodePackages: {"package-lock.json", func(t *testing.T, text, name string) string {
		var lock struct {
			Packages map[string]struct{ Version string }
		}
		require.NoError(t, json.Unmarshal([]byte(text), &lock))
		aws, isAWS := lock.Packages["node_modules/aws-"+name]
		if isAWS {
			return aws.Version
		}
		return lock.Packages["node_modules/"+name].Version
	}},
}

func TestTools_VersionsMatchLockFiles(t *testing.T) {
	for _, name := range InstallableNames() {
		t.Run(name, func(t *testing.T) {
			tool := pipeline.Tools[name]
			lock := lockedVersions[tool.Kind]
			assert.Equal(t, tool.Version, lock.version(t, readLockFile(t, name, lock.file), name))
			assert.NotEmpty(t, tool.Purpose)
			assert.NotEmpty(t, tool.Names)
			assert.Len(t, Sum(name), 64)
		})
	}
}

func TestLockFiles_HashEveryPackage(t *testing.T) {
	for _, name := range InstallableNames() {
		t.Run(name, func(t *testing.T) {
			switch pipeline.Tools[name].Kind {
			case pipeline.GoModule:
				sums, mod := readLockFile(t, name, "tool.sum"), readLockFile(t, name, "tool.mod")
				for _, module := range regexp.MustCompile(`(?m)^\t(\S+) (v\S+)`).FindAllStringSubmatch(mod, -1) {
					assert.Contains(t, sums, module[1]+" "+module[2])
				}
				assert.NotContains(t, mod, "replace ")
			case pipeline.PythonPackages:
				text := readLockFile(t, name, "requirements.txt")
				for _, requirement := range regexp.MustCompile(`(?m)^[a-z]`).Split(text, -1)[1:] {
					assert.Contains(t, requirement, "--hash=sha256:")
				}
			case pipeline.NodePackages:
				text := readLockFile(t, name, "package-lock.json")
				assert.Equal(t, strings.Count(text, `"version"`), strings.Count(text, `"integrity": "sha512-`))
			}
		})
	}
}

func TestDataSources_LockFiles(t *testing.T) {
	for name, source := range DataSources {
		text := readLockFile(t, name, "package-lock.json")
		var lock struct {
			Packages map[string]struct {
				Version, Integrity, Resolved string
				InBundle                     bool
			}
		}
		require.NoError(t, json.Unmarshal([]byte(text), &lock))
		assert.Equal(t, source.Version, lock.Packages["node_modules/"+source.Package].Version)
		for path, locked := range lock.Packages {
			assert.Empty(t, locked.Resolved, "%s: the registry is the caller's", path)
			if path != "" && !locked.InBundle { // what is bundled is part of the package that bundles it
				assert.Contains(t, locked.Integrity, "sha512-", path)
			}
		}
		assert.Contains(t, readLockFile(t, name, "package.json"), `"`+source.Package+`": "`+source.Version+`"`)
	}
}

func TestInstaller_InstallsDataOnce(t *testing.T) {
	for _, test := range []struct{ name, script, want string }{
		{"a package", "mkdir -p node_modules/@aws-cdk/aws-service-spec; echo x > " + DataSources[AWSServiceSpec].File, ""},
		{"a package without the data", "true", "could not be installed"},
		{"a failure", "echo no network >&2; exit 1", "no network"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			m := newMachine(t, map[string]string{
				"npm": "test -f package-lock.json || exit 9; echo built \"$@\" >> ../builds\n" + test.script,
			})
			installer := NewInstallerIn(dir, m.environ, discard)
			assert.False(t, installer.HasData(AWSServiceSpec))
			file, err := installer.InstallData(context.Background(), AWSServiceSpec)
			if test.want != "" {
				require.ErrorContains(t, err, test.want)
				assert.False(t, installer.HasData(AWSServiceSpec))
				return
			}
			require.NoError(t, err)
			assert.FileExists(t, file)
			again, err := installer.InstallData(context.Background(), AWSServiceSpec)
			require.NoError(t, err)
			assert.Equal(t, file, again)
			assert.Equal(t, 1, countBuilds(t, dir))
			text, err := os.ReadFile(filepath.Join(dir, "builds"))
			require.NoError(t, err)
			assert.Contains(t, string(text), "ci --ignore-scripts")
		})
	}
}

// readLockFile returns the text of a tool's lock file.
func readLockFile(t *testing.T, name, file string) string {
	t.Helper()
	data, err := fs.ReadFile(lockFiles(name), file)
	require.NoError(t, err)
	return string(data)
}

func TestLockFiles_NameNoRegistry(t *testing.T) {
	require.NoError(t, fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, name)
		assert.NotRegexp(t, `https?://|resolved`, string(text), name)
		return err
	}))
}

func TestInstaller_ReadsOneFileAsInstalled(t *testing.T) {
	for _, test := range []struct {
		name   string
		damage func(folder string) error
		builds int
	}{
		{"nothing was changed", func(string) error { return nil }, 1},
		{"another file was changed", func(folder string) error {
			return rewrite(filepath.Join(folder, "bin/gofumpt"), "v0", "v1")
		}, 1},
		{"the file was changed", func(folder string) error {
			return rewrite(filepath.Join(folder, "go.mod"), "module", "MODULE")
		}, 2},
		{"the file was changed to another of the tool", func(folder string) error {
			text, err := os.ReadFile(filepath.Join(folder, "bin/gofumpt"))
			return errors.Join(err, os.WriteFile(filepath.Join(folder, "go.mod"), text, 0o644))
		}, 2},
		{"the file was removed", func(folder string) error { return os.Remove(filepath.Join(folder, "go.mod")) }, 2},
		{"the file and the manifest were changed", func(folder string) error {
			sum := func() string {
				text, err := os.ReadFile(filepath.Join(folder, "go.mod"))
				require.NoError(t, err)
				return hexSum(text)
			}
			before := sum()
			err := rewrite(filepath.Join(folder, "go.mod"), "module", "MODULE")
			return errors.Join(err, rewrite(filepath.Join(folder, manifestFile), before, sum()))
		}, 2},
		{"the installation did not finish", func(folder string) error {
			return os.Remove(filepath.Join(folder, completionFile))
		}, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			m := newMachine(t, map[string]string{"go": workingGo})
			installer := NewInstallerIn(dir, m.environ, discard)
			want, err := installer.ReadFile(context.Background(), pipeline.ToolGofumpt, "go.mod")
			require.NoError(t, err)
			assert.Contains(t, string(want), "module")

			require.NoError(t, test.damage(installer.toolDir(pipeline.ToolGofumpt)))
			got, err := installer.ReadFile(context.Background(), pipeline.ToolGofumpt, "go.mod")
			require.NoError(t, err)
			assert.Equal(t, string(want), string(got))
			assert.Equal(t, test.builds, countBuilds(t, dir))
		})
	}
}
