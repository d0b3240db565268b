package staging

import (
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/deploy/simulated"
	"lockstep/internal/fault/faulttest"
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

// newStore returns a store in an account of a simulated cloud.
func newStore(t *testing.T, cfg aws.Config) Store {
	t.Helper()
	target := awsclient.Target{Project: "shop", Environment: "acc", Account: "444455556666", Region: "eu-west-1"}
	return Store{
		Bucket: NewBucket(awsclient.NewS3(cfg), "lockstep-records", target),
		Key:    func(name string) string { return "lockstep/shop/acc/blobs/" + name },
	}
}

// newAssembly writes a cloud assembly with a program, a link, and two large files of the same content.
func newAssembly(t *testing.T, largeBytes int64) (dir string, synth digest.Synth) {
	t.Helper()
	dir = t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "asset", "bin"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "manifest.json"), []byte("{}"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "asset", "bin", "run"), []byte("#!"), 0o755))
	require.NoError(t, os.Symlink("bin/run", filepath.Join(dir, "asset", "link")))
	for _, name := range []string{"large", "asset/bin/large"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o755))
		require.NoError(t, os.Truncate(filepath.Join(dir, name), largeBytes))
	}
	synth, err := assembly.SynthDigest(os.DirFS(dir))
	require.NoError(t, err)
	return dir, synth
}

func TestStore_KeepsLargeFilesOnceByTheirContent(t *testing.T) {
	cloud := simulated.NewKind()
	s := newStore(t, cloud.Config("444455556666", "eu-west-1"))
	source, synth := newAssembly(t, minReferencedBytes)
	kept, err := s.Save(t.Context(), os.DirFS(source), synth)
	require.NoError(t, err)
	require.Len(t, kept.Files, 1, "both have the same content")
	objects := cloud.Objects("444455556666", "eu-west-1")
	assert.Len(t, objects, 2)
	assert.Len(t, objects[s.Key(FileBlobName(kept.Files[0]))], minReferencedBytes)
	again, err := s.Save(t.Context(), os.DirFS(source), synth)
	require.NoError(t, err)
	assert.Equal(t, kept, again)
	assert.Equal(t, objects, cloud.Objects("444455556666", "eu-west-1"))

	folder := filepath.Join(t.TempDir(), "sub", "back")
	require.NoError(t, os.MkdirAll(folder, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "old"), nil, 0o644))
	require.NoError(t, s.Fetch(t.Context(), synth, kept.ArchiveHash, folder))
	assert.NoFileExists(t, filepath.Join(folder, "old"), "the folder is replaced")
	assert.NoFileExists(t, filepath.Join(folder, referencesFile))
	link, err := os.Readlink(filepath.Join(folder, "asset", "link"))
	require.NoError(t, err)
	assert.Equal(t, "bin/run", link)
	for _, name := range []string{"asset/bin/run", "asset/bin/large", "large"} {
		info, err := os.Stat(filepath.Join(folder, name))
		require.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o755), info.Mode().Perm(), "a program stays one")
	}
	earlier, err := assembly.EarlierSynthDigest(os.DirFS(source))
	require.NoError(t, err)
	require.NotEqual(t, synth, earlier)
}

// A record of an earlier version has one archive of everything, and no list of files.
func TestStore_ReadsArchivesOfEarlierVersions(t *testing.T) {
	cloud := simulated.NewKind()
	s := newStore(t, cloud.Config("444455556666", "eu-west-1"))
	data := archive(t, "manifest.json", "{}", "large", strings.Repeat("x", 2*minReferencedBytes))
	synth, err := assembly.SynthDigest(fstest.MapFS{
		"manifest.json": {Data: []byte("{}")}, "large": {Data: bytes.Repeat([]byte("x"), 2*minReferencedBytes)},
	})
	require.NoError(t, err)
	key := s.Key(AssemblyBlobName(synth))
	cloud.SetObject("444455556666", "eu-west-1", key, string(data), 0)
	folder := filepath.Join(t.TempDir(), "back")
	require.NoError(t, s.Fetch(t.Context(), synth, "", folder))
	assert.FileExists(t, filepath.Join(folder, "large"))
	kept, err := s.Save(t.Context(), os.DirFS(folder), synth)
	require.NoError(t, err)
	assert.Empty(t, kept.Files, "what is kept already holds the assembly, and stays")
	assert.Equal(t, string(data), cloud.Objects("444455556666", "eu-west-1")[key])
}

