package host

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"lockstep/internal/fsx"
	"lockstep/internal/pipeline"
	"lockstep/internal/process"
	"lockstep/tools"
)

// readableVariable names folders, separated as in PATH, that the programs of steps may read besides those that they
// need everywhere: a module that go.mod replaces by a folder outside the repository, for example.
const readableVariable = "LOCKSTEP_READABLE"

// seesPerson reports whether a step sees the home folder and the files of the person who runs it: a step that works on
// the real accounts, because the settings of the AWS SDK are there.
func seesPerson(step pipeline.Step, live bool) bool { return live && step.Effect == pipeline.AWS }

// A machine is where the person's folders are that steps need, from the caller's environment.
type machine struct {
	environ     []string
	home, cache string
}

func newMachine(environ []string) machine {
	m := machine{environ: environ, home: tools.Getenv(environ, "HOME"), cache: tools.Getenv(environ, "XDG_CACHE_HOME")}
	if userCache, err := os.UserCacheDir(); m.cache == "" && err == nil && m.home == os.Getenv("HOME") {
		m.cache = userCache // whatever the system calls it
	}
	if m.cache == "" && m.home != "" {
		m.cache = filepath.Join(m.home, ".cache")
	}
	return m
}

// variable returns the caller's variable, or the path that its program would take by default; empty without a home.
func (m machine) variable(name, parent string, path ...string) string {
	return cmp.Or(tools.Getenv(m.environ, name), below(parent, path...))
}

// below returns a path below a folder; empty if there is no such folder.
func below(parent string, path ...string) string {
	if parent == "" {
		return ""
	}
	return filepath.Join(append([]string{parent}, path...)...)
}

// makeHome makes the home folder of a step. Of what an earlier run has left there only caches stay: anything else would
// be settings of the programs.
func makeHome(root, step string) (string, error) {
	home := filepath.Join(root, pipeline.StateDir, "home", step)
	if err := os.MkdirAll(home, fsx.PrivateDir); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(home)
	for _, entry := range entries {
		if entry.Name() != ".cache" || !entry.IsDir() {
			err = errors.Join(err, os.RemoveAll(filepath.Join(home, entry.Name())))
		}
	}
	return home, err
}

// folders returns the variables of the folders that programs would look for in the person's home.
func (m machine) folders() map[string]string {
	goPath := m.variable("GOPATH", m.home, "go")
	return map[string]string{
		"XDG_CACHE_HOME": m.cache, "GOPATH": goPath,
		"GOMODCACHE":          m.variable("GOMODCACHE", goPath, "pkg", "mod"),
		"GOCACHE":             m.variable("GOCACHE", m.cache, "go-build"),
		"GOLANGCI_LINT_CACHE": m.variable("GOLANGCI_LINT_CACHE", m.cache, "golangci-lint"),
		"GOENV":               m.variable("GOENV", m.home, ".config", "go", "env"),
		// Gradle's own folder in the home has settings too, which may hold tokens.
		"GRADLE_USER_HOME": m.variable("GRADLE_USER_HOME", m.cache, "gradle"),
		// The CDK library is unpacked into it when it is first loaded. By default jsii takes the home folder.
		"JSII_RUNTIME_PACKAGE_CACHE_ROOT": m.variable(
			"JSII_RUNTIME_PACKAGE_CACHE_ROOT", m.libraryCache(), "jsii", "package-cache"),
	}
}

// temporary returns the folder of temporary files.
func (m machine) temporary() string { return m.variable("TMPDIR", os.TempDir()) }

// mavenRepository returns the folder of the packages that Maven has fetched.
func (m machine) mavenRepository() string { return below(m.home, ".m2", "repository") }

// mavenOptions returns the options of a Maven that keeps its packages where the person's Maven does, and whose home is
// another folder; empty where one cannot be written as an option. Java takes the home from the system's list of users,
// and the settings there may hold passwords. It does not read TMPDIR either.
func (m machine) mavenOptions(home string) string {
	repository, temporary := m.mavenRepository(), m.temporary()
	if repository == "" || strings.ContainsAny(repository+home+temporary, " \t\"'") {
		return ""
	}
	return "-Duser.home=" + home + " -Dmaven.repo.local=" + repository + " -Djava.io.tmpdir=" + temporary
}

// checksumDatabase returns the folder where the go command keeps what the database of checksums has signed. It is in
// the first folder of GOPATH, wherever the modules are.
func (m machine) checksumDatabase() string {
	first := filepath.SplitList(m.variable("GOPATH", m.home, "go"))
	if len(first) == 0 {
		return ""
	}
	return below(first[0], "pkg", "sumdb")
}

// libraryCache returns the folder where the CDK library is unpacked when it is first loaded.
func (m machine) libraryCache() string { return below(m.cache, "aws") }

// makeCaches makes the folders of caches, as their programs would: nothing can be made in a folder that is hidden.
func (m machine) makeCaches() error {
	folders := m.folders()
	for _, dir := range []string{
		folders["GOMODCACHE"], folders["GOCACHE"], folders["GOLANGCI_LINT_CACHE"],
		folders["JSII_RUNTIME_PACKAGE_CACHE_ROOT"], folders["GRADLE_USER_HOME"], m.mavenRepository(),
		m.checksumDatabase(),
	} {
		if !filepath.IsAbs(dir) {
			continue // there is no home, or the program refuses the path itself
		}
		if err := os.MkdirAll(dir, fsx.PrivateDir); err != nil {
			return fmt.Errorf("a folder that steps need cannot be created: %w", tools.ExplainWriteError(dir, err))
		}
	}
	return nil
}

