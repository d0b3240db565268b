package attacks_test

import (
	"fmt"
	"go/build"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/process"
	"lockstep/tests/harness"
)

// looker is a file of a pull request that is part of the CDK app: it writes down what the app sees of the person who
// synthesises.
const looker = `package main

import (
	"fmt"
	"os"
)

func init() {
	file, err := os.Create("seen.txt")
	if err != nil {
		panic(err)
	}
	defer file.Close()
	for _, name := range []string{%q, %q} {
		text, err := os.ReadFile(name)
		fmt.Fprintf(file, "%%s: %%s %%v\n", name, text, err)
	}
	home, err := os.ReadDir(os.Getenv("HOME"))
	fmt.Fprintln(file, "home:", home, err, os.Environ())
}
`

func TestSynth_SeesNothingOfThePerson(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	program, err := harness.BuildProgram(t.TempDir())
	require.NoError(t, err)
	dir, home := t.TempDir(), t.TempDir()
	require.NoError(t, harness.CopyProject(dir))
	credentials, key := filepath.Join(home, ".aws", "credentials"), filepath.Join(home, ".ssh", "id_ed25519")
	harness.MustWriteFile(t, credentials, "canary of AWS")
	harness.MustWriteFile(t, key, "canary of SSH")
	harness.MustWriteFile(t, filepath.Join(dir, "infra", "looker.go"), fmt.Sprintf(looker, credentials, key))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "tmp"), 0o700))

	cmd := program.Command(dir, "synth", "--env", "acc")
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	cmd.Env = append(cmd.Env,
		"XDG_CACHE_HOME="+cache, "GOPATH="+build.Default.GOPATH, "HOME="+home, "TMPDIR="+filepath.Join(dir, "tmp"),
		"PIP_INDEX_URL=https://user:"+"canary@example.com/simple", "npm_config__authToken=canary", "VAULT_TOKEN=canary")
	out, status := harness.Run(t, cmd)
	require.Zero(t, status, out)
	seen, err := os.ReadFile(filepath.Join(dir, "seen.txt"))
	require.NoError(t, err)
	if process.CanHideFiles() {
		assert.NotContains(t, string(seen), "canary of")
		assert.Contains(t, string(seen), "permission denied")
	}
	assert.NotContains(t, string(seen), "d .aws", "the home is not that of the person")
	assert.NotContains(t, string(seen), "canary@")
	assert.NotContains(t, string(seen), "=canary")

	letInAbove(t, filepath.Join(dir, ".lockstep"))
	assertHidden(t, filepath.Join(dir, ".lockstep"))
}
