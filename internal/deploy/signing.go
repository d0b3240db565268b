package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"lockstep/internal/attest"
	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/deploy/staging"
	"lockstep/internal/fault"
	"lockstep/internal/jsonx"
	"lockstep/internal/refusal"
)

// A Signing says how what a deployment records is signed, and whose signatures count. The zero Signing signs nothing.
type Signing struct {
	// Releases signs release records, approvals and provenances, and Plans signs the registrations of plans.
	Releases, Plans SigningKey
	// From is the number of the first release that has to be signed; 0 if that is the first one that is signed.
	From int
	// Region is the region of the tooling account, which has the keys and knows the newest releases.
	Region string
	// Builder names what vouches for a cloud assembly: the machine or the job that records its release.
	Builder string
	// Invocation is the builder's name of this run.
	Invocation string
	// Version is the version of this program.
	Version string
}

// IsZero reports whether nothing is signed.
func (s Signing) IsZero() bool { return len(s.Releases.Keys) == 0 }

// PublicKeys returns all keys whose signatures count.
func (s Signing) PublicKeys() attest.Keys { return s.Releases.Keys.Join(s.Plans.Keys) }

// A SigningKey is the key that signs, and the keys whose signatures count.
type SigningKey struct {
	// KMSKey is the ARN or the alias of a key of the tooling account; empty if Local signs.
	KMSKey string
	Local  attest.Signer
	Keys   attest.Keys
}

// scope returns what the deployment's documents are about.
func (d *Deployment) scope() attest.Scope {
	t := d.target
	return attest.Scope{Project: t.Project, Environment: t.Environment, Account: t.Account, Region: t.Region}
}

// ledgerSigning returns how the ledger signs. Who signs and who knows the newest release is of the tooling account,
// which the target account cannot write to.
func (d *Deployment) ledgerSigning() ledger.Signing {
	s := d.Signing
	if s.IsZero() {
		return ledger.Signing{}
	}
	cfg := d.sessions.ToolingConfig(s.Region)
	trust := func(k SigningKey) ledger.Trust {
		if k.KMSKey == "" {
			return ledger.Trust{Signer: k.Local, Keys: k.Keys}
		}
		return ledger.Trust{Signer: kmsSigner{awsclient.NewKMS(cfg), k.KMSKey}, Keys: k.Keys}
	}
	return ledger.Signing{
		Releases: trust(s.Releases), Plans: trust(s.Plans), From: s.From,
		Heads: headStore{awsclient.NewSSM(cfg)},
	}
}

// A kmsSigner signs with a key of KMS.
type kmsSigner struct {
	client *awsclient.KMS
	key    string
}

// Sign implements attest.Signer.
func (s kmsSigner) Sign(ctx context.Context, digest []byte) ([]byte, error) {
	out, err := s.client.Sign(ctx, &kms.SignInput{
		KeyId: &s.key, Message: digest, MessageType: kmstypes.MessageTypeDigest,
		SigningAlgorithm: kmstypes.SigningAlgorithmSpecEcdsaSha256,
	})
	if err != nil {
		return nil, fmt.Errorf("the key %s of the tooling account does not sign: %w", s.key, err)
	}
	return out.Signature, nil
}

// A headStore keeps heads in parameters of the tooling account.
type headStore struct{ client *awsclient.SSM }

// HeadFolder begins the names of the parameters with the newest releases.
const HeadFolder = "/lockstep-heads/"

// headName returns the name of the parameter with the newest release.
func headName(s attest.Scope) string {
	return HeadFolder + s.Project + "/" + s.Environment + "/" + s.Account + "/" + s.Region
}

// Head implements ledger.HeadStore.
func (s headStore) Head(ctx context.Context, scope attest.Scope) (ledger.Head, error) {
	var head ledger.Head
	name := headName(scope)
	out, err := s.client.GetParameter(ctx, &ssm.GetParameterInput{Name: &name})
	if awsclient.ErrorCode(err) == "ParameterNotFound" {
		return head, ledger.ErrNotFound
	}
	if err != nil {
		return head, err
	}
	if err := jsonx.Unmarshal([]byte(aws.ToString(out.Parameter.Value)), &head); err != nil || head.Number < 1 {
		return head, refusal.Newf(fault.HeadMissing, err, "the parameter %s of the tooling account is damaged", name)
	}
	return head, nil
}

// SetHead implements ledger.HeadStore.
func (s headStore) SetHead(ctx context.Context, scope attest.Scope, head ledger.Head) error {
	value, err := json.Marshal(head)
	if err != nil {
		return err
	}
	_, err = s.client.PutParameter(ctx, &ssm.PutParameterInput{
		Name: aws.String(headName(scope)), Value: aws.String(string(value)), Type: ssmtypes.ParameterTypeString,
		Overwrite: aws.Bool(true),
	})
	return err
}

// refuseTampered turns the error of a record that was altered, or that nobody has signed, into a refusal.
func refuseTampered(err error) error {
	var tampered *ledger.TamperedError
	var unsigned *ledger.UnsignedError
	var missing *ledger.HeadMissingError
	switch {
	case errors.As(err, &tampered):
		return refusal.Newf(fault.RecordTampered, err, "%s: the bucket keeps older versions of every object; find out who "+
			"it was and put the right one back, then run this again", tampered)
	case errors.As(err, &unsigned):
		return refusal.Newf(fault.RecordUnsigned, err, "%s: find out who it was, then plan again and approve that", unsigned)
	case errors.As(err, &missing):
		return refusal.Newf(fault.HeadMissing, err, "%s", missing)
	}
	return err
}

// Export returns the record of a release and what it refers to, each with its signature, as files that can be verified
// without the account. The number 0 stands for the newest release.
func (d *Deployment) Export(ctx context.Context, number int) ([]attest.File, error) {
	history, err := d.history(ctx)
	if err != nil {
		return nil, err
	}
	r, ok := history.Latest()
	if number != 0 {
		r, ok = history.Release(number)
	}
	if !ok {
		return nil, refusal.Newf(fault.NoRelease, nil, "%s has no such release: `lockstep status --env %s --releases 20` "+
			"shows which there are", d.target.Environment, d.target.Environment)
	}
	l, err := d.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	if r.SigningKeyID() == "" {
		return nil, refusal.Newf(fault.RecordUnsigned, nil, "release %d of %s is unsigned, so there is nothing to export: "+
			"Lockstep's docs/deployment.md says how releases are signed", r.Number, d.target.Environment)
	}
	files, err := l.Export(ctx, r.Number, staging.AssemblyBlobName(r.SynthDigest))
	return files, refuseTampered(err)
}
