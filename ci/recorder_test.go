package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "dagger.io/dagger"
	"github.com/bmatcuk/doublestar/v4"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"lockstep/ci/internal/dagger"
	"lockstep/internal/pipeline"
)

// repository is the folder of the project that the functions are called for: a copy of the repository with the
// configuration of the fixture platform.
var repository = os.Getenv("LOCKSTEP_REPOSITORY")

func TestMain(m *testing.M) {
	if repository == "" {
		fmt.Fprintln(os.Stderr, "LOCKSTEP_REPOSITORY names no project: run `go test ./tests/module`, which makes one")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// node is one call in a chain of API calls: container, from, withExec and so on.
type node struct {
	parent *node
	field  string
	args   map[string]any
}

// recorder answers instead of the engine. It runs nothing and records what it is asked for.
type recorder struct {
	mu       sync.Mutex
	byID     map[string]*node
	requests []string
	// exitCodes and outputs hold the exit status and the output of steps by name; by default 0 and nothing.
	exitCodes map[string]int
	outputs   map[string]string
	// imageErrors holds errors of steps by a part of their image's name.
	imageErrors map[string]string
	// stepTime is how long a step takes. A test in a bubble of testing/synctest sets it, so that every step that does not
	// wait has begun before another ends.
	stepTime time.Duration
	// clock counts beginnings and ends of steps.
	clock int
	// workspaceFiles hold the answers of findUp by the name that is looked for.
	workspaceFiles map[string]string
	// commit and uncommitted are what the repository's history says; without a commit it has none.
	commit string
	// contents is the text of every file that is read.
	contents    string
	uncommitted []string
	startedAt   map[string]int
	endedAt     map[string]int
	containers  map[string]*node
	// printed and printedAt are of the commands whose output alone is read.
	printed         map[string]*node
	printedAt       map[string]int
	servicesStarted []*node
	servicesStopped int
}

// newRecorder connects the module to a recorder and returns both.
func newRecorder(t *testing.T, prefix string) (*recorder, *Lockstep) {
	t.Helper()
	r := &recorder{
		byID: map[string]*node{}, exitCodes: map[string]int{}, outputs: map[string]string{}, imageErrors: map[string]string{},
		startedAt: map[string]int{}, endedAt: map[string]int{}, containers: map[string]*node{},
		printed: map[string]*node{}, printedAt: map[string]int{},
		contents: planText, workspaceFiles: map[string]string{projectFile: "/" + projectFile},
	}
	client, err := sdk.Connect(context.Background(), sdk.WithConn(r))
	if err != nil {
		t.Fatal(err)
	}
	dag = client
	m, err := New(nil, prefix, false, nil, "", "")
	if err != nil {
		t.Fatal(err)
	}
	return r, m
}

func (*recorder) Host() string { return "recorder" }
func (*recorder) Close() error { return nil }

// Do answers a request of the client.
func (r *recorder) Do(request *http.Request) (*http.Response, error) {
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	var query struct{ Query string }
	if err := json.Unmarshal(body, &query); err != nil {
		return nil, err
	}
	document, err := parser.ParseQuery(&ast.Source{Input: query.Query})
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.requests = append(r.requests, query.Query)
	r.mu.Unlock()
	answer := map[string]any{}
	if data, err := r.answer(nil, document.Operations[0].SelectionSet); err != nil {
		answer["errors"] = []map[string]any{{"message": err.Error()}}
	} else {
		answer["data"] = data
	}
	text, err := json.Marshal(answer)
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(text)), Request: request,
	}, err
}

func (r *recorder) answer(parent *node, selections ast.SelectionSet) (map[string]any, error) {
	out := map[string]any{}
	for _, selection := range selections {
		if fragment, ok := selection.(*ast.InlineFragment); ok {
			return r.answer(parent, fragment.SelectionSet)
		}
		field := selection.(*ast.Field)
		n := &node{parent: parent, field: field.Name, args: map[string]any{}}
		for _, argument := range field.Arguments {
			value, err := argument.Value.Value(nil)
			if err != nil {
				return nil, err
			}
			n.args[argument.Name] = value
		}
		if n.field == "node" { // refers to an earlier chain by its id
			n = r.node(n.args["id"])
		}
		var value any
		var err error
		if len(field.SelectionSet) > 0 {
			value, err = r.answer(n, field.SelectionSet)
			if field.Name == "dependencies" {
				value = []any{value}
			}
		} else {
			value, err = r.value(n)
		}
		if err != nil {
			return nil, err
		}
		out[field.Alias] = value
	}
	return out, nil
}

