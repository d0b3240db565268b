package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/planfile"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
)

// digestFlags are the flags of digest.
type digestFlags struct{ plan, assembly string }

func (a *app) digestCommand() *cobra.Command {
	f := digestFlags{}
	cmd := &cobra.Command{
		Use: "digest --plan FILE | --assembly FOLDER --env ENV", Args: noArgs,
		Short: "Show the digest of a plan or of a cloud assembly, for --expect-plan and --expect-assembly",
		Long: `Show the digest of a plan's file, or of an environment's cloud assembly. A later job that is given the
digest refuses any other plan or assembly.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case (f.plan == "") == (f.assembly == ""):
				return usagef(fault.FlagMissing, "write --plan with a plan's file, or --assembly with a folder")
			case f.plan != "":
				return a.finish(planDigest(f.plan))
			}
			return a.inEnvironments(func(_ context.Context, p *project, environments []config.Environment) (result, error) {
				return assemblyDigest(f.assembly, environments)
			})(cmd, args)
		},
	}
	addPathFlag(cmd.Flags(), &f.plan, "plan", "the plan's file")
	addPathFlag(cmd.Flags(), &f.assembly, "assembly", "the folder of the cloud assemblies, or that of the environment")
	a.addEnvFlag(cmd)
	return cmd
}

// planDigest returns the digest of a plan's file, which is checked.
func planDigest(name string) (result, error) {
	plan, err := planfile.Read(name)
	if err != nil {
		return nil, err
	}
	return messagef("%s", plan.Digest), nil
}

// assemblyDigest returns the digest of an environment's cloud assembly.
func assemblyDigest(folder string, environments []config.Environment) (result, error) {
	if len(environments) != 1 {
		return nil, usagef(fault.FlagMissing, "a digest is of one environment: name it with --env")
	}
	dir := filepath.Join(folder, environments[0].Name)
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		folder = dir
	}
	sum, err := assembly.EnvironmentDigest(fsx.Dir(folder))
	if err != nil {
		return nil, fmt.Errorf("the cloud assembly in %s: %w", folder, err)
	}
	return messagef("%s", sum), nil
}
