// Package repo runs Git in a project's folder and lists the project's files. It knows nothing of steps, gates and
// accounts.
package repo

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockstep/internal/fault"
	"lockstep/internal/process"
	"lockstep/internal/text"
	"lockstep/tools"
)

// Sources is this package's own code, for versions of what works with its files.
//
//go:embed *.go
var Sources embed.FS

// ErrNotRepository is returned where a folder belongs to no Git repository, or Git is not installed.
var ErrNotRepository = fault.New(fault.NoRepository, "this is no Git repository")

// A GitError is a Git command that failed.
type GitError struct {
	// Command is the Git command without its arguments, such as "status".
	Command string
	// Message is what Git printed, on one line.
	Message string
	// Err is how the process ended.
	Err error
}

func (e *GitError) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("git %s: %v", e.Command, e.Err)
	}
	return fmt.Sprintf("git %s: %s", e.Command, e.Message)
}

// Code returns the code of the error.
func (e *GitError) Code() fault.Code { return fault.GitFailed }

func (e *GitError) Unwrap() error { return e.Err }

// A Repository is a project's folder, which is a Git repository, a folder in one, or neither.
type Repository struct {
	dir     string
	environ []string
}

// New returns the repository of a project's folder, for a caller with an environment as os.Environ returns it.
func New(dir string, environ []string) *Repository {
	return &Repository{dir: dir, environ: gitEnviron(environ)}
}

// localVariables name the variables that make Git work on another repository than the one of its folder. The source is
// `git rev-parse --local-env-vars`; its variables of configuration stay, because they hold trust and proxies.
var localVariables = []string{
	"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX", "GIT_NAMESPACE", "GIT_SHALLOW_FILE",
	"GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE",
	"GIT_NO_REPLACE_OBJECTS", "GIT_REPLACE_REF_BASE", "GIT_CONFIG", "GIT_INTERNAL_SUPER_PREFIX",
}

// gitEnviron returns the environment of Git: the caller's without localVariables, and with messages in English.
func gitEnviron(environ []string) []string {
	cleaned := slices.DeleteFunc(slices.Clone(environ), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.Contains(localVariables, name)
	})
	return append(cleaned, "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0")
}

// Git runs a Git command in the project's folder and returns what it prints. The error is ErrNotRepository or a
// *GitError.
func (r *Repository) Git(ctx context.Context, command string, args ...string) (string, error) {
	program, err := tools.FindProgram(r.environ, "git")
	if err != nil {
		return "", ErrNotRepository
	}
	// A monitor of the file system is a program that the repository names, so it is not started.
	options := []string{"-c", "core.fsmonitor=false", "-c", "core.quotePath=false", command}
	cmd := process.Command(ctx, program, append(options, args...)...)
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

// TopLevel returns the top folder of the repository that the project belongs to. The error is ErrNotRepository if it
// belongs to none. A folder that the repository around it ignores does not belong to it.
func (r *Repository) TopLevel(ctx context.Context) (string, error) {
	out, err := r.Git(ctx, "rev-parse", "--show-toplevel", "--show-prefix")
	if err != nil {
		return "", err
	}
	top, prefix, _ := strings.Cut(out, "\n")
	if strings.TrimSpace(prefix) == "" {
		return top, nil
	}
	// The status is 0 if the folder is ignored, and 1 if it is not.
	if _, err := r.Git(ctx, "check-ignore", "--quiet", "."); err == nil {
		return "", ErrNotRepository
	}
	return top, nil
}

// Commit returns the commit that is checked out, with a plus sign if the files are not those of the commit: a file
// that Git knows was changed, or the project has a new file that isInput accepts, by its slash-separated path in the
// project. It is empty before the first commit. The error is ErrNotRepository or says why Git refuses.
func (r *Repository) Commit(ctx context.Context, isInput func(name string) bool) (string, error) {
	if _, err := r.TopLevel(ctx); err != nil {
		return "", err
	}
	head, err := r.head(ctx)
	if err != nil || head == "" {
		return "", err
	}
	changed, err := r.Git(ctx, "status", "--porcelain", "--untracked-files=no")
	if err != nil {
		return "", err
	}
	untracked, err := r.list(ctx, "--others")
	if err != nil {
		return "", err
	}
	if changed != "" || slices.ContainsFunc(untracked, isInput) {
		head += "+"
	}
	return head, nil
}

// commitPattern matches the full or shortened id of a commit, in SHA-1 or SHA-256.
var commitPattern = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// CommitTime returns the time at which a commit was put into version control, by its committer's clock. The error says
// that the text is no id of a commit, or that the repository does not have it.
func (r *Repository) CommitTime(ctx context.Context, commit string) (time.Time, error) {
	if !commitPattern.MatchString(commit) {
		return time.Time{}, fault.Errorf(fault.GitFailed, "%q is no id of a commit", commit)
	}
	out, err := r.Git(ctx, "show", "--no-patch", "--format=%ct", commit+"^{commit}")
	if err != nil {
		return time.Time{}, err
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(out), 10, 64)
	return time.Unix(seconds, 0).UTC(), fault.Wrap(fault.GitFailed, err)
}

// A CommitSummary is a commit and the first line of its message.
type CommitSummary struct {
	Commit  string `json:"commit"`
	Subject string `json:"subject"`
}

// CommitsBetween returns the commits that lead from one to another, the newest first and at most limit. The error says
// that a text is no id of a commit, or that the repository does not have it.
func (r *Repository) CommitsBetween(ctx context.Context, from, to string, limit int) ([]CommitSummary, error) {
	for _, commit := range []string{from, to} {
		if !commitPattern.MatchString(commit) {
			return nil, fault.Errorf(fault.GitFailed, "%q is no id of a commit", commit)
		}
	}
	out, err := r.Git(ctx, "log", "--format=%H %s", "--max-count="+strconv.Itoa(limit), from+".."+to, "--")
	if err != nil {
		return nil, err
	}
	var commits []CommitSummary
	for line := range strings.Lines(out) {
		commit, subject, _ := strings.Cut(strings.TrimSpace(line), " ")
		commits = append(commits, CommitSummary{commit, subject})
	}
	return commits, nil
}

// Author returns the e-mail address of who has written a commit.
func (r *Repository) Author(ctx context.Context, commit string) (string, error) {
	out, err := r.Git(ctx, "log", "-1", "--format=%ae", "--end-of-options", commit)
	return strings.TrimSpace(out), err
}

// History describes every commit that the repository has: what is checked out, and what each branch and tag points
// to. It is empty where there is no repository and before the first commit.
func (r *Repository) History(ctx context.Context) (string, error) {
	if _, err := r.TopLevel(ctx); errors.Is(err, ErrNotRepository) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	head, err := r.head(ctx)
	if err != nil || head == "" {
		return "", err
	}
	refs, err := r.Git(ctx, "for-each-ref", "--format=%(objectname) %(refname)")
	return head + "\n" + refs, err
}

// head returns the commit that is checked out; empty before the first commit.
func (r *Repository) head(ctx context.Context) (string, error) {
	out, err := r.Git(ctx, "rev-parse", "--verify", "--quiet", "HEAD")
	var failed *GitError
	if errors.As(err, &failed) && failed.Message == "" { // --quiet prints nothing if there is no commit
		return "", nil
	}
	return strings.TrimSpace(out), err
}
