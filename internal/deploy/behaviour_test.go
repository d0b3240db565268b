package deploy

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/simulated"
	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
)

// Every row that names a test of this package names one that exists.
func TestCatalogue_RowsNameTests(t *testing.T) {
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	var text strings.Builder
	for _, f := range files {
		if strings.HasSuffix(f.Name(), "_test.go") {
			data, err := os.ReadFile(f.Name())
			require.NoError(t, err)
			text.Write(data)
		}
	}
	for _, row := range simulated.Catalogue() {
		test, isOurs := strings.CutPrefix(row.Test, "deploy.")
		if isOurs {
			hasTest := strings.Contains(text.String(), "\nfunc "+test+"(t *testing.T)")
			assert.True(t, hasTest, "row %q: there is no %s", row.Name, test)
		}
	}
}

// A run that was cut off between the call and the begin of the operation has left neither a status nor an event.
func TestFollow_ResumesWhatHasNotBegunYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud(t)
		c.hasTimers = true
		c.LateStart = 2 * time.Second
		c.OperationTime = time.Second
		ctx, cut := context.WithCancel(context.WithoutCancel(t.Context()))
		d := c.open(oneStack(t, topics(1)))
		done := deployInBackground(ctx, d)
		synctest.Wait() // the change set is executed, and nothing has begun
		require.Equal(t, "REVIEW_IN_PROGRESS", c.stack("web").Status)
		require.Equal(t, 1, c.stack("web").Executions)
		cut()
		require.Error(t, <-done)
		record, err := c.deploy(oneStack(t, topics(1)), DeployRequest{})
		require.NoError(t, err)
		assert.Contains(t, record.Stacks[0].Reason, "begun by run "+d.Run.ID)
		assert.Equal(t, 1, c.stack("web").Executions)
	})
}

func TestFollow_ReadsEveryEventOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud(t)
		c.hasTimers = true
		c.OperationTime = 5 * time.Second // the events are read again and again meanwhile
		_, err := c.deploy(oneStack(t, topics(7)), DeployRequest{})
		require.NoError(t, err)
		progress := c.progress.String()
		for i := range 7 {
			assert.LessOrEqual(t, strings.Count(progress, fmt.Sprintf("CREATE_COMPLETE Topic%d ", i)), 1)
		}
		for _, status := range []string{"CREATE_IN_PROGRESS", "CREATE_COMPLETE"} {
			assert.Equal(t, 1, strings.Count(progress, status+" web"), status)
		}
	})

	t.Run("the cause comes after the end", func(t *testing.T) {
		c := newCloud(t)
		c.LateEvents = 500 * time.Millisecond
		for n := range 2 { // the failure is one of the late events in one of them
			template := strings.Replace(topics(2+n), `{"Resources":{`, `{"Resources":{"Never":{"Type":"`+
				simulated.FailingType+`"},`, 1)
			_, err := c.deploy(oneStack(t, template), DeployRequest{})
			require.ErrorContains(t, err, "Never (Simulated::Always::Fails): it always does")
		}
	})
}

func TestDiagnosis_NamesTheCauseAndNotWhatWasCancelled(t *testing.T) {
	c := newCloud(t)
	template := `{"Resources":{"A":{"Type":"AWS::SNS::Topic"},"Never":{"Type":"` + simulated.FailingType + `"},
		"Z":{"Type":"AWS::SNS::Topic"}}}`
	record, err := c.deploy(oneStack(t, template), DeployRequest{})
	require.ErrorContains(t, err, "Never (Simulated::Always::Fails): it always does")
	assert.Equal(t, []change.Cause{{Resource: "Never", Type: simulated.FailingType, Reason: "it always does"}},
		record.Stacks[0].Causes)
}

