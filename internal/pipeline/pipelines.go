package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lockstep/config"
	"lockstep/internal/roles"
)

// A Pipeline is one pipeline of CodePipeline: its trigger and its stages. The pipeline stack makes resources of it.
type Pipeline struct {
	// Name is unique among the pipelines. It has letters and hyphens.
	Name        string
	Description string
	Trigger     Trigger
	Stages      []PipelineStage
}

// Engine returns the engine that the jobs use. Code that nobody has reviewed never uses an engine or a network of
// deployments, because it could leave something in the engine's caches.
func (p Pipeline) Engine(configured config.Engine) config.Engine {
	if p.Trigger == PullRequest {
		return config.Engine{ImagePrefix: configured.ImagePrefix}
	}
	return configured
}

// A Trigger is what starts a pipeline.
type Trigger string

// The triggers of pipelines.
const (
	Push        Trigger = "push"
	Tag         Trigger = "tag"
	PullRequest Trigger = "pull request"
	// Schedule starts a pipeline at the configured times.
	Schedule Trigger = "schedule"
)

// A PipelineStage is a stage of a pipeline. Its jobs run side by side, after the approval if there is one.
type PipelineStage struct {
	Name string
	// Approval is shown to the person who has to approve before the jobs run; empty for no approval. It may refer to
	// variables of earlier jobs, as #{JOB.VARIABLE}. CodePipeline takes at most 1,000 characters.
	Approval string
	// ApprovalTimeout is how long the stage waits for the person.
	ApprovalTimeout time.Duration
	Jobs            []Job
}

// ApprovalAction returns the name of the action in which a person approves what the stage of that name does.
func ApprovalAction(stage string) string { return "approve-" + stage }

// A Job is one run of CodeBuild: calls of the Dagger module, one after the other.
type Job struct {
	// Name is unique in the pipeline.
	Name, Description string
	// Calls run until one fails.
	Calls []Call
	// Permission is what the job may do in the accounts, and Environment is the environment whose accounts these are.
	Permission  Permission
	Environment string
	// PublishesMetrics says that the job writes the key metrics to CloudWatch in the tooling account.
	PublishesMetrics bool
	// Inputs are the artifacts that the job reads, the repository's files first. Output is the artifact that it writes;
	// empty for none.
	Inputs []string
	Output string
	// OutputFolder is the folder whose files are the output.
	OutputFolder string
	// ReportsFolder is the folder of the JUnit reports; empty for none.
	ReportsFolder string
	// ExportedVariables are the variables that later stages can read, by name, with the file of the value.
	ExportedVariables map[string]string
	// Variables are the values of earlier jobs that the job is given, by the name of its environment variable, as
	// #{JOB.VARIABLE}. A job of which one is empty fails at once.
	Variables map[string]string
	// Branch is the branch that the job's commit must be on; empty for any.
	Branch string
	// NamesAuthor says that the job reads from the repository who has written the commit.
	NamesAuthor bool
	// ReadsApproval says that the job asks CodePipeline who has approved.
	ReadsApproval bool
	// CommentsPlans says that the job comments the plans among its inputs on the pull request. It has a right to write
	// comments, so it runs what was merged before, and nothing of the pull request.
	CommentsPlans bool
}

// A Permission is what a job may do in an account.
type Permission string

// The permissions. A job of a pull request runs code that nobody has reviewed, so it has NoPermission.
const (
	NoPermission Permission = "none"
	// PlanPermission creates and deletes change sets, and registers plans. It executes and approves nothing.
	PlanPermission   Permission = "plan"
	DeployPermission Permission = "deploy"
	// ReadPermission reads resources and records, and changes nothing.
	ReadPermission Permission = "look"
)

// Roles returns the roles that a job with this permission assumes in its environment.
func (p Permission) Roles() []roles.Kind {
	switch p {
	case NoPermission:
		return nil
	case ReadPermission:
		return []roles.Kind{roles.LedgerReader, roles.Lookup}
	case PlanPermission:
		return []roles.Kind{roles.Planner, roles.FilePublishing, roles.ImagePublishing}
	}
	// After a deployment, the job verifies what it has deployed as the two last ones.
	return []roles.Kind{
		roles.Deploy, roles.FilePublishing, roles.ImagePublishing, roles.LedgerWriter, roles.LedgerReader, roles.Lookup,
	}
}

// PredecessorRoles returns the roles that a job with this permission assumes in the environment before its own, whose
// records say what may be promoted.
func (p Permission) PredecessorRoles() []roles.Kind {
	if p == DeployPermission {
		return []roles.Kind{roles.LedgerReader}
	}
	return nil
}

