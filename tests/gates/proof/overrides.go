package proof

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/gate/findings"
)

// An Override is a repository with a defect, and what a pull request adds so that a gate does not find it.
type Override struct {
	Gate  string
	files map[string]string
	// isTracked is whether Git knows the files, whatever .gitignore says.
	isTracked bool
	prepare   func(testing.TB, *Project)
	// found are the findings that fail the gate all the same: RULE LOCATION.
	found []string
	// named are the notes of the report on what decides what the gate finds: RULE LOCATION.
	named []string
}

// secretLine returns a line with what looks like a secret, and a comment.
func secretLine(comment string) string { return "token = " + fakeToken + comment + "\n" }

const emptyProject = "[project]\nname = \"proof\"\nversion = \"1.0.0\"\n"

// overrides are what each gate's program accepts in a repository besides waivers.
var overrides = []Override{
	{
		Gate: "bandit",
		files: map[string]string{
			"pyproject.toml": emptyProject, "app.py": runner("cmd, shell=True)  # nosec: B602"),
			"deep/.bandit": "[bandit]\nskips: B602\n", "bandit.yaml": "exclude_dirs: [other]\n",
		},
		found: []string{"B602 app.py:5"}, named: []string{"settings bandit.yaml"},
	},
	{
		Gate: "bandit",
		files: map[string]string{
			"pyproject.toml": emptyProject, "app.py": runner("cmd, shell=True"), ".bandit": "[bandit]\nskips: B602\n",
		},
		named: []string{"settings .bandit"},
	},
	{
		Gate: "bandit",
		files: map[string]string{
			"pyproject.toml": emptyProject, "venv/a.py": runner("cmd, shell=True"), "cdk.out/b.py": runner("cmd, shell=True"),
			"node_modules_of/c.py": runner("cmd, shell=True"), "deep/venv/d.py": runner("cmd, shell=True"),
		},
		isTracked: true, found: []string{"B602 node_modules_of/c.py:5", "B602 deep/venv/d.py:5"},
		named: []string{"skipped cdk.out/b.py"},
	},
	{
		Gate: "secrets", files: oneFile("settings.ini", secretLine(" # gitleaks:allow")),
		found: []string{"github-pat settings.ini:1"}, named: []string{"settings .gitleaks.toml"},
	},
	{
		Gate: "secrets",
		files: map[string]string{
			"settings.ini": secretLine(""), ".gitleaksignore": "settings.ini:github-pat:1\n",
			".gitleaks.toml": "title = \"no rules\"\n",
		},
		named: []string{"settings .gitleaks.toml", "settings .gitleaksignore"},
	},
	{
		Gate: "baseline",
		files: map[string]string{
			"a.py": "password = \"" + fakeToken[4:24] + "\"  # pragma: allowlist secret\n",
			"b.py": "# pragma: allowlist nextline secret\npassword = \"" + fakeToken[4:24] + "\"\n",
		},
		found: []string{"SecretKeyword a.py:1", "SecretKeyword b.py:2"},
	},
	{
		Gate: "templates:dev",
		files: oneFile(".lockstep/assembly/dev/a.template.json",
			`{"Metadata": {"cfn-lint": {"config": {"ignore_checks": ["E"]}}},`+"\n"+template("BucketNam")[2:]),
		found: []string{"E3002 .lockstep/assembly/dev/a.template.json:6"},
	},
	{
		Gate: "templates:dev",
		files: map[string]string{
			".lockstep/assembly/dev/a.template.json": template("BucketName"), ".cfnlintrc": "ignore_checks: [W]\n",
		},
		named: []string{"settings .cfnlintrc"},
	},
	{
		Gate: "python-lint",
		files: map[string]string{
			"pyproject.toml": emptyProject, "app.py": "import os\n", ".gitignore": "app.py\n", ".ignore": "app.py\n",
			"b.py": "import os  # noqa\n", "deep/c.py": "import os\n", "deep/ruff.toml": "lint.ignore = [\"F\"]\n",
		},
		isTracked: true,
		found:     []string{"F401 app.py:1"}, named: []string{"comment b.py:1", "settings deep/ruff.toml"},
	},
	{
		Gate: "python-lint",
		files: map[string]string{
			"pyproject.toml": emptyProject + "[tool . \"ruff\".lint]\nignore = [\"F\"]\n", "app.py": "import os\n",
			"deep/dist/b.py": "import os\n", "node_modules/c.py": "import os\n", ".venv/d.py": "import os\n",
		},
		isTracked: true, named: []string{"settings pyproject.toml:4", "skipped .venv/d.py"},
	},
	{
		Gate: "python-types",
		files: map[string]string{
			"pyproject.toml": emptyProject + "[tool.mypy]\n",
			"app.py":         "def name(n: int) -> str:\n    return n  # type: ignore\n", "b.py": "# mypy: ignore-errors\n",
			"setup.cfg": "[mypy-other]\nignore_errors = true\n", "mypy.ini": "[mypy]\n",
		},
		named: []string{
			"comment app.py:2", "comment b.py:1", "settings mypy.ini", "settings pyproject.toml:4", "settings setup.cfg:1",
		},
	},
	{
		Gate: "python-types",
		files: map[string]string{
			"pyproject.toml":  emptyProject + "[tool]\nmypy.ignore_errors = true\n",
			"app.py":          "def name(n: int) -> str:\n    return n\n",
			".github/tool.py": "def name(n: int) -> str:\n    return n\n",
		},
		isTracked: true, named: []string{"settings pyproject.toml:5", "skipped .github/tool.py"},
	},
	{
		Gate: "dockerfiles",
		files: map[string]string{
			"Dockerfile": "# hadolint global ignore=DL3006\nFROM debian\nUSER 1\n", ".hadolint.yml": "ignored: [DL3006]\n",
		},
		named: []string{"comment Dockerfile:1", "settings .hadolint.yml"},
	},
	{
		Gate: "workflows",
		files: map[string]string{
			".github/workflows/a.yml": "on: push\njobs:\n  a:\n    runs-on: no-such-machine\n    steps:\n      - run: true\n",
			".github/actionlint.yaml": "paths:\n  \"**/*.yml\":\n    ignore: [\".*\"]\n",
		},
		isTracked: true, named: []string{"settings .github/actionlint.yaml"},
	},
	{
		Gate:  "prose",
		files: oneFile("README.md", "# Proof\n\n<!-- vale off -->\n"),
		named: []string{"comment README.md:3", "settings .vale.ini"},
	},
	{
		Gate: "osv",
		files: map[string]string{
			"app/package-lock.json": lockFile("1.0.0"), ".gitignore": "package-lock.json\n.lockstep\n",
			"named/package-lock.json": lockFile("1.0.0"),
			"named/osv-scanner.toml":  "[[IgnoredVulns]]\nid = \"GHSA-aaaa-bbbb-cccc\"\n",
		},
		isTracked: true, prepare: writeOSVDatabase,
		found: []string{"GHSA-aaaa-bbbb-cccc app/package-lock.json"}, named: []string{"settings named/osv-scanner.toml"},
	},
	{
		Gate: "lint",
		files: map[string]string{
			"go.mod": "module example.com/x\n\ngo 1.26.0\n", ".golangci.toml": "version = \"2\"\n",
			".golangci.yml": "version: \"2\"\n",
			"x.go": "// Package x fails.\npackage x\n\nimport \"os\"\n\n// X removes.\nfunc X() {\n" +
				"\tos.Remove(\"x\") //nolint:all\n}\n",
			"y.go": "// Code generated by hand. DO NOT EDIT.\npackage x\n\nimport \"os\"\n\n" +
				"func y() { os.Remove(\"x\") }\n",
			"_hidden/x.go":    "package hidden\n\nimport \"os\"\n\n// X removes.\nfunc X() { os.Remove(\"x\") }\n",
			"testdata/x/x.go": "package hidden\n\nimport \"os\"\n\n// X removes.\nfunc X() { os.Remove(\"x\") }\n",
		},
		named: []string{
			"comment x.go:8", "comment y.go:1", "settings .golangci.toml", "settings .golangci.yml", "skipped _hidden/x.go",
		},
	},
}

