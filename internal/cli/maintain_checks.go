package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/maintain"
	"lockstep/internal/pipeline"
	"lockstep/internal/process"
	"lockstep/internal/report"
	"lockstep/internal/text"
	"lockstep/tools"
)

// maintenance is what the checks of maintain look at.
type maintenance struct {
	app          *app
	project      *project
	environments []config.Environment
}

// checks returns what the program does of each task. Each check calls what a command of its own calls too.
func (m maintenance) checks() map[maintain.CheckID]maintain.Check {
	return map[maintain.CheckID]maintain.Check{
		maintain.Vulnerabilities: m.gates("govulncheck", "osv"),
		maintain.Secrets:         m.gates("secrets", "history"),
		maintain.BaseImages:      m.baseImages,
		maintain.Waivers:         m.waivers,
		maintain.Drift:           m.inAccounts("drift", driftLines),
		maintain.Modules:         m.modules,
		maintain.Actions:         m.actions,
		maintain.OldReleases:     m.inAccounts("garbage", garbageLines),
		maintain.ThisMachine:     m.thisMachine,
		maintain.Cost:            m.cost,
		maintain.Unused: m.inAccounts("maintain", func(ctx context.Context, d *deploy.Deployment) ([]string, error) {
			return d.Unused(ctx, m.app.Now().AddDate(0, -6, 0))
		}),
		maintain.Recovery: m.recovery,
	}
}

// gates returns a check that runs gates, whatever the cache holds: what they look up changes without the repository.
func (m maintenance) gates(names ...string) maintain.Check {
	return func(ctx context.Context) ([]string, error) {
		g, err := m.project.graph()
		if err != nil {
			return nil, err
		}
		a := *m.app
		a.noCache, a.json = true, false
		ran, err := a.runJob(ctx, job{
			command: "maintain", mode: report.Local, project: m.project, environments: m.environments,
			graph: g.Select(func(s pipeline.Step) bool { return slices.Contains(names, s.Name) }),
		})
		summary, ok := ran.(*report.Summary)
		if !ok {
			return nil, err
		}
		return gateLines(summary.Steps)
	}
}

// gateLines returns a line for each gate that found something. The error names the gates that could not be run.
func gateLines(results []pipeline.Result) (found []string, err error) {
	var notRun []error
	for _, r := range results {
		reason := r.Step
		if r.Reason != "" {
			reason += ": " + r.Reason
		}
		switch {
		case r.Passed():
		case r.Status == pipeline.Failed:
			found = append(found, reason+"; `lockstep report` shows what it found")
		default:
			notRun = append(notRun, fault.Errorf(fault.GateNotRun, "%s (%s)", reason, r.Status))
		}
	}
	return found, joinLines(notRun)
}

// joinLines joins errors on one line; nil if there is none.
func joinLines(errs []error) error {
	err := errors.Join(errs...)
	if err == nil {
		return nil
	}
	return fault.New(fault.MaintenanceNotRun, text.OneLine(strings.ReplaceAll(err.Error(), "\n", "; ")))
}

func (m maintenance) baseImages(ctx context.Context) ([]string, error) {
	all, err := resolveImages(ctx, m.project.config.Pipeline.Engine.ImagePrefix)
	var found []string
	for _, image := range all {
		if image.Moved && image.Current != "" {
			found = append(found, fmt.Sprintf("%s is now %s, and pinned to %s", image.Tag, image.Current, image.Digest))
		}
	}
	return found, joinLines([]error{err})
}

// waiverWarning is how long before its end a waiver is named.
const waiverWarning = 30 * 24 * time.Hour

func (m maintenance) waivers(context.Context) ([]string, error) {
	all, err := config.LoadWaivers(fsx.Dir(filepath.Join(m.project.root, "config")))
	if err != nil {
		return nil, err
	}
	now := m.app.Now().UTC()
	var found []string
	for _, w := range all {
		verb := "ends"
		switch {
		case w.Until < now.Format(time.DateOnly):
			verb = "ended"
		case w.Until > now.Add(waiverWarning).Format(time.DateOnly):
			continue
		}
		found = append(found, fmt.Sprintf("the waiver of %s in %s %s on %s; its owner is %s",
			w.Rule, w.Path, verb, w.Until, w.Owner))
	}
	return found, nil
}

