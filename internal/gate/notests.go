package gate

import (
	"context"
	"errors"
	"slices"
	"strings"

	"lockstep/internal/fault"
	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
	"lockstep/internal/project"
)

// hasTests reports whether any test ran, or was to run.
func hasTests(suites []findings.Suite) bool {
	return slices.ContainsFunc(suites, func(s findings.Suite) bool { return len(s.Cases) > 0 })
}

// noPackages is what the go command prints, before it ends with a status of 1, in a module without packages.
const noPackages = "no packages to test"

// isEmptyRun reports whether `go test` ended as it does when there is nothing to test. Another failure says nothing of
// the tests.
func isEmptyRun(err error, stderr string) bool {
	var failed *FailedError
	return err == nil || errors.As(err, &failed) && strings.Contains(stderr, noPackages)
}

// explainNoTest returns why no test ran: a *pipeline.NothingToDoError if the repository declares none, and a
// *FailedError if it does.
func (g Gate) explainNoTest(ctx context.Context, tests project.Tests) error {
	tree, err := g.listTree(ctx)
	if err != nil {
		return err
	}
	file := tests.Declared(tree)
	if file == "" {
		return &pipeline.NothingToDoError{Reason: "the repository has no tests: " + tests.Missing}
	}
	return &FailedError{fault.NoTestRan, "no test ran, although " + file + " has one: " + tests.Remedy}
}
