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

// hasCommits reports whether the repository has any commit. The error is *NotRunError where there is no history, or only a
// part of it.
func hasCommits(ctx context.Context, root string) (bool, error) {
	repository := repo.New(root, os.Environ())
	if _, err := repository.TopLevel(ctx); errors.Is(err, repo.ErrNotRepository) {
		return false, &NotRunError{"this is no Git repository, so there is no history to look at"}
	}
	switch shallow, err := repository.Git(ctx, "rev-parse", "--is-shallow-repository"); {
	case err != nil:
		return false, &NotRunError{"git cannot read this repository: " + err.Error()}
	case strings.TrimSpace(shallow) == "true":
		return false, &NotRunError{"only a part of the history is here: `git fetch --unshallow` brings the rest"}
	}
	commit, err := repository.Git(ctx, "rev-list", "--all", "HEAD", "--max-count=1")
	if err != nil { // there is no HEAD before the first commit
		commit, err = repository.Git(ctx, "rev-list", "--all", "--max-count=1")
	}
	if err != nil {
		return false, &NotRunError{"git cannot read the history: " + err.Error()}
	}
	return commit != "", nil
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