func (m maintenance) thisMachine(ctx context.Context) ([]string, error) {
	d := m.app.diagnose(ctx)
	var found []string
	for _, c := range d.Checks {
		if !c.OK && !c.Optional {
			found = append(found, fmt.Sprintf("%s: %s; %s", c.What, c.Found, c.Remedy))
		}
	}
	return found, nil
}

// errNeedsLive says that a task looks into accounts on AWS.
var errNeedsLive = fault.New(fault.MaintenanceNotRun,
	"it looks into accounts on AWS: write --live, with the tooling account's credentials")

// inAccounts returns a check that calls list for every account on AWS.
func (m maintenance) inAccounts(
	command string, list func(context.Context, *deploy.Deployment) ([]string, error),
) maintain.Check {
	return func(ctx context.Context) ([]string, error) {
		if !m.app.live {
			return nil, errNeedsLive
		}
		session := m.app.session(m.project)
		var found []string
		var notRun []error
		for _, env := range m.environments {
			notRun = append(notRun, session.ForEachAccount(ctx, []config.Environment{env}, command, deploy.ReadAccess,
				func(d *deploy.Deployment) error {
					lines, err := list(ctx, d)
					for _, line := range lines {
						found = append(found, env.Name+": "+line)
					}
					return err
				}))
		}
		return found, joinLines(notRun)
	}
}

func driftLines(ctx context.Context, d *deploy.Deployment) ([]string, error) {
	stacks, err := d.Drift(ctx)
	var found []string
	for _, s := range stacks {
		if s.Drifted() {
			found = append(found, text.OneLine(s.String()))
		}
	}
	return found, err
}

func garbageLines(ctx context.Context, d *deploy.Deployment) ([]string, error) {
	objects, err := d.Garbage(ctx, defaultReleasesKept)
	if len(objects) == 0 {
		return nil, err
	}
	var bytes int64
	for _, o := range objects {
		bytes += o.Size
	}
	return []string{fmt.Sprintf("%d objects with %d bytes can be removed", len(objects), bytes)}, err
}

func (m maintenance) cost(ctx context.Context) ([]string, error) {
	if !m.app.live {
		return nil, errNeedsLive
	}
	now := m.app.Now().UTC()
	var found []string
	var notRun []error
	for _, env := range m.environments {
		if env.Budget == nil {
			notRun = append(notRun, fault.Errorf(fault.MaintenanceNotRun, "%s has no budget in its configuration", env.Name))
			continue
		}
		total := 0.0
		err := m.app.session(m.project).ForEachAccount(ctx, []config.Environment{env}, "maintain", deploy.ReadAccess,
			func(d *deploy.Deployment) error {
				cost, err := d.MonthlyCost(ctx, now)
				total += cost
				return err
			})
		if err != nil {
			notRun = append(notRun, err)
			continue
		}
		if line := costLine(env, total, now); line != "" {
			found = append(found, line)
		}
	}
	return found, joinLines(notRun)
}

// costLine returns a line if an environment has cost as much of its budget as is warned of, or more of it than of the
// month has passed; empty otherwise.
func costLine(env config.Environment, total float64, now time.Time) string {
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	passed := 100 * now.Sub(month).Hours() / month.AddDate(0, 1, 0).Sub(month).Hours()
	spent := 100 * total / env.Budget.Monthly
	if spent <= passed && spent < env.Budget.WarningPercent {
		return ""
	}
	return fmt.Sprintf("%s has cost %.2f US dollars this month, %.0f %% of its budget, with %.0f %% of the month passed",
		env.Name, total, spent, passed)
}

func (m maintenance) recovery(ctx context.Context) ([]string, error) {
	session := m.app.session(m.project)
	session.Live, session.Endpoint = false, "" // whatever else looks into accounts on AWS
	var notRun []error
	for _, env := range m.environments {
		if _, err := session.RehearseRecovery(ctx, env); err != nil {
			notRun = append(notRun, fmt.Errorf("%s: %w", env.Name, err))
		}
	}
	return nil, joinLines(notRun)
}

