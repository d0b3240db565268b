package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/pipeline"
	"lockstep/internal/process"
)

// person returns the environment of somebody with credentials in their home, in the environment of their package
// managers, and in another project.
func person(t *testing.T, root string) (environ []string, home, other string) {
	t.Helper()
	home, other = t.TempDir(), t.TempDir()
	writeFile(t, home, ".aws/credentials", "of the person")
	writeFile(t, home, ".ssh/id_ed25519", "of the person")
	writeFile(t, other, "main.go", "of the other project")
	require.NoError(t, os.MkdirAll(filepath.Join(root, "tmp"), 0o700))
	login := "user:" + "token@" // which a scanner would take for a secret as one text
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + filepath.Join(root, "tmp"),
		"XDG_CONFIG_HOME=" + home, "PIP_INDEX_URL=https://" + login + "example.com", "PIP_CERT=/c",
		"GOPROXY=https://" + login + "proxy.example.com/go,direct", "npm_config__authToken=token",
		"NPM_CONFIG_USERCONFIG=" + home + "/.npmrc",
	}, home, other
}

func TestStep_SeesNoRegistryTokenAndNoHome(t *testing.T) {
	root := repository(t, nil)
	environ, home, _ := person(t, root)
	compute := shellStep("compute", "env; ls -A $HOME; echo x > $HOME/x")
	aws := shellStep("aws", "env; ls -A $HOME")
	aws.Effect = pipeline.AWS
	for _, live := range []bool{false, true} {
		results := runSteps(t, &Runner{Root: root, Environ: environ, Live: live}, compute, aws)
		for name, result := range results {
			require.True(t, result.Passed(), name)
			env := readFile(t, result.Log)
			seesHome := live && name == "aws"
			assert.Equal(t, seesHome, strings.Contains(env, "HOME="+home+"\n"), env)
			assert.Equal(t, seesHome, strings.Contains(env, ".aws\n"), env)
			assert.Equal(t, seesHome, strings.Contains(env, "token"), env)
			assert.Contains(t, env, "PIP_CERT=/c")
			assert.Equal(t, !seesHome, strings.Contains(env, "PIP_INDEX_URL=https://example.com\n"), env)
			assert.Equal(t, !seesHome, strings.Contains(env, "GOPROXY=https://proxy.example.com/go,direct\n"), env)
			if !seesHome {
				assert.Contains(t, env, "GOMODCACHE="+home+"/go/pkg/mod\n", "the person's caches are used")
				assert.Contains(t, env, "XDG_CACHE_HOME="+home+"/.cache\n")
			}
		}
	}
}

func TestStep_OtherFilesAreHidden(t *testing.T) {
	if !process.CanHideFiles() {
		t.Skip("this system cannot hide files from a program")
	}
	root := repository(t, map[string]string{"in.txt": "of the project"})
	environ, home, other := person(t, root)
	look := func(name, path string) pipeline.Step { return shellStep(name, "cat "+path+"; ls "+filepath.Dir(path)) }
	steps := []pipeline.Step{
		look("credentials", home+"/.aws/credentials"),
		look("key", home+"/.ssh/id_ed25519"),
		look("project", other+"/main.go"),
		shellStep("link", "ln -sf "+home+"/.aws/credentials link && cat link"),
		shellStep("write", "echo x > "+other+"/main.go"),
		shellStep("child", "sh -c 'sh -c \"cat "+home+"/.aws/credentials\"'"),
	}
	for name, result := range runSteps(t, &Runner{Root: root, Environ: environ}, steps...) {
		assert.False(t, result.Passed(), name)
		printed := readFile(t, result.Log)
		assert.NotContains(t, printed, "of the", name)
		assert.Contains(t, printed, "ermission denied", name)
	}
	assert.Equal(t, "of the other project", readFile(t, other, "main.go"))

	named := append(environ, "LOCKSTEP_READABLE="+other)
	own := shellStep("own", "cat in.txt && echo x > out && echo y > $TMPDIR/y && echo z > $GOCACHE/z")
	checksums := shellStep("checksums", "echo x > $GOPATH/pkg/sumdb/x") // of modules that go.sum does not have
	results := runSteps(t, &Runner{Root: root, Environ: named}, own, checksums, look("named", other+"/main.go"))
	for name, result := range results {
		assert.True(t, result.Passed(), "%s: %s", name, readFile(t, result.Log))
	}
}

// A step that is a pull request's code would otherwise decide what others say: by the key of the cache, by a tool that
// it changes, or by settings that it leaves behind.
func TestStep_DecidesNothingOfOtherSteps(t *testing.T) {
	root := repository(t, nil)
	environ, home, _ := person(t, root)
	writeFile(t, home, ".cache/lockstep/private/cache.key", "key of the cache")
	writeFile(t, home, ".cache/lockstep/tools/linter/bin/linter", "as it was installed")
	cache := home + "/.cache/lockstep/"
	attack := shellStep("attack", "ls -A $HOME; echo x > $HOME/.linter.yml; mkdir -p $HOME/.cache; touch $HOME/.cache/x;"+
		" cat "+cache+"private/*; echo x > "+cache+"tools/linter/bin/linter; true")
	attack.Tools = []string{pipeline.ToolNode, pipeline.ToolNpm, pipeline.ToolPython}
	other := shellStep("other", "ls -A $HOME")
	other.Needs = []string{"attack"}
	for _, left := range []string{"", ".cache\n"} { // by an earlier run
		results := runSteps(t, &Runner{Root: root, Environ: environ, NoCache: true}, attack, other)
		require.True(t, results["other"].Passed())
		assert.Empty(t, readFile(t, results["other"].Log))
		seen := readFile(t, results["attack"].Log)
		assert.True(t, strings.HasPrefix(seen, left) && !strings.Contains(seen, ".linter.yml"), seen)
		if process.CanHideFiles() {
			assert.NotContains(t, seen, "key of the cache")
			assert.Equal(t, "as it was installed", readFile(t, cache, "tools/linter/bin/linter"))
		}
	}
}

// Java takes a person's home from the list of users, whatever HOME says.
func TestMachine_MavenKeepsItsPackagesAndSeesNoSettings(t *testing.T) {
	m := newMachine([]string{"HOME=/home/jo", "XDG_CACHE_HOME=/home/jo/.cache", "TMPDIR=/scratch"})
	environ := m.hidePerson([]string{"MAVEN_OPTS=-Dpassword=x"}, "/tmp/step")
	assert.Contains(t, environ, "MAVEN_OPTS=-Duser.home=/tmp/step -Dmaven.repo.local=/home/jo/.m2/repository "+
		"-Djava.io.tmpdir=/scratch")
	assert.Contains(t, environ, "GRADLE_USER_HOME=/home/jo/.cache/gradle")
	assert.NotContains(t, environ, "MAVEN_OPTS=-Dpassword=x")
	assert.Contains(t, m.files("/work", pipeline.Step{}, nil).Writable, "/home/jo/.m2/repository")

	spaced := newMachine([]string{"HOME=/home/jo w"})
	assert.Empty(t, spaced.mavenOptions("/tmp/step"), "Maven would read two options")
}
