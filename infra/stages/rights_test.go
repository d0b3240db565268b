package stages

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/roles"
	"lockstep/tests/iam"
)

// pipelineRights is the template of the pipelines, for what its roles may do.
func pipelineRights(t *testing.T) iam.Template {
	t.Helper()
	return iam.Template{Resources: stackTemplate(t, config.ToolingEnvironment, "pipeline").resources()}
}

// idOf returns the logical id that begins with a prefix, followed by nothing but its hash.
func idOf(t *testing.T, in iam.Template, prefix string) string {
	t.Helper()
	var found []string
	for id := range in.Resources {
		if rest, ok := strings.CutPrefix(id, prefix); ok && strings.Trim(rest, "0123456789ABCDEF") == "" {
			found = append(found, id)
		}
	}
	require.Len(t, found, 1, "the resource %s", prefix)
	return found[0]
}

// environmentRoles are the roles of the bootstrap in each environment, by a short name.
func environmentRoles() map[string]string {
	out := map[string]string{}
	for name, account := range map[string]string{"dev": "111122223333", "acc": "444455556666", "prod": "777788889999"} {
		for _, kind := range []roles.Kind{
			roles.Deploy, roles.FilePublishing, roles.Lookup, roles.Planner, roles.LedgerReader, roles.LedgerWriter,
			"cfn-exec-role", "image-publishing-role",
		} {
			out[name+" "+string(kind)] = kind.ARN("aws", "hnb659fds", account, "eu-west-1")
		}
	}
	return out
}

// jobRights says of every job which roles it may assume, what it reads and what it writes. A job that is not here may
// not exist.
var jobRights = []struct{ role, assumes, reads, writes string }{
	{"MainQuality", "", "source", ""},
	{"MainTest", "", "source", ""},
	{"MainSecurity", "", "source", ""},
	{"MainSynth", "", "source", "assembly"},
	{
		"MainDeployDev", "dev deploy-role, dev file-publishing-role, dev image-publishing-role, dev ledger-reader, " +
			"dev ledger-writer, dev lookup-role", "assembly, source", "",
	},
	{
		"MainDeployAcc", "acc deploy-role, acc file-publishing-role, acc image-publishing-role, acc ledger-reader, " +
			"acc ledger-writer, acc lookup-role, dev ledger-reader", "assembly, source", "",
	},
	{"ReleaseQuality", "", "source", ""},
	{"ReleaseTest", "", "source", ""},
	{"ReleaseSecurity", "", "source", ""},
	{"ReleaseSynth", "", "source", "assembly"},
	{
		"ReleasePlanProd", "prod file-publishing-role, prod image-publishing-role, prod planner", "assembly, source",
		"plan0_prod",
	},
	{
		"ReleaseDeployProd", "acc ledger-reader, prod deploy-role, prod file-publishing-role, prod image-publishing-role, " +
			"prod ledger-reader, prod ledger-writer, prod lookup-role", "assembly, plan0_prod, source", "",
	},
	{"PullRequestQuality", "", "source", ""},
	{"PullRequestTest", "", "source", ""},
	{"PullRequestSecurity", "", "source", ""},
	{"PullRequestPreviewDev", "", "source", ""},
	{"PullRequestPreviewAcc", "", "source", ""},
	{"PullRequestPreviewProd", "", "source", ""},
	{"DriftDev", "dev ledger-reader, dev lookup-role", "source", ""},
	{"DriftAcc", "acc ledger-reader, acc lookup-role", "source", ""},
	{"DriftProd", "prod ledger-reader, prod lookup-role", "source", ""},
}

// The folder of each pipeline in its store, as CodePipeline cuts it off.
var storeFolders = map[string]string{
	"Main": "lockstep-main", "Release": "lockstep-release", "PullRequest": "lockstep-pull-reques",
	"Drift": "lockstep-drift",
}

