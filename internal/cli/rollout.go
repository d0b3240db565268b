package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/deploy/planfile"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lockstep/config"
	"lockstep/internal/fault"
	"lockstep/internal/pipeline"
	"lockstep/internal/report"
	"lockstep/internal/rollout"
)

// A rolloutCommand is a command that runs an operation in every account of environments. It is also the command of the
// steps of its stage, which run it with --assembly.
type rolloutCommand struct {
	stage pipeline.Stage
	// stages are the stages whose steps run without --assembly.
	stages []pipeline.Stage
	// requiresGates says that nothing may be written to AWS before every gate has passed.
	requiresGates bool
	short, long   string
	// source returns the assemblies that are used without --assembly, instead of running steps; nil, or returning nil, if
	// the steps run.
	source func(*rolloutFlags) rollout.Source
	// keepGoing says that an environment that fails does not stop those after it.
	keepGoing bool
	// addFlags adds the command's own flags; nil for none.
	addFlags  func(*rolloutFlags, *pflag.FlagSet)
	operation func(*rolloutFlags) rollout.Operation
}

// rolloutFlags are the flags of the commands plan, deploy, verify, rollback and approve.
type rolloutFlags struct {
	assembly    string
	recordFile  string
	checks      bool
	out         string
	drop        string
	goodFor     time.Duration
	planFile    string
	allow       []string
	maxFailures int
	toRelease   releaseNumber
	note        string
	against     string
	// expectPlan and expectAssembly are the digests of what is to be applied; empty for any.
	expectPlan     digestValue
	expectAssembly digestValue

	// reviewedPlan is the plan that --plan or --drop names, and permits are what --allow names. They are set by read.
	reviewedPlan *planfile.File
	permits      []change.Permit
	// project is the folder of the project.
	project string
}

func newRolloutFlags() *rolloutFlags { return &rolloutFlags{maxFailures: -1, goodFor: planfile.TTL} }

func (f *rolloutFlags) addOutFlags(flags *pflag.FlagSet, usage string) {
	addPathFlag(flags, &f.out, "out", usage)
	flags.DurationVar(&f.goodFor, "good-for", f.goodFor, "how long the plan may be applied")
}

func (f *rolloutFlags) addDeployFlags(flags *pflag.FlagSet) {
	addPathFlag(flags, &f.planFile, "plan", "apply the plan of this file as it is, or refuse")
	f.addAllowFlag(flags)
	f.addExpectPlanFlag(flags)
	flags.IntVar(&f.maxFailures, "max-failures", f.maxFailures, "in an environment with several accounts, "+
		"start no further account once more than so many have failed; by default, a failure stops the waves after it")
}

func (f *rolloutFlags) addAllowFlag(flags *pflag.FlagSet) {
	flags.StringSliceVar(&f.allow, "allow", nil, "allow what is refused by default: data-loss, permissions, "+
		"synthesizer, or import-existing, which has to be known when the plan is made")
}

// read reads what the flags name. It makes paths absolute, because a step works in the project's folder.
func (f *rolloutFlags) read() error {
	if err := f.checkCombination(); err != nil {
		return err
	}
	for _, path := range []*string{&f.out, &f.drop, &f.planFile} {
		var err error
		if *path, err = absolute(*path); err != nil {
			return err
		}
	}
	for _, name := range f.allow {
		permit := change.Permit(name)
		if !slices.Contains(change.Permits, permit) {
			return usagef(fault.FlagValue, "--allow %s: write %s", name, alternatives(stringsOf(change.Permits)))
		}
		f.permits = append(f.permits, permit)
	}
	for _, path := range []string{f.planFile, f.drop} {
		if path == "" {
			continue
		}
		file, err := planfile.Read(path)
		if err != nil {
			return err
		}
		f.reviewedPlan = &file
		if err := f.checkExpectedPlan(file); err != nil {
			return err
		}
	}
	return nil
}

// readEnvironments reads what the flags name and returns the environments of the command.
func (f *rolloutFlags) readEnvironments(p *project, name string) ([]config.Environment, error) {
	if err := f.read(); err != nil {
		return nil, err
	}
	return f.environments(p, name)
}

