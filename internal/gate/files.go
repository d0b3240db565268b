package gate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"lockstep/internal/fsx"
	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
	"lockstep/internal/repo"
)

// ListFiles returns the repository's regular files that the patterns take in, slash-separated, relative to root, in
// alphabetical order. In a Git repository those are the files that Git knows or would not ignore.
func ListFiles(root string, patterns []string) ([]string, error) {
	listing, err := repo.New(root, os.Environ()).Files(context.Background())
	if err != nil {
		return nil, err
	}
	files, err := listing.Match(patterns)
	return slices.DeleteFunc(files, func(name string) bool {
		info, err := os.Lstat(filepath.Join(root, filepath.FromSlash(name)))
		return err != nil || !info.Mode().IsRegular()
	}), err
}

// hasCommits reports whether the repository has any commit. The error is *pipeline.NotRunError where there is no
// history, or only a part of it.
func hasCommits(ctx context.Context, root string) (bool, error) {
	repository := repo.New(root, os.Environ())
	if _, err := repository.TopLevel(ctx); errors.Is(err, repo.ErrNotRepository) {
		return false, &pipeline.NotRunError{Reason: "this is no Git repository, so there is no history to check"}
	}
	switch shallow, err := repository.Git(ctx, "rev-parse", "--is-shallow-repository"); {
	case err != nil:
		return false, &pipeline.NotRunError{Reason: "git cannot read this repository: " + err.Error()}
	case strings.TrimSpace(shallow) == "true":
		return false, &pipeline.NotRunError{
			Reason: "this is a shallow clone: get the whole history with `git fetch --unshallow`",
		}
	}
	commit, err := repository.Git(ctx, "rev-list", "--all", "HEAD", "--max-count=1")
	if err != nil { // there is no HEAD before the first commit
		commit, err = repository.Git(ctx, "rev-list", "--all", "--max-count=1")
	}
	if err != nil {
		return false, &pipeline.NotRunError{Reason: "git cannot read the history: " + err.Error()}
	}
	return commit != "", nil
}

// maxFileBytes is the size of the largest file that is given to a program, in bytes.
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
	text, err := fsx.ReadFile(file, fsx.MaxText)
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