func TestDiagnosis_ReadsTheEvidenceOfARefusedChangeSet(t *testing.T) {
	for kind, reason := range map[string]string{
		simulated.InvalidType: "#/Properties: extraneous key [Colour] is not permitted (/Resources/Bad/Properties)",
		simulated.HookedType:  "the hook Simulated::Guard::Hook refuses it: buckets have to be encrypted",
	} {
		t.Run(kind, func(t *testing.T) {
			c := newCloud(t)
			template := `{"Resources":{"Bad":{"Type":"` + kind + `","Metadata":{"aws:cdk:path":"web/Data/Resource"}}}}`
			record, err := c.deploy(oneStack(t, template), DeployRequest{})
			require.ErrorContains(t, err, reason)
			assert.Equal(t, fault.ChangeSetFailed, fault.CodeOf(err))
			require.Len(t, record.Stacks[0].Causes, 1)
			assert.Equal(t, reason, record.Stacks[0].Causes[0].Reason)
			if kind == simulated.InvalidType {
				require.ErrorContains(t, err, "Bad ("+kind+") at web/Data: ")
			}
			assert.Empty(t, c.stack("web").Status, "the change set and its stack are gone")
		})
	}
}

// The newest failure can be asked for again, after the run.
func TestDiagnosis_IsGivenAgainAfterwards(t *testing.T) {
	c := newCloud(t)
	asm := oneStack(t, failingTemplate)
	record, err := c.deploy(asm, DeployRequest{})
	require.Error(t, err)
	found, err := c.openAccount().Diagnose(t.Context(), []string{"web"})
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, "ROLLBACK_COMPLETE", found[0].State)
	assert.Equal(t, record.Stacks[0].Causes, found[0].Causes)

	t.Run("a stack that is well", func(t *testing.T) {
		c := newCloud(t)
		_, err := c.deploy(oneStack(t, topics(1)), DeployRequest{})
		require.NoError(t, err)
		found, err := c.openAccount().Diagnose(t.Context(), []string{"web", "other"})
		require.NoError(t, err)
		assert.Empty(t, found[0].Causes)
		assert.Empty(t, found[1].State, "it does not exist")
	})
	t.Run("the deepest of nested stacks", func(t *testing.T) {
		c := newCloud(t)
		nested := `{"Resources":{"Inner":{"Type":"AWS::CloudFormation::Stack"}}}`
		c.PutStack(testAccount, testRegion, "web", nested, "UPDATE_ROLLBACK_COMPLETE")
		inner := c.PutFailure(testAccount, testRegion, "web-Inner", simulated.Failure{
			LogicalID: "Bucket", Type: "AWS::S3::Bucket", Reason: "shop-data already exists",
		})
		c.AddFailure(testAccount, testRegion, "web", simulated.Failure{
			LogicalID: "Inner", PhysicalID: inner, Type: "AWS::CloudFormation::Stack",
			Reason: "Embedded stack was not successfully updated",
		})
		found, err := c.openAccount().Diagnose(t.Context(), []string{"web"})
		require.NoError(t, err)
		require.Len(t, found[0].Causes, 1)
		assert.Equal(t, "Inner/Bucket (AWS::S3::Bucket): shop-data already exists", found[0].Causes[0].String())
		assert.Contains(t, found[0].Causes[0].Advice, "a resource of that name exists already")
	})
}

func TestChangeSet_EmptyInEitherWording(t *testing.T) {
	for _, reason := range simulated.New().EmptyReasons {
		t.Run(reason, func(t *testing.T) {
			c := newCloud(t)
			c.EmptyReasons = []string{reason}
			_, err := c.deploy(oneStack(t, topics(1)), DeployRequest{})
			require.NoError(t, err)
			described := strings.Replace(topics(1), `{"Resources"`, `{"Description":"x","Resources"`, 1)
			record, err := c.deploy(oneStack(t, described), DeployRequest{})
			require.NoError(t, err)
			assert.Equal(t, change.Unchanged, record.Outcome)
		})
	}
}

func TestDiscard_WaitsUntilTheChangeSetIsGone(t *testing.T) {
	c := newCloud(t)
	p, err := c.open(oneStack(t, topics(1))).Plan(t.Context())
	require.NoError(t, err)
	require.Equal(t, "REVIEW_IN_PROGRESS", c.stack("web").Status)
	require.NoError(t, p.Discard(t.Context()))
	assert.Empty(t, c.stack("web").Status, "the stack that only held the change set is gone too")
}

