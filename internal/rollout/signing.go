package rollout

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"lockstep/config"
	"lockstep/internal/attest"
	"lockstep/internal/awsclient"
	"lockstep/internal/deploy"
	"lockstep/internal/fsx"
	"lockstep/tools"
)

// signing returns how what is recorded in an account is signed.
func (o *accountOpener) signing(ctx context.Context, account config.EnvironmentAccount) (deploy.Signing, error) {
	signing, err := o.access.signing(ctx, o.session)
	if err != nil || signing.IsZero() {
		return signing, err
	}
	signing.Region = o.session.Config.Pipeline.Tooling.Region
	signing.Builder, signing.Invocation = o.session.builder()
	if build, ok := debug.ReadBuildInfo(); ok {
		signing.Version = build.Main.Version
	}
	if o.session.Live {
		signing.From = max(1, account.SignedFrom)
	}
	return signing, nil
}

// The names of builders, where there is none of CodeBuild: a person with this program.
const personBuilder = "urn:lockstep:builder:command-line"

// builder returns what vouches for a cloud assembly, and its name for this run: a project of CodeBuild and its build,
// or whoever runs this program.
func (s *Session) builder() (id, invocation string) {
	arn := tools.Getenv(s.Environ, "CODEBUILD_BUILD_ARN") // arn:aws:codebuild:REGION:ACCOUNT:build/PROJECT:BUILD
	if i := strings.LastIndex(arn, ":"); i > 0 {
		return arn[:i], arn
	}
	return personBuilder, s.RunID
}

// ConfiguredKeys returns the public keys of the configuration whose signatures count: of releases and approvals, and of
// plans.
func ConfiguredKeys(s *config.Signing) (releases, plans attest.Keys, err error) {
	if s == nil {
		return nil, nil, nil
	}
	if releases, err = attest.ParseKeys(s.PublicKeys...); err != nil {
		return nil, nil, err
	}
	if s.PlanKey == "" {
		return releases, releases, nil
	}
	plans, err = attest.ParseKeys(s.PlanPublicKeys...)
	return releases, plans, err
}

// signing implements accountAccess with the keys of the configuration.
func (liveAccess) signing(_ context.Context, s *Session) (deploy.Signing, error) {
	configured := s.Config.Pipeline.Signing
	releases, plans, err := ConfiguredKeys(configured)
	if err != nil || configured == nil {
		return deploy.Signing{}, err
	}
	signing := deploy.Signing{
		Releases: deploy.SigningKey{KMSKey: configured.Key, Keys: releases},
		Plans:    deploy.SigningKey{KMSKey: configured.PlanKey, Keys: plans},
	}
	if configured.PlanKey == "" {
		signing.Plans = signing.Releases
	}
	return signing, nil
}

// signing implements accountAccess with a key of this user or, for accounts that other machines use too, with one that
// the emulated tooling account keeps.
func (a emulatedAccess) signing(ctx context.Context, s *Session) (deploy.Signing, error) {
	text, err := a.privateKey(ctx, s)
	if err != nil {
		return deploy.Signing{}, fmt.Errorf("the key that signs rehearsals: %w", err)
	}
	private, err := attest.ParsePrivateKey(text)
	if err != nil {
		return deploy.Signing{}, fmt.Errorf("the key that signs rehearsals: %w", err)
	}
	signer := attest.NewLocalSigner(private)
	key := deploy.SigningKey{Local: signer, Keys: signer.Keys()}
	return deploy.Signing{Releases: key, Plans: key}, nil
}

func (a emulatedAccess) privateKey(ctx context.Context, s *Session) ([]byte, error) {
	if !a.isRemote {
		return s.localKey()
	}
	cfg, err := a.callerConfig(s.Config.Pipeline.Tooling.Region)
	if err != nil {
		return nil, err
	}
	return sharedKey(ctx, awsclient.NewSSM(cfg))
}

// The name and the size of the file with the key that signs rehearsals.
const (
	localKeyFile  = "rehearsal-signing.pem"
	maxLocalBytes = 4 << 10
)

// localKey returns the key that signs this user's rehearsals. It is made the first time.
func (s *Session) localKey() ([]byte, error) {
	path, err := tools.PrivatePath(s.Environ, s.Root, localKeyFile)
	if err != nil {
		return nil, err
	}
	return fsx.LoadPrivate(path, maxLocalBytes, attest.NewPrivateKey)
}

// LocalKeys returns the public key of this user's rehearsals, which is made the first time.
func (s *Session) LocalKeys() (attest.Keys, error) {
	text, err := s.localKey()
	if err != nil {
		return nil, err
	}
	private, err := attest.ParsePrivateKey(text)
	if err != nil {
		return nil, err
	}
	return attest.NewLocalSigner(private).Keys(), nil
}

// sharedKeyName is the parameter of an emulated tooling account with the key that signs: containers that rehearse there
// one after the other have no files in common.
const sharedKeyName = "/lockstep-rehearsal/signing-key"

func sharedKey(ctx context.Context, client *awsclient.SSM) ([]byte, error) {
	get := &ssm.GetParameterInput{Name: aws.String(sharedKeyName), WithDecryption: aws.Bool(true)}
	found, err := client.GetParameter(ctx, get)
	if awsclient.ErrorCode(err) == "ParameterNotFound" {
		created, createErr := attest.NewPrivateKey()
		if createErr != nil {
			return nil, createErr
		}
		_, err = client.PutParameter(ctx, &ssm.PutParameterInput{
			Name: aws.String(sharedKeyName), Value: aws.String(string(created)), Type: ssmtypes.ParameterTypeSecureString,
		})
		if err == nil {
			return created, nil
		}
		if awsclient.ErrorCode(err) == "ParameterAlreadyExists" { // another container was first
			found, err = client.GetParameter(ctx, get)
		}
	}
	if err != nil {
		return nil, err
	}
	return []byte(aws.ToString(found.Parameter.Value)), nil
}
