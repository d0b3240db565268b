package pipeline

import (
	"fmt"
	"slices"

	"lockstep/config"
)

// A Pipeline is one pipeline of CodePipeline: what starts it, and the stages that a change goes through. It says in the words of this package what
// the pipeline stack turns into resources.
type Pipeline struct {
	// Name is unique among the lines; letters and hyphens.
	Name        string
	Description string
	Trigger     Trigger
	Stages      []PipelineStage
}

// Engine is where the jobs of the line run their containers. What nobody has reviewed yet never comes near an engine, or a network, that deployments use: it
// could leave something in the engine's caches.
func (l Pipeline) Engine(configured config.Engine) config.Engine {
	if l.Trigger == PullRequest {
		return config.Engine{ImagePrefix: configured.ImagePrefix}
	}
	return configured
}

// A Trigger is what starts a line.
type Trigger string

// What can start a line.
const (
	Push        Trigger = "push"
	Tag         Trigger = "tag"
	PullRequest Trigger = "pull request"
	// Schedule starts a line at the times that the configuration says.
	Schedule Trigger = "schedule"
)

// A PipelineStage is a stage of a line. Its jobs run side by side, after the approval where it asks for one.
type PipelineStage struct {
	Name string
	// Approval is what a person is shown who has to agree before the jobs run; empty for no approval. It may hold variables of earlier jobs, as
	// #{JOB.VARIABLE}. CodePipeline takes at most 1,000 characters.
	Approval string
	Jobs     []Job
}

// A Job is one run of CodeBuild: calls of the Dagger module, one after the other.
type Job struct {
	// Name is unique in its line.
	Name, Description string
	// Calls end the job with the first that fails.
	Calls []Call
	// Permission is what the job may do in the accounts, and Environment the environment that it may do it to.
	Permission  Permission
	Environment string
	// Inputs are the artefacts that it is given, the repository's files first; Leaves is the one that it makes, empty for none.
	Inputs []string
	Output string
	// OutputFolder is the folder whose files are the artefact that it leaves.
	OutputFolder string
	// ReportsFolder is the folder of its JUnit reports; empty for none.
	ReportsFolder string
	// ExportedVariables are the variables that later stages may read, by name, each with the file that holds its value.
	ExportedVariables map[string]string
}

// A Permission is what a job may do in an account.
type Permission string

// The rights. A job of a pull request runs what nobody has reviewed, so it has None and there is nothing that it could give away.
const (
	NoPermission Permission = "none"
	// PlanPermission makes and drops change sets: the deploy role, which CloudFormation asks to execute them too. What keeps it from being more is the plan
	// that is looked at before the stage that follows.
	PlanPermission   Permission = "plan"
	DeployPermission Permission = "deploy"
	// ReadPermission reads what there is and what was deployed, and changes nothing.
	ReadPermission Permission = "look"
)

// Roles are the roles of `cdk bootstrap` that a job with this right takes on in its environment.
func (r Permission) Roles() []string {
	switch r {
	case NoPermission:
		return nil
	case ReadPermission:
		return []string{RecordsRole, "lookup-role"}
	}
	return []string{"deploy-role", RecordsRole, "lookup-role"} // the last one reads alarms
}

// AllowsPromotion says whether a job with this right brings a release on from the environment before.
func (r Permission) AllowsPromotion() bool { return r == PlanPermission || r == DeployPermission }

// RecordsRole publishes the templates that change sets read, and reads and writes what is kept of releases.
const RecordsRole = "file-publishing-role"

// A Call is one call of a function of the Dagger module.
type Call struct {
	// Function and Arguments are what `dagger call` is given. An argument that begins with $ is a variable of the job.
	Function  string
	Arguments []string
	// Credentials are handed to the function, so that it works on the real accounts.
	Credentials bool
	// Export is the folder that the files of the function's result are written to; empty for none.
	Export string
}

// The artefacts that go from stage to stage.
const (
	SourceArtifact   = "source"
	AssemblyArtifact = "assembly"
)

// Where a job keeps what it leaves.
const (
	reportsFolder  = "reports"
	assemblyFolder = "assembly"
	planFolder     = "plan"
)

// Pipelines is the pipelines: one that takes a push to every environment before the first that a person approves, one that takes a tag to the rest,
// one that checks what nobody has reviewed yet and previews what it would change on emulated accounts, and one that looks for what was changed by hand.
func Pipelines(c *config.Config) []Pipeline {
	before := slices.IndexFunc(c.Environments, func(e config.Environment) bool { return e.Approval })
	if before < 0 {
		before = len(c.Environments)
	}
	lines := []Pipeline{
		{
			Name: "main", Description: "from a push to the last environment before an approval", Trigger: Push,
			Stages: append(checkStages(), promotionStages(c.Environments[:before])...),
		},
		{
			Name: "release", Description: "from a tag to the environments that a person approves", Trigger: Tag,
			Stages: append(checkStages(), promotionStages(c.Environments[before:])...),
		},
		{
			Name: "pull-request", Description: "checks what nobody has reviewed yet", Trigger: PullRequest,
			Stages: append(checkStages(), previewStage(c.Environments)),
		},
	}
	if c.Pipeline.DriftSchedule != config.DriftScheduleNever {
		lines = append(lines, Pipeline{
			Name: DriftPipeline, Description: "compares every environment with what was deployed to it", Trigger: Schedule, Stages: []PipelineStage{driftStage(c.Environments)},
		})
	}
	return lines
}