// environments returns the environments that --env names or, without it, the one that the plan is of.
func (f *rolloutFlags) environments(p *project, name string) ([]config.Environment, error) {
	if name == "" && f.reviewedPlan != nil {
		name = f.reviewedPlan.Environment
	}
	f.project = p.root
	environments, err := p.selectEnvironments(name)
	if err != nil {
		return nil, err
	}
	return environments, f.check(environments)
}

// checkCombination returns an error if flags contradict each other. It is called before any of their files is read.
func (f *rolloutFlags) checkCombination() error {
	switch {
	case f.out != "" && f.drop != "":
		return usagef(fault.FlagConflict, "--out makes a plan and --drop throws one away: write one of them")
	case f.out != "" && f.planFile != "":
		return usagef(fault.FlagConflict, "--out makes a plan and --plan applies one: write one of them")
	case f.against != "" && f.against != againstRelease && f.against != againstSource:
		return usagef(fault.FlagValue, "--against %s: write %s or %s", f.against, againstRelease, againstSource)
	case f.against != "" && f.assembly != "":
		return usagef(fault.FlagConflict, "--assembly names what to compare with, and so does --against: write one of them")
	case f.expectPlan != "" && f.planFile == "":
		return usagef(fault.FlagConflict, "--expect-plan is for a plan: write --plan with its file")
	case f.goodFor < 0:
		return usagef(fault.FlagValue, "--good-for %v: a plan cannot be good until before it is made", f.goodFor)
	}
	return nil
}

// check returns an error if flags contradict the environments.
func (f *rolloutFlags) check(environments []config.Environment) error {
	isSingle := len(environments) == 1
	switch {
	case f.recordFile != "" && (f.assembly == "" || !isSingle):
		return usagef(fault.FlagMissing, "--record is for one environment with --assembly")
	case !isSingle && (f.out != "" || f.planFile != "" || f.drop != ""):
		return usagef(fault.FlagMissing, "a plan is of one environment: name it with --env")
	case !isSingle && f.expectAssembly != "":
		return usagef(fault.FlagConflict, "--expect-assembly is the digest of one environment: name it with --env")
	}
	if err := f.checkOutFiles(); err != nil || f.reviewedPlan == nil {
		return err
	}
	return rollout.CheckPlan(*f.reviewedPlan, environments[0])
}

// checkOutFiles returns an error if what the flags name cannot be written there.
func (f *rolloutFlags) checkOutFiles() error {
	record := outFile{"--record", f.recordFile, recordOut, f.project}
	if f.out == "" {
		return checkOutFiles(record)
	}
	if err := checkPlanFile(f.out); err != nil {
		return err
	}
	return checkOutFiles(
		outFile{"--out", f.out, planOut, f.project},
		outFile{"--out", planfile.MarkdownPath(f.out), markdownOut, f.project}, record)
}

// extraArgs returns the flags that the steps of the command's stage are run with, besides those of the pipeline.
func (f *rolloutFlags) extraArgs() []string {
	var args []string
	if f.out != "" {
		args = append(args, "--out", f.out)
	}
	if f.planFile != "" {
		args = append(args, "--plan", f.planFile)
	}
	if f.expectPlan != "" {
		args = append(args, "--expect-plan", f.expectPlan.String())
	}
	if f.expectAssembly != "" {
		args = append(args, "--expect-assembly", f.expectAssembly.String())
	}
	if f.out != "" && f.goodFor != planfile.TTL {
		args = append(args, "--good-for", f.goodFor.String())
	}
	for _, name := range f.allow {
		args = append(args, "--allow", name)
	}
	if f.maxFailures >= 0 {
		args = append(args, "--max-failures", fmt.Sprint(f.maxFailures))
	}
	return args
}

