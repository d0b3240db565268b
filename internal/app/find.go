package app

import (
	"cmp"
	"context"
	"encoding/xml"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"lockstep/config"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/jsonx"
)

// A Found is what a repository says about its CDK app.
type Found struct {
	// Folder is the folder of cdk.json, relative to the repository; empty for the repository itself.
	Folder string
	// Command is the command of cdk.json, and Language the language of the app.
	Command, Language string
	// Compile is the command that compiles the app first; empty if that of cdk.json does it.
	Compile string
	// Packages is the program that installs the app's packages; empty if it is not known.
	Packages string
	// Install is the command that installs them; empty where running the app does.
	Install string
	// Name is the name that the app's packages have; empty if they have none.
	Name string
	// ToolkitStack is the stack of `cdk bootstrap` that cdk.json names; empty for that of the CDK.
	ToolkitStack string
}

// Run returns the command that compiles the app, if that is needed, and runs it.
func (f Found) Run() string {
	if f.Compile == "" {
		return f.Command
	}
	return f.Compile + " && " + f.Command
}

// maxDepth is how deep below the repository's root an app is looked for. Monorepos have theirs in
// source/packages/@SCOPE.
const maxDepth = 5

// skippedFolders hold no app of the repository's own.
var skippedFolders = []string{
	".git", ".lockstep", nodeModulesDir, "cdk.out", ".venv", "venv", "target", "vendor", "dist",
}

// Find returns what the repository says about its app. The folder is where to look, relative to the repository; an
// empty one is looked for.
func Find(root, folder string) (Found, error) {
	folders := []string{folder}
	if folder == "" {
		var err error
		if folders, err = settingsFolders(root); err != nil {
			return Found{}, err
		}
	}
	switch {
	case len(folders) == 0:
		return Found{}, fault.Errorf(fault.AppUnknown, "no CDK app was found: there is no %s in %s, nor up to %d folders "+
			"below it; change to the app's repository, or name the app's folder with --folder", settingsFile, root, maxDepth)
	case len(folders) > 1:
		return Found{}, fault.Errorf(fault.AppUnknown, "there are several CDK apps, in %s: name the folder of one with "+
			"--folder", strings.Join(folders, ", "))
	}
	f := Found{Folder: strings.TrimPrefix(path.Clean(folders[0]), ".")}
	app := App{Root: root, Folder: f.Folder}
	settings, err := ReadSettings(app.dir())
	if err != nil {
		return f, err
	}
	if settings.App == "" {
		return f, fault.Errorf(fault.AppUnknown, "no command runs the CDK app: %s has no `app`", app.shown(settingsFile))
	}
	f.Command = app.executable(string(settings.App))
	app.Command = f.Command
	if settings.Build == "" {
		f.Compile = app.compileCommand()
	}
	f.Language, f.Packages = app.language()
	f.Install = app.packageProgram(f.Language).install
	f.Name = app.packageName()
	f.ToolkitStack = settings.ToolkitStack
	return f, nil
}

// settingsFolders returns the folders that hold a cdk.json: the repository's root alone if it does.
func settingsFolders(root string) ([]string, error) {
	if _, err := os.Stat(filepath.Join(root, settingsFile)); err == nil {
		return []string{"."}, nil
	}
	var folders []string
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && name == ".":
			return err
		case err != nil, entry.IsDir() && (slices.Contains(skippedFolders, path.Base(name)) ||
			strings.Count(name, "/") >= maxDepth):
			return fs.SkipDir
		case path.Base(name) == settingsFile:
			folders = append(folders, path.Dir(name))
		}
		return nil
	})
	return folders, err
}

// languages are the signs of languages: in the app's command, or else among the files of its folders. The first that
// fits decides.
var languages = []struct {
	language string
	command  *regexp.Regexp
	files    []string
}{
	{"java", regexp.MustCompile(`\b(mvnw?|gradlew?|java)\b`), []string{"pom.xml", "build.gradle", "build.gradle.kts"}},
	{"python", regexp.MustCompile(`\b(python[0-9.]*|uv|poetry|pipenv)\b`), []string{"pyproject.toml", "requirements.txt"}},
	{"go", regexp.MustCompile(`\bgo (mod|run|build)\b`), []string{"go.mod"}},
	{"typescript", regexp.MustCompile(`\.m?ts\b|\bts-node\b|\btsx\b`), []string{"tsconfig.json"}},
	{"javascript", nodeCommand, []string{"package.json"}},
}

// A packageProgram is a program that installs the packages of a language.
type packageProgram struct {
	language string
	// file shows that a repository has the program: a lock file, which decides before a manifest does.
	file   string
	isLock bool
	name   string
	// install is the command that installs the packages in the repository; empty where running the app does.
	install string
}

