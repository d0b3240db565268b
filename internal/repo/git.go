package repo

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"

	"lockstep/internal/fault"
	"lockstep/internal/process"
	"lockstep/internal/text"
	"lockstep/tools"
)

// This file runs Git so that the configuration of a repository, which whoever made the repository has written, starts
// no program, asks no other machine and hides no change.

// commands are the commands that Git may be asked, and the options that keep each from running what the repository
// names. None of them writes.
var commands = map[string][]string{
	"check-ignore": nil,
	"config":       nil,
	"for-each-ref": nil,
	"hash-object":  nil,
	"log":          {"--no-ext-diff", "--no-textconv"},
	"ls-files":     nil,
	"rev-list":     nil,
	"rev-parse":    nil,
	"show":         {"--no-ext-diff", "--no-textconv"},
	"status":       {"--ignore-submodules=all"}, // Git would ask each with the configuration of the submodule
}

// fixedSettings stand in the place of what the repository's configuration says: of the programs that it may name
// (https://git-scm.com/docs/git-config), and of how Git finds out which files were changed.
var fixedSettings = []string{
	"core.fsmonitor=false",
	"core.quotePath=false",
	"log.showSignature=false",
	"gpg.program=false", // the program of that name, which only fails
	"gpg.openpgp.program=false",
	"gpg.x509.program=false",
	"gpg.ssh.program=false",
	"safe.bareRepository=explicit", // a folder of the project that looks like a repository has a configuration too
	"core.ignoreStat=false",
	"core.trustctime=true",
	"core.checkStat=default",
}

// noHooks is a further setting, except where the folder of the hooks is asked for.
const noHooks = "core.hooksPath=" + os.DevNull

// fixedVariables are the environment of Git beside the caller's.
var fixedVariables = []string{
	"LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0",
	"GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=", // a partial clone fetches what it lacks, by any program
	"GIT_NO_REPLACE_OBJECTS=1", // a commit is what its id says
}

// localVariables name the variables that make Git work on another repository than the one of its folder. The source is
// `git rev-parse --local-env-vars`; its variables of configuration stay, because they hold trust and proxies.
var localVariables = []string{
	"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX", "GIT_NAMESPACE", "GIT_SHALLOW_FILE",
	"GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE",
	"GIT_NO_REPLACE_OBJECTS", "GIT_REPLACE_REF_BASE", "GIT_CONFIG", "GIT_INTERNAL_SUPER_PREFIX",
}

// gitEnviron returns the environment of Git: the caller's without localVariables, and with fixedVariables.
func gitEnviron(environ []string) []string {
	cleaned := slices.DeleteFunc(slices.Clone(environ), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.Contains(localVariables, name)
	})
	return append(cleaned, fixedVariables...)
}

// Git runs one of commands in the project's folder and returns what it prints. The error is ErrNotRepository or a
// *GitError.
func (r *Repository) Git(ctx context.Context, command string, args ...string) (string, error) {
	settings := append(slices.Clone(fixedSettings), noHooks)
	if command == "status" {
		filters, err := r.filters(ctx)
		if err != nil {
			return "", err
		}
		settings = append(settings, filters...)
	}
	return r.run(ctx, settings, command, args...)
}

// run runs one of commands with settings in the place of the repository's own.
func (r *Repository) run(ctx context.Context, settings []string, command string, args ...string) (string, error) {
	options, ok := commands[command]
	if !ok {
		return "", fault.Errorf(fault.GitFailed, "git %s is not among the commands of Git that are run here", command)
	}
	program, err := tools.FindProgram(r.environ, "git")
	if err != nil {
		return "", ErrNotRepository
	}
	argv := []string{"--no-pager"}
	for _, setting := range settings {
		argv = append(argv, "-c", setting)
	}
	cmd := process.Command(ctx, program, slices.Concat(argv, []string{command}, options, args)...)
	cmd.Dir, cmd.Env = r.dir, r.environ
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		message := strings.TrimPrefix(text.OneLine(stderr.String()), "fatal: ")
		if strings.HasPrefix(message, "not a git repository") {
			return "", ErrNotRepository
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", &GitError{Command: command, Message: message, Err: err}
	}
	return stdout.String(), nil
}

// filters returns the settings that switch off the filters of content that the repository's own configuration has. The
// caller's own ones, such as that of Git LFS, stay.
func (r *Repository) filters(ctx context.Context) ([]string, error) {
	out, err := r.run(ctx, fixedSettings, "config", "--includes", "--show-scope", "--name-only", "--null", "--list")
	if err != nil {
		return nil, err
	}
	var settings []string
	fields := strings.Split(out, "\x00")
	for i := 0; i+1 < len(fields); i += 2 {
		scope, name := fields[i], fields[i+1]
		if scope != "local" && scope != "worktree" || !strings.HasPrefix(name, "filter.") {
			continue
		}
		value := ""
		if strings.HasSuffix(name, ".required") {
			value = "false"
		}
		settings = append(settings, name+"="+value)
	}
	return settings, nil
}
