package app

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/jsonx"
	"lockstep/internal/process"
)

// A shellCommand is a command of cdk.json: text for a shell, or a list of arguments.
// Source: https://github.com/aws/aws-cdk-cli, packages/aws-cdk/lib/cxapp/exec.ts.
type shellCommand string

// UnmarshalJSON reads either form.
func (c *shellCommand) UnmarshalJSON(text []byte) error {
	var arguments []string
	if jsonx.UnmarshalForeign(text, &arguments) == nil {
		*c = shellCommand(shellescape.QuoteCommand(arguments))
		return nil
	}
	return jsonx.UnmarshalForeign(text, (*string)(c))
}

// executable returns the command of cdk.json as a shell runs it. The CDK's command line gives a script of Node to Node
// if it is no program by itself.
// Source: the same repository, packages/@aws-cdk/toolkit-lib/lib/api/cloud-assembly/environment.ts, guessExecutable.
func (a App) executable(command string) string {
	if filepath.Ext(command) != ".js" || strings.ContainsAny(command, " \t") {
		return command
	}
	info, err := os.Stat(filepath.Join(a.dir(), filepath.FromSlash(command)))
	if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 != 0 {
		return command
	}
	return "node " + command
}

// prepare installs the app's dependencies where they are missing, and runs the command that builds the app; empty for
// none.
func (a App) prepare(ctx context.Context, build string) error {
	if err := a.ensureDependencies(ctx); err != nil {
		return err
	}
	if build == "" {
		return nil
	}
	var tail process.Tail
	err := a.shell(ctx, build, a.commandEnviron(), io.MultiWriter(&tail, a.Log))
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fault.Errorf(fault.SynthFailed, "the CDK app was not built: `%s`, which is `build` of %s: %s%s",
			build, a.shown(settingsFile), process.DescribeExit(err), a.hint(tail.String()))
	}
	return nil
}

var (
	// mavenRun matches a command of Maven that runs a program, and its first word.
	mavenRun = regexp.MustCompile(`(?:^|[\s;&|])((?:\./|[\w./-]*/)?mvnw?)\s(?:.*\s)?exec:(?:java|exec)\b`)
	// mavenPhase matches a phase of Maven in which an app is compiled.
	// Source: https://maven.apache.org/guides/introduction/introduction-to-the-lifecycle.html.
	mavenPhase = regexp.MustCompile(`\s(?:compile|process-classes|test-compile|process-test-classes|test|` +
		`prepare-package|package|pre-integration-test|integration-test|post-integration-test|verify|install|deploy)(?:\s|$)`)
	// nodeRun matches a command that runs a file with Node, and the file.
	nodeRun = regexp.MustCompile(`^node\s+([^\s-][^\s;&|]*)`)
)

// compileCommand returns the command that compiles the app before its own command can run it; empty if that does it
// itself, or if nothing is known to.
func (a App) compileCommand() string {
	if match := mavenRun.FindStringSubmatch(a.Command); match != nil && !mavenPhase.MatchString(a.Command) {
		return match[1] + " -q compile"
	}
	match := nodeRun.FindStringSubmatch(a.Command)
	if match == nil || a.hasScript(match[1]) || !a.hasBuildScript() {
		return ""
	}
	program := a.packageProgram("typescript").name
	if program == "" {
		program = "npm"
	}
	return program + " run build"
}

// hasScript reports whether the app's folder has a script that Node finds under the name.
// Source: https://nodejs.org/api/modules.html#all-together.
func (a App) hasScript(name string) bool {
	name = filepath.Join(a.dir(), filepath.FromSlash(name))
	for _, suffix := range []string{"", ".js", ".json", ".node"} {
		if info, err := os.Stat(name + suffix); err == nil && info.Mode().IsRegular() {
			return true
		}
	}
	_, err := os.Stat(filepath.Join(name, "index.js"))
	return err == nil
}

// hasBuildScript reports whether package.json of the app's folder has a script with the name build.
func (a App) hasBuildScript() bool {
	text, err := fsx.ReadFile(filepath.Join(a.dir(), "package.json"), maxPackageBytes)
	if err != nil {
		return false
	}
	return parseNodePackage(text).Scripts["build"] != ""
}