func TestB5_JobsMayDoNoMoreThanTheirUse(t *testing.T) {
	in := pipelineRights(t)
	assert.Len(t, stackTemplate(t, config.ToolingEnvironment, "pipeline").resourcesOfType("AWS::CodeBuild::Project"),
		len(jobRights), "every job is in the table")
	for _, job := range jobRights {
		t.Run(job.role, func(t *testing.T) {
			role := idOf(t, in, job.role+"Role")
			var assumed []string
			for name, arn := range environmentRoles() {
				if in.Allows(iam.Request{Role: role, Action: "sts:AssumeRole", Resource: arn}) {
					assumed = append(assumed, name)
				}
			}
			slices.Sort(assumed)
			assert.Equal(t, job.assumes, strings.Join(assumed, ", "), "it assumes")
			var reads, writes []string
			for pipeline, folder := range storeFolders {
				for _, artifact := range []string{"assembly", "plan0_prod", "source"} {
					may := func(action string) bool {
						bucket := idOf(t, in, pipeline+"Artefacts")
						policy := idOf(t, in, pipeline+"ArtefactsPolicy")
						r := iam.Request{
							Role: "arn:" + role, Action: action, Resource: "arn:" + bucket + "/" + folder + "/" + artifact + "/aBcDeF1",
						}
						own := r
						own.Role = role
						return in.ResourceAllows(policy, r) || in.Allows(own)
					}
					if may("s3:GetObject") {
						assert.True(t, strings.HasPrefix(job.role, pipeline), "it reads from the store of %s", pipeline)
						reads = append(reads, artifact)
					}
					if may("s3:PutObject") {
						assert.True(t, strings.HasPrefix(job.role, pipeline), "it writes to the store of %s", pipeline)
						writes = append(writes, artifact)
					}
					assert.False(t, may("s3:DeleteObject"))
				}
			}
			assert.Equal(t, job.reads, strings.Join(reads, ", "), "it reads")
			assert.Equal(t, job.writes, strings.Join(writes, ", "), "it writes")
		})
	}
}

// Only the environments that a pipeline deploys to read its cloud assemblies, and nothing else of it.
func TestB5_EnvironmentsReadOwnPipeline(t *testing.T) {
	in := pipelineRights(t)
	for pipeline, environments := range map[string]string{
		"Main": "dev, acc", "Release": "prod", "PullRequest": "", "Drift": "",
	} {
		for name, arn := range environmentRoles() {
			environment, kind, _ := strings.Cut(name, " ")
			mayRead := strings.Contains(environments, environment) && (kind == "deploy-role" || kind == "file-publishing-role")
			for _, artifact := range []string{"source", "assembly", "plan0_prod"} {
				r := iam.Request{
					Role: arn, Action: "s3:GetObject", Context: map[string]string{"aws:PrincipalArn": arn},
					Resource: "arn:" + idOf(t, in, pipeline+"Artefacts") + "/" + storeFolders[pipeline] + "/" + artifact + "/aBcDeF1",
				}
				policy := idOf(t, in, pipeline+"ArtefactsPolicy")
				assert.Equal(t, mayRead && artifact == "assembly", in.ResourceAllows(policy, r),
					"%s, %s of %s", name, artifact, pipeline)
				r.Action = "s3:PutObject"
				assert.False(t, in.ResourceAllows(policy, r), "%s, %s of %s", name, artifact, pipeline)
			}
		}
	}
	template := stackTemplate(t, config.ToolingEnvironment, "pipeline")
	for _, p := range template.resourcesOfType("AWS::CodePipeline::Pipeline") {
		assert.Equal(t, "KMS", valueAt(p, "Properties.ArtifactStore.EncryptionKey.Type"))
	}
}

// A job may pull the one repository with the connection, and use it for nothing else.
func TestB1_ConnectionPullsOneRepository(t *testing.T) {
	in := pipelineRights(t)
	const connection = "arn:aws:codeconnections:eu-west-1:123456789012:connection/11111111-2222-3333-4444-555555555555"
	for _, job := range jobRights {
		role := idOf(t, in, job.role+"Role")
		for _, service := range []string{"codeconnections", "codestar-connections"} {
			uses := func(context map[string]string) bool {
				named := map[string]string{}
				for key, value := range context {
					named[service+":"+key] = value
				}
				return in.Allows(iam.Request{
					Role: role, Action: service + ":UseConnection", Resource: connection, Context: named,
				})
			}
			const own, action = "FullRepositoryId", "ProviderAction"
			assert.True(t, uses(map[string]string{own: "example/platform", action: "GitPull"}), job.role)
			assert.False(t, uses(map[string]string{own: "example/other", action: "GitPull"}), job.role)
			assert.False(t, uses(map[string]string{own: "example/platform", action: "GitPush"}), job.role)
			assert.False(t, uses(map[string]string{action: "ListRepositories"}), job.role)
			assert.False(t, uses(nil), job.role)
		}
	}
}

