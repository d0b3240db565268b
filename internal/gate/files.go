package gate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
)

// ListFiles is the repository's regular files that the patterns take in, slash-separated, relative to root, in alphabetical order. In a Git repository those
// are the files that Git knows or would not ignore.
func ListFiles(root string, patterns []string) ([]string, error) {
	all, err := gitFiles(root)
	if err != nil {
		if all, err = walkFiles(root); err != nil {
			return nil, fmt.Errorf("the repository's files cannot be listed: %w", err)
		}
	}
	var files []string
	for _, name := range all {
		if isSkipped(name) || !pipeline.Matches(patterns, name) {
			continue
		}
		if info, err := os.Lstat(filepath.Join(root, filepath.FromSlash(name))); err == nil && info.Mode().IsRegular() {
			files = append(files, name)
		}
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// isSkipped says whether a file lies where nothing is of the repository, whatever Git thinks of it.
func isSkipped(name string) bool {
	return slices.ContainsFunc(strings.Split(path.Dir(name), "/"), func(dir string) bool { return slices.Contains(pipeline.SkippedDirs, dir) })
}

var errNotGitRepository = errors.New("it is no Git repository")

func gitFiles(root string) ([]string, error) {
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
		return nil, errNotGitRepository
	}
	cmd := exec.Command("git", "-c", "core.quotePath=false", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"), nil
}

// hasCommits says whether the repository has any. The error is *NotRunError where the history is not here, or only a part of it.
func hasCommits(ctx context.Context, root string) (bool, error) {
	git := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Dir = root
		out, err := cmd.Output()
		return strings.TrimSpace(string(out)), err
	}
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
		return false, &NotRunError{"this is no Git repository, so there is no history to look at"}
	}
	switch shallow, err := git("rev-parse", "--is-shallow-repository"); {
	case err != nil:
		return false, &NotRunError{"git cannot read this repository: " + describeExit(err)}
	case shallow == "true":
		return false, &NotRunError{"only a part of the history is here: `git fetch --unshallow` brings the rest"}
	}
	commit, err := git("rev-list", "--all", "HEAD", "--max-count=1")
	if err != nil { // there is no HEAD before the first commit
		commit, err = git("rev-list", "--all", "--max-count=1")
	}
	if err != nil {
		return false, &NotRunError{"git cannot read the history: " + describeExit(err)}
	}
	return commit != "", nil
}

// walkFiles lists what lies below root without following links, so that a loop of them does no harm.
func walkFiles(root string) ([]string, error) {
	var files []string
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && slices.Contains(pipeline.SkippedDirs, path.Base(name)):
			return fs.SkipDir
		case entry.Type().IsRegular():
			files = append(files, name)
		}
		return nil
	})
	return files, err
}

// maxFileBytes is a size in bytes that no program is asked to read: what is larger was not meant to be in a repository.
const maxFileBytes = 50 << 20

// filterReadable takes out the files that no program should be given, and says why as findings, so that what was not looked at does not pass for clean.
func filterReadable(root string, files []string, reads pipeline.Format) (good []string, unfit []findings.Finding) {
	for _, name := range files {
		switch problem, err := checkReadable(filepath.Join(root, filepath.FromSlash(name)), utf8OnlyFormats[reads]); {
		case err != nil:
			unfit = append(unfit, findings.Finding{Rule: "unreadable", Level: findings.Error, File: name, Message: err.Error()})
		case problem.Rule != "":
			problem.File = name
			unfit = append(unfit, problem)
		default:
			good = append(good, name)
		}
	}
	return good, unfit
}

// utf8OnlyFormats are the formats of programs that take nothing but UTF-8.
var utf8OnlyFormats = map[pipeline.Format]bool{pipeline.Mdformat: true}

func checkReadable(file string, text bool) (findings.Finding, error) {
	info, err := os.Stat(file)
	if err != nil {
		return findings.Finding{}, err
	}
	if info.Size() > maxFileBytes {
		return findings.Finding{
			Rule: "too-large", Level: findings.Error,
			Message: fmt.Sprintf("has %d MB and was not looked at: keep it out of the repository, or waive this", info.Size()/1_000_000),
		}, nil
	}
	if !text {
		return findings.Finding{}, nil
	}
	data, err := os.ReadFile(file)
	if err != nil || utf8.Valid(data) {
		return findings.Finding{}, err
	}
	line, valid := 1, data
	for len(valid) > 0 {
		r, size := utf8.DecodeRune(valid)
		if r == utf8.RuneError && size <= 1 {
			break
		}
		if r == '\n' {
			line++
		}
		valid = valid[size:]
	}
	return findings.Finding{Rule: "not-utf-8", Level: findings.Error, Line: line, Message: "is not UTF-8 text: save it as UTF-8"}, nil
}

// fileArguments makes arguments of file names: one that begins with a dash must not be taken for an option.
func fileArguments(files []string) []string {
	out := slices.Clone(files)
	for i, name := range out {
		if strings.HasPrefix(name, "-") {
			out[i] = "./" + name
		}
	}
	return out
}
