package proof

import (
	"archive/zip"
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lockstep/internal/pipeline"
)

// A Row is a defect that a gate must find and a clean twin that it must pass.
type Row struct {
	Gate, Name string
	// files are in both repositories; defect and twin are what tells them apart.
	files, defect, twin map[string]string
	// rule and at are how the defect has to be found: by which rule, and where.
	rule, location string
	// FoundByLockstep says that this very program finds it, before the gate's program is asked.
	FoundByLockstep bool
	// seed and prepare do what files cannot, to the repository with the defect and to the clean one.
	seed, prepare func(testing.TB, *Project)
}

// goProject is a small module; the packages are those that the table's test steps name.
var goProject = map[string]string{
	"go.mod":                         "module lockstep\n\ngo 1.26.0\n",
	"main.go":                        "package main\n\nfunc main() {}\n",
	"config/config.go":               "package config\n",
	"config/schema/generate/main.go": "package main\n\nfunc main() {}\n",
	"internal/x/x.go":                "package x\n\n// Double is twice n.\nfunc Double(n int) int { return 2 * n }\n",
	"tools/tools.go":                 "package tools\n",
	"infra/infra.go":                 "package infra\n",
	"tests/doc.go":                   "package tests\n",
	"internal/x/x_test.go":           passingTest("x"),
	"infra/infra_test.go":            passingTest("infra"),
	"tests/tests_test.go":            passingTest("tests"),
	pipeline.CoverageFloor:           "0\n",
	"internal/pipeline/p.go":         "package pipeline\n",
	"internal/host/host.go":          "package host\n",
	"internal/deploy/plan.go":        "package deploy\n",
}

// scriptsProject is goProject with tests that leave a folder for what the program's runs covered, as the table expects of scripts.
func scriptsProject() map[string]string {
	files := maps.Clone(goProject)
	files["tests/main_test.go"] = "package tests\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestMain(m *testing.M) {\n" +
		"\tif os.MkdirAll(\"../" + pipeline.ScriptsCoverageDir + "\", 0o755) != nil {\n\t\tos.Exit(1)\n\t}\n\tos.Exit(m.Run())\n}\n"
	return files
}

func passingTest(pkg string) string {
	return "package " + pkg + "\n\nimport \"testing\"\n\nfunc TestSound(t *testing.T) {}\n"
}

func failingTest(pkg string) string {
	return "package " + pkg + "\n\nimport \"testing\"\n\nfunc TestSeeded(t *testing.T) {\n\tt.Error(\"seeded\")\n}\n"
}

// oneFile is a map of one file.
func oneFile(name, text string) map[string]string { return map[string]string{name: text} }

// fakeToken looks like a secret. It is put together here so that the source of the proof does not.
var fakeToken = "ghp_" + strings.Join([]string{"Zk3Q", "w9Xv", "B7nT", "p2Lm", "R8sY", "c5Hd", "J4gF", "a6Ke", "U1oI"}, "")

// complexFunction is a function with more branches than anybody follows.
var complexFunction = "package x\n\n// Pick picks.\nfunc Pick(n int) int {\n" + func() string {
	var b strings.Builder
	for range 16 {
		b.WriteString("\tif n > 3 {\n\t\tn--\n\t}\n")
	}
	return b.String()
}() + "\treturn n\n}\n"