// A Call is one call of a function of the Dagger module.
type Call struct {
	// Module is the module that is called; empty for that of the repository.
	Module string
	// Function and Arguments are the arguments of `dagger call`. An argument that begins with $ is a variable of the job.
	Function  string
	Arguments []string
	// Credentials is whether the function gets the job's credentials and works on the real accounts.
	Credentials bool
	// Export is the folder that the files of the result are written to; empty for none.
	Export string
}

// The artifacts that are passed from stage to stage.
const (
	SourceArtifact   = "source"
	AssemblyArtifact = "assembly"
)

// The folders of a job's results.
const (
	reportsFolder  = "reports"
	assemblyFolder = "assembly"
	planFolder     = "plan"
	digestsFolder  = "digests"
)

// Pipelines returns the pipelines. The first deploys each push to the environments that no approval comes before, and
// the second deploys each tag to the others. The third checks pull requests and previews their changes on emulated
// accounts, and the last looks for drift.
func Pipelines(c *config.Config) []Pipeline {
	unapproved, approved := splitAtApprovals(c.Environments)
	pipelines := []Pipeline{
		{
			Name: "main", Description: "from a push to the last environment before an approval", Trigger: Push,
			Stages: append(checkStages(c.Environments), promotionStages(unapproved, "")...),
		},
		{
			Name: "release", Description: "from a tag to the environments that a person approves", Trigger: Tag,
			Stages: onBranch(branchOf(c.Pipeline),
				append(checkStages(c.Environments), promotionStages(approved, c.Pipeline.Project+"-release")...)),
		},
		{
			Name: "pull-request", Description: "checks what nobody has reviewed yet", Trigger: PullRequest,
			Stages: []PipelineStage{gateStage(), previewStage(c.Environments)},
		},
	}
	if c.Pipeline.DriftSchedule != config.DriftScheduleNever {
		pipelines = append(pipelines, Pipeline{
			Name: DriftPipeline, Trigger: Schedule,
			Description: "publishes key metrics, and compares each environment with its release",
			Stages:      []PipelineStage{driftStage(c.Environments)},
		})
	}
	if source := c.Pipeline.Source; source != nil && source.Module != "" {
		callModule(pipelines, source.Module)
	}
	return pipelines
}

// callModule makes every job call a module that is not the repository's.
func callModule(pipelines []Pipeline, module string) {
	for _, p := range pipelines {
		for _, stage := range p.Stages {
			for _, job := range stage.Jobs {
				for i := range job.Calls {
					job.Calls[i].Module = module
				}
			}
		}
	}
}

// splitAtApprovals returns the environments that are deployed to without an approval, and those that have an approval
// or come after one that has, each in promotion order.
func splitAtApprovals(environments []config.Environment) (unapproved, approved []config.Environment) {
	isApproved := map[string]bool{}
	for _, env := range environments { // those before an environment come first
		isApproved[env.Name] = env.Approval.IsRequired() || isApproved[env.After]
		if isApproved[env.Name] {
			approved = append(approved, env)
		} else {
			unapproved = append(unapproved, env)
		}
	}
	return unapproved, approved
}

// DriftPipeline is the name of the pipeline that looks for drift. It runs on a schedule, and publishes the key metrics
// too: their window ends with the present, so they change on days without a deployment.
const DriftPipeline = "drift"

// driftStage returns the stage with a job for each environment. A job fails if a resource was changed outside
// Lockstep, after it has published the key metrics.
func driftStage(environments []config.Environment) PipelineStage {
	stage := PipelineStage{Name: DriftPipeline}
	for _, env := range environments {
		stage.Jobs = append(stage.Jobs, Job{
			Name: env.Name, Description: "what was changed by hand in " + env.Name + ", and its key metrics",
			Permission: ReadPermission, Environment: env.Name, PublishesMetrics: true, Inputs: []string{SourceArtifact},
			Calls: []Call{
				{Function: "publish-metrics", Arguments: []string{"--env", env.Name}, Credentials: true},
				{Function: "drift", Arguments: []string{"--env", env.Name}, Credentials: true},
			},
		})
	}
	return stage
}

// branchOf returns the branch of the code; empty where the platform has no pipelines, which the stacks leave out.
func branchOf(p config.Pipeline) string {
	if p.Source == nil {
		return ""
	}
	return p.Source.Branch
}

