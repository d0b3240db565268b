package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/display"
	"lockstep/internal/fault"
	"lockstep/internal/pipeline"
	"lockstep/internal/process"
	"lockstep/internal/report"
	"lockstep/tools"
)

func (a *app) contextCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "context", Short: "Show which look-ups of the CDK app have no answer, or ask AWS for them", Args: noArgs,
		Long: `Synthesise the CDK app and show what it looks up and has no answer for in cdk.context.json. A
rehearsal deploys the placeholders that the CDK writes for these, and a live deployment refuses them.

With --live the CDK's command line asks AWS, with the lookup role of each account, and writes the answers to
cdk.context.json in the app's folder. Commit that file. What depends on an answer is looked up too.`,
		RunE: a.inEnvironments(func(ctx context.Context, p *project, environments []config.Environment) (result, error) {
			if a.live {
				if err := a.session(p).CheckCaller(ctx, environments); err != nil {
					return nil, err
				}
			}
			return a.answerLookups(ctx, p, environments)
		}),
	}
	a.addEnvFlag(cmd)
	a.addLiveFlag(cmd)
	return cmd
}

// A contextResult is the look-ups without an answer.
type contextResult struct {
	report.Envelope
	Lookups []assembly.Lookup `json:"lookups"`
	text    string
}

// WriteText implements result.
func (r *contextResult) WriteText(w io.Writer) error {
	for _, lookup := range r.Lookups {
		fmt.Fprintf(w, "no answer: %s\n", display.Line(lookup.Key))
	}
	_, err := fmt.Fprintln(w, r.text)
	return err
}

// maxLookupRounds bounds how often an app is synthesised because an answer leads to another look-up.
const maxLookupRounds = 10

// answerLookups synthesises the app and shows the look-ups without an answer. If the session is live it has them
// answered, until none is left.
func (a *app) answerLookups(ctx context.Context, p *project, environments []config.Environment) (result, error) {
	var before []assembly.Lookup
	for range maxLookupRounds {
		if failed, err := a.synthesise(ctx, p, environments); err != nil {
			return failed, err
		}
		dirs := assemblyDirs(p, environments)
		lookups, err := lookupsIn(dirs)
		switch {
		case err != nil:
			return nil, err
		case len(lookups) == 0 && before == nil:
			return &contextResult{text: "every look-up of the app has an answer"}, nil
		case len(lookups) == 0:
			return &contextResult{text: "every look-up of the app has an answer now: commit cdk.context.json"}, nil
		case !a.live:
			return &contextResult{
				Lookups: lookups,
				text:    "a rehearsal deploys placeholders for them; with --live, AWS is asked and cdk.context.json is written",
			}, nil
		case slices.Equal(lookups, before):
			return &contextResult{Lookups: lookups, text: "AWS gave no answer"}, fault.Errorf(fault.LookupsMissing,
				"AWS gave no answer to %d look-ups, such as %s: what the CDK's command line said is above; see that "+
					"what the app looks up exists, and that the account is bootstrapped", len(lookups), lookups[0].Key)
		}
		before = lookups
		for _, dir := range dirs {
			if err := a.askAWS(ctx, p, dir); err != nil {
				return nil, err
			}
		}
	}
	return nil, fault.Errorf(fault.LookupsMissing,
		"the app looks up something else after each of %d rounds: see whether a look-up depends on a random value",
		maxLookupRounds)
}

// synthesise runs the steps of synthesis. It returns their summary if they failed.
func (a *app) synthesise(ctx context.Context, p *project, environments []config.Environment) (result, error) {
	g, err := p.graph()
	if err != nil {
		return nil, err
	}
	return a.runJob(ctx, job{
		command: "synth", mode: report.Local, project: p, environments: environments,
		graph: selectSteps(g, []pipeline.Stage{pipeline.Synth}, environments),
	})
}

// assemblyDirs returns the folders of the cloud assemblies of environments.
func assemblyDirs(p *project, environments []config.Environment) []string {
	var dirs []string
	for _, env := range environments {
		for _, account := range env.Accounts() {
			dirs = append(dirs, p.path(filepath.Join(pipeline.AssemblyDir(env.Name), account.Folder)))
		}
	}
	return dirs
}

// lookupsIn returns the look-ups without an answer of cloud assemblies.
func lookupsIn(dirs []string) ([]assembly.Lookup, error) {
	var all []assembly.Lookup
	for _, dir := range dirs {
		files, err := assembly.Open(dir)
		if err != nil {
			return nil, err
		}
		lookups, err := assembly.Lookups(files)
		if err != nil {
			return nil, err
		}
		for _, lookup := range lookups {
			if !slices.Contains(all, lookup) {
				all = append(all, lookup)
			}
		}
	}
	return all, nil
}

// cdkStopTimeout is how long the interrupted command line of the CDK may take to end by itself.
const cdkStopTimeout = 5 * time.Second

// askAWS lets the CDK's command line answer the look-ups of a cloud assembly. It writes cdk.context.json in the folder
// that it runs in, and asks each account with the role that the assembly names.
func (a *app) askAWS(ctx context.Context, p *project, dir string) error {
	installed, err := a.installTool(ctx, tools.CDK)
	if err != nil {
		return err
	}
	node, err := tools.FindProgram(a.Environ, pipeline.ToolNode)
	if err != nil {
		return err
	}
	a.printProgress("asking AWS for what the app looks up")
	cmd := process.Command(ctx, node, filepath.Join(installed, tools.CDKProgram), "synth", "--quiet", "--app", dir,
		"--no-notices", "--no-version-reporting")
	cmd.Dir = p.path(p.config.Pipeline.App.Folder)
	cmd.Env = append(slices.Clone(a.Environ), "CDK_DISABLE_CLI_TELEMETRY=true")
	if a.endpoint != "" {
		cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL="+a.endpoint)
	}
	output := display.NewWriter(a.Stderr)
	cmd.Stdout, cmd.Stderr = output, output
	if err := process.RunGroup(cmd, cdkStopTimeout); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fault.Errorf(fault.LookupsMissing, "the CDK's command line could not ask AWS: %s; its message is above",
			process.DescribeExit(err))
	}
	return nil
}
