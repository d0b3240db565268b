package builder

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
)

// An archiveEntry is a file of an archive, or a link if it has a target. A file that has a size is a sparse one: a hole
// follows its text, which takes no room in the archive.
type archiveEntry struct {
	name, text, target string
	size               uint64
}

// newArchive returns an archive.
func newArchive(t *testing.T, entries ...archiveEntry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range entries {
		header := &tar.Header{Name: e.name, Size: int64(len(e.text)), Mode: 0o644, Format: tar.FormatGNU}
		if e.target != "" {
			header.Typeflag, header.Linkname = tar.TypeSymlink, e.target
		}
		at := out.Len()
		require.NoError(t, w.WriteHeader(header))
		if e.size > 0 {
			makeSparse(out.Bytes()[at:], uint64(len(e.text)), e.size)
		}
		_, err := w.Write([]byte(e.text))
		require.NoError(t, err)
		require.NoError(t, w.Flush())
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

// makeSparse makes the header of a file that of a sparse one, in GNU's format: after the text there is nothing.
// Source: https://www.gnu.org/software/tar/manual/html_node/Standard.html.
func makeSparse(header []byte, text, size uint64) {
	number := func(at int, n uint64) {
		clear(header[at : at+12])
		header[at] = 0x80 // binary
		binary.BigEndian.PutUint64(header[at+4:], n)
	}
	header[156] = tar.TypeGNUSparse
	number(386, 0)
	number(398, text)
	number(410, size)
	number(422, 0)
	number(483, size)
	copy(header[148:], "        ")
	sum := 0
	for _, b := range header[:512] {
		sum += int(b)
	}
	copy(header[148:], fmt.Sprintf("%06o\x00", sum))
}

// The reader of archives takes what an image says of itself into memory as a whole.
func TestBuilder_ArchiveIsBounded(t *testing.T) {
	printed := faulttest.Printed(t)
	const manifest = `[{"Config":"config.json","Layers":[]}]`
	for name, test := range map[string]struct {
		entries []archiveEntry
		want    string
	}{
		"a manifest without end": {
			[]archiveEntry{{name: "manifest.json", text: manifest, size: 1 << 40}},
			"manifest.json in it is larger than the archive",
		},
		"a configuration without end": {
			[]archiveEntry{{name: "manifest.json", text: manifest}, {name: "./config.json", text: "{}", size: 1 << 40}},
			"./config.json in it is larger than the archive",
		},
		"a configuration that a link leads to": {
			[]archiveEntry{
				{name: "manifest.json", text: manifest},
				{name: "config.json", target: "big"},
				{name: "big", text: strings.Repeat(" ", 8<<20+1)},
			},
			"config.json in it is no file",
		},
		"a manifest that is too large": {
			[]archiveEntry{{name: "manifest.json", text: strings.Repeat(" ", 1<<20) + manifest}},
			"manifest.json in it has more than 1048576 bytes",
		},
		"a configuration that is too large": {
			[]archiveEntry{{name: "manifest.json", text: manifest}, {name: "config.json", text: strings.Repeat(" ", 8<<20+1)}},
			"config.json in it has more than 8388608 bytes",
		},
		"a layer that is larger than its archive": {
			[]archiveEntry{{name: "manifest.json", text: manifest}, {name: "layer.tar", text: "layer", size: 1 << 40}},
			"layer.tar in it is larger than the archive",
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			archives := fstest.MapFS{"image.tar": {Data: newArchive(t, test.entries...)}}
			err := printed.Error(m.builder("none").Build(t.Context(), archives, assembly.Image{Archive: "image.tar"},
				func(v1.Image) error { return nil }))
			require.ErrorContains(t, err, "image.tar is no archive of an image")
			require.ErrorContains(t, err, test.want)
			assert.Equal(t, fault.ImageBuild, fault.CodeOf(err))
		})
	}
}

// A build may print what it was given, such as the error of a registry.
func TestBuilder_OutputHasNoSecrets(t *testing.T) {
	printed := faulttest.Printed(t)
	m := newMachine(t)
	token, inFile := "npm_"+strings.Repeat("a1", 10), "npm_"+strings.Repeat("b2", 10)
	file := filepath.Join(m.dir, "npmrc")
	require.NoError(t, os.WriteFile(file, []byte("color=true\n//h/:_authToken="+inFile+"\n"), 0o600))
	i := web
	i.Build.Secrets = map[string]string{"token": "env=NPM_TOKEN", "npmrc": "src=" + file}
	b := m.builder("docker", "NPM_TOKEN="+token, "LOCKSTEP_BUILD_SECRETS=NPM_TOKEN:"+file,
		"FAKE_PRINTS=401 for "+token+" and "+inFile)
	files := fstest.MapFS{"asset.web/Dockerfile": {Data: []byte("fail")}}
	err := printed.Error(b.Build(t.Context(), files, i, nil))
	require.ErrorContains(t, err, "401 for *** and ***")
	assert.Contains(t, m.lines, "401 for *** and ***")
	assert.NotContains(t, err.Error()+strings.Join(m.lines, "\n"), token)
	assert.NotContains(t, err.Error()+strings.Join(m.lines, "\n"), inFile)
}

// A builder that is named by its path is not another one in the folder of an image.
func TestBuilder_ImageBringsNoBuilder(t *testing.T) {
	m := newMachine(t)
	t.Chdir(m.dir)
	b := m.builder("docker")
	b.Environ[0] = "CDK_DOCKER=./docker"
	hostile := fstest.MapFS{
		"asset.web/Dockerfile": {Data: []byte("FROM scratch\n")},
		"asset.web/docker":     {Data: []byte("#!/bin/sh\ntouch \"$FAKE_DIR/hostile\"\n"), Mode: 0o755},
	}
	require.NoError(t, b.Build(t.Context(), hostile, web, func(v1.Image) error { return nil }))
	assert.NoFileExists(t, filepath.Join(m.dir, "hostile"))
}

// A link leads out of the folder of an image no more than out of the assembly.
func TestBuilder_LinksStayInTheFolder(t *testing.T) {
	m := newMachine(t)
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "a", "b", "c"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "credentials"), []byte("FROM scratch\n"), 0o600))
	require.NoError(t, os.Symlink("../../../credentials", filepath.Join(dir, "a", "b", "c", "Dockerfile")))
	err := m.builder("docker").Build(t.Context(), os.DirFS(dir), assembly.Image{Name: "web", Directory: "a/b/c"}, nil)
	require.ErrorContains(t, err, "Dockerfile is a link to ../../../credentials, which leads out of the folder")
	assert.NoFileExists(t, filepath.Join(m.dir, "context"))
}
