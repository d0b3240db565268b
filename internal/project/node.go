package project

import (
	"bytes"
	"maps"
	"path"
	"slices"
	"strings"

	"lockstep/internal/jsonx"
)

// A NodePackage is a package of the repository's own, in TypeScript or JavaScript.
type NodePackage struct {
	Folder string
	// Scripts are the scripts of package.json, by their name.
	Scripts map[string]string
	// Lock is the folder of the lock file from which its packages are installed; empty if there is none.
	Lock string
	// HasTypes is whether it has a configuration of the TypeScript compiler, and HasESLint and HasPrettier whether those
	// programs are configured for it.
	HasTypes, HasESLint, HasPrettier bool
	// ESLintOptions are options that ESLint needs with the settings that it has: older ones name no files.
	ESLintOptions []string
	// Dependencies are the packages that it cannot do without, with those of its development, sorted.
	Dependencies []string

	dependencies bool
}

// nodeLocks are the lock files of package managers, in the order in which one counts if there are several.
var nodeLocks = []string{"pnpm-lock.yaml", "yarn.lock", "package-lock.json", "npm-shrinkwrap.json"}

// The settings of programs, by the beginnings of the names of their files.
var (
	eslintSettings   = []string{"eslint.config.", ".eslintrc"}
	prettierSettings = []string{"prettier.config.", ".prettierrc"}
)

// packageJSON is the part of package.json that is read.
type packageJSON struct {
	Scripts              map[string]any `json:"scripts"`
	Dependencies         map[string]any `json:"dependencies"`
	DevDependencies      map[string]any `json:"devDependencies"`
	OptionalDependencies map[string]any `json:"optionalDependencies"`
	ESLint               any            `json:"eslintConfig"`
	Prettier             any            `json:"prettier"`
}

// FindNode returns the packages of the repository, and what keeps one from being checked.
func FindNode(t Tree) (packages []NodePackage, problems []Problem) {
	locks := foldersOf(t.named(nodeLocks...))
	for _, file := range t.named("package.json") {
		folder := path.Dir(file)
		var read packageJSON
		text := bytes.TrimPrefix(t.read(folder, "package.json"), []byte("\xef\xbb\xbf"))
		if err := jsonx.UnmarshalForeign(text, &read); err != nil {
			problems = append(problems, Problem{File: file, Rule: "package-json", Message: "cannot be read: " + err.Error()})
			continue
		}
		p := NodePackage{
			Folder: folder, Scripts: textsOf(read.Scripts), HasTypes: t.has(folder, "tsconfig.json"),
			HasESLint:    read.ESLint != nil || t.isConfigured(folder, eslintSettings),
			HasPrettier:  read.Prettier != nil || t.isConfigured(folder, prettierSettings),
			Dependencies: read.required(),
			dependencies: len(read.Dependencies)+len(read.DevDependencies)+len(read.OptionalDependencies) > 0,
		}
		if !t.isConfigured(folder, eslintSettings[:1]) {
			p.ESLintOptions = []string{"--ext", ".js,.jsx,.cjs,.mjs,.ts,.tsx"}
		}
		p.Lock, _ = nearest(locks, file)
		if p.Lock == "" && p.dependencies {
			problems = append(problems, Problem{
				File: file, Rule: "lock-file", IsNote: true,
				Message: "has dependencies and no lock file, so that they are not installed and its scripts not run: " +
					"commit the lock file of your package manager",
			})
			continue
		}
		packages = append(packages, p)
	}
	return packages, problems
}

// required returns the packages that an installation has to have.
func (p packageJSON) required() []string {
	required := map[string]any{}
	maps.Copy(required, p.Dependencies)
	maps.Copy(required, p.DevDependencies)
	maps.DeleteFunc(required, func(name string, _ any) bool { return p.OptionalDependencies[name] != nil })
	return slices.Sorted(maps.Keys(required))
}

