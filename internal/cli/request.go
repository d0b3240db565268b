package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"lockstep/config"
	"lockstep/internal/bill"
	"lockstep/internal/deploy"
	"lockstep/internal/pipeline"
	"lockstep/tools"

	"lockstep/internal/deploy/digest"
)

// request is what the command line asks of a command that reaches for accounts.
type request struct {
	assembly, recordFile string
	checks               bool
	// plan
	out, planToDelete string
	goodFor           time.Duration
	// deploy
	planFile    string
	allow       []string
	maxFailures int
	// rollback
	toRelease int

	// reviewedPlan is the plan of the file, and permits are what --allow names, once they have been read.
	reviewedPlan *deploy.PlanFile
	permits      []deploy.Permit
}

// newRequest is a request that asks for nothing yet.
func newRequest() *request { return &request{maxFailures: -1} }

func (*request) addNoFlags(*pflag.FlagSet) {}

func (q *request) addPlanFlags(flags *pflag.FlagSet) {
	flags.StringVar(&q.out, "out", "", "keep the change sets and write the plan to this file, to be applied by deploy --plan")
	flags.DurationVar(&q.goodFor, "good-for", deploy.PlanTTL, "how long the plan may be applied")
	flags.StringVar(&q.planToDelete, "drop", "", "throw the plan of this file away, with its change sets")
}

func (q *request) addDeployFlags(flags *pflag.FlagSet) {
	flags.StringVar(&q.planFile, "plan", "", "apply exactly the plan of this file, or refuse")
	q.addAllowFlag(flags)
	flags.IntVar(&q.maxFailures, "max-failures", -1, "of an environment with several accounts, begin no further one once more than so many have failed; unless told, a failure stops the waves after it")
}

func (q *request) addAllowFlag(flags *pflag.FlagSet) {
	flags.StringSliceVar(&q.allow, "allow", nil, "allow changes that are not made otherwise: data-loss, permissions")
}

// read makes paths absolute, because a step works in the project's folder, and reads what they name.
func (q *request) read(a *app) error {
	if q.out != "" && q.planToDelete != "" {
		return usagef("--out makes a plan and --drop throws one away: write one of them")
	}
	for _, path := range []*string{&q.out, &q.planToDelete, &q.planFile} {
		if *path == "" || filepath.IsAbs(*path) {
			continue
		}
		absolute, err := filepath.Abs(filepath.Join(a.dir, *path))
		if err != nil {
			return err
		}
		*path = absolute
	}
	for _, name := range q.allow {
		if !slices.Contains(deploy.Permits, deploy.Permit(name)) {
			return usagef("--allow %s: write %s", name, alternatives(permitNames()))
		}
		q.permits = append(q.permits, deploy.Permit(name))
	}
	for _, path := range []string{q.planFile, q.planToDelete} {
		if path == "" {
			continue
		}
		file, err := deploy.ReadPlan(path)
		if err != nil {
			return err
		}
		q.reviewedPlan = &file
		if a.env == "" {
			a.env = file.Environment // the plan says it
		}
	}
	return nil
}

// check refuses what does not go together.
func (q *request) check(envs []config.Environment) error {
	switch one := len(envs) == 1; {
	case q.recordFile != "" && (q.assembly == "" || !one):
		return usagef("--record is for one environment with --assembly")
	case !one && (q.out != "" || q.planFile != "" || q.planToDelete != ""):
		return usagef("a plan is of one environment: name it with --env")
	case q.goodFor < 0:
		return usagef("--good-for %v: a plan cannot be good until before it is made", q.goodFor)
	case q.reviewedPlan != nil && q.reviewedPlan.Environment != envs[0].Name:
		return &deploy.Refusal{Reason: fmt.Sprintf("the plan is of %s, not of %s", q.reviewedPlan.Environment, envs[0].Name)}
	}
	return nil
}

// extraArgs are what the request adds to the command of a step.
func (q *request) extraArgs() []string {
	var out []string
	for _, pair := range []struct{ flag, value string }{{"--out", q.out}, {"--plan", q.planFile}} {
		if pair.value != "" {
			out = append(out, pair.flag, pair.value)
		}
	}
	if q.out != "" && q.goodFor != deploy.PlanTTL {
		out = append(out, "--good-for", q.goodFor.String())
	}
	for _, name := range q.allow {
		out = append(out, "--allow", name)
	}
	if q.maxFailures >= 0 {
		out = append(out, "--max-failures", fmt.Sprint(q.maxFailures))
	}
	return out
}

func permitNames() []string {
	var out []string
	for _, p := range deploy.Permits {
		out = append(out, string(p))
	}
	return out
}

// deployOptions are how a deployment to an environment is to go about it.
func (a *app) deployOptions(ctx context.Context, p *project, env config.Environment, doing string) (deploy.Options, error) {
	whole, err := p.config.Select(env.Name) // a part of an environment has the configuration of all of it
	if err != nil {
		return deploy.Options{}, err
	}
	configuration, err := configurationDigest(p.config.Pipeline, whole[0])
	if err != nil {
		return deploy.Options{}, err
	}
	parts, err := a.billOfMaterials()
	return deploy.Options{
		Artifacts: deploy.Artifacts{ToolSBOM: parts},
		Run:       deploy.RunInfo{ID: a.runID(), Command: "lockstep " + doing, Mode: string(a.mode()), Commit: a.currentCommit(ctx, p)},
		Progress:  a.printProgress, ConfigurationDigest: configuration, RequiresApproval: env.Approval, LivenessDir: p.statePath("alive"),
	}, err
}

// billOfMaterials is the bill of materials of what makes and deploys a release.
func (a *app) billOfMaterials() ([]byte, error) {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return nil, nil // a build without modules, which tells nothing of itself
	}
	var pins []bill.PinnedTool
	for _, name := range tools.InstallableNames() {
		pins = append(pins, bill.PinnedTool{Name: name, Version: pipeline.Tools[name].Version, Sum: tools.Sum(name)})
	}
	return bill.CycloneDX(build, pins)
}

// runID is this process's.
func (a *app) runID() string {
	if a.cachedRunID == "" {
		a.cachedRunID = deploy.NewRunID()
	}
	return a.cachedRunID
}

// configurationDigest is the SHA-256 of what the configuration says of an environment, defaults filled in.
func configurationDigest(p config.Pipeline, env config.Environment) (digest.Configuration, error) {
	data, err := json.Marshal(config.Config{Pipeline: p, Environments: []config.Environment{env}})
	sum := sha256.Sum256(data)
	return digest.Configuration(hex.EncodeToString(sum[:])), err
}

// currentCommit is what is checked out, with a plus sign where files differ from it; empty if that cannot be told. In CodeBuild, and wherever there is no
// repository, a variable tells it.
func (a *app) currentCommit(ctx context.Context, p *project) string {
	for _, name := range []string{"LOCKSTEP_COMMIT", "CODEBUILD_RESOLVED_SOURCE_VERSION"} {
		if value := tools.Getenv(a.Environ, name); value != "" {
			return value
		}
	}
	if _, err := os.Stat(filepath.Join(p.root, ".git")); err != nil {
		return ""
	}
	git := func(arguments ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", append([]string{"-C", p.root, "-c", "core.fsmonitor=false"}, arguments...)...)
		cmd.Env = a.Environ
		out, err := cmd.Output()
		return strings.TrimSpace(string(out)), err
	}
	head, err := git("rev-parse", "HEAD")
	if err != nil {
		return ""
	}
	if changed, err := git("status", "--porcelain", "--untracked-files=no"); err != nil || changed != "" {
		head += "+"
	}
	return head
}