// Rows are the table of proofs.
var Rows = []Row{
	{
		Gate: "format", Name: "code that is not in form", files: oneFile("go.mod", "module proof\n\ngo 1.26.0\n"),
		defect: oneFile("a b/x's.go", "package x\nfunc  F() {}\n"), twin: oneFile("a b/x's.go", "package x\n\nfunc F() {}\n"),
		rule: "gofumpt", location: "a b/x's.go",
	},
	{
		Gate: "lint", Name: "go vet", files: goProject,
		defect: oneFile("internal/x/v.go", "package x\n\nimport \"fmt\"\n\n// Say says.\nfunc Say() {\n\tfmt.Printf(\"%d\\n\", \"no number\")\n}\n"),
		twin:   oneFile("internal/x/v.go", "package x\n\nimport \"fmt\"\n\n// Say says.\nfunc Say() {\n\tfmt.Printf(\"%d\\n\", 1)\n}\n"),
		rule:   "govet", location: "internal/x/v.go:7",
	},
	{
		Gate: "lint", Name: "staticcheck", files: goProject,
		defect: oneFile("internal/x/v.go", "package x\n\n// Same is.\nfunc Same(n int) bool {\n\treturn n == n\n}\n"),
		twin:   oneFile("internal/x/v.go", "package x\n\n// Same is.\nfunc Same(n, m int) bool {\n\treturn n == m\n}\n"),
		rule:   "staticcheck", location: "internal/x/v.go:5",
	},
	{
		Gate: "lint", Name: "complexity", files: goProject, defect: oneFile("internal/x/v.go", complexFunction),
		twin: oneFile("internal/x/v.go", "package x\n\n// Pick picks.\nfunc Pick(n int) int { return n }\n"), rule: "cyclop", location: "internal/x/v.go:4",
	},
	{
		Gate: "lint", Name: "an import against the direction", files: goProject,
		defect: oneFile("config/v.go", "package config\n\nimport _ \"lockstep/internal/host\"\n"),
		twin:   oneFile("config/v.go", "package config\n\nimport _ \"strings\"\n"), rule: "depguard", location: "config/v.go:3",
	},
	{
		Gate: "tidy", Name: "a module that nothing imports", files: goProject,
		defect: oneFile("go.mod", "module lockstep\n\ngo 1.26.0\n\nrequire lockstep/spare v0.0.0\n\nreplace lockstep/spare => ./spare\n"),
		twin:   oneFile("README.md", ""), rule: "tidy", location: "go.mod",
		seed: func(t testing.TB, p *Project) { p.Write(t, "spare/go.mod", "module lockstep/spare\n\ngo 1.26.0\n") },
	},
	{
		Gate: "markdown", Name: "a list in another form", defect: oneFile("docs/it's \"so\".md", "# A\n* b\n"), twin: oneFile("docs/it's \"so\".md", "# A\n\n- b\n"),
		rule: "mdformat", location: "docs/it's \"so\".md",
	},
	{
		Gate: "markdown", Name: "text that is not UTF-8", files: oneFile("docs/good.md", "# A\n"),
		defect: oneFile("docs/bad.md", "# A\n\n\xff\xfe\n"), twin: oneFile("docs/bad.md", "# A\n\nb\n"), rule: "not-utf-8", location: "docs/bad.md:3", FoundByLockstep: true,
	},
	{
		Gate: "workflows", Name: "a job that does not exist", defect: oneFile(".github/workflows/ci.yml", workflow("lint")), twin: oneFile(".github/workflows/ci.yml", workflow("build")),
		rule: "job-needs", location: ".github/workflows/ci.yml:8",
	},
	{
		Gate: "dockerfiles", Name: "packages without a version", defect: oneFile("Dockerfile", "FROM debian:12\nRUN apt-get update && apt-get install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/*\n"),
		twin: oneFile("Dockerfile", "FROM debian:12\nRUN true\n"), rule: "DL3008", location: "Dockerfile:2",
	},
	{
		Gate: "waivers", Name: "one that has ended", defect: oneFile("config/waivers.yaml", waiver("2020-01-31")), twin: oneFile("config/waivers.yaml", "waivers: []\n"),
		rule: "waiver-expired", location: "config/waivers.yaml:2",
	},

	{
		Gate: "unit", Name: "a test that fails", files: goProject, defect: oneFile("internal/x/v_test.go", failingTest("x")), rule: "TestSeeded", location: "internal/x/v_test.go:6",
	},
	{
		Gate: "unit", Name: "a race", files: goProject, rule: "TestRace", location: "internal/x/race_test.go:7",
		defect: oneFile("internal/x/race_test.go", raceTest("n++; <-done")), twin: oneFile("internal/x/race_test.go", raceTest("<-done; n++")),
	},
	{
		Gate: "infrastructure", Name: "a test that fails", files: goProject, defect: oneFile("infra/v_test.go", failingTest("infra")), rule: "TestSeeded", location: "infra/v_test.go:6",
	},
	{
		Gate: "scripts", Name: "a test that fails", files: scriptsProject(), defect: oneFile("tests/v_test.go", failingTest("tests")), rule: "TestSeeded", location: "tests/v_test.go:6",
	},
	{
		Gate: "documentation", Name: "a test that fails", files: goProject, defect: oneFile("tests/v_test.go", strings.ReplaceAll(failingTest("tests"), "TestSeeded", "TestDocumentSeeded")),
		twin: oneFile("tests/v_test.go", strings.ReplaceAll(passingTest("tests"), "TestSound", "TestDocumentSound")+"\nfunc TestOther(t *testing.T) { t.Error(\"not about documentation\") }\n"),
		rule: "TestDocumentSeeded", location: "tests/v_test.go:6",
	},
	{
		Gate: "coverage", Name: "less than the floor", files: goProject, defect: oneFile(pipeline.CoverageFloor, "60\n"), twin: oneFile(pipeline.CoverageFloor, "40\n"),
		rule: "coverage-floor", location: pipeline.CoverageFloor + ":1", seed: writeCoverageProfile, prepare: writeCoverageProfile,
	},
	{
		Gate: "coverage", Name: "a floor that sinks", files: goProject, defect: oneFile(pipeline.CoverageFloor, "40\n"), twin: oneFile(pipeline.CoverageFloor, "40\n"),
		rule: "coverage-lowered", location: pipeline.CoverageFloor + ":1",
		seed: func(t testing.TB, p *Project) {
			writeCoverageProfile(t, p)
			p.Git(t, "init", "-q")
			p.Git(t, "add", pipeline.CoverageFloor)
			p.Git(t, "commit", "-qm", "floor")
			p.Write(t, pipeline.CoverageFloor, "30\n")
		},
		prepare: func(t testing.TB, p *Project) {
			writeCoverageProfile(t, p)
			p.Git(t, "init", "-q")
			p.Git(t, "add", pipeline.CoverageFloor)
			p.Git(t, "commit", "-qm", "floor")
			p.Write(t, pipeline.CoverageFloor, "45\n")
		},
	},

	{
		Gate: "gosec", Name: "a broken hash", files: goProject,
		defect: oneFile("internal/x/v.go", "package x\n\nimport \"crypto/md5\"\n\n// Sum sums.\nfunc Sum(b []byte) [16]byte {\n\treturn md5.Sum(b)\n}\n"),
		twin:   oneFile("internal/x/v.go", "package x\n\nimport \"crypto/sha256\"\n\n// Sum sums.\nfunc Sum(b []byte) [32]byte {\n\treturn sha256.Sum256(b)\n}\n"),
		rule:   "G401", location: "internal/x/v.go:7",
	},
	{
		Gate: "govulncheck", Name: "a function that is known to be unsafe", files: goProject, seed: writeGoDatabase, prepare: writeGoDatabase,
		defect: oneFile("main.go", "package main\n\nimport (\n\t\"fmt\"\n\t\"strings\"\n)\n\nfunc main() { fmt.Println(strings.Title(\"a\")) }\n"),
		twin:   oneFile("main.go", "package main\n\nimport (\n\t\"fmt\"\n\t\"strings\"\n)\n\nfunc main() { fmt.Println(strings.ToUpper(\"a\")) }\n"),
		rule:   "GO-2026-9999", location: "main.go:8",
	},
	{
		Gate: "osv", Name: "a package that is known to be unsafe", seed: writeOSVDatabase, prepare: writeOSVDatabase,
		defect: oneFile("app/package-lock.json", lockFile("1.0.0")), twin: oneFile("app/package-lock.json", lockFile("2.0.0")),
		rule: "GHSA-aaaa-bbbb-cccc", location: "app/package-lock.json",
	},
	{
		Gate: "secrets", Name: "a token in a file", defect: oneFile("settings.ini", "token = "+fakeToken+"\n"), twin: oneFile("settings.ini", "token = from the secrets manager\n"),
		rule: "github-pat", location: "settings.ini:1",
	},
	{
		Gate: "history", Name: "a token that was taken out again", rule: "github-pat", location: "settings.ini:1",
		seed:    func(t testing.TB, p *Project) { CommitVersions(t, p, "token = "+fakeToken+"\n", "token =\n") },
		prepare: func(t testing.TB, p *Project) { CommitVersions(t, p, "token = 1\n", "token =\n") },
	},
	{
		Gate: "baseline", Name: "a secret that is not in the baseline", defect: oneFile("settings.py", "password = \""+fakeToken[4:24]+"\"\n"), twin: oneFile("settings.py", "password = None\n"),
		rule: "SecretKeyword", location: "settings.py:1",
	},
	{
		Gate: "images", Name: "an image that is not pinned", defect: oneFile("Dockerfile", "FROM debian:12\nUSER 1000\n"), twin: oneFile("Dockerfile", "FROM debian:12"+pin+"\nUSER 1000\n"),
		rule: "image-digest", location: "Dockerfile:1",
	},
	{
		Gate: "images", Name: "an image from anywhere", defect: oneFile("k8s/pod.yaml", "spec:\n  containers:\n    - image: registry.example.com/app:1"+pin+"\n"),
		twin: oneFile("k8s/pod.yaml", "spec:\n  containers:\n    - image: registry.dagger.io/engine:1"+pin+"\n"), rule: "image-registry", location: "k8s/pod.yaml:3",
	},
	{
		Gate: "images", Name: "a container that is root", defect: oneFile("Dockerfile", "FROM debian:12"+pin+"\nRUN true\n"), twin: oneFile("Dockerfile", "FROM debian:12"+pin+"\nUSER nobody\n"),
		rule: "image-user", location: "Dockerfile:1",
	},
	{
		Gate: "templates:dev", Name: "a property that does not exist", rule: "E3002", location: ".lockstep/assembly/dev/a.template.json:6",
		defect: oneFile(".lockstep/assembly/dev/a.template.json", template("BucketNam")), twin: oneFile(".lockstep/assembly/dev/a.template.json", template("BucketName")),
	},
}

