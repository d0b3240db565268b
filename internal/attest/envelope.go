package attest

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"lockstep/internal/fault"
	"lockstep/internal/jsonx"
)

// payloadType is the type of an envelope with a statement. Source: the in-toto attestation framework, envelope.
const payloadType = "application/vnd.in-toto+json"

// MaxEnvelopeBytes is more than an envelope about a release of a thousand stacks.
const MaxEnvelopeBytes = 4 << 20

// Sign returns a statement in a signed envelope. The error says so if the signer's key is not among the keys: then
// nobody could verify what it signs.
func Sign(ctx context.Context, signer Signer, keys Keys, s Statement) ([]byte, error) {
	payload, err := s.marshal()
	if err != nil {
		return nil, err
	}
	envelopeSigner, err := dsse.NewEnvelopeSigner(&keyedSigner{signer: signer, keys: keys})
	if err != nil {
		return nil, err
	}
	envelope, err := envelopeSigner.SignPayload(ctx, payloadType, payload)
	if err != nil {
		return nil, err
	}
	return json.Marshal(envelope)
}

// A keyedSigner signs for DSSE. It finds out with which of the keys it has signed.
type keyedSigner struct {
	signer Signer
	keys   Keys
	id     string
}

// Sign implements dsse.Signer.
func (s *keyedSigner) Sign(ctx context.Context, data []byte) ([]byte, error) {
	digest := sha256.Sum256(data)
	signature, err := s.signer.Sign(ctx, digest[:])
	if err != nil {
		return nil, err
	}
	for _, key := range s.keys {
		if key.Verify(ctx, data, signature) == nil {
			s.id = key.id
			return signature, nil
		}
	}
	return nil, fault.New(fault.SigningKey,
		"the key that signs is another one than the public keys of the configuration: "+
			"export its public key, and add it to `signing` in config/pipeline.yaml")
}

// KeyID implements dsse.Signer.
func (s *keyedSigner) KeyID() (string, error) { return s.id, nil }

// A Verified statement is one whose signature counts.
type Verified struct {
	Statement
	// KeyID is the id of the key that has signed it.
	KeyID string `json:"key"`
}

// Verify returns the statement in an envelope that one of the keys has signed.
func Verify(ctx context.Context, keys Keys, envelope []byte) (Verified, error) {
	parsed, err := ParseEnvelope(envelope)
	if err != nil {
		return Verified{}, err
	}
	if len(keys) == 0 {
		return Verified{}, fault.New(fault.SigningKey, "there is no public key to verify it with")
	}
	verifiers := make([]dsse.Verifier, len(keys))
	for i, key := range keys {
		verifiers[i] = key
	}
	verifier, err := dsse.NewEnvelopeVerifier(verifiers...)
	if err != nil {
		return Verified{}, fault.Wrap(fault.SigningKey, err)
	}
	accepted, payload, err := verifier.VerifyAndDecode(ctx, parsed)
	if err != nil {
		return Verified{}, fault.Errorf(fault.RecordUnsigned, "its signature is of none of the keys %.12q", keys.IDs())
	}
	statement, err := parseStatement(payload)
	if err != nil {
		return Verified{}, fmt.Errorf("it holds no statement: %w", err)
	}
	return Verified{Statement: statement, KeyID: accepted[0].KeyID}, nil
}

// ParseEnvelope returns an envelope with a statement. It has not verified the signature. An envelope that could be
// written in another way and still mean the same is refused: no byte of it is without a meaning.
func ParseEnvelope(text []byte) (*dsse.Envelope, error) {
	envelope := &dsse.Envelope{}
	if err := jsonx.Unmarshal(text, envelope); err != nil {
		return nil, fmt.Errorf("it is no envelope: %w", err)
	}
	if envelope.PayloadType != payloadType {
		return nil, fault.Errorf(fault.DocumentDamaged, "it is an envelope of %q, not of %s",
			envelope.PayloadType, payloadType)
	}
	encoded := []string{envelope.Payload}
	for _, s := range envelope.Signatures {
		encoded = append(encoded, s.Sig)
	}
	for _, field := range encoded {
		if _, err := base64.StdEncoding.Strict().DecodeString(field); err != nil {
			return nil, fault.Errorf(fault.RecordUnsigned, "it is no envelope: %w", err)
		}
	}
	return envelope, nil
}
