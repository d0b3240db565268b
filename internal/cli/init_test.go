package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	cdkapp "lockstep/internal/app"
	"lockstep/internal/deploy/assembly"
)

// What a project is called by default is always a name that the configuration takes.
func TestProjectName_IsValid(t *testing.T) {
	for from, want := range map[string]string{
		"orders": "orders", "@acme/Orders_API": "acme-orders-api", "x": "app-x", "": "app", "42": "app-42", "…": "app",
		"aws-orders": "app-aws-orders", "AWSOrders": "app-awsorders", "ssm": "app-ssm", "3tier": "tier",
		"aws-cdk-monorepo-template": "app-aws-cdk-monorepo", "an-orders-app-with-a-name": "an-orders-app-with-a",
		"orders-for-everybody-there": "orders-for-everybody", "a-distributedloadtestingonaws": "a-distributedloadtes",
		"distributedloadtestingonaws": "distributedloadtesti",
	} {
		t.Run(from, func(t *testing.T) {
			name := projectName(from)
			assert.Equal(t, want, name)
			require.NoError(t, checkFiles([]newFile{
				{rootMarker, "project: " + name + "\ntooling:\n  account: \"123456789012\"\n  region: eu-west-1\n"},
				{"config/environments/dev.yaml", "account: \"111122223333\"\nregion: eu-west-1\n"},
			}))
		})
	}
}

// A container and the job of a pipeline begin without the app's packages, so the configuration says what installs them.
func TestInit_WritesWhatInstallsThePackages(t *testing.T) {
	const pip = "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt"
	for _, test := range []struct {
		found cdkapp.Found
		want  string
	}{
		{
			cdkapp.Found{Language: "python", Install: pip},
			"  language: python\n" + installComment + "  install: " + pip + "\n",
		},
		{
			cdkapp.Found{Language: "typescript", Folder: "infra", Install: "npm ci"},
			"  language: typescript\n  folder: \"infra\"\n" + installComment + "  install: npm ci\n",
		},
		{cdkapp.Found{Language: "go"}, "  language: go\n"},
		{
			cdkapp.Found{Language: "java", Command: "mvn exec:java", Compile: "mvn -q compile"},
			compileComment + "  command: \"mvn -q compile && mvn exec:java\"\n  language: java\n",
		},
	} {
		i := &initializer{
			project: "orders", tooling: "123456789012", environments: []string{"dev=111122223333/eu-west-1"},
			found: test.found,
		}
		files, _, err := i.files()
		require.NoError(t, err)
		assert.Contains(t, files[0].text, "app:\n"+test.want)
		require.NoError(t, checkFiles(files))
	}
}

func TestInit_WritesTheBootstrapThatTheAppNeeds(t *testing.T) {
	stack := func(parameters ...string) *assembly.Stack {
		s := &assembly.Stack{}
		for _, name := range parameters {
			s.BootstrapRequirements = append(s.BootstrapRequirements, assembly.BootstrapRequirement{Parameter: name})
		}
		return s
	}
	const own, others = "/cdk-bootstrap/shop1/version", "/cdk-bootstrap/hnb659fds/version"
	for name, test := range map[string]struct {
		stacks  []*assembly.Stack
		toolkit string
		want    string
	}{
		"the CDK's":              {[]*assembly.Stack{stack(others), stack()}, "", ""},
		"a qualifier":            {[]*assembly.Stack{stack(own, own), stack(own), stack()}, "", "  qualifier: \"shop1\"\n"},
		"two qualifiers":         {[]*assembly.Stack{stack(own), stack(others)}, "", ""},
		"a parameter of its own": {[]*assembly.Stack{stack("/ours/version"), stack(own)}, "", ""},
		"a stack's name":         {nil, "Toolkit-2", "  toolkitStack: \"Toolkit-2\"\n"},
		"a qualifier and a name": {[]*assembly.Stack{stack(own)}, "T", "  qualifier: \"shop1\"\n  toolkitStack: \"T\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			i := &initializer{
				project: "orders", tooling: "123456789012", environments: []string{"dev=111122223333/eu-west-1"},
				found: cdkapp.Found{ToolkitStack: test.toolkit}, qualifier: commonQualifier(test.stacks),
			}
			files, _, err := i.files()
			require.NoError(t, err)
			require.NoError(t, checkFiles(files))
			if test.want == "" {
				assert.NotContains(t, files[0].text, "bootstrap")
				return
			}
			assert.Contains(t, files[0].text, "bootstrap:\n"+test.want)
		})
	}
}

func TestInit_KeepsStateOutOfRepositoriesAndImages(t *testing.T) {
	for _, test := range []struct {
		name  string
		files map[string]string
		want  []newFile
	}{
		{"no files", nil, []newFile{{".gitignore", "/.lockstep/\n"}}},
		{
			"an image",
			map[string]string{"Dockerfile": "FROM scratch\n"},
			[]newFile{{".gitignore", "/.lockstep/\n"}, {".dockerignore", ".lockstep\n"}},
		},
		{
			"files with other lines",
			map[string]string{".gitignore": "node_modules", ".dockerignore": "cdk\n"},
			[]newFile{{".gitignore", "node_modules\n/.lockstep/\n"}, {".dockerignore", "cdk\n.lockstep\n"}},
		},
		{
			"files that have the lines",
			map[string]string{".gitignore": "/.lockstep/\n", ".dockerignore": "a\n.lockstep\n"},
			nil,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			i := &initializer{app: &app{Process: Process{Environ: os.Environ()}}, root: t.TempDir()}
			for name, text := range test.files {
				require.NoError(t, os.WriteFile(filepath.Join(i.root, name), []byte(text), 0o600))
			}
			files, err := i.ignoreFiles(t.Context())
			require.NoError(t, err)
			assert.Equal(t, test.want, files)
		})
	}
}

// A container has the project in a folder of its own, whose name says nothing.
func TestInit_ProjectIsNamedAfterItsOrigin(t *testing.T) {
	root := filepath.Join(t.TempDir(), "work")
	for _, args := range [][]string{
		{"init", "-q", root}, {"-C", root, "remote", "add", "origin", "https://example.com/team/shop.git"},
	} {
		out, err := exec.Command("git", args...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	name := func(found cdkapp.Found) string {
		i := &initializer{
			app: &app{Process: Process{Environ: os.Environ()}}, root: root, found: found, tooling: "123456789012",
			environments: []string{"dev=111122223333/eu-west-1"}, yes: true,
		}
		require.NoError(t, i.complete(t.Context()))
		return i.project
	}
	assert.Equal(t, "shop", name(cdkapp.Found{}))
	assert.Equal(t, "cart", name(cdkapp.Found{Name: "cart"}))
}