const pin = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func workflow(needs string) string {
	return "name: ci\non: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n      - run: make\n  test:\n    needs:\n      - " + needs + "\n    runs-on: ubuntu-latest\n    steps:\n      - run: make test\n"
}

func waiver(until string) string {
	return "waivers:\n  - rule: G204\n    path: \"**\"\n    reason: it was agreed on for a while\n    owner: platform@example.com\n    until: \"" + until + "\"\n"
}

func template(property string) string {
	return "{\n  \"Resources\": {\n    \"B\": {\n      \"Type\": \"AWS::S3::Bucket\",\n      \"Properties\": {\n        \"" + property + "\": \"proof-of-the-gate\"\n      }\n    }\n  }\n}\n"
}

func lockFile(version string) string {
	return "{\n  \"name\": \"app\",\n  \"lockfileVersion\": 3,\n  \"packages\": {\n    \"\": {\"name\": \"app\"},\n    \"node_modules/unsafe-thing\": {\"version\": \"" + version + "\"}\n  }\n}\n"
}

// raceTest is a test in which another goroutine writes n. What comes after it starts is on the same line, because either may be the one that is told.
func raceTest(after string) string {
	return "package x\n\nimport \"testing\"\n\nfunc TestRace(t *testing.T) {\n\tn, done := 0, make(chan bool)\n\tgo func() { n++; done <- true }(); " + after + "\n\t_ = n\n}\n"
}

