package gate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"lockstep/internal/fsx"
	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
	"lockstep/internal/process"
	"lockstep/internal/project"
)

// addProblems adds the problems of projects to the findings.
func (o *outcome) addProblems(problems []project.Problem) {
	for _, p := range problems {
		level := findings.Error
		if p.IsNote {
			level = findings.Note
		}
		o.report.Findings = append(o.report.Findings, findings.Finding{
			Rule: p.Rule, Level: level, File: p.File, Message: p.Message,
		})
	}
}

// add adds the findings and the tests of another outcome.
func (o *outcome) add(other outcome) {
	o.report.Findings = append(o.report.Findings, other.report.Findings...)
	o.suites = append(o.suites, other.suites...)
}

// installNode installs the packages of Node, in a folder with a copy of the files that name them.
func installNode(ctx context.Context, g Gate) (outcome, error) {
	var result outcome
	tree, err := g.listTree(ctx)
	if err != nil {
		return result, err
	}
	packages, problems := project.FindNode(tree)
	result.addProblems(problems)
	commands, problems := project.InstallNode(tree, packages)
	result.addProblems(problems)
	dir := g.packages(pipeline.NodePackagesDir)
	if err := remake(dir); err != nil {
		return result, err
	}
	for _, name := range tree.Files {
		if !pipeline.Matches(pipeline.NodePackageFiles, name) {
			continue
		}
		if err := copyEntry(filepath.Join(g.Root, filepath.FromSlash(name)), filepath.Join(dir, name)); err != nil {
			return result, err
		}
	}
	for _, c := range commands {
		finding, err := g.install(ctx, dir, c, path.Join(c.Folder, "package.json"))
		if err != nil {
			return result, err
		}
		if len(finding) == 0 {
			finding = missingPackages(dir, c.Folder, packages)
		}
		result.report.Findings = append(result.report.Findings, finding...)
	}
	return result, nil
}

// missingPackages returns a finding for each package that package.json in the folder of a lock file names and that was
// not installed below dir. A setting of the repository may leave some out, and then the gates that run them would have
// nothing to run.
func missingPackages(dir, folder string, packages []project.NodePackage) []findings.Finding {
	file := path.Join(folder, "package.json")
	var missing []findings.Finding
	for _, p := range packages {
		if p.Folder != folder {
			continue
		}
		for _, name := range p.Dependencies {
			installed := filepath.Join(dir, filepath.FromSlash(folder), nodeModules, filepath.FromSlash(name))
			if !filepath.IsLocal(filepath.FromSlash(name)) || isThere(installed) {
				continue
			}
			missing = append(missing, findings.Finding{
				Rule: "not-installed", Level: findings.Error, File: file,
				Line: lineOf(filepath.Join(dir, filepath.FromSlash(file)), `"`+name+`"`),
				Message: name + " was not installed: see which packages the settings of the package manager leave out, such " +
					"as those in .npmrc",
			})
		}
	}
	return missing
}

// remake empties a folder.
func remake(dir string) error {
	return errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, fsx.PrivateDir))
}

// packages returns the path of a folder of packages.
func (g Gate) packages(dir string) string { return filepath.Join(g.Root, filepath.FromSlash(dir)) }

// install runs a command that installs packages in a folder below dir. If it fails, the finding is about the file. The
// error is a *pipeline.NotRunError if it could not reach the registry.
func (g Gate) install(ctx context.Context, dir string, c project.Command, file string) ([]findings.Finding, error) {
	tail := &tailReader{log: g.Log}
	p := program{argv: c.Argv, dir: filepath.Join(dir, filepath.FromSlash(c.Folder)), env: g.installEnv(c)}
	_, err := g.execute(ctx, p, tail)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err == nil:
		return nil, nil
	case isMissing(err):
		return nil, notRunWithout(c.Argv[0], err)
	}
	if line := pipeline.NetworkError(tail.String()); line != "" {
		return nil, &pipeline.NotRunError{Reason: "it could not reach what it needs: " + line}
	}
	if line := credentialsError.FindString(tail.String()); line != "" {
		return nil, &pipeline.NotRunError{Reason: "the registry wants credentials, which no gate sees: " + line}
	}
	return []findings.Finding{{
		Rule: "install", Level: findings.Error, File: file,
		Message: fmt.Sprintf("`%s` failed: %s", strings.Join(c.Argv, " "), tail.reason(describeExit(err))),
	}}, nil
}

// installEnv returns the variables of a command that installs packages. What it downloads is kept in its home folder,
// unless the variables of the step name another.
func (g Gate) installEnv(c project.Command) []string {
	env := slices.Clone(c.Env)
	for name, folder := range map[string]string{
		"UV_CACHE_DIR": "uv", "npm_config_cache": "npm", "npm_config_store_dir": "pnpm", "YARN_CACHE_FOLDER": "yarn",
		"YARN_GLOBAL_FOLDER": "berry",
	} {
		if home := os.Getenv("HOME"); os.Getenv(name) == "" && home != "" {
			env = append(env, name+"="+filepath.Join(home, ".cache", folder))
		}
	}
	return env
}

