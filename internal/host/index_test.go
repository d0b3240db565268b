package host

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fsx"
	"lockstep/internal/pipeline"
	"lockstep/internal/repo"
)

// later is a clock for which the files of a test are old.
func later() time.Time { return time.Now().Add(time.Hour) }

// newIndex returns an empty index for which the files of the test are old, and a file with its hash in the index.
func newIndex(t *testing.T) (x *index, file, hash string) {
	t.Helper()
	dir := repository(t, map[string]string{"file": "one"})
	x = openIndex(filepath.Join(dir, "index.json"), sealer{}, later)
	file = filepath.Join(dir, "file")
	hash, err := x.hash(file)
	require.NoError(t, err)
	require.Contains(t, x.stamps, file)
	return x, file, hash
}

// plant makes the index say that a file has another hash, which shows whether the file is read.
func plant(x *index, file string) {
	s := x.stamps[file]
	s.Hash = "planted"
	x.stamps[file] = s
}

func TestIndex_NoticesChangeUnderOldTimes(t *testing.T) {
	x, file, before := newIndex(t)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte("two"), 0o644))
	require.NoError(t, os.Chtimes(file, info.ModTime(), info.ModTime()))
	after, err := x.hash(file)
	require.NoError(t, err)
	assert.NotEqual(t, before, after)
}

func TestStamp_TellsFilesApart(t *testing.T) {
	_, file, _ := newIndex(t)
	info, err := os.Stat(file)
	require.NoError(t, err)
	s := newStamp(info)
	assert.Equal(t, int64(3), s.Size)
	assert.Equal(t, info.ModTime().UnixNano(), s.Modified)
	assert.NotZero(t, s.Changed)
	assert.NotZero(t, s.Device)
	require.NoError(t, os.Rename(file, file+".old"))
	require.NoError(t, os.WriteFile(file, []byte("one"), 0o644))
	other, err := os.Stat(file)
	require.NoError(t, err)
	assert.NotEqual(t, s.Inode, newStamp(other).Inode)
}

func TestIndex_ReadsAgainWhatIsNotOlderThanIndex(t *testing.T) {
	for _, test := range []struct {
		name    string
		written time.Duration // of the index, since the file changed
		want    string
	}{
		{"an index that is newer", time.Nanosecond, "planted"},
		{"an index of the same time", 0, ""},
		{"an index that is older", -time.Nanosecond, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			x, file, hash := newIndex(t)
			plant(x, file)
			require.NoError(t, x.save())
			changed := time.Unix(0, max(x.stamps[file].Modified, x.stamps[file].Changed)).Add(test.written)
			require.NoError(t, os.Chtimes(x.path, changed, changed))
			got, err := openIndex(x.path, sealer{}, later).hash(file)
			require.NoError(t, err)
			if test.want == "" {
				test.want = hash
			}
			assert.Equal(t, test.want, got)
		})
	}
}

func TestIndex_DoesNotTrustYoungFile(t *testing.T) {
	x, file, _ := newIndex(t)
	plant(x, file)
	require.NoError(t, os.WriteFile(file, []byte("two"), 0o644))
	x.now = time.Now
	_, err := x.hash(file)
	require.NoError(t, err)
	assert.NotContains(t, x.stamps, file)
}

func TestIndex_RereadsWhereAsked(t *testing.T) {
	x, file, hash := newIndex(t)
	plant(x, file)
	got, err := x.hash(file)
	require.NoError(t, err)
	require.Equal(t, "planted", got)
	x.rereads = true
	got, err = x.hash(file)
	require.NoError(t, err)
	assert.Equal(t, hash, got)

	assert.False(t, (&Runner{}).rereadsFiles())
	assert.True(t, (&Runner{Live: true}).rereadsFiles())
	assert.True(t, (&Runner{Environ: []string{"CI=true"}}).rereadsFiles())
}

func TestIndex_DropsFilesThatAreGone(t *testing.T) {
	x, file, _ := newIndex(t)
	require.NoError(t, x.save())
	future := later()
	require.NoError(t, os.Chtimes(x.path, future, future))
	require.NoError(t, os.Remove(file))
	require.NoError(t, openIndex(x.path, sealer{}, later).save())
	var stamps map[string]stamp
	text, err := x.seal.read(x.path, maxIndexBytes)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &stamps))
	assert.Empty(t, stamps)
}

