package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strconv"
	"strings"

	"lockstep/internal/fault"
)

// checkSigning requires keys of the tooling account, and public keys with which signatures can be verified.
func checkSigning(l *loader) {
	d, s := l.documents[pipelineFile], l.pipeline.Signing
	if d == nil || s == nil || !d.isIntact("signing") {
		return
	}
	checkSigningKey(l, d, "key", s.Key)
	checkPublicKeys(l, d, "publicKeys", s.PublicKeys)
	checkPublicKeys(l, d, "planPublicKeys", s.PlanPublicKeys)
	if s.PlanKey != "" {
		checkSigningKey(l, d, "planKey", s.PlanKey)
	}
	if (s.PlanKey == "") != (len(s.PlanPublicKeys) == 0) {
		l.addProblem(d, []string{"signing"}, "signing has one of planKey and planPublicKeys",
			"write both, or neither: then plans are signed with key")
	}
}

// checkSigningKey requires a key of the tooling account, which the target accounts do not administer.
func checkSigningKey(l *loader, d *document, name, key string) {
	place := fmt.Sprintf(":kms:%s:%s:", l.pipeline.Tooling.Region, l.pipeline.Tooling.ID)
	if strings.HasPrefix(key, "arn:") && !strings.Contains(key, place) && d.isIntact("tooling") {
		l.addProblem(d, []string{"signing", name}, key+" is no key of the tooling account in its region",
			"write a key whose ARN has "+strings.Trim(place, ":"))
	}
}

func checkPublicKeys(l *loader, d *document, name string, keys []string) {
	for i, text := range keys {
		if err := parsePublicKey(text); err != nil {
			l.addProblem(d, []string{"signing", name, strconv.Itoa(i)}, "it is no public key for signatures: "+err.Error(),
				"export it as Lockstep's docs/deployment.md says")
		}
	}
}

// parsePublicKey returns an error unless the text is one public key of the curve P-256 in PEM.
func parsePublicKey(text string) error {
	block, rest := pem.Decode([]byte(strings.TrimSpace(text)))
	if block == nil || block.Type != "PUBLIC KEY" || len(rest) > 0 {
		return fault.New(fault.ConfigValue, "it is not one block of PEM with a PUBLIC KEY")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return fault.Wrap(fault.ConfigValue, err)
	}
	if public, ok := key.(*ecdsa.PublicKey); !ok || public.Curve != elliptic.P256() {
		return fault.New(fault.ConfigValue, "it is of another kind than ECC_NIST_P256")
	}
	return nil
}
