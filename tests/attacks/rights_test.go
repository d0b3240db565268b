package attacks_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/bootstrap"
	"lockstep/internal/rehearsal"
	"lockstep/internal/roles"
)

// The accounts of the attacks on rights.
const (
	rightsTooling = "123456789012"
	rightsAccount = "444455556666"
	rightsRegion  = "eu-west-1"
)

// The buckets of the account: for assets, and for records.
var (
	assetBucket  = roles.StagingBucket("hnb659fds", rightsAccount, rightsRegion)
	recordBucket = roles.LedgerBucket("hnb659fds", rightsAccount, rightsRegion)
)

// rightsAccounts are the accounts that are bootstrapped.
var rightsAccounts = []bootstrap.Account{{
	Name: "acc", ID: rightsAccount, Region: rightsRegion, TrustedAccounts: []string{rightsTooling},
	Qualifier: "hnb659fds", ExecutionPolicies: []string{"arn:aws:iam::aws:policy/AdministratorAccess"},
}}

// rightsOf returns the configuration of somebody who has got hold of a role of a bootstrapped account.
type rightsOf func(kind roles.Kind) aws.Config

// startBootstrapped starts emulated accounts that are bootstrapped by this program, with IAM enforced.
func startBootstrapped(t *testing.T) rightsOf {
	t.Helper()
	_, session := startEmulated(t)
	cfg, err := session.AWSConfig(rightsTooling, rightsRegion)
	require.NoError(t, err)
	return func(kind roles.Kind) aws.Config {
		assumed := cfg.Copy()
		assumed.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg),
			kind.ARN("aws", "hnb659fds", rightsAccount, rightsRegion)))
		return assumed
	}
}

// startEmulated starts bootstrapped accounts.
func startEmulated(t *testing.T) (*rehearsal.Emulator, *rehearsal.Session) {
	t.Helper()
	e := &rehearsal.Emulator{
		Dir: filepath.Join(t.TempDir(), "rehearsal"), Environ: os.Environ(), Region: rightsRegion, Progress: func(string) {},
		AnyPort: true,
	}
	session, release, err := e.Acquire(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, release()) })
	require.NoError(t, e.Bootstrap(t.Context(), session, rightsAccounts))
	return e, session
}

// isDenied reports whether AWS has refused a call for want of a right. Any other answer means that the right was there.
func isDenied(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && strings.HasPrefix(api.ErrorCode(), "AccessDenied")
}

// A job that only looks, plans or publishes forges no record, no approval and no lock.
func TestRights_LedgerIsWrittenByItsWriterAlone(t *testing.T) {
	t.Parallel()
	as := startBootstrapped(t)
	putIn := func(bucket string, kind roles.Kind, key string) error {
		client := s3.NewFromConfig(as(kind), func(o *s3.Options) { o.UsePathStyle = true })
		_, err := client.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: &bucket, Key: &key, Body: strings.NewReader("{}"),
		})
		return err
	}
	put := func(kind roles.Kind, key string) error { return putIn(recordBucket, kind, key) }
	for _, key := range []string{
		"lockstep/shop/acc/releases/00000002.json", "lockstep/shop/acc/approvals/dddd.json", "lockstep/shop/acc/lock.json",
		"lockstep/shop/acc/blobs/x", "lockstep/another/prod/releases/00000001.json",
	} {
		for _, kind := range []roles.Kind{
			roles.FilePublishing, roles.Lookup, roles.LedgerReader, roles.Planner, roles.Deploy,
		} {
			assert.True(t, isDenied(put(kind, key)), "%s wrote %s", kind, key)
		}
		assert.NoError(t, put(roles.LedgerWriter, key), key)
	}
	require.NoError(t, put(roles.Planner, "lockstep/shop/acc/plans/dddd.json"))
	asset := strings.Repeat("0", 64) + ".json"
	require.NoError(t, putIn(assetBucket, roles.FilePublishing, asset))
	assert.True(t, isDenied(putIn(assetBucket, roles.LedgerWriter, asset)), "it published an asset")
	assert.True(t, isDenied(putIn(assetBucket, roles.FilePublishing, "lockstep/shop/acc/lock.json")), "of before the move")
}

