package main

import "context"

// A function for each gate of the table, so that `dagger check` lists them one by one and runs one by its name. A gate
// that does not apply to the repository says that it has nothing to do.

// Format is a gate of the stage quality: Go code has gofumpt's form.
//
// +check
// +cache="session"
func (m *Lockstep) Format(ctx context.Context) (string, error) { return m.runGate(ctx, "format") }

// Lint is a gate of the stage quality: mistakes, complexity and the direction of imports.
//
// +check
// +cache="session"
func (m *Lockstep) Lint(ctx context.Context) (string, error) { return m.runGate(ctx, "lint") }

// Tidy is a gate of the stage quality: go.mod and go.sum say what is imported.
//
// +check
// +cache="session"
func (m *Lockstep) Tidy(ctx context.Context) (string, error) { return m.runGate(ctx, "tidy") }

// Markdown is a gate of the stage quality: Markdown has mdformat's form.
//
// +check
// +cache="session"
func (m *Lockstep) Markdown(ctx context.Context) (string, error) { return m.runGate(ctx, "markdown") }

// Prose is a gate of the stage quality: the documentation's words and the length of its sentences.
//
// +check
// +cache="session"
func (m *Lockstep) Prose(ctx context.Context) (string, error) { return m.runGate(ctx, "prose") }

// Site is a gate of the stage quality: the documentation's links and anchors, by building its site.
//
// +check
// +cache="session"
func (m *Lockstep) Site(ctx context.Context) (string, error) { return m.runGate(ctx, "site") }

// Workflows is a gate of the stage quality: mistakes in GitHub workflows.
//
// +check
// +cache="session"
func (m *Lockstep) Workflows(ctx context.Context) (string, error) { return m.runGate(ctx, "workflows") }

// PipelineFiles is a gate of the stage quality: committed pipeline files are what the configuration says.
//
// +check
// +cache="session"
func (m *Lockstep) PipelineFiles(ctx context.Context) (string, error) {
	return m.runGate(ctx, "pipeline-files")
}

// Dockerfiles is a gate of the stage quality: mistakes in Dockerfiles.
//
// +check
// +cache="session"
func (m *Lockstep) Dockerfiles(ctx context.Context) (string, error) {
	return m.runGate(ctx, "dockerfiles")
}

// Waivers is a gate of the stage quality: no waiver has ended.
//
// +check
// +cache="session"
func (m *Lockstep) Waivers(ctx context.Context) (string, error) { return m.runGate(ctx, "waivers") }

// PythonFormat is a gate of the stage quality: Python code has ruff's form.
//
// +check
// +cache="session"
func (m *Lockstep) PythonFormat(ctx context.Context) (string, error) {
	return m.runGate(ctx, "python-format")
}

// PythonLint is a gate of the stage quality: mistakes in Python code.
//
// +check
// +cache="session"
func (m *Lockstep) PythonLint(ctx context.Context) (string, error) {
	return m.runGate(ctx, "python-lint")
}

// PythonTypes is a gate of the stage quality: the types of Python code.
//
// +check
// +cache="session"
func (m *Lockstep) PythonTypes(ctx context.Context) (string, error) {
	return m.runGate(ctx, "python-types")
}

// PythonComplexity is a gate of the stage quality.
//
// How complex Python code is: no function worse than C, no average worse than B.
//
// +check
// +cache="session"
func (m *Lockstep) PythonComplexity(ctx context.Context) (string, error) {
	return m.runGate(ctx, "python-complexity")
}

// Unit is a gate of the stage test: unit tests, with the race detector.
//
// +check
// +cache="session"
func (m *Lockstep) Unit(ctx context.Context) (string, error) { return m.runGate(ctx, "unit") }

// Infrastructure is a gate of the stage test: tests of the CDK app.
//
// +check
// +cache="session"
func (m *Lockstep) Infrastructure(ctx context.Context) (string, error) {
	return m.runGate(ctx, "infrastructure")
}

// Scripts is a gate of the stage test.
//
// The command line as its users see it, and whole deployments to emulated accounts.
//
// +check
// +cache="session"
func (m *Lockstep) Scripts(ctx context.Context) (string, error) { return m.runGate(ctx, "scripts") }

// Documentation is a gate of the stage test: what the documentation says is so.
//
// +check
// +cache="session"
func (m *Lockstep) Documentation(ctx context.Context) (string, error) {
	return m.runGate(ctx, "documentation")
}

// Coverage is a gate of the stage test: the tests cover no less than they did.
//
// +check
// +cache="session"
func (m *Lockstep) Coverage(ctx context.Context) (string, error) { return m.runGate(ctx, "coverage") }

// Gosec is a gate of the stage security: unsafe Go code.
//
// +check
// +cache="session"
func (m *Lockstep) Gosec(ctx context.Context) (string, error) { return m.runGate(ctx, "gosec") }

