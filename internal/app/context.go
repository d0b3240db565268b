package app

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"lockstep/internal/fsx"
	"lockstep/internal/jsonx"
)

// The files of the CDK in the folder of an app.
const (
	settingsFile = "cdk.json"
	contextFile  = "cdk.context.json"
)

// maxSettingsBytes is more than a file of the CDK's has, in bytes. Answers to look-ups are a few kilobytes each.
const maxSettingsBytes = 16 << 20

// Settings are what cdk.json and cdk.context.json say about an app.
type Settings struct {
	// App is the command that runs the app; empty if cdk.json names none.
	App shellCommand `json:"app"`
	// Build is the command that has to run before it; empty for none.
	Build shellCommand `json:"build"`
	// ToolkitStack is the stack of `cdk bootstrap`; empty for CDKToolkit.
	ToolkitStack string `json:"toolkitStackName"`
	// Context is the context of both files, in which the answers to look-ups of cdk.context.json come last.
	Context map[string]any `json:"context"`
}

// ReadSettings reads the files of the CDK in the folder of an app. Files that are not there say nothing. The person's
// own settings in ~/.cdk.json do not count: an assembly is the same whoever makes it.
func ReadSettings(dir string) (Settings, error) {
	s := Settings{}
	if err := readJSON(dir, settingsFile, &s); err != nil {
		return s, err
	}
	answers := map[string]any{}
	if err := readJSON(dir, contextFile, &answers); err != nil {
		return s, err
	}
	s.Context = merge(s.Context, answers)
	return s, nil
}

// readJSON reads a file of the folder, if it is there.
func readJSON(dir, name string, into any) error {
	text, err := fsx.ReadFile(filepath.Join(dir, name), maxSettingsBytes)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	if err := jsonx.UnmarshalForeign(text, into); err != nil {
		return describe(name, err)
	}
	return nil
}

// commandLineContext is the context with which the CDK's command line runs an app. Stack traces and the version of the
// library would differ from machine to machine.
// Source: https://github.com/aws/aws-cdk-cli, packages/@aws-cdk/toolkit-lib/lib/api/cloud-assembly/environment.ts.
var commandLineContext = map[string]any{
	"aws:cdk:enable-path-metadata":  true,
	"aws:cdk:enable-asset-metadata": true,
	"aws:cdk:version-reporting":     false,
	"aws:cdk:disable-stack-trace":   true,
	"aws:cdk:bundling-stacks":       []string{"**"},
}

// EnvironmentContext is the key of the context that has the name of the environment.
const EnvironmentContext = "lockstep:environment"

// maxVariableBytes is how long a variable's value may be. Linux allows 128 KiB, with its name.
const maxVariableBytes = 100 << 10

// environ returns the environment of a run of the app, and a function that removes what the run needs no more.
func (a App) environ(x execution) (environ []string, remove func(), err error) {
	remove = func() {}
	context := merge(commandLineContext, x.context)
	if x.environment != "" {
		context[EnvironmentContext] = x.environment
	}
	text, err := json.Marshal(context)
	if err != nil {
		return nil, remove, err
	}
	environ = a.commandEnviron()
	if len(text) > maxVariableBytes {
		file := x.out + ".context.json"
		if err := os.WriteFile(file, text, fsx.PrivateFile); err != nil {
			return nil, remove, err
		}
		remove = func() { _ = os.Remove(file) }
		environ, text = append(environ, "CONTEXT_OVERFLOW_LOCATION_ENV="+file), []byte("{}")
	}
	environ = append(environ, "CDK_OUTDIR="+x.out, "CDK_CONTEXT_JSON="+string(text))
	if x.account.ID != "" {
		environ = append(environ, "CDK_DEFAULT_ACCOUNT="+x.account.ID, "CDK_DEFAULT_REGION="+x.account.Region,
			// Apps read these too, since people and pipelines have them set.
			"AWS_REGION="+x.account.Region, "AWS_DEFAULT_REGION="+x.account.Region)
	}
	return environ, remove, nil
}

// commandEnviron returns the environment of every command of the app: without what names an account or its
// credentials, and with the programs of the app's dependencies first on the PATH.
func (a App) commandEnviron() []string {
	var environ []string
	values := map[string]string{}
	for _, pair := range a.Environ {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "AWS_") && !strings.HasPrefix(name, "CDK_") && name != "PATH" {
			environ = append(environ, pair)
		}
		values[name] = value
	}
	path := []string{}
	if dir := a.virtualEnvironment(); dir != "" {
		path = append(path, filepath.Join(dir, "bin"))
		environ = append(environ, "VIRTUAL_ENV="+dir)
	}
	for _, dir := range a.folders() { // a workspace has packages in several of them
		bin := filepath.Join(dir, nodeModulesDir, ".bin")
		if _, err := os.Stat(bin); err == nil {
			path = append(path, bin)
		}
	}
	return append(environ, "PATH="+strings.Join(append(path, values["PATH"]), string(os.PathListSeparator)))
}
