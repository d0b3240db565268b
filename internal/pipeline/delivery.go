package pipeline

import (
	"fmt"
	"slices"

	"lockstep/config"
)

// A Line is one pipeline of CodePipeline: what starts it, and the stages that a change goes through. It says in the words of this package what
// the pipeline stack turns into resources.
type Line struct {
	// Name is unique among the lines; letters and hyphens.
	Name   string
	About  string
	Starts Trigger
	Stages []LineStage
}

// Engine is where the jobs of the line run their containers. What nobody has reviewed yet never comes near an engine, or a network, that deployments use: it
// could leave something in the engine's caches.
func (l Line) Engine(configured config.Engine) config.Engine {
	if l.Starts == PullRequest {
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

// A LineStage is a stage of a line. Its jobs run side by side, after the approval where it asks for one.
type LineStage struct {
	Name string
	// Approval is what a person is shown who has to agree before the jobs run; empty for no approval. It may hold variables of earlier jobs, as
	// #{JOB.VARIABLE}. CodePipeline takes at most 1,000 characters.
	Approval string
	Jobs     []Job
}

// A Job is one run of CodeBuild: calls of the Dagger module, one after the other.
type Job struct {
	// Name is unique in its line.
	Name, About string
	// Calls end the job with the first that fails.
	Calls []Call
	// May is what the job may do in the accounts, and Environment the environment that it may do it to.
	May         Right
	Environment string
	// Takes are the artefacts that it is given, the repository's files first; Leaves is the one that it makes, empty for none.
	Takes  []string
	Leaves string
	// From is the folder whose files are the artefact that it leaves.
	From string
	// Reports is the folder of its JUnit reports; empty for none.
	Reports string
	// Shows are the variables that later stages may read, by name, each with the file that holds its value.
	Shows map[string]string
}

// A Right is what a job may do in an account.
type Right string

// The rights. A job of a pull request runs what nobody has reviewed, so it has None and there is nothing that it could give away.
const (
	None Right = "none"
	// MayPlan makes and drops change sets: the deploy role, which CloudFormation asks to execute them too. What keeps it from being more is the plan
	// that is looked at before the stage that follows.
	MayPlan   Right = "plan"
	MayDeploy Right = "deploy"
	// MayLook reads what there is and what was deployed, and changes nothing.
	MayLook Right = "look"
)

// Roles are the roles of `cdk bootstrap` that a job with this right takes on in its environment.
func (r Right) Roles() []string {
	switch r {
	case None:
		return nil
	case MayLook:
		return []string{RecordsRole, "lookup-role"}
	}
	return []string{"deploy-role", RecordsRole, "lookup-role"} // the last one reads alarms
}

// Promotes says whether a job with this right brings a release on from the environment before.
func (r Right) Promotes() bool { return r == MayPlan || r == MayDeploy }

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
	SourceArtefact   = "source"
	AssemblyArtefact = "assembly"
)

// Where a job keeps what it leaves.
const (
	reportsFolder  = "reports"
	assemblyFolder = "assembly"
	planFolder     = "plan"
)

// Delivery is the pipelines: one that takes a push to every environment before the first that a person approves, one that takes a tag to the rest,
// one that checks what nobody has reviewed yet and previews what it would change on emulated accounts, and one that looks for what was changed by hand.
func Delivery(c *config.Config) []Line {
	before := slices.IndexFunc(c.Environments, func(e config.Environment) bool { return e.Approval })
	if before < 0 {
		before = len(c.Environments)
	}
	lines := []Line{
		{
			Name: "main", About: "from a push to the last environment before an approval", Starts: Push,
			Stages: append(checkStages(), promotion(c.Environments[:before])...),
		},
		{
			Name: "release", About: "from a tag to the environments that a person approves", Starts: Tag,
			Stages: append(checkStages(), promotion(c.Environments[before:])...),
		},
		{
			Name: "pull-request", About: "checks what nobody has reviewed yet", Starts: PullRequest,
			Stages: append(checkStages(), previews(c.Environments)),
		},
	}
	if c.Pipeline.DriftSchedule != config.Never {
		lines = append(lines, Line{
			Name: DriftLine, About: "compares every environment with what was deployed to it", Starts: Schedule, Stages: []LineStage{comparisons(c.Environments)},
		})
	}
	return lines
}

// DriftLine is the name of the line that looks for drift.
const DriftLine = "drift"

// comparisons look at every environment, whatever the others come to. A job fails where something was changed by hand.
func comparisons(environments []config.Environment) LineStage {
	stage := LineStage{Name: DriftLine}
	for _, env := range environments {
		stage.Jobs = append(stage.Jobs, Job{
			Name: env.Name, About: "what was changed by hand in " + env.Name, May: MayLook, Environment: env.Name, Takes: []string{SourceArtefact},
			Calls: []Call{{Function: "drift", Arguments: []string{"--env", env.Name}, Credentials: true}},
		})
	}
	return stage
}

// checkStages are the gates, each stage of them a job, and then the synthesis, once for all environments: what prod gets is made before dev is touched.
func checkStages() []LineStage {
	var gates []Job
	for _, gate := range Gates {
		gates = append(gates, Job{
			Name: string(gate), About: "the gates of the stage " + string(gate), May: None, Takes: []string{SourceArtefact}, Reports: reportsFolder,
			Calls: []Call{
				// The report is there whether the gates pass or not, so it is asked for first; the second call takes it from the cache.
				{Function: "report", Arguments: []string{"--stage", string(gate)}, Export: reportsFolder},
				{Function: string(gate)},
			},
		})
	}
	synth := Job{
		Name: string(Synth), About: "the cloud assemblies of all environments", May: None, Takes: []string{SourceArtefact},
		Calls:  []Call{{Function: string(Synth), Export: assemblyFolder}},
		Leaves: AssemblyArtefact, From: assemblyFolder,
	}
	return []LineStage{{Name: "checks", Jobs: gates}, {Name: string(Synth), Jobs: []Job{synth}}}
}

// promotion is a stage for each environment, in the order of promotion. Before one that a person approves stands its plan, which is what the person
// sees and exactly what is then applied.
func promotion(environments []config.Environment) []LineStage {
	var stages []LineStage
	for _, env := range environments {
		if !env.Approval {
			stages = append(stages, LineStage{Name: env.Name, Jobs: []Job{deployJob(env.Name)}})
			continue
		}
		plan := planJob(env.Name)
		stages = append(stages,
			LineStage{Name: plan.Name, Jobs: []Job{plan}},
			LineStage{
				Name:     env.Name,
				Approval: fmt.Sprintf("Plan #{%[1]s.%[2]s} for %[3]s: #{%[1]s.%[4]s}", plan.Name, planDigest, env.Name, planSummary),
				Jobs:     []Job{applyJob(env.Name, plan)},
			})
	}
	return stages
}

// The variables by which a job that plans shows its plan.
const (
	planDigest  = "LOCKSTEP_PLAN_DIGEST"
	planSummary = "LOCKSTEP_PLAN_SUMMARY"
)

// atEnvironment are the arguments of every function that reaches an environment with an assembly that was made earlier.
func atEnvironment(name string) []string {
	return []string{"--env", name, "--assembly", inputVariable(AssemblyArtefact), "--commit", "$CODEBUILD_RESOLVED_SOURCE_VERSION"}
}

// deployJob plans and applies, and reads back what came of it.
func deployJob(env string) Job {
	return Job{
		Name: "deploy-" + env, About: "deploys to " + env, May: MayDeploy, Environment: env, Takes: []string{SourceArtefact, AssemblyArtefact},
		Calls: []Call{{Function: string(Deploy), Arguments: atEnvironment(env), Credentials: true}},
	}
}

// planJob makes a plan and keeps it.
func planJob(env string) Job {
	name := "plan-" + env
	return Job{
		Name: name, About: "what a deployment to " + env + " would change", May: MayPlan, Environment: env, Takes: []string{SourceArtefact, AssemblyArtefact},
		Calls: []Call{{
			Function: "plan-file", Arguments: atEnvironment(env), Credentials: true, Export: planFolder,
		}},
		Leaves: "plan_" + env, From: planFolder, // part of a variable's name, so without a hyphen
		Shows: map[string]string{planDigest: planFolder + "/digest", planSummary: planFolder + "/summary"},
	}
}

// applyJob applies exactly the plan of a job, after noting that a person has agreed to it.
func applyJob(env string, plan Job) Job {
	job := deployJob(env)
	job.Takes = append(job.Takes, plan.Leaves)
	file := []string{"--plan", inputVariable(plan.Leaves) + "/" + PlanFile}
	job.Calls = []Call{
		{Function: "approve", Arguments: append(slices.Clone(file), "--note", "$CODEBUILD_INITIATOR"), Credentials: true},
		{Function: string(Deploy), Arguments: append(atEnvironment(env), file...), Credentials: true},
	}
	return job
}

// PlanFile is the name of the plan among the files that the function plan returns.
const PlanFile = "plan.json"

// previews show on emulated accounts what a change would deploy. No credentials are handed over, because there are none.
func previews(environments []config.Environment) LineStage {
	stage := LineStage{Name: "preview"}
	for _, env := range environments {
		stage.Jobs = append(stage.Jobs, Job{
			Name: "preview-" + env.Name, About: "what " + env.Name + " would be given, on emulated accounts", May: None, Takes: []string{SourceArtefact, AssemblyArtefact},
			Calls: []Call{{Function: string(Plan), Arguments: atEnvironment(env.Name)}},
		})
	}
	return stage
}

// inputVariable is the variable by which CodeBuild tells where it has put an artefact beside the repository's files.
// Source: the CodeBuild user guide, environment variables in build environments.
func inputVariable(artefact string) string { return "$CODEBUILD_SRC_DIR_" + artefact }
