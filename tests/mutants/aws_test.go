package mutants

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/simulated"
	"lockstep/tests/harness"
)

// awsMutants take away what this program does about something that AWS does: each is the code as it was, or would be,
// without the row of the catalogue or the finding that its tests are about.
var awsMutants = []Mutant{
	{
		Fault: "the state that is described is taken for the end of the operation",
		File:  "internal/deploy/cfn/execute.go", Package: "./internal/deploy",
		Old: "		return events.end != nil, nil\n",
		New: "		state, err := c.Describe(ctx, op.StackID)\n" +
			"		if s := string(state.StackStatus); events.hasBegun && !strings.HasSuffix(s, \"_IN_PROGRESS\") {\n" +
			"			events.end = &types.StackEvent{ResourceStatus: types.ResourceStatus(s)}\n" +
			"		}\n" +
			"		return events.end != nil, err\n",
		Fails: []string{"TestFollow_TakesTheEndFromTheStacksOwnEvents"},
	},
	{
		Fault: "an execution that has no event yet is taken for none",
		File:  "internal/deploy/cfn/execute.go", Package: "./internal/deploy",
		Old:   "return op, out.ExecutionStatus == types.ExecutionStatusExecuteInProgress, nil",
		New:   "return op, out == nil, nil",
		Fails: []string{"TestFollow_ResumesWhatHasNotBegunYet"},
	},
	{
		Fault: "an event that is answered again counts again",
		File:  "internal/deploy/cfn/events.go", Package: "./internal/deploy",
		Old:   "!r.seen[id] && r.isOwn(e)",
		New:   "id != \"\" && r.isOwn(e)",
		Fails: []string{"TestFollow_ReadsEveryEventOnce"},
	},
	{
		Fault: "a resource that was cancelled counts as a cause",
		File:  "internal/deploy/cfn/events.go", Package: "./internal/deploy",
		Old:   `!strings.Contains(aws.ToString(e.ResourceStatusReason), "cancelled") && !isStackEvent(e)`,
		New:   "!isStackEvent(e)",
		Fails: []string{"TestDiagnosis_NamesTheCauseAndNotWhatWasCancelled"},
	},
	{
		Fault: "changes come from the answer with property values",
		File:  "internal/deploy/cfn/changes.go", Package: "./internal/deploy",
		Old:   "c.resourceChanges(ctx, id, false)",
		New:   "c.resourceChanges(ctx, id, true)",
		Fails: []string{"TestChangeSet_FlagsWhatPropertyValuesHide"},
	},
	{
		Fault: "one wording of CloudFormation for no changes is not known",
		File:  "internal/deploy/cfn/diagnosis.go", Package: "./internal/deploy",
		Old:   `|| strings.Contains(reason, "No updates are to be performed")`,
		New:   "",
		Fails: []string{"TestChangeSet_EmptyInEitherWording"},
	},
	{
		Fault: "no tags are sent as no list",
		File:  "internal/deploy/cfn/changeset.go", Package: "./internal/deploy",
		Old:   "out := []types.Tag{}",
		New:   "var out []types.Tag",
		Fails: []string{"TestChangeSet_RemovesTheLastTagAndTopic"},
	},
	{
		Fault: "no topics are sent as no list",
		File:  "internal/deploy/cfn/changeset.go", Package: "./internal/deploy",
		Old:   "append([]string{}, want.NotificationARNs...)",
		New:   "want.NotificationARNs",
		Fails: []string{"TestChangeSet_RemovesTheLastTagAndTopic"},
	},
	{
		Fault: "parameters that the configuration does not set are left out",
		File:  "internal/bootstrap/kept.go", Package: "./internal/bootstrap",
		Old:   "case exists && (name == keyParameter || !isSet):",
		New:   "case exists && name == keyParameter:",
		Fails: []string{"TestBootstrap_KeepsWhatTheConfigurationDoesNotSet"},
	},
	{
		Fault: "changes of a bootstrap are not asked about",
		File:  "internal/bootstrap/kept.go", Package: "./internal/bootstrap",
		Old:   "len(u.changes) == 0 || account.MayChange",
		New:   "len(u.changes) >= 0 || account.MayChange",
		Fails: []string{"TestBootstrap_ChangesAreApprovedFirst"},
	},
	{
		Fault: "a stack in UPDATE_FAILED is updated",
		File:  "internal/deploy/cfn/state.go", Package: "./internal/deploy",
		Old:   "types.StackStatusUpdateFailed, NeedsRollback,",
		New:   "types.StackStatusUpdateFailed, Updatable,",
		Fails: []string{"TestStates_FailedUpdateIsRolledBackFirst"},
	},
	{
		Fault: "audit alarms count as health alarms",
		File:  "internal/deploy/verify.go", Package: "./internal/deploy",
		Old:   "if !template.Resources[aws.ToString(r.LogicalResourceId)].IsAuditAlarm {",
		New:   "if template.Resources != nil {",
		Fails: []string{"TestDeploy_RecordsTheHealthOfARelease/an audit alarm"},
	},
	{
		Fault: "alarms from before the deployment count",
		File:  "internal/deploy/verify.go", Package: "./internal/deploy",
		Old:   "changed != nil && changed.Before(since)",
		New:   "changed != nil && changed.Before(time.Time{})",
		Fails: []string{"TestDeploy_RecordsTheHealthOfARelease/since before the deployment"},
	},
	{
		Fault: "credentials are not asked for again before they expire",
		File:  "internal/awsclient/credentials.go", Package: "./internal/deploy",
		Old:   "o.ExpiryWindow = expiryWindow",
		New:   "o.ExpiryWindow = 0",
		Fails: []string{"TestAWS_A9_DeploymentOutlivesTheCredentialsOfItsJob/over the network"},
	},
	{
		Fault: "nested stacks are not compared",
		File:  "internal/deploy/cfn/drift.go", Package: "./internal/deploy",
		Old:   "aws.ToString(r.ResourceType) != change.StackType || nested",
		New:   "aws.ToString(r.ResourceType) != \"\" || nested",
		Fails: []string{"TestDrift_LooksIntoNestedStacks"},
	},
	{
		Fault: "a detection that failed has no results",
		File:  "internal/deploy/cfn/drift.go", Package: "./internal/deploy",
		Old: "			failure = cmp.Or(trimReason(out.DetectionStatusReason), noReason)\n" +
			"			return true, nil\n",
		New: "			return true, fault.New(fault.DriftUnknown, cmp.Or(trimReason(out.DetectionStatusReason), noReason))\n",
		Fails: []string{
			"TestDrift_FailedDetectionKeepsItsResults/one that differs",
			"TestDrift_FailedDetectionKeepsItsResults/one in sync",
		},
	},
	{
		Fault: "another detection that runs is an error",
		File:  "internal/deploy/cfn/drift.go", Package: "./internal/deploy",
		Old:   `strings.Contains(api.ErrorMessage(), "already in progress")`,
		New:   `api.ErrorMessage() == ""`,
		Fails: []string{"TestDrift_WaitsForAnotherDetection"},
	},
	{
		Fault: "Performance Insights keeps 93 days",
		File:  "infra/stacks/database.go", Package: "./infra/stages",
		Old:   "jsii.Number(insightsDays[props.Insights])",
		New:   "jsii.Number(93)",
		Fails: []string{"TestAWS_A11_DatabaseInsightsIsOneOfTheModesThatAreSold"},
	},
	{
		Fault: "a bootstrap of any version will do",
		File:  "internal/deploy/readiness/bootstrap.go", Package: "./internal/deploy",
		Old:   "version < MinimumBootstrap &&",
		New:   "version < 0 &&",
		Fails: []string{"TestReadiness_BootstrapVersion"},
	},
	{
		Fault: "rights that the deploy role lacks are not reported",
		File:  "internal/deploy/readiness/bootstrap.go", Package: "./internal/deploy",
		Old:   "if err != nil || len(denied) == 0 {",
		New:   "if err != nil || len(denied) >= 0 {",
		Fails: []string{"TestReadiness_RightsOfTheDeployRole"},
	},
	{
		Fault: "the account is not asked what it has",
		File:  "internal/deploy/readiness/existing.go", Package: "./internal/deploy",
		Old: "if other := kind.firstOf(p, existing); other != nil {",
		New: "if other := kind.firstOf(p, existing[:0]); other != nil {",
		Fails: []string{
			"TestReadiness_RefusesBeforeTheFirstWrite/a detector",
			"TestReadiness_RefusesBeforeTheFirstWrite/a cost monitor of all services",
		},
	},
	{
		Fault: "a further region makes what the account has once",
		File:  "infra/stages/environment.go", Package: "./infra/stages",
		Old:   "IsFurtherRegion: env.IsFurtherRegion,",
		New:   "IsFurtherRegion: false,",
		Fails: []string{"TestAWS_B3_FurtherRegionMakesNothingThatTheAccountHasOnce"},
	},
	{
		Fault: "stacks of other places are taken for those of the first",
		File:  "internal/deploy/places.go", Package: "./internal/deploy",
		Old:   "target.Account, target.Region = p.Account, p.Region",
		New:   "_ = p",
		Fails: []string{"TestPlaces_OneDeploymentInSeveralPlaces"},
	},
	{
		Fault: "a role of any account is used",
		File:  "internal/deploy/destinations.go", Package: "./internal/deploy",
		Old:   "if parsed.AccountID != target.Account {",
		New:   `if parsed.AccountID == "" {`,
		Fails: []string{"TestCheckAssembly_RefusesOtherTargets/a role of another account"},
	},
	{
		Fault: "silence is waited out for eight seconds",
		File:  "internal/awsclient/retry.go", Package: "./internal/awsclient",
		Old: "silenceTimeout        = 5 * time.Minute",
		New: "silenceTimeout        = 8 * time.Second",
		Fails: []string{
			"TestAWS_C1_SilenceCountsSinceTheLastAnswer/silence for half a minute",
			"TestAWS_C1_SilenceCountsSinceTheLastAnswer/silence for four minutes",
		},
		OtherPackages: map[string][]string{
			"./internal/deploy": {"TestAWS_C1_DeploymentOutlivesHalfAMinuteOfSilence"},
		},
	},
	{
		Fault: "the evidence of a refused change set is not read",
		File:  "internal/deploy/cfn/diagnosis.go", Package: "./internal/deploy",
		Old:   "causes := c.changeSetCauses(ctx, out, \"\", 0)",
		New:   "var causes []change.Cause",
		Fails: []string{"TestDiagnosis_ReadsTheEvidenceOfARefusedChangeSet"},
	},
	{
		Fault: "an approval is waited for as long as CodePipeline does by default",
		File:  "infra/stacks/pipeline.go", Package: "./infra/stages",
		Old:   "jsii.Number(s.ApprovalTimeout.Minutes())",
		New:   "jsii.Number(7*24*60)",
		Fails: []string{"TestB3_ApprovalWaitsAsLongAsPlanIsValid"},
	},
	{
		Fault: "requests do not say how an object is encrypted",
		File:  "internal/deploy/staging/bucket.go", Package: "./internal/deploy",
		Old:   "in.ServerSideEncryption, in.SSEKMSKeyId = b.encryption.Algorithm, b.encryption.Key",
		New:   "_ = in",
		Fails: []string{"TestAWS_C4_ObjectsAreEncryptedAsTheBucketIs"},
	},
	{
		Fault: "ARNs are of the commercial partition",
		File:  "infra/constructs/arn.go", Package: "./infra/stages",
		Old:   "*stack.Partition(), service,",
		New:   `"aws", service,`,
		Fails: []string{"TestAWS_C5_ARNsAreOfThePartition"},
	},
	{
		Fault: "what a partition does not have is accepted",
		File:  "config/rules.go", Package: "./config",
		Old:   "checkBootstraps, checkPartitions,",
		New:   "checkBootstraps,",
		Fails: []string{"TestAWS_C5_EnvironmentsAreInThePartitionOfTheToolingAccount"},
	},
	{
		Fault: "the bucket of a bootstrap has the name that the CDK gives it",
		File:  "internal/roles/roles.go", Package: "./internal/deploy",
		Old:   "cmp.Or(fill(n.Bucket, qualifier, account, region), StagingBucket(qualifier, account, region))",
		New:   "StagingBucket(qualifier, account, region)",
		Fails: []string{"TestAWS_C6_BootstrapWithNamesOfItsOwn"},
		OtherPackages: map[string][]string{
			"./tests/faults": {"TestAWS_C6_BootstrapWithNamesOfItsOwn"},
		},
	},
	{
		Fault: "an asset may go to any bucket",
		File:  "internal/deploy/destinations.go", Package: "./internal/deploy",
		Old:   "if got == bootstrap {",
		New:   "if got.region == bootstrap.region {",
		Fails: []string{"TestAWS_C6_NamesThatTheConfigurationLacksAreRefused/bucket"},
	},
	{
		Fault: "the stacks of the app use the names that the CDK gives",
		File:  "infra/stacks/scope.go", Package: "./infra/stages",
		Old:   `		if name != "" {`,
		New:   `		if name == "-" {`,
		Fails: []string{"TestAWS_C6_StacksUseTheNamesOfTheirBootstrap"},
	},
	{
		Fault: "the permit to import does not reach the change set",
		File:  "internal/deploy/cfn/changeset.go", Package: "./internal/deploy",
		Old:   "input.ImportExistingResources = aws.Bool(true)",
		New:   "input.ImportExistingResources = aws.Bool(false)",
		Fails: []string{"TestReadiness_ImportsWhatWasKept"},
	},
	{
		Fault: "a release starts from a branch",
		File:  "infra/stacks/pipeline.go", Package: "./infra/stages",
		Old:   "CfnPipeline_GitPushFilterProperty{Tags: tags}",
		New:   "CfnPipeline_GitPushFilterProperty{Tags: tags, Branches: branch}",
		Fails: []string{"TestB2_TriggersStartTheirPipeline"},
	},
	{
		Fault: "the deletion of a change set is not waited for",
		File:  "internal/deploy/cfn/changeset.go", Package: "./internal/deploy",
		Old:   "if err := c.waitUntilGone(ctx, set); err != nil {",
		New:   "if err := ctx.Err(); err != nil {",
		Fails: []string{"TestDiscard_WaitsUntilTheChangeSetIsGone"},
	},
	{
		Fault: "the record of a release has no images",
		File:  "internal/deploy/release.go", Old: "d.assetKeys(), d.releasedImages()", New: "d.assetKeys(), nil",
		Package: "./internal/deploy",
		Fails:   []string{"TestImages_PushedOnceThenRecorded", "TestImages_ExchangedImageIsRefused"},
	},
	{
		Fault: "records are in the bucket for assets",
		File:  "internal/deploy/bootstrap.go", Package: "./internal/deploy",
		Old:   "return roles.LedgerBucket(t.Qualifier, t.Account, t.Region)",
		New:   "return stagingBucketName(t)",
		Fails: []string{"TestAWS_C10_GarbageCollectionOfTheCDKTakesNoRecord"},
	},
	{
		Fault: "records of earlier versions are not moved",
		File:  "internal/bootstrap/records.go", Package: "./tests/attacks",
		Old:   "if err != nil || found != nil && recordsPhase(found) == complete {",
		New:   "if err != nil || found != nil {",
		Fails: []string{"TestAWS_C10_BootstrapMovesTheRecords"},
	},
	{
		Fault: "a further region takes the letters of the first",
		File:  "infra/stacks/network.go", Package: "./infra/stages",
		Old:   "if props.ZonesOfRegion {",
		New:   "if props.ZonesOfRegion && vpc == nil {",
		Fails: []string{"TestAWS_C11_FurtherRegionTakesTheZonesThatItHas"},
	},
	{
		Fault: "all of an assembly is in one archive",
		File:  "internal/deploy/staging/archive.go", Package: "./internal/deploy/staging",
		Old:   "if err != nil || info.Size() < minReferencedBytes {",
		New:   "if err != nil || info.Size() >= 0 {",
		Fails: []string{"TestAWS_C12_KeptAssemblyIsNeverWholeInMemory", "TestStore_KeepsLargeFilesOnceByTheirContent"},
		OtherPackages: map[string][]string{
			"./internal/deploy": {"TestAWS_C12_RollbackAndGarbageKnowLargeFiles"},
		},
	},
	{
		Fault: "an archive of an earlier version is replaced",
		File:  "internal/deploy/staging/kept.go", Package: "./internal/deploy/staging",
		Old:   "if err != nil || existing.isSame || existing.sum == sum {",
		New:   "if err != nil || existing.sum == sum {",
		Fails: []string{"TestStore_ReadsArchivesOfEarlierVersions"},
	},
	{
		Fault: "calls are not sent again when there are too many",
		File:  "internal/awsclient/retry.go", Package: "./internal/deploy",
		Old:   "return elapsed < throttleTimeout",
		New:   "return elapsed < 0",
		Fails: []string{"TestDeploy_BearsEveryFault/throttled"},
	},
	{
		Fault: "calls are not sent again after a failure of AWS or a lost connection",
		File:  "internal/awsclient/retry.go", Package: "./internal/deploy",
		Old: "return a.failures < maxAttempts",
		New: "return a.failures < 1",
		Fails: []string{
			"TestDeploy_BearsEveryFault/server error", "TestDeploy_BearsEveryFault/answer lost",
			"TestDeploy_BearsEveryFault/upload reset",
		},
	},
	{
		Fault: "credentials that have expired are not renewed",
		File:  "internal/awsclient/retry.go", Package: "./internal/deploy",
		Old:   "return a.renewals <= maxCredentialRenewals",
		New:   "return a.renewals < 1",
		Fails: []string{"TestDeploy_BearsEveryFault/credentials expired"},
	},
	{
		Fault: "a change set that was made already is an error",
		File:  "internal/awsclient/resent.go", Package: "./internal/deploy",
		Old:   `if code != "AlreadyExistsException" && code`,
		New:   `if code`,
		Fails: []string{"TestDeploy_BearsEveryFault/answer lost"},
	},
	{
		Fault: "the deploy role of every version has all rights",
		File:  "internal/deploy/readiness/bootstrap.go", Package: "./internal/deploy",
		Old:   "const MinimumBootstrap = 32",
		New:   "const MinimumBootstrap = 21",
		Fails: []string{"TestRights_OfEachVersionOfTheBootstrap"},
	},
	{
		Fault: "events of another operation count",
		File:  "internal/deploy/cfn/events.go", Package: "./internal/deploy/cfn",
		Old:   `return r.hasBegun || r.Token == "" || token == "" || token == r.Token`,
		New:   `return token != "-"`,
		Fails: []string{"TestEventReader_FindsTheEndOfItsOwnOperation/a late end of the operation before"},
	},
	{
		Fault: "a change set that is executed already is an error",
		File:  "internal/awsclient/resent.go", Package: "./internal/deploy",
		Old:   `if code != "InvalidChangeSetStatus" {`,
		New:   `if code != "" {`,
		Fails: []string{"TestDeploy_BearsEveryFault/answer lost"},
		OtherPackages: map[string][]string{
			"./internal/awsclient": {"TestWrites_LostAnswerIsNoFailure/one that is executed"},
		},
	},
	{
		Fault: "a second bootstrap in an account and region is accepted",
		File:  "config/rules.go", Package: "./config",
		Old: "if other.bootstrap != own {",
		New: "if other.place == \"\" {",
		Fails: []string{
			"TestBootstrap_OneInAnAccountAndRegion/names in one", "TestBootstrap_OneInAnAccountAndRegion/other qualifiers",
		},
	},
	{
		Fault: "a stack that names no role needs no permit",
		File:  "internal/deploy/synthesizer.go", Package: "./internal/deploy",
		Old:   "if !s.NamesNoRole {",
		New:   "if s.Name != \"\" {",
		Fails: []string{"TestSynthesizer_StackWithoutRolesNeedsAPermit"},
	},
	{
		Fault: "commands that make assets are not run",
		File:  "internal/app/assets.go", Package: "./internal/app",
		Old: `case a.Type == "cdk:asset-manifest" && filepath.IsLocal(p.File):`,
		New: `case a.Type == "" && filepath.IsLocal(p.File):`,
		Fails: []string{
			"TestAssets_CommandRunsOnceAsAPartOfTheSynthesis", "TestAssets_CommandThatMakesNoFileIsAnError/it prints nothing",
		},
	},
	{
		Fault: "files are uploaded without a checksum",
		File:  "internal/deploy/staging/bucket.go", Package: "./internal/deploy",
		Old:   "ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(sum[:])),",
		New:   "ContentEncoding: aws.String(base64.StdEncoding.EncodeToString(sum[:])),",
		Fails: []string{"TestAssets_UploadsHaveChecksums"},
	},
	{
		Fault: "the parts of a layer are as large as an emulator takes them",
		File:  "internal/deploy/staging/repository.go", Package: "./internal/deploy/staging",
		Old:   "	return min(named, maxPartBytes)",
		New:   "	return min(named, defaultPartBytes)",
		Fails: []string{"TestRepository_PartsHaveTheNamedSize"},
	},
	{
		Fault: "all layers of an image are asked for at once",
		File:  "internal/deploy/staging/repository.go", Package: "./internal/deploy/staging",
		Old:   "const maxCheckedLayers = 100",
		New:   "const maxCheckedLayers = 1000",
		Fails: []string{"TestRepository_ManyMissingLayers"},
	},
	{
		Fault: "an upload that ECR has forgotten is an error",
		File:  "internal/deploy/staging/repository.go", Package: "./internal/deploy/staging",
		Old:   `case "UploadNotFoundException", "InvalidLayerException",`,
		New:   `case "InvalidLayerException",`,
		Fails: []string{"TestRepository_UploadThatECRForgets"},
	},
	{
		Fault: "a layer that goes before the manifest comes is an error",
		File:  "internal/deploy/staging/repository.go", Package: "./internal/deploy/staging",
		Old:   `if err = r.putImage(ctx, tag, c); awsclient.ErrorCode(err) != "LayersNotFoundException" {`,
		New:   `if err = r.putImage(ctx, tag, c); true {`,
		Fails: []string{"TestRepository_LayerThatGoesMeanwhile"},
	},
	{
		Fault: "an image that is pushed is taken for what the repository has under its tag",
		File:  "internal/deploy/staging/repository.go", Package: "./internal/deploy",
		Old:   "	got, err := r.Digest(ctx, tag)\n	if err == nil &&",
		New:   "	got, err := content.digest, error(nil)\n	if err == nil &&",
		Fails: []string{"TestImages_TagThatIsTakenMeanwhile"},
	},
	{
		Fault: "an archived image is taken for one that containers can be started from",
		File:  "internal/deploy/staging/repository.go", Package: "./internal/deploy/staging",
		Old:   "	case types.ImageStatusArchived:",
		New:   `	case "NONE":`,
		Fails: []string{"TestRepository_ArchivedImageIsRefused"},
	},
	{
		Fault: "in a pipeline, the steps of a container take the endpoint's address for keys",
		File:  "ci/credentials.go", Package: moduleOfEngine,
		Old:   "if m.CredentialsEndpoint != nil {",
		New:   "if m.CredentialsEndpoint != nil && !m.CI {",
		Fails: []string{"TestAWS_A9_StepsAskTheEndpointForCredentials"},
	},
}

