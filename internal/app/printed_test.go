package app

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
)

func TestSynthesise_AppThatCannotBeRunIsNamed(t *testing.T) {
	printed := faulttest.Printed(t)
	const command = `{"app": "node app.js"}`
	const lock = `{"packages": {"": {}, "node_modules/a": {"version": "1.0.0", "integrity": "sha512-1"}}}`
	const other = `{"packages": {"node_modules/a": {"version": "2.0.0", "integrity": "sha512-2"}}}`
	for name, test := range map[string]struct {
		files map[string]string
		want  fault.Code
	}{
		"no command": {map[string]string{"cdk.json": "{}"}, fault.AppUnknown},
		"no JSON":    {map[string]string{"cdk.json": `{"app":`}, fault.AppUnknown},
		"no packages": {map[string]string{
			"cdk.json": command, "package.json": "{}", "package-lock.json": lock,
		}, fault.AppDependencies},
		"other packages": {map[string]string{
			"cdk.json": command, "package.json": "{}", "package-lock.json": lock,
			"node_modules/.package-lock.json": other, "node_modules/a/package.json": "{}",
		}, fault.AppDependencies},
	} {
		t.Run(name, func(t *testing.T) {
			a := App{Root: t.TempDir(), Environ: os.Environ(), Log: io.Discard}
			for file, text := range test.files {
				path := filepath.Join(a.Root, filepath.FromSlash(file))
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
			}
			err := a.Synthesise(t.Context(), &config.Config{}, filepath.Join(a.Root, "out"))
			printed.Error(err)
			assert.Equal(t, test.want, fault.CodeOf(err), "%v", err)
		})
	}
}
