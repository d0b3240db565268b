package gates

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
	"lockstep/tests/gates/proof"
)

// A seed is a defect in a sample: texts of files, of which an empty one removes the file, and what the gate has to
// find.
type seed struct {
	gate, name     string
	files          map[string]string
	rule, location string
}

// pythonSeeds are the defects in the repository of testdata/python.
var pythonSeeds = []seed{
	{"python-format", "spaces", one("src/shop/a.py", "x = [1,2]\n"), "ruff-format", "src/shop/a.py"},
	{"python-lint", "an unused import", one("src/shop/a.py", "import os\n"), "F401", "src/shop/a.py:1"},
	{
		"python-lint", "a broken pyproject.toml", one("jobs/pyproject.toml", "[project\n"), "", "",
	},
	{
		"python-types", "a wrong type", one("src/shop/a.py", "def f() -> int:\n    return \"x\"\n"), "return-value",
		"src/shop/a.py:2",
	},
	{
		"python-complexity", "twenty branches", one("src/shop/a.py",
			"def f(n: int) -> int:\n"+strings.Repeat("    if n > 1:\n        n -= 1\n", 24)+"    return n\n"), "xenon",
		"src/shop/a.py:1",
	},
	{
		"python-order", "a function above what it calls at once",
		one("src/shop/a.py", "X = f()\n\n\ndef f():\n    return 1\n"),
		"ssort", "src/shop/a.py",
	},
	{"python-shed", "quotes", one("src/shop/a b.py", "x = 1\ny = 'a'\n"), "shed", "src/shop/a b.py:2"},
	{
		"bandit", "a shell", one("src/shop/a.py", "import subprocess\n\nsubprocess.call(input(), shell=True)\n"), "B602",
		"src/shop/a.py:3",
	},
	{
		"python-packages", "a package with another hash",
		one("requirements.txt", "iniconfig==2.3.1 --hash=sha256:"+strings.Repeat("0", 64)+"\n"), "install",
		"requirements.txt",
	},
	{
		"python-tests", "a test that fails", one("tests/test_a.py", "def test_seeded():\n    assert 1 == 2\n"), "test_seeded",
		"tests/test_a.py:1",
	},
	{
		"python-tests", "a test that cannot be imported", one("tests/test_a.py", "import missing_package\n"),
		"tests.test_a", "tests/test_a.py:1",
	},
	{
		"python-tests", "less coverage than the settings ask for",
		one("src/shop/a.py", "def f(n):\n"+strings.Repeat("    n += 1\n", 60)+"    return n\n"), "pytest", ".",
	},
	{
		"python-tests", "a test that reaches for the network",
		one("tests/test_a.py", "import socket\n\n\ndef test_seeded():\n"+
			"    socket.create_connection((\"127.0.0.1\", 443), 5)\n"), "test_seeded", "tests/test_a.py:4",
	},
	{"markdown", "a list of another form", one("README.md", "* a\n"), "mdformat", "README.md"},
	{
		"dockerfiles", "a relative folder", one("jobs/Dockerfile", dockerfile("WORKDIR srv\n")), "DL3000",
		"jobs/Dockerfile:2",
	},
	{"images", "root", one("jobs/Dockerfile", dockerfile("")), "image-user", "jobs/Dockerfile:1"},
	{"secrets", "a token", one("src/shop/a.ini", "token = "+proof.FakeToken()+"\n"), "github-pat", "src/shop/a.ini:1"},
	{
		"baseline", "a password", one("src/shop/a.py", "password = \""+proof.FakeToken()[4:24]+"\"\n"), "SecretKeyword",
		"src/shop/a.py:1",
	},
}

// nodeSeeds are the defects in the repository of testdata/node, which has two packages.
var nodeSeeds = []seed{
	{"node-types", "a wrong type", one("app/a b.ts", "export const n: number = \"x\";\n"), "TS2322", "app/a b.ts:1"},
	{"node-lint", "an unused name", one("app/ä.js", "const a = 1;\n"), "no-unused-vars", "app/ä.js:1"},
	{"node-lint", "no syntax", one("app/a.js", "const = 1;\n"), "eslint", "app/a.js:1"},
	{"node-format", "quotes", one("app/a.js", "export const a = 'a'\n"), "prettier", "app/a.js"},
	{
		"node-tests", "a test that fails", one("app/a.test.js", "import test from \"node:test\";\n\n"+
			"test(\"seeded\", () => {\n  throw new Error(\"seeded\");\n});\n"), "test", "package.json:10",
	},
	{
		"node-tests", "a package of its own that is wrong",
		one("packages/money/money.js", "export const price = () => \"\";\n"),
		"test", "package.json:10",
	},
	{
		"node-packages", "a dependency that is not in the lock file", one("app/package.json",
			`{"name": "@shop/app", "dependencies": {"@shop/money": "1.0.0", "left-pad": "1.3.0"}}`+"\n"), "install",
		"package.json",
	},
	{
		"node-packages", "a setting that leaves packages out", one(".npmrc", "omit=dev\n"), "not-installed",
		"package.json:13",
	},
	{"node-packages", "a package.json that is none", one("app/package.json", "{\n"), "package-json", "app/package.json"},
}

