package rehearsal

import (
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/bootstrap"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
)

func TestEmulator_SecretThatTheUserChose(t *testing.T) {
	printed := faulttest.Printed(t)
	for name, test := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"others can read it": {"0123456789abcdef0123456789abcdef", 0o644},
		"it can be guessed":  {"secret\n", 0o600},
	} {
		t.Run(name, func(t *testing.T) {
			e, _ := newFakeEmulator(t)
			e.SecretFile = filepath.Join(t.TempDir(), "secret")
			require.NoError(t, os.WriteFile(e.SecretFile, []byte(test.text), test.mode))
			err := e.makeSecret()
			assert.Equal(t, fault.EmulatorSecret, fault.CodeOf(printed.Error(err)), "%v", err)
		})
	}
}

func TestEmulator_BrokenInstallationIsNamed(t *testing.T) {
	printed := faulttest.Printed(t)
	e, _ := newFakeEmulator(t)
	require.NoError(t, os.MkdirAll(e.Dir, 0o700))
	require.NoError(t, os.WriteFile(e.path(logFile), []byte("ModuleNotFoundError: No module named 'yaml'\n"), 0o600))
	err := e.startFailure()
	assert.Equal(t, fault.EmulatorFailed, fault.CodeOf(printed.Error(err)), "%v", err)
}

func TestAdapt_NestedStacksInACircleAreRefused(t *testing.T) {
	printed := faulttest.Printed(t)
	a, b := strings.Repeat("a", 64), strings.Repeat("b", 64)
	asset := func(id, file string) string {
		return `"` + id + `":{"source":{"path":"` + file + `","packaging":"file"},"destinations":{"d":{"objectKey":"` +
			id + `.json"}}}`
	}
	files := fstest.MapFS{
		"a.json": {Data: []byte(`{"u":"` + b + `"}`)}, "b.json": {Data: []byte(`{"u":"` + a + `"}`)},
		"s.assets.json": {Data: []byte(`{"files":{` + asset(a, "a.json") + `,` + asset(b, "b.json") + `}}`)},
	}
	_, err := assetHashReplacer(files, []assembly.TemplateFile{{File: "a.json"}, {File: "b.json"}}, nil)
	assert.Equal(t, fault.EmulatorTemplate, fault.CodeOf(printed.Error(err)), "%v", err)
}

func TestSession_OtherSecretIsNamed(t *testing.T) {
	printed := faulttest.Printed(t)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>")
		}
	}))
	defer server.Close()
	authority, secret := filepath.Join(t.TempDir(), "ca.pem"), filepath.Join(t.TempDir(), "secret")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	require.NoError(t, os.WriteFile(authority, block, 0o600))
	require.NoError(t, os.WriteFile(secret, []byte(strings.Repeat("s", minSecretLength)), 0o600))
	s := &Session{Endpoint: server.URL, Authority: authority, CABundle: authority, SecretFile: secret}
	err := s.CheckAccounts(t.Context(), []bootstrap.Account{{Name: "acc", ID: "444455556666", Region: "eu-west-1"}})
	assert.Equal(t, fault.EmulatorSecret, fault.CodeOf(printed.Error(err)), "%v", err)
}
