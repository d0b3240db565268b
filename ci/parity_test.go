package main

import (
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/goccy/go-yaml"

	"lockstep/ci/internal/dagger"
	"lockstep/config"
	"lockstep/internal/pipeline"
	"lockstep/tests/module/recording"
)

// withoutPlanArguments returns a command without the arguments that it has only when a plan is saved or applied.
func withoutPlanArguments(argv []string) []string {
	argv = slices.Clone(argv)
	for _, arguments := range [][]string{pipeline.SavePlanArgs, {"--plan", pipeline.PlanInputFile}} {
		for i := range max(0, len(argv)-len(arguments)+1) {
			if slices.Equal(argv[i:i+len(arguments)], arguments) {
				argv = slices.Delete(argv, i, i+len(arguments))
				break
			}
		}
	}
	// What the caller expects of the assembly and of the plan.
	for _, name := range []string{"--expect-assembly", "--expect-plan"} {
		if i := slices.Index(argv, name); i >= 0 {
			argv = slices.Delete(argv, i, i+2)
		}
	}
	return argv
}

// executions returns what each step of the table has run so far.
func (r *recorder) executions() map[string]recording.Execution {
	out := map[string]recording.Execution{}
	for name, n := range r.containers {
		if !slices.ContainsFunc(table(), func(s pipeline.Step) bool { return s.Name == name }) {
			if !strings.HasPrefix(name, "lockstep approve ") && !strings.HasPrefix(name, "lockstep drift ") &&
				!strings.HasPrefix(name, "lockstep metrics ") {
				panic(name + " is neither a step of the table nor an operation")
			}
			continue
		}
		s := r.readContainer(n)
		one := recording.Execution{Argv: withoutPlanArguments(s.execs[len(s.execs)-1]), Env: s.env, Image: s.image}
		one.Tools = map[string][][]string{}
		for folder, mounted := range s.files {
			if tool, ok := strings.CutPrefix(folder, pipeline.ToolsFolder+"/"); ok {
				one.Tools[tool] = r.readContainer(mounted).execs
			}
		}
		one.Folder = s.workdir
		if s.workdir == pipeline.WorkFolder {
			one.Folder = "."
		}
		one.Expires = s.env["LOCKSTEP_SINCE"] != ""
		one.Secrets = slices.Sorted(maps.Keys(s.secrets))
		for file := range r.fileset(s.files[pipeline.WorkFolder]) {
			if !strings.HasPrefix(file, pipeline.StateDir+"/") && !strings.HasPrefix(file, ".git/") {
				one.Files = append(one.Files, file)
			}
		}
		slices.Sort(one.Files)
		for other, ended := range r.endedAt {
			if ended < r.startedAt[name] {
				one.Before = append(one.Before, other)
			}
		}
		slices.Sort(one.Before)
		out[name] = one
	}
	return out
}

// The recording is compared with the table here, and with the host by the test that reads it.
func TestModule_RunsStepsOfTable(t *testing.T) {
	synctest.Test(t, testStepsOfTable)
}