// writeCoverageProfile leaves the profile of tests that cover half of the statements.
func writeCoverageProfile(t testing.TB, p *Project) {
	p.Write(t, pipeline.CoverageProfile, "mode: set\nlockstep/internal/x/x.go:1.1,2.2 1 1\nlockstep/internal/x/x.go:3.1,4.2 1 0\n")
}

// CommitVersions makes a history of a file.
func CommitVersions(t testing.TB, p *Project, texts ...string) {
	p.Git(t, "init", "-q")
	for _, text := range texts {
		p.Write(t, "settings.ini", text)
		p.Git(t, "add", "settings.ini")
		p.Git(t, "commit", "-qm", "settings")
	}
}

// writeGoDatabase makes a database of vulnerabilities in Go modules with one that nobody has fixed, and has the configuration name it.
func writeGoDatabase(t testing.TB, p *Project) {
	const when = "2026-01-01T00:00:00Z"
	p.Write(t, ".lockstep/db/index/db.json", `{"modified":"`+when+`"}`)
	p.Write(t, ".lockstep/db/index/modules.json", `[{"path":"stdlib","vulns":[{"id":"GO-2026-9999","modified":"`+when+`"}]}]`)
	p.Write(t, ".lockstep/db/index/vulns.json", `[{"id":"GO-2026-9999","modified":"`+when+`"}]`)
	p.Write(t, ".lockstep/db/ID/GO-2026-9999.json", `{"schema_version":"1.3.1","id":"GO-2026-9999","modified":"`+when+`","published":"`+when+`",
		"summary":"seeded","details":"A seeded vulnerability.","affected":[{"package":{"name":"stdlib","ecosystem":"Go"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}],
		"ecosystem_specific":{"imports":[{"path":"strings","symbols":["Title"]}]}}],"database_specific":{"url":"https://pkg.go.dev/vuln/GO-2026-9999"}}`)
	p.addGateSetting(t, "goVulnerabilities: file://"+p.Root+"/.lockstep/db")
}

// writeOSVDatabase makes a database of vulnerabilities in npm packages with one, and has the configuration name its folder.
func writeOSVDatabase(t testing.TB, p *Project) {
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	w, err := z.Create("GHSA-aaaa-bbbb-cccc.json")
	require.NoError(t, err)
	_, err = w.Write([]byte(`{"schema_version":"1.6.0","id":"GHSA-aaaa-bbbb-cccc","modified":"2026-01-01T00:00:00Z","published":"2026-01-01T00:00:00Z","summary":"seeded",
		"affected":[{"package":{"ecosystem":"npm","name":"unsafe-thing"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"2.0.0"}]}]}]}`))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	p.Write(t, ".lockstep/osv/osv-scalibr/npm/all.zip", archive.String())
	p.addGateSetting(t, "osvDatabases: "+filepath.Join(p.Root, ".lockstep/osv"))
}

// addGateSetting adds a line to what the gates are told, and makes the table anew.
func (p *Project) addGateSetting(t testing.TB, line string) {
	text, err := os.ReadFile(filepath.Join(p.Root, "config/pipeline.yaml"))
	require.NoError(t, err)
	p.Write(t, "config/pipeline.yaml", string(text)+"gates:\n  "+line+"\n")
	p.loadGraph(t)
}
