package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lockstep/internal/pipeline"
)

// origins returns the fields in which the chains that a folder is made from begin.
func (r *recorder) origins(n *node) []string {
	var out []string
	for ; n != nil; n = n.parent {
		if n.parent == nil {
			out = append(out, n.field)
		}
		for _, argument := range []string{"source", "directory"} {
			if id, _ := n.args[argument].(string); id != "" {
				out = append(out, r.origins(r.node(id))...)
			}
		}
	}
	return out
}

// The program and its tools are made from the module's own sources: a repository in any language gets them, and cannot
// change them.
func TestProgram_IsMadeFromModuleAlone(t *testing.T) {
	r, m := newRecorder(t, "")
	if _, err := m.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	programs := map[string]bool{}
	for _, n := range r.containers {
		for where, mounted := range r.readContainer(n).files {
			if where != pipeline.SelfFile && !strings.HasPrefix(where, pipeline.ToolsFolder+"/") {
				continue
			}
			programs[where] = true
			origins := r.origins(mounted)
			check(t, slices.Contains(origins, "currentModule"), "%s is not made from the module: %v", where, origins)
			for _, inputs := range r.readContainer(mounted).files {
				check(t, !slices.Contains(r.origins(inputs), "currentWorkspace"), "%s is made from the caller's files", where)
			}
		}
	}
	check(t, len(programs) > 10, "%v", programs)
}

// What the module carries along has to be enough to build the program, and no more.
func TestProgram_CarriesInputsOfItsBuild(t *testing.T) {
	steps := []pipeline.Step{pipeline.BinaryStep}
	for name, tool := range pipeline.Tools {
		if tool.Kind != pipeline.Preinstalled {
			steps = append(steps, pipeline.InstallStep(name))
		}
	}
	isInput := func(name string) bool {
		return slices.ContainsFunc(steps, func(s pipeline.Step) bool { return pipeline.Matches(s.Inputs, name) })
	}
	for _, name := range repositoryFiles() {
		carried := slices.Contains(programFiles(), name)
		check(t, carried == isInput(name), "%s is carried along: %v, and an input: %v", name, carried, isInput(name))
	}
}

func TestFind_FindsProjectOfCaller(t *testing.T) {
	for name, test := range map[string]struct {
		nearest, found, folder string
		hasHistory             bool
	}{
		"the repository":         {"", "/config/pipeline.yaml", "/", false},
		"a folder of a monorepo": {"", "/apps/shop/config/pipeline.yaml", "/apps/shop/", true},
		"above a folder of the same name": {
			"/apps/shop/src/config", "/apps/shop/config/pipeline.yaml", "/apps/shop/", true,
		},
		"none: the folder itself":           {"", "", ".", true},
		"none: another folder of that name": {"/apps/shop/config", "", ".", true},
		"none: such a folder at the root":   {"/config", "", ".", true},
	} {
		t.Run(name, func(t *testing.T) {
			r, m := newRecorder(t, "")
			r.workspaceFiles[projectFile], r.workspaceFiles["config"] = test.found, test.nearest
			where, err := m.find(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			check(t, where.folder == test.folder, "%q", where.folder)
			check(t, (where.commits != nil) == test.hasHistory, "the history is %v", where.commits)
		})
	}
}

// New runs in every call, so it asks for nothing that takes its time.
func TestNew_AsksNothing(t *testing.T) {
	r, _ := newRecorder(t, "")
	check(t, len(r.requests) == 0, "it asked for %s", r.requests)
}

// What New returns does not say which files there are, so each function says how long its result holds, and New itself
// does: the settings of a call are no part of the key under which an engine would keep what New returned.
func TestFunctions_SayHowLongTheirResultHolds(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			f, isFunction := declaration.(*ast.FuncDecl)
			if !isFunction || !f.Name.IsExported() {
				continue
			}
			check(t, strings.Contains(f.Doc.Text(), "+cache="), "%s of %s has no +cache", f.Name.Name, name)
			if f.Name.Name == "New" {
				contains(t, f.Doc.Text(), `+cache="session"`)
			}
		}
	}
}

// The history of a monorepo is an input of the steps that read commits, and of no other.
func TestContainer_HistoryOfMonorepo(t *testing.T) {
	r, m := newRecorder(t, "")
	r.workspaceFiles[projectFile] = monorepoFolder + projectFile
	if _, err := m.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range table() {
		if n := r.containers[s.Name]; n != nil {
			has := r.fileset(r.readContainer(n).files[pipeline.WorkFolder])[".git/HEAD"]
			check(t, has == slices.Contains(s.Inputs, pipeline.History), "%s has the history: %v", s.Name, has)
		}
	}
}

