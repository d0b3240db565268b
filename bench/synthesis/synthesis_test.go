// Package synthesis measures how long it takes to make the cloud assemblies.
package synthesis

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/tools"
)

// BenchmarkSynthesis measures the synthesis of all environments and the tooling account, run directly and by the CDK's
// command line. The command line runs the app once for each environment. Building the app is not measured. Run it with
//
//	go test ./bench/synthesis -run '^$' -bench Synthesis -benchtime 3x
func BenchmarkSynthesis(b *testing.B) {
	root := b.TempDir()
	app := filepath.Join(root, "app")
	build := exec.Command("go", "build", "-trimpath", "-o", app, "lockstep/infra")
	out, err := build.CombinedOutput()
	require.NoError(b, err, string(out))
	platform := os.DirFS("../../config/testdata/platform")
	c, err := config.Load(platform)
	require.NoError(b, err)
	require.NoError(b, os.CopyFS(filepath.Join(root, "config"), platform))
	run := func(b *testing.B, name string, args ...string) error {
		cmd := exec.Command(name, args...)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "CDK_DISABLE_VERSION_CHECK=1", "CDK_DISABLE_CLI_TELEMETRY=true",
			"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20")
		out, err := cmd.CombinedOutput()
		if err != nil {
			b.Log(string(out))
		}
		return err
	}
	b.Run("run directly", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, run(b, app, "--out", filepath.Join(root, "direct")))
		}
	})
	b.Run("run by cdk synth", func(b *testing.B) {
		installer, err := tools.NewInstaller(os.Environ(), func(line string) { b.Log(line) })
		require.NoError(b, err)
		installed, err := installer.Install(context.Background(), tools.CDK)
		require.NoError(b, err)
		cdk := filepath.Join(installed, tools.CDKProgram)
		for b.Loop() {
			for _, env := range c.Targets() {
				require.NoError(b, run(b, "node", cdk, "synth", "--quiet", "--no-notices",
					"--output", filepath.Join(root, "cdk", env.Name),
					"--app", app+" --env "+env.Name+" --out "+filepath.Join(root, "cdk")))
			}
		}
	})
}