// Records that an earlier version kept in the bucket of the CDK are in that of Lockstep after the next bootstrap.
func TestAWS_C10_BootstrapMovesTheRecords(t *testing.T) {
	t.Parallel()
	e, session := startEmulated(t)
	cfg, err := session.AWSConfig(rightsAccount, rightsRegion)
	require.NoError(t, err)
	objects := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	stacks := cloudformation.NewFromConfig(cfg)
	records := map[string]string{
		"lockstep/shop/acc/releases/00000001.json": "one", "lockstep/shop/acc/lock.json": "", "lockstep/a b/+&.json": "odd",
	}
	for key, text := range records {
		_, err := objects.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: &assetBucket, Key: &key, Body: strings.NewReader(text),
		})
		require.NoError(t, err)
	}
	_, err = stacks.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{ // as before the move, or cut off in it
		StackName: aws.String("LockstepToolkit"), UsePreviousTemplate: aws.Bool(true),
		Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam},
		Parameters: []types.Parameter{
			{ParameterKey: aws.String("Records"), ParameterValue: aws.String("being moved")},
			{ParameterKey: aws.String("Qualifier"), UsePreviousValue: aws.Bool(true)},
			{ParameterKey: aws.String("TrustedAccounts"), UsePreviousValue: aws.Bool(true)},
			{ParameterKey: aws.String("TemplateDigest"), UsePreviousValue: aws.Bool(true)},
		},
	})
	require.NoError(t, err)
	require.NoError(t, cloudformation.NewStackUpdateCompleteWaiter(stacks).Wait(t.Context(),
		&cloudformation.DescribeStacksInput{StackName: aws.String("LockstepToolkit")}, time.Minute))
	require.NoError(t, e.Bootstrap(t.Context(), session, rightsAccounts))
	for key, want := range records {
		object, err := objects.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &recordBucket, Key: &key})
		require.NoError(t, err, key)
		text, err := io.ReadAll(object.Body)
		require.NoError(t, err)
		assert.Equal(t, want, string(text), key)
	}
	isUpToDate, err := bootstrap.IsUpToDate(t.Context(), cfg, rightsAccounts[0])
	require.NoError(t, err)
	assert.True(t, isUpToDate, "the roles may write again")
}

// A planning job, before any person has seen the plan, executes nothing.
func TestRights_PlannerExecutesNothing(t *testing.T) {
	t.Parallel()
	as := startBootstrapped(t)
	planner, deployer := cloudformation.NewFromConfig(as(roles.Planner)), cloudformation.NewFromConfig(as(roles.Deploy))
	set, err := planner.CreateChangeSet(t.Context(), &cloudformation.CreateChangeSetInput{
		StackName: aws.String("web"), ChangeSetName: aws.String("a"), ChangeSetType: types.ChangeSetTypeCreate,
		TemplateBody: aws.String(`{"Resources":{"T":{"Type":"AWS::SNS::Topic"}}}`),
		RoleARN:      aws.String(roles.Kind("cfn-exec-role").ARN("aws", "hnb659fds", rightsAccount, rightsRegion)),
	})
	require.NoError(t, err)
	for name, call := range map[string]func(context.Context, *cloudformation.Client) error{
		"DeleteStack": func(ctx context.Context, c *cloudformation.Client) error {
			_, err := c.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: set.StackId})
			return err
		},
		"UpdateStack": func(ctx context.Context, c *cloudformation.Client) error {
			_, err := c.UpdateStack(ctx, &cloudformation.UpdateStackInput{
				StackName: set.StackId, TemplateBody: aws.String(`{"Resources":{"T":{"Type":"AWS::SNS::Topic"}}}`),
			})
			return err
		},
		"CreateStack": func(ctx context.Context, c *cloudformation.Client) error {
			_, err := c.CreateStack(ctx, &cloudformation.CreateStackInput{
				StackName: aws.String("another"), TemplateBody: aws.String(`{"Resources":{"T":{"Type":"AWS::SNS::Topic"}}}`),
			})
			return err
		},
		"ExecuteChangeSet": func(ctx context.Context, c *cloudformation.Client) error {
			_, err := c.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{
				ChangeSetName: set.Id, StackName: set.StackId,
			})
			return err
		},
	} {
		assert.True(t, isDenied(call(t.Context(), planner)), "the planner called %s", name)
	}
	_, err = deployer.ExecuteChangeSet(t.Context(), &cloudformation.ExecuteChangeSetInput{
		ChangeSetName: set.Id, StackName: set.StackId,
	})
	require.NoError(t, err, "the change set is one that can be executed")
}
