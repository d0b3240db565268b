package tests

import (
	"go/ast"
	"go/token"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/pipeline"
)

// A place is what only some files may use, because they hold what everything else relies on.
type place struct {
	// does says what the names do.
	does string
	// names are exported names by the path of their package; "*" for all of a package.
	names map[string][]string
	// instead says what everything else uses.
	instead string
	// files are the files that may use the names, each with the reason.
	files map[string]string
}

// places are the rules of "one place". A file that is added here says why it needs no more than what it does.
var places = []place{
	{
		does: "reads JSON", instead: "internal/jsonx",
		names: map[string][]string{
			"encoding/json":                               {"Unmarshal", "NewDecoder"},
			"encoding/json/v2":                            {"*"},
			"github.com/go-json-experiment/json":          {"*"},
			"github.com/go-json-experiment/json/v1":       {"*"},
			"github.com/go-json-experiment/json/jsontext": {"*"},
			"github.com/santhosh-tekuri/jsonschema/v6":    {"UnmarshalJSON"},
		},
		files: map[string]string{
			"internal/jsonx/jsonx.go":                     "it is the place",
			"internal/redact/json.go":                     "hides values; what it does not understand is hidden as text",
			"internal/cli/maintain_checks.go":             "reads what the go command prints: one document after another",
			"config/load.go":                              "reads what it has just written, from YAML without duplicate keys",
			"config/defaults.go":                          "reads options that were validated as YAML",
			"config/approval.go":                          "reads what was validated as YAML",
			"internal/jsonx/schema.go":                    "reads the schemas of this program",
			"config/schema.go":                            "reads the schema of this program",
			"internal/awsmodel/awsmodel.go":               "reads the model of this program",
			"internal/awsmodel/requests/generate/main.go": "reads a pinned package, at development",
			"internal/awsmodel/requests/requests.go":      "reads the models of this program",
			"internal/awsmodel/validate.go":               "reads the model of this program, and what it has just written",
			"internal/awsmodel/generate/spec.go":          "reads a pinned package, at development",
			"tools/generated/generated.go":                "reads pinned packages, at development",
			"internal/deploy/simulated/changesets.go":     "is AWS in memory, for tests",
			"internal/deploy/simulated/fixture.go":        "is AWS in memory, for tests",
			"internal/deploy/simulated/inquiries.go":      "is AWS in memory, for tests",
			"internal/deploy/simulated/parameters.go":     "is AWS in memory, for tests",
			"internal/deploy/simulated/registry.go":       "is AWS in memory, for tests",
			"bench/scale/main.go":                         "reads what its own process prints",
		},
	},
	{
		does: "compiles schemas", instead: "internal/jsonx: CompileSchema, for which the current folder does not count",
		names: map[string][]string{
			"github.com/santhosh-tekuri/jsonschema/v6": {"NewCompiler", "MustCompile"},
		},
		files: map[string]string{
			"internal/jsonx/schema.go": "it is the place",
			"config/schema.go":         "takes few packages with it into the CDK app and the module",
		},
	},
	{
		does: "reads YAML and XML", instead: "config, whose reader bounds nesting",
		names: map[string][]string{
			"github.com/goccy/go-yaml":        {"Unmarshal", "UnmarshalWithOptions", "NewDecoder", "NodeToValue", "YAMLToJSON"},
			"github.com/goccy/go-yaml/parser": {"*"},
			"encoding/xml":                    {"Unmarshal", "NewDecoder", "NewTokenDecoder"},
			"encoding/gob":                    {"*"},
		},
		files: map[string]string{
			"config/document.go":              "is the place: the nesting is checked before",
			"internal/bootstrap/apply.go":     "reads the bootstrap template of a verified tool",
			"internal/bootstrap/kept.go":      "reads the bootstrap template of a verified tool",
			"internal/app/find.go":            "reads a pom.xml of bounded size; the decoder bounds nesting",
			"internal/gate/findings/junit.go": "reads what this program has written; the decoder bounds nesting",
		},
	},
	{
		does: "reads files and streams whole", instead: "internal/fsx: ReadFile, ReadFileFS and ReadAll, which have a limit",
		names: map[string][]string{
			"os":        {"ReadFile", "Open", "OpenFile", "Create", "OpenInRoot"},
			"io/fs":     {"ReadFile"},
			"io":        {"ReadAll"},
			"io/ioutil": {"*"},
		},
		files: map[string]string{
			"internal/fsx/open.go":                    "is the place where files are opened",
			"internal/fsx/read.go":                    "is the place where files are read",
			"internal/fsx/unzip.go":                   "reads the target of a link, with a limit",
			"config/bounds.go":                        "has a limit; config reads through an fs.FS only",
			"internal/awsmodel/awsmodel.go":           "reads the model of this program",
			"internal/fsx/sources.go":                 "reads the sources in this program",
			"tools/tools.go":                          "reads the lock files in this program",
			"internal/cli/outfile.go":                 "reads the beginning of a file, with a limit",
			"internal/deploy/staging/assets.go":       "compares an object with a sum, with a limit",
			"internal/deploy/simulated/objects.go":    "is AWS in memory, for tests",
			"internal/deploy/simulated/inquiries.go":  "is AWS in memory, for tests",
			"internal/deploy/simulated/parameters.go": "is AWS in memory, for tests",
			"internal/deploy/simulated/registry.go":   "is AWS in memory, for tests",
			"internal/fault/faulttest/faulttest.go":   "reads the notes of tests; the tests of fsx import it",
			"bench/scale/main.go":                     "reads its own process's status",
		},
	},
	{
		does: "makes, changes or removes files", instead: "internal/fsx, which follows no link out of a project",
		names: map[string][]string{
			"os": {
				"WriteFile", "Mkdir", "MkdirAll", "Rename", "Symlink", "Link", "Remove", "RemoveAll", "CopyFS", "Chmod", "Chown",
				"Chtimes", "Truncate",
			},
			"io/ioutil": {"*"},
		},
		files: map[string]string{
			"internal/fsx/write.go":                            "is the place",
			"internal/fsx/private.go":                          "is the place of files that are the user's alone",
			"internal/fault/faulttest/faulttest.go":            "writes the notes of tests; the tests of fsx import it",
			"config/schema/generate/main.go":                   "writes a source file, at development",
			"internal/deploy/planfile/schema/generate/main.go": "writes a source file, at development",
			"internal/fault/generate/main.go":                  "writes a source file, at development",
			"internal/stateful/generate/main.go":               "writes a source file, at development",
			"tools/generated/generated.go":                     "writes a source file, at development",
			"infra/main.go":                                    "writes into the output of its step, which the host has checked",
			"internal/app/app.go":                              "writes into the output of its step, which the host has checked",
			"internal/app/assets.go":                           "writes into the output of its step, which the host has checked",
			"internal/app/context.go":                          "has a temporary file",
			"internal/builder/archive.go":                      "has a temporary folder, and os.Root",
			"internal/builder/builder.go":                      "has a temporary folder",
			"internal/cli/doctor.go":                           "tries the state folder, which no repository may hold",
			"internal/cli/hooks_own.go":                        "removes a hook that is outside of the project",
			"internal/cli/init.go":                             "has a temporary folder",
			"internal/cli/init_files.go":                       "has a temporary folder",
			"internal/cli/tools.go":                            "links programs in a folder that was looked at",
			"internal/deploy/drift.go":                         "has a temporary folder",
			"internal/deploy/ledger/liveness.go":               "writes into the state folder, which no repository may hold",
			"internal/deploy/staging/archive.go":               "unpacks into a folder of its own, by os.Root",
			"internal/deploy/staging/assets.go":                "has a temporary file",
			"internal/deploy/staging/kept.go":                  "has a temporary folder",
			"internal/drawing/png.go":                          "has a temporary folder",
			"internal/gate/node.go":                            "empties the output of its step, which the host has checked",
			"internal/gate/python.go":                          "has a temporary file",
			"internal/gate/workcopy.go":                        "has a temporary folder",
			"internal/host/confine.go":                         "makes the caches of programs, and the homes of steps",
			"internal/host/host.go":                            "writes into the state folder, which no repository may hold",
			"internal/host/store.go":                           "looks at the outputs of a step before, and has os.Root",
			"internal/rehearsal/certificate.go":                "writes into the state folder, which no repository may hold",
			"internal/rehearsal/emulator.go":                   "writes into the state folder, which no repository may hold",
			"internal/rehearsal/process.go":                    "writes into the state folder, which no repository may hold",
			"internal/rehearsal/state.go":                      "writes into the state folder, which no repository may hold",
			"internal/repo/state.go":                           "makes the state folder, which no repository may hold",
			"internal/report/saved_run.go":                     "writes into the state folder, which no repository may hold",
			"internal/rollout/record.go":                       "removes what is in the state folder",
			"tools/data.go":                                    "writes into the user's own cache",
			"tools/install.go":                                 "writes into the user's own cache",
			"tools/manifest.go":                                "writes into the user's own cache",
		},
	},
	{
		does: "starts programs", instead: "internal/process: Command and TableCommand",
		names: map[string][]string{
			"os/exec":               {"Command", "CommandContext"},
			"os":                    {"StartProcess"},
			"syscall":               {"Exec", "ForkExec", "StartProcess", "RawSyscall", "Syscall"},
			"golang.org/x/sys/unix": {"Exec"},
			"plugin":                {"*"},
		},
		files: map[string]string{
			"internal/process/command.go": "is the place",
		},
	},
	{
		does: "starts programs that may be shells", instead: "process.Command, which starts no shell with a script",
		names: map[string][]string{"lockstep/internal/process": {"TableCommand"}},
		files: map[string]string{
			"internal/app/app.go":           "runs the commands of cdk.json and of the configuration",
			"internal/app/assets.go":        "runs the commands of the app that make assets",
			"internal/host/process.go":      "runs the steps of the table",
			"internal/host/tools.go":        "asks the tools of the table for their versions",
			"internal/gate/execute.go":      "runs the gates of the table",
			"internal/gate/run_on_files.go": "runs the fixing commands of the table; the files are arguments",
			"tools/install.go":              "runs the installations of the table",
		},
	},
	{
		does: "makes clients of AWS", instead: "internal/awsclient, whose sessions have the fence, and errors codes",
		names: map[string][]string{
			"github.com/aws/aws-sdk-go-v2/service/cloudcontrol":   {"New", "NewFromConfig"},
			"github.com/aws/aws-sdk-go-v2/service/cloudformation": {"New", "NewFromConfig"},
			"github.com/aws/aws-sdk-go-v2/service/cloudwatch":     {"New", "NewFromConfig"},
			"github.com/aws/aws-sdk-go-v2/service/iam":            {"New", "NewFromConfig"},
			"github.com/aws/aws-sdk-go-v2/service/kms":            {"New", "NewFromConfig"},
			"github.com/aws/aws-sdk-go-v2/service/s3":             {"New", "NewFromConfig"},
			"github.com/aws/aws-sdk-go-v2/service/servicequotas":  {"New", "NewFromConfig"},
			"github.com/aws/aws-sdk-go-v2/service/sns":            {"New", "NewFromConfig"},
			"github.com/aws/aws-sdk-go-v2/service/ssm":            {"New", "NewFromConfig"},
			"github.com/aws/aws-sdk-go-v2/service/sts":            {"New", "NewFromConfig"},
		},
		files: map[string]string{
			"internal/awsclient/clients.go":   "is the place",
			"internal/awsclient/inquiries.go": "is the place of the clients that only read",
			"internal/awsclient/endpoint.go":  "asks for the endpoints, and calls none",
		},
	},
}

