package rehearsal

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"golang.org/x/sync/errgroup"
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

// toolkitStack is the stack that `cdk bootstrap` makes.
const toolkitStack = "CDKToolkit"

// Bootstrap prepares accounts as `cdk bootstrap` does, with the CDK's own command line. Accounts that are prepared as wanted already
// cost one call.
func (e *Emulator) Bootstrap(ctx context.Context, s *Session, accounts []Account) error {
	var group errgroup.Group
	for _, account := range accounts {
		group.Go(func() error {
			done, err := s.bootstrapped(ctx, account)
			if err != nil || done {
				return err
			}
			if err := e.bootstrap(ctx, s, account); err != nil {
				return fmt.Errorf("account %s could not be bootstrapped: %w", account.ID, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// bootstrapped says whether the account's toolkit stack is whole and has the parameters that are wanted.
func (s *Session) bootstrapped(ctx context.Context, account Account) (bool, error) {
	cfg, err := s.AWSConfig(account.ID, account.Region)
	if err != nil {
		return false, err
	}
	out, err := cloudformation.NewFromConfig(cfg).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(toolkitStack)})
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

// bootstrap runs the CDK's command line as the root of the account.
func (e *Emulator) bootstrap(ctx context.Context, s *Session, account Account) error {
	tools, err := e.installer()
	if err != nil {
		return err
	}
	installed, err := tools.install(ctx, cdkTool)
	if err != nil {
		return err
	}
	node, err := find(e.Environ, "", "node")
	if err != nil {
		return err
	}
	empty, err := os.MkdirTemp(e.Dir, "bootstrap-") // no cdk.json may be found
	if err != nil {
		return noRoom(e.Dir, err)
	}
	defer os.RemoveAll(empty)
	e.Say(fmt.Sprintf("bootstrapping the emulated account %s", account.ID))
	cmd := exec.CommandContext(ctx, node, append([]string{filepath.Join(installed, cdkTool.program)}, BootstrapArguments(account)...)...)
	cmd.Dir = empty
	cmd.Env = e.cdkSettings(s, account, empty)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	inGroup(cmd)
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w\n%s", err, lastLines(out.String(), 12))
	}
	return nil
}

// BootstrapArguments are what the CDK's command line is called with to prepare an account.
func BootstrapArguments(account Account) []string {
	args := []string{
		"bootstrap", fmt.Sprintf("aws://%s/%s", account.ID, account.Region),
		"--qualifier", account.Qualifier, "--toolkit-stack-name", toolkitStack,
		"--cloudformation-execution-policies", strings.Join(account.ExecutionPolicies, ","),
		"--no-notices", "--progress", "events", "--require-approval", "never",
	}
	for _, trusted := range account.Trust {
		args = append(args, "--trust", trusted)
	}
	return args
}

// cdkSettings are the environment of the CDK's command line: it sees the emulator and nothing of the caller's AWS settings.
func (e *Emulator) cdkSettings(s *Session, account Account, home string) []string {
	env := []string{
		"AWS_ACCESS_KEY_ID=" + account.ID, "AWS_SECRET_ACCESS_KEY=" + rootSecret,
		"AWS_REGION=" + account.Region, "AWS_DEFAULT_REGION=" + account.Region, "AWS_ENDPOINT_URL=" + s.Endpoint,
		"AWS_CA_BUNDLE=" + s.CABundle, "NODE_EXTRA_CA_CERTS=" + s.CABundle,
		"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "AWS_EC2_METADATA_DISABLED=true",
		"CI=true", "CDK_DISABLE_VERSION_CHECK=1", "CDK_DISABLE_CLI_TELEMETRY=true", "NO_COLOR=1", "HOME=" + home, "TMPDIR=" + home,
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=1",
	}
	if path := lookup(e.Environ, "PATH"); path != "" {
		env = append(env, "PATH="+path)
	}
	return env
}

// Prepare installs what bootstrapping will need, so that it can happen beside the emulator's start.
func (e *Emulator) Prepare(ctx context.Context) error {
	tools, err := e.installer()
	if err != nil {
		return err
	}
	_, err = tools.install(ctx, cdkTool)
	return err
}

func (e *Emulator) installer() (*installer, error) {
	dir, err := toolsDir(e.Environ)
	if err != nil {
		return nil, err
	}
	return &installer{dir: dir, environ: e.Environ, say: e.Say}, nil
}
