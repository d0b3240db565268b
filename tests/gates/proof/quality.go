package proof

import (
	"strings"
	"testing"
)

// tooComplex is a function with more branches than the linter allows.
var tooComplex = "package x\n\n// Pick picks.\nfunc Pick(n int) int {\n" +
	strings.Repeat("\tif n > 3 {\n\t\tn--\n\t}\n", 16) + "\treturn n\n}\n"

// lintRow returns a Row of the gate lint. The defect and its twin are in the file that the location names.
func lintRow(name, rule, location, defect, twin string) Row {
	file, _, _ := strings.Cut(location, ":")
	return Row{
		Gate: "lint", Name: name, files: goProject,
		defect: oneFile(file, defect), twin: oneFile(file, twin), rule: rule, location: location,
	}
}

// qualityRows are the proofs of the gates of the stage quality.
var qualityRows = []Row{
	{
		Gate: "format", Name: "code that is not formatted",
		files:  oneFile("go.mod", "module proof\n\ngo 1.26.0\n"),
		defect: oneFile("a b/x's.go", "package x\nfunc  F() {}\n"),
		twin:   oneFile("a b/x's.go", "package x\n\nfunc F() {}\n"),
		rule:   "gofumpt", location: "a b/x's.go",
	},
	lintRow("go vet", "govet", "internal/x/v.go:7",
		printFunction(`"no number"`),
		printFunction("1")),
	lintRow("staticcheck", "staticcheck", "internal/x/v.go:5",
		"package x\n\n// Same is.\nfunc Same(n int) bool {\n\treturn n == n\n}\n",
		"package x\n\n// Same is.\nfunc Same(n, m int) bool {\n\treturn n == m\n}\n"),
	lintRow("complexity", "cyclop", "internal/x/v.go:4",
		tooComplex,
		"package x\n\n// Pick picks.\nfunc Pick(n int) int { return n }\n"),
	lintRow("an import against the direction", "depguard", "config/v.go:3",
		"package config\n\nimport _ \"lockstep/internal/host\"\n",
		"package config\n\nimport _ \"strings\"\n"),
	lintRow("a line that is too long", "lll", "internal/x/v.go:3",
		"package x\n\n// "+strings.Repeat("long ", 24)+"\n",
		"package x\n\n// "+strings.Repeat("long ", 23)+"\n"),
	lintRow("a name against the conventions", "revive", "internal/x/v.go:4",
		"package x\n\n// Web_url is a URL.\nconst Web_url = \"\"\n",
		"package x\n\n// WebURL is a URL.\nconst WebURL = \"\"\n"),
	{
		Gate: "tidy", Name: "a module that nothing imports", files: goProject,
		defect: oneFile("go.mod", `module lockstep

go 1.26.0

require lockstep/spare v0.0.0

replace lockstep/spare => ./spare
`),
		twin: oneFile("README.md", ""),
		rule: "tidy", location: "go.mod",
		prepareDefect: func(t testing.TB, p *Project) {
			p.Write(t, "spare/go.mod", "module lockstep/spare\n\ngo 1.26.0\n")
		},
	},
	{
		Gate: "markdown", Name: "a list that is not formatted",
		defect: oneFile(`docs/it's "so".md`, "# A\n* b\n"),
		twin:   oneFile(`docs/it's "so".md`, "# A\n\n- b\n"),
		rule:   "mdformat", location: `docs/it's "so".md`,
	},
	{
		Gate: "markdown", Name: "text that is not UTF-8",
		files:  oneFile("docs/good.md", "# A\n"),
		defect: oneFile("docs/bad.md", "# A\n\n\xff\xfe\n"),
		twin:   oneFile("docs/bad.md", "# A\n\nb\n"),
		rule:   "not-utf-8", location: "docs/bad.md:3",
		FoundByLockstep: true,
	},
	{
		Gate: "prose", Name: "a word that only this project knows",
		defect:   oneFile("docs/a.md", "# A\n\nRun it again, and mend the file.\n"),
		twin:     oneFile("docs/a.md", "# A\n\nRun it again, and fix the file.\n"),
		rule:     "Lockstep.Words",
		location: "docs/a.md:3",
	},
	{
		Gate: "prose", Name: "a sentence that is too long",
		defect: oneFile("docs/a.md", "# A\n\nOne "+strings.Repeat("and one ", 14)+"make many.\n"),
		twin: oneFile("docs/a.md", "# A\n\nOne "+strings.Repeat("and one ", 6)+"make many. Two "+
			strings.Repeat("and two ", 6)+"make more.\n\n```text\n"+strings.Repeat("code ", 40)+"\n```\n"),
		rule:     "Lockstep.Sentences",
		location: "docs/a.md:3",
	},
	{
		Gate: "site", Name: "a link that leads nowhere", files: siteProject,
		defect:   oneFile("docs/a.md", "# A\n\n[b](c.md)\n"),
		twin:     oneFile("docs/a.md", "# A\n\n[b](b.md)\n"),
		rule:     "mkdocs",
		location: "docs/a.md",
	},
	{
		Gate: "site", Name: "an anchor that leads nowhere", files: siteProject,
		defect:   oneFile("docs/a.md", "# A\n\n[b](b.md#c)\n"),
		twin:     oneFile("docs/a.md", "# A\n\n[b](b.md#b-b)\n"),
		rule:     "mkdocs",
		location: "docs/a.md",
	},
	{
		Gate: "workflows", Name: "a job that does not exist",
		defect: oneFile(".github/workflows/ci.yml", workflow("lint")),
		twin:   oneFile(".github/workflows/ci.yml", workflow("build")),
		rule:   "job-needs", location: ".github/workflows/ci.yml:8",
	},
	{
		Gate: "pipeline-files", Name: "a workflow that was edited by hand", files: gitHubProject,
		defect: oneFile("README.md", ""),
		twin:   oneFile("README.md", ""),
		rule:   "pipeline-files", location: ".github/workflows/lockstep-main.yml",
		prepareDefect: func(t testing.TB, p *Project) {
			writeWorkflows(t, p)
			p.Append(t, ".github/workflows/lockstep-main.yml", "# edited\n")
		},
		prepareTwin:     writeWorkflows,
		FoundByLockstep: true,
	},
	{
		Gate: "dockerfiles", Name: "packages without a version",
		defect: oneFile("Dockerfile", "FROM debian:12\nRUN apt-get update && "+
			"apt-get install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/*\n"),
		twin: oneFile("Dockerfile", "FROM debian:12\nRUN true\n"),
		rule: "DL3008", location: "Dockerfile:2",
	},
	{
		Gate: "waivers", Name: "a waiver that has expired",
		defect: oneFile("config/waivers.yaml", waiver("2020-01-31")),
		twin:   oneFile("config/waivers.yaml", "waivers: []\n"),
		rule:   "waiver-expired", location: "config/waivers.yaml:2",
	},
}

// gitHubProject has its pipelines in GitHub.
var gitHubProject = oneFile("config/pipeline.yaml", commonFiles["config/pipeline.yaml"]+
	"workflows: {service: github, repository: example/proof, module: github.com/example/lockstep@v1.2.3}\n")

// writeWorkflows writes the workflows of a project with the program under test.
func writeWorkflows(t testing.TB, p *Project) {
	t.Helper()
	p.Call(t, "workflows", "github", "--write")
}

// printFunction returns Go code that prints the argument as a number.
func printFunction(argument string) string {
	return `package x

import "fmt"

// Print prints.
func Print() {
	fmt.Printf("%d\n", ` + argument + `)
}
`
}

// workflow returns a workflow whose second job needs the named one.
func workflow(needs string) string {
	return `name: ci
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: make
  test:
    needs:
      - ` + needs + `
    runs-on: ubuntu-latest
    steps:
      - run: make test
`
}

// waiver returns a file with a waiver that expires after the day.
func waiver(until string) string {
	return `waivers:
  - rule: G204
    gate: gosec
    path: internal/x/x.go
    reason: it was agreed on for a while
    owner: platform@example.com
    until: "` + until + `"
`
}