func TestOnePlace_NothingElseDoesIt(t *testing.T) {
	used := make([]map[string]bool, len(places))
	for i := range used {
		used[i] = map[string]bool{}
	}
	for _, file := range sourceFiles(t) {
		references := referencesOf(t, file)
		for i, p := range places {
			for _, reference := range references {
				names := p.names[reference.pkg]
				if !slices.Contains(names, reference.name) && !slices.Contains(names, "*") {
					continue
				}
				used[i][file] = true
				assert.Contains(t, p.files, file, "%s.%s %s: use %s", reference.pkg, reference.name, p.does, p.instead)
			}
		}
	}
	for i, p := range places {
		for file := range p.files {
			assert.True(t, used[i][file], "%s no longer %s: remove it from the table", file, p.does)
		}
	}
}

// sourceFiles returns the Go files of this module that are not tests, nor used by tests alone.
func sourceFiles(t *testing.T) []string {
	t.Helper()
	files := goFiles(t, os.DirFS(repository), ".", ".git", ".lockstep", "node_modules", "testdata", "ci", "tests")
	require.Greater(t, len(files), 200)
	return files
}

// A reference is a use of an exported name of another package, called or not.
type reference struct{ pkg, name string }

// referencesOf returns the references of a file. A package that is imported into the file's own scope counts as used by
// every name.
func referencesOf(t *testing.T, file string) []reference {
	t.Helper()
	parsed := parseGo(t, os.DirFS(repository), file)
	packages := map[string]string{}
	var found []reference
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		require.NoError(t, err)
		name := importName(imported)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		if name == "." {
			found = append(found, reference{imported, "*"})
		}
		packages[name] = imported
	}
	ast.Inspect(parsed, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if name, ok := selector.X.(*ast.Ident); ok && packages[name.Name] != "" {
			found = append(found, reference{packages[name.Name], selector.Sel.Name})
		}
		return true
	})
	return found
}