// A deniedFiles is a cloud whose bucket does not give away the large files of assemblies.
type deniedFiles struct{ *simulated.Cloud }

func (d deniedFiles) Do(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/file-") {
		return &http.Response{
			StatusCode: http.StatusForbidden, Header: http.Header{}, Request: r,
			Body: io.NopCloser(strings.NewReader("<Error><Code>AccessDenied</Code></Error>")),
		}, nil
	}
	return d.Cloud.Do(r)
}

// An archive that could not be read may be that of an earlier release, whose record has its hash: it stays.
func TestStore_ArchiveThatCannotBeReadIsNotReplaced(t *testing.T) {
	cloud := simulated.NewKind()
	cfg := cloud.Config("444455556666", "eu-west-1")
	cfg.HTTPClient = deniedFiles{cloud}
	s := newStore(t, cfg)
	source, synth := newAssembly(t, minReferencedBytes)
	_, err := s.Save(t.Context(), os.DirFS(source), synth)
	require.NoError(t, err)
	key := s.Key(AssemblyBlobName(synth))
	packed := cloud.Objects("444455556666", "eu-west-1")[key]
	r, err := zip.NewReader(strings.NewReader(packed), int64(len(packed)))
	require.NoError(t, err)
	var earlier bytes.Buffer
	w := zip.NewWriter(&earlier)
	for _, file := range r.File {
		require.NoError(t, w.Copy(file))
	}
	require.NoError(t, w.SetComment("of an earlier version"))
	require.NoError(t, w.Close())
	cloud.SetObject("444455556666", "eu-west-1", key, earlier.String(), 0)

	_, err = s.Save(t.Context(), os.DirFS(source), synth)
	assert.Equal(t, "AccessDenied", awsclient.ErrorCode(err))
	assert.Contains(t, cloud.Objects("444455556666", "eu-west-1")[key], "of an earlier version")
}

func TestStore_RefusesWhatWasExchanged(t *testing.T) {
	printed := faulttest.Printed(t)
	cloud := simulated.NewKind()
	s := newStore(t, cloud.Config("444455556666", "eu-west-1"))
	source, synth := newAssembly(t, minReferencedBytes)
	kept, err := s.Save(t.Context(), os.DirFS(source), synth)
	require.NoError(t, err)
	folder := filepath.Join(t.TempDir(), "back")
	var hash *HashError
	require.ErrorAs(t, printed.Error(s.Fetch(t.Context(), synth, strings.Repeat("0", 64), folder)), &hash)
	var other *DigestError
	cloud.SetObject("444455556666", "eu-west-1", s.Key(AssemblyBlobName("another")),
		cloud.Objects("444455556666", "eu-west-1")[s.Key(AssemblyBlobName(synth))], 0)
	require.ErrorAs(t, printed.Error(s.Fetch(t.Context(), "another", "", folder)), &other)
	assert.Equal(t, synth, other.Got)
	cloud.SetObject("444455556666", "eu-west-1", s.Key(FileBlobName(kept.Files[0])), "exchanged", 0)
	require.ErrorAs(t, printed.Error(s.Fetch(t.Context(), synth, kept.ArchiveHash, folder)), &hash)
	assert.NotEmpty(t, hash.File, "it is the file that is another one, and not the archive")
	assert.ErrorContains(t, printed.Error(hash), hash.File)
	cloud.DeleteObject("444455556666", "eu-west-1", s.Key(FileBlobName(kept.Files[0])))
	require.ErrorIs(t, printed.Error(s.Fetch(t.Context(), synth, kept.ArchiveHash, folder)), ledger.ErrNotFound)
	assert.NoDirExists(t, folder)
}

