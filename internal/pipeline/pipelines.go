package pipeline

import (
	"fmt"
	"slices"

	"lockstep/config"
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
	Jobs     []Job
}

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
}

// A Permission is what a job may do in an account.
type Permission string

// The permissions. A job of a pull request runs code that nobody has reviewed, so it has NoPermission.
const (
	NoPermission Permission = "none"
	// PlanPermission creates and deletes change sets. CloudFormation needs the deployment role for that, which could
	// execute them too; the calls of the job do not.
	PlanPermission   Permission = "plan"
	DeployPermission Permission = "deploy"
	// ReadPermission reads resources and records, and changes nothing.
	ReadPermission Permission = "look"
)

// Roles returns the roles of `cdk bootstrap` that a job with this permission assumes in its environment.
func (p Permission) Roles() []string {
	switch p {
	case NoPermission:
		return nil
	case ReadPermission:
		return []string{RecordsRole, "lookup-role"}
	}
	return []string{"deploy-role", RecordsRole, "lookup-role"} // the last one reads alarms
}

// AllowsPromotion reports whether a job with this permission promotes a release from the environment before.
func (p Permission) AllowsPromotion() bool { return p == PlanPermission || p == DeployPermission }

// RecordsRole publishes the templates that change sets read, and reads and writes the records of releases.
const RecordsRole = "file-publishing-role"

// A Call is one call of a function of the Dagger module.
type Call struct {
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
)

// Pipelines returns the pipelines. The first deploys each push to the environments that no approval comes before, and
// the second deploys each tag to the others. The third checks pull requests and previews their changes on emulated
// accounts, and the last looks for drift.
func Pipelines(c *config.Config) []Pipeline {
	unapproved, approved := splitAtApprovals(c.Environments)
	pipelines := []Pipeline{
		{
			Name: "main", Description: "from a push to the last environment before an approval", Trigger: Push,
			Stages: append(checkStages(), promotionStages(unapproved)...),
		},
		{
			Name: "release", Description: "from a tag to the environments that a person approves", Trigger: Tag,
			Stages: append(checkStages(), promotionStages(approved)...),
		},
		{
			Name: "pull-request", Description: "checks what nobody has reviewed yet", Trigger: PullRequest,
			Stages: append(checkStages(), previewStage(c.Environments)),
		},
	}
	if c.Pipeline.DriftSchedule != config.DriftScheduleNever {
		pipelines = append(pipelines, Pipeline{
			Name: DriftPipeline, Trigger: Schedule,
			Description: "publishes every environment's key metrics, and compares it with what was deployed to it",
			Stages:      []PipelineStage{driftStage(c.Environments)},
		})
	}
	return pipelines
}

