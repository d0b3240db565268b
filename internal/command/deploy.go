package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/pipeline"
	"lockstep/internal/report"
)

// reaching is a command that reaches for the accounts of an environment.
type reaching struct {
	stage       pipeline.Stage
	short, long string
	// stages are those that it runs when it is not handed an assembly.
	stages []pipeline.Stage
	// gated says that nothing of it may happen on AWS before every gate has passed.
	gated bool
	do    func(ctx context.Context, d *deploy.Deployment, say func(string)) (deploy.Record, error)
}

var reachings = []reaching{
	{
		stage: pipeline.Plan, stages: []pipeline.Stage{pipeline.Plan}, do: plan,
		short: "Show what a deployment would change, resource by resource",
		long: `Make the change sets of every stack that differs, show what they would do, and delete them again. Nothing is executed.

A stack that cannot be planned before another one exists is shown as deferred.`,
	},
	{
		stage: pipeline.Deploy, stages: []pipeline.Stage{pipeline.Deploy, pipeline.Verify}, gated: true, do: planAndApply,
		short: "Plan and apply the change sets of an environment, and verify what came of them",
		long: `Validate the configuration, synthesise the stacks, plan and apply their change sets, and read back what was deployed.

Without --live all of it happens on emulated accounts on this machine, IAM enforced, which are started and bootstrapped as needed. With
--live it happens on AWS: your credentials must belong to the tooling account, and every gate must have passed for exactly these inputs.`,
	},
	{
		stage: pipeline.Verify, stages: []pipeline.Stage{pipeline.Verify}, do: verify,
		short: "Read back whether what is deployed is what the assembly holds",
		long: `Check that every stack of the environment is there, in a good state, as the assembly wants it, and that each of its resources is
complete. Nothing is written.`,
	},
}

func plan(ctx context.Context, d *deploy.Deployment, say func(string)) (deploy.Record, error) {
	p, err := d.Plan(ctx)
	if err != nil {
		return p.Record(), err
	}
	say(p.Record().Text())
	err = p.Discard(ctx)
	return p.Record(), err
}

func planAndApply(ctx context.Context, d *deploy.Deployment, say func(string)) (deploy.Record, error) {
	p, err := d.Plan(ctx)
	if err != nil {
		return p.Record(), err
	}
	say(p.Record().Text())
	err = p.Apply(ctx)
	return p.Record(), err
}

func verify(ctx context.Context, d *deploy.Deployment, _ func(string)) (deploy.Record, error) {
	return d.Verify(ctx)
}

// reachingCommand makes the command line's command of a reaching.
func (a *app) reachingCommand(r reaching) *cobra.Command {
	var folder, recordFile string
	var checks bool
	cmd := &cobra.Command{
		Use: string(r.stage), Short: r.short, Long: r.long, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.open()
			if err != nil {
				return err
			}
			envs, err := a.environments(p)
			if err != nil {
				return err
			}
			if recordFile != "" && (folder == "" || len(envs) > 1) {
				return usagef("--record is for one environment with --assembly")
			}
			if folder != "" {
				return a.reachWith(cmd.Context(), r, p, envs, folder, recordFile)
			}
			return a.reachByGraph(cmd.Context(), r, p, envs, checks)
		},
	}
	a.addEnv(cmd)
	a.addLive(cmd)
	cmd.Flags().StringVar(&folder, "assembly", "", "use the cloud assembly in this folder, or in its subfolder for the environment, instead of synthesising one")
	cmd.Flags().StringVar(&recordFile, "record", "", "write what came of it to this file as JSON, for whoever runs this as a step, instead of a summary to stdout")
	if r.gated {
		cmd.Flags().BoolVar(&checks, "checks", false, "run every gate before a rehearsal too, as --live always does")
	}
	return cmd
}

