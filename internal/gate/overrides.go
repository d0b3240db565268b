package gate

import (
	"cmp"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/gate/findings"
)

// The rules of what decides, besides waivers, what a program finds.
const (
	ruleSettings = "settings"
	ruleComment  = "comment"
	ruleSkipped  = "skipped"
)

// overrides returns a note for each file of settings of the repository that the gate's program takes by itself, for
// each comment by which the repository's code lets findings through, and one for the files that the program does not
// look at. They pass, and the report shows them.
func (g Gate) overrides() ([]findings.Finding, error) {
	var notes []findings.Finding
	for _, setting := range g.ProgramSettings {
		pattern, text, _ := strings.Cut(setting, "=")
		files, err := ListFiles(g.Root, []string{pattern})
		if err != nil {
			return nil, asFailed(err)
		}
		for _, name := range files {
			line := 0
			if text != "" {
				if line = lineOfSettings(filepath.Join(g.Root, filepath.FromSlash(name)), text); line == 0 {
					continue
				}
			}
			notes = append(notes, findings.Finding{
				Rule: ruleSettings, Level: findings.Note, File: name, Line: line,
				Message: fmt.Sprintf("has settings of %s, which decide what it finds", g.toolName()),
			})
		}
	}
	skipped, skipErr := g.skippedFiles()
	comments, err := g.waivingComments()
	return slices.Concat(notes, skipped, comments), cmp.Or(skipErr, err)
}

// lineOfSettings returns the number of the line of a file that has the settings of a program, which begin with the
// text; 0 if none has. A table of TOML is known by its keys, because it may be written in other ways: with blanks, in
// quotes, or with the keys of one table in that of another.
func lineOfSettings(file, text string) int {
	keys, isTable := strings.CutPrefix(text, "[")
	if line := lineOf(file, text); line > 0 || !isTable || filepath.Ext(file) != ".toml" {
		return line
	}
	data, err := fsx.ReadFile(file, fsx.MaxText)
	if err != nil {
		return 0
	}
	var document any
	if err := toml.Unmarshal(data, &document); err != nil {
		return 1 // another reader may take it
	}
	last := ""
	for last = range strings.SplitSeq(keys, ".") {
		table, _ := document.(map[string]any)
		if document = table[last]; document == nil {
			return 0
		}
	}
	return max(lineOf(file, last), 1)
}

// skippedFiles returns a note if the repository has files that the program does not look at.
func (g Gate) skippedFiles() ([]findings.Finding, error) {
	if len(g.Skips) == 0 {
		return nil, nil
	}
	files, err := ListFiles(g.Root, g.Skips)
	if err != nil {
		return nil, asFailed(err)
	}
	if len(files) == 0 {
		return nil, nil
	}
	message := fmt.Sprintf("is in a folder that %s does not look at", g.toolName())
	if more := len(files) - 1; more > 0 {
		message += fmt.Sprintf(", and %s more", pluralize(more, "file"))
	}
	return []findings.Finding{{Rule: ruleSkipped, Level: findings.Note, File: files[0], Message: message}}, nil
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
		return nil, asFailed(err)
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
