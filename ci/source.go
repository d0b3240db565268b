package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"

	"lockstep/ci/internal/dagger"
	"lockstep/internal/pipeline"
)

// projectFile is the file by which a project's root is known, relative to it.
const projectFile = "config/pipeline.yaml"

// ignoredFiles are the patterns of what no step reads: outputs, installed dependencies, and what may hold secrets. The
// argument source of New ignores the same.
var ignoredFiles = []string{
	pipeline.StateDir, "**/node_modules", "ci/internal", "ci/dagger.gen.go", "**/.env", "**/.venv",
}

// A place is where a project's files are.
type place struct {
	// program holds the sources of this program and of its tools.
	program *dagger.Directory
	// source is the project's root.
	source *dagger.Directory
	// folder is the project's folder in the caller's repository, as /apps/shop; empty if the caller has passed the files.
	folder string
	// commits holds the folder .git of the repository if the project is a folder of it; nil if source has it.
	commits *dagger.Directory
}

// find returns where the project's files are. It is an error if a file of the caller's repository gives rights, so
// nothing of the repository is read but through find.
//
// Functions call it, and not New, so that New has nothing to wait for.
func (m *Lockstep) find(ctx context.Context) (place, error) {
	workspace := callersRepository()
	found := place{source: m.Source}
	// All are asked at once, because each question takes its time.
	var program *dagger.Directory
	var refused, unread, err error
	var questions sync.WaitGroup
	questions.Go(func() { refused = refuseSettings(ctx, workspace) })
	questions.Go(func() { program, unread = programSource(ctx) })
	if m.Source == nil {
		found, err = findSource(ctx, workspace)
	}
	questions.Wait()
	found.program = program
	return found, cmp.Or(refused, err, unread)
}

// callersRepository returns the repository that the caller is in.
//
// Engines of either line answer this query. Those of 1.0 generate no dag.CurrentWorkspace for modules. A function there
// takes the repository as an argument, which the callers in other modules would have to pass on.
func callersRepository() *dagger.Workspace {
	return new(dagger.Workspace).WithGraphQLQuery(dag.QueryBuilder().Select("currentWorkspace"))
}

// findSource returns the nearest folder of the caller's repository that holds a configuration, from the current folder
// upwards. If there is none, it is the current folder.
func findSource(ctx context.Context, workspace *dagger.Workspace) (place, error) {
	root, err := findProject(ctx, workspace)
	if err != nil {
		return place{}, messageError("the current folder cannot be read", err)
	}
	found := place{folder: root}
	// The files are on their way to the engine while the settings are read.
	found.source, err = workspace.Directory(root, dagger.WorkspaceDirectoryOpts{Exclude: ignoredFiles}).Sync(ctx)
	if err != nil {
		return place{}, messageError("the project's files cannot be read", err)
	}
	if root != "/" {
		found.commits = workspace.Directory("/", dagger.WorkspaceDirectoryOpts{Include: historyFiles})
	}
	return found, nil
}

// findProject returns the nearest folder that holds a configuration, from the current one upwards, as /apps/shop/. It
// is the current folder if there is none. Engines of 1.0 look for names and not for paths, so each folder with the name
// is looked into.
func findProject(ctx context.Context, workspace *dagger.Workspace) (string, error) {
	for from := "."; ; {
		folder, err := workspace.FindUp(ctx, path.Dir(projectFile), dagger.WorkspaceFindUpOpts{From: from})
		if err != nil || folder == "" {
			return ".", err
		}
		file, err := workspace.FindUp(ctx, path.Base(projectFile), dagger.WorkspaceFindUpOpts{From: folder})
		if err != nil {
			return "", err
		}
		if root, isFound := strings.CutSuffix(file, projectFile); isFound && path.Dir(file) == folder {
			return root, nil
		}
		above := path.Dir(folder)
		if above == "/" {
			return ".", nil
		}
		from = path.Dir(above)
	}
}

// historyFiles are the patterns of the files that hold the commits.
var historyFiles = []string{pipeline.History, pipeline.History + "/**"}

