package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/report"
)

// accountRollout is a request on its way to one account.
type accountRollout struct {
	*request
	account    config.EnvironmentAccount
	deployment *deploy.Deployment
	progress   func(string)
	// restores is the number of the release that is gone back to; 0 for none.
	restores int
	result   report.AccountRecord
	// plan and kept are what planning came to.
	plan       *deploy.Plan
	targetPlan deploy.TargetPlan
}

// allPermits are the permits of the command line and those that the environment always gives.
func (v *accountRollout) allPermits() []deploy.Permit {
	out := slices.Clone(v.permits)
	for _, name := range v.account.Allow {
		out = append(out, deploy.Permit(name))
	}
	return out
}

// A assemblyLoader says which cloud assembly goes to a part of an environment.
type assemblyLoader func(ctx context.Context, way *accountAccess, part config.EnvironmentAccount) (localAssembly, error)

// localAssembly is a cloud assembly on this machine.
type localAssembly struct {
	folder string
	// environmentDigest is the digest of those of all the environment's accounts together, and beside those of the environments that come after it.
	environmentDigest digest.Environment
	siblingDigests    map[string]digest.Environment
	// restores is the number of the release that it is of; 0 for one that is new.
	restores int
}

// synthesisedAssemblies is the source for assemblies below the folder that the command line names.
func (a *app) synthesisedAssemblies(p *project, q *request) assemblyLoader {
	return func(_ context.Context, _ *accountAccess, part config.EnvironmentAccount) (localAssembly, error) {
		dir := assemblyFolder(q.assembly, part.Name)
		m := localAssembly{folder: filepath.Join(dir, part.Folder)}
		files, err := assembly.Open(dir)
		if err != nil {
			return m, err
		}
		if m.environmentDigest, err = assembly.EnvironmentDigest(files); err != nil {
			return m, fmt.Errorf("cloud assembly %s: %w", dir, err)
		}
		if a.live {
			m.siblingDigests, err = siblingDigests(dir, p.config, part.Name)
		}
		return m, err
	}
}

// siblingDigests are the digests of the assemblies that were synthesised with an environment's, of the environments that a release comes to after it.
func siblingDigests(dir string, c *config.Config, name string) (map[string]digest.Environment, error) {
	if filepath.Base(dir) != name {
		return nil, nil
	}
	out := map[string]digest.Environment{}
	for _, env := range c.Environments {
		other := filepath.Join(filepath.Dir(dir), env.Name)
		if _, err := os.Stat(other); err != nil || !isPromotedAfter(c, env, name) {
			continue
		}
		sibling, err := assembly.EnvironmentDigest(os.DirFS(other))
		if err != nil {
			return nil, fmt.Errorf("cloud assembly %s: %w", other, err)
		}
		out[env.Name] = sibling
	}
	return out, nil
}

// isPromotedAfter says whether a release reaches an environment by way of another.
func isPromotedAfter(c *config.Config, env config.Environment, other string) bool {
	for env.After != "" {
		if env.After == other {
			return true
		}
		env, _ = c.Environment(env.After)
	}
	return false
}

// rollOut does it to assemblies that were made earlier, in this process: environment after environment, up to the first that fails.
func (a *app) rollOut(ctx context.Context, r rolloutCommand, p *project, envs []config.Environment, q *request, from assemblyLoader) error {
	started := time.Now()
	summary := &report.Summary{Command: string(r.stage), Mode: a.mode(), Result: report.Passed}
	if q.recordFile == "" && !a.json {
		a.printProgress(report.FirstLine(a.mode(), environmentNames(envs)))
	}
	err := a.rollOutEnvironments(ctx, r, p, envs, q, from, summary)
	if q.recordFile != "" {
		return errors.Join(err, writeRecord(q.recordFile, summary.Environments))
	}
	return a.showOutcome(summary, started, envs, err)
}

// showOutcome shows how a command went that runs no graph.
func (a *app) showOutcome(summary *report.Summary, started time.Time, envs []config.Environment, err error) error {
	if summary.Mode == report.Rehearsal {
		summary.NotRehearsed = notRehearsed(envs)
	}
	summary.Time, summary.Millis = time.Now(), time.Since(started).Milliseconds()
	if err != nil {
		summary.Result, summary.Error = verdictOf(err), err.Error()
	}
	if writing := a.writeSummary(summary); writing != nil {
		return writing
	}
	if err != nil {
		return printedError{err}
	}
	return nil
}

func (a *app) rollOutEnvironments(ctx context.Context, r rolloutCommand, p *project, envs []config.Environment, q *request, from assemblyLoader, into *report.Summary) (err error) {
	way, err := a.acquireAccess(ctx, p, envs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, way.release()) }()
	for _, env := range envs {
		visits, err := a.rollOutEnvironment(ctx, r, way, p, env, q, from)
		for _, v := range visits {
			into.Add(v.result)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", env.Name, err)
		}
	}
	return nil
}