// credentialsError matches what package managers print when a registry wants a name and a password.
var credentialsError = regexp.MustCompile(`(?m)^.*(\bE401\b|\bE403\b|401 Unauthorized|403 Forbidden).*$`)

// isMissing reports whether an error is that of a program that is not there.
func isMissing(err error) bool {
	return errors.Is(err, exec.ErrNotFound)
}

// notRunWithout says that a program is missing.
func notRunWithout(name string, err error) error {
	return &pipeline.NotRunError{Reason: fmt.Sprintf("it needs %s: %v", name, err)}
}

// A tailReader reads the output of a program that has no findings, and keeps its end.
type tailReader struct {
	log interface{ Write([]byte) (int, error) }
	process.Tail
}

func (*tailReader) readsStderr() {}

func (t *tailReader) Write(p []byte) (int, error) {
	_, _ = t.Tail.Write(p)
	return t.log.Write(p)
}

func (*tailReader) result(string) (outcome, error) { return outcome{}, nil }

// maxReasonLines is how many lines of a program say why it failed.
const maxReasonLines = 6

// errorLine matches a line that a program marks as an error, with the mark.
var errorLine = regexp.MustCompile(`^\s*(\[ERROR\]|(?i:npm (error|err!))|error:|ERROR:?|FAIL\b|E  )\s*`)

// reason returns the first lines that the program marked as errors, or the last ones that it printed if it marked none,
// or how it ended if it printed nothing.
func (t *tailReader) reason(status string) string {
	lines := strings.FieldsFunc(findings.Printable(t.String()), func(r rune) bool { return r == '\n' })
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.TrimSpace(line) == "" })
	if len(lines) == 0 {
		return status
	}
	var marked []string
	for _, line := range lines {
		if mark := errorLine.FindString(line); mark != "" && len(line) > len(mark) {
			marked = append(marked, line[len(mark):])
		}
	}
	if len(marked) > 0 {
		return strings.Join(marked[:min(len(marked), maxReasonLines)], "; ")
	}
	return strings.Join(lines[max(0, len(lines)-maxReasonLines):], "; ")
}

// A nodeCheck checks one package of Node in a copy of the repository.
type nodeCheck func(context.Context, *workCopy, project.NodePackage) (outcome, error)

// checkNode checks every package whose packages are installed. If the check finds nothing to do in any of them, it
// returns that error of the last one.
func (g Gate) checkNode(ctx context.Context, check nodeCheck) (result outcome, err error) {
	w, err := g.newWorkCopy(ctx, nil)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, w.remove()) }()
	if err := w.linkPackages(g.packages(pipeline.NodePackagesDir)); err != nil {
		return result, err
	}
	packages, problems := project.FindNode(w.tree)
	result.addProblems(slices.DeleteFunc(problems, func(p project.Problem) bool { return p.IsNote }))
	var nothing *pipeline.NothingToDoError
	hasRun := len(result.report.Findings) > 0
	for _, p := range packages {
		checked, err := check(ctx, w, p)
		if errors.As(err, &nothing) {
			continue
		}
		if err != nil {
			return result, err
		}
		hasRun = true
		result.add(checked)
	}
	if nothing != nil && !hasRun {
		return result, nothing
	}
	return result, nil
}

// typesPattern reads the TypeScript compiler.
var typesPattern = linePattern{
	expression: regexp.MustCompile(`^(?:(?P<file>[^(]+)\((?P<line>\d+),(?P<column>\d+)\): )?error (?P<rule>TS\d+): ` +
		`(?P<message>.*)$`),
}

// checkNodeTypes runs the TypeScript compiler of each package that has a configuration of it.
func checkNodeTypes(ctx context.Context, g Gate) (outcome, error) {
	return g.checkNode(ctx, func(ctx context.Context, w *workCopy, p project.NodePackage) (outcome, error) {
		compiler := w.program(p.Folder, "tsc")
		if !p.HasTypes || compiler == "" {
			return outcome{}, &pipeline.NothingToDoError{Reason: "no package has a tsconfig.json and TypeScript's compiler"}
		}
		return w.run(ctx, project.Command{
			Folder: p.Folder, Env: project.NodeEnv(),
			Argv: []string{compiler, "--noEmit", "--pretty", "false", "--project", "."},
		}, &lineReader{pattern: typesPattern, log: g.Log})
	})
}

// checkNodeLint runs ESLint where it is configured, and otherwise the script lint.
func checkNodeLint(ctx context.Context, g Gate) (outcome, error) {
	return g.checkNode(ctx, func(ctx context.Context, w *workCopy, p project.NodePackage) (outcome, error) {
		if linter := w.program(p.Folder, "eslint"); p.HasESLint && linter != "" {
			return w.run(ctx, project.Command{
				Folder: p.Folder, Env: project.NodeEnv(), Argv: append(
					[]string{linter, "--format", "json", "--no-error-on-unmatched-pattern", "."}, p.ESLintOptions...,
				),
			}, &bufferedReader{read: readESLint})
		}
		return w.runScript(ctx, p, "lint")
	})
}