func testStepsOfTable(t *testing.T) {
	got := recording.Recording{Module: executeAllSteps(t), Pipelines: map[string]map[string]recording.Execution{}}
	for _, l := range pipeline.Pipelines(configuration()) {
		if steps := executePipeline(t, l); l.Trigger != pipeline.Schedule {
			got.Pipelines[l.Name] = steps
		}
	}
	for _, s := range table() {
		one, ok := got.Module[s.Name]
		if !ok && len(s.TriggerPaths) > 0 {
			continue // no file triggers it
		}
		if !ok {
			t.Errorf("%s is not run by any function", s.Name)
			continue
		}
		check(t, slices.Equal(one.Argv, s.Argv(true)), "%s: %v", s.Name, one.Argv)
		for name, value := range s.Env {
			check(t, one.Env[name] == value, "%s: %s=%s", s.Name, name, one.Env[name])
		}
	}
	if file := os.Getenv("LOCKSTEP_RECORD"); file != "" {
		text, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// executeAllSteps calls functions with credentials and returns what every step ran.
func executeAllSteps(t *testing.T) map[string]recording.Execution {
	t.Helper()
	r, m := newRecorder(t, "")
	r.stepTime = time.Second
	credentials := liveCredentials()
	for _, env := range []string{config.AllEnvironments, config.ToolingEnvironment} {
		if _, err := m.Deploy(t.Context(), env, credentials, nil, "", nil, nil, "", ""); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Plan(t.Context(), env, credentials, nil, "", ""); err != nil {
			t.Fatal(err)
		}
	}
	return r.executions()
}

// executePipeline calls the functions that the buildspecs of a pipeline's jobs call, in the order of its stages, and
// returns what every step ran.
func executePipeline(t *testing.T, l pipeline.Pipeline) map[string]recording.Execution {
	t.Helper()
	r, m := newRecorder(t, "")
	r.stepTime = time.Second
	for _, stage := range l.Stages {
		for _, job := range stage.Jobs {
			for _, words := range daggerCalls(t, job) {
				if err := callFunction(t.Context(), m, words); err != nil {
					t.Fatalf("%s, %s: %v: %v", l.Name, job.Name, words, err)
				}
			}
		}
	}
	return r.executions()
}

func TestBuildspecs_NotRunGateFailsJob(t *testing.T) {
	want := []string{string(pipeline.Security)}
	if pipeline.MayBeAbsent(true, configuration().Environments)(pipeline.Step{Name: "osv", Stage: pipeline.Security}) {
		want = nil // the configuration lets this gate be absent
	}
	for _, l := range pipeline.Pipelines(configuration()) {
		if l.Trigger == pipeline.Schedule {
			continue // it has no gates
		}
		r, m := newRecorder(t, "")
		r.exitCodes["osv"], r.outputs["osv"] = pipeline.ExitNotRun, "not run: the database cannot be reached"
		var failed []string
		for _, job := range l.Stages[0].Jobs {
			for _, words := range daggerCalls(t, job) {
				if err := callFunction(t.Context(), m, words); err != nil {
					failed = append(failed, job.Name)
				}
			}
		}
		check(t, slices.Equal(failed, want), "%s: %v", l.Name, failed)
	}
}

// daggerCalls returns the words of every `dagger call` in a job's buildspec, without these two.
func daggerCalls(t *testing.T, job pipeline.Job) [][]string {
	t.Helper()
	text, err := job.Buildspec(config.Engine{})
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Phases map[string]struct{ Commands []string }
	}
	if err := yaml.Unmarshal([]byte(text), &spec); err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for _, command := range spec.Phases["build"].Commands {
		if rest, ok := strings.CutPrefix(command, "dagger call "); ok {
			out = append(out, splitWords(rest))
		}
	}
	if len(out) == 0 {
		t.Errorf("job %s calls nothing", job.Name)
	}
	return out
}

// splitWords splits a command line into words. Quotes may only be around whole words, as in the buildspecs.
func splitWords(line string) []string {
	var out []string
	for line != "" {
		if quote := line[0]; quote == '\'' || quote == '"' {
			word, rest, _ := strings.Cut(line[1:], string(quote))
			out, line = append(out, word), strings.TrimPrefix(rest, " ")
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		out, line = append(out, word), rest
	}
	return out
}

// parseModuleFlags returns a copy of the module with the flags before the function's name applied, and the words after
// them.
func parseModuleFlags(m *Lockstep, words []string) (*Lockstep, []string, error) {
	configured := *m
	for ; strings.HasPrefix(words[0], "--"); words = words[1:] {
		switch isFlag := slices.Contains(functionFlags()["new"], words[0]); {
		case isFlag && words[0] == "--ci":
			configured.CI = true
		case isFlag && words[0] == "--aws-credentials-endpoint":
			configured.CredentialsEndpoint = dag.Host().Service([]dagger.PortForward{{Backend: 80, Frontend: 80}})
			words = words[1:]
		default:
			return nil, nil, fmt.Errorf("the module has no flag %s", words[0])
		}
	}
	return &configured, words, nil
}

// callFunction does what the Dagger command line does with a function's name and flags.
func callFunction(ctx context.Context, m *Lockstep, words []string) error {
	m, words, err := parseModuleFlags(m, words)
	if err != nil {
		return err
	}
	flags := map[string]string{}
	rest := words[1:]
	for len(rest) > 1 && strings.HasPrefix(rest[0], "--") {
		flags[rest[0]], rest = rest[1], rest[2:]
	}
	if len(rest) > 0 && (len(rest) != 3 || rest[0] != "export" || rest[1] != "--path") {
		return fmt.Errorf("%v is not understood", rest)
	}
	for flag := range flags {
		if !slices.Contains(functionFlags()[words[0]], flag) {
			return fmt.Errorf("the function %s has no flag %s", words[0], flag)
		}
	}
	var credentials *dagger.Secret
	switch from := flags["--aws-credentials"]; {
	case from == "env://AWS_CONTAINER_CREDENTIALS_RELATIVE_URI":
		credentials = secret("/v2/credentials/1")
	case from != "":
		credentials = liveCredentials()
	}
	var stacks *dagger.Directory
	if flags["--assembly"] != "" {
		stacks = assembly(append(configuration().Names(), config.ToolingEnvironment)...)
	}
	var plan *dagger.File
	if flags["--plan"] != "" {
		plan = dag.Directory().WithNewFile("plan.json", "{}").File("plan.json")
	}
	switch words[0] {
	case "check":
		_, err = m.Check(ctx)
	case "quality":
		_, err = m.Quality(ctx)
	case "test":
		_, err = m.Test(ctx)
	case "security":
		_, err = m.Security(ctx)
	case "report":
		_, err = m.Report(ctx, GateStage(flags["--stage"]))
	case "synth":
		_, err = m.Synth(ctx)
	case "plan":
		_, err = m.Plan(ctx, flags["--env"], credentials, stacks, flags["--commit"], flags["--expect-assembly"])
	case "plan-file":
		_, err = m.PlanFile(ctx, flags["--env"], credentials, flags["--commit"], flags["--author"], stacks,
			flags["--expect-assembly"])
	case "approve":
		_, err = m.Approve(ctx, plan, flags["--expect-plan"], flags["--approved-in"], flags["--note"], nil, credentials, nil)
	case "drift":
		_, err = m.Drift(ctx, flags["--env"], credentials)
	case "publish-metrics":
		_, err = m.PublishMetrics(ctx, flags["--env"], credentials)
	case "deploy":
		_, err = m.Deploy(ctx, flags["--env"], credentials, stacks, flags["--commit"], plan, nil, flags["--expect-assembly"],
			flags["--expect-plan"])
	case "digests":
		_, err = m.Digests(ctx, stacks)
	default:
		err = fmt.Errorf("the module has no function %s", words[0])
	}
	return err
}

// functionFlags returns the flags of each function from the module's source, named as Dagger names them.
func functionFlags() map[string][]string {
	out := map[string][]string{}
	files, _ := filepath.Glob("*.go")
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			panic(err)
		}
		for _, declared := range file.Decls {
			f, ok := declared.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() {
				continue
			}
			flags := []string{}
			for _, field := range f.Type.Params.List {
				for _, name := range field.Names {
					flags = append(flags, "--"+kebab(name.Name))
				}
			}
			out[functionName(f)] = flags
		}
	}
	return out
}

