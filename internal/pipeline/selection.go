package pipeline

import (
	"slices"
	"strings"
)

// A Selection is patterns as the container engine takes them: files are included first, and then excluded.
type Selection struct{ Include, Exclude []string }

// Selections include a file that one of them includes.
type Selections []Selection

// SourceFiles returns the step's inputs among the files of the repository.
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

// UpstreamFiles returns the step's inputs among the outputs of other steps.
func (s Step) UpstreamFiles() Selections {
	inputs := slices.Clone(s.Inputs)
	for _, folder := range s.Installed {
		inputs = append(inputs, folder, folder+"/**")
	}
	return newSelections(inputs, true)
}

// SubjectFiles returns the files that the step checks. If no file matches there is nothing to do. It is empty for a
// step that always has something to do.
func (s Step) SubjectFiles() Selections { return newSelections(s.TriggerPaths, false) }

// OutputFiles returns the step's outputs.
func (s Step) OutputFiles() Selection {
	var out Selection
	for _, output := range slices.Concat(s.Outputs, s.Installs) {
		out.Include = append(out.Include, output, output+"/**")
	}
	return out
}

// newSelections translates patterns, of which the last match decides, to selections, in which an exclusion always
// wins. A pattern that includes files after an exclusion begins another selection. With upstream, only the patterns of
// other steps' outputs count, and without it only the others.
func newSelections(patterns []string, upstream bool) Selections {
	var out Selections
	isOpen := false // whether the next inclusion belongs to the last selection
	for _, pattern := range patterns {
		bare, isExclusion := strings.CutPrefix(pattern, "!")
		if (bare == StateDir || strings.HasPrefix(bare, StateDir+"/")) != upstream {
			continue
		}
		if isExclusion {
			for i := range out {
				out[i].Exclude = append(out[i].Exclude, bare)
			}
			isOpen = false
			continue
		}
		if !isOpen {
			out = append(out, Selection{})
			isOpen = true
		}
		last := &out[len(out)-1]
		last.Include = append(last.Include, bare)
		if bare == History {
			last.Include = append(last.Include, bare+"/**")
		}
	}
	return out
}
