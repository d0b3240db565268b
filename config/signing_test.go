package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// publicKeyYAML returns a public key as an item of a list in YAML.
func publicKeyYAML(t *testing.T, curve elliptic.Curve) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	require.NoError(t, err)
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	return "  - |\n    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ") + "\n"
}

func TestSigning_KeysAreOfTheToolingAccount(t *testing.T) {
	key := publicKeyYAML(t, elliptic.P256())
	const arn = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
	for name, c := range map[string]struct{ yaml, want string }{
		"an alias": {"signing:\n  key: alias/shop-releases\n  publicKeys:\n" + indent(key), ""},
		"an ARN":   {"signing:\n  key: " + arn + "\n  publicKeys:\n" + indent(key+publicKeyYAML(t, elliptic.P256())), ""},
		"a key for plans": {
			"signing:\n  key: " + arn + "\n  planKey: " + arn + "\n  publicKeys:\n" + indent(key) +
				"  planPublicKeys:\n" + indent(key), "",
		},
		"a key of another account": {
			"signing:\n  key: " + strings.Replace(arn, "123456789012", "444455556666", 1) + "\n  publicKeys:\n" + indent(key),
			"is no key of the tooling account in its region",
		},
		"a key of another region": {
			"signing:\n  key: " + strings.Replace(arn, "eu-west-1", "us-east-1", 1) + "\n  publicKeys:\n" + indent(key),
			"is no key of the tooling account in its region",
		},
		"no public key": {"signing:\n  key: " + arn + "\n", "publicKeys"},
		"another curve": {
			"signing:\n  key: " + arn + "\n  publicKeys:\n" + indent(publicKeyYAML(t, elliptic.P384())),
			"it is of another kind than ECC_NIST_P256",
		},
		"a public key for plans alone": {
			"signing:\n  key: " + arn + "\n  publicKeys:\n" + indent(key) + "  planPublicKeys:\n" + indent(key),
			"signing has one of planKey and planPublicKeys",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(configFS(map[string]string{"pipeline.yaml": pipelineYAML + c.yaml}))
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			assert.Contains(t, err.Error(), c.want)
		})
	}
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
}