// Govulncheck is a gate of the stage security: known vulnerabilities that the Go code reaches.
//
// +check
// +cache="session"
func (m *Lockstep) Govulncheck(ctx context.Context) (string, error) {
	return m.runGate(ctx, "govulncheck")
}

// Osv is a gate of the stage security: known vulnerabilities in the lock files.
//
// +check
// +cache="session"
func (m *Lockstep) Osv(ctx context.Context) (string, error) { return m.runGate(ctx, "osv") }

// Secrets is a gate of the stage security: secrets in the files.
//
// +check
// +cache="session"
func (m *Lockstep) Secrets(ctx context.Context) (string, error) { return m.runGate(ctx, "secrets") }

// History is a gate of the stage security: secrets in the history.
//
// +check
// +cache="session"
func (m *Lockstep) History(ctx context.Context) (string, error) { return m.runGate(ctx, "history") }

// Baseline is a gate of the stage security: secrets that are not in the baseline.
//
// +check
// +cache="session"
func (m *Lockstep) Baseline(ctx context.Context) (string, error) { return m.runGate(ctx, "baseline") }

// Images is a gate of the stage security: images are pinned, from allowed registries, and do not run as root.
//
// +check
// +cache="session"
func (m *Lockstep) Images(ctx context.Context) (string, error) { return m.runGate(ctx, "images") }

// Bandit is a gate of the stage security: unsafe Python code.
//
// +check
// +cache="session"
func (m *Lockstep) Bandit(ctx context.Context) (string, error) { return m.runGate(ctx, "bandit") }

// Templates is a gate of the stage security: mistakes in the templates of every environment.
//
// +check
// +cache="session"
func (m *Lockstep) Templates(ctx context.Context) (string, error) { return m.runGate(ctx, "templates") }

// PythonOrder is a gate of the stage quality: the order of statements in Python code, where ssort is configured.
//
// +check
// +cache="session"
func (m *Lockstep) PythonOrder(ctx context.Context) (string, error) {
	return m.runGate(ctx, "python-order")
}

// PythonShed is a gate of the stage quality: Python code has shed's form, where shed is configured.
//
// +check
// +cache="session"
func (m *Lockstep) PythonShed(ctx context.Context) (string, error) {
	return m.runGate(ctx, "python-shed")
}

// PythonPackages is a gate of the stage quality: the packages of Python can be installed, by their hashes.
//
// +check
// +cache="session"
func (m *Lockstep) PythonPackages(ctx context.Context) (string, error) {
	return m.runGate(ctx, "python-packages")
}

// PythonTests is a gate of the stage test: the tests of Python code, with what they cover.
//
// +check
// +cache="session"
func (m *Lockstep) PythonTests(ctx context.Context) (string, error) {
	return m.runGate(ctx, "python-tests")
}

// NodePackages is a gate of the stage quality: the packages of Node can be installed, as the lock files have them.
//
// +check
// +cache="session"
func (m *Lockstep) NodePackages(ctx context.Context) (string, error) {
	return m.runGate(ctx, "node-packages")
}

// NodeTypes is a gate of the stage quality: the types of TypeScript, with the repository's own compiler.
//
// +check
// +cache="session"
func (m *Lockstep) NodeTypes(ctx context.Context) (string, error) {
	return m.runGate(ctx, "node-types")
}

// NodeLint is a gate of the stage quality: what the repository's own linter finds, ESLint or the script lint.
//
// +check
// +cache="session"
func (m *Lockstep) NodeLint(ctx context.Context) (string, error) {
	return m.runGate(ctx, "node-lint")
}

// NodeFormat is a gate of the stage quality: files have the form of the repository's own Prettier.
//
// +check
// +cache="session"
func (m *Lockstep) NodeFormat(ctx context.Context) (string, error) {
	return m.runGate(ctx, "node-format")
}

// NodeTests is a gate of the stage test: the script test of each package.
//
// +check
// +cache="session"
func (m *Lockstep) NodeTests(ctx context.Context) (string, error) {
	return m.runGate(ctx, "node-tests")
}

// JavaPackages is a gate of the stage quality: the Java code compiles, and what its build needs can be had.
//
// +check
// +cache="session"
func (m *Lockstep) JavaPackages(ctx context.Context) (string, error) {
	return m.runGate(ctx, "java-packages")
}

// JavaTests is a gate of the stage test: the tests of Java code, with Maven or Gradle.
//
// +check
// +cache="session"
func (m *Lockstep) JavaTests(ctx context.Context) (string, error) {
	return m.runGate(ctx, "java-tests")
}

// OwnSteps runs the steps of the repository's own that belong to quality, test or security.
//
// +check
// +cache="session"
func (m *Lockstep) OwnSteps(ctx context.Context) (string, error) {
	return m.runSelected(ctx, "own-steps", isOwnGate)
}
