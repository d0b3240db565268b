package gate

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
	"lockstep/internal/project"
)

// installJava compiles each build of Maven or Gradle, so that everything that its tests need can be had without the
// network.
func installJava(ctx context.Context, g Gate) (result outcome, err error) {
	packages := g.packages(pipeline.JavaPackagesDir)
	if err := remake(packages); err != nil {
		return result, err
	}
	w, err := g.newWorkCopy(ctx, nil)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, w.remove()) }()
	for _, p := range project.FindJava(w.tree) {
		file := path.Join(p.Folder, "pom.xml")
		if p.Gradle {
			file = path.Join(p.Folder, "build.gradle")
		}
		found, err := g.install(ctx, w.dir, p.Prepare(packages), file)
		if err == nil && len(found) == 0 && !p.Gradle {
			found, err = w.fetchProviders(ctx, p, packages)
		}
		if err != nil {
			return result, err
		}
		result.report.Findings = append(result.report.Findings, found...)
	}
	return result, nil
}

// fetchProviders fetches what Maven starts the tests with, in the versions that the build has.
func (w *workCopy) fetchProviders(
	ctx context.Context, p project.JavaProject, packages string,
) ([]findings.Finding, error) {
	versions := map[string][]string{}
	for _, name := range project.VersionFolders() {
		entries, err := os.ReadDir(filepath.Join(packages, "maven", filepath.FromSlash(name)))
		if err != nil {
			continue // the build does not use it
		}
		for _, entry := range entries {
			if entry.IsDir() {
				versions[name] = append(versions[name], entry.Name())
			}
		}
	}
	dir := filepath.Join(w.parent, "providers")
	for name, text := range project.FetchFiles(versions) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := fsx.Replace(file, []byte(text), fsx.PublicFile); err != nil {
			return nil, err
		}
	}
	return w.gate.install(ctx, w.dir, p.Fetch(packages, dir), path.Join(p.Folder, "pom.xml"))
}

// checkJavaTests runs the tests of each build without the network.
func checkJavaTests(ctx context.Context, g Gate) (result outcome, err error) {
	w, err := g.newWorkCopy(ctx, nil)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, w.remove()) }()
	for _, p := range project.FindJava(w.tree) {
		if err := w.removeTestReports(p.Folder); err != nil {
			return result, err
		}
		reason, err := w.runPlain(ctx, p.Test(g.packages(pipeline.JavaPackagesDir)))
		if err != nil {
			return result, err
		}
		suites, err := w.readTestReports(p.Folder)
		if err != nil {
			return result, err
		}
		w.findClasses(suites)
		if reason != "" && len(findings.TestFailures(suites)) == 0 {
			suites = append(suites, findings.Suite{Name: p.Folder, Cases: []findings.Case{{
				Name: "build", Class: p.Folder, Failure: &findings.Outcome{Message: reason},
			}}})
		}
		result.suites = append(result.suites, suites...)
	}
	if !hasTests(result.suites) {
		return result, g.explainNoTest(ctx, project.JavaTests)
	}
	return result, nil
}

// findTestReports returns the names of the reports of tests in a folder of the copy, slash-separated and relative to
// it.
func (w *workCopy) findTestReports(folder string) ([]string, error) {
	var reports []string
	for _, pattern := range project.TestReports {
		names, err := doublestar.Glob(os.DirFS(w.path(folder)), pattern)
		if err != nil {
			return nil, fault.Wrap(fault.SourceUnreadable, err)
		}
		reports = append(reports, names...)
	}
	return reports, nil
}

// removeTestReports removes the reports of tests that the repository holds. They would count for a build whose settings
// run no tests. Behind a link that leads out of the folder nothing is removed, which is an error.
func (w *workCopy) removeTestReports(folder string) error {
	reports, err := w.findTestReports(folder)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(w.path(folder))
	if err != nil {
		return err
	}
	defer root.Close()
	for _, name := range reports {
		err = errors.Join(err, root.RemoveAll(filepath.FromSlash(name)))
	}
	return err
}

// readTestReports reads the reports of tests that a build has left in its folder.
func (w *workCopy) readTestReports(folder string) ([]findings.Suite, error) {
	reports, err := w.findTestReports(folder)
	var suites []findings.Suite
	for _, name := range reports {
		suites = append(suites, w.readJUnit(filepath.Join(w.path(folder), filepath.FromSlash(name)), folder)...)
	}
	return suites, err
}

// findClasses adds to tests the file of their class.
func (w *workCopy) findClasses(suites []findings.Suite) {
	for _, s := range suites {
		for i, c := range s.Cases {
			class, _, _ := strings.Cut(c.Class, "$")
			name := "/" + strings.ReplaceAll(class, ".", "/") + ".java"
			for _, file := range w.tree.Files {
				if strings.HasSuffix(file, name) {
					s.Cases[i].File = file
				}
			}
		}
	}
}