// awsKind returns the mutants with one for each package whose tests have to fail.
func awsKind() kind {
	k := kind{name: "What AWS does"}
	for _, m := range awsMutants {
		k.mutants = append(k.mutants, m.perPackage()...)
	}
	return k
}

// testsOfAWS returns the tests of the catalogue of what AWS does and of the findings about it, as TEST in FOLDER.
func testsOfAWS() []string {
	var tests []string
	add := func(folder, test string) { tests = append(tests, test+" in "+folder) }
	for _, row := range simulated.Catalogue() {
		folder, test, _ := strings.Cut(row.Test, ".")
		add("internal/"+folder, test)
	}
	for _, f := range simulated.Findings() {
		for _, named := range f.Tests {
			folder, test, _ := strings.Cut(named, ".")
			add(folder, test)
		}
	}
	slices.Sort(tests)
	return slices.Compact(tests)
}

// A test of the page that no mutant makes fail may be one that cannot fail.
func TestAWS_EveryTestFailsWithAMutant(t *testing.T) {
	tests := testsOfAWS()
	assert.Greater(t, len(tests), 45)
	assert.Empty(t, withoutMutant(tests, append(kinds(), awsKind())))
}

// The page has, for each finding and each row of the catalogue, the mutants that its tests notice.
func TestDocument_AWSPageShowsMutants(t *testing.T) {
	var b strings.Builder
	b.WriteString("\n| test | what is wrong with the mutant that it notices | its file |\n| -- | -- | -- |\n")
	for _, test := range testsOfAWS() {
		for _, k := range append(kinds(), awsKind()) {
			for _, m := range k.mutants {
				if slices.Contains(failingTests(m), test) {
					name, folder, _ := strings.Cut(test, " in ")
					fmt.Fprintf(&b, "| `%s` in `%s` | %s | `%s` |\n", name, folder, m.Fault, m.File)
				}
			}
		}
	}
	b.WriteString("\n")
	page := filepath.Join(harness.Repository(), "docs", "aws-behaviour.md")
	require.NoError(t, harness.CheckSection(page, sectionBegin, sectionEnd, b.String(), *update))
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Contains(t, string(text), "TestAWS_EveryTestFailsWithAMutant")
}