func TestStates_FailedUpdateIsRolledBackFirst(t *testing.T) {
	c := newCloud(t)
	c.PutStack(testAccount, testRegion, "web", topics(1), "UPDATE_FAILED")
	record, err := c.deploy(oneStack(t, topics(2)), DeployRequest{})
	require.NoError(t, err)
	assert.Equal(t, change.Updated, record.Outcome)
	assert.Contains(t, c.progress.String(), "web: rolling back the update that failed and was not rolled back")

	t.Run("a rollback that an earlier run has asked for is waited for", func(t *testing.T) {
		c := newCloud(t)
		c.LateStart = 2 * time.Second
		c.PutStack(testAccount, testRegion, "web", topics(1), "UPDATE_FAILED")
		earlier := cloudformation.NewFromConfig(c.Config(testAccount, testRegion))
		_, err := earlier.RollbackStack(t.Context(), &cloudformation.RollbackStackInput{
			StackName: aws.String("web"),
		})
		require.NoError(t, err)
		_, err = c.deploy(oneStack(t, topics(2)), DeployRequest{})
		require.NoError(t, err)
	})
	t.Run("a rollback that fails names its resource", func(t *testing.T) {
		c := newCloud(t)
		c.PutStack(testAccount, testRegion, "web", failingTemplate, "UPDATE_FAILED")
		_, err := c.deploy(oneStack(t, topics(2)), DeployRequest{})
		require.ErrorContains(t, err, "Never (Simulated::Always::Fails): it always does")
	})
}

// driftOf returns the drift of a release with one stack of a template, and the error.
func driftOf(t *testing.T, c *cloud, template string) (string, error) {
	t.Helper()
	asm := oneStack(t, template)
	_, err := c.deploy(asm, DeployRequest{}, keepAssembly(t, asm))
	require.NoError(t, err)
	drifts, err := c.open(asm, keepAssembly(t, asm)).Drift(t.Context())
	require.Len(t, drifts, 1)
	return drifts[0].String(), err
}

func TestDrift_FailedDetectionKeepsItsResults(t *testing.T) {
	printed := faulttest.Printed(t)
	unreadable := `"Secret":{"Type":"` + simulated.UnreadableType + `"}`
	for name, test := range map[string]struct{ beside, want string }{
		"one that differs": {`"Other":{"Type":"` + simulated.DriftedType + `"}`, "drifted, 1 of 1 resource"},
		"one in sync":      {`"Other":{"Type":"AWS::SNS::Topic"}`, "not known, no drift in 1 resource"},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := driftOf(t, newCloud(t), `{"Resources":{`+unreadable+`,`+test.beside+`}}`)
			printed.Error(err)
			assert.Equal(t, fault.DriftUnknown, fault.CodeOf(err), "%v", err)
			assert.Contains(t, text, test.want)
			assert.Contains(t, text, "not all of it was compared: Failed to detect drift on resource [Secret]")
		})
	}
}

func TestDrift_WaitsForAnotherDetection(t *testing.T) {
	c := newCloud(t)
	c.RunningDetections = 3
	text, err := driftOf(t, c, topics(1))
	require.NoError(t, err)
	assert.Equal(t, "web: in sync, 1 resource", text)
}

