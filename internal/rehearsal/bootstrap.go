package rehearsal

import (
	"context"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"golang.org/x/sync/errgroup"

	"lockstep/internal/bootstrap"
	"lockstep/tools"
)

// AWSConfig returns a configuration of the AWS SDK for the root of an emulated account.
func (s *Session) AWSConfig(account, region string) (aws.Config, error) {
	authorities, err := loadCertPool(s.Authority) // of no other: a bundle of the machine has hundreds
	if err != nil {
		return aws.Config{}, err
	}
	secret, err := readSecret(s.SecretFile)
	if err != nil {
		return aws.Config{}, fmt.Errorf("the secret of the emulated accounts cannot be read: %w", err)
	}
	return aws.Config{
		Region:       region,
		BaseEndpoint: aws.String(s.Endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider(account, rootSecret(secret, account), ""),
		HTTPClient: awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.TLSClientConfig.RootCAs = authorities
			t.Proxy = nil // the emulator is on this machine
		}),
	}, nil
}

// Bootstrap prepares accounts as `cdk bootstrap` does. It takes one call for an account that is up to date. It writes
// the file of credentials for the user's own tools too.
func (e *Emulator) Bootstrap(ctx context.Context, s *Session, accounts []bootstrap.Account) error {
	if err := e.writeCredentials(s, accounts); err != nil {
		return err
	}
	var group errgroup.Group
	for _, account := range accounts {
		group.Go(func() error { return e.bootstrapAccount(ctx, s, account) })
	}
	return group.Wait()
}

// bootstrapAccount prepares an account as its root.
func (e *Emulator) bootstrapAccount(ctx context.Context, s *Session, account bootstrap.Account) error {
	account.IsEmulated = true
	cfg, err := s.AWSConfig(account.ID, account.Region)
	if err != nil {
		return err
	}
	if ready, err := bootstrap.IsUpToDate(ctx, cfg, account); err != nil || ready {
		return err
	}
	installer, err := tools.NewInstaller(e.Environ, e.Progress)
	if err != nil {
		return err
	}
	template, err := bootstrap.LoadTemplate(ctx, installer)
	if err != nil {
		return err
	}
	e.Progress(fmt.Sprintf("bootstrapping the emulated account %s", account.ID))
	account.MayChange = true // nobody else relies on an emulated account
	return bootstrap.Apply(ctx, cfg, template, account)
}

// install installs a tool unless it is installed, and returns its folder.
func (e *Emulator) install(ctx context.Context, tool string) (string, error) {
	installer, err := tools.NewInstaller(e.Environ, e.Progress)
	if err != nil {
		return "", err
	}
	return installer.Install(ctx, tool)
}
