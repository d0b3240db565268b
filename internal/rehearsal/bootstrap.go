package rehearsal

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"golang.org/x/sync/errgroup"

	"lockstep/internal/bootstrap"
	"lockstep/tools"
)

// AWSConfig is a configuration of the AWS SDK whose caller is the root of an emulated account.
func (s *Session) AWSConfig(account, region string) (aws.Config, error) {
	authorities, err := pool(s.CABundle)
	if err != nil {
		return aws.Config{}, err
	}
	return aws.Config{
		Region:       region,
		BaseEndpoint: aws.String(s.Endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider(account, rootSecret, ""),
		HTTPClient: awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.TLSClientConfig.RootCAs = authorities
			t.Proxy = nil // the emulator is on this machine
		}),
	}, nil
}

// rootSecret is no secret: the emulator knows the root of an account by its access key alone.
const rootSecret = "emulated"

// Bootstrap prepares accounts as `cdk bootstrap` does, with the CDK's own command line. Accounts that are prepared as wanted already
// cost one call.
func (e *Emulator) Bootstrap(ctx context.Context, s *Session, accounts []bootstrap.Account) error {
	var group errgroup.Group
	for _, account := range accounts {
		group.Go(func() error {
			done, err := s.bootstrapped(ctx, account)
			if err != nil || done {
				return err
			}
			return e.bootstrap(ctx, s, account)
		})
	}
	return group.Wait()
}

// bootstrapped says whether the account's toolkit stack is whole and has the parameters that are wanted.
func (s *Session) bootstrapped(ctx context.Context, account bootstrap.Account) (bool, error) {
	cfg, err := s.AWSConfig(account.ID, account.Region)
	if err != nil {
		return false, err
	}
	out, err := cloudformation.NewFromConfig(cfg).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(bootstrap.Stack)})
	if err != nil {
		if strings.Contains(err.Error(), "does not exist") {
			return false, nil
		}
		return false, err
	}
	if len(out.Stacks) != 1 || !slices.Contains([]types.StackStatus{types.StackStatusCreateComplete, types.StackStatusUpdateComplete}, out.Stacks[0].StackStatus) {
		return false, nil
	}
	have := map[string]string{}
	for _, p := range out.Stacks[0].Parameters {
		have[aws.ToString(p.ParameterKey)] = aws.ToString(p.ParameterValue)
	}
	for key, want := range map[string]string{
		"Qualifier":                       account.Qualifier,
		"TrustedAccounts":                 strings.Join(account.Trust, ","),
		"CloudFormationExecutionPolicies": strings.Join(account.ExecutionPolicies, ","),
	} {
		if have[key] != want {
			return false, nil
		}
	}
	return true, nil
}

// bootstrap runs the CDK's command line as the root of the account. It sees the emulator, and nothing of the caller's AWS settings.
func (e *Emulator) bootstrap(ctx context.Context, s *Session, account bootstrap.Account) error {
	installed, err := e.install(ctx, tools.CDK)
	if err != nil {
		return err
	}
	home, err := os.MkdirTemp(e.Dir, "bootstrap-")
	if err != nil {
		return tools.NoRoom(e.Dir, err)
	}
	defer os.RemoveAll(home)
	e.Say(fmt.Sprintf("bootstrapping the emulated account %s", account.ID))
	return bootstrap.Run(ctx, installed, home, account, []string{
		"PATH=" + tools.Lookup(e.Environ, "PATH"), "HOME=" + home, "TMPDIR=" + home,
		"AWS_ACCESS_KEY_ID=" + account.ID, "AWS_SECRET_ACCESS_KEY=" + rootSecret,
		"AWS_REGION=" + account.Region, "AWS_DEFAULT_REGION=" + account.Region, "AWS_ENDPOINT_URL=" + s.Endpoint,
		"AWS_CA_BUNDLE=" + s.CABundle, "NODE_EXTRA_CA_CERTS=" + s.CABundle,
		"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "AWS_EC2_METADATA_DISABLED=true",
	})
}

// Prepare installs what bootstrapping will need, so that it can happen beside the emulator's start.
func (e *Emulator) Prepare(ctx context.Context) error {
	_, err := e.install(ctx, tools.CDK)
	return err
}

func (e *Emulator) install(ctx context.Context, tool string) (string, error) {
	installer, err := tools.NewInstaller(e.Environ, e.Say)
	if err != nil {
		return "", err
	}
	return installer.Install(ctx, tool)
}
