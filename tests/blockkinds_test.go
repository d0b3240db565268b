package tests

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/tests/harness"
)

// checkJSON checks that a block is one or several JSON values.
func checkJSON(b codeBlock) error {
	decoder := json.NewDecoder(strings.NewReader(b.text))
	for {
		var value any
		switch err := decoder.Decode(&value); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("the block is not JSON: %w", err)
		}
	}
}

// configFile matches the comment that says which file of the configuration a block belongs to.
var configFile = regexp.MustCompile(`^# config/((?:pipeline|waivers|environments/[a-z0-9-]+)\.yaml)\n`)

// checkYAML checks that the configuration is valid with a block. The block replaces the keys that it has in the file of
// the fixture platform that its first line names; a file that the platform does not have is the block alone.
func checkYAML(b codeBlock) error {
	match := configFile.FindStringSubmatch(b.text)
	if match == nil {
		return errors.New("a YAML block is a part of the configuration: its first line has to be the file's name, " +
			"as # config/environments/acc.yaml")
	}
	files := fstest.MapFS{}
	if err := fs.WalkDir(harness.Platform(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(harness.Platform(), name)
		files[name] = file(string(text))
		return err
	}); err != nil {
		return err
	}
	text := b.text
	if original, ok := files[match[1]]; ok {
		var err error
		if text, err = replaceKeys(string(original.Data), b.text); err != nil {
			return fmt.Errorf("config/%s: %w", match[1], err)
		}
	}
	files[match[1]] = file(text)
	if match[1] == "waivers.yaml" {
		_, err := config.LoadWaivers(files)
		return err
	}
	_, err := config.Load(files)
	return err
}

// otherKeys are keys that cannot stand beside a key, by that key: pipelines are in one service.
var otherKeys = map[string]string{"workflows": "source", "source": "workflows"}

// replaceKeys returns a YAML document in which the keys of another one are replaced or added. What cannot stand beside
// them is left out.
func replaceKeys(original, replacement string) (string, error) {
	var keys, replaced yaml.MapSlice
	if err := yaml.Unmarshal([]byte(original), &keys); err != nil {
		return "", err
	}
	if err := yaml.Unmarshal([]byte(replacement), &replaced); err != nil {
		return "", err
	}
	for _, item := range replaced {
		found := false
		keys = slices.DeleteFunc(keys, func(k yaml.MapItem) bool { return k.Key == otherKeys[fmt.Sprint(item.Key)] })
		for i := range keys {
			if keys[i].Key == item.Key {
				keys[i].Value, found = item.Value, true
			}
		}
		if !found {
			keys = append(keys, item)
		}
	}
	text, err := yaml.Marshal(keys)
	return string(text), err
}

var (
	mermaidFirst = regexp.MustCompile(`^(flowchart|graph) (LR|RL|TB|TD|BT)$`)
	mermaidNode  = `[\w:-]+(?:\[\[[^\[\]]+\]\]|\[\([^()]+\)\]|\[[^\[\]]+\]|\(\[[^\[\]]+\]\)|\([^()]+\)|\{[^{}]+\})?`
	mermaidArrow = `(?:-->|---|-\.->|==>|--x|--o|<-->)(?:\|[^|]+\|)?`
	mermaidNodes = mermaidNode + `(?: & ` + mermaidNode + `)*`
	mermaidLine  = regexp.MustCompile(`^(?:` + mermaidNodes + `(?: ` + mermaidArrow + ` ` + mermaidNodes + `)*|` +
		`subgraph [^\[\]]+(?:\[[^\[\]]+\])?|end|direction (?:LR|RL|TB|TD|BT)|%%.*|` +
		`(?:classDef|class|style|linkStyle|click) .+)$`)
)