// rollOutEnvironment does it in every account of an environment, wave after wave. What is returned tells as much as came of it, also when the error is not nil.
func (a *app) rollOutEnvironment(ctx context.Context, r rolloutCommand, way *accountAccess, p *project, env config.Environment, q *request, from assemblyLoader) ([]*accountRollout, error) {
	waves := env.Waves()
	pacer := deploy.NewLimiter()
	var visits []*accountRollout
	var sizes []int
	byPlace := make([][]*accountRollout, len(waves))
	for w, parts := range waves {
		sizes = append(sizes, len(parts))
		for _, part := range parts {
			v := &accountRollout{request: q, account: part, progress: a.progressFor(part)}
			v.result = report.AccountRecord{Mode: a.mode(), Record: deploy.Record{Target: target(p, part.Environment), Started: time.Now()}}
			visits, byPlace[w] = append(visits, v), append(byPlace[w], v)
		}
	}
	rollout := deploy.Rollout{MaxConcurrent: deploy.DefaultMaxConcurrent, MaxFailures: q.maxFailures}
	outcome := rollout.Run(ctx, sizes, func(ctx context.Context, w, i int) error {
		return a.rollOutAccount(ctx, r, way, p, byPlace[w][i], from, pacer)
	})
	var errs []error
	for w, wave := range outcome {
		for i, err := range wave {
			v := byPlace[w][i]
			if err == nil {
				continue
			}
			if v.result.Error == "" {
				v.result.Outcome, v.result.Error = deploy.Failed, err.Error()
			}
			var notBegun *deploy.NotStartedError
			if errors.As(err, &notBegun) {
				v.result.Outcome = deploy.Untouched
				continue // those that failed are the reason
			}
			if len(visits) > 1 {
				err = fmt.Errorf("account %s in %s: %w", v.account.ID, v.account.Region, err)
			}
			errs = append(errs, err)
		}
	}
	err := errors.Join(errs...)
	if r.finish == nil {
		return visits, err
	}
	finishing := r.finish(ctx, visits, err)
	if first := visits[0]; finishing != nil && err == nil {
		first.result.Outcome, first.result.Error = deploy.Failed, finishing.Error()
	}
	return visits, finishing
}

// progressFor tells which account a line is about where an environment has several.
func (a *app) progressFor(part config.EnvironmentAccount) func(string) {
	if part.Folder == "" {
		return a.printProgress
	}
	return func(line string) { a.printProgress(part.Folder + "  " + line) }
}

// rollOutAccount does it in one account.
func (a *app) rollOutAccount(ctx context.Context, r rolloutCommand, way *accountAccess, p *project, v *accountRollout, from assemblyLoader, pacer *deploy.Limiter) error {
	to := v.result.Target
	cfg, err := way.callerConfig(to.Region)
	if err != nil {
		return err
	}
	m, err := from(ctx, way, v.account)
	if err != nil {
		return err
	}
	options, err := a.deployOptions(ctx, p, v.account.Environment, string(r.stage))
	if err != nil {
		return err
	}
	options.Progress, options.Limiter, options.EnvironmentDigest, options.SiblingDigests, v.restores = v.progress, pacer, m.environmentDigest, m.siblingDigests, m.restores
	files, err := assembly.Open(m.folder)
	if err != nil {
		return err
	}
	options.Artifacts.Assembly = files
	if options.SynthDigest, err = assembly.SynthDigest(files); err != nil {
		return fmt.Errorf("cloud assembly %s: %w", m.folder, err)
	}
	if files, v.result.Coverage, err = way.adaptAssembly(files); err != nil {
		return fmt.Errorf("cloud assembly %s: %w", m.folder, err)
	}
	asm, err := assembly.Read(files, assembly.Defaults{Account: to.Account, Region: to.Region})
	if err != nil {
		return fmt.Errorf("cloud assembly %s: %w", m.folder, err)
	}
	if v.deployment, err = deploy.Open(ctx, cfg, to, asm, options); err != nil {
		return err
	}
	if r.requiresGates && a.live {
		if err := a.checkPromotion(ctx, cfg, p, v, m.environmentDigest, pacer); err != nil {
			return err
		}
	}
	v.result.Record, err = r.runInAccount(ctx, v)
	return err
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
func writeRecord(file string, environments []report.AccountRecord) error {
	if len(environments) == 0 {
		return nil // nothing came of it, and the error says why
	}
	record := environments[0]
	record.OtherAccounts = environments[1:]
	data, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}
