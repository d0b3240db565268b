package config

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"
)

// WaiversFile is where the waivers stand, relative to the repository's root.
const WaiversFile = "config/waivers.yaml"

// Waivers is config/waivers.yaml: the findings of gates that are let through for a while.
type Waivers struct {
	Waivers []Waiver `json:"waivers"`
}

// A Waiver lets the findings of one rule through in some files, until a day. All of it has to be written.
type Waiver struct {
	// Rule is the rule's name as the gate's findings have it, G204 for example.
	Rule string `json:"rule" jsonschema:"minLength=1,title=the name of a rule,example=G204"`
	// Path is which files it is about: a path relative to the repository, in which * and ** stand for parts of it.
	Path string `json:"path" jsonschema:"minLength=1,title=a path or pattern,example=internal/host/*.go"`
	// Reason says why that is right.
	Reason string `json:"reason" schema:"reason"`
	// Owner is who answers for it, by email address.
	Owner string `json:"owner" schema:"email"`
	// Until is the last day on which it holds, as YEAR-MONTH-DAY.
	Until string `json:"until" schema:"day"`
	// Line is where it stands in the file.
	Line int `json:"-"`
}

// LoadWaivers reads and validates the waivers in fsys, which is the folder config. A missing file holds none. If the
// file is invalid the error is of type Problems.
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
		path := []string{"waivers", strconv.Itoa(i)}
		at, _ := d.locate(path...)
		w.Line = at.line
		if _, err := time.Parse(time.DateOnly, w.Until); err != nil && w.Until != "" {
			l.addProblem(d, append(path, "until"), fmt.Sprintf("there is no day %s", w.Until),
				"write a day that exists, such as \"2027-06-30\"")
		}
	}
	if len(l.problems) > 0 {
		l.problems.sort()
		return nil, l.problems
	}
	return file.Waivers, nil
}
