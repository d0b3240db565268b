package tests

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	markdown "github.com/yuin/goldmark/ast"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"lockstep/internal/cli"
)

// A commandLine is a command as a page shows it.
type commandLine struct {
	line int // of a block, 0 in a sentence
	args []string
	// inline is set for code in a sentence, which may leave out values and stand for a part of a command.
	inline bool
}

// commandsOf returns the commands of a page: those in its blocks of shell commands, and the code in its sentences.
func commandsOf(p page) ([]commandLine, error) {
	var commands []commandLine
	for _, b := range codeBlocks(p) {
		if !isShell(b.language) {
			continue
		}
		found, err := splitCommands(shellText(b))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", b, err)
		}
		for _, args := range found {
			commands = append(commands, commandLine{line: b.line, args: args})
		}
	}
	walkNodes(p.root, func(code *markdown.CodeSpan) {
		found, err := splitCommands(strings.ReplaceAll(p.plainText(code), "…", "VALUE"))
		if err == nil && len(found) == 1 { // other code is no command
			commands = append(commands, commandLine{args: found[0], inline: true})
		}
	})
	return commands, nil
}

func isShell(language string) bool {
	return slices.Contains([]string{"sh", "bash", "shell", "console"}, language)
}

// shellText returns the commands of a block. In a block of a console these are the lines after the prompt, with those
// that the shell still needs.
func shellText(b codeBlock) string {
	if b.language != "console" {
		return b.text
	}
	var out strings.Builder
	for _, c := range consoleCommands(b) {
		out.WriteString(c.command + "\n")
	}
	return out.String()
}

// splitCommands returns the words of each simple command of a shell script.
func splitCommands(script string) ([][]string, error) {
	parsed, err := syntax.NewParser().Parse(strings.NewReader(script), "")
	if err != nil {
		return nil, fmt.Errorf("the shell does not understand it: %w", err)
	}
	var commands [][]string
	// Values that are only known when the script runs stand for themselves.
	config := &expand.Config{Env: expand.FuncEnviron(func(string) string { return "VALUE" })}
	syntax.Walk(parsed, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		var words []string
		for _, word := range call.Args {
			text, err := expand.Literal(config, word)
			if err != nil {
				text = "VALUE"
			}
			words = append(words, text)
		}
		commands = append(commands, words)
		return true
	})
	return commands, nil
}

// placeholder matches a value that the reader has to fill in.
var placeholder = regexp.MustCompile(`^(VALUE|[A-Z][A-Z_-]*(/.*)?|.*(NAME|VALUE).*)$`)

// A commandTable knows the programs whose commands are checked.
type commandTable struct {
	files  fs.FS
	dagger daggerModule
}

// problem returns what is wrong with a command; nil if it exists or is not of a known program.
func (t commandTable) problem(c commandLine) error {
	switch args := c.args; {
	case args[0] == "lockstep":
		return checkProgram(args[1:], c.inline)
	case len(args) > 2 && args[0] == "go" && args[1] == "run":
		return t.checkGoRun(args[2:], c.inline)
	case len(args) > 1 && args[0] == "go" && args[1] == "test":
		return t.checkFolders(args[2:])
	case args[0] == "make" && len(args) > 1:
		return t.checkMake(args[1:])
	case args[0] == "dagger" && len(args) > 1:
		return t.dagger.check(args[1:], c.inline)
	case c.inline && isPartOfCommand(args):
		if err := checkProgram(args, true); err != nil && t.dagger.check(append([]string{"call"}, args...), true) != nil {
			return err
		}
	case c.inline && len(args) <= 2 && strings.HasPrefix(args[0], "--"):
		return t.checkFlag(args)
	}
	return nil
}

// isPartOfCommand reports whether code in a sentence is a command of this program with a flag, without the program.
func isPartOfCommand(args []string) bool {
	hasFlag := slices.ContainsFunc(args[1:], func(a string) bool { return strings.HasPrefix(a, "--") })
	return hasFlag && subcommand(cli.Commands(), args[0]) != nil
}

func (t commandTable) checkGoRun(args []string, inline bool) error {
	if args[0] == "." {
		return checkProgram(args[1:], inline)
	}
	return t.checkFolders(args[:1])
}

// checkFolders checks that the folders of this repository that are arguments exist.
func (t commandTable) checkFolders(args []string) error {
	for _, arg := range args {
		folder, isFolder := strings.CutPrefix(arg, "./")
		folder = path.Clean(strings.TrimSuffix(folder, "..."))
		if isFolder && !exists(t.files, folder) {
			return fmt.Errorf("there is no folder %s", folder)
		}
	}
	return nil
}