// A goModule is what `go list -m -json` prints of a module.
type goModule struct {
	Path, Version string
	Error         *struct{ Err string }
}

// moduleFiles are patterns of the files that require Go modules, those of pinned tools included.
var moduleFiles = []string{"go.mod", "*/go.mod", "tools/*/tool.mod"}

// modules returns a line for each module that the project requires itself, or pins as a tool, and that has a newer
// version.
func (m maintenance) modules(ctx context.Context) ([]string, error) {
	required, err := requiredModules(fsx.Dir(m.project.root))
	if err != nil {
		return nil, err
	}
	if len(required) == 0 {
		return nil, fault.New(fault.MaintenanceNotRun,
			"the project requires no Go module: look for newer libraries with its own tools")
	}
	var queries []string
	for _, path := range slices.Sorted(maps.Keys(required)) {
		queries = append(queries, path+"@latest")
	}
	// `go list -u` would do too, but it says nothing where it cannot reach the proxy.
	latest, err := m.listModules(ctx, queries...)
	if err != nil {
		return nil, err
	}
	return moduleLines(required, latest)
}

// requiredModules returns the versions of the modules that the files of a project require, by module. Of a module that
// several files require it has the oldest version. What is only needed by other modules is left out, and so is what is
// replaced.
func requiredModules(files fs.FS) (map[string]string, error) {
	required := map[string]string{}
	for _, pattern := range moduleFiles {
		names, err := fs.Glob(files, pattern)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if err := addRequiredModules(required, files, name); err != nil {
				return nil, err
			}
		}
	}
	return required, nil
}

// addRequiredModules adds the modules that one file requires.
func addRequiredModules(required map[string]string, files fs.FS, name string) error {
	data, err := fsx.ReadFileFS(files, name, fsx.MaxText)
	if err != nil {
		return err
	}
	parsed, err := modfile.Parse(name, data, nil)
	if err != nil {
		return fault.Wrap(fault.ToolBroken, err)
	}
	for _, r := range parsed.Require {
		path, version := r.Mod.Path, r.Mod.Version
		isTool := slices.ContainsFunc(parsed.Tool, func(t *modfile.Tool) bool {
			return t.Path == path || strings.HasPrefix(t.Path, path+"/")
		})
		isReplaced := slices.ContainsFunc(parsed.Replace, func(r *modfile.Replace) bool { return r.Old.Path == path })
		if r.Indirect && !isTool || isReplaced {
			continue
		}
		if known, ok := required[path]; !ok || semver.Compare(version, known) < 0 {
			required[path] = version
		}
	}
	return nil
}

// moduleLines returns a line for each required module that has a newer version. The error names the modules
// that could not be looked up.
func moduleLines(required map[string]string, latest []goModule) (found []string, err error) {
	var unknown []error
	for _, module := range latest {
		switch {
		case module.Error != nil:
			unknown = append(unknown, fault.New(fault.MaintenanceNotRun, module.Error.Err))
		case semver.Compare(module.Version, required[module.Path]) > 0:
			found = append(found, fmt.Sprintf("%s %s: the latest is %s", module.Path, required[module.Path], module.Version))
		}
	}
	return found, joinLines(unknown)
}

// listModules runs `go list -m` in the project.
func (m maintenance) listModules(ctx context.Context, queries ...string) ([]goModule, error) {
	program, err := tools.FindProgram(m.app.Environ, "go")
	if err != nil {
		return nil, err
	}
	cmd := process.Command(ctx, program, append([]string{"list", "-m", "-e", "-json"}, queries...)...)
	cmd.Dir, cmd.Env = m.project.root, m.app.Environ
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, text.OneLine(stderr.String()))
	}
	var modules []goModule
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var module goModule
		err := decoder.Decode(&module)
		switch {
		case errors.Is(err, io.EOF):
			return modules, nil
		case err != nil:
			return nil, fault.Errorf(fault.ToolBroken, "go list: %w", err)
		}
		modules = append(modules, module)
	}
}