// checkMermaid checks the lines of a flow chart. Other diagrams have a comment that says what checks them.
func checkMermaid(b codeBlock) error {
	for i, line := range strings.Split(strings.TrimSpace(b.text), "\n") {
		line = strings.TrimSuffix(strings.TrimSpace(line), ";")
		if i == 0 && !mermaidFirst.MatchString(line) {
			return fmt.Errorf("only flow charts are checked, and this diagram begins with %q", line)
		}
		if i > 0 && line != "" && !mermaidLine.MatchString(line) {
			return fmt.Errorf("line %d of the diagram is no node, edge or group: %s", i+1, line)
		}
	}
	return nil
}

func TestDocument_GoBlocksCompile(t *testing.T) {
	files := os.DirFS(repository)
	var blocks []codeBlock
	for _, p := range pages(t, files) {
		for _, b := range codeBlocks(p) {
			if b.language == "go" && b.marker("from") == "" && b.marker("test") == "" {
				blocks = append(blocks, b)
			}
		}
	}
	require.NoError(t, compileBlocks(t, blocks))
}

func TestDocument_GoBlockThatDoesNotCompileIsReported(t *testing.T) {
	for name, test := range map[string]struct{ comment, text, want string }{
		"a program":               {"", "package main\n\nfunc main() { println(1) }\n", ""},
		"declarations":            {"", "func double(n int) int { return 2 * n }\n", ""},
		"a part of a package":     {"<!-- package: internal/utc -->", "var layout = Format\n", ""},
		"an unknown name":         {"", "func f() int { return n }\n", "docs/page.md:7: undefined: n"},
		"another package's name":  {"<!-- package: internal/utc -->", "var layout = Formats\n", "undefined: Formats"},
		"a syntax error":          {"", "func f( {\n", "docs/page.md:7:"},
		"statements":              {"", "f()\n", "docs/page.md:7:"},
		"a package of no sources": {"<!-- package: docs/howto -->", "var x = 1\n", "docs/howto holds no Go package"},
	} {
		t.Run(name, func(t *testing.T) {
			b := codeBlock{page: "docs/page.md", line: 7, language: "go", text: test.text, comments: []string{test.comment}}
			err := compileBlocks(t, []codeBlock{b})
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, test.want)
		})
	}
}

// compileBlocks compiles blocks of Go code, each as a file of its own that stands nowhere: in the package that its
// comment names, or alone.
func compileBlocks(t *testing.T, blocks []codeBlock) error {
	t.Helper()
	if len(blocks) == 0 {
		return nil
	}
	overlay, folders := map[string]string{}, []string{}
	for _, b := range blocks {
		base := strings.TrimSuffix(filepath.Base(b.page), ".md")
		folder, clause := fmt.Sprintf("tests/blocks/%s_%d", base, b.line), "package block\n"
		if of := b.marker("package"); of != "" {
			name, err := packageName(of)
			if err != nil {
				return err
			}
			folder, clause = of, "package "+name+"\n"
		}
		if _, err := parser.ParseFile(token.NewFileSet(), "", b.text, parser.PackageClauseOnly); err == nil {
			clause = ""
		}
		position := fmt.Sprintf("//line %s:%d\n", filepath.Join(repository, b.page), b.line) // for the compiler's messages
		overlay[filepath.Join(repository, folder, fmt.Sprintf("%s_%d.go", base, b.line))] = clause + position + b.text
		folders = append(folders, "./"+folder)
	}
	name, err := harness.WriteOverlay(t.TempDir(), overlay)
	if err != nil {
		return err
	}
	build := exec.Command("go", append([]string{"build", "-o", os.DevNull, "-overlay", name}, folders...)...)
	build.Dir = repository
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("Go blocks do not compile: %w\n%s", err, out)
	}
	return nil
}

// packageName returns the name of the package in a folder of the repository.
func packageName(folder string) (string, error) {
	sources, err := filepath.Glob(filepath.Join(repository, folder, "*.go"))
	if err != nil || len(sources) == 0 {
		return "", fmt.Errorf("%s holds no Go package", folder)
	}
	var parsed *ast.File
	if parsed, err = parser.ParseFile(token.NewFileSet(), sources[0], nil, parser.PackageClauseOnly); err != nil {
		return "", err
	}
	return parsed.Name.Name, nil
}