// Without a configuration nothing is run, and the message says how to get one.
func TestFunctions_WithoutConfigurationRunNothing(t *testing.T) {
	r, m := newRecorder(t, "")
	r.workspaceFiles[projectFile], r.workspaceFiles["config"] = "", ""
	for name, call := range map[string]func() error{
		"check":  func() error { _, err := m.Check(t.Context()); return err },
		"synth":  func() error { _, err := m.Synth(t.Context()); return err },
		"deploy": func() error { _, err := m.Deploy(t.Context(), "acc", nil, nil, "", nil, nil, "", ""); return err },
	} {
		contains(t, errorText(call()), "the current folder and those above it hold no config/pipeline.yaml",
			"nothing was run", "--source", "dagger call init")
		check(t, len(r.containers) == 0 && len(r.servicesStarted) == 0, "%s ran something", name)
	}
}

func TestFind_RefusesSettingsThatGiveRights(t *testing.T) {
	for text, refused := range map[string]string{
		"lockstep_deploy_awsCredentials=cmd://aws":           "lockstep_deploy_awsCredentials",
		"export LOCKSTEP_PLAN_FILE_AWS_CREDENTIALS=env://X":  "LOCKSTEP_PLAN_FILE_AWS_CREDENTIALS",
		"# ours\nship_deploy_allow=data-loss":                "ship_deploy_allow",
		"lockstep_awsCredentialsEndpoint=tcp://elsewhere:80": "lockstep_awsCredentialsEndpoint",
		"lockstep_unlock_holder=somebody":                    "lockstep_unlock_holder",
		"lockstep_deploy_env=acc\nlockstep_ci=true":          "",
		"# lockstep_deploy_allow=data-loss":                  "",
		"MY_AWS_CREDENTIALS=1\nSTRIPE_PLAN=pro":              "",
	} {
		check(t, findRights(text) == refused, "%q: %q", text, findRights(text))
	}
	for text, refused := range map[string]string{
		`{"toolchains":[{"customizations":[{"function":["deploy"],"argument":"allow","default":"data-loss"}]}]}`: "allow",
		`{"toolchains":[{"customizations":[{"argument":"aws-role","default":"arn"}]}]}`:                          "aws-role",
		`{"toolchains":[{"customizations":[{"function":["deploy"],"argument":"env","default":"acc"}]}]}`:         "",
		`{"name":"shop","source":"ci"}`: "",
	} {
		check(t, findCustomizedRights(text) == refused, "%s: %q", text, findCustomizedRights(text))
	}
	for text, refused := range map[string]string{
		"[modules.lockstep.settings]\nawsRole = \"arn\"":                           "awsRole",
		"env.acc.modules.ship.settings.\"aws-credentials-endpoint\" = \"tcp://x\"": "aws-credentials-endpoint",
		"[env.acc.modules.lockstep]\nsettings = { environment = \"acc\" }":         "",
		"# awsRole belongs into a file of your own":                                "",
		"[modules.lockstep.settings]\n\"aws\\u0052ole\" = \"arn\"":                 "awsRole",
		"[[modules.lockstep.settings]]\n'AWS-ROLE' = \"arn\"":                      "AWS-ROLE",
		"list = [[{ aws_role = 1 }]]":                                              "aws_role",
		"text = \"\"\"\nawsRole = 'arn'\n\"\"\"":                                   "",
		"[modules.lockstep.settings]\nowner = \"awsRole = x\"":                     "",
	} {
		check(t, findWorkspaceRights(text) == refused, "%q: %q", text, findWorkspaceRights(text))
	}
	contains(t, findWorkspaceRights("awsRole"), "cannot be read as TOML")
	r, m := newRecorder(t, "")
	r.workspaceFiles[".env"] = "/.env"
	r.contents = "lockstep_deploy_allow=data-loss"
	_, err := m.find(t.Context())
	contains(t, errorText(err), ".env of the repository sets lockstep_deploy_allow, which gives rights")
	r.contents = "lockstep_deploy_env=acc"
	_, err = m.find(t.Context())
	check(t, err == nil, "%v", err)
}

