package pipeline

import (
	"slices"
	"strings"
)

// A Selection is patterns as the container engine wants them: what is taken in, and then what is left out of it again.
type Selection struct{ Include, Exclude []string }

// Selections take in a file that one of them takes in.
type Selections []Selection

// SourceFiles are the step's inputs among the repository's files.
func (s Step) SourceFiles() Selections {
	files := newSelections(s.Inputs, false)
	if slices.Contains(s.Inputs, History) {
		return files
	}
	for i := range files {
		files[i].Exclude = append(files[i].Exclude, History, History+"/**")
	}
	return files
}

// UpstreamFiles are the step's inputs among what other steps made.
func (s Step) UpstreamFiles() Selections { return newSelections(s.Inputs, true) }

// SubjectFiles are the files without any of which there is nothing for the step to do; none if there always is something.
func (s Step) SubjectFiles() Selections { return newSelections(s.TriggerPaths, false) }

// OutputFiles is the step's outputs.
func (s Step) OutputFiles() Selection {
	var out Selection
	for _, output := range s.Outputs {
		out.Include = append(out.Include, output, output+"/**")
	}
	return out
}

// newSelections say with patterns of which those that leave out always win what a list says in which the last one that matches does: whatever is taken
// in again after something was left out is a selection more.
func newSelections(patterns []string, made bool) Selections {
	var out Selections
	open := false // whether what is taken in still belongs to the last selection
	for _, pattern := range patterns {
		bare, left := strings.CutPrefix(pattern, "!")
		if (bare == StateDir || strings.HasPrefix(bare, StateDir+"/")) != made {
			continue
		}
		if left {
			for i := range out {
				out[i].Exclude = append(out[i].Exclude, bare)
			}
			open = false
			continue
		}
		if !open {
			out, open = append(out, Selection{}), true
		}
		last := &out[len(out)-1]
		last.Include = append(last.Include, bare)
		if bare == History {
			last.Include = append(last.Include, bare+"/**")
		}
	}
	return out
}