func (a *app) newRolloutCommand(r rolloutCommand) *cobra.Command {
	f := newRolloutFlags()
	cmd := &cobra.Command{
		Use: string(r.stage), Short: r.short, Long: r.long, Args: noArgs,
		RunE: a.inProject(func(ctx context.Context, p *project) (result, error) {
			environments, err := f.readEnvironments(p, a.env)
			if err != nil {
				return nil, err
			}
			if f.drop != "" {
				return a.dropPlan(ctx, p, f)
			}
			source := r.assemblySource(f)
			if source == nil {
				return a.runRolloutSteps(ctx, r, p, environments, f)
			}
			return a.rollOut(ctx, p, f, rollout.Request{
				Command: string(r.stage), Environments: environments, MaxFailures: f.maxFailures, KeepGoing: r.keepGoing,
				Source: source, Operation: r.operation(f), ExpectedDigest: digest.Environment(f.expectAssembly),
			})
		}),
	}
	a.addEnvFlag(cmd)
	a.addLiveFlag(cmd)
	flags := cmd.Flags()
	addPathFlag(flags, &f.assembly, "assembly", "use the cloud assembly in this folder, "+
		"or in its subfolder for the environment, instead of synthesising one")
	addPathFlag(flags, &f.recordFile, "record", "write the result to this file as JSON, for the program that runs this "+
		"as a step, instead of a summary to stdout")
	if r.addFlags != nil {
		r.addFlags(f, flags)
	}
	if r.requiresGates {
		flags.BoolVar(&f.checks, "checks", false, "run every gate before a rehearsal too, as --live always does")
		a.addRefreshFlag(cmd)
	}
	return cmd
}

// assemblySource returns the assemblies that a command uses as they are, or nil if its steps make them.
func (r rolloutCommand) assemblySource(f *rolloutFlags) rollout.Source {
	switch {
	case f.assembly != "":
		return rollout.Synthesised{Dir: f.assembly}
	case r.source != nil:
		return r.source(f)
	}
	return nil
}

// A releaseNumber is the value of a flag that names a release; 0 if the flag is not written.
type releaseNumber int

// String implements pflag.Value.
func (n *releaseNumber) String() string { return strconv.Itoa(int(*n)) }

// Type implements pflag.Value.
func (*releaseNumber) Type() string { return "number" }

// Set implements pflag.Value. Releases are numbered from 1.
func (n *releaseNumber) Set(text string) error {
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 {
		return fault.New(fault.FlagValue, "write the number of a release, which is 1 or more")
	}
	*n = releaseNumber(number)
	return nil
}

// runRolloutSteps runs the steps of the command's stages and all steps that they need.
func (a *app) runRolloutSteps(
	ctx context.Context, r rolloutCommand, p *project, environments []config.Environment, f *rolloutFlags,
) (result, error) {
	g, err := p.graph()
	if err != nil {
		return nil, err
	}
	stages := r.stages
	if r.requiresGates && (a.live || f.checks) {
		stages = slices.Concat(stages, pipeline.GateStages)
	}
	session := a.session(p)
	j := job{
		command: string(r.stage), mode: a.mode(), project: p, environments: environments, recordStage: r.stage,
		graph: selectSteps(g, stages, environments).WithExtraArgs(r.stage, f.extraArgs()...),
	}
	if a.live {
		if err := session.CheckCaller(ctx, environments); err != nil {
			return nil, err
		}
	} else {
		j.acquireAccounts = func(ctx context.Context, progress func(string)) (func() error, error) {
			_, _, release, err := session.AcquireEmulator(ctx, environments, progress)
			return release, err
		}
	}
	return a.runJob(ctx, j)
}

// rollOut runs the request in this process. The result is written to the file of --record instead, if there is one.
func (a *app) rollOut(ctx context.Context, p *project, f *rolloutFlags, q rollout.Request) (result, error) {
	started := a.Now()
	if f.recordFile == "" && !a.json {
		a.announce(a.mode(), q.Environments)
	}
	records, err := a.session(p).Run(ctx, q)
	if f.recordFile != "" {
		return nil, errors.Join(err, rollout.WriteRecord(p.root, f.recordFile, records))
	}
	summary := &report.Summary{Envelope: report.Envelope{
		Time: a.Now(), Command: q.Command, Mode: a.mode(), LiveEndpoint: a.endpointOf(a.mode()), Result: a.verdictOf(err),
		Millis: a.Now().Sub(started).Milliseconds(),
	}}
	for _, record := range records {
		summary.Add(record)
	}
	if !a.live {
		summary.NotRehearsed = rollout.NotRehearsed(q.Environments)
	}
	if err != nil {
		summary.SetError(err)
		return summary, printedError{err}
	}
	return summary, nil
}