// checkFiles checks that the files that are arguments exist.
func (t commandTable) checkFiles(args []string) error {
	for _, name := range args {
		if !exists(t.files, name) {
			return fmt.Errorf("there is no file %s", name)
		}
	}
	return nil
}

func (t commandTable) checkMake(args []string) error {
	makefile, err := fs.ReadFile(t.files, "Makefile")
	if err != nil {
		return err
	}
	for _, target := range args {
		rule := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(target) + `:`)
		if !strings.Contains(target, "=") && !rule.Match(makefile) {
			return fmt.Errorf("the Makefile has no target %s", target)
		}
	}
	return nil
}

// checkProgram checks the arguments of this program against its table of commands.
func checkProgram(args []string, inline bool) error {
	cmd := cli.Commands()
	cmd.InitDefaultHelpCmd()
	cmd.InitDefaultCompletionCmd()
	var positional []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			break
		}
		if strings.HasPrefix(arg, "-") && arg != "-" {
			takesNext, err := checkProgramFlag(cmd, args[i:], inline)
			if err != nil {
				return err
			}
			if takesNext {
				i++
			}
			continue
		}
		if sub := subcommand(cmd, arg); sub != nil && len(positional) == 0 {
			cmd = sub
			continue
		}
		if cmd.HasSubCommands() && !placeholder.MatchString(arg) {
			return fmt.Errorf("%s has no command %q", cmd.CommandPath(), arg)
		}
		positional = append(positional, arg)
	}
	if cmd.Args != nil && !inline && !cmd.HasSubCommands() {
		return cmd.Args(cmd, positional)
	}
	return nil
}

func subcommand(cmd *cobra.Command, name string) *cobra.Command {
	for _, sub := range cmd.Commands() {
		if sub.Name() == name || slices.Contains(sub.Aliases, name) {
			return sub
		}
	}
	return nil
}

// checkProgramFlag checks the first of the arguments, a flag, and its value. It reports whether the value is the next
// argument.
func checkProgramFlag(cmd *cobra.Command, args []string, inline bool) (takesNext bool, err error) {
	cmd.InitDefaultHelpFlag()
	name, value, hasValue := strings.Cut(args[0], "=")
	flag := cmd.Flag(strings.TrimPrefix(name, "--"))
	if !strings.HasPrefix(name, "--") {
		flag = shorthand(cmd, strings.TrimPrefix(name, "-"))
	}
	switch {
	case flag == nil:
		return false, fmt.Errorf("%s has no flag %s", cmd.CommandPath(), name)
	case flag.NoOptDefVal != "" && !hasValue:
		return false, nil
	case !hasValue && len(args) == 1 && inline:
		return false, nil
	case !hasValue && len(args) == 1:
		return false, fmt.Errorf("%s needs a value", name)
	case !hasValue:
		value, takesNext = args[1], true
	}
	if placeholder.MatchString(value) {
		return takesNext, nil
	}
	if err := flag.Value.Set(value); err != nil {
		return takesNext, fmt.Errorf("%s does not take %q: %w", name, value, err)
	}
	return takesNext, nil
}

func shorthand(cmd *cobra.Command, letter string) *pflag.Flag {
	if len(letter) != 1 {
		return nil
	}
	if flag := cmd.Flags().ShorthandLookup(letter); flag != nil {
		return flag
	}
	return cmd.InheritedFlags().ShorthandLookup(letter)
}

// checkFlag checks that any command, or any function of the module, has a flag that stands alone in a sentence.
func (t commandTable) checkFlag(args []string) error {
	name := strings.TrimPrefix(args[0], "--")
	name, _, _ = strings.Cut(name, "=")
	found := t.dagger.hasArgument(name)
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		cmd.InitDefaultHelpFlag()
		found = found || cmd.Flag(name) != nil
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(cli.Commands())
	if !found {
		return fmt.Errorf("no command has a flag --%s", name)
	}
	return nil
}

// commandProblems returns what is wrong with the commands of a page.
func commandProblems(files fs.FS, module daggerModule, p page) []string {
	commands, err := commandsOf(p)
	if err != nil {
		return []string{err.Error()}
	}
	var problems []string
	for _, c := range commands {
		if err := (commandTable{files, module}).problem(c); err != nil {
			problems = append(problems, fmt.Sprintf("`%s`: %v", strings.Join(c.args, " "), err))
		}
	}
	return problems
}

func TestDocument_ShownCommandsExist(t *testing.T) {
	files := os.DirFS(repository)
	module := readModule(t, files)
	commands := 0
	for _, p := range pages(t, files) {
		found, err := commandsOf(p)
		assert.NoError(t, err)
		commands += len(found)
		for _, problem := range commandProblems(files, module, p) {
			assert.Fail(t, p.name+": "+problem)
		}
	}
	assert.Greater(t, commands, 200, "commands are not found")
}

