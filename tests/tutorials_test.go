package tests

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/tests/harness"
)

// continuedTutorials are the tutorials that go on where another one ended, by that one.
var continuedTutorials = map[string]string{"first.md": "change.md"}

// A tutorial is followed line by line: its files are written, its commands are typed in, and what they print is
// compared.
func TestDocument_TutorialsRun(t *testing.T) {
	const folder = "docs/tutorials"
	pages, err := fs.Glob(os.DirFS(repository), folder+"/*.md")
	require.NoError(t, err)
	followed := 0
	for _, page := range pages {
		if name := path.Base(page); name == "README.md" || isContinuation(name) {
			continue
		}
		r := newReader(t)
		t.Cleanup(func() { stopEmulator(r.folder()) })
		for name := path.Base(page); name != ""; name = continuedTutorials[name] {
			r.follow(markedBlocks(t, folder+"/"+name))
			followed++
		}
	}
	assert.GreaterOrEqual(t, followed, 2, "tutorials are not found")
}

func isContinuation(name string) bool {
	for _, next := range continuedTutorials {
		if next == name {
			return true
		}
	}
	return false
}

// emulatedEnvironments are the environments of the deployment guide without the resources that the emulator does not
// know, because a live run replaces none by stand-ins.
var emulatedEnvironments = map[string]string{
	"dev": strings.Replace(emulatedOnlyYAML, accAccount, "111122223333", 1),
	"acc": emulatedOnlyYAML + "after: dev\n",
	"prod": strings.Replace(emulatedOnlyYAML, accAccount, "777788889999", 1) +
		"after: acc\napproval: true\nterminationProtection: true\n",
}

// The deployment guide leads from empty accounts to production, and the page about the first live deployment goes on
// from there. Their commands are run as they stand on the live path, with the emulated accounts in the place of AWS.
func TestDocument_DeploymentFromEmptyAccounts(t *testing.T) {
	blocks := markedBlocks(t, "docs/deployment.md")
	p := newProject(t)
	require.NoError(t, os.RemoveAll(filepath.Join(p.dir, ".lockstep", "rehearsal"))) // the primed accounts
	for name, text := range emulatedEnvironments {
		harness.MustWriteFile(t, filepath.Join(p.dir, "config", "environments", name+".yaml"), text)
	}
	s := p.session()
	profiles := filepath.Join(t.TempDir(), "config")
	harness.MustWriteFile(t, profiles, p.awsProfiles(map[string]string{
		"tooling": toolingAccount, "dev": "111122223333", "acc": accAccount, "prod": "777788889999",
	}))
	r := newReader(t, "AWS_CONFIG_FILE="+profiles, "LOCKSTEP_ENDPOINT="+s.Endpoint, "AWS_CA_BUNDLE="+s.CABundle)
	out, status := r.shell("cd '" + p.dir + "'")
	require.Zero(t, status, out)
	r.follow(blocks)
	r.follow(markedBlocks(t, "docs/live.md"))
	out, status = r.shell("lockstep status --live")
	require.Zero(t, status, out)
	for environment := range emulatedEnvironments {
		assert.Regexp(t, `(?m)^`+environment+` +\d{12} +`+region+` +1 `, out, "release 1 is deployed")
	}
}

// awsProfiles returns a configuration file of the AWS command line with a profile for the root of each emulated
// account.
func (p project) awsProfiles(accounts map[string]string) string {
	p.t.Helper()
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(accounts)) {
		root, err := p.aws(accounts[name]).Credentials.Retrieve(p.t.Context())
		require.NoError(p.t, err)
		fmt.Fprintf(&out, "[profile %s]\naws_access_key_id = %s\naws_secret_access_key = %s\nregion = %s\n\n",
			name, root.AccessKeyID, root.SecretAccessKey, region)
	}
	return out.String()
}

// The README shows what its first command prints, shortened.
func TestDocument_ReadmeShowsWhatDeployPrints(t *testing.T) {
	p := newProject(t)
	r := newReader(t)
	for _, b := range markedBlocks(t, "README.md") {
		out, status := p.run("deploy", "--env", "acc")
		require.Zero(t, status, out)
		printed := map[string]bool{}
		for line := range strings.Lines(r.mask(out)) {
			printed[shownLine(line)] = true
		}
		for line := range strings.Lines(r.mask(b.text)) {
			assert.True(t, printed[shownLine(line)], "%s: the command does not print %q:\n%s", b, line, out)
		}
	}
}

// variable is what differs between a first run and one with a cache, and the part of a name that AWS makes.
var variable = regexp.MustCompile(`\bran +DURATION|\bcached +nothing that it reads has changed|\bcluster-[0-9a-z]+`)

// shownLine returns a line of a summary as it is compared.
func shownLine(line string) string {
	return strings.Join(strings.Fields(variable.ReplaceAllString(line, "VARIES")), " ")
}
