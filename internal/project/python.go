package project

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"lockstep/internal/fault"
	"lockstep/internal/jsonx"
)

// A PythonProject is a project of Python's that has tests.
type PythonProject struct {
	Folder string
	// Lock is the file that its packages are installed from; empty if it names none.
	Lock string
	// HasCoverage is whether its settings call pytest with options of coverage.
	HasCoverage bool
	// HasSource is whether its packages are in the folder src.
	HasSource bool
}

// pythonProjects are the files by which a folder is a project.
var pythonProjects = []string{"pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "Pipfile"}

// pythonLocks are the files from which packages are installed, in the order in which one counts.
var pythonLocks = []string{
	"uv.lock", "poetry.lock", "Pipfile.lock", "pylock.toml", "requirements.txt", "pyproject.toml",
}

// testFile matches the files in which pytest looks for tests by default.
var testFile = regexp.MustCompile(`^(test_.*|.*_test)\.py$`)

// FindPython returns the projects that have tests. A test without a project is a note.
func FindPython(t Tree) (projects []PythonProject, problems []Problem) {
	folders := foldersOf(t.named(pythonProjects...))
	tested := map[string]bool{}
	for _, file := range t.Files {
		if isForeign(file) || !testFile.MatchString(path.Base(file)) {
			continue
		}
		folder, ok := nearest(folders, file)
		if ok {
			tested[folder] = true
			continue
		}
		problems = append(problems, Problem{
			File: file, Rule: "no-project", IsNote: true, Message: "is a test of no project, so that it is not run: " +
				"there is no pyproject.toml or requirements.txt in its folder or above",
		})
	}
	for _, folder := range folders {
		if tested[folder] {
			projects = append(projects, t.pythonProject(folder))
		}
	}
	return projects, problems
}

// pythonProject returns the project in a folder.
func (t Tree) pythonProject(folder string) PythonProject {
	p := PythonProject{Folder: folder, HasSource: slices.ContainsFunc(t.Files, func(file string) bool {
		return strings.HasPrefix(file, path.Join(folder, "src")+"/")
	})}
	for _, name := range []string{"pyproject.toml", "pytest.ini", "setup.cfg", "tox.ini", ".pytest.ini"} {
		p.HasCoverage = p.HasCoverage || bytes.Contains(t.read(folder, name), []byte("--cov"))
	}
	for _, name := range pythonLocks {
		if p.Lock == "" && t.has(folder, name) && (name != "pyproject.toml" || t.namesPackages(folder)) {
			p.Lock = name
		}
	}
	return p
}

// namesPackages reports whether pyproject.toml has a table of the project, which names its packages. One that cannot
// be read is for the installer to refuse.
func (t Tree) namesPackages(folder string) bool {
	var read struct {
		Project map[string]any `toml:"project"`
	}
	return toml.Unmarshal(t.read(folder, "pyproject.toml"), &read) != nil || read.Project != nil
}

// pythonEnv keeps uv from reading settings of a person, and from fetching another Python.
// Files are copied from its cache: a link would change when another project links to the same file.
var pythonEnv = []string{"UV_PYTHON_DOWNLOADS=never", "UV_NO_PROGRESS=1", "UV_LINK_MODE=copy"}

// RequirementsFile is the file, in the folder of an environment, with the packages of a lock file that uv cannot read.
const RequirementsFile = "requirements.txt"

// InstallPython returns the commands that install the packages of a project into a virtual environment in the folder
// env, an absolute path, and the text of RequirementsFile that they read; empty if they read none.
func InstallPython(t Tree, p PythonProject, env string) (commands []Command, requirements string, err error) {
	venv := path.Join(env, "venv")
	uv := func(args ...string) {
		variables := append(slices.Clone(pythonEnv), "VIRTUAL_ENV="+venv, "UV_PROJECT_ENVIRONMENT="+venv)
		commands = append(commands, Command{Folder: p.Folder, Argv: append([]string{"uv"}, args...), Env: variables})
	}
	uv("venv", "--quiet", "--python", "python3", venv)
	install := []string{"pip", "install", "--quiet"}
	switch p.Lock {
	case "":
	case "uv.lock":
		uv("sync", "--quiet", "--frozen", "--no-install-project", "--no-install-workspace", "--all-groups", "--all-extras",
			"--python", "python3")
	case "pyproject.toml":
		uv(append(install, "--all-extras", "--requirements", p.Lock)...)
	case "requirements.txt":
		for _, name := range t.requirements(p.Folder) {
			uv(append(slices.Clone(install), t.requirementOptions(p.Folder, name)...)...)
		}
	case "pylock.toml":
		uv(append(install, "--requirements", p.Lock)...)
	default:
		if requirements, err = convertLock(p.Lock, t.read(p.Folder, p.Lock)); err != nil {
			return nil, "", err
		}
		uv(append(install, "--require-hashes", "--no-deps", "--requirements", path.Join(env, RequirementsFile))...)
	}
	return commands, requirements, nil
}

// requirementFiles matches the names of files of requirements: for use, for tests, for development.
var requirementFiles = regexp.MustCompile(`^([a-z]+[-_])?requirements([-_.][a-z]+)*\.txt$`)

// requirements returns the files of requirements in the folder and in its folder requirements.
func (t Tree) requirements(folder string) []string {
	var names []string
	for _, file := range t.Files {
		switch dir := path.Dir(file); {
		case dir == folder && requirementFiles.MatchString(path.Base(file)):
			names = append(names, path.Base(file))
		case dir == path.Join(folder, "requirements") && path.Ext(file) == ".txt":
			names = append(names, "requirements/"+path.Base(file))
		}
	}
	return names
}

// requirementOptions returns the options that install a file of requirements, by the hashes if it has any.
func (t Tree) requirementOptions(folder, name string) []string {
	if bytes.Contains(t.read(folder, name), []byte("--hash=")) {
		return []string{"--require-hashes", "--requirements", name}
	}
	return []string{"--requirements", name}
}

// convertLock returns the packages of a lock file of Poetry or Pipenv as requirements with hashes.
func convertLock(name string, text []byte) (string, error) {
	if name == "Pipfile.lock" {
		return convertPipfile(text)
	}
	var lock struct {
		Packages []struct {
			Name, Version string
			Optional      bool
			Markers       any
			Files         []struct{ Hash string }
		} `toml:"package"`
	}
	if err := toml.Unmarshal(text, &lock); err != nil {
		return "", fault.Errorf(fault.SourceUnreadable, "cannot be read: %w", err)
	}
	var b strings.Builder
	for _, p := range lock.Packages {
		if len(p.Files) == 0 { // a folder or a repository
			continue
		}
		fmt.Fprintf(&b, "%s==%s", p.Name, p.Version)
		if marker, ok := p.Markers.(string); ok {
			b.WriteString(" ; " + marker)
		}
		for _, file := range p.Files {
			b.WriteString(" --hash=" + file.Hash)
		}
		b.WriteString("\n")
	}
	return b.String(), nil
}

// convertPipfile returns the packages of Pipfile.lock as requirements.
func convertPipfile(text []byte) (string, error) {
	type lockedPackage struct {
		Version, Markers string
		Hashes           []string
	}
	var lock struct {
		Default map[string]lockedPackage `json:"default"`
		Develop map[string]lockedPackage `json:"develop"`
	}
	if err := jsonx.UnmarshalForeign(text, &lock); err != nil {
		return "", fmt.Errorf("cannot be read: %w", err)
	}
	var lines []string
	for _, packages := range []map[string]lockedPackage{lock.Default, lock.Develop} {
		for name, p := range packages {
			if len(p.Hashes) == 0 {
				continue
			}
			line := name + p.Version
			if p.Markers != "" {
				line += " ; " + p.Markers
			}
			lines = append(lines, line+" --hash="+strings.Join(p.Hashes, " --hash=")+"\n")
		}
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), ""), nil
}
