package cli

import (
	"context"
	"encoding/json"
	"io"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/report"
)

func (a *app) configCommand() *cobra.Command {
	return newCommandGroup(
		&cobra.Command{Use: "config", Short: "Check, show or describe the configuration"},
		a.configValidate(), a.configShow(), a.configSchema())
}

func (a *app) configValidate() *cobra.Command {
	return &cobra.Command{
		Use: "validate", Short: "Check config/, with every error at once", Args: noArgs,
		RunE: a.inProject(func(_ context.Context, p *project) (result, error) {
			return messagef("config/ is valid: %s", enumerate(p.config.Names())), nil
		}),
	}
}

// A shownConfig is the configuration as `config show` shows it.
type shownConfig struct {
	report.Envelope
	config.Config
}

// WriteText writes the configuration as YAML.
func (s *shownConfig) WriteText(w io.Writer) error {
	data, err := yaml.MarshalWithOptions(s.Config, yaml.UseJSONMarshaler())
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

func (a *app) configShow() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show", Short: "Show the configuration with its defaults filled in", Args: noArgs,
		RunE: a.inProject(func(_ context.Context, p *project) (result, error) {
			environments, err := p.selectOrAll(a.env)
			if err != nil {
				return nil, err
			}
			return &shownConfig{Config: config.Config{Pipeline: p.config.Pipeline, Environments: environments}}, nil
		}),
	}
	a.addEnvFlag(cmd)
	return cmd
}

// A configSchema is a JSON schema as `config schema` shows it.
type configSchema struct {
	report.Envelope
	Schema json.RawMessage `json:"schema"`
}

func (s *configSchema) WriteText(w io.Writer) error {
	_, err := w.Write(s.Schema)
	return err
}

func (a *app) configSchema() *cobra.Command {
	return &cobra.Command{
		Use: "schema [environment|pipeline]", Short: "Print the JSON schema of the configuration files, for editors",
		Args: numberOfArgs(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			kind := "environment"
			if len(args) == 1 {
				kind = args[0]
			}
			schema, err := config.Schema(kind)
			if err != nil {
				return &UsageError{err}
			}
			return a.finish(&configSchema{Schema: schema}, nil)
		},
	}
}
