package gate

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/tools/cover"

	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
	"lockstep/internal/repo"
)

// checkCoverage finds that the tests cover less than the floor, and that the floor was lowered since the last commit of the main line.
func checkCoverage(g Gate) (findings.Report, error) {
	r := findings.Report{Rules: []findings.Rule{
		{ID: "coverage-floor", Text: "The unit tests run at least this share of the statements"},
		{ID: "coverage-lowered", Text: "The floor only rises"},
	}}
	found := func(rule, message string) {
		r.Findings = append(r.Findings, findings.Finding{Rule: rule, Level: findings.Error, File: pipeline.CoverageFloor, Line: 1, Message: message})
	}
	covered, err := CoveragePercent(filepath.Join(g.Root, filepath.FromSlash(pipeline.CoverageProfile)))
	if err != nil {
		return r, &FailedError{"there is no coverage to look at: " + err.Error()}
	}
	text, err := os.ReadFile(filepath.Join(g.Root, filepath.FromSlash(pipeline.CoverageFloor)))
	if err != nil {
		return r, &FailedError{"there is no floor: " + err.Error()}
	}
	floor, err := ParseFloor(string(text))
	if err != nil {
		found("coverage-floor", err.Error())
		return r, nil
	}
	fmt.Fprintf(g.Log, "covered %.1f %% of the statements; the floor is %.1f %%\n", covered, floor)
	if covered < floor {
		found("coverage-floor", fmt.Sprintf("the tests cover %.1f %% of the statements, less than the floor of %.1f %%: test what is new", covered, floor))
	}
	if before, ok := previousFloor(g.Root); ok && floor < before {
		found("coverage-lowered", fmt.Sprintf("the floor was %.1f %% and must not sink: write at least that", before))
	}
	return r, nil
}

// CoveragePercent is the share of statements, in percent, that a coverage profile has as run.
func CoveragePercent(profile string) (float64, error) {
	files, err := cover.ParseProfiles(profile)
	if err != nil {
		return 0, err
	}
	total, run := 0, 0
	for _, f := range files {
		for _, b := range f.Blocks {
			total += b.NumStmt
			if b.Count > 0 {
				run += b.NumStmt
			}
		}
	}
	if total == 0 {
		return 0, fmt.Errorf("%s covers no statement", profile)
	}
	return 100 * float64(run) / float64(total), nil
}

// ParseFloor reads the floor: the first line of its file is a number of percent.
func ParseFloor(text string) (float64, error) {
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	floor, err := strconv.ParseFloat(strings.TrimSpace(first), 64)
	if err != nil || floor < 0 || floor > 100 {
		return 0, fmt.Errorf("its first line is %q, not a number of percent", first)
	}
	return floor, nil
}

// previousFloor is the floor of the last commit, and of the one before where HEAD changed it. There is none without a history.
func previousFloor(root string) (float64, bool) {
	highest, found := 0.0, false
	repository := repo.New(root, os.Environ())
	for _, revision := range []string{"HEAD", "HEAD~1", "origin/main"} {
		// The dot is the project's folder, which may lie in a larger repository.
		text, err := repository.Git(context.Background(), "show", revision+":./"+pipeline.CoverageFloor)
		if err != nil {
			continue // no Git, no history, or no floor at that time
		}
		if floor, err := ParseFloor(text); err == nil {
			highest, found = max(highest, floor), true
		}
	}
	return highest, found
}
