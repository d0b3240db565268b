package gate

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/gate/findings"
)

// The rules of what decides, besides waivers, what a program finds.
const (
	ruleSettings = "settings"
	ruleComment  = "comment"
)

// overrides returns a note for each file of settings of the repository that the gate's program takes by itself, and for
// each comment by which the repository's code lets findings through. They pass, and the report shows them.
func (g Gate) overrides() ([]findings.Finding, error) {
	var notes []findings.Finding
	for _, setting := range g.ProgramSettings {
		pattern, text, _ := strings.Cut(setting, "=")
		files, err := ListFiles(g.Root, []string{pattern})
		if err != nil {
			return nil, &FailedError{fault.CodeOf(err), err.Error()}
		}
		for _, name := range files {
			line := 0
			if text != "" {
				if line = lineOf(filepath.Join(g.Root, filepath.FromSlash(name)), text); line == 0 {
					continue
				}
			}
			notes = append(notes, findings.Finding{
				Rule: ruleSettings, Level: findings.Note, File: name, Line: line,
				Message: fmt.Sprintf("has settings of %s, which decide what it finds", g.toolName()),
			})
		}
	}
	comments, err := g.waivingComments()
	return append(notes, comments...), err
}

// waivingComments returns a note for each line of the files whose comments count that has such a comment.
func (g Gate) waivingComments() ([]findings.Finding, error) {
	if g.Comments == "" {
		return nil, nil
	}
	comment, err := regexp.Compile(g.Comments)
	if err != nil {
		return nil, &FailedError{fault.TableBroken, err.Error()}
	}
	patterns := g.CommentFiles
	if patterns == nil {
		patterns = g.FilePatterns
	}
	files, err := ListFiles(g.Root, patterns)
	if err != nil {
		return nil, &FailedError{fault.CodeOf(err), err.Error()}
	}
	var notes []findings.Finding
	for _, name := range files {
		text, err := fsx.ReadFile(filepath.Join(g.Root, filepath.FromSlash(name)), maxFileBytes)
		if err != nil {
			continue // it is too large, or was just removed
		}
		number := 0
		for line := range strings.Lines(string(text)) {
			number++
			if found := comment.FindString(strings.TrimSuffix(line, "\n")); found != "" {
				notes = append(notes, findings.Finding{
					Rule: ruleComment, Level: findings.Note, File: name, Line: number,
					Message: fmt.Sprintf("%s lets through what %s finds", strings.TrimSpace(found), g.toolName()),
				})
			}
		}
	}
	return notes, nil
}