var packagePrograms = []packageProgram{
	{"typescript", "pnpm-lock.yaml", true, "pnpm", "pnpm install --frozen-lockfile"},
	{"typescript", "yarn.lock", true, "yarn", "yarn install --frozen-lockfile"},
	{"typescript", "bun.lock", true, "bun", "bun install --frozen-lockfile"},
	{"typescript", "bun.lockb", true, "bun", "bun install --frozen-lockfile"},
	{"typescript", "package-lock.json", true, "npm", "npm ci"},
	{"typescript", "npm-shrinkwrap.json", true, "npm", "npm ci"},
	{"typescript", "package.json", false, "npm", "npm install"},
	{"python", "uv.lock", true, "uv", "uv sync --frozen"},
	{"python", "poetry.lock", true, "poetry", "POETRY_VIRTUALENVS_IN_PROJECT=true poetry install"},
	{"python", "Pipfile.lock", true, "pipenv", "PIPENV_VENV_IN_PROJECT=1 pipenv sync"},
	{"python", "requirements.txt", false, "pip", "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt"},
	{"python", "pyproject.toml", false, "pip", "python3 -m venv .venv && .venv/bin/pip install ."},
	{"java", "pom.xml", false, "maven", ""},
	{"java", "build.gradle", false, "gradle", ""},
	{"java", "build.gradle.kts", false, "gradle", ""},
	{"go", "go.mod", false, "go", ""},
}

// packageProgram returns the program that installs the packages of a language: that of the nearest lock file, or else
// of the nearest manifest. It is the zero packageProgram if the repository has neither.
func (a App) packageProgram(language string) packageProgram {
	if language == "javascript" {
		language = "typescript"
	}
	for _, isLock := range []bool{true, false} {
		for _, dir := range a.folders() {
			for _, p := range packagePrograms {
				if p.language != language || p.isLock != isLock {
					continue
				}
				if _, err := os.Stat(filepath.Join(dir, p.file)); err == nil {
					return p
				}
			}
		}
	}
	return packageProgram{}
}

// language returns the language of the app and the program that installs its packages; empty if they are not known.
func (a App) language() (language, packages string) {
	for _, l := range languages {
		if l.command.MatchString(a.Command) {
			language = l.language
			break
		}
	}
	for _, l := range languages {
		if language == "" && a.find(l.files...) != "" {
			language = l.language
		}
	}
	return language, a.packageProgram(language).name
}

// projectName matches the name of the project in pyproject.toml.
var projectName = regexp.MustCompile(`(?m)^name\s*=\s*"([^"]+)"`)

// maxPackageBytes is more than a package's description has, in bytes.
const maxPackageBytes = 1 << 20

// packageFiles are the files that name a package, and how each names it; empty if it does not.
var packageFiles = []struct {
	file string
	name func(text []byte) string
}{
	{"package.json", func(text []byte) string { return lastElement(parseNodePackage(text).Name) }},
	{"pyproject.toml", func(text []byte) string {
		if match := projectName.FindSubmatch(text); match != nil {
			return string(match[1])
		}
		return ""
	}},
	{"pom.xml", func(text []byte) string {
		var p struct {
			Name string `xml:"artifactId"`
		}
		_ = xml.Unmarshal(text, &p)
		return strings.TrimSpace(p.Name)
	}},
	{"go.mod", func(text []byte) string {
		prefix, _, _ := module.SplitPathVersion(modfile.ModulePath(text))
		return lastElement(prefix)
	}},
}

// A nodePackage is what a package.json says of a package.
type nodePackage struct {
	Name    string            `json:"name"`
	Scripts map[string]string `json:"scripts"`
}

// parseNodePackage reads a package.json. One that cannot be read says nothing: the program of the packages reports it.
func parseNodePackage(text []byte) nodePackage {
	var p nodePackage
	_ = jsonx.UnmarshalForeign(text, &p)
	return p
}

// lastElement returns the last element of a package's name, such as orders of @acme/orders; empty for none.
func lastElement(name string) string {
	if name == "" {
		return ""
	}
	return path.Base(name)
}

// packageName returns the name that the package of the app has; empty if it has none.
func (a App) packageName() string {
	for _, p := range packageFiles {
		text, err := fsx.ReadFile(a.find(p.file), maxPackageBytes)
		if err != nil {
			continue
		}
		if name := p.name(text); name != "" {
			return name
		}
	}
	return ""
}

// Preview synthesises the app for an account into the folder out, or for no account in particular if that is the zero
// Account.
func (a App) Preview(ctx context.Context, out string, account config.Account) error {
	settings, err := ReadSettings(a.dir())
	if err != nil {
		return err
	}
	a.Command = cmp.Or(a.Command, a.executable(string(settings.App)))
	if err := a.prepare(ctx, string(settings.Build)); err != nil {
		return err
	}
	return a.run(ctx, execution{out: out, account: account, context: settings.Context})
}
