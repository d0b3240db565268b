package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// platformDir is the configuration of the tests.
const platformDir = "../config/testdata/platform"

func TestMain(m *testing.M) {
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}

func TestRun_UsageErrorsWriteNothing(t *testing.T) {
	dir, err := filepath.Abs(platformDir)
	require.NoError(t, err)
	platform := os.DirFS(dir)
	for _, test := range []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"no folder", []string{"--env", "acc"}, exitUsage, "usage: infra [--env NAME] --out FOLDER"},
		{
			"an unknown environment",
			[]string{"--env", "ac", "--out", "x"},
			exitUsage,
			`there is no environment "ac"; config/environments has dev, acc, prod: did you mean acc?`,
		},
		{"an unknown flag", []string{"--nope"}, exitUsage, "-nope"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			var stderr bytes.Buffer
			assert.Equal(t, test.status, run(test.args, platform, &stderr))
			assert.Contains(t, stderr.String(), test.want)
			assert.NoDirExists(t, "x")
		})
	}
}

func TestRun_ReportsInvalidConfiguration(t *testing.T) {
	var stderr bytes.Buffer
	assert.Equal(t, exitUsage, run([]string{"--env", "acc", "--out", filepath.Join(t.TempDir(), "x")}, fstest.MapFS{},
		&stderr))
	assert.Contains(t, stderr.String(), "config/pipeline.yaml: LS-202: is missing")
}

func TestRun_ReplacesPreviousAssembly(t *testing.T) {
	out := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(out, "dev"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(out, "dev", "left.template.json"), []byte("{}"), 0o644))
	var stderr bytes.Buffer
	require.Equal(t, exitDone, run([]string{"--env", "dev", "--out", out}, os.DirFS(platformDir), &stderr),
		stderr.String())
	assert.FileExists(t, filepath.Join(out, "dev", "manifest.json"))
	assert.NoFileExists(t, filepath.Join(out, "dev", "left.template.json"))
	entries, err := os.ReadDir(out)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "no temporary folder remains")
}
