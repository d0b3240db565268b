package cli

import "strings"

// enumerate writes names as a sentence has them.
func enumerate(names []string) string { return join(names, "and") }

// alternatives writes names of which one is to be chosen.
func alternatives(names []string) string { return join(names, "or") }

func join(names []string, last string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " " + last + " " + names[len(names)-1]
}
