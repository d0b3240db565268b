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

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/report"
)

// visit is a request on its way to one account.
type visit struct {
	*request
	part       config.Part
	deployment *deploy.Deployment
	say        func(string)
	// restores is the number of the release that is gone back to; 0 for none.
	restores int
	done     report.Environment
	// plan and kept are what planning came to.
	plan *deploy.Plan
	kept deploy.TargetPlan
}

// allowed are the permits of the command line and those that the environment always gives.
func (v *visit) allowed() []deploy.Permit {
	out := slices.Clone(v.permits)
	for _, name := range v.part.Allow {
		out = append(out, deploy.Permit(name))
	}
	return out
}

// A source says which cloud assembly goes to a part of an environment.
type source func(ctx context.Context, way *reach, part config.Part) (made, error)

// made is a cloud assembly on this machine.
type made struct {
	folder string
	// bundle is the digest of those of all the environment's accounts together, and beside those of the environments that come after it.
	bundle string
	beside map[string]string
	// restores is the number of the release that it is of; 0 for one that is new.
	restores int
}

// synthesised is the source for assemblies below the folder that the command line names.
func (a *app) synthesised(p *project, q *request) source {
	return func(_ context.Context, _ *reach, part config.Part) (made, error) {
		dir := assemblyFolder(q.assembly, part.Name)
		m := made{folder: filepath.Join(dir, part.Folder)}
		files, err := assembly.Open(dir)
		if err != nil {
			return m, err
		}
		if m.bundle, err = assembly.Digest(files); err != nil {
			return m, fmt.Errorf("cloud assembly %s: %w", dir, err)
		}
		if a.live {
			m.beside, err = beside(dir, p.config, part.Name)
		}
		return m, err
	}
}

// beside are the digests of the assemblies that were synthesised with an environment's, of the environments that a release comes to after it.
func beside(dir string, c *config.Config, name string) (map[string]string, error) {
	if filepath.Base(dir) != name {
		return nil, nil
	}
	out := map[string]string{}
	for _, env := range c.Environments {
		other := filepath.Join(filepath.Dir(dir), env.Name)
		if _, err := os.Stat(other); err != nil || !comesAfter(c, env, name) {
			continue
		}
		digest, err := assembly.Digest(os.DirFS(other))
		if err != nil {
			return nil, fmt.Errorf("cloud assembly %s: %w", other, err)
		}
		out[env.Name] = digest
	}
	return out, nil
}

// comesAfter says whether a release reaches an environment by way of another.
func comesAfter(c *config.Config, env config.Environment, other string) bool {
	for env.After != "" {
		if env.After == other {
			return true
		}
		env, _ = c.Environment(env.After)
	}
	return false
}

// reachWith does it to assemblies that were made earlier, in this process: environment after environment, up to the first that fails.
func (a *app) reachWith(ctx context.Context, r reaching, p *project, envs []config.Environment, q *request, from source) error {
	started := time.Now()
	summary := &report.Summary{Command: string(r.stage), Mode: a.mode(), Result: report.Passed}
	if q.record == "" && !a.json {
		a.say(report.FirstLine(a.mode(), names(envs)))
	}
	err := a.eachEnvironment(ctx, r, p, envs, q, from, summary)
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

func (a *app) eachEnvironment(ctx context.Context, r reaching, p *project, envs []config.Environment, q *request, from source, into *report.Summary) (err error) {
	way, err := a.reachAccounts(ctx, p, envs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, way.release()) }()
	for _, env := range envs {
		visits, err := a.reachEnvironment(ctx, r, way, p, env, q, from)
		for _, v := range visits {
			into.Add(v.done)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", env.Name, err)
		}
	}
	return nil
}

// reachEnvironment does it in every account of an environment, wave after wave. What is returned tells as much as came of it, also when the error is not nil.
func (a *app) reachEnvironment(ctx context.Context, r reaching, way *reach, p *project, env config.Environment, q *request, from source) ([]*visit, error) {
	waves := env.Waves()
	pacer := deploy.NewPacer()
	var visits []*visit
	var sizes []int
	byPlace := make([][]*visit, len(waves))
	for w, parts := range waves {
		sizes = append(sizes, len(parts))
		for _, part := range parts {
			v := &visit{request: q, part: part, say: a.sayFor(part)}
			v.done = report.Environment{Mode: a.mode(), Record: deploy.Record{Target: target(p, part.Environment), Started: time.Now()}}
			visits, byPlace[w] = append(visits, v), append(byPlace[w], v)
		}
	}
	rollout := deploy.Rollout{AtOnce: deploy.AtOnce, MaxFailures: q.maxFailures}
	outcome := rollout.Run(ctx, sizes, func(ctx context.Context, w, i int) error {
		return a.reachOne(ctx, r, way, p, byPlace[w][i], from, pacer)
	})
	var errs []error
	for w, wave := range outcome {
		for i, err := range wave {
			v := byPlace[w][i]
			if err == nil {
				continue
			}
			if v.done.Error == "" {
				v.done.Outcome, v.done.Error = deploy.Failed, err.Error()
			}
			var notBegun *deploy.NotBegunError
			if errors.As(err, &notBegun) {
				v.done.Outcome = deploy.Untouched
				continue // those that failed are the reason
			}
			if len(visits) > 1 {
				err = fmt.Errorf("account %s in %s: %w", v.part.ID, v.part.Region, err)
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
		first.done.Outcome, first.done.Error = deploy.Failed, finishing.Error()
	}
	return visits, finishing
}

// sayFor tells which account a line is about where an environment has several.
func (a *app) sayFor(part config.Part) func(string) {
	if part.Folder == "" {
		return a.say
	}
	return func(line string) { a.say(part.Folder + "  " + line) }
}

// reachOne does it in one account.
func (a *app) reachOne(ctx context.Context, r reaching, way *reach, p *project, v *visit, from source, pacer *deploy.Pacer) error {
	to := v.done.Target
	cfg, err := way.caller(to.Region)
	if err != nil {
		return err
	}
	m, err := from(ctx, way, v.part)
	if err != nil {
		return err
	}
	options, err := a.options(ctx, p, v.part.Environment, string(r.stage))
	if err != nil {
		return err
	}
	options.Say, options.Pacer, options.Bundle, options.Beside, v.restores = v.say, pacer, m.bundle, m.beside, m.restores
	files, err := assembly.Open(m.folder)
	if err != nil {
		return err
	}
	options.Baggage.Assembly = files
	if options.Source, err = assembly.Digest(files); err != nil {
		return fmt.Errorf("cloud assembly %s: %w", m.folder, err)
	}
	if files, v.done.Coverage, err = way.seen(files); err != nil {
		return fmt.Errorf("cloud assembly %s: %w", m.folder, err)
	}
	asm, err := assembly.Read(files, assembly.Environment{Account: to.Account, Region: to.Region})
	if err != nil {
		return fmt.Errorf("cloud assembly %s: %w", m.folder, err)
	}
	if v.deployment, err = deploy.Open(ctx, cfg, to, asm, options); err != nil {
		return err
	}
	if r.gated && a.live {
		if err := a.promoted(ctx, cfg, p, v, m.bundle, pacer); err != nil {
			return err
		}
	}
	v.done.Record, err = r.do(ctx, v)
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
func writeRecord(file string, environments []report.Environment) error {
	if len(environments) == 0 {
		return nil // nothing came of it, and the error says why
	}
	record := environments[0]
	record.Others = environments[1:]
	data, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}