// functionName returns a function's name as Dagger spells it, with the object before it unless that is the module.
func functionName(f *ast.FuncDecl) string {
	name := kebab(f.Name.Name)
	if f.Recv == nil {
		return name
	}
	receiver := f.Recv.List[0].Type
	if pointer, ok := receiver.(*ast.StarExpr); ok {
		receiver = pointer.X
	}
	if object := receiver.(*ast.Ident).Name; object != "Lockstep" {
		return kebab(object) + " " + name
	}
	return name
}

// kebab returns a Go name in kebab case.
func kebab(name string) string {
	var b strings.Builder
	for i, c := range name {
		if unicode.IsUpper(c) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}

func TestFunctions_HaveComments(t *testing.T) {
	files, _ := filepath.Glob("*.go")
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, ".gen.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, source, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(source), "\n")
		for _, declared := range file.Decls {
			f, ok := declared.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() || f.Recv == nil && f.Name.Name != "New" {
				continue
			}
			check(t, f.Doc != nil, "%s has no comment", f.Name.Name)
			isOneWord := !regexp.MustCompile("[A-Z]{2}").MatchString(f.Name.Name)
			check(t, isOneWord, "an engine splits %s within a word, as j-son for JSON", f.Name.Name)
			// Lists of functions show the first line alone.
			first, _, _ := strings.Cut(f.Doc.Text(), "\n")
			check(t, strings.HasSuffix(first, "."), "the first line of the comment of %s is no sentence: %s", f.Name.Name, first)
			for _, field := range f.Type.Params.List {
				for _, parameter := range field.Names {
					if parameter.Name == "ctx" {
						continue
					}
					above := lines[set.Position(parameter.Pos()).Line-2]
					check(t, strings.Contains(above, "//"), "%s of %s has no comment", parameter.Name, f.Name.Name)
					// The Dagger command line takes a word in backticks for the name of the value's type.
					hasBackticks := strings.Contains(field.Doc.Text(), "`")
					check(t, !hasBackticks, "%s of %s has backticks in its comment", parameter.Name, f.Name.Name)
				}
			}
		}
	}
}