// RunOverrides tries what a repository may add so that the named gates do not find a defect: they find it all the same,
// or their reports name what was added.
func RunOverrides(t *testing.T, gates ...string) {
	t.Helper()
	for i, o := range overrides {
		if !slices.Contains(gates, o.Gate) {
			continue
		}
		t.Run(fmt.Sprintf("%s/%d", strings.ReplaceAll(o.Gate, ":", "-"), i), func(t *testing.T) {
			t.Parallel()
			o.run(t)
		})
	}
}

func (o Override) run(t *testing.T) {
	p := NewProject(t, o.files)
	removeSite(t, p)
	if o.prepare != nil {
		o.prepare(t, p)
	}
	if o.isTracked {
		p.Git(t, "init", "-q")
		for name := range o.files {
			p.Git(t, "add", "--force", name)
		}
	}
	result, report, err := p.Run(o.Gate)
	require.NoError(t, err)
	var failing, notes []string
	for _, f := range report.Findings {
		text := f.Rule + " " + f.Location()
		if f.Fails() {
			failing = append(failing, text)
		} else if f.Level == findings.Note && slices.Contains([]string{"settings", "comment", "skipped"}, f.Rule) {
			notes = append(notes, text)
		}
	}
	assert.ElementsMatch(t, o.found, failing, Describe(result, report))
	assert.ElementsMatch(t, o.named, notes, Describe(result, report))
}