// textsOf returns the values that are texts.
func textsOf(values map[string]any) map[string]string {
	texts := map[string]string{}
	for name, value := range values {
		if text, ok := value.(string); ok {
			texts[name] = text
		}
	}
	return texts
}

// isConfigured reports whether a file in the folder has a name that begins with one of the texts.
func (t Tree) isConfigured(folder string, beginnings []string) bool {
	return slices.ContainsFunc(t.Files, func(file string) bool {
		return path.Dir(file) == folder && slices.ContainsFunc(beginnings, func(beginning string) bool {
			return strings.HasPrefix(path.Base(file), beginning)
		})
	})
}

// nodeEnv keeps package managers from asking, reporting and updating themselves.
var nodeEnv = []string{
	"CI=true", "COLUMNS=120", "npm_config_audit=false", "npm_config_fund=false", "npm_config_update_notifier=false",
	"npm_config_manage_package_manager_versions=false", "npm_config_package_manager_strict=false",
	"npm_config_package_import_method=copy", "COREPACK_ENABLE_STRICT=0", "YARN_ENABLE_TELEMETRY=0",
	"YARN_NODE_LINKER=node-modules", "YARN_ENABLE_SCRIPTS=false",
	"YARN_ENABLE_GLOBAL_CACHE=true", "NEXT_TELEMETRY_DISABLED=1", "HUSKY=0",
}

// NodeEnv returns the variables of a program of the packages, without the network.
func NodeEnv() []string { return append(slices.Clone(nodeEnv), "npm_config_offline=true") }

// yarnRelease begins the line of .yarnrc.yml that names the program of Yarn 2 and newer.
const yarnRelease = "yarnPath:"

// InstallNode returns the commands that install the packages of all lock files, by the folder of the lock file. The
// scripts of the packages do not run.
func InstallNode(t Tree, packages []NodePackage) (commands []Command, problems []Problem) {
	folders := map[string]bool{}
	for _, p := range packages {
		if p.Lock != "" {
			folders[p.Lock] = true
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		argv, problem := installNode(t, folder)
		if problem != nil {
			problems = append(problems, *problem)
			continue
		}
		commands = append(commands, Command{Folder: folder, Argv: argv, Env: nodeEnv})
	}
	return commands, problems
}

// installNode returns the command of the package manager whose lock file is in the folder.
func installNode(t Tree, folder string) ([]string, *Problem) {
	lock := nodeLocks[slices.IndexFunc(nodeLocks, func(name string) bool { return t.has(folder, name) })]
	switch lock {
	case "pnpm-lock.yaml":
		return []string{"pnpm", "install", "--frozen-lockfile", "--ignore-scripts", "--reporter=append-only"}, nil
	case "yarn.lock":
		if !bytes.Contains(t.read(folder, lock), []byte("__metadata:")) {
			return []string{
				"yarn", "install", "--frozen-lockfile", "--ignore-scripts", "--non-interactive", "--no-progress",
			}, nil
		}
		for line := range strings.Lines(string(t.read(folder, ".yarnrc.yml"))) {
			if release, ok := strings.CutPrefix(strings.TrimSpace(line), yarnRelease); ok {
				return []string{"node", strings.Trim(release, " \"'"), "install", "--immutable"}, nil
			}
		}
		return nil, &Problem{
			File: path.Join(folder, lock), Rule: "yarn-release",
			Message: "is of Yarn 2 or newer, whose program is not in the repository: commit it with " +
				"`yarn set version` and `yarnPath`",
		}
	}
	return []string{"npm", "ci", "--ignore-scripts", "--loglevel=error"}, nil
}

// noTest is in the script test that `npm init` writes.
const noTest = "no test specified"

// Script returns the command that runs the first of the scripts that the package has.
func (p NodePackage) Script(names ...string) (Command, bool) {
	for _, name := range names {
		if script := p.Scripts[name]; script != "" && !strings.Contains(script, noTest) {
			return Command{Folder: p.Folder, Argv: []string{"npm", "run", "--silent", name}, Env: NodeEnv()}, true
		}
	}
	return Command{}, false
}