// prettierPattern reads the names of files that Prettier lists.
var prettierPattern = linePattern{
	expression: regexp.MustCompile(`^(?:\[error\] (?P<message>(?P<file>[^:]+): .*)|(?P<file>[^\[\s].*))$`),
	rule:       "prettier",
}

// checkNodeFormat runs Prettier where it is configured, and otherwise a script of one of its usual names.
func checkNodeFormat(ctx context.Context, g Gate) (outcome, error) {
	return g.checkNode(ctx, func(ctx context.Context, w *workCopy, p project.NodePackage) (outcome, error) {
		if formatter := w.program(p.Folder, "prettier"); p.HasPrettier && formatter != "" {
			pattern := prettierPattern
			pattern.message = "is not formatted by prettier; run `prettier --write` on it"
			return w.run(ctx, project.Command{
				Folder: p.Folder, Argv: []string{formatter, "--list-different", "--no-color", "--ignore-unknown", "."},
				Env: project.NodeEnv(),
			}, &lineReader{pattern: pattern, log: g.Log})
		}
		return w.runScript(ctx, p, "format:check", "format-check", "prettier:check", "check-format")
	})
}

// runScript runs the first of the scripts that a package has. A script that fails is one finding, about package.json.
func (w *workCopy) runScript(ctx context.Context, p project.NodePackage, names ...string) (outcome, error) {
	c, ok := p.Script(names...)
	if !ok {
		return outcome{}, &pipeline.NothingToDoError{
			Reason: "no package has a configured tool of its own for it, or a script " + strings.Join(names, " or "),
		}
	}
	script := c.Argv[len(c.Argv)-1]
	reason, err := w.runPlain(ctx, c)
	if err != nil || reason == "" {
		return outcome{}, err
	}
	file := path.Join(p.Folder, "package.json")
	return outcome{report: findings.Report{Findings: []findings.Finding{{
		Rule: script, Level: findings.Error, File: file, Line: w.lineOf(file, `"`+script+`"`),
		Message: fmt.Sprintf("the script %s failed: %s", script, reason),
	}}}}, nil
}

// lineOf returns the number of the first line of a file that holds the text; 0 if none does.
func (w *workCopy) lineOf(file, text string) int { return lineOf(w.path(file), text) }

// runPlain runs a command that has no findings. It returns why it failed; empty if it passed.
func (w *workCopy) runPlain(ctx context.Context, c project.Command) (string, error) {
	tail := &tailReader{log: w.gate.Log}
	_, err := w.run(ctx, c, tail)
	var notRun *pipeline.NotRunError
	if err == nil || ctx.Err() != nil || errors.As(err, &notRun) {
		return "", err
	}
	return tail.reason(err.Error()), nil
}

// checkNodeTests runs the script test of each package. What is in it is not known, so that a package is one test.
func checkNodeTests(ctx context.Context, g Gate) (outcome, error) {
	result, err := g.checkNode(ctx, func(ctx context.Context, w *workCopy, p project.NodePackage) (outcome, error) {
		c, ok := p.Script("test")
		if !ok {
			return outcome{}, nil
		}
		file := path.Join(p.Folder, "package.json")
		test := findings.Case{Name: "test", Class: file, File: file, Line: w.lineOf(file, `"test"`)}
		reason, err := w.runPlain(ctx, c)
		if err != nil {
			return outcome{}, err
		}
		if reason != "" {
			test.Failure = &findings.Outcome{Message: "the script test failed: " + reason}
		}
		return outcome{suites: []findings.Suite{{Name: file, Cases: []findings.Case{test}}}}, nil
	})
	if err == nil && !hasTests(result.suites) {
		err = &pipeline.NothingToDoError{Reason: "the repository has no tests: no package.json has a script test"}
	}
	return result, err
}

// readESLint reads the report that ESLint prints as JSON.
func readESLint(text []byte, root string) (findings.Report, error) {
	var files []struct {
		FilePath string `json:"filePath"`
		Messages []struct {
			RuleID   string `json:"ruleId"`
			Severity int    `json:"severity"`
			Message  string `json:"message"`
			Line     int    `json:"line"`
			Column   int    `json:"column"`
		} `json:"messages"`
	}
	if err := parseReport(text, &files); err != nil {
		return findings.Report{}, err
	}
	r := findings.Report{Tool: "eslint"}
	for _, file := range files {
		for _, m := range file.Messages {
			f := findings.Finding{
				Rule: m.RuleID, Level: findings.Error, File: findings.RelativePath(root, file.FilePath), Line: m.Line,
				Column: m.Column, Message: m.Message,
			}
			if f.Rule == "" {
				f.Rule = "eslint" // it cannot read the file
			}
			if m.Severity < 2 {
				f.Level = findings.Note // what the repository has for a warning ends its own run well
			}
			r.Findings = append(r.Findings, f)
		}
	}
	return r, nil
}
