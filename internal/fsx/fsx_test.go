package fsx

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
)

// entries returns the names in a folder, so that a temporary file that stays is seen.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	found, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, entry := range found {
		names = append(names, entry.Name())
	}
	return names
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(data)
}

func mode(t *testing.T, name string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(name)
	require.NoError(t, err)
	return info.Mode().Perm()
}

func TestWriteFile_NewFileHasMode(t *testing.T) {
	for _, perm := range []fs.FileMode{PublicFile, PrivateFile} {
		dir := t.TempDir()
		name := filepath.Join(dir, "sub", "file")
		require.NoError(t, WriteFile("", name, []byte("text"), perm))
		assert.Equal(t, "text", read(t, name))
		assert.Equal(t, perm, mode(t, name))
		assert.Equal(t, []string{"file"}, entries(t, filepath.Dir(name)))
		assert.Equal(t, dirMode(perm), mode(t, filepath.Dir(name)))
	}
}

func TestWriteFile_ExistingFileKeepsMode(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, []byte("old"), 0o640))
	require.NoError(t, WriteFile("", name, []byte("new"), PublicFile))
	assert.Equal(t, "new", read(t, name))
	assert.Equal(t, fs.FileMode(0o640), mode(t, name))
}

func TestWriteFile_FollowsLinks(t *testing.T) {
	for _, existing := range []bool{true, false} {
		dir := t.TempDir()
		target := filepath.Join(dir, "target")
		if existing {
			require.NoError(t, os.WriteFile(target, []byte("old"), 0o600))
		}
		require.NoError(t, os.Symlink("target", filepath.Join(dir, "second")))
		require.NoError(t, os.Symlink(filepath.Join(dir, "second"), filepath.Join(dir, "first")))
		require.NoError(t, WriteFile("", filepath.Join(dir, "first"), []byte("new"), PrivateFile))
		assert.Equal(t, "new", read(t, target))
		link, err := os.Readlink(filepath.Join(dir, "second"))
		require.NoError(t, err)
		assert.Equal(t, "target", link)
		assert.Equal(t, []string{"first", "second", "target"}, entries(t, dir))
	}
}

func TestWriteFile_LinkLoop(t *testing.T) {
	name := filepath.Join(t.TempDir(), "loop")
	require.NoError(t, os.Symlink("loop", name))
	assert.ErrorIs(t, WriteFile("", name, nil, PublicFile), syscall.ELOOP)
}

// newPipe returns a FIFO that has a reader, and the reader.
func newPipe(t *testing.T) (name string, reader *os.File) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(name, 0o600))
	reader, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = reader.Close() })
	return name, reader
}

func TestWriteFile_WritesToPipe(t *testing.T) {
	pipe, reader := newPipe(t)
	link := filepath.Join(filepath.Dir(pipe), "link")
	require.NoError(t, os.Symlink(pipe, link))
	for _, name := range []string{pipe, link} {
		require.NoError(t, WriteFile("", name, []byte("text"), PublicFile))
		got := make([]byte, 4)
		_, err := io.ReadFull(reader, got)
		require.NoError(t, err)
		assert.Equal(t, "text", string(got))
	}
	info, err := os.Lstat(pipe)
	require.NoError(t, err)
	assert.Equal(t, fs.ModeNamedPipe, info.Mode().Type())
}

func TestWriteFile_AppendsToOpenFile(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer file.Close()
	_, err = file.WriteString("printed, ")
	require.NoError(t, err)
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(fmt.Sprintf("/dev/fd/%d", file.Fd()), link))
	require.NoError(t, WriteFile("", link, []byte("written"), PublicFile))
	assert.Equal(t, "printed, written", read(t, file.Name()))
}

// notFiles are the things that are neither a file nor a link, by their kind.
func notFiles(t *testing.T) map[string]string {
	t.Helper()
	pipe, _ := newPipe(t)
	socket := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return map[string]string{"folder": t.TempDir(), "socket": socket, "pipe": pipe}
}

func TestWriteFile_RefusesFolderAndSocket(t *testing.T) {
	names := notFiles(t)
	assert.ErrorIs(t, WriteFile("", names["folder"], nil, PublicFile), syscall.EISDIR)
	assert.ErrorIs(t, WriteFile("", names["socket"], nil, PublicFile), fault.ErrNotFile)
	assert.Equal(t, []string{"socket"}, entries(t, filepath.Dir(names["socket"])))
}

func TestReplace_RefusesWhatIsNoFile(t *testing.T) {
	for kind, name := range notFiles(t) {
		t.Run(kind, func(t *testing.T) {
			before, err := os.Lstat(name)
			require.NoError(t, err)
			require.Error(t, Replace(name, nil, PublicFile))
			after, err := os.Lstat(name)
			require.NoError(t, err)
			assert.True(t, os.SameFile(before, after))
		})
	}
}

