package attest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"slices"
	"strings"

	"lockstep/internal/fault"
)

// A Signer signs SHA-256 digests with a key of the curve P-256.
type Signer interface {
	// Sign returns the signature of a digest, in ASN.1.
	Sign(ctx context.Context, digest []byte) ([]byte, error)
}

// A LocalSigner signs with a key in memory.
type LocalSigner struct{ key *ecdsa.PrivateKey }

// NewLocalSigner returns a signer with a key that ParsePrivateKey or NewPrivateKey has returned.
func NewLocalSigner(key *ecdsa.PrivateKey) LocalSigner { return LocalSigner{key} }

// Sign implements Signer.
func (s LocalSigner) Sign(_ context.Context, digest []byte) ([]byte, error) {
	return ecdsa.SignASN1(rand.Reader, s.key, digest)
}

// Keys returns the one key with which the signatures of the signer are verified.
func (s LocalSigner) Keys() Keys {
	return Keys{{public: &s.key.PublicKey, id: keyID(&s.key.PublicKey)}}
}

// The types of the blocks of PEM files.
const (
	publicBlock  = "PUBLIC KEY"
	privateBlock = "PRIVATE KEY"
)

// NewPrivateKey returns a new key, in PEM.
func NewPrivateKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: privateBlock, Bytes: der}), err
}

// ParsePrivateKey returns the key that NewPrivateKey has returned.
func ParsePrivateKey(text []byte) (*ecdsa.PrivateKey, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != privateBlock || len(rest) > 0 {
		return nil, fault.New(fault.SigningKey, "it is no private key in PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fault.Wrap(fault.SigningKey, err)
	}
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return nil, fault.New(fault.SigningKey, "it is no key of the curve P-256")
	}
	return private, nil
}

// A publicKey is a key whose signatures count.
type publicKey struct {
	public *ecdsa.PublicKey
	// id is the SHA-256 of the key as PKIX has it, in hexadecimal.
	id string
}

// Verify implements dsse.Verifier.
func (k publicKey) Verify(_ context.Context, data, signature []byte) error {
	digest := sha256.Sum256(data)
	if !ecdsa.VerifyASN1(k.public, digest[:], signature) {
		return fault.New(fault.RecordUnsigned, "the signature is not of this key")
	}
	return nil
}

// KeyID implements dsse.Verifier.
func (k publicKey) KeyID() (string, error) { return k.id, nil }

// Public implements dsse.Verifier.
func (k publicKey) Public() crypto.PublicKey { return k.public }

func keyID(public *ecdsa.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "" // a key of this curve always has a form
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// Keys are the public keys whose signatures count. There are several while one takes the place of another.
type Keys []publicKey

// ParseKeys returns the public keys in texts, each of which holds one or more in PEM.
func ParseKeys(texts ...string) (Keys, error) {
	var keys Keys
	for _, text := range texts {
		rest := []byte(strings.TrimSpace(text))
		for len(rest) > 0 {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil || block.Type != publicBlock {
				return nil, fault.Errorf(fault.SigningKey, "it is no public key in PEM, which begins with -----BEGIN %s-----",
					publicBlock)
			}
			key, err := parsePublicKey(block.Bytes)
			if err != nil {
				return nil, err
			}
			keys = keys.Join(Keys{key})
		}
	}
	return keys, nil
}

func parsePublicKey(der []byte) (publicKey, error) {
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return publicKey{}, fault.Wrap(fault.SigningKey, err)
	}
	public, ok := parsed.(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() {
		return publicKey{}, fault.New(fault.SigningKey, "it is no key of the curve P-256 (ECC_NIST_P256)")
	}
	return publicKey{public: public, id: keyID(public)}, nil
}

// Join returns the keys and others, each once.
func (k Keys) Join(others Keys) Keys {
	out := slices.Clone(k)
	for _, other := range others {
		if !slices.ContainsFunc(out, func(known publicKey) bool { return known.id == other.id }) {
			out = append(out, other)
		}
	}
	return out
}

// IDs returns the ids of the keys.
func (k Keys) IDs() []string {
	var ids []string
	for _, key := range k {
		ids = append(ids, key.id)
	}
	return ids
}

// PEM returns the keys in PEM, one after the other.
func (k Keys) PEM() (string, error) {
	var text strings.Builder
	for _, key := range k {
		der, err := x509.MarshalPKIXPublicKey(key.public)
		if err != nil {
			return "", err
		}
		if err := pem.Encode(&text, &pem.Block{Type: publicBlock, Bytes: der}); err != nil {
			return "", err
		}
	}
	return text.String(), nil
}
