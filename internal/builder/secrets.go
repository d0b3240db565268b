package builder

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/pipeline"
	"lockstep/internal/refusal"
	"lockstep/tools"
)

// checkSecrets refuses a build that reads a secret which was not released for builds: whoever writes the app would have
// it, and the app may be somebody else's.
func (b *Builder) checkSecrets(build assembly.ImageBuild) error {
	released := filepath.SplitList(tools.Getenv(b.Environ, pipeline.BuildSecretsVariable))
	sources, err := build.SecretSources()
	if err != nil {
		return err
	}
	for _, source := range sources {
		if !slices.Contains(released, source) {
			return refusal.Newf(fault.ImageSecret, nil, "its build takes the secret %s, which is not released: if this app may "+
				"have it, name it in %s", source, pipeline.BuildSecretsVariable)
		}
		if strings.HasPrefix(source, "AWS_") {
			return refusal.Newf(fault.ImageSecret, nil,
				"its build takes the secret %s, which is not released: no build gets credentials of AWS", source)
		}
		_, err := os.Stat(source)
		if isFile := isSecretFile(source); isFile && err != nil || !isFile && tools.Getenv(b.Environ, source) == "" {
			return refusal.Newf(fault.ImageSecret, nil, "its build takes the secret %s, which is not there: a file is named by "+
				"its whole path, and a variable has to be set where the deployment runs", source)
		}
	}
	return nil
}

// isSecretFile reports whether a secret is in a file, and not in a variable.
func isSecretFile(source string) bool { return strings.ContainsAny(source, `/\.`) }

// minSecretLength is how long a text has to be to be hidden in a builder's output, in bytes. A shorter one, such as
// true in a file of settings, would hide other words.
const minSecretLength = 8

// hidden is what stands in the place of a secret.
const hidden = "***"

// secretHider returns what hides the secrets of a build in its output: whole lines of them, and what follows the last
// equals sign, colon, quote or blank in a line, which is the token in a file of settings. It is no protection from a
// build that writes them in another form.
func (b *Builder) secretHider(build assembly.ImageBuild) (*strings.Replacer, error) {
	sources, err := build.SecretSources()
	if err != nil {
		return nil, err
	}
	var secrets []string
	for _, source := range sources {
		value := tools.Getenv(b.Environ, source)
		if isSecretFile(source) {
			text, err := fsx.ReadFile(source, fsx.MaxText)
			if err != nil {
				continue // the builder says that it cannot be read
			}
			value = string(text)
		}
		for line := range strings.Lines(value) {
			line = strings.TrimSpace(line)
			fields := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune("=:\"' \t", r) })
			secrets = append(append(secrets, line), fields[max(0, len(fields)-1):]...)
		}
	}
	secrets = slices.DeleteFunc(secrets, func(text string) bool { return len(text) < minSecretLength })
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) }) // a part of a line comes after the line
	var pairs []string
	for _, text := range secrets {
		pairs = append(pairs, text, hidden)
	}
	return strings.NewReplacer(pairs...), nil
}