func TestReplace_SetsModeAndReplacesLink(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "name")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "other"), []byte("other"), 0o644))
	require.NoError(t, os.Symlink("other", name))
	require.NoError(t, CopyFile(filepath.Join(dir, "other"), name, 0o755))
	require.NoError(t, WriteFile("", filepath.Join(dir, "other"), []byte("changed"), PublicFile))
	assert.Equal(t, "other", read(t, name))
	assert.Equal(t, fs.FileMode(0o755), mode(t, name))
	require.NoError(t, CopyFile(filepath.Join(dir, "other"), name, PrivateFile))
	assert.Equal(t, PrivateFile, mode(t, name))
}

func TestReplace_FailureKeepsOldFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "name")
	require.NoError(t, os.WriteFile(name, []byte("old"), 0o644))
	failure := errors.New("full")
	err := replaceFrom(name, io.MultiReader(strings.NewReader("half"), iotest.ErrReader(failure)), PublicFile)
	assert.ErrorIs(t, err, failure)
	assert.ErrorContains(t, err, name+" was not written: ")
	assert.Equal(t, "old", read(t, name))
	assert.Equal(t, []string{"name"}, entries(t, dir))
}

func TestReadFile_Limit(t *testing.T) {
	printed := faulttest.Printed(t)
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, []byte("four"), 0o644))
	data, err := ReadFile(name, 4)
	require.NoError(t, err)
	assert.Equal(t, "four", string(data))
	_, err = ReadFile(name, 3)
	var large *TooLargeError
	require.ErrorAs(t, printed.Error(err), &large)
	assert.Equal(t, int64(3), large.Limit)
}

func TestReadFile_RefusesWhatIsNoFile(t *testing.T) {
	for kind, name := range notFiles(t) {
		t.Run(kind, func(t *testing.T) {
			_, err := ReadFile(name, 10)
			assert.ErrorIs(t, err, fault.ErrNotFile)
		})
	}
	_, err := ReadFile(filepath.Join(t.TempDir(), "missing"), 10)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

type zipEntry struct {
	name, text string
	mode       fs.FileMode
}

func newZip(t *testing.T, entries ...zipEntry) *zip.Reader {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, e := range entries {
		header := &zip.FileHeader{Name: e.name}
		header.SetMode(e.mode)
		file, err := w.CreateHeader(header)
		require.NoError(t, err)
		_, err = io.WriteString(file, e.text)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	archive, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if !errors.Is(err, zip.ErrInsecurePath) {
		require.NoError(t, err)
	}
	return archive
}

func TestUnzip(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, Unzip(newZip(t,
		zipEntry{"folder/", "", fs.ModeDir | 0o755},
		zipEntry{"folder/program", "run", 0o755},
		zipEntry{"deep/er/file", "text", 0o644},
		zipEntry{"link", "deep/er/file", fs.ModeSymlink | 0o777},
	), dir, 1<<10))
	assert.Equal(t, "text", read(t, filepath.Join(dir, "link")))
	assert.Equal(t, fs.FileMode(0o755), mode(t, filepath.Join(dir, "folder/program")))
}

func TestUnzip_Refuses(t *testing.T) {
	outside := t.TempDir()
	for name, entries := range map[string][]zipEntry{
		"a name with ..":        {{"../evil", "x", 0o644}},
		"an absolute name":      {{outside + "/evil", "x", 0o644}},
		"a file through a link": {{"link", outside, fs.ModeSymlink | 0o777}, {"link/evil", "x", 0o644}},
		"an entry twice":        {{"a", "x", 0o644}, {"a", "y", 0o644}},
		"a pipe":                {{"pipe", "", fs.ModeNamedPipe | 0o644}},
		"too many bytes":        {{"a", "123456", 0o644}, {"b", "123456", 0o644}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Error(t, Unzip(newZip(t, entries...), t.TempDir(), 10))
			assert.NoFileExists(t, filepath.Join(outside, "evil"))
		})
	}
}

// The kernel takes what is behind a link and dots from where the link leads.
func TestWriteFile_LinkInLinkedFolderIsFollowedFromThere(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.MkdirAll("a/b", 0o700))
	require.NoError(t, os.Symlink("a/b", "linked"))
	require.NoError(t, os.Symlink("../target", "a/b/name"))
	require.NoError(t, os.Symlink("linked/../other", "indirect"))
	for _, test := range []struct{ name, target string }{
		{"linked/name", "a/target"}, {"indirect", "a/other"}, {"linked/../third", "a/third"},
	} {
		require.NoError(t, WriteFile("", test.name, []byte(test.name), PrivateFile))
		text, err := os.ReadFile(test.target)
		require.NoError(t, err, test.name)
		assert.Equal(t, test.name, string(text))
	}
}
