package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"lockstep/internal/fault"
)

// WaiversFile is the file of the waivers, relative to the repository's root.
const WaiversFile = "config/waivers.yaml"

// Waivers is config/waivers.yaml: the findings of gates that are let through for a while.
type Waivers struct {
	Waivers []Waiver `json:"waivers"`
}

// A Waiver lets the findings of one rule in some files through until a day. All keys are required.
type Waiver struct {
	// Rule is the name of the rule as the findings have it, such as G204.
	Rule string `json:"rule" jsonschema:"minLength=1,title=the name of a rule,example=G204"`
	// Gate is the gate whose finding it is.
	Gate string `json:"gate" schema:"gateName"`
	// Path is the path of the files, relative to the repository. In it * and ** match as in globs, but it names files and
	// no trees: behind a ** the file's name is written out, and no name is * alone.
	Path string `json:"path" jsonschema:"minLength=1,title=a path or pattern,example=internal/host/*.go"`
	// Reason is why the findings are acceptable.
	Reason string `json:"reason" schema:"reason"`
	// Owner is the email address of who is responsible for the waiver.
	Owner string `json:"owner" schema:"email"`
	// Until is the last day on which the waiver is valid, as YEAR-MONTH-DAY.
	Until string `json:"until" schema:"day"`
	// Line is the line of the file on which the waiver begins.
	Line int `json:"-"`
}

// LoadWaivers reads and validates the waivers in fsys, which is the folder config. A missing file holds none. If the
// file is invalid the error is of type ValidationErrors.
func LoadWaivers(fsys fs.FS) ([]Waiver, error) {
	l := &loader{fsys: fsys, documents: map[string]*document{}}
	var file Waivers
	if _, err := fs.Stat(fsys, waiversFile); errors.Is(err, fs.ErrNotExist) {
		l.findMisnamedFile(waiversFile)
	} else {
		l.readFile(waiversFile, "waivers", &file)
	}
	d := l.documents[waiversFile]
	for i := range file.Waivers {
		w := &file.Waivers[i]
		at := []string{"waivers", strconv.Itoa(i)}
		begin, _ := d.locate(at...)
		w.Line = begin.line
		if _, err := time.Parse(time.DateOnly, w.Until); err != nil && w.Until != "" {
			l.addCodedProblem(fault.ConfigValue, d, append(at, "until"), fmt.Sprintf("there is no day %s", w.Until),
				"write a day that exists, such as \"2027-06-30\"")
		}
		if w.Path != "" && !namesFiles(w.Path) {
			l.addCodedProblem(fault.ConfigValue, d, append(at, "path"),
				fmt.Sprintf("%s is a tree, and what is put there later is let through too",
					w.Path), "name the files, such as internal/process/command.go")
		}
	}
	if len(l.problems) > 0 {
		l.problems.sort()
		return nil, l.problems
	}
	return file.Waivers, nil
}

// namesFiles reports whether a pattern names files, and not whatever lies in a folder: the last part has a literal
// beginning or end besides its extension, and behind a ** it is literal as a whole.
func namesFiles(pattern string) bool {
	name := path.Base(pattern)
	if strings.Contains(pattern, "**") {
		return !strings.ContainsAny(name, "*?[]{}\\")
	}
	if strings.ContainsAny(name, "[]\\") || wildcardInBraces.MatchString(pattern) {
		return false
	}
	return strings.Trim(strings.TrimSuffix(name, path.Ext(name)), "*?") != ""
}

// wildcardInBraces matches alternatives one of which may be anything.
var wildcardInBraces = regexp.MustCompile(`\{[^}]*[*?/][^}]*\}`)