// Each file from which Dagger takes defaults is read, on either line of versions, and so for files that are passed.
func TestFind_ReadsEachFileWithSettings(t *testing.T) {
	for file, text := range map[string]string{
		".env":        "lockstep_awsRole=arn",
		"dagger.json": `{"toolchains":[{"customizations":[{"argument":"awsRole","default":"arn"}]}]}`,
		"dagger.toml": "[modules.lockstep.settings]\nawsRole = \"arn\"",
	} {
		r, m := newRecorder(t, "")
		r.workspaceFiles[file], r.contents = "/"+file, text
		_, err := m.find(t.Context())
		m.Source = dag.Directory()
		_, passed := m.find(t.Context())
		check(t, errorText(err) == errorText(passed), "with --source: %v", passed)
		contains(t, errorText(err), file+" of the repository sets ", "gives rights", "or pass the argument")
		// An engine of 0.21 reads the whole repository for a file of the workspace.
		asksFile := func(request string) bool {
			return strings.Contains(request, "workspaceFile") ||
				strings.Contains(request, "currentWorkspace{file(")
		}
		check(t, !slices.ContainsFunc(r.requests, asksFile), "the whole repository is read: %s", r.requests)
	}
}

// Every argument that gives rights belongs to a function that refuseSettings knows.
func TestRightsArguments_CoverAllFunctions(t *testing.T) {
	for function, flags := range functionFlags() {
		for _, argument := range rightsArguments {
			if slices.Contains(flags, "--"+kebab(argument)) {
				name := function[strings.LastIndexByte(function, ' ')+1:]
				check(t, slices.Contains(accountFunctions, name), "%s takes --%s", function, kebab(argument))
			}
		}
	}
}

func TestDeploy_RecordsCommit(t *testing.T) {
	const commit = "5f0c1d2e"
	for name, test := range map[string]struct {
		commit, given string
		uncommitted   []string
		want          string
	}{
		"that is checked out": {commit: commit, want: commit},
		"with a change that is deployed": {
			commit: commit, uncommitted: []string{"config/pipeline.yaml"}, want: commit + "+",
		},
		"with files that no step reads": {
			commit: commit, uncommitted: []string{"node_modules/x", ".lockstep/y"}, want: commit,
		},
		"that the caller names":             {commit: commit, given: "abc", want: "abc"},
		"none, in a folder without commits": {},
	} {
		t.Run(name, func(t *testing.T) {
			r, m := newRecorder(t, "")
			r.commit, r.uncommitted = test.commit, test.uncommitted
			if _, err := m.Deploy(t.Context(), "acc", nil, nil, test.given, nil, nil, "", ""); err != nil {
				t.Fatal(err)
			}
			got := r.readContainer(r.containers["deploy:acc"]).env["LOCKSTEP_COMMIT"]
			check(t, got == test.want, "%q", got)
		})
	}
}

// Of a monorepo the engine has the project's files alone, so those of others seem to be removed.
func TestDeploy_RecordsCommitOfMonorepo(t *testing.T) {
	for changed, want := range map[string]string{
		"apps/shop/config/pipeline.yaml": "5f0c1d2e+", "apps/other/config/pipeline.yaml": "5f0c1d2e",
		"apps/shop/node_modules/x": "5f0c1d2e", "config/pipeline.yaml": "5f0c1d2e",
	} {
		r, m := newRecorder(t, "")
		r.commit, r.uncommitted = "5f0c1d2e", []string{changed}
		r.workspaceFiles[projectFile] = monorepoFolder + projectFile
		if _, err := m.Deploy(t.Context(), "acc", nil, nil, "", nil, nil, "", ""); err != nil {
			t.Fatal(err)
		}
		got := r.readContainer(r.containers["deploy:acc"]).env["LOCKSTEP_COMMIT"]
		check(t, got == want, "%s: %q, not %q", changed, got, want)
		hasFiles := slices.ContainsFunc(r.requests, func(request string) bool {
			return strings.Contains(request, `withDirectory(path:"apps/shop"`) && strings.Contains(request, "uncommitted")
		})
		check(t, hasFiles, "the changes are compared without the project's files")
	}
}

// Files that a caller passes with --source are ignored as those of the caller's repository are.
func TestNew_IgnoresSameFilesEverywhere(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "main.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var pragma string
	for _, group := range file.Comments {
		for _, c := range group.List {
			if strings.HasPrefix(c.Text, "// +ignore=") {
				pragma = c.Text
			}
		}
	}
	want := `// +ignore=["` + strings.Join(ignoredFiles, `", "`) + `"]`
	check(t, pragma == want, "%s, not %s", pragma, want)
}
