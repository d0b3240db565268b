package attest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault/faulttest"
)

func newSigner(t *testing.T) LocalSigner {
	t.Helper()
	text, err := NewPrivateKey()
	require.NoError(t, err)
	key, err := ParsePrivateKey(text)
	require.NoError(t, err)
	return NewLocalSigner(key)
}

// signRelease returns an envelope about a record.
func signRelease(t *testing.T, signer LocalSigner, record string) []byte {
	t.Helper()
	s, err := NewStatement(ReleaseType, Release{Scope: Scope{Project: "shop"}, Number: 3},
		Subject{Name: "release.json", Digest: Digest([]byte(record))})
	require.NoError(t, err)
	envelope, err := Sign(t.Context(), signer, signer.Keys(), s)
	require.NoError(t, err)
	return envelope
}

func TestVerify_OnlyTheStatementThatWasSigned(t *testing.T) {
	signer, earlier := newSigner(t), newSigner(t)
	envelope := signRelease(t, signer, "record")
	verified, err := Verify(t.Context(), earlier.Keys().Join(signer.Keys()), envelope)
	require.NoError(t, err, "while one key takes the place of another, both count")
	assert.True(t, verified.IsAbout(Digest([]byte("record"))))
	assert.False(t, verified.IsAbout(Digest([]byte("another"))))
	assert.Equal(t, Scope{Project: "shop"}, verified.Scope())
	assert.Equal(t, signer.Keys().IDs(), []string{verified.KeyID})

	var fields map[string]any
	require.NoError(t, json.Unmarshal(envelope, &fields))
	for name, c := range map[string]struct {
		envelope, want string
	}{
		"another payload type": {
			strings.Replace(string(envelope), "in-toto+json", "in-toto+JSON", 1), "it is an envelope of",
		},
		"a key that is there twice": {
			strings.Replace(string(envelope), `"payload":`, `"payload":"","payload":`, 1), "the name is there twice",
		},
		"an unknown key": {strings.Replace(string(envelope), `"payload":`, `"x":1,"payload":`, 1), "the name is unknown"},
		"no signature":   {`{"payloadType":"` + payloadType + `","payload":"e30=","signatures":[]}`, "of none of the keys"},
		"nothing":        {"", "it is no envelope"},
		"cut off":        {string(envelope[:len(envelope)/2]), "it is no envelope"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Verify(t.Context(), signer.Keys(), []byte(c.envelope))
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err = Verify(t.Context(), earlier.Keys(), envelope)
	require.ErrorContains(t, err, "its signature is of none of the keys")
	_, err = Verify(t.Context(), nil, envelope)
	require.ErrorContains(t, err, "there is no public key")
}

// A failingSigner cannot sign.
type failingSigner struct{}

func (failingSigner) Sign(context.Context, []byte) ([]byte, error) { return nil, errors.New("denied") }

func TestSign_RefusesKeyThatNobodyCouldVerify(t *testing.T) {
	printed := faulttest.Printed(t)
	s, err := NewStatement(PlanType, Plan{Plan: "p"}, Subject{Name: "plan.json", Digest: Digest(nil)})
	require.NoError(t, err)
	_, err = Sign(t.Context(), newSigner(t), newSigner(t).Keys(), s)
	printed.Error(err)
	require.ErrorContains(t, printed.Error(err), "is another one than the public keys of the configuration")
	_, err = Sign(t.Context(), failingSigner{}, newSigner(t).Keys(), s)
	printed.Error(err)
	require.ErrorContains(t, printed.Error(err), "denied")
	_, err = Sign(t.Context(), newSigner(t), newSigner(t).Keys(), Statement{Type: PlanType, Predicate: []byte("{}")})
	printed.Error(err)
	require.ErrorContains(t, printed.Error(err), "at least one subject")
}

func TestParseKeys_OfThisCurveAlone(t *testing.T) {
	printed := faulttest.Printed(t)
	signer := newSigner(t)
	text, err := signer.Keys().PEM()
	require.NoError(t, err)
	keys, err := ParseKeys(text+"\n"+text, text)
	require.NoError(t, err)
	assert.Equal(t, signer.Keys().IDs(), keys.IDs(), "each once")

	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(&other.PublicKey)
	require.NoError(t, err)
	for _, wrong := range []string{
		"x", text[:40], string(pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: privateBlock, Bytes: der})),
	} {
		_, err := ParseKeys(wrong)
		require.Error(t, printed.Error(err), wrong)
		_, err = ParsePrivateKey([]byte(wrong))
		require.Error(t, printed.Error(err), wrong)
	}
}

func TestProvenance_SaysWhatWentIn(t *testing.T) {
	s, err := NewProvenance(Build{
		Scope: Scope{Project: "shop", Environment: "acc"}, Builder: "urn:b", Version: "v1", Invocation: "run",
		Commit: "abc", Materials: []Subject{{Name: "tools", Digest: Digest(nil)}}, Finished: time.Unix(0, 0),
	}, Subject{Name: "assembly.zip", Digest: Digest(nil)})
	require.NoError(t, err)
	payload, err := s.marshal()
	require.NoError(t, err)
	assert.JSONEq(t, `{
		"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/provenance/v1",
		"subject": [{"name": "assembly.zip", "digest": {"sha256": "`+Digest(nil)+`"}}],
		"predicate": {
			"buildDefinition": {
				"buildType": "urn:lockstep:synth:v1",
				"externalParameters": {"project": "shop", "environment": "acc", "account": "", "region": ""},
				"resolvedDependencies": [
					{"name": "source", "digest": {"gitCommit": "abc"}}, {"name": "tools", "digest": {"sha256": "`+Digest(nil)+`"}}
				]
			},
			"runDetails": {
				"builder": {"id": "urn:b", "version": {"lockstep": "v1"}},
				"metadata": {"invocationId": "run", "finishedOn": "1970-01-01T00:00:00Z"}
			}
		}
	}`, string(payload))
}

func TestVerifyFiles_NamesWhatIsNotSigned(t *testing.T) {
	signer := newSigner(t)
	record := File{Name: "a.json", Data: []byte("record")}
	envelope := File{Name: "a.dsse.json", Data: signRelease(t, signer, "record")}
	found, err := VerifyFiles(t.Context(), signer.Keys(), nil, []File{record, envelope})
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, []string{"a.json"}, found[0].Files)

	for name, c := range map[string]struct {
		files []File
		want  string
	}{
		"a changed file": {
			[]File{{Name: "a.json", Data: []byte("Record")}, envelope},
			"a.json: no envelope here is about",
		},
		"a file alone":            {[]File{record}, "a.json: no envelope here is about it"},
		"an envelope alone":       {[]File{envelope}, "a.dsse.json: the file that it is about, release.json, is not here"},
		"what is no envelope":     {[]File{{Name: "a.dsse.json", Data: []byte("{}")}}, "a.dsse.json: it is an envelope of"},
		"an envelope of a folder": {[]File{record, {Name: "b.dsse.json", Data: nil}}, "b.dsse.json: it is no envelope"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := VerifyFiles(t.Context(), signer.Keys(), nil, c.files)
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err = VerifyFiles(t.Context(), newSigner(t).Keys(), signer.Keys(), []File{record, envelope})
	require.ErrorContains(t, err, "does not count for "+ReleaseType)
}
