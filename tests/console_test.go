package tests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/tests/harness"
)

// A consoleCommand is a command of a console block, and what the page says that it prints.
type consoleCommand struct{ command, output string }

// consoleCommands returns the commands of a console block: the lines that begin with a prompt, each with the lines
// after it. A line that ends with a backslash goes on in the next one.
func consoleCommands(b codeBlock) []consoleCommand {
	var commands []consoleCommand
	continues := false
	for line := range strings.Lines(b.text) {
		line = strings.TrimSuffix(line, "\n")
		command, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case continues:
			last := &commands[len(commands)-1]
			last.command += "\n" + strings.TrimPrefix(line, "> ")
		case isCommand:
			commands = append(commands, consoleCommand{command: command})
		case len(commands) > 0:
			commands[len(commands)-1].output += line + "\n"
			continue
		}
		continues = len(commands) > 0 && strings.HasSuffix(line, `\`)
	}
	return commands
}

// A reader follows pages: writes the files that they show, types in their commands in one shell after the other, and
// compares what is printed.
type reader struct {
	t       *testing.T
	environ []string
	// state is the file with the folder, variables and exit status that one command leaves to the next.
	state string
	// top is the folder that the reader began in.
	top string
}

// newReader returns a reader in an empty folder, who has the program on the PATH and no AWS credentials.
func newReader(t *testing.T, environ ...string) *reader {
	t.Helper()
	dir := t.TempDir()
	r := &reader{t: t, environ: append(program.Environ(), environ...), state: filepath.Join(dir, "state")}
	r.top = filepath.Join(dir, "top")
	require.NoError(t, os.Mkdir(r.top, 0o755))
	harness.MustWriteFile(t, r.state, "cd '"+r.top+"'\nlast=0\n")
	return r
}

// follow does what the blocks say. A block of YAML or JSON is written to the file that it names.
func (r *reader) follow(blocks []codeBlock) {
	r.t.Helper()
	for _, b := range blocks {
		switch name := fileOf(b); {
		case name != "":
			harness.MustWriteFile(r.t, filepath.Join(r.folder(), filepath.FromSlash(name)), b.text)
		case b.language == "console":
			for _, problem := range r.console(b) {
				assert.Fail(r.t, b.String()+": "+problem)
			}
		case isShell(b.language):
			out, status := r.shell(b.text)
			require.Zero(r.t, status, "%s: %s", b, out)
		default:
			assert.Fail(r.t, b.String()+": a reader does not know what to do with this block")
		}
	}
}

var namedFile = regexp.MustCompile(`^# ([\w./-]+\.ya?ml)\n`)

// fileOf returns the file that a block is written to; empty for none.
func fileOf(b codeBlock) string {
	if match := namedFile.FindStringSubmatch(b.text); match != nil && b.language == "yaml" {
		return match[1]
	}
	return b.marker("file")
}

// console types in the commands of a block and returns how the output differs from the page.
func (r *reader) console(b codeBlock) []string {
	var problems []string
	commands := consoleCommands(b)
	for i, c := range commands {
		out, status := r.shell(c.command)
		out = takenPort.ReplaceAllString(out, "")
		if r.t.Context().Err() != nil {
			return problems
		}
		saysStatus := i+1 < len(commands) && commands[i+1].command == "echo $?"
		if status != 0 && !saysStatus {
			problems = append(problems,
				fmt.Sprintf("`%s` ended with %d, which the page does not say:\n%s", c.command, status, out))
			continue
		}
		if difference := differenceOf(r.mask(c.output), r.mask(out)); difference != "" {
			problems = append(problems, fmt.Sprintf("`%s` prints\n%s\n%s", c.command, out, difference))
		}
	}
	return problems
}

// shell runs commands after those before, and returns what they print and their exit status.
func (r *reader) shell(command string) (string, int) {
	r.t.Helper()
	script := ". '" + r.state + "'\n(exit $last)\n" + command + "\nlast=$?\n" +
		"{ export -p; echo \"cd '$PWD'\"; echo last=$last; } >'" + r.state + "'\nexit $last\n"
	cmd := exec.Command("sh", "-c", script)
	cmd.Env = r.environ
	return harness.Run(r.t, cmd)
}

// folder returns the folder that the reader is in.
func (r *reader) folder() string {
	out, status := r.shell("pwd")
	require.Zero(r.t, status, out)
	return strings.TrimSpace(out)
}

// takenPort is a line that is printed only where another program has taken the port, as other tests may.
var takenPort = regexp.MustCompile(`(?m)^ *port \d+ is taken by another program; .*\n`)

// masks are the parts of an output that differ from run to run.
var masks = []struct {
	pattern *regexp.Regexp
	mask    string
}{
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?( UTC|Z)?`), "WHEN"},
	{regexp.MustCompile(`\b\d+(\.\d+)? (ms|s|min)\b`), "DURATION"},
	{regexp.MustCompile(`\b[0-9a-f]{12,64}\b`), "DIGEST"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "127.0.0.1:PORT"},
	{regexp.MustCompile(` {2,}`), "  "}, // columns are as wide as their values
}

// mask returns an output without what differs from run to run. Account numbers have the form of a digest, so they are
// kept from being masked. Lines that programs print at the same time are put into one order.
func (r *reader) mask(output string) string {
	output = strings.ReplaceAll(output, r.top, "…")
	for _, m := range masks {
		output = m.pattern.ReplaceAllStringFunc(output, func(found string) string {
			if m.mask == "DIGEST" && slices.Contains(knownAccounts, found) {
				return found
			}
			return m.mask
		})
	}
	lines := strings.Split(strings.TrimRight(output, "\n"), "\n")
	for from := 0; from < len(lines); {
		to, prefix := from+1, concurrentLine.FindString(lines[from])
		for to < len(lines) && prefix != "" && concurrentLine.FindString(lines[to]) == prefix {
			to++
		}
		slices.Sort(lines[from:to])
		from = to
	}
	return strings.Join(lines, "\n")
}

// knownAccounts are the accounts of the pages and of the fixture platform.
var knownAccounts = []string{toolingAccount, accAccount, "111122223333", "777788889999"}

// concurrentLine matches the beginning of lines of work that is done at the same time.
var concurrentLine = regexp.MustCompile(`^(bootstrapping the emulated account|\S+: (?:CREATE|UPDATE|DELETE)_COMPLETE) `)

// differenceOf returns the first line in which an output differs from what a page shows; empty for none. A line `…` of
// the page stands for any lines.
func differenceOf(want, got string) string {
	wanted, rest := strings.Split(want, "\n"), strings.Split(got, "\n")
	anyLines := false
	for _, line := range wanted {
		if line == "…" {
			anyLines = true
			continue
		}
		at := slices.Index(rest, line)
		if at < 0 || at > 0 && !anyLines {
			return fmt.Sprintf("but the page shows %q and then %q comes", line, strings.Join(rest[:min(1, len(rest))], ""))
		}
		rest, anyLines = rest[at+1:], false
	}
	if len(rest) > 0 && !anyLines {
		return fmt.Sprintf("but the page does not show %q", rest[0])
	}
	return ""
}

func TestReader_ReportsWhatDiffersFromThePage(t *testing.T) {
	for name, test := range map[string]struct{ block, want string }{
		"what the page shows":            {"$ echo a; echo b\na\nb\n", ""},
		"lines that are left out":        {"$ printf 'a\\nb\\nc\\n'\na\n…\nc\n", ""},
		"everything left out":            {"$ echo a\n…\n", ""},
		"a folder and a variable stay":   {"$ mkdir d && cd d && export A=1\n$ echo $A ${PWD##*/}\n1 d\n", ""},
		"a command over two lines":       {"$ echo a \\\n    b\na b\n", ""},
		"a status that the page says":    {"$ (exit 3)\n$ echo $?\n3\n", ""},
		"another time and digest":        {"$ echo in 3.5 s: aaaabbbbccccdddd\nin 20 ms: 0123456789abcdef\n", ""},
		"another line":                   {"$ echo a\nb\n", `the page shows "b" and then "a" comes`},
		"a line too many":                {"$ printf 'a\\nb\\n'\na\n", `the page does not show "b"`},
		"a line too few":                 {"$ echo a\na\nb\n", `the page shows "b"`},
		"output that is not shown":       {"$ echo a\n", `then "a" comes`},
		"a line missing after left out":  {"$ printf 'a\\nb\\n'\n…\nc\n", `the page shows "c"`},
		"another account":                {"$ echo 444455556666\n123456789012\n", `the page shows "123456789012"`},
		"a failure that is not shown":    {"$ false\n", "ended with 1, which the page does not say"},
		"another status":                 {"$ (exit 3)\n$ echo $?\n2\n", `the page shows "2"`},
		"a program that does not exist":  {"$ lockstepp status\n", "ended with 127"},
		"a refusal that does not happen": {"$ true\n$ echo $?\n3\n", `the page shows "3"`},
	} {
		t.Run(name, func(t *testing.T) {
			problems := newReader(t).console(codeBlock{page: "page.md", language: "console", text: test.block})
			if test.want == "" {
				assert.Empty(t, problems)
				return
			}
			assert.Contains(t, strings.Join(problems, "; "), test.want)
		})
	}
}