// onBranch returns stages whose jobs refuse a commit that is not on a branch. Whoever may push a tag can put it on any
// commit.
func onBranch(branch string, stages []PipelineStage) []PipelineStage {
	for _, stage := range stages {
		for i := range stage.Jobs {
			stage.Jobs[i].Branch = branch
		}
	}
	return stages
}

// checkStages returns the stage of the gates, and one with the synthesis of all environments: what prod gets is
// synthesised before dev is changed. The digests of the cloud assemblies are variables, which later jobs are given.
func checkStages(environments []config.Environment) []PipelineStage {
	synth := Job{
		Name: string(Synth), Description: "the cloud assemblies of all environments", Permission: NoPermission,
		Inputs: []string{SourceArtifact},
		Calls: []Call{
			{Function: string(Synth), Export: assemblyFolder},
			{Function: "digests", Arguments: []string{"--assembly", assemblyFolder}, Export: digestsFolder},
		},
		Output: AssemblyArtifact, OutputFolder: assemblyFolder, ExportedVariables: map[string]string{},
	}
	for _, env := range environments {
		synth.ExportedVariables[assemblyDigestVariable(env.Name)] = digestsFolder + "/" + env.Name
	}
	return []PipelineStage{gateStage(), {Name: string(Synth), Jobs: []Job{synth}}}
}

// gateStage returns a stage with a job for each stage of gates.
func gateStage() PipelineStage {
	var gates []Job
	for _, gate := range GateStages {
		gates = append(gates, Job{
			Name: string(gate), Description: "the gates of the stage " +
				string(gate), Permission: NoPermission, Inputs: []string{SourceArtifact}, ReportsFolder: reportsFolder,
			Calls: []Call{
				// The report is written whether the gates pass or not. The second call takes the results from the cache.
				{Function: "report", Arguments: []string{"--stage", string(gate)}, Export: reportsFolder},
				{Function: string(gate)},
			},
		})
	}
	return PipelineStage{Name: "checks", Jobs: gates}
}

// promotionStages returns a stage for each environment in promotion order. An environment with an approval has a stage
// with its plan before it: the person sees the plan, and that plan is applied as it is. The name is that of the
// pipeline.
func promotionStages(environments []config.Environment, name string) []PipelineStage {
	var stages []PipelineStage
	for i, env := range environments {
		if !env.Approval.IsRequired() {
			stages = append(stages, PipelineStage{Name: env.Name, Jobs: []Job{deployJob(env.Name)}})
			continue
		}
		plan := planJob(env.Name, i)
		stages = append(stages,
			PipelineStage{Name: plan.Name, Jobs: []Job{plan}},
			PipelineStage{
				Name: env.Name,
				Approval: fmt.Sprintf("Plan #{%[1]s.%[2]s} for %[3]s: #{%[1]s.%[4]s}", plan.Name, planDigestVariable, env.Name,
					planSummaryVariable),
				ApprovalTimeout: PlanTTL,
				Jobs:            []Job{applyJob(env.Name, name, plan)},
			})
	}
	return stages
}

// The variables with which a plan job describes its plan.
const (
	planDigestVariable  = "LOCKSTEP_PLAN_DIGEST"
	planSummaryVariable = "LOCKSTEP_PLAN_SUMMARY"
)

// PlanTTL is how long a plan may be applied by default.
const PlanTTL = 24 * time.Hour

// The variables of a job with what it has to find.
const (
	expectedPlanVariable     = "LOCKSTEP_EXPECTED_PLAN"
	expectedAssemblyVariable = "LOCKSTEP_EXPECTED_ASSEMBLY"
	executionVariable        = "LOCKSTEP_EXECUTION"
	authorVariable           = "LOCKSTEP_AUTHOR"
)

// assemblyDigestVariable returns the variable with the digest of an environment's cloud assembly. Environments have
// lower-case letters, digits and hyphens in their names.
func assemblyDigestVariable(env string) string {
	return "LOCKSTEP_ASSEMBLY_" + strings.ToUpper(strings.ReplaceAll(env, "-", "_"))
}

// variableOf returns the reference to a variable that a job exports.
func variableOf(job, name string) string { return "#{" + job + "." + name + "}" }

// environmentArgs returns the arguments of functions that use an environment's accounts and an existing assembly.
func environmentArgs(name string) []string {
	return []string{
		"--env", name, "--assembly", InputFolderVariable(AssemblyArtifact), "--commit",
		CommitVariable,
	}
}

