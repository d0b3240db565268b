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
	"github.com/spf13/pflag"

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
	// flags adds the flags of its own.
	flags func(*request, *pflag.FlagSet)
	do    func(ctx context.Context, v *visit) (deploy.Record, error)
}

var reachings = []reaching{
	{
		stage: pipeline.Plan, stages: []pipeline.Stage{pipeline.Plan}, flags: (*request).planFlags, do: plan,
		short: "Show what a deployment would change, resource by resource",
		long: `Make the change sets of every stack that differs, show what they would do, and delete them again. Nothing is executed.

With --out the change sets stay, and the plan is written to FILE, and as Markdown beside it, for ` + "`approve` and `deploy --plan`" + `. --drop throws such a
plan away. A stack that cannot be planned before another one exists is shown as deferred.`,
	},
	{
		stage: pipeline.Deploy, stages: []pipeline.Stage{pipeline.Deploy, pipeline.Verify}, gated: true, flags: (*request).deployFlags, do: planAndApply,
		short: "Plan and apply the change sets of an environment, and verify what came of them",
		long: `Validate the configuration, synthesise the stacks, plan and apply their change sets, and read back what was deployed.

With --plan exactly the plan of that file is applied, or nothing: not when the assembly, the configuration, the account or a stack has changed since, nor when the
plan is too old, was edited, or lacks an approval that the environment asks for. Changes that lose data or widen access have to be allowed by name.

Without --live all of it happens on emulated accounts on this machine, IAM enforced, which are started and bootstrapped as needed. With
--live it happens on AWS: your credentials must belong to the tooling account, and every gate must have passed for exactly these inputs.`,
	},
	{
		stage: pipeline.Verify, stages: []pipeline.Stage{pipeline.Verify}, flags: (*request).noFlags, do: verify,
		short: "Read back whether what is deployed is what the assembly holds",
		long: `Check that every stack of the environment is there, in a good state, as the assembly wants it, and that each of its resources is
complete. Nothing is written.`,
	},
}

func plan(ctx context.Context, v *visit) (deploy.Record, error) {
	if v.out == "" {
		p, err := v.deployment.Plan(ctx)
		if err != nil {
			return p.Record(), err
		}
		v.say(p.Record().Text())
		err = p.Discard(ctx)
		return p.Record(), err
	}
	p, part, err := v.deployment.Keep(ctx, v.goodFor)
	if err != nil {
		return p.Record(), err
	}
	v.say(p.Record().Text())
	file, err := v.deployment.NewPlanFile([]deploy.TargetPlan{part}, v.goodFor)
	if err == nil {
		err = v.deployment.Remember(ctx, file)
	}
	if err == nil {
		err = deploy.WritePlan(v.out, file)
	}
	record := p.Record()
	if err != nil { // a plan that nobody has is none
		return record, errors.Join(err, p.Discard(ctx))
	}
	record.PlanDigest = file.Digest
	v.say(fmt.Sprintf("the plan %.12s is in %s, good until %s", file.Digest, v.out, file.Expires.Format(time.DateTime)))
	return record, nil
}

func planAndApply(ctx context.Context, v *visit) (deploy.Record, error) {
	return v.deployment.Deploy(ctx, deploy.Order{Allow: v.permits, Plan: v.reviewed})
}

func verify(ctx context.Context, v *visit) (deploy.Record, error) {
	return v.deployment.Verify(ctx)
}