// A zeroBucket is a bucket that takes everything and holds nothing but one file of zeros, however large it is.
type zeroBucket struct {
	uploaded int64
	archive  []byte
	size     int64
}

func (z *zeroBucket) Do(r *http.Request) (*http.Response, error) {
	answer := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: r}
	isFile := strings.Contains(r.URL.Path, "/file-")
	switch {
	case r.Method == http.MethodPut && isFile:
		n, err := io.Copy(io.Discard, r.Body)
		z.uploaded += n
		return answer, err
	case r.Method == http.MethodPut:
		var err error
		z.archive, err = io.ReadAll(r.Body)
		return answer, err
	case r.Method == http.MethodGet && isFile:
		answer.Body = io.NopCloser(io.LimitReader(zeros{}, z.size))
	case r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/assembly-"):
		answer.Body = io.NopCloser(bytes.NewReader(z.archive))
	case r.Method == http.MethodGet:
		answer.Body = io.NopCloser(strings.NewReader("<ListBucketResult></ListBucketResult>"))
	default:
		answer.StatusCode = http.StatusNotFound
	}
	return answer, nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// A kept assembly is streamed in both directions. Before, one of 300 MB took more than its size in memory.
func TestAWS_C12_KeptAssemblyIsNeverWholeInMemory(t *testing.T) {
	const size = 300 << 20
	bucket := &zeroBucket{size: size}
	cfg := simulated.NewKind().Config("444455556666", "eu-west-1")
	cfg.HTTPClient = bucket
	s := newStore(t, cfg)
	source := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(source, "manifest.json"), []byte("{}"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(source, "large"), nil, 0o644))
	require.NoError(t, os.Truncate(filepath.Join(source, "large"), size)) // a file of zeros that takes no disk
	synth, err := assembly.SynthDigest(os.DirFS(source))
	require.NoError(t, err)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	kept, err := s.Save(t.Context(), os.DirFS(source), synth)
	require.NoError(t, err)
	require.NoError(t, s.Fetch(t.Context(), synth, kept.ArchiveHash, filepath.Join(t.TempDir(), "back")))
	runtime.ReadMemStats(&after)
	assert.Equal(t, int64(size), bucket.uploaded)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(size/20), "all that was ever allocated")
}

func TestStore_LeavesNothingOutsideItsFolder(t *testing.T) {
	for name, entries := range map[string][]string{
		"a file above":               {"../out", "x"},
		"an absolute file":           {"/tmp/out", "x"},
		"a file above, in a folder":  {"a/../../out", "x"},
		"a link above":               {"@link", "../out"},
		"a link above, in a folder":  {"@a/link", "../../out"},
		"an absolute link":           {"@link", "/etc"},
		"a file in place of a link":  {"@link", "a", "link/x", "x"},
		"two files of the same name": {"a", "x", "a", "y"},
		"a reference above":          {referencesFile, `[{"path":"../out","sha256":"","size":1}]`},
		"an absolute reference":      {referencesFile, `[{"path":"/tmp/out","sha256":"","size":1}]`},
		"a reference over a file":    {"a", "x", referencesFile, `[{"path":"a","sha256":"","size":1}]`},
		"a reference through a link": {"@a", ".", referencesFile, `[{"path":"a/../../out","sha256":"","size":1}]`},
		"a reference of any size":    {referencesFile, `[{"path":"out","sha256":"","size":9000000000000}]`},
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			cloud := simulated.NewKind()
			s := newStore(t, cloud.Config("444455556666", "eu-west-1"))
			cloud.SetObject("444455556666", "eu-west-1", s.Key(AssemblyBlobName("digest")), string(archive(t, entries...)), 0)
			err := s.Fetch(t.Context(), "digest", "", filepath.Join(parent, "back"))
			require.Error(t, err)
			var other *DigestError
			assert.NotErrorAs(t, err, &other, "it is refused before its content is compared")
			found, err := os.ReadDir(parent)
			require.NoError(t, err)
			assert.Empty(t, found)
		})
	}
}