// expectedAssembly returns the variables of a job that takes an environment's cloud assembly from the synthesis.
func expectedAssembly(env string) map[string]string {
	return map[string]string{expectedAssemblyVariable: variableOf(string(Synth), assemblyDigestVariable(env))}
}

// expectedAssemblyArgs are the arguments of a function that refuses any other cloud assembly than the expected one.
func expectedAssemblyArgs() []string {
	return []string{"--expect-assembly", "$" + expectedAssemblyVariable}
}

// DeployJobName returns the name of the job that deploys to an environment.
func DeployJobName(env string) string { return "deploy-" + env }

// deployJob returns a job that plans, applies and verifies.
func deployJob(env string) Job {
	return Job{
		Name: DeployJobName(env), Description: "deploys to " +
			env, Permission: DeployPermission, Environment: env, Inputs: []string{SourceArtifact, AssemblyArtifact},
		Variables: expectedAssembly(env),
		Calls: []Call{{
			Function: string(Deploy), Arguments: append(environmentArgs(env), expectedAssemblyArgs()...), Credentials: true,
		}},
	}
}

// planJob returns a job that makes a plan and saves it. The name of its output begins with a number, because
// CodePipeline keeps an artifact under the first ten characters of its name, which nobody else may write.
func planJob(env string, number int) Job {
	name := "plan-" + env
	return Job{
		Name: name, Description: "what a deployment to " + env +
			" would change", Permission: PlanPermission, Environment: env, Inputs: []string{SourceArtifact, AssemblyArtifact},
		Variables: expectedAssembly(env),
		Calls: []Call{{
			Function: "plan-file", Credentials: true, Export: planFolder,
			Arguments: slices.Concat(environmentArgs(env), expectedAssemblyArgs(), []string{"--author", "$" + authorVariable}),
		}},
		NamesAuthor: true,
		// The name is part of a variable's name, so it has no hyphens.
		Output: fmt.Sprintf("plan%d_%s", number, strings.ReplaceAll(env, "-", "_")), OutputFolder: planFolder,
		ExportedVariables: map[string]string{
			planDigestVariable:  planFolder + "/digest",
			planSummaryVariable: planFolder + "/summary",
		},
	}
}

// applyJob returns a job that records the approval of a plan job's plan and applies that plan. It refuses any other
// plan than the one whose digest the approver was shown.
func applyJob(env, pipelineName string, plan Job) Job {
	job := deployJob(env)
	job.Inputs = append(job.Inputs, plan.Output)
	job.Variables[expectedPlanVariable] = variableOf(plan.Name, planDigestVariable)
	job.Variables[executionVariable] = pipelineName + "/" + variableOf("codepipeline", "PipelineExecutionId")
	job.ReadsApproval = true
	file := []string{
		"--plan", InputFolderVariable(plan.Output) + "/" + PlanFile, "--expect-plan", "$" + expectedPlanVariable,
	}
	job.Calls = []Call{
		{Function: "approve", Arguments: append(slices.Clone(file),
			"--approved-in", "$"+executionVariable), Credentials: true},
		{
			Function: string(Deploy), Arguments: slices.Concat(environmentArgs(env), expectedAssemblyArgs(), file),
			Credentials: true,
		},
	}
	return job
}

// PlanFile is the name of the plan among the files that the function plan-file returns.
const PlanFile = "plan.json"

// previewStage returns the stage that shows on emulated accounts what a change would deploy. Its jobs have no
// credentials. Each synthesises for itself: executions of pull requests share an artifact store, and a job that writes
// nothing to it cannot exchange what another takes from there.
func previewStage(environments []config.Environment) PipelineStage {
	stage := PipelineStage{Name: "preview"}
	for _, env := range environments {
		stage.Jobs = append(stage.Jobs, Job{
			Name: "preview-" + env.Name, Description: "what " + env.Name + " would be given, on emulated accounts",
			Permission: NoPermission, Inputs: []string{SourceArtifact},
			Calls: []Call{{Function: string(Plan), Arguments: []string{
				"--env", env.Name, "--commit", CommitVariable,
			}}},
		})
	}
	return stage
}

// CommitVariable is the variable with the commit that a job works on. Source: as below.
const CommitVariable = "$CODEBUILD_RESOLVED_SOURCE_VERSION"

// InputFolderVariable returns the variable with the folder of an artifact other than the first. Source: the CodeBuild
// user guide, environment variables in build environments.
func InputFolderVariable(artifact string) string { return "$CODEBUILD_SRC_DIR_" + artifact }