// DriftPipeline is the name of the line that looks for drift.
const DriftPipeline = "drift"

// driftStage look at every environment, whatever the others come to. A job fails where something was changed by hand.
func driftStage(environments []config.Environment) PipelineStage {
	stage := PipelineStage{Name: DriftPipeline}
	for _, env := range environments {
		stage.Jobs = append(stage.Jobs, Job{
			Name: env.Name, Description: "what was changed by hand in " + env.Name, Permission: ReadPermission, Environment: env.Name, Inputs: []string{SourceArtifact},
			Calls: []Call{{Function: "drift", Arguments: []string{"--env", env.Name}, Credentials: true}},
		})
	}
	return stage
}

// checkStages are the gates, each stage of them a job, and then the synthesis, once for all environments: what prod gets is made before dev is touched.
func checkStages() []PipelineStage {
	var gates []Job
	for _, gate := range GateStages {
		gates = append(gates, Job{
			Name: string(gate), Description: "the gates of the stage " + string(gate), Permission: NoPermission, Inputs: []string{SourceArtifact}, ReportsFolder: reportsFolder,
			Calls: []Call{
				// The report is there whether the gates pass or not, so it is asked for first; the second call takes it from the cache.
				{Function: "report", Arguments: []string{"--stage", string(gate)}, Export: reportsFolder},
				{Function: string(gate)},
			},
		})
	}
	synth := Job{
		Name: string(Synth), Description: "the cloud assemblies of all environments", Permission: NoPermission, Inputs: []string{SourceArtifact},
		Calls:  []Call{{Function: string(Synth), Export: assemblyFolder}},
		Output: AssemblyArtifact, OutputFolder: assemblyFolder,
	}
	return []PipelineStage{{Name: "checks", Jobs: gates}, {Name: string(Synth), Jobs: []Job{synth}}}
}

// promotionStages is a stage for each environment, in the order of promotion. Before one that a person approves stands its plan, which is what the person
// sees and exactly what is then applied.
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
				Name:     env.Name,
				Approval: fmt.Sprintf("Plan #{%[1]s.%[2]s} for %[3]s: #{%[1]s.%[4]s}", plan.Name, planDigestVariable, env.Name, planSummaryVariable),
				Jobs:     []Job{applyJob(env.Name, plan)},
			})
	}
	return stages
}

// The variables by which a job that plans shows its plan.
const (
	planDigestVariable  = "LOCKSTEP_PLAN_DIGEST"
	planSummaryVariable = "LOCKSTEP_PLAN_SUMMARY"
)

// environmentArgs are the arguments of every function that reaches an environment with an assembly that was made earlier.
func environmentArgs(name string) []string {
	return []string{"--env", name, "--assembly", inputFolderVariable(AssemblyArtifact), "--commit", "$CODEBUILD_RESOLVED_SOURCE_VERSION"}
}

// deployJob plans and applies, and reads back what came of it.
func deployJob(env string) Job {
	return Job{
		Name: "deploy-" + env, Description: "deploys to " + env, Permission: DeployPermission, Environment: env, Inputs: []string{SourceArtifact, AssemblyArtifact},
		Calls: []Call{{Function: string(Deploy), Arguments: environmentArgs(env), Credentials: true}},
	}
}

// planJob makes a plan and keeps it.
func planJob(env string) Job {
	name := "plan-" + env
	return Job{
		Name: name, Description: "what a deployment to " + env + " would change", Permission: PlanPermission, Environment: env, Inputs: []string{SourceArtifact, AssemblyArtifact},
		Calls: []Call{{
			Function: "plan-file", Arguments: environmentArgs(env), Credentials: true, Export: planFolder,
		}},
		Output: "plan_" + env, OutputFolder: planFolder, // part of a variable's name, so without a hyphen
		ExportedVariables: map[string]string{planDigestVariable: planFolder + "/digest", planSummaryVariable: planFolder + "/summary"},
	}
}

// applyJob applies exactly the plan of a job, after noting that a person has agreed to it.
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

// PlanFile is the name of the plan among the files that the function plan returns.
const PlanFile = "plan.json"

// previewStage show on emulated accounts what a change would deploy. No credentials are handed over, because there are none.
func previewStage(environments []config.Environment) PipelineStage {
	stage := PipelineStage{Name: "preview"}
	for _, env := range environments {
		stage.Jobs = append(stage.Jobs, Job{
			Name: "preview-" + env.Name, Description: "what " + env.Name + " would be given, on emulated accounts", Permission: NoPermission, Inputs: []string{SourceArtifact, AssemblyArtifact},
			Calls: []Call{{Function: string(Plan), Arguments: environmentArgs(env.Name)}},
		})
	}
	return stage
}

// inputFolderVariable is the variable by which CodeBuild tells where it has put an artefact beside the repository's files.
// Source: the CodeBuild user guide, environment variables in build environments.
func inputFolderVariable(artefact string) string { return "$CODEBUILD_SRC_DIR_" + artefact }