// reachByGraph runs the steps of the reaching's stages and all that they need.
func (a *app) reachByGraph(ctx context.Context, r reaching, p *project, envs []config.Environment, checks bool) error {
	g, err := p.graph()
	if err != nil {
		return err
	}
	stages := r.stages
	if r.gated && (a.live || checks) {
		stages = slices.Concat(stages, pipeline.Gates)
	}
	j := job{
		command: string(r.stage), mode: a.mode(), project: p, environments: envs, graph: choose(g, stages, envs), records: r.stage,
	}
	if a.live {
		if err := a.guard(ctx, p, envs); err != nil {
			return err
		}
	} else {
		j.accounts = func(ctx context.Context, say func(string)) (func() error, error) {
			_, _, release, err := a.emulated(ctx, p, envs, say)
			return release, err
		}
	}
	return a.runJob(ctx, j)
}

// reachWith does it to an assembly that was made earlier, in this process: environment after environment, up to the first that fails.
func (a *app) reachWith(ctx context.Context, r reaching, p *project, envs []config.Environment, folder, recordFile string) error {
	started := time.Now()
	summary := &report.Summary{Command: string(r.stage), Mode: a.mode(), Result: report.Passed}
	if recordFile == "" && !a.json {
		a.say(report.FirstLine(a.mode(), names(envs)))
	}
	err := a.eachEnvironment(ctx, r, p, envs, folder, summary)
	if recordFile != "" {
		return errors.Join(err, writeRecord(recordFile, summary.Environments))
	}
	if summary.Mode == report.Rehearsal {
		summary.NotRehearsed = notRehearsed(envs)
	}
	summary.Time, summary.Millis = time.Now(), time.Since(started).Milliseconds()
	if err != nil {
		summary.Result, summary.Error = verdictOf(err), err.Error()
	}
	if writing := a.finish(summary); writing != nil {
		return writing
	}
	if err != nil {
		return shownError{err}
	}
	return nil
}

func (a *app) eachEnvironment(ctx context.Context, r reaching, p *project, envs []config.Environment, folder string, into *report.Summary) (err error) {
	way, err := a.reachAccounts(ctx, p, envs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, way.release()) }()
	for _, env := range envs {
		done, err := a.reachOne(ctx, r, way, target(p, env), folder)
		if err != nil && done.Error == "" {
			done.Outcome, done.Error = deploy.Failed, err.Error()
		}
		into.Add(done)
		if err != nil {
			return fmt.Errorf("%s: %w", env.Name, err)
		}
	}
	return nil
}

// reachOne does it to one environment. What is returned tells as much as came of it, also when the error is not nil.
func (a *app) reachOne(ctx context.Context, r reaching, way *reach, to deploy.Target, folder string) (report.Environment, error) {
	done := report.Environment{Mode: a.mode(), Record: deploy.Record{Target: to, Started: time.Now()}}
	cfg, err := way.caller(to.Region)
	if err != nil {
		return done, err
	}
	dir := assemblyFolder(folder, to.Environment)
	files, err := assembly.Open(dir)
	if err != nil {
		return done, err
	}
	if files, done.Coverage, err = way.seen(files); err != nil {
		return done, fmt.Errorf("cloud assembly %s: %w", dir, err)
	}
	asm, err := assembly.Read(files, assembly.Environment{Account: to.Account, Region: to.Region})
	if err != nil {
		return done, fmt.Errorf("cloud assembly %s: %w", dir, err)
	}
	d, err := deploy.Open(ctx, cfg, to, asm, a.say)
	if err != nil {
		return done, err
	}
	done.Record, err = r.do(ctx, d, a.say)
	return done, err
}

// assemblyFolder is where an environment's assembly lies: in the folder itself, or below it where the folder holds one for each.
func assemblyFolder(folder, environment string) string {
	below := filepath.Join(folder, environment)
	if _, err := os.Stat(filepath.Join(below, "manifest.json")); err == nil {
		return below
	}
	return folder
}

// writeRecord leaves what came of an environment for whoever runs this as a step.
func writeRecord(file string, environments []report.Environment) error {
	if len(environments) == 0 {
		return nil // nothing came of it, and the error says why
	}
	data, err := json.MarshalIndent(environments[0], "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}