func one(file, text string) map[string]string { return map[string]string{file: text} }

// dockerfile returns a Dockerfile with a pinned image and more instructions.
func dockerfile(instructions string) string {
	return "FROM debian:12@sha256:" + strings.Repeat("0", 64) + "\n" + instructions
}

// A repository that is made like one that people have is adopted with `init`. All gates pass it as it is, and each
// finds the defect that is seeded for it.
func TestAdopted_PythonRepository(t *testing.T) {
	t.Parallel()
	p := adopt(t, "python")
	out := lockstep(t, p, "init", "--yes", "--tooling", "123456789012", "--env", "dev=111122223333/eu-west-1")
	assert.Contains(t, out, "found a CDK app in python")
	p.Load(t)
	proveSeeds(t, p, pythonSeeds, "history", "templates:dev")
}

// The packages of a repository with several packages of Node are installed once, offline programs see them, and a
// package of the repository's own is the one of the working tree.
func TestAdopted_NodeRepository(t *testing.T) {
	t.Parallel()
	p := adopt(t, "node")
	p.Configure(t)
	proveSeeds(t, p, nodeSeeds)
}

// javaSeeds are the defects in the repository of testdata/java.
var javaSeeds = []seed{
	{
		"java-tests", "a test that fails", one("src/test/java/shop/SeededTest.java", "package shop;\n\n"+
			"class SeededTest {\n    @org.junit.jupiter.api.Test\n"+
			"    void seeded() {\n        throw new IllegalStateException();\n"+
			"    }\n}\n"), "seeded", "src/test/java/shop/SeededTest.java",
	},
	{
		"java-packages", "code that does not compile",
		one("src/main/java/shop/A.java", "package shop;\n\nclass B extends C {}\n"),
		"install", "pom.xml",
	},
}

func TestAdopted_JavaRepository(t *testing.T) {
	t.Parallel()
	p := adopt(t, "java")
	p.Configure(t)
	proveSeeds(t, p, javaSeeds)
}

// adopt returns a new repository with the files of the sample and one commit.
func adopt(t *testing.T, sample string) *proof.Project {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	p := &proof.Project{Root: filepath.Join(root, "shop")}
	require.NoError(t, os.CopyFS(p.Root, os.DirFS(filepath.Join("testdata", sample))))
	p.Write(t, ".gitignore", ".lockstep/\nnode_modules/\n.venv/\n")
	// What a person has installed, or committed by mistake, is neither checked nor run.
	p.Write(t, "node_modules/typescript/package.json", "{")
	p.Write(t, ".venv/lib/broken.py", "import (\n")
	p.Git(t, "init", "-q")
	p.Git(t, "add", ".")
	p.Git(t, "commit", "-qm", "shop")
	return p
}

// lockstep runs the program in the project and returns what it printed.
func lockstep(t *testing.T, p *proof.Project, args ...string) string {
	t.Helper()
	cmd := exec.Command(p.Program(t), args...)
	cmd.Dir = p.Root
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Run(), "lockstep %s\n%s", strings.Join(args, " "), &out)
	return out.String()
}

// proveSeeds requires that the gates of the seeds and the others pass the repository as it is, and that each gate finds
// its seeds.
func proveSeeds(t *testing.T, p *proof.Project, seeds []seed, others ...string) {
	t.Helper()
	gates := others
	for _, s := range seeds {
		gates = append(gates, s.gate)
	}
	for name, result := range p.RunAll(t, gates...) {
		assert.Equal(t, pipeline.Ran, result.Status, "%s: %s", name, result.Reason)
	}
	for _, s := range seeds {
		t.Run(s.gate+"/"+s.name, func(t *testing.T) {
			for file, text := range s.files {
				path := filepath.Join(p.Root, filepath.FromSlash(file))
				before, err := os.ReadFile(path)
				p.Write(t, file, text)
				t.Cleanup(func() {
					if err != nil {
						require.NoError(t, os.Remove(path))
					} else {
						p.Write(t, file, string(before))
					}
				})
			}
			result, report, err := p.Run(s.gate)
			require.NoError(t, err)
			if s.rule == "" {
				assert.Equal(t, pipeline.Failed, result.Status, "%s", proof.Describe(result, report))
				return
			}
			assert.True(t, slices.ContainsFunc(report.Findings, func(f findings.Finding) bool {
				return f.Fails() && f.Rule == s.rule && f.Location() == s.location
			}), "want %s at %s, got %s", s.rule, s.location, proof.Describe(result, report))
			assert.Equal(t, pipeline.Failed, result.Status)
		})
	}
}
