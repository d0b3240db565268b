package host

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lockstep/internal/pipeline"
	"lockstep/internal/telemetry"
	"lockstep/tools"
)

// inheritedVars are the caller's variables that every step sees: who the user is, where programs and caches are, how
// the machine reaches the network and which certificates it trusts. They must not change what a step computes, so
// they are not in its key.
var inheritedVars = []string{
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "LANG", "LC_ALL", "TZ", "CI",
	"XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "PIP_CERT", "AWS_CA_BUNDLE",
	"CURL_CA_BUNDLE", "GIT_SSL_CAINFO",
	"GOPATH", "GOCACHE", "GOMODCACHE", "GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOAUTH",
	"GOTOOLCHAIN", "GOROOT", "GOTMPDIR",
	"TRACEPARENT", "TRACESTATE", // the span that the run is a part of
	"GOCOVERDIR", // where a program that was built to count its statements leaves the counts
}

// inheritedPrefixes are the beginnings of the names of more such variables.
var inheritedPrefixes = append([]string{"LOCKSTEP_"}, registryPrefixes...)

// registryPrefixes are the beginnings of the names of those that say where packages come from.
var registryPrefixes = []string{"PIP_", "npm_config_", "NPM_CONFIG_"}

// buildVars are the caller's variables that change what Go builds. Every step sees them, and their values are in its
// key.
var buildVars = []string{"GOFLAGS", "GOEXPERIMENT", "GOOS", "GOARCH", "GOAMD64", "GOARM64", "CGO_ENABLED", "CC"}

// isDeployment reports whether a step is this program, working on accounts.
func isDeployment(step pipeline.Step) bool {
	return step.Effect == pipeline.AWS && len(step.Command) > 0 && step.Command[0] == pipeline.Self
}

// isForBuilds reports whether a deployment sees a variable of the caller's because the images that an account lacks are
// built with it. Those of secrets have to be released by name.
func isForBuilds(name string, environ []string) bool {
	released := filepath.SplitList(tools.Getenv(environ, pipeline.BuildSecretsVariable))
	return pipeline.IsBuilderVariable(name) || slices.Contains(released, name) && !strings.HasPrefix(name, "AWS_")
}

// stepEnviron returns the environment of a step: what it inherits of the caller's, what it declares, and its secrets
// if it reaches AWS and the run is live.
func stepEnviron(step pipeline.Step, environ []string, live bool) []string {
	var env []string
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		isSecret := live && step.Effect == pipeline.AWS && slices.Contains(step.Secrets, name)
		buildsWith := isDeployment(step) && isForBuilds(name, environ)
		if isSecret || buildsWith || isInherited(name) || slices.Contains(buildVars, name) {
			env = append(env, pair)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(step.Env)) {
		env = append(env, name+"="+step.Env[name])
	}
	return env
}

// telemetryEnviron returns the variables that make a step's process a part of the step's span. The collector, whose
// settings may hold a token, is named to this program's own deployments alone.
func (r *graphRun) telemetryEnviron(ctx context.Context, step pipeline.Step) []string {
	environ := telemetry.Environ(ctx)
	if !isDeployment(step) {
		return environ
	}
	for _, pair := range r.Environ {
		if name, _, _ := strings.Cut(pair, "="); telemetry.IsVariable(name) {
			environ = append(environ, pair)
		}
	}
	return environ
}

// prependPath returns an environment with the folders of a step's tools first on its PATH.
func prependPath(env, folders []string) []string {
	if len(folders) == 0 {
		return env
	}
	path := append(slices.Clone(folders), tools.Getenv(env, "PATH"))
	return append(env, "PATH="+strings.Join(path, string(os.PathListSeparator)))
}

// isInherited reports whether every step sees the caller's variable of that name.
func isInherited(name string) bool {
	return slices.Contains(inheritedVars, name) ||
		slices.ContainsFunc(inheritedPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// buildVarPairs returns the caller's buildVars with their values, sorted.
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