func TestIndex_DamagedIsEmpty(t *testing.T) {
	path := filepath.Join(repository(t, map[string]string{"index.json": `{"a": {"size": 1}, "b`}), "index.json")
	assert.Empty(t, openIndex(path, sealer{}, later).stamps)
}

// newTestRun returns a run with files that are listed but need not exist.
func newTestRun(t *testing.T, root string, listing repo.Listing) *graphRun {
	t.Helper()
	s, err := openStore(root, sealer{}, later, false)
	require.NoError(t, err)
	return &graphRun{
		Runner: &Runner{Root: root, Environ: os.Environ()}, store: s,
		files: func() (repo.Listing, error) { return listing, nil },
	}
}

func TestInputHashes_IgnoresFileThatVanished(t *testing.T) {
	root := repository(t, map[string]string{"a.txt": "one"})
	run := newTestRun(t, root, repo.Listing{Files: []string{"a.txt", "vanished.txt"}})
	hashes, err := run.inputHashes(context.Background(), pipeline.Step{Inputs: []string{"*.txt"}})
	require.NoError(t, err)
	assert.Len(t, hashes, 1)
	assert.Contains(t, hashes, "a.txt")
}

func TestInputHashes_UnreadableFolderStopsStepsThatReadIt(t *testing.T) {
	run := newTestRun(t, repository(t, nil), repo.Listing{Unreadable: map[string]error{"docs/private": fs.ErrPermission}})
	for pattern, stops := range map[string]bool{"docs/**": true, "**/*.md": true, "docs/*.md": false, "infra/**": false} {
		_, err := run.inputHashes(context.Background(), pipeline.Step{Inputs: []string{pattern}})
		assert.Equal(t, stops, errors.Is(err, fs.ErrPermission), pattern)
		_, err = run.hasNothingToDo(pipeline.Step{TriggerPaths: []string{pattern}})
		assert.Equal(t, stops, errors.Is(err, fs.ErrPermission), pattern)
	}
}

func TestInputHashes_DoesNotOpenPipes(t *testing.T) {
	root := repository(t, map[string]string{".lockstep/made/a.txt": "one"})
	for _, name := range []string{"pipe.txt", ".lockstep/made/pipe.txt"} {
		require.NoError(t, syscall.Mkfifo(filepath.Join(root, name), 0o600))
	}
	listing, err := repo.Walk(root)
	require.NoError(t, err)
	step := pipeline.Step{Inputs: []string{"**", ".lockstep/made/**"}}
	hashes, err := newTestRun(t, root, listing).inputHashes(context.Background(), step)
	require.NoError(t, err)
	assert.Len(t, hashes, 1)
}

func TestStep_PipeAmongOutputsFails(t *testing.T) {
	s := shellStep("plumber", "mkdir -p out && mkfifo out/pipe")
	s.Outputs = []string{"out"}
	result := runSteps(t, &Runner{Root: repository(t, nil)}, s)["plumber"]
	assert.Equal(t, pipeline.Failed, result.Status)
	assert.Equal(t, "made out/pipe, which is no file, folder or link: an output cannot be a pipe", result.Reason)
}

func TestStore_RestoresOverPipe(t *testing.T) {
	root := repository(t, map[string]string{"out": "one", "log": ""})
	s, err := openStore(root, sealer{}, later, false)
	require.NoError(t, err)
	step := shellStep("make", "true")
	step.Outputs = []string{"out"}
	require.NoError(t, s.save("key", step, filepath.Join(root, "log"), ""))
	require.NoError(t, os.Remove(filepath.Join(root, "out")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(root, "out"), 0o600))
	hit, err := s.restore("key", step, filepath.Join(root, "log"))
	require.NoError(t, err)
	assert.NotNil(t, hit)
	text, err := fsx.ReadFile(filepath.Join(root, "out"), 10)
	require.NoError(t, err)
	assert.Equal(t, "one", string(text))
}

func TestCache_EntryFromFutureDoesNotCount(t *testing.T) {
	root := repository(t, map[string]string{"in.txt": "one"})
	runSteps(t, &Runner{Root: root, Now: later}, countingStep())
	assert.Equal(t, pipeline.Ran, runSteps(t, &Runner{Root: root}, countingStep())["make"].Status)
	assert.Equal(t, pipeline.Cached, runSteps(t, &Runner{Root: root}, countingStep())["make"].Status)
}