// splitAtApprovals returns the environments that are deployed to without an approval, and those that have an approval
// or come after one that has, each in promotion order.
func splitAtApprovals(environments []config.Environment) (unapproved, approved []config.Environment) {
	isApproved := map[string]bool{}
	for _, env := range environments { // those before an environment come first
		isApproved[env.Name] = env.Approval || isApproved[env.After]
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

// checkStages returns a stage with a job for each stage of gates, and one with the synthesis of all environments: what
// prod gets is synthesised before dev is changed.
func checkStages() []PipelineStage {
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
	synth := Job{
		Name: string(Synth), Description: "the cloud assemblies of all environments", Permission: NoPermission,
		Inputs: []string{SourceArtifact},
		Calls:  []Call{{Function: string(Synth), Export: assemblyFolder}},
		Output: AssemblyArtifact, OutputFolder: assemblyFolder,
	}
	return []PipelineStage{{Name: "checks", Jobs: gates}, {Name: string(Synth), Jobs: []Job{synth}}}
}

// promotionStages returns a stage for each environment in promotion order. An environment with an approval has a stage
// with its plan before it: the person sees the plan, and that plan is applied as it is.
func promotionStages(environments []config.Environment) []PipelineStage {
	var stages []PipelineStage
	for _, env := range environments {
		if !env.Approval {
			stages = append(stages, PipelineStage{Name: env.Name, Jobs: []Job{deployJob(env.Name)}})
			continue
		}
		plan := planJob(env.Name)
		stages = append(stages,
			PipelineStage{Name: plan.Name, Jobs: []Job{plan}},
			PipelineStage{
				Name: env.Name,
				Approval: fmt.Sprintf("Plan #{%[1]s.%[2]s} for %[3]s: #{%[1]s.%[4]s}", plan.Name, planDigestVariable, env.Name,
					planSummaryVariable),
				Jobs: []Job{applyJob(env.Name, plan)},
			})
	}
	return stages
}

// The variables with which a plan job describes its plan.
const (
	planDigestVariable  = "LOCKSTEP_PLAN_DIGEST"
	planSummaryVariable = "LOCKSTEP_PLAN_SUMMARY"
)

// environmentArgs returns the arguments of functions that use an environment's accounts and an existing assembly.
func environmentArgs(name string) []string {
	return []string{
		"--env", name, "--assembly", inputFolderVariable(AssemblyArtifact), "--commit",
		"$CODEBUILD_RESOLVED_SOURCE_VERSION",
	}
}

// deployJob returns a job that plans, applies and verifies.
func deployJob(env string) Job {
	return Job{
		Name: "deploy-" + env, Description: "deploys to " +
			env, Permission: DeployPermission, Environment: env, Inputs: []string{SourceArtifact, AssemblyArtifact},
		Calls: []Call{{Function: string(Deploy), Arguments: environmentArgs(env), Credentials: true}},
	}
}

// planJob returns a job that makes a plan and saves it.
func planJob(env string) Job {
	name := "plan-" + env
	return Job{
		Name: name, Description: "what a deployment to " + env +
			" would change", Permission: PlanPermission, Environment: env, Inputs: []string{SourceArtifact, AssemblyArtifact},
		Calls: []Call{{
			Function: "plan-file", Arguments: environmentArgs(env), Credentials: true, Export: planFolder,
		}},
		Output: "plan_" + env, OutputFolder: planFolder, // part of a variable's name, so without a hyphen
		ExportedVariables: map[string]string{
			planDigestVariable:  planFolder + "/digest",
			planSummaryVariable: planFolder + "/summary",
		},
	}
}

// applyJob returns a job that records the approval of a plan job's plan and applies that plan.
func applyJob(env string, plan Job) Job {
	job := deployJob(env)
	job.Inputs = append(job.Inputs, plan.Output)
	file := []string{"--plan", inputFolderVariable(plan.Output) + "/" + PlanFile}
	job.Calls = []Call{
		{Function: "approve", Arguments: append(slices.Clone(file), "--note", "$CODEBUILD_INITIATOR"), Credentials: true},
		{Function: string(Deploy), Arguments: append(environmentArgs(env), file...), Credentials: true},
	}
	return job
}

// PlanFile is the name of the plan among the files that the function plan-file returns.
const PlanFile = "plan.json"

// previewStage returns the stage that shows on emulated accounts what a change would deploy. Its jobs have no
// credentials.
func previewStage(environments []config.Environment) PipelineStage {
	stage := PipelineStage{Name: "preview"}
	for _, env := range environments {
		stage.Jobs = append(stage.Jobs, Job{
			Name: "preview-" + env.Name, Description: "what " + env.Name +
				" would be given, on emulated accounts", Permission: NoPermission, Inputs: []string{
				SourceArtifact,
				AssemblyArtifact,
			},
			Calls: []Call{{Function: string(Plan), Arguments: environmentArgs(env.Name)}},
		})
	}
	return stage
}

// inputFolderVariable returns the variable with the folder of an artifact other than the first. Source: the CodeBuild
// user guide, environment variables in build environments.
func inputFolderVariable(artifact string) string { return "$CODEBUILD_SRC_DIR_" + artifact }