// planText is the plan that every step of a plan makes.
const planText = `{"digest":"0a1b","targets":[{"stacks":[` +
	`{"name":"s","changes":[{}],"flags":[{"permit":"data-loss"}]},{"name":"t"}]}]}`

// value answers the last call of a chain.
func (r *recorder) value(n *node) (any, error) {
	of := n.parent
	switch n.field {
	case "id":
		return r.id(of), nil
	case "sync":
		if of.isContainer() {
			_, err := r.execute(of)
			return r.id(of), err
		}
		return r.id(of), nil
	case "start":
		r.mu.Lock()
		defer r.mu.Unlock()
		r.servicesStarted = append(r.servicesStarted, of)
		return r.register(of), nil
	case "stop":
		r.mu.Lock()
		defer r.mu.Unlock()
		r.servicesStopped++
		return r.register(of), nil
	case "exitCode":
		return r.execute(of)
	case "combinedOutput":
		return r.outputs[r.readContainer(of).step()], nil
	case "stdout":
		return r.print(of), nil
	case "contents":
		return r.contents, nil
	case "plaintext":
		return of.args["plaintext"], nil
	case "export":
		return n.args["path"], r.export(of, n.args["path"].(string))
	case "findUp":
		return r.findUp(n)
	case "sourceRootSubpath":
		return programFolder, nil
	case "commit":
		if r.commit == "" {
			return nil, errors.New("HEAD points to no commit")
		}
		return r.commit, nil
	case "modifiedPaths":
		return append([]string{}, r.uncommitted...), nil
	case "addedPaths", "removedPaths":
		return []string{}, nil
	case "glob":
		return r.glob(of, n.args["pattern"].(string)), nil
	}
	return nil, fmt.Errorf("the recorder has no answer to %s", n.field)
}

// findUp answers as an engine of either line does. That of 1.0 takes no path.
func (r *recorder) findUp(n *node) (any, error) {
	name, _ := n.args["name"].(string)
	from, _ := n.args["from"].(string)
	found := r.workspaceFiles[name]
	switch {
	case strings.Contains(name, "/"):
		return nil, errors.New("workspace findUp name must be a basename")
	case name == path.Base(projectFile):
		found = r.workspaceFiles[projectFile]
	case name == path.Dir(projectFile) && (found == "" || from != "" && from != "."):
		found = ""
		if file := r.workspaceFiles[projectFile]; file != "" {
			found = path.Dir(file)
		}
	}
	if found == "" {
		return nil, nil
	}
	return found, nil
}

// print records that the output of a command is read that is no step of its own, and returns it.
func (r *recorder) print(of *node) string {
	name := r.readContainer(of).step()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clock++
	r.printedAt[name], r.printed[name] = r.clock, of
	return r.outputs[name]
}

func (r *recorder) id(n *node) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.register(n)
}

// register returns an id for a chain, which is made from its text.
func (r *recorder) register(n *node) string {
	sum := fmt.Sprintf("id-%x", sha256.Sum256([]byte(n.text())))
	r.byID[sum] = n
	return sum
}

func (n *node) text() string {
	if n == nil {
		return ""
	}
	args, _ := json.Marshal(n.args) // sorts them
	return n.parent.text() + "." + n.field + string(args)
}

// execute records the run of a step and returns its exit status.
func (r *recorder) execute(of *node) (int, error) {
	seen := r.readContainer(of)
	for part, message := range r.imageErrors {
		if strings.Contains(seen.image, part) {
			return 0, fmt.Errorf("%s", message)
		}
	}
	name := seen.step()
	r.mu.Lock()
	if r.endedAt[name] > 0 && r.containers[name].text() == of.text() { // the engine would take it from its cache
		defer r.mu.Unlock()
		return r.exitCodes[name], nil
	}
	r.clock++
	r.startedAt[name], r.containers[name] = r.clock, of
	r.mu.Unlock()
	time.Sleep(r.stepTime)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clock++
	r.endedAt[name] = r.clock
	return r.exitCodes[name], nil
}

