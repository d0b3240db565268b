package host

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fsx"
	"lockstep/internal/pipeline"
)

func TestSealKey_IsTheUsersAlone(t *testing.T) {
	home := t.TempDir()
	environ := []string{"XDG_CACHE_HOME=" + home}
	file := filepath.Join(home, "lockstep", "private", "cache.key")
	key, err := loadSealKey(environ, "/project")
	require.NoError(t, err)
	assert.Len(t, key, sealKeyBytes)
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, fsx.PrivateFile, info.Mode().Perm())
	again, err := loadSealKey(environ, "/project")
	require.NoError(t, err)
	assert.Equal(t, key, again)
	files, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	assert.Len(t, files, 1)

	for name, spoil := range map[string]func() error{
		"readable by others": func() error { return os.Chmod(file, 0o644) },
		"a link":             func() error { return os.Rename(file, file+".old") },
		"short":              func() error { return os.WriteFile(file, []byte("x"), 0o600) },
	} {
		require.NoError(t, os.RemoveAll(filepath.Dir(file)))
		_, err := loadSealKey(environ, "/project")
		require.NoError(t, err)
		require.NoError(t, spoil())
		if name == "a link" {
			require.NoError(t, os.Symlink(file+".old", file))
		}
		_, err = loadSealKey(environ, "/project")
		assert.Error(t, err, name)
		assert.NotEqual(t, newSealer(environ, "/project"), newSealer(environ, "/project"), "%s: one for each run", name)
	}
	_, err = loadSealKey(environ, home)
	assert.ErrorContains(t, err, "is in the project")
}

func TestSealer_BelievesOnlyItsOwnFiles(t *testing.T) {
	own := sealer{newSealKey()}
	file := filepath.Join(t.TempDir(), "entries", "a.json")
	require.NoError(t, own.writeJSON(file, "text"))
	text, err := own.read(file, 100)
	require.NoError(t, err)
	assert.Equal(t, `"text"`, string(text))

	_, err = sealer{newSealKey()}.read(file, 100)
	require.ErrorIs(t, err, errNotSealed, "another user")
	moved := filepath.Join(filepath.Dir(file), "b.json")
	require.NoError(t, os.Rename(file, moved))
	_, err = own.read(moved, 100)
	require.ErrorIs(t, err, errNotSealed, "another name")
	require.NoError(t, os.WriteFile(file, []byte("{}"), 0o600))
	_, err = own.read(file, 100)
	require.ErrorIs(t, err, errNotSealed, "no seal")
}

// Even an entry with a seal leads nowhere but to the outputs of its step.
func TestStore_RefusesEntryThatLeadsElsewhere(t *testing.T) {
	hash := strings.Repeat("9f86", sha256.Size/2)
	file := func(path string) outputFile { return outputFile{Path: path, Mode: 0o644, Hash: hash} }
	dir := outputFile{Path: "out", Mode: os.ModeDir | 0o755}
	for name, test := range map[string]struct {
		files []outputFile
		log   string
	}{
		"a file above":           {[]outputFile{file("../victim")}, hash},
		"a file above an output": {[]outputFile{dir, file("out/../../victim")}, hash},
		"an absolute file":       {[]outputFile{file("/tmp/victim")}, hash},
		"a source file":          {[]outputFile{file("main.go")}, hash},
		"a file below no folder": {[]outputFile{file("out/x")}, hash},
		"a file below a link":    {[]outputFile{{Path: "out", Mode: os.ModeSymlink, Link: "."}, file("out/x")}, hash},
		"a file twice":           {[]outputFile{dir, file("out/x"), file("out/x")}, hash},
		"a link above":           {[]outputFile{dir, {Path: "out/x", Mode: os.ModeSymlink, Link: "../main.go"}}, hash},
		"an absolute link":       {[]outputFile{dir, {Path: "out/x", Mode: os.ModeSymlink, Link: "/etc"}}, hash},
		"a blob above":           {[]outputFile{dir, {Path: "out/x", Hash: "../../../victim"}}, hash},
		"a log above":            {[]outputFile{dir}, "../../../victim"},
	} {
		t.Run(name, func(t *testing.T) {
			root := repository(t, map[string]string{"main.go": "package main"})
			s, err := openStore(root, sealer{}, later, false)
			require.NoError(t, err)
			e := entry{Step: "make", CreatedAt: time.Now(), Files: test.files, Log: test.log}
			require.NoError(t, s.seal.writeJSON(s.entryPath("key"), e))
			require.NoError(t, os.WriteFile(s.blobPath(hash), []byte("test"), 0o600))
			step := shellStep("make", "true")
			step.Outputs = []string{"out"}
			hit, err := s.restore("key", step, filepath.Join(root, "log"))
			require.ErrorContains(t, err, "its entry")
			assert.Nil(t, hit)
			assert.NoFileExists(t, s.entryPath("key"))
			assert.Equal(t, "package main", readFile(t, filepath.Join(root, "main.go")))
			assert.NoFileExists(t, filepath.Join(filepath.Dir(root), "victim"))
			assert.NoDirExists(t, filepath.Join(root, "out"))
		})
	}
}

// A clone may bring a cache along.
func TestCache_OfSomebodyElseIsNotBelieved(t *testing.T) {
	root := repository(t, map[string]string{"in.txt": "one"})
	attacker := []string{"XDG_CACHE_HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	victim := []string{"XDG_CACHE_HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	runSteps(t, &Runner{Root: root, Environ: attacker, Now: later}, countingStep())
	assert.Equal(t, pipeline.Cached,
		runSteps(t, &Runner{Root: root, Environ: attacker, Now: later}, countingStep())["make"].Status)
	assert.Equal(t, pipeline.Ran,
		runSteps(t, &Runner{Root: root, Environ: victim, Now: later}, countingStep())["make"].Status)
	assert.Equal(t, pipeline.Cached,
		runSteps(t, &Runner{Root: root, Environ: victim, Now: later}, countingStep())["make"].Status)
}
