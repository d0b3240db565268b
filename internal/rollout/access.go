package rollout

import (
	"context"
	"errors"
	"io/fs"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"lockstep/config"
	"lockstep/internal/awsclient"
	"lockstep/internal/bootstrap"
	"lockstep/internal/deploy"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/fault"
	"lockstep/internal/pipeline"
	"lockstep/internal/rehearsal"
	"lockstep/internal/roles"
	"lockstep/tools"
)

// An accountAccess gives access to accounts, either on AWS or emulated.
type accountAccess interface {
	// callerConfig returns the AWS configuration with the credentials that roles are assumed with.
	callerConfig(region string) (aws.Config, error)
	// adaptAssembly returns the cloud assembly in the form that the accounts can deploy. The coverage says how much of the
	// original that is; it is nil if nothing was replaced.
	adaptAssembly(files fs.FS, parameters stackParameters) (fs.FS, *rehearsal.Coverage, error)
	// provideParameters gives the accounts the parameters of SSM that the stacks read from outside and that they lack. It
	// returns those that have a value of Lockstep's own.
	provideParameters(ctx context.Context, asm *assembly.Assembly) ([]rehearsal.OutsideParameter, error)
	// signing returns the keys with which records, approvals and plans are signed; the zero Signing for none.
	signing(ctx context.Context, s *Session) (deploy.Signing, error)
	// mayHoldReleases reports whether something may have been deployed to an account: whether it has a bucket for records.
	mayHoldReleases(ctx context.Context, account config.EnvironmentAccount) bool
}

// stackParameters are values of parameters, by the name of their stack.
type stackParameters = map[string]map[string]string

// openAccess gives access to the accounts of environments: with the caller's credentials if the session is live,
// otherwise to emulated accounts, which it starts. The caller must call release when done.
func (s *Session) openAccess(
	ctx context.Context, environments []config.Environment,
) (access accountAccess, release func() error, err error) {
	if s.Live {
		cfg, err := s.LoadAWSConfig(ctx)
		return liveAccess{cfg}, s.imageBuilder().Close, err
	}
	emulator, session, release, err := s.AcquireEmulator(ctx, environments, s.Progress)
	if err != nil {
		return nil, nil, err
	}
	remote, err := rehearsal.RemoteSession(s.Environ)
	if err != nil {
		return nil, nil, errors.Join(err, release())
	}
	adapter := emulator.Adapter(ctx)
	adapter.KnownTypes = sync.OnceValues(adapter.KnownTypes)
	stop := release
	release = func() error { return errors.Join(s.imageBuilder().Close(), stop()) }
	return emulatedAccess{
		session:  session,
		pipeline: s.Config.Pipeline,
		isRemote: remote != nil,
		adapter:  adapter,
	}, release, nil
}

// liveAccess gives access to accounts on AWS.
type liveAccess struct{ caller aws.Config }

func (a liveAccess) callerConfig(string) (aws.Config, error) { return a.caller, nil }

func (liveAccess) adaptAssembly(files fs.FS, _ stackParameters) (fs.FS, *rehearsal.Coverage, error) {
	return files, nil, nil
}

func (liveAccess) provideParameters(context.Context, *assembly.Assembly) ([]rehearsal.OutsideParameter, error) {
	return nil, nil
}

func (liveAccess) mayHoldReleases(context.Context, config.EnvironmentAccount) bool { return true }

// emulatedAccess gives access to emulated accounts. The caller is in the tooling account.
type emulatedAccess struct {
	session  *rehearsal.Session
	pipeline config.Pipeline
	// isRemote says that the accounts are on another machine or in another container.
	isRemote bool
	adapter  rehearsal.Adapter
}

func (a emulatedAccess) callerConfig(region string) (aws.Config, error) {
	return a.session.AWSConfig(a.pipeline.Tooling.ID, region)
}

// mayHoldReleases implements accountAccess. An emulated account is bootstrapped when it is first deployed to.
func (a emulatedAccess) mayHoldReleases(ctx context.Context, account config.EnvironmentAccount) bool {
	cfg, err := a.session.AWSConfig(account.ID, account.Region)
	if err != nil {
		return true
	}
	names := roles.Names(a.pipeline.BootstrapNamesOf(account.Environment))
	exists, err := bootstrap.Exists(ctx, cfg, account.Region, names.Toolkit())
	return exists || err != nil
}

func (a emulatedAccess) adaptAssembly(
	files fs.FS, parameters stackParameters,
) (fs.FS, *rehearsal.Coverage, error) {
	adapted, coverage, err := a.adapter.Adapt(files, parameters)
	return adapted, &coverage, err
}

// LoadAWSConfig loads the caller's AWS configuration from the environment and the files of the AWS SDK. The error is a
// *refusal.Error if they name an endpoint that is not one of AWS, unless the session itself names it.
func (s *Session) LoadAWSConfig(ctx context.Context) (aws.Config, error) {
	cfg, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithBaseEndpoint(s.Endpoint))
	if err != nil {
		return cfg, fault.Errorf(fault.AWSSettings, "the AWS settings of this machine cannot be read: %w: fix the file or "+
			"the variable that it names, or choose another profile with AWS_PROFILE", err)
	}
	if s.Endpoint != "" {
		cfg.BaseEndpoint = &s.Endpoint // also if AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is set
	}
	if address := tools.Getenv(s.Environ, pipeline.CredentialsEndpointVariable); address != "" {
		if cfg.Credentials, err = awsclient.EndpointCredentials(address, cfg.HTTPClient); err != nil {
			return cfg, err
		}
	}
	return cfg, awsclient.CheckEndpoints(cfg, assembly.Partition(s.Config.Pipeline.Tooling.Region), s.Endpoint)
}

// CheckCaller returns an error if the caller's credentials do not belong to the account from which the environments are
// deployed.
func (s *Session) CheckCaller(ctx context.Context, environments []config.Environment) error {
	cfg, err := s.LoadAWSConfig(ctx)
	if err != nil {
		return err
	}
	for _, env := range environments {
		if err := awsclient.CheckCaller(ctx, cfg, s.target(env).Caller()); err != nil {
			return err
		}
	}
	return nil
}
