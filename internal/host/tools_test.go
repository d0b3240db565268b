package host

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDecidesVersion(t *testing.T) {
	for _, test := range []struct {
		name, tool, file, content string
		want                      bool
	}{
		{"a binary", "node", "node", "\x7fELF", true},
		{"a binary with its version in its name", "python3", "python3.12", "\x7fELF", true},
		{"a binary with its target in its name", "gcc", "x86_64-linux-gnu-gcc-13", "\x7fELF", true},
		{"npm's program", "npm", "npm-cli.js", "#!/usr/bin/env node\nrequire('x')", true},
		{"a shell script, as pyenv's and asdf's shims are", "python3", "python3", "#!/usr/bin/env bash\nexec x\n", false},
		{"a version manager, as volta's and mise's shims are", "node", "volta-shim", "\x7fELF", false},
		{"ccache in place of a compiler", "gcc", "ccache", "\x7fELF", false},
		{"go, which runs the version of go.mod", "go", "go", "\x7fELF", false},
		{"an interpreter whose line does not end", "npm", "npm", "#!/usr/bin/env node", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := repository(t, map[string]string{test.file: test.content})
			assert.Equal(t, test.want, decidesVersion(test.tool, filepath.Join(root, test.file)))
		})
	}
	assert.False(t, decidesVersion("node", "/nonexistent/node"))
}

func TestProber_RemembersVersion(t *testing.T) {
	root := repository(t, map[string]string{"node-20": "\x7fELF one"})
	path := filepath.Join(root, "node")
	require.NoError(t, os.Symlink("node-20", path))
	p := newProber(nil)
	p.printed = openIndex(filepath.Join(root, "versions.json"), sealer{}, later)
	asked := 0
	ask := func() (string, error) {
		asked++
		return "v" + strconv.Itoa(asked), nil
	}
	version := func() string {
		v, err := p.cachedVersion("node", path, ask)
		require.NoError(t, err)
		return v
	}
	assert.Equal(t, "v1", version())
	assert.Equal(t, "v1", version())
	writeFile(t, root, "node-20", "\x7fELF two")
	assert.Equal(t, "v2", version(), "its file has changed")
	writeFile(t, root, "node-22", "\x7fELF one")
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Symlink("node-22", path))
	assert.Equal(t, "v3", version(), "its link leads elsewhere")
	p.printed.rereads = true
	assert.Equal(t, "v4", version(), "as with CI=true and --live")
	p.printed = nil
	assert.Equal(t, "v5", version(), "as doctor asks")
}

func TestProber_DoesNotRememberFailure(t *testing.T) {
	root := repository(t, map[string]string{"node": "\x7fELF"})
	p := newProber(nil)
	p.printed = openIndex(filepath.Join(root, "versions.json"), sealer{}, later)
	broken := errors.New("it does not work")
	_, err := p.cachedVersion("node", filepath.Join(root, "node"), func() (string, error) { return "", broken })
	require.ErrorIs(t, err, broken)
	version, err := p.cachedVersion("node", filepath.Join(root, "node"), func() (string, error) { return "v1", nil })
	require.NoError(t, err)
	assert.Equal(t, "v1", version)
}