// importName returns the name of the package with an import path: its last part that is not a version.
func importName(imported string) string {
	name := path.Base(imported)
	if len(name) > 1 && name[0] == 'v' && strings.Trim(name[1:], "0123456789") == "" {
		name = path.Base(path.Dir(imported))
	}
	return strings.TrimPrefix(name, "go-")
}

// The rules that are waived where one place holds their reason are waived nowhere else, whatever is added.
func TestWaivers_OfOnePlaceCoverNothingElse(t *testing.T) {
	waivers, err := config.LoadWaivers(os.DirFS(repository + "/config"))
	require.NoError(t, err)
	for rule, file := range map[string]string{"G204": "internal/process/command.go", "G304": "internal/fsx/open.go"} {
		covered := 0
		for _, w := range waivers {
			if w.Rule != rule {
				continue
			}
			for _, source := range append(sourceFiles(t), "internal/new/file.go", "internal/process/new.go", "main2.go") {
				if pipeline.Matches([]string{w.Path}, source) {
					covered++
					assert.Equal(t, file, source, "%s is waived", rule)
				}
			}
		}
		assert.Equal(t, 1, covered, "%s is waived in %s", rule, file)
	}
}

// What a package remembers is in a value that somebody holds, or in one that is made once: no caller changes it for
// another one.
func TestOnePlace_PackagesHaveNoMutableState(t *testing.T) {
	for _, file := range sourceFiles(t) {
		for _, decl := range parseGo(t, os.DirFS(repository), file).Decls {
			group, ok := decl.(*ast.GenDecl)
			if !ok || group.Tok != token.VAR {
				continue
			}
			ast.Inspect(group, func(node ast.Node) bool {
				if _, isFunction := node.(*ast.FuncLit); isFunction {
					return false
				}
				if used, ok := node.(*ast.SelectorExpr); ok {
					if name, ok := used.X.(*ast.Ident); ok {
						isState := name.Name == "atomic" || name.Name == "sync" && !strings.HasPrefix(used.Sel.Name, "OnceValue")
						assert.False(t, isState, "%s has the variable of its package %s.%s: keep it in a value", file, name.Name,
							used.Sel.Name)
					}
				}
				return true
			})
		}
	}
}
