package gate

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/tools/cover"

	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
)

// checkCoverage finds that the tests cover less than the floor, and that the floor was lowered since the last commit of the main line.
func checkCoverage(g Gate) (findings.Report, error) {
	r := findings.Report{Rules: []findings.Rule{
		{ID: "coverage-floor", Text: "The tests run at least this share of the statements"},
		{ID: "coverage-lowered", Text: "The floor only rises"},
	}}
	found := func(rule, message string) {
		r.Findings = append(r.Findings, findings.Finding{Rule: rule, Level: findings.Error, File: pipeline.CoverageFloor, Line: 1, Message: message})
	}
	covered, err := CoveragePercent(g.Root)
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

// CoveragePercent returns the share of statements, in percent, that the unit tests or the scripts ran, from the profiles that they left in the repository.
// Without profiles of scripts, what only the scripts run is not covered.
func CoveragePercent(root string) (float64, error) {
	scripts, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pipeline.ScriptsCoverageDir), "*.out"))
	if err != nil {
		return 0, err
	}
	statements := map[string]cover.ProfileBlock{} // by file and position
	for _, profile := range append(scripts, filepath.Join(root, filepath.FromSlash(pipeline.CoverageProfile))) {
		files, err := cover.ParseProfiles(profile)
		if err != nil {
			return 0, err
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
		return 0, fmt.Errorf("the profile %s covers no statement", pipeline.CoverageProfile)
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
	for _, revision := range []string{"HEAD", "HEAD~1", "origin/main"} {
		cmd := exec.Command("git", "show", revision+":"+pipeline.CoverageFloor)
		cmd.Dir = root
		out, err := cmd.Output()
		if err != nil {
			continue // no Git, no history, or no floor at that time
		}
		if floor, err := ParseFloor(string(out)); err == nil {
			highest, found = max(highest, floor), true
		}
	}
	return highest, found
}