// reachingCommand makes the command line's command of a reaching.
func (a *app) reachingCommand(r reaching) *cobra.Command {
	q := &request{}
	cmd := &cobra.Command{
		Use: string(r.stage), Short: r.short, Long: r.long, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.open()
			if err != nil {
				return err
			}
			if err := q.read(a); err != nil {
				return err
			}
			envs, err := a.environments(p)
			if err != nil {
				return err
			}
			if err := q.check(envs); err != nil {
				return err
			}
			switch {
			case q.drop != "":
				return a.dropPlan(cmd.Context(), p, q)
			case q.assembly != "":
				return a.reachWith(cmd.Context(), r, p, envs, q)
			}
			return a.reachByGraph(cmd.Context(), r, p, envs, q)
		},
	}
	a.addEnv(cmd)
	a.addLive(cmd)
	flags := cmd.Flags()
	flags.StringVar(&q.assembly, "assembly", "", "use the cloud assembly in this folder, or in its subfolder for the environment, instead of synthesising one")
	flags.StringVar(&q.record, "record", "", "write what came of it to this file as JSON, for whoever runs this as a step, instead of a summary to stdout")
	r.flags(q, flags)
	if r.gated {
		flags.BoolVar(&q.checks, "checks", false, "run every gate before a rehearsal too, as --live always does")
	}
	return cmd
}

// reachByGraph runs the steps of the reaching's stages and all that they need.
func (a *app) reachByGraph(ctx context.Context, r reaching, p *project, envs []config.Environment, q *request) error {
	g, err := p.graph()
	if err != nil {
		return err
	}
	stages := r.stages
	if r.gated && (a.live || q.checks) {
		stages = slices.Concat(stages, pipeline.Gates)
	}
	j := job{
		command: string(r.stage), mode: a.mode(), project: p, environments: envs, records: r.stage,
		graph: choose(g, stages, envs).Give(r.stage, q.arguments()...),
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
func (a *app) reachWith(ctx context.Context, r reaching, p *project, envs []config.Environment, q *request) error {
	started := time.Now()
	summary := &report.Summary{Command: string(r.stage), Mode: a.mode(), Result: report.Passed}
	if q.record == "" && !a.json {
		a.say(report.FirstLine(a.mode(), names(envs)))
	}
	err := a.eachEnvironment(ctx, r, p, envs, q, summary)
	if q.record != "" {
		return errors.Join(err, writeRecord(q.record, summary.Environments))
	}
	return a.conclude(summary, started, envs, err)
}

// conclude shows how a command went that runs no graph.
func (a *app) conclude(summary *report.Summary, started time.Time, envs []config.Environment, err error) error {
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

func (a *app) eachEnvironment(ctx context.Context, r reaching, p *project, envs []config.Environment, q *request, into *report.Summary) (err error) {
	way, err := a.reachAccounts(ctx, p, envs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, way.release()) }()
	for _, env := range envs {
		done, err := a.reachOne(ctx, r, way, p, env, q)
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
func (a *app) reachOne(ctx context.Context, r reaching, way *reach, p *project, env config.Environment, q *request) (report.Environment, error) {
	to := target(p, env)
	done := report.Environment{Mode: a.mode(), Record: deploy.Record{Target: to, Started: time.Now()}}
	cfg, err := way.caller(to.Region)
	if err != nil {
		return done, err
	}
	options, err := a.options(ctx, p, env, string(r.stage))
	if err != nil {
		return done, err
	}
	dir := assemblyFolder(q.assembly, to.Environment)
	files, err := assembly.Open(dir)
	if err != nil {
		return done, err
	}
	if options.Source, err = assembly.Digest(files); err != nil {
		return done, fmt.Errorf("cloud assembly %s: %w", dir, err)
	}
	options.Baggage.Assembly = files
	if files, done.Coverage, err = way.seen(files); err != nil {
		return done, fmt.Errorf("cloud assembly %s: %w", dir, err)
	}
	asm, err := assembly.Read(files, assembly.Environment{Account: to.Account, Region: to.Region})
	if err != nil {
		return done, fmt.Errorf("cloud assembly %s: %w", dir, err)
	}
	d, err := deploy.Open(ctx, cfg, to, asm, options)
	if err != nil {
		return done, err
	}
	done.Record, err = r.do(ctx, &visit{request: q, deployment: d, say: a.say})
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
