package gate

import (
	"context"
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

// ListFiles returns the repository's regular files that the patterns match, in alphabetical order. Names are
// slash-separated and relative to root. In a Git repository, ignored files are left out.
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

// isSkipped reports whether a file lies in a folder that never belongs to the repository, even if Git tracks it.
func isSkipped(name string) bool {
	return slices.ContainsFunc(strings.Split(path.Dir(name), "/"), func(dir string) bool {
		return slices.Contains(pipeline.SkippedDirs, dir)
	})
}

// gitFiles returns the files that Git tracks or does not ignore. It is an error if root is no Git repository.
func gitFiles(root string) ([]string, error) {
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
		return nil, err // else Git would list a repository around it
	}
	cmd := exec.Command("git", "-c", "core.quotePath=false",
		"ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"), nil
}

// hasCommits reports whether the repository has any commits. The error is a *NotRunError if root is no Git repository,
// or a shallow clone.
func hasCommits(ctx context.Context, root string) (bool, error) {
	git := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Dir = root
		out, err := cmd.Output()
		return strings.TrimSpace(string(out)), err
	}
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
		return false, &NotRunError{"this is no Git repository, so there is no history to check"}
	}
	switch shallow, err := git("rev-parse", "--is-shallow-repository"); {
	case err != nil:
		return false, &NotRunError{"git cannot read this repository: " + describeExit(err)}
	case shallow == "true":
		return false, &NotRunError{"this is a shallow clone: get the whole history with `git fetch --unshallow`"}
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

// walkFiles returns the regular files below root. It does not follow links, which could form a loop.
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

// maxFileBytes is the size of the largest file that a program is given, in bytes.
const maxFileBytes = 50 << 20

// filterReadable returns the files that can be given to a program of this format. For every other file it returns a
// finding, so that a file that was not checked does not pass.
func filterReadable(
	root string, files []string, format pipeline.Format,
) (readable []string, unreadable []findings.Finding) {
	for _, name := range files {
		problem, err := checkReadable(filepath.Join(root, filepath.FromSlash(name)), utf8OnlyFormats[format])
		switch {
		case err != nil:
			problem = findings.Finding{Rule: "unreadable", Message: err.Error()}
		case problem.Rule == "":
			readable = append(readable, name)
			continue
		}
		problem.File = name
		problem.Level = findings.Error
		unreadable = append(unreadable, problem)
	}
	return readable, unreadable
}

// utf8OnlyFormats are the formats of programs that accept only UTF-8.
var utf8OnlyFormats = map[pipeline.Format]bool{pipeline.Mdformat: true}

// checkReadable returns a finding for a file that is too large, or that is no UTF-8 although it has to be. The finding
// has no rule if the file is fine.
func checkReadable(file string, utf8Only bool) (findings.Finding, error) {
	info, err := os.Stat(file)
	if err != nil {
		return findings.Finding{}, err
	}
	if info.Size() > maxFileBytes {
		return findings.Finding{
			Rule: "too-large",
			Message: fmt.Sprintf("has %d MB and was not checked: keep it out of the repository, or waive this",
				info.Size()/1_000_000),
		}, nil
	}
	if !utf8Only {
		return findings.Finding{}, nil
	}
	text, err := os.ReadFile(file)
	if err != nil || utf8.Valid(text) {
		return findings.Finding{}, err
	}
	return findings.Finding{
		Rule: "not-utf-8", Line: invalidUTF8Line(text), Message: "is not UTF-8: save it as UTF-8",
	}, nil
}

// invalidUTF8Line returns the number of the first line that is not UTF-8, or of the last line if all are.
func invalidUTF8Line(text []byte) int {
	line := 1
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r == utf8.RuneError && size <= 1 {
			break
		}
		if r == '\n' {
			line++
		}
		text = text[size:]
	}
	return line
}

// fileArguments returns the names as arguments of a program: a name that begins with a dash must not be read as an
// option.
func fileArguments(files []string) []string {
	out := slices.Clone(files)
	for i, name := range out {
		if strings.HasPrefix(name, "-") {
			out[i] = "./" + name
		}
	}
	return out
}