// noProjectError returns the error for a source without a configuration.
func (f place) noProjectError() error {
	where := "the source directory holds"
	if f.folder != "" {
		where = "the current folder and those above it hold"
	}
	return fmt.Errorf("%s no %s, so nothing was run: call from the project's folder, or pass its root with "+
		"--source. A project without one gets it from the function init: "+
		"dagger call init --tooling ACCOUNT --environments NAME=ACCOUNT/REGION export --path .", where, projectFile)
}

// rightsArguments are the arguments that give a call rights, or allow what has to be allowed by name. Each belongs to
// a person or a job, never to a repository.
var rightsArguments = []string{
	"awsCredentials", "awsCredentialsEndpoint", "awsRole", "allow", "plan", "approvedIn", "holder", "remove",
}

// moduleRightsArguments are those of rightsArguments that all functions share.
var moduleRightsArguments = []string{"awsCredentialsEndpoint", "awsRole"}

// A settingsFile is a file of a repository from which Dagger takes the defaults of arguments: how to find those that
// give rights, and where a person sets them instead.
type settingsFile struct {
	name, instead string
	find          func(text string) string
}

// settingsFiles are all of them.
var settingsFiles = []settingsFile{
	{".env", "set it in a .env in a folder above the repository", findRights},
	{"dagger.json", "set it in a .env in a folder above the repository", findCustomizedRights},
	{workspaceFile, "set it in ~/.config/dagger/config.toml, which is Dagger's file of your own", findWorkspaceRights},
}

// refuseSettings returns an error if a file of the caller's repository would set an argument that gives rights: whoever
// can change the repository would set it for everyone who calls a function in it.
func refuseSettings(ctx context.Context, workspace *dagger.Workspace) error {
	errs := make([]error, len(settingsFiles))
	var all sync.WaitGroup
	for i, file := range settingsFiles {
		all.Go(func() { errs[i] = file.refuse(ctx, workspace) })
	}
	all.Wait()
	return cmp.Or(errs...)
}

// refuse returns an error if the file of the caller's repository would set an argument that gives rights.
func (f settingsFile) refuse(ctx context.Context, workspace *dagger.Workspace) error {
	name, err := workspace.FindUp(ctx, f.name)
	if err != nil {
		return messageError("the current folder cannot be read", err)
	}
	if name == "" {
		return nil
	}
	// An engine makes a file of the whole repository, which it has read for that, and a folder of what is included alone.
	only := dagger.WorkspaceDirectoryOpts{Include: []string{f.name}}
	text, err := workspace.Directory(path.Dir(name), only).File(f.name).Contents(ctx)
	name = strings.TrimPrefix(name, "/")
	if err != nil {
		return messageError(name+" cannot be read", err)
	}
	if setting := f.find(text); setting != "" {
		return fmt.Errorf("%s of the repository sets %s, which gives rights to whoever calls a function there: remove "+
			"it, and %s, or pass the argument", name, setting, f.instead)
	}
	return nil
}

// findCustomizedRights returns the first of rightsArguments to which a dagger.json gives a value for a module that the
// repository has installed; empty if there is none. A file that is no JSON sets nothing: Dagger refuses it.
func findCustomizedRights(text string) string {
	var settings struct {
		Toolchains []struct {
			Customizations []struct{ Argument string }
		}
	}
	_ = json.Unmarshal([]byte(text), &settings)
	for _, toolchain := range settings.Toolchains {
		for _, c := range toolchain.Customizations {
			isSame := func(argument string) bool { return plainName(argument) == plainName(c.Argument) }
			if slices.ContainsFunc(rightsArguments, isSame) {
				return c.Argument
			}
		}
	}
	return ""
}

// findWorkspaceRights returns the first of moduleRightsArguments that a dagger.toml gives a value, whatever the module
// or environment is; empty if there is none. Settings are arguments of all functions, and of no single one. What cannot
// be parsed here may be parsed elsewhere, so it is returned as what gives rights.
func findWorkspaceRights(text string) string {
	var settings map[string]any
	if err := toml.Unmarshal([]byte(text), &settings); err != nil {
		return "what cannot be read as TOML (" + err.Error() + ")"
	}
	return findRightsKey(settings)
}