// containerState is what a chain says of a container.
type containerState struct {
	image    string
	env      map[string]string
	files    map[string]*node // by path
	caches   map[string]*node
	secrets  map[string]*node
	mounted  map[string]*node // secrets, by path
	services map[string]*node
	execs    [][]string
	added    []*node // directories that are copied into it
	workdir  string
}

// readContainer reads a container's chain.
func (r *recorder) readContainer(n *node) containerState {
	var chain []*node
	for ; n != nil; n = n.parent {
		chain = append(chain, n)
	}
	s := containerState{
		env: map[string]string{}, files: map[string]*node{}, caches: map[string]*node{}, secrets: map[string]*node{},
		services: map[string]*node{}, mounted: map[string]*node{},
	}
	text := func(n *node, name string) string { value, _ := n.args[name].(string); return value }
	for _, n := range slices.Backward(chain) {
		switch n.field {
		case "from":
			s.image = text(n, "address")
		case "withEnvVariable":
			s.env[text(n, "name")] = text(n, "value")
		case "withMountedDirectory", "withMountedFile":
			s.files[text(n, "path")] = r.node(n.args["source"])
		case "withMountedCache":
			s.caches[text(n, "path")] = r.node(n.args["cache"])
		case "withSecretVariable":
			s.secrets[text(n, "name")] = r.node(n.args["secret"])
		case "withMountedSecret":
			s.mounted[text(n, "path")] = r.node(n.args["source"])
		case "withServiceBinding":
			s.services[text(n, "alias")] = r.node(n.args["service"])
		case "withWorkdir":
			s.workdir = text(n, "path")
		case "withDirectory":
			s.added = append(s.added, n)
		case "withExec":
			s.execs = append(s.execs, strs(n.args["args"]))
		}
	}
	return s
}

// step returns the name of the step whose command the container runs last, or the command if no step has it.
func (s containerState) step() string {
	if len(s.execs) == 0 {
		return ""
	}
	argv := s.execs[len(s.execs)-1]
	for _, step := range table() {
		if n := len(step.Command); len(argv) >= n && slices.Equal(step.Command, argv[:n]) {
			return step.Name
		}
	}
	return strings.Join(argv, " ")
}

func (r *recorder) node(id any) *node {
	r.mu.Lock()
	defer r.mu.Unlock()
	name, _ := id.(string)
	return r.byID[name]
}

func strs(value any) []string {
	list, _ := value.([]any)
	var out []string
	for _, one := range list {
		out = append(out, one.(string))
	}
	return out
}

// fileset returns the files of a directory's chain: those of the repository, and the outputs of steps.
func (r *recorder) fileset(n *node) map[string]bool {
	out := map[string]bool{}
	switch {
	case n == nil:
	case n.field == "directory" && n.parent == nil:
	case n.field == "directory" && n.parent.field == "currentWorkspace":
		r.addWorkspaceFiles(n, out)
	case n.field == "contextDirectory":
		for _, name := range programFiles() {
			out[name] = true
		}
	case n.field == "directory" && n.parent.isContainer():
		if n.args["path"] == pipeline.WorkFolder {
			for _, step := range table() {
				if step.Name == r.readContainer(n.parent).step() {
					for _, output := range step.Outputs {
						out[output] = true
					}
				}
			}
		}
	case n.field == "directory":
		prefix := strings.Trim(n.args["path"].(string), "/") + "/"
		for name := range r.fileset(n.parent) {
			if inner, ok := strings.CutPrefix(name, prefix); ok {
				out[inner] = true
			}
		}
	case n.field == "filter":
		for name := range r.fileset(n.parent) {
			include := strs(n.args["include"])
			isIncluded := len(include) == 0 || matchesAny(include, name)
			if isIncluded && !matchesAny(strs(n.args["exclude"]), name) {
				out[name] = true
			}
		}
	case n.field == "withDirectory":
		if n.args["include"] != nil || n.args["exclude"] != nil {
			panic("a folder is copied with patterns, so that any edit in it is one of what is copied: filter it first")
		}
		out = r.fileset(n.parent)
		source := n.args["source"]
		if source == nil {
			source = n.args["directory"]
		}
		for name := range r.fileset(r.node(source)) {
			out[strings.TrimPrefix(path.Join(n.args["path"].(string), name), "/")] = true
		}
	case n.field == "withNewDirectory":
		out = r.fileset(n.parent)
	case n.field == "withNewFile":
		out = r.fileset(n.parent)
		out[strings.TrimPrefix(n.args["path"].(string), "/")] = true
	}
	return out
}