// hidePerson returns the environment of a step that does not see the person's home: home takes its place, the caches
// that are in the person's home are named, and no variable that says where packages come from holds a token.
func (m machine) hidePerson(caller []string, home string) []string {
	env := []string{"HOME=" + home}
	for _, pair := range caller {
		name, value, _ := strings.Cut(pair, "=")
		switch {
		case name == "HOME" || name == "XDG_CONFIG_HOME" || name == "XDG_DATA_HOME" || name == "MAVEN_OPTS":
		case slices.Contains(registryAddresses, name):
			env = append(env, name+"="+withoutUserInfo(value))
		case slices.Contains(registryFiles, name) || !isRegistrySetting(name):
			env = append(env, pair)
		}
	}
	for name, value := range m.folders() {
		if value != "" && tools.Getenv(env, name) == "" {
			env = append(env, name+"="+value)
		}
	}
	if options := m.mavenOptions(home); options != "" {
		env = append(env, "MAVEN_OPTS="+options)
	}
	return env
}

// The variables that say where packages come from and hold no token, if the name and the password of their addresses
// are left out. This program installs the tools of a step with all such variables, before the step starts.
var (
	registryAddresses = []string{"PIP_INDEX_URL", "npm_config_registry", "NPM_CONFIG_REGISTRY", "GOPROXY"}
	registryFiles     = []string{"PIP_CERT", "npm_config_cafile", "NPM_CONFIG_CAFILE"}
)

// isRegistrySetting reports whether a variable says where packages come from.
func isRegistrySetting(name string) bool {
	return slices.ContainsFunc(registryPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// userInfo is the name and the password in an address.
var userInfo = regexp.MustCompile(`://[^/@|,]*@`)

// withoutUserInfo returns a list of addresses, as in GOPROXY, without the names and the passwords in them.
func withoutUserInfo(addresses string) string { return userInfo.ReplaceAllString(addresses, "://") }

// files returns what the programs of a step see of the machine's files, besides the system's.
func (m machine) files(root string, step pipeline.Step, toolFolders []string) *process.Files {
	if step.Effect == pipeline.AWS {
		return nil
	}
	folders := m.folders()
	f := &process.Files{
		// Not what is private: with the key of the cache a step could store the results of others.
		Readable: append(m.programFolders(), below(m.cache, "lockstep", "tools"), folders["GOENV"]),
		Writable: []string{
			root, m.temporary(), folders["GOMODCACHE"], folders["GOCACHE"], folders["GOLANGCI_LINT_CACHE"],
			folders["JSII_RUNTIME_PACKAGE_CACHE_ROOT"], folders["GRADLE_USER_HOME"], m.mavenRepository(),
			m.checksumDatabase(),
			tools.Getenv(m.environ, "GOTMPDIR"), tools.Getenv(m.environ, "GOCOVERDIR"),
		},
	}
	for _, folder := range toolFolders {
		f.Readable = append(f.Readable, filepath.Dir(folder)) // bin is beside what it needs
	}
	for _, name := range []string{
		"GOROOT", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "PIP_CERT", "AWS_CA_BUNDLE",
		"CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "npm_config_cafile", "NPM_CONFIG_CAFILE", tools.PreinstalledDirVariable,
	} {
		f.Readable = append(f.Readable, tools.Getenv(m.environ, name))
	}
	f.Readable = append(f.Readable, filepath.SplitList(tools.Getenv(m.environ, readableVariable))...)
	f.Readable = append(f.Readable, gitFolders(root)...)
	isEmpty := func(path string) bool { return path == "" }
	if step.Offline {
		f.ClosedPorts = m.networkPorts()
	}
	f.Readable, f.Writable = slices.DeleteFunc(f.Readable, isEmpty), slices.DeleteFunc(f.Writable, isEmpty)
	return f
}

// networkPorts returns the ports of other machines that the machine reaches the network through: those of its proxies.
func (m machine) networkPorts() []int {
	ports := []int{}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		if address, err := url.Parse(tools.Getenv(m.environ, name)); err == nil {
			if port, err := strconv.Atoi(address.Port()); err == nil {
				ports = append(ports, port)
			}
		}
	}
	return ports
}

// programFolders returns the folders on the PATH, and those that they are in, unless that is the person's home, a
// folder of it that holds settings, or one above.
func (m machine) programFolders() []string {
	var folders []string
	for _, bin := range filepath.SplitList(tools.Getenv(m.environ, "PATH")) {
		if !filepath.IsAbs(bin) {
			continue
		}
		real, err := filepath.EvalSymlinks(bin)
		if err != nil {
			continue
		}
		folders = append(folders, real)
		parent := filepath.Dir(real)
		if relative, err := filepath.Rel(parent, m.home); m.home != "" && (err != nil || strings.HasPrefix(relative, "..")) &&
			parent != filepath.Join(m.home, ".local") && parent != "/" {
			folders = append(folders, parent)
		}
	}
	return folders
}

// maxGitFile is more than a file of git has that holds a path, in bytes.
const maxGitFile = 16 << 10

// gitFolders returns the folders of git outside a linked worktree that git reads there.
func gitFolders(root string) []string {
	text, err := fsx.ReadFile(filepath.Join(root, ".git"), maxGitFile)
	name, isLink := strings.CutPrefix(strings.TrimSpace(string(text)), "gitdir: ")
	if err != nil || !isLink {
		return nil
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(root, name)
	}
	folders := []string{name}
	if common, err := fsx.ReadFile(filepath.Join(name, "commondir"), maxGitFile); err == nil {
		folders = append(folders, filepath.Join(name, strings.TrimSpace(string(common))))
	}
	return folders
}