// Only the job behind an approval asks who has approved, and of its own pipeline alone.
func TestB3_ApprovalIsReadByItsJob(t *testing.T) {
	in := pipelineRights(t)
	for _, job := range jobRights {
		for _, name := range []string{"main", "release"} {
			got := in.Allows(iam.Request{
				Role: idOf(t, in, job.role+"Role"), Action: "codepipeline:ListActionExecutions",
				Resource: "arn:aws:codepipeline:eu-west-1:123456789012:lockstep-" + name,
			})
			assert.Equal(t, job.role == "ReleaseDeployProd" && name == "release", got, "%s, %s", job.role, name)
		}
		assert.False(t, in.Allows(iam.Request{
			Role: idOf(t, in, job.role+"Role"), Action: "codepipeline:PutApprovalResult",
			Resource: "arn:aws:codepipeline:eu-west-1:123456789012:lockstep-release/prod/approve-prod",
		}), job.role)
	}
}

// A service does for this account alone what it may do. CodeBuild and CodePipeline do it for one project or pipeline.
func TestG2_ServicesWorkForOwnAccount(t *testing.T) {
	roleCount := 0
	forEachTemplate(t, func(t *testing.T, environment, name string, template template) {
		in := iam.Template{Resources: template.resources()}
		for id, r := range in.Resources {
			if r["Type"] != "AWS::IAM::Role" {
				continue
			}
			for _, s := range in.TrustStatements(id) {
				for _, service := range s.ServicePrincipals {
					roleCount++
					assert.NotEmpty(t, s.Condition["StringEquals"]["aws:SourceAccount"], "%s %s: %s lets %s in for anybody",
						environment, name, id, service)
					switch service {
					case "codebuild.amazonaws.com", "codepipeline.amazonaws.com", "vpc-flow-logs.amazonaws.com",
						"cloudtrail.amazonaws.com":
						assert.NotEmpty(t, s.Condition["ArnLike"]["aws:SourceArn"], "%s %s: %s", environment, name, id)
					}
				}
			}
		}
		for id, r := range in.Resources {
			if r["Type"] != "AWS::S3::BucketPolicy" {
				continue
			}
			for _, s := range policyStatements(r["Properties"]) {
				if s["Effect"] == "Allow" && valueAt(s, "Principal.Service") != nil {
					text := fmt.Sprint(s["Condition"])
					assert.Contains(t, text, "aws:SourceArn", "%s %s: %s", environment, name, id)
					assert.Contains(t, text, "aws:SourceAccount", "%s %s: %s", environment, name, id)
				}
			}
		}
	})
	assert.Greater(t, roleCount, 20, "nothing was checked")
}

func TestB3_ApprovalWaitsAsLongAsPlanIsValid(t *testing.T) {
	approval := stageActions(t, findPipeline(t, "release"), "prod")[0]
	assert.InDelta(t, 24*60, valueAt(approval, "TimeoutInMinutes"), 0)
}

// What a later job expects comes from the job that has made it, not from the artifact.
func TestB3_JobsAreGivenDigests(t *testing.T) {
	variables := func(pipeline, stage string, action int) string {
		actions := stageActions(t, findPipeline(t, pipeline), stage)
		return fmt.Sprint(valueAt(actions[action], "Configuration.EnvironmentVariables"))
	}
	assert.Contains(t, variables("main", "dev", 0), `"value":"#{synth.LOCKSTEP_ASSEMBLY_DEV}"`)
	assert.Contains(t, variables("main", "acc", 0), `"value":"#{synth.LOCKSTEP_ASSEMBLY_ACC}"`)
	assert.Contains(t, variables("release", "plan-prod", 0), `"value":"#{synth.LOCKSTEP_ASSEMBLY_PROD}"`)
	prod := variables("release", "prod", 1)
	assert.Contains(t, prod, `{"name":"LOCKSTEP_EXPECTED_PLAN","value":"#{plan-prod.LOCKSTEP_PLAN_DIGEST}",`)
	assert.Contains(t, prod, `"value":"lockstep-release/#{codepipeline.PipelineExecutionId}"`)
	assert.LessOrEqual(t, len(prod), 1000, "CodePipeline takes no more")
}