// findRightsKey returns the first of moduleRightsArguments that is a key anywhere in a value; empty if there is none.
func findRightsKey(value any) string {
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			isSame := func(argument string) bool { return plainName(argument) == plainName(key) }
			if slices.ContainsFunc(moduleRightsArguments, isSame) {
				return key
			}
			if found := findRightsKey(value[key]); found != "" {
				return found
			}
		}
	case []any:
		for _, item := range value {
			if found := findRightsKey(item); found != "" {
				return found
			}
		}
	}
	return ""
}

// plainName returns a name without what differs between its spellings: case, dashes and underscores.
func plainName(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name))
}

// findRights returns the first entry of a .env file that sets one of rightsArguments of a function of this module;
// empty if there is none. An entry's name ends in those of the function and the argument, in any case, with or without
// underscores.
func findRights(text string) string {
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		name, _, isEntry := strings.Cut(strings.TrimPrefix(strings.TrimSpace(lines.Text()), "export "), "=")
		name = strings.TrimSpace(name)
		lower := plainName(name)
		setsRights := func(argument string) bool {
			function, isArgument := strings.CutSuffix(lower, plainName(argument))
			isOwn := func(name string) bool { return strings.HasSuffix(function, strings.ReplaceAll(name, "-", "")) }
			isModuleWide := slices.Contains(moduleRightsArguments, argument) // it has no function's name before it
			return isArgument && (isModuleWide || slices.ContainsFunc(accountFunctions, isOwn))
		}
		if isEntry && !strings.HasPrefix(name, "#") && slices.ContainsFunc(rightsArguments, setsRights) {
			return name
		}
	}
	return ""
}

// accountFunctions are the names of the functions, of any object, that reach accounts or take what does; new is that of
// the module's own arguments.
var accountFunctions = []string{
	"apply", "approve", "board", "deploy", "diagnose", "drift", "environment", "garbage", "metrics", "new", "plan",
	"plan-file",
	"publish-metrics", "rollback", "rollback-file", "status", "unlock", "verify",
}

// commit returns the commit that is checked out in the caller's repository, with a plus sign if files that the steps
// read are not those of the commit, as the command line writes it. It is empty if there is no history.
func (p *project) headCommit(ctx context.Context) string {
	found, err := p.history.Glob(ctx, pipeline.History+"/HEAD")
	if err != nil || len(found) == 0 {
		return "" // it is no repository, or one whose history is in another folder
	}
	repository := p.withFiles().AsGit()
	var mark string
	var changes sync.WaitGroup
	changes.Go(func() {
		if p.hasUncommitted(ctx, repository.Uncommitted()) {
			mark = "+"
		}
	})
	commit, err := repository.Head().Commit(ctx)
	changes.Wait()
	if err != nil {
		return ""
	}
	return commit + mark
}

// withFiles returns the folder of the repository with its history and the project's files, and no others.
func (p *project) withFiles() *dagger.Directory {
	if p.folder == "" {
		return p.history
	}
	return p.history.WithDirectory(p.folder, p.source)
}

// hasUncommitted reports whether the changeset has files that steps read, other than gates. In doubt it is true.
func (p *project) hasUncommitted(ctx context.Context, changes *dagger.Changeset) bool {
	isInput := func(name string) bool {
		if p.folder != "" {
			inner, isIn := strings.CutPrefix(name, p.folder+"/")
			if !isIn {
				return false // of another project, whose files are not here
			}
			name = inner
		}
		if matchesFolder(ignoredFiles, name) {
			return false
		}
		return slices.ContainsFunc(p.graph.Steps(), func(s pipeline.Step) bool { return !s.IsGate() && s.DependsOn(name) })
	}
	lists := []func(context.Context) ([]string, error){changes.AddedPaths, changes.ModifiedPaths, changes.RemovedPaths}
	found := make([]bool, len(lists))
	var all sync.WaitGroup
	for i, list := range lists {
		all.Go(func() {
			paths, err := list(ctx)
			found[i] = err != nil || slices.ContainsFunc(paths, isInput)
		})
	}
	all.Wait()
	return slices.Contains(found, true)
}

// matchesFolder reports whether a pattern matches the file or one of the folders that it is in.
func matchesFolder(patterns []string, name string) bool {
	for _, pattern := range patterns {
		if pipeline.Matches([]string{pattern, pattern + "/**"}, name) {
			return true
		}
	}
	return false
}