func TestDrift_LooksIntoNestedStacks(t *testing.T) {
	c := newCloud(t)
	nested := `{"Type":"AWS::CloudFormation::Stack"}`
	drifted := `"Deep":{"Type":"` + simulated.DriftedType + `"}`
	c.PutStack(testAccount, testRegion, "web-Inner", `{"Resources":{"More":`+nested+`}}`, "CREATE_COMPLETE")
	c.PutStack(testAccount, testRegion, "web-Inner-More", `{"Resources":{`+drifted+`}}`, "CREATE_COMPLETE")
	_, err := c.deploy(oneStack(t, topics(1)), DeployRequest{})
	require.NoError(t, err)
	c.updateByHand(func(in *simulated.StackInput) {
		in.Body = `{"Resources":{"Inner":` + nested + `,"Topic0":{"Type":"AWS::SNS::Topic"}}}`
	})
	drifts, err := c.openAccount().Drift(t.Context())
	require.NoError(t, err)
	assert.Contains(t, drifts[0].String(), "web: drifted, 1 of 4 resources")
	assert.Contains(t, drifts[0].String(), "modified Inner/More/Deep")
}

// Each kind of fault hits every second call, and then each call in turn.
func TestDeploy_BearsEveryFault(t *testing.T) {
	for _, fault := range []simulated.Fault{
		simulated.Throttled, simulated.ServerError, simulated.AnswerLost, simulated.UploadReset, simulated.KeyExpired,
	} {
		t.Run(string(fault), func(t *testing.T) {
			c := newCloud(t)
			for _, period := range []int64{2, 3, 5} {
				c.FaultOf = func(_ string, number int64) simulated.Fault {
					if number%period == 0 {
						return fault
					}
					return simulated.NoFault
				}
				asm := assemble(t, needs{"a": nil, "b": {"a"}}, map[string]string{"a": topics(int(period))})
				record, err := c.deploy(asm, DeployRequest{Allow: []change.Permit{change.DataLoss}})
				require.NoError(t, err, "every call number %d", period)
				assert.True(t, slices.Contains([]change.Outcome{change.Created, change.Updated}, record.Outcome))
			}
			assert.Equal(t, 3, c.stack("a").Executions)
			assert.Equal(t, 1, c.stack("b").Executions)
		})
	}
}

func TestDeploy_RecordsTheHealthOfARelease(t *testing.T) {
	const alarm = `"Alarm":{"Type":"AWS::CloudWatch::Alarm"}`
	const audit = `"Alarm":{"Type":"AWS::CloudWatch::Alarm","Metadata":{"lockstep:alarm":"audit"}}`
	const text = "alarm Alarm rings: too much"
	for name, test := range map[string]struct {
		resource string
		age      time.Duration
		health   []string
		notes    []string
	}{
		"since the deployment began":  {alarm, -time.Minute, []string{"web: " + text}, nil},
		"since before the deployment": {alarm, time.Hour, nil, []string{text + " (since before this deployment)"}},
		"an audit alarm":              {audit, -time.Minute, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			c.SetAlarm(testAccount, testRegion, "Alarm", simulated.Alarm{
				State: "ALARM", Reason: "too much", Since: time.Now().Add(-test.age),
			})
			asm := oneStack(t, `{"Resources":{`+test.resource+`}}`)
			record, err := c.deploy(asm, DeployRequest{})
			assert.Equal(t, 1, record.Release, "what is deployed is recorded")
			assert.Equal(t, test.notes, record.Stacks[0].Notes)
			release, readErr := c.openAccount().LatestRelease(t.Context())
			require.NoError(t, readErr)
			assert.Equal(t, test.health, release.Health)
			if test.health == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "it is deployed, and the release is recorded: "+text)
			assert.Equal(t, fault.AlarmsFiring, fault.CodeOf(err))
			record, err = c.deploy(asm, DeployRequest{})
			require.NoError(t, err, "there is nothing more to do")
			assert.Equal(t, change.Unchanged, record.Outcome)
		})
	}
	t.Run("verify counts every health alarm", func(t *testing.T) {
		c := newCloud(t)
		asm := oneStack(t, `{"Resources":{`+alarm+`}}`)
		_, err := c.deploy(asm, DeployRequest{})
		require.NoError(t, err)
		c.SetAlarm(testAccount, testRegion, "Alarm", simulated.Alarm{
			State: "ALARM", Reason: "too much", Since: time.Now().Add(-time.Hour),
		})
		_, err = c.open(asm).Verify(t.Context())
		require.ErrorContains(t, err, text)
	})
}
