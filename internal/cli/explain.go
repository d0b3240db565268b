package cli

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"lockstep/internal/fault"
	"lockstep/internal/report"
)

// explainCommand returns the command that says what a code means. Whatever is not of the form of a code is refused.
func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [CODE|STACK]",
		Short: "Show what the code of an error means and what to do, or where a stack goes and why",
		Args:  numberOfArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.finish(&codeList{Groups: fault.Groups()}, nil)
			}
			if _, isCode := fault.Parse(args[0]); !isCode && a.isInProject() {
				return a.inProject(func(ctx context.Context, p *project) (result, error) {
					return a.explainStack(ctx, p, args[0])
				})(cmd, args)
			}
			entry, err := lookUpCode(args[0])
			if err != nil {
				return err
			}
			return a.finish(&explanation{Entry: entry}, nil)
		},
	}
}

// isInProject reports whether there is a project.
func (a *app) isInProject() bool {
	_, err := a.findRoot()
	return err == nil
}

// lookUpCode returns the entry of the code that a person has written.
func lookUpCode(text string) (fault.Entry, error) {
	code, ok := fault.Parse(text)
	if !ok {
		return fault.Entry{}, usagef(fault.UnknownName,
			"%q is no code: write one such as %s; `lockstep explain` lists all", text, fault.LockHeld)
	}
	entry, ok := fault.Lookup(code)
	if !ok {
		var near []string
		for _, c := range fault.Near(code) {
			near = append(near, string(c))
		}
		return entry, usagef(fault.UnknownName, "there is no code %s: did you mean %s? `lockstep explain` lists all",
			code, alternatives(near))
	}
	return entry, nil
}

// A codeList is the list of all codes.
type codeList struct {
	report.Envelope
	Groups []fault.Group `json:"groups"`
}

func (l *codeList) WriteText(w io.Writer) error {
	for i, group := range l.Groups {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, group.Title)
		for _, e := range group.Entries {
			if _, err := fmt.Fprintf(w, "  %s  %s\n", e.Code, e.Title); err != nil {
				return err
			}
		}
	}
	return nil
}

// An explanation is what a code means.
type explanation struct {
	report.Envelope
	Entry fault.Entry `json:"explanation"`
}

func (x *explanation) WriteText(w io.Writer) error {
	e := x.Entry
	text := fmt.Sprintf("%s: %s\n\n%s\n", e.Code, e.Title, e.Meaning)
	if len(e.Messages) > 0 {
		text += "\nit says\n  " + strings.Join(e.Messages, "\n  ") + "\n"
	}
	text += "\nwhy it happens\n  " + strings.Join(e.Causes, "\n  ") + "\n" +
		"\nwhat to do\n  " + strings.Join(e.Remedies, "\n  ") + "\n" +
		fmt.Sprintf("\nexit status %d; Lockstep's docs/troubleshooting.md has all codes\n", e.Exit)
	_, err := io.WriteString(w, pageLink.ReplaceAllString(text, "docs/$1"))
	return err
}

// pageLink matches a link to a page of the documentation, whose address it captures.
var pageLink = regexp.MustCompile(`\[[^\]]*\]\(([^)]*)\)`)
