package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every flag that takes a path takes it relative to the folder that -C names, so that one command line means the same
// wherever it is written.
func TestDirectory_FlagsWithPathsAreRelativeToIt(t *testing.T) {
	namesPath := regexp.MustCompile(`(?i)\b(file|folder|results)\b`)
	flags := 0
	a := &app{}
	root := a.rootCommand()
	a.dir = "project"
	for _, cmd := range allCommands(root) {
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Value.Type() != "string" || !namesPath.MatchString(f.Usage) {
				return
			}
			flags++
			t.Run(cmd.CommandPath()+" --"+f.Name, func(t *testing.T) {
				for path, want := range map[string]string{
					"name": filepath.Join("project", "name"), "../name": "name", "/name": "/name",
				} {
					require.NoError(t, cmd.Flags().Set(f.Name, path))
					require.NoError(t, root.PersistentPreRunE(cmd, nil))
					assert.Equal(t, want, f.Value.String())
				}
			})
		})
	}
	assert.Greater(t, flags, 15, "flags with paths are not found")
}

func TestDirectory_FilesToCheckAreRelativeToIt(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(root, "main.go"), nil, 0o600))
	p := &project{root: root}
	for _, file := range []string{"main.go", filepath.Join(root, "main.go")} {
		name, err := p.relativePath(root, file)
		require.NoError(t, err)
		assert.Equal(t, "main.go", name)
	}
	_, err = p.relativePath("", "main.go")
	assert.ErrorContains(t, err, "main.go is not in the project")
}

// A script whose variable is empty does not mean that the flag is left out.
func TestFlags_AreRefusedWhenEmpty(t *testing.T) {
	a := &app{}
	root := a.rootCommand()
	flags := 0
	for _, cmd := range allCommands(root) {
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Value.Type() != "string" || f.Name == "note" {
				return
			}
			flags++
			t.Run(cmd.CommandPath()+" --"+f.Name, func(t *testing.T) {
				if cmd.Flags().Set(f.Name, "") != nil {
					return // the flag itself refuses it
				}
				var usage *UsageError
				err := root.PersistentPreRunE(cmd, nil)
				require.ErrorAs(t, err, &usage)
				assert.ErrorContains(t, err, " is empty: write a value, or leave the flag out")
				f.Changed = false
			})
		})
	}
	assert.Greater(t, flags, 40, "flags are not found")
}

// allCommands returns a command and all below it.
func allCommands(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, child := range cmd.Commands() {
		all = append(all, allCommands(child)...)
	}
	return all
}
