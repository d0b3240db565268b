package cli

import "strings"

// enumerate joins names with commas and "and".
func enumerate(names []string) string { return join(names, "and") }

// alternatives joins names with commas and "or".
func alternatives(names []string) string { return join(names, "or") }

func join(names []string, last string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " " + last + " " + names[len(names)-1]
}

// stringsOf returns names of another type as strings.
func stringsOf[T ~string](names []T) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = string(name)
	}
	return out
}

// orDash returns the text, or a dash if it is empty.
func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
