package host

import (
	"os"
	"slices"
	"strings"

	"lockstep/internal/pipeline"
	"lockstep/tools"
)

// inheritedVars are the variables that every step is given when the caller has them: who and where the user is, how the machine reaches
// the network and whom it trusts there. They must not change what a step computes, so they are no part of its key.
var inheritedVars = []string{
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "LANG", "LC_ALL", "TZ", "CI",
	"XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "PIP_CERT", "AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO",
	"GOPATH", "GOCACHE", "GOMODCACHE", "GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOAUTH", "GOTOOLCHAIN", "GOROOT", "GOTMPDIR",
	"GOCOVERDIR", // where a program that was built to count its statements leaves the counts
}

// inheritedPrefixes are families of such variables.
var inheritedPrefixes = []string{"PIP_", "npm_config_", "NPM_CONFIG_", "LOCKSTEP_"}

// buildVars are variables of the caller that do change what Go builds; their values are part of a step's key.
var buildVars = []string{"GOFLAGS", "GOEXPERIMENT", "GOOS", "GOARCH", "GOAMD64", "GOARM64", "CGO_ENABLED", "CC"}

// stepEnviron is the environment of a step: the ambient part of the caller's, what the step declares, and its secrets if it runs live.
// Nothing else of the caller's is visible to it.
func stepEnviron(step pipeline.Step, environ []string, live bool) []string {
	var env []string
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		secret := live && step.Effect == pipeline.AWS && slices.Contains(step.Secrets, name)
		if secret || isInherited(name) || slices.Contains(buildVars, name) {
			env = append(env, pair)
		}
	}
	for name, value := range step.Env {
		env = append(env, name+"="+value)
	}
	slices.Sort(env[len(env)-len(step.Env):])
	return env
}

// prependPath puts the folders of a step's tools first on its PATH.
func prependPath(env, folders []string) []string {
	if len(folders) == 0 {
		return env
	}
	path := append(slices.Clone(folders), tools.Getenv(env, "PATH"))
	return append(env, "PATH="+strings.Join(path, string(os.PathListSeparator)))
}

func isInherited(name string) bool {
	return slices.Contains(inheritedVars, name) ||
		slices.ContainsFunc(inheritedPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// buildVarPairs are the caller's variables that belong into a step's key.
func buildVarPairs(environ []string) []string {
	var pairs []string
	for _, pair := range environ {
		if name, _, _ := strings.Cut(pair, "="); slices.Contains(buildVars, name) {
			pairs = append(pairs, pair)
		}
	}
	slices.Sort(pairs)
	return pairs
}
