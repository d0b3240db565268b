// Command codesize measures the Go code of this repository: the lengths of files, functions and lines, the parameters
// of functions, and the exported names without a comment. It prints a table in Markdown. Run it in the root:
//
//	go run ./tests/codesize           print the table
//	go run ./tests/codesize -list     print where each counted line, function and name is
//	go run ./tests/codesize -write    put the table into docs/code.md
//	go run ./tests/codesize -check    fail when a limit is exceeded
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// page is the page that holds the table, between two comments.
const page = "docs/code.md"

var tableInPage = regexp.MustCompile(`(?s)(<!-- codesize: .*? -->\n).*?(<!-- end -->)`)

func main() {
	list := flag.Bool("list", false, "print where each counted line, function and name is")
	write := flag.Bool("write", false, "put the table into "+page)
	check := flag.Bool("check", false, "fail when a limit is exceeded")
	flag.Parse()
	if err := run(options{list: *list, write: *write, check: *check}); err != nil {
		fmt.Fprintln(os.Stderr, "codesize:", err)
		os.Exit(1)
	}
}

type options struct{ list, write, check bool }

func run(o options) error {
	programs, tests, err := Measure(os.DirFS("."))
	if err != nil {
		return err
	}
	switch {
	case o.list:
		for _, s := range []Size{programs, tests} {
			printList("line over 120 columns", s.LongLines)
			printList("more than five parameters", s.LongSignatures)
			printList("boolean parameter", s.BoolParameters)
			printList("no comment", s.Undocumented)
		}
	case o.write:
		if err := writePage(Table(programs, tests)); err != nil {
			return err
		}
	default:
		fmt.Print(Table(programs, tests))
	}
	if o.check {
		return Check(programs, tests)
	}
	return nil
}

func printList(what string, places []string) {
	for _, place := range places {
		fmt.Printf("%s: %s\n", place, what)
	}
}

// writePage replaces the table in the page.
func writePage(table string) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	if !tableInPage.Match(text) {
		return fmt.Errorf("%s has no comment `<!-- codesize: … -->` with an `<!-- end -->` after it", page)
	}
	text = tableInPage.ReplaceAll(text, []byte("${1}\n"+table+"\n${2}"))
	return os.WriteFile(page, text, 0o644) //nolint:gosec // a source file, readable by all
}

// Check returns an error that lists what exceeds a limit.
func Check(sizes ...Size) error {
	var problems []error
	for _, s := range sizes {
		for _, place := range s.LongLines {
			problems = append(problems, fmt.Errorf("%s: more than %d columns", place, maxColumns))
		}
		for _, place := range s.Undocumented {
			problems = append(problems, fmt.Errorf("%s: an exported name without a comment", place))
		}
	}
	return errors.Join(problems...)
}

// Table returns the figures as a table in Markdown.
func Table(programs, tests Size) string {
	var b strings.Builder
	b.WriteString("| figure | programs | tests |\n| -- | -- | -- |\n")
	for _, f := range figures {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", f.name, f.value(programs), f.value(tests))
	}
	return b.String()
}

// A figure is a row of the table.
type figure struct {
	name  string
	value func(Size) string
}

// figures are the rows of the table.
var figures = []figure{
	{"files", func(s Size) string { return strconv.Itoa(len(s.FileLines)) }},
	{"lines of a file: median / p90 / longest", func(s Size) string { return distribution(s.FileLines) }},
	{"functions", func(s Size) string { return strconv.Itoa(len(s.FunctionLines)) }},
	{"lines of a function: median / p90 / longest", func(s Size) string { return distribution(s.FunctionLines) }},
	{"lines over 120 columns", func(s Size) string { return strconv.Itoa(len(s.LongLines)) }},
	{"functions with more than five parameters", func(s Size) string { return strconv.Itoa(len(s.LongSignatures)) }},
	{"boolean parameters", func(s Size) string { return strconv.Itoa(len(s.BoolParameters)) }},
	{"exported names without a comment", func(s Size) string { return strconv.Itoa(len(s.Undocumented)) }},
}

// distribution returns the median, the 90th percentile and the maximum of some lengths. The 90th percentile is the
// smallest of the lengths that at least 90 % of them do not exceed.
func distribution(lengths []int) string {
	if len(lengths) == 0 {
		return "0 / 0 / 0"
	}
	sorted := slices.Sorted(slices.Values(lengths))
	percentile := func(percent int) int { return sorted[(len(sorted)*percent+99)/100-1] }
	return fmt.Sprintf("%d / %d / %d", percentile(50), percentile(90), sorted[len(sorted)-1])
}
