package host

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestProber_FindsProgramOfShim(t *testing.T) {
	for name, test := range map[string]struct {
		files   map[string]string
		environ []string
		// want is the version whose program the shim starts; empty if it is not known.
		want string
	}{
		"the file of the root": {
			files: map[string]string{"pyenv/version": "3.11.7\n"}, want: "3.11.7",
		},
		"the file of the folder": {
			files: map[string]string{"pyenv/version": "3.11.7\n", "work/.python-version": "3.12.1\n"}, want: "3.12.1",
		},
		"the file of a folder above": {
			files: map[string]string{"pyenv/version": "3.11.7\n", ".python-version": "3.12.1\n"}, want: "3.12.1",
		},
		"the variable": {
			files:   map[string]string{"work/.python-version": "3.11.7\n"},
			environ: []string{"PYENV_VERSION=3.12.1"}, want: "3.12.1",
		},
		"several versions":           {files: map[string]string{"pyenv/version": "3.11.7\n3.12.1\n"}},
		"the beginning of a version": {files: map[string]string{"pyenv/version": "3.12\n"}},
		"a version that is a path":   {files: map[string]string{"pyenv/version": "../versions/3.12.1\n"}},
		"the system's":               {files: map[string]string{"pyenv/version": "system\n"}},
		"no version":                 {},
		"a folder of another": {
			files:   map[string]string{"pyenv/version": "3.11.7\n"},
			environ: []string{"PYENV_DIR=/elsewhere"},
		},
		"a root of another": {
			files:   map[string]string{"pyenv/version": "3.11.7\n"},
			environ: []string{"PYENV_ROOT=/elsewhere"},
		},
		"hooks": {
			files:   map[string]string{"pyenv/version": "3.11.7\n"},
			environ: []string{"PYENV_HOOK_PATH=/hooks"},
		},
		"a shim of another form": {
			files: map[string]string{
				"pyenv/version": "3.11.7\n", "pyenv/shims/python3": "#!/bin/sh\nexec python3.11 \"$@\"\n",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := repository(t, map[string]string{
				"pyenv/versions/3.11.7/bin/python3": "\x7fELF", "pyenv/versions/3.12.1/bin/python3": "\x7fELF",
			})
			root, err := filepath.EvalSymlinks(root)
			require.NoError(t, err)
			require.NoError(t, os.Mkdir(filepath.Join(root, "work"), 0o700))
			writeFile(t, root, "pyenv/shims/python3", "#!/usr/bin/env bash\nset -e\nexport PYENV_ROOT=\""+root+
				"/pyenv\"\nexec \""+root+"/pyenv/libexec/pyenv\" exec \"$program\" \"$@\"\n")
			for file, text := range test.files {
				writeFile(t, root, file, text)
			}
			p := newProber(test.environ)
			p.dir = filepath.Join(root, "work")
			want := filepath.Join(root, "pyenv/shims/python3")
			if test.want != "" {
				want = filepath.Join(root, "pyenv/versions", test.want, "bin/python3")
			}
			assert.Equal(t, want, p.shimTarget(filepath.Join(root, "pyenv/shims/python3")))
		})
	}
}
