package gate

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/pipeline"
)

// The link is removed with the copy, and what it leads to is the person's.
func TestGate_ReportOfTestsBehindALinkIsNotRemoved(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "surefire-reports", "TEST-a.xml")
	require.NoError(t, os.MkdirAll(filepath.Dir(outside), 0o700))
	require.NoError(t, os.WriteFile(outside, nil, 0o600))
	root := newRepository(t, map[string]string{"pom.xml": ""})
	require.NoError(t, os.MkdirAll(filepath.Join(root, "target"), 0o700))
	require.NoError(t, os.Symlink(filepath.Dir(outside), filepath.Join(root, "target", "surefire-reports")))
	w, err := Gate{Name: "java-tests", Root: root}.newWorkCopy(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(w.path("target"), 0o700))
	_ = os.Symlink(filepath.Dir(outside), w.path("target/surefire-reports"))
	require.Error(t, w.removeTestReports("."))
	assert.FileExists(t, outside)
	require.NoError(t, w.remove())
}

// A commit can hold a report of tests that nobody has run, beside settings by which the build runs none.
func TestGate_CommittedReportOfTestsIsNotBelieved(t *testing.T) {
	const report = `<testsuite name="a"><testcase classname="A" name="a"/></testsuite>`
	for name, test := range map[string]struct{ program, build, report string }{
		"Maven":             {"mvn", "pom.xml", "target/surefire-reports/TEST-a.xml"},
		"a module of Maven": {"mvn", "pom.xml", "web/target/failsafe-reports/TEST-a.xml"},
		"Gradle":            {"gradle", "build.gradle", "build/test-results/test/a.xml"},
	} {
		t.Run(name, func(t *testing.T) {
			root := newRepository(t, map[string]string{
				test.build: "", test.report: report, "src/test/java/A.java": "class A {\n    @Test\n    void a() {}\n}\n",
			})
			commitAll(t, root)
			bin := t.TempDir()
			//nolint:gosec // a program has to be executable
			require.NoError(t, os.WriteFile(filepath.Join(bin, test.program), []byte("#!/bin/sh\n"), 0o700))
			t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			g, log := newShellGate(root, "", pipeline.JUnit)
			g.Name, g.Argv = "java-tests", nil
			err := g.Run(t.Context())
			require.Error(t, err, log.String())
			assert.Contains(t, err.Error(), "src/test/java/A.java")
		})
	}
}
