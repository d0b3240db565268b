package fault

import (
	"cmp"
	"slices"
	"strings"
)

//go:generate go run ./generate

// An Entry says what a code means.
type Entry struct {
	Code Code `json:"code"`
	// Title names the code in a few words.
	Title string `json:"title"`
	// Meaning says what has happened, and what has not been done because of it.
	Meaning string `json:"meaning"`
	// Causes are why it happens, the most frequent first.
	Causes []string `json:"causes"`
	// Remedies are what to do, the first to try first.
	Remedies []string `json:"remedies"`
	// Messages are what the program prints with the code. The sign … stands for what varies.
	Messages []string `json:"messages,omitempty"`
	// Exit is the exit status of a command that ends with the code.
	Exit int `json:"exit"`
}

// The exit statuses of commands that end with a code.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitRefused     = 3
	exitInterrupted = 130
)

// A Group is codes whose numbers begin with the same digit.
type Group struct {
	// Title names what the codes are about.
	Title   string  `json:"title"`
	Entries []Entry `json:"codes"`
}

// Groups returns all codes by what they are about, in the order of their numbers.
func Groups() []Group {
	groups := []Group{
		{"The command line", usageEntries()},
		{"Configuration", configEntries()},
		{"Source, build and synthesis", buildEntries()},
		{"Quality, tests and security scans", gateEntries()},
		{"Plans and approvals", slices.Concat(planEntries(), readinessEntries())},
		{"Deployments, releases and records", deployEntries()},
		{"Access, accounts and AWS", accessEntries()},
		{"Rehearsal and this machine", machineEntries()},
		{"The program itself", internalEntries()},
	}
	for _, group := range groups {
		for i, entry := range group.Entries {
			group.Entries[i].Exit = cmp.Or(entry.Exit, exitFailed)
		}
	}
	return groups
}

// Entries returns the entries of all codes, in the order of their numbers.
func Entries() []Entry {
	var all []Entry
	for _, group := range Groups() {
		all = append(all, group.Entries...)
	}
	return all
}

// Lookup returns the entry of a code, and reports whether there is one.
func Lookup(code Code) (Entry, bool) {
	all := Entries()
	i := slices.IndexFunc(all, func(e Entry) bool { return e.Code == code })
	if i < 0 {
		return Entry{}, false
	}
	return all[i], true
}

// Parse returns the code that a person has written: in either case, with or without LS-. It reports whether the text is
// of that form, and not whether there is such a code.
func Parse(text string) (Code, bool) {
	number := strings.TrimPrefix(strings.ToUpper(text), "LS-")
	if len(number) != 3 || strings.Trim(number, "0123456789") != "" {
		return "", false
	}
	return Code("LS-" + number), true
}

// Near returns the known codes that are nearest to one that is not known: those whose numbers differ least.
func Near(code Code) []Code {
	const most = 3
	all := Entries()
	slices.SortStableFunc(all, func(a, b Entry) int { return distance(a.Code, code) - distance(b.Code, code) })
	var near []Code
	for _, e := range all[:most] {
		near = append(near, e.Code)
	}
	slices.Sort(near)
	return near
}

// distance returns by how much the numbers of two codes differ.
func distance(a, b Code) int {
	difference := number(a) - number(b)
	return max(difference, -difference)
}

// number returns the number in a code.
func number(c Code) int {
	n := 0
	for _, digit := range strings.TrimPrefix(string(c), "LS-") {
		n = 10*n + int(digit-'0')
	}
	return n
}
