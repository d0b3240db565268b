package cli

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"lockstep/config"
)

func (a *app) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "config", Short: "Check, show or describe the configuration",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("config has no command %q; write validate, show or schema", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.configValidate(), a.configShow(), a.configSchema())
	return cmd
}

func (a *app) configValidate() *cobra.Command {
	return &cobra.Command{
		Use: "validate", Short: "Check config/, with every error at once", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			p, err := a.loadProject()
			if err != nil {
				return err
			}
			fmt.Fprintf(a.Stdout, "config/ is valid: %s\n", enumerate(p.config.Names()))
			return nil
		},
	}
}

func (a *app) configShow() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show", Short: "Show the configuration with its defaults filled in", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			p, err := a.loadProject()
			if err != nil {
				return err
			}
			var shown any = p.config
			if a.env != "" {
				envs, err := a.selectedEnvironments(p)
				if err != nil {
					return err
				}
				shown = config.Config{Pipeline: p.config.Pipeline, Environments: envs}
			}
			if a.json {
				return json.NewEncoder(a.Stdout).Encode(shown)
			}
			data, err := yaml.MarshalWithOptions(shown, yaml.UseJSONMarshaler())
			if err != nil {
				return err
			}
			_, err = a.Stdout.Write(data)
			return err
		},
	}
	a.addEnvFlag(cmd)
	return cmd
}

func (a *app) configSchema() *cobra.Command {
	return &cobra.Command{
		Use: "schema [environment|pipeline]", Short: "Print the JSON schema of the configuration files, for editors",
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			kind := "environment"
			if len(args) == 1 {
				kind = args[0]
			}
			schema, err := config.Schema(kind)
			if err != nil {
				return &UsageError{err}
			}
			_, err = os.Stdout.Write(schema)
			return err
		},
	}
}
