package rehearsal

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"lockstep/internal/bootstrap"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/tools"
)

const (
	// signingKeyFile holds the secret of the accounts, from which that of each account's root is derived. Only the owner
	// may read it, and the emulator hides it from the programs that it starts.
	signingKeyFile = "secret"
	// credentialsFile holds a profile for each account, as the AWS SDKs read them.
	credentialsFile = "credentials"
	// minSecretLength is the least number of characters of a secret: rand.Text has 26, with 130 bits.
	minSecretLength = 26
	maxSecretBytes  = 4 << 10
)

// secretPath returns the path of the accounts' secret.
func (e *Emulator) secretPath() string { return cmp.Or(e.SecretFile, e.path(signingKeyFile)) }

// makeSecret makes a new secret for an emulator that is about to start. A secret whose file the user chose stays.
func (e *Emulator) makeSecret() error {
	if e.SecretFile != "" {
		if _, err := os.Lstat(e.SecretFile); !errors.Is(err, fs.ErrNotExist) {
			_, err := readSecret(e.SecretFile)
			return err
		}
	}
	return tools.ExplainWriteError(e.Dir, fsx.Replace(e.secretPath(), []byte(rand.Text()+"\n"), fsx.PrivateFile))
}

// readSecret returns the secret in a file that nobody but its owner may read.
func readSecret(file string) (string, error) {
	info, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fault.Errorf(fault.EmulatorSecret, "%s can be read by other users of this machine: `chmod 600` it", file)
	}
	text, err := fsx.ReadFile(file, maxSecretBytes)
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(text))
	if len(secret) < minSecretLength {
		return "", fault.Errorf(fault.EmulatorSecret, "%s holds no secret of at least %d characters", file, minSecretLength)
	}
	return secret, nil
}

// rootSecret returns the secret access key of the root of an account, which does not tell that of another account.
func rootSecret(secret, account string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(account))
	return hex.EncodeToString(mac.Sum(nil))
}

// ProfileName returns the name of the profile of an account, an environment's name for example, in the file of
// credentials.
func ProfileName(account string) string { return "rehearsal-" + account }

// writeCredentials writes the file of credentials. An environment with several accounts has a profile for the first
// one, and one for each that ends in the account's id.
func (e *Emulator) writeCredentials(s *Session, accounts []bootstrap.Account) error {
	secret, err := readSecret(s.SecretFile)
	if err != nil {
		return err
	}
	var text strings.Builder
	seen := map[string]bool{}
	for _, account := range accounts {
		for _, name := range []string{account.Name, account.Name + "-" + account.ID} {
			if !seen[name] {
				seen[name] = true
				fmt.Fprintf(&text, "[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n",
					ProfileName(name), account.ID, rootSecret(secret, account.ID))
			}
		}
	}
	path := filepath.Join(e.Dir, credentialsFile)
	return tools.ExplainWriteError(e.Dir, fsx.Replace(path, []byte(text.String()), fsx.PrivateFile))
}
