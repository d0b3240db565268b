package cli

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault/faulttest"
)

func TestOutFiles_ReplaceNoFileOfAnotherKind(t *testing.T) {
	printed := faulttest.Printed(t)
	contents := map[outKind]string{
		planOut:     "{\n  \"schema\": \"lockstep/plan/1\"",
		markdownOut: "### Plan for acc: nothing changes\n",
		recordOut:   "{\n  \"project\": \"p\",\n  \"assemblyDigest\": \"a\"",
		summaryOut:  `{"time":"x","event":"summary","environments":[{"assemblyDigest":"a"}]}`,
		sarifOut:    `{"$schema":"https://json.schemastore.org/sarif-schema-2.1.0.json"`,
		junitOut:    "<?xml version=\"1.0\"?>\n<testsuites>",
		pageOut:     "<!doctype html>\n<html>",
		configOut:   "# yaml-language-server: $schema=x\naccount: 1\n",
		manifestOut: "{\n  \"artifacts\": {",
		"":          "package main\n",
	}
	for found, text := range contents {
		for kind := range contents {
			if kind == "" {
				continue
			}
			t.Run(string(kind)+" over "+string(found), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "file")
				require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
				err := checkOutFiles(outFile{"--out", path, kind, ""})
				if kind == found {
					assert.NoError(t, err)
					return
				}
				var usage *UsageError
				printed.Error(err)
				require.ErrorAs(t, err, &usage)
				assert.ErrorContains(t, err, path)
			})
		}
	}
	t.Run("a text report over any other file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(path, []byte("an earlier report\n"), 0o600))
		assert.NoError(t, checkOutFiles(outFile{"--out", path, textOut, ""}))
		require.NoError(t, os.WriteFile(path, []byte(contents[planOut]), 0o600))
		assert.Error(t, checkOutFiles(outFile{"--out", path, textOut, ""}))
	})
	t.Run("an empty file, no file, a device and a pipe", func(t *testing.T) {
		dir := t.TempDir()
		empty, pipe := filepath.Join(dir, "empty"), filepath.Join(dir, "pipe")
		require.NoError(t, os.WriteFile(empty, nil, 0o600))
		require.NoError(t, syscall.Mkfifo(pipe, 0o600))
		for _, path := range []string{empty, pipe, filepath.Join(dir, "none"), "/dev/null", ""} {
			assert.NoError(t, checkOutFiles(outFile{"--out", path, planOut, ""}), path)
		}
	})
}

func TestOutFiles_OneRunWritesOnePathOnce(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.Symlink("plan.json", "link"))
	require.NoError(t, os.Symlink(".", "same"))
	for _, test := range []struct{ out, record string }{
		{"plan.json", "plan.json"},
		{"plan.json", "plan.md"},
		{"plan.json", "./plan.json"},
		{"plan.json", "same/plan.json"},
		{"plan.json", "same/plan.md"},
	} {
		t.Run(test.out+" and "+test.record, func(t *testing.T) {
			f := rolloutFlags{out: test.out, recordFile: test.record}
			var usage *UsageError
			assert.ErrorAs(t, f.checkOutFiles(), &usage)
		})
	}
	f := rolloutFlags{out: "plan.json", recordFile: "record.json"}
	assert.NoError(t, f.checkOutFiles())
}

func TestPlanFile_NeverSharesItsMarkdown(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"plan.md", "plan.MD", "a/b.Md"} {
		assert.ErrorContains(t, (&rolloutFlags{out: name}).checkOutFiles(), "a plan is JSON", name)
	}
	plan := []byte(`{"schema":"lockstep/plan/1"}`)
	require.NoError(t, os.WriteFile("first.json", plan, 0o600))
	require.NoError(t, os.WriteFile("second", plan, 0o600))
	for _, name := range []string{"first", "second.json"} {
		assert.ErrorContains(t, (&rolloutFlags{out: name}).checkOutFiles(), "belongs to the plan", name)
	}
	for _, name := range []string{"first.json", "second", "plan.dev", "plan.acc", "/dev/stdout", "/dev/null"} {
		assert.NoError(t, (&rolloutFlags{out: name}).checkOutFiles(), name)
	}
}
