package repo

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCommittedState_FindsWhatACloneWouldBelieve(t *testing.T) {
	for name, test := range map[string]struct {
		file string
		// project is the project's folder in the repository.
		project string
		want    []string
	}{
		"a cache entry":             {".lockstep/cache/entries/a.json", ".", []string{".lockstep/cache/entries/a.json"}},
		"in other letters":          {".LockStep/x", ".", []string{".LockStep/x"}},
		"a .env":                    {".env", ".", []string{".env"}},
		"a .env of the module":      {"ci/.env", ".", []string{"ci/.env"}},
		"a .env in other letters":   {".ENV", ".", []string{".ENV"}},
		"in letters of Unicode":     {".lock\u017ftep/x", ".", []string{".lock\u017ftep/x"}},
		"a sign for a letter":       {".LOC\u212aSTEP/x", ".", []string{".LOC\u212aSTEP/x"}},
		"a letter nobody sees":      {".lock\u200cstep/x", ".", []string{".lock\u200cstep/x"}},
		"a .env nobody sees":        {".e\u200dnv", ".", []string{".e\u200dnv"}},
		"a file of that name":       {".lockstep", ".", []string{".lockstep"}},
		"a .env in a cache":         {".lockstep/cache/.env", ".", []string{".lockstep/cache/.env"}},
		"a .env above the project":  {".env", "shop/infra", []string{"../../.env"}},
		"a .env between":            {"shop/.env", "shop/infra", []string{"../.env"}},
		"a .env of the app":         {"web/.env", ".", nil},
		"a .env of another project": {"blog/.env", "shop/infra", nil},
		"a state of another":        {"blog/.lockstep/x", "shop/infra", nil},
		"a name that begins so":     {".lockstep-notes", ".", nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			project := filepath.Join(dir, test.project)
			require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, test.file)), 0o755))
			require.NoError(t, os.MkdirAll(project, 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(dir, test.file), nil, 0o644))
			require.NoError(t, os.WriteFile(filepath.Join(dir, ".gitignore"), []byte(".lockstep\n.env\n"), 0o644))
			run := func(args ...string) {
				cmd := exec.Command("git", args...)
				cmd.Dir = dir
				out, err := cmd.CombinedOutput()
				require.NoError(t, err, string(out))
			}
			run("init", "--quiet")
			r := New(project, os.Environ())
			got, err := r.CommittedState(t.Context())
			require.NoError(t, err)
			assert.Empty(t, got, "one that is not committed is the user's own")
			run("add", "--force", test.file)
			got, err = r.CommittedState(t.Context())
			require.NoError(t, err)
			assert.ElementsMatch(t, test.want, got)
		})
	}
	got, err := New(t.TempDir(), os.Environ()).CommittedState(t.Context())
	require.NoError(t, err)
	assert.Empty(t, got, "there is no repository")
}
