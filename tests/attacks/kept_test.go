package attacks

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy"
	"lockstep/internal/refusal"
)

// keptAssembly returns the key of the archive that the account keeps of an assembly.
func (v *victim) keptAssembly() string {
	v.t.Helper()
	for key := range v.objects() {
		if strings.HasPrefix(key, "lockstep/shop/acc/blobs/assembly-") {
			return key
		}
	}
	require.Fail(v.t, "no assembly is kept")
	return ""
}

// fetch fetches the assembly of the first release into a folder, as a rollback does.
func (v *victim) fetch(folder string) error {
	v.t.Helper()
	d, err := v.open()
	require.NoError(v.t, err)
	r, err := d.EarlierRelease(v.t.Context(), 1)
	require.NoError(v.t, err)
	return d.FetchAssembly(v.t.Context(), r, folder)
}

// linkArchive returns an archive with links and a file that would be written through them.
func linkArchive(t *testing.T, links map[string]string, file string) string {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	add := func(name, text string, mode fs.FileMode) {
		header := &zip.FileHeader{Name: name}
		header.SetMode(mode)
		entry, err := w.CreateHeader(header)
		require.NoError(t, err)
		_, err = entry.Write([]byte(text))
		require.NoError(t, err)
	}
	for name, target := range links {
		add(name, target, fs.ModeSymlink|0o777)
	}
	add(file, "evil!", 0o644)
	require.NoError(t, w.Close())
	return out.String()
}

func TestKept_ExchangedArchiveIsNotUnpacked(t *testing.T) {
	outside := t.TempDir()
	for name, archived := range map[string]string{
		"another assembly":         archive(t, "manifest.json", "{}"),
		"a link to a folder":       linkArchive(t, map[string]string{"a": outside}, "a/.bashrc"),
		"a link through a link":    linkArchive(t, map[string]string{"a/b": "../..", "c": "a/b"}, "c/.bashrc"),
		"a file above":             linkArchive(t, nil, "../.bashrc"),
		"what is not an archive":   "evil!",
		"the archive, and a comma": "", // filled in below
	} {
		t.Run(name, func(t *testing.T) {
			v := newVictim(t)
			require.NoError(t, v.deploy())
			key := v.keptAssembly()
			if archived == "" {
				archived = v.objects()[key] + ","
			}
			v.exchange(key, archived)
			parent := t.TempDir()
			var refused *refusal.Error
			require.ErrorAs(t, v.fetch(filepath.Join(parent, "back")), &refused)
			assert.ErrorContains(t, refused, "the hash of its archive is")
			for _, dir := range []string{parent, outside} {
				found, err := os.ReadDir(dir)
				require.NoError(t, err)
				assert.Empty(t, found, "nothing was unpacked")
			}
		})
	}
}

// Who knows what will be deployed can be there first.
func TestKept_ArchiveThatWasThereIsReplaced(t *testing.T) {
	v := newVictim(t)
	var key string
	require.NoError(t, v.deploy(func(o *deploy.Options) {
		key = "lockstep/shop/acc/blobs/assembly-" + string(o.SynthDigest) + ".zip"
		v.exchange(key, archive(t, "manifest.json", "{}"))
	}))
	require.NoError(t, v.fetch(filepath.Join(t.TempDir(), "back")))
}
