// Package repo runs Git in a project's folder and lists the project's files. It knows nothing of steps, gates and
// accounts.
package repo

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"lockstep/internal/fault"
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

// HooksDir returns the folder of the repository's hooks, which is relative to the project's folder unless it is
// absolute.
func (r *Repository) HooksDir(ctx context.Context) (string, error) {
	out, err := r.run(ctx, fixedSettings, "rev-parse", "--git-path", "hooks")
	return strings.TrimSpace(out), err
}

// OriginName returns the name of the repository that the project was cloned from, as the end of its address has it. It
// is empty if nobody knows, and for a project that is only a folder of its repository.
func (r *Repository) OriginName(ctx context.Context) string {
	prefix, err := r.Git(ctx, "rev-parse", "--show-prefix")
	if err != nil || strings.TrimSpace(prefix) != "" {
		return ""
	}
	url, err := r.Git(ctx, "config", "--get", "remote.origin.url")
	if err != nil {
		return ""
	}
	address := strings.TrimSuffix(strings.TrimRight(strings.TrimSpace(url), `/\`), ".git")
	return address[strings.LastIndexAny(address, `/\:`)+1:]
}
