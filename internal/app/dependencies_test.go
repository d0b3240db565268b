package app

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newApp returns an app in the folder of a new repository that has the files, which are empty.
func newApp(t *testing.T, folder string, files ...string) App {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, folder), 0o755))
	for _, file := range files {
		name := filepath.Join(root, filepath.FromSlash(file))
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, nil, 0o644))
	}
	return App{Root: root, Folder: folder}
}

func TestInstallCommand_IsThatOfLockFile(t *testing.T) {
	for _, test := range []struct{ language, files, want string }{
		{"typescript", "package.json package-lock.json", "npm ci"},
		{"typescript", "package.json", "npm install"},
		{"typescript", "yarn.lock packages/infra/package.json", "yarn install --frozen-lockfile"},
		{"javascript", "pnpm-lock.yaml packages/infra/package.json", "pnpm install --frozen-lockfile"},
		{"typescript", "bun.lock package.json", "bun install --frozen-lockfile"},
		{"python", "uv.lock pyproject.toml", "uv sync --frozen"},
		{"python", "poetry.lock pyproject.toml", "POETRY_VIRTUALENVS_IN_PROJECT=true poetry install"},
		{"python", "Pipfile.lock Pipfile requirements.txt", "PIPENV_VENV_IN_PROJECT=1 pipenv sync"},
		{"python", "requirements.txt", "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt"},
		{"python", "pyproject.toml", "python3 -m venv .venv && .venv/bin/pip install ."},
	} {
		t.Run(test.files, func(t *testing.T) {
			app := newApp(t, "packages/infra", strings.Fields(test.files)...)
			app.Language = test.language
			assert.Equal(t, test.want, app.installCommand())
		})
	}
}

// A workspace installs most packages at its root, and the rest beside the app.
func TestCommandEnviron_HasProgramsOfEveryFolder(t *testing.T) {
	app := newApp(t, "packages/infra", "node_modules/.bin/tsx", "packages/infra/node_modules/.bin/cdk")
	app.Environ = []string{"PATH=/usr/bin"}
	environ := app.commandEnviron()
	i := slices.IndexFunc(environ, func(pair string) bool { return strings.HasPrefix(pair, "PATH=") })
	require.GreaterOrEqual(t, i, 0)
	want := []string{
		filepath.Join(app.Root, "packages/infra/node_modules/.bin"), filepath.Join(app.Root, "node_modules/.bin"), "/usr/bin",
	}
	assert.Equal(t, "PATH="+strings.Join(want, ":"), environ[i])
}

func TestMissingDependencies_PackagesOfYarnNeedNoFolder(t *testing.T) {
	for files, want := range map[string]string{
		"package.json yarn.lock":           "the app's packages are not installed: there is no node_modules",
		"package.json yarn.lock .pnp.cjs":  "",
		"package.json yarn.lock .pnp.data": "the app's packages are not installed: there is no node_modules",
	} {
		app := newApp(t, "", strings.Fields(files)...)
		app.Language = "typescript"
		missing, err := app.missingDependencies()
		require.NoError(t, err)
		assert.Equal(t, want, missing, files)
	}
}

func TestFind_LooksIntoPackagesOfMonorepos(t *testing.T) {
	for file, want := range map[string]string{
		"cdk.json":                                     "",
		"infra/cdk.json":                               "infra",
		"source/packages/@acme/orders/cdk.json":        "source/packages/@acme/orders",
		"apps/orders/node_modules/x/cdk.json":          "none",
		"one/two/three/four/five/six/seven/cdk.json":   "none",
		"dist/apps/infra/cdk.json":                     "none",
		"packages/infra/cdk.out/asset.0123/x/cdk.json": "none",
	} {
		app := newApp(t, "", file)
		require.NoError(t, os.WriteFile(filepath.Join(app.Root, file), []byte(`{"app": "node app.js"}`), 0o644))
		found, err := Find(app.Root, "")
		if want == "none" {
			assert.ErrorContains(t, err, "no CDK app was found", file)
			continue
		}
		require.NoError(t, err, file)
		assert.Equal(t, want, found.Folder, file)
	}
}

func TestFind_TellsWhatInstallsThePackages(t *testing.T) {
	const pip = "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt"
	for _, test := range []struct{ command, file, want string }{
		{"npx ts-node bin/app.ts", "package-lock.json", "npm ci"},
		{"node app.js", "pnpm-lock.yaml", "pnpm install --frozen-lockfile"},
		{"python3 app.py", "requirements.txt", pip},
		{"python3 app.py", "uv.lock", "uv sync --frozen"},
		{"go mod download && go run .", "go.mod", ""},
		{"mvn -e -q compile exec:java", "pom.xml", ""},
		{"node app.js", "README.md", ""},
	} {
		app := newApp(t, "", test.file)
		settings := `{"app": "` + test.command + `"}`
		require.NoError(t, os.WriteFile(filepath.Join(app.Root, settingsFile), []byte(settings), 0o644))
		found, err := Find(app.Root, "")
		require.NoError(t, err, test.file)
		assert.Equal(t, test.want, found.Install, test.file)
	}
}

