package gate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/tools/cover"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
	"lockstep/internal/repo"
)

// checkCoverage finds that the tests cover less than the floor, and that the floor is lower than it was in the commits.
func checkCoverage(g Gate) (findings.Report, error) {
	r := findings.Report{Rules: []findings.Rule{
		{ID: "coverage-floor", Text: "The tests run at least this share of the statements"},
		{ID: "coverage-lowered", Text: "The floor only rises"},
	}}
	add := func(rule, message string) {
		r.Findings = append(r.Findings, findings.Finding{
			Rule: rule, Level: findings.Error, File: pipeline.CoverageFloor, Line: 1, Message: message,
		})
	}
	covered, err := CoveragePercent(g.Root)
	isEmpty := fault.Of(err) == fault.NoTestRan
	if err != nil && !isEmpty {
		return r, &FailedError{fault.CoverageFloor, "the coverage profile cannot be read: " + err.Error()}
	}
	text, err := fsx.ReadFile(filepath.Join(g.Root, filepath.FromSlash(pipeline.CoverageFloor)), fsx.MaxText)
	if err != nil {
		return r, &FailedError{fault.CoverageFloor, "the coverage floor cannot be read: " + err.Error()}
	}
	floor, err := ParseFloor(string(text))
	if err != nil {
		add("coverage-floor", err.Error())
		return r, nil
	}
	if isEmpty && floor == 0 {
		return r, &pipeline.NothingToDoError{Reason: "the repository has no tests, and its floor is 0"}
	}
	fmt.Fprintf(g.Log, "covered %.1f %% of the statements; the floor is %.1f %%\n", covered, floor)
	if covered < floor {
		add("coverage-floor", fmt.Sprintf(
			"the tests cover %.1f %% of the statements, less than the floor of %.1f %%: test the new code",
			covered, floor))
	}
	if before, ok := previousFloor(g.Root); ok && floor < before {
		add("coverage-lowered", fmt.Sprintf(
			"the floor was %.1f %% and must not be lowered: write at least that", before))
	}
	return r, nil
}

// CoveragePercent returns the share of statements, in percent, that the unit tests or the scripts ran, from the
// profiles that they left in the repository. Without profiles of scripts, what only the scripts run is not covered.
func CoveragePercent(root string) (float64, error) {
	scripts, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pipeline.ScriptsCoverageDir), "*.out"))
	if err != nil {
		return 0, err
	}
	statements := map[string]cover.ProfileBlock{} // by file and position
	for _, profile := range append(scripts, filepath.Join(root, filepath.FromSlash(pipeline.CoverageProfile))) {
		files, err := cover.ParseProfiles(profile)
		if errors.Is(err, fs.ErrNotExist) {
			continue // no test ran
		}
		if err != nil {
			return 0, fault.Wrap(fault.CoverageFloor, err)
		}
		for _, f := range files {
			for _, b := range f.Blocks {
				position := fmt.Sprintf("%s:%d.%d,%d.%d", f.FileName, b.StartLine, b.StartCol, b.EndLine, b.EndCol)
				b.Count += statements[position].Count
				statements[position] = b
			}
		}
	}
	total, run := 0, 0
	for _, b := range statements {
		total += b.NumStmt
		if b.Count > 0 {
			run += b.NumStmt
		}
	}
	if total == 0 {
		return 0, fault.Errorf(fault.NoTestRan, "no test ran: the profile %s has no statement", pipeline.CoverageProfile)
	}
	return 100 * float64(run) / float64(total), nil
}

// ParseFloor returns the coverage floor in percent, which is the first line of its file.
func ParseFloor(text string) (float64, error) {
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	floor, err := strconv.ParseFloat(strings.TrimSpace(first), 64)
	if err != nil || floor < 0 || floor > 100 {
		return 0, fault.Errorf(fault.CoverageFloor,
			"its first line is %q: write a number from 0 to 100, the percentage", first)
	}
	return floor, nil
}

// previousFloor returns the highest floor in HEAD, its parent and origin/main, and whether any of them has one. HEAD's
// parent is compared too, because HEAD may be the commit that lowers the floor.
func previousFloor(root string) (float64, bool) {
	highest := 0.0
	found := false
	repository := repo.New(root, os.Environ())
	for _, revision := range []string{"HEAD", "HEAD~1", "origin/main"} {
		// The dot is the project's folder, which may lie in a larger repository.
		text, err := repository.Git(context.Background(), "show", revision+":./"+pipeline.CoverageFloor)
		if err != nil {
			continue // no Git, no such revision, or no floor in it
		}
		if floor, err := ParseFloor(text); err == nil {
			highest = max(highest, floor)
			found = true
		}
	}
	return highest, found
}