func TestDocument_MissingCommandIsReported(t *testing.T) {
	block := func(text string) string { return "```sh\n" + text + "\n```\n" }
	module := daggerModule{
		arguments: map[string][]string{
			"": {"ci"}, "deploy": {"env", "assembly"}, "report": {"stage"}, "environment": {"name"},
		},
		returns: map[string]string{"deploy": "string", "report": "Directory", "environment": "Environment"},
		objects: map[string]map[string]daggerMember{"Environment": {"plan": {returns: "Plan"}}},
	}
	for name, test := range map[string]struct{ page, want string }{
		"a command":                        {block("lockstep deploy --env acc --live"), ""},
		"a command of a group":             {block("go run . config schema environment"), ""},
		"a placeholder":                    {block("lockstep status --releases N --env NAME"), ""},
		"commands in a loop":               {block("for e in dev acc; do lockstep plan --env $e; done"), ""},
		"a folder that exists":             {block("go run ./ci\ngo test ./ci/..."), ""},
		"a target that exists":             {block("make clean ENV=acc"), ""},
		"a function of the module":         {block("dagger call --ci deploy --env acc"), ""},
		"a folder that a function returns": {block("dagger call report --stage test export --path x"), ""},
		"a function of an object":          {block("dagger call environment --name acc plan"), ""},
		"code that is no command":          {"`a.b()`, `x --y`, `$(`, `kubectl get --all`", ""},
		"a part of a command":              {"`deploy --plan FILE`, `plan --drop`, `--live`, `--ci`", ""},
		"a command that does not exist":    {block("lockstep deplyo --env acc"), `lockstep has no command "deplyo"`},
		"a missing command of a group":     {block("lockstep config check"), `lockstep config has no command "check"`},
		"a flag that does not exist":       {block("lockstep status --envs acc"), "lockstep status has no flag --envs"},
		"a flag of another command":        {block("lockstep status --allow x"), "lockstep status has no flag --allow"},
		"a short flag that does not exist": {block("lockstep status -x"), "lockstep status has no flag -x"},
		"a flag after a pipe":              {block("true | lockstep status --nope"), "lockstep status has no flag --nope"},
		"a flag without its value":         {block("lockstep deploy --env"), "--env needs a value"},
		"a value of another type":          {block("lockstep status --releases few"), `--releases does not take "few"`},
		"an argument too many":             {block("lockstep status acc"), "lockstep status takes no argument"},
		"a flag in a sentence":             {"`go run . status --nope`", "lockstep status has no flag --nope"},
		"a part with a missing flag":       {"`deploy --plans FILE`", "lockstep deploy has no flag --plans"},
		"a flag alone":                     {"`--nope`", "no command has a flag --nope"},
		"a folder that does not exist":     {block("go run ./cii"), "there is no folder cii"},
		"a target that does not exist":     {block("make cleen"), "the Makefile has no target cleen"},
		"a function in Dagger's shell":     {block("dagger -c 'deploy acc'"), ""},
		"a module of another repository":   {block("dagger -m github.com/x/y@v1 call deploy --env acc"), ""},
		"no function of another one":       {block("dagger -m x call deplyo"), "the module has no function deplyo"},
		"an environment of Dagger 1.0":     {block("dagger --env acc call environment plan"), ""},
		"a missing function in the shell":  {block("dagger -c 'deplyo acc'"), "the module has no function deplyo"},
		"a function that does not exist":   {block("dagger call deplyo"), "the module has no function deplyo"},
		"a missing argument of a function": {block("dagger call deploy --envs x"), "deploy has no argument --envs"},
		"a missing function of an object":  {block("dagger call environment --name acc paln"), "Environment has no paln"},
		"a function of no folder":          {block("dagger call deploy export --path x"), "deploy returns no folder"},
		"a prompt": {
			"```console\n$ lockstep status --nope\nout\n```\n", "lockstep status has no flag --nope",
		},
		"output of a command":     {"```console\n$ true\nlockstep status --nope\n```\n", ""},
		"a script with a mistake": {block("if true"), "the shell does not understand it"},
	} {
		t.Run(name, func(t *testing.T) {
			files := fstest.MapFS{
				"page.md": file(test.page), "Makefile": file("clean:\n\trm x\n"), "ci/main.go": file("package main\n"),
			}
			problems := strings.Join(commandProblems(files, module, readPage(t, files, "page.md")), "; ")
			if test.want == "" {
				assert.Empty(t, problems)
				return
			}
			assert.Contains(t, problems, test.want)
		})
	}
}
