package staging

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
)

// archive returns an archive with files and links in order, as NAME, CONTENT; a name with an @ before it is a link.
func archive(t *testing.T, entries ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i := 0; i < len(entries); i += 2 {
		header := &zip.FileHeader{Name: entries[i]}
		header.SetMode(0o644)
		if entries[i][0] == '@' {
			header.Name = entries[i][1:]
			header.SetMode(fs.ModeSymlink | 0o777)
		}
		file, err := w.CreateHeader(header)
		require.NoError(t, err)
		_, err = file.Write([]byte(entries[i+1]))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

func TestExtractAssembly_RestoresZippedAssembly(t *testing.T) {
	source := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(source, "asset", "bin"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(source, "manifest.json"), []byte("{}"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(source, "asset", "bin", "run"), []byte("#!"), 0o755))
	require.NoError(t, os.Symlink("bin/run", filepath.Join(source, "asset", "link")))
	synth, err := assembly.SynthDigest(os.DirFS(source))
	require.NoError(t, err)
	data, err := ZipAssembly(os.DirFS(source))
	require.NoError(t, err)

	folder := filepath.Join(t.TempDir(), "sub", "back")
	require.NoError(t, os.MkdirAll(folder, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "old"), nil, 0o644))
	require.NoError(t, ExtractAssembly(data, folder, synth))
	assert.NoFileExists(t, filepath.Join(folder, "old"), "the folder is replaced")
	link, err := os.Readlink(filepath.Join(folder, "asset", "link"))
	require.NoError(t, err)
	assert.Equal(t, "bin/run", link)
	info, err := os.Stat(filepath.Join(folder, "asset", "bin", "run"))
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o755), info.Mode().Perm(), "a program stays one")

	earlier, err := assembly.EarlierSynthDigest(os.DirFS(source))
	require.NoError(t, err)
	require.NotEqual(t, synth, earlier)
	require.NoError(t, ExtractAssembly(data, folder, earlier), "as an earlier version recorded it")

	var other *DigestError
	require.ErrorAs(t, ExtractAssembly(data, folder, "another"), &other)
	assert.Equal(t, synth, other.Got)
	assert.FileExists(t, filepath.Join(folder, "manifest.json"), "what was there stays")
}

func TestExtractAssembly_LeavesNothingOutsideItsFolder(t *testing.T) {
	for name, entries := range map[string][]string{
		"a file above":               {"../out", "x"},
		"an absolute file":           {"/tmp/out", "x"},
		"a file above, in a folder":  {"a/../../out", "x"},
		"a link above":               {"@link", "../out"},
		"a link above, in a folder":  {"@a/link", "../../out"},
		"an absolute link":           {"@link", "/etc"},
		"a file in place of a link":  {"@link", "a", "link/x", "x"},
		"two files of the same name": {"a", "x", "a", "y"},
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			err := ExtractAssembly(archive(t, entries...), filepath.Join(parent, "back"), "digest")
			require.Error(t, err)
			var other *DigestError
			assert.NotErrorAs(t, err, &other, "it is refused before its content is compared")
			found, err := os.ReadDir(parent)
			require.NoError(t, err)
			assert.Empty(t, found)
		})
	}
}