// addWorkspaceFiles adds the files of a folder of the caller's repository.
func (r *recorder) addWorkspaceFiles(n *node, out map[string]bool) {
	hasProject := r.workspaceFiles[projectFile] != ""
	key := fmt.Sprint(hasProject, n.text())
	if files, isKnown := workspaceFilesets.Load(key); isKnown {
		maps.Copy(out, files.(map[string]bool))
		return
	}
	defer func() { workspaceFilesets.Store(key, maps.Clone(out)) }()
	folder, _ := n.args["path"].(string)
	prefix := strings.TrimPrefix(folder+"/", "/")
	if folder == "/" || folder == "." || folder == monorepoFolder {
		prefix = ""
	}
	include, exclude := strs(n.args["include"]), strs(n.args["exclude"])
	for _, name := range repositoryFiles() {
		inner, isIn := strings.CutPrefix(name, prefix)
		isIn = isIn && (folder != monorepoFolder || !strings.HasPrefix(inner, pipeline.History+"/")) &&
			(hasProject || inner != projectFile)
		if isIn && (len(include) == 0 || matchesAny(include, inner)) && !matchesFolder(exclude, inner) {
			out[inner] = true
		}
	}
}

// monorepoFolder is the folder of the project if findUp says that it is in one: the repository's files without history.
const monorepoFolder = "/apps/shop/"

// workspaceFilesets holds what addWorkspaceFiles has found, because every step asks for it.
var workspaceFilesets sync.Map

// programFiles are the files of this repository that the module carries along.
var programFiles = sync.OnceValue(func() []string {
	text, err := os.ReadFile(filepath.Join(repository, programFolder, "dagger.json"))
	if err != nil {
		panic(err)
	}
	var settings struct{ Include []string }
	if err := json.Unmarshal(text, &settings); err != nil {
		panic(err)
	}
	for i, pattern := range settings.Include {
		settings.Include[i] = strings.Replace(pattern, "../../", "", 1)
	}
	return slices.DeleteFunc(slices.Clone(repositoryFiles()), func(name string) bool {
		return !pipeline.Matches(settings.Include, name)
	})
})

func (n *node) isContainer() bool {
	for ; n != nil; n = n.parent {
		if n.field == "container" {
			return true
		}
	}
	return false
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return doublestar.MatchUnvalidated(pattern, name) })
}

var repositoryFiles = sync.OnceValue(func() []string {
	var files []string
	_ = fs.WalkDir(os.DirFS(repository), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || entry.IsDir() && slices.Contains(pipeline.SkippedDirs, entry.Name()):
			return fs.SkipDir
		case !entry.IsDir() && name != ".git":
			files = append(files, name)
		}
		return nil
	})
	return append(files, ".git/HEAD")
})

func (r *recorder) export(of *node, to string) error {
	for name := range r.fileset(of) {
		text, err := os.ReadFile(filepath.Join(repository, name))
		if errors.Is(err, fs.ErrNotExist) {
			text, err = []byte(newFileText), nil // it is not one of the repository's
		}
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (r *recorder) glob(of *node, pattern string) []string {
	found := []string{}
	for name := range r.fileset(of) {
		if doublestar.MatchUnvalidated(pattern, name) {
			found = append(found, name)
		}
	}
	return found
}

// newFileText is what a file holds that a test makes.
const newFileText = "{}"

// assembly returns a folder with assemblies as synth returns it.
func assembly(environments ...string) *dagger.Directory {
	dir := dag.Directory()
	for _, name := range environments {
		dir = dir.WithNewFile(path.Join(name, "manifest.json"), newFileText)
	}
	return dir
}

var table = sync.OnceValue(func() []pipeline.Step {
	c := configuration()
	g, err := pipeline.NewGraph(pipeline.Steps(c))
	if err != nil {
		panic(err)
	}
	return g.Steps()
})