func TestFind_TellsWhatCompilesTheApp(t *testing.T) {
	const built = `{"name": "orders", "scripts": {"build": "tsc"}}`
	for _, test := range []struct{ name, settings, files, want string }{
		{"Maven runs what was not compiled", `{"app": "mvn exec:java -Dexec.mainClass=App"}`, "pom.xml", "mvn -q compile"},
		{"a wrapper of Maven", `{"app": "../mvnw -e exec:java"}`, "pom.xml", "../mvnw -q compile"},
		{"Maven compiles it", `{"app": "mvn -e -q compile exec:java"}`, "pom.xml", ""},
		{"Maven packages it", `{"app": "mvn -q package exec:java"}`, "pom.xml", ""},
		{"another command compiles it", `{"app": "mvn compile && mvn exec:java"}`, "pom.xml", ""},
		{"Gradle", `{"app": "./gradlew run"}`, "build.gradle", ""},
		{"a script that is made", `{"app": "node bin/app"}`, "package-lock.json", "npm run build"},
		{"a script that pnpm makes", `{"app": "node bin/app.js"}`, "pnpm-lock.yaml", "pnpm run build"},
		{"a script that is there", `{"app": "node bin/app"}`, "bin/app.js", ""},
		{"a folder with a script", `{"app": "node bin"}`, "bin/index.js", ""},
		{"an option of Node", `{"app": "node --import tsx bin/app.ts"}`, "bin/app.ts", ""},
		{"cdk.json builds it", `{"app": "node bin/app", "build": "npm run build"}`, "package.json", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			app := newApp(t, "", test.files)
			require.NoError(t, os.WriteFile(filepath.Join(app.Root, settingsFile), []byte(test.settings), 0o644))
			require.NoError(t, os.WriteFile(filepath.Join(app.Root, "package.json"), []byte(built), 0o644))
			found, err := Find(app.Root, "")
			require.NoError(t, err)
			assert.Equal(t, test.want, found.Compile)
		})
	}
	found, err := Find(newRepository(t, `{"app": "node bin/app"}`), "")
	require.NoError(t, err)
	assert.Empty(t, found.Compile, "no script builds it")
}

// newRepository returns a repository that has a cdk.json alone.
func newRepository(t *testing.T, settings string) string {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, settingsFile), []byte(settings), 0o644))
	return root
}

func TestReadSettings_TakesCommandsInBothForms(t *testing.T) {
	for settings, want := range map[string]Settings{
		`{"app": "go run . && true"}`:                 {App: "go run . && true"},
		`{"app": ["node", "my app.js", "a'b"]}`:       {App: `node 'my app.js' 'a'"'"'b'`},
		`{"app": "node app", "build": ["make", "x"]}`: {App: "node app", Build: "make x"},
	} {
		got, err := ReadSettings(newRepository(t, settings))
		require.NoError(t, err, settings)
		want.Context = map[string]any{}
		assert.Equal(t, want, got, settings)
	}
	_, err := ReadSettings(newRepository(t, `{"app": 5}`))
	assert.ErrorContains(t, err, "cdk.json cannot be read")
}

func TestExecutable_GivesScriptsToNode(t *testing.T) {
	app := newApp(t, "", "app.js", "program.js", "app.py")
	require.NoError(t, os.Chmod(filepath.Join(app.Root, "program.js"), 0o755))
	for command, want := range map[string]string{
		"app.js": "node app.js", "./app.js": "node ./app.js", "./program.js": "./program.js", "missing.js": "missing.js",
		"app.py": "app.py", "sh app.js": "sh app.js", "": "",
	} {
		assert.Equal(t, want, app.executable(command), command)
	}
}

func TestHint_NamesTheSettingThatInstalls(t *testing.T) {
	app := newApp(t, "", "requirements.txt")
	const setting = "write that as app.install into config/pipeline.yaml"
	assert.Contains(t, app.hint("ModuleNotFoundError: No module named 'aws_cdk'"), setting)
	app.Install = "pip install -r requirements.txt"
	assert.NotContains(t, app.hint("ModuleNotFoundError: No module named 'aws_cdk'"), setting)
}

func TestHint_SaysThatAnAssetHoldsItsOwnAssembly(t *testing.T) {
	app := newApp(t, "cdk")
	out := filepath.Join(app.Root, ".lockstep/assembly/.synth-1/dev")
	printed := "Error: ENAMETOOLONG: name too long, copyfile '" + out + "/asset.f5/.lockstep/assembly/x'"
	assert.Contains(t, app.assetHint(printed, out), "write .lockstep into the .dockerignore of the asset's folder")
	assert.Empty(t, app.assetHint("Error: ENAMETOOLONG: name too long, open '/r/x'", out), "another file")
	assert.Empty(t, app.assetHint("Error: ENOENT: "+out+"/asset.f5", out), "another reason")
}
