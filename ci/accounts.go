package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path"
	"regexp"
	"strings"

	"lockstep/ci/internal/dagger"
	"lockstep/internal/pipeline"
)

// accounts is what the engine keeps of the emulated accounts of a repository, as it is before a call starts them.
type accounts struct {
	// state is the cache volume with their state. Only one container at a time may use it.
	state *dagger.CacheVolume
	key   string
	// age says whether an earlier call has left a state.
	age accountsAge
	// answers holds what deployments ended with, by fingerprint, if the accounts are those of then.
	answers map[string]string
}

// accountsAge says whether the emulated accounts are those of earlier calls.
type accountsAge string

const (
	// accountsKept are those of earlier calls.
	accountsKept accountsAge = "kept"
	// accountsGone were there in earlier calls, and the engine has removed their state since.
	accountsGone accountsAge = "gone"
	// accountsNew were never there, as far as the engine knows.
	accountsNew accountsAge = "new"
)

// The files of the volume that are the module's own. The rest is the emulator's.
const (
	accountsFolder = "/accounts"
	knownFolder    = "/known"
	answersFolder  = "answers"
)

// readScript prints the age of the accounts. A call that only reads gets all answers too, each on a line after its
// fingerprint. For any other the accounts are about to be started, so it forgets all answers and marks the state as
// that of this run: see storeScript.
const readScript = `set -e
cd ` + accountsFolder + `
if [ -d state ]; then echo kept; touch "` + knownFolder + `/$ACCOUNTS"
elif [ -e "` + knownFolder + `/$ACCOUNTS" ]; then echo gone
else echo new; fi
if [ -z "$READS" ]; then
	rm -rf ` + answersFolder + `
	mkdir ` + answersFolder + `
	echo "$LOCKSTEP_RUN" > ` + answersFolder + `/run
elif [ -d ` + answersFolder + ` ]; then
	cd ` + answersFolder + `
	for answer in [0-9]*; do
		[ -f "$answer" ] || continue
		printf '%s ' "$answer"
		cat "$answer"
		echo
	done
fi`

// storeScript keeps the answer of a deployment, unless another call has started the accounts since.
const storeScript = `set -e
cd ` + accountsFolder + `
if [ "$(cat ` + answersFolder + `/run)" = "$LOCKSTEP_RUN" ]; then
	cp /answer ` + answersFolder + `/new
	mv ` + answersFolder + `/new "` + answersFolder + `/$ANSWER"
fi`

// readAccounts returns what the engine has of the emulated accounts. Unless the call only reads them, all answers are
// forgotten.
func (p *project) readAccounts(ctx context.Context, onlyReads bool) (*accounts, error) {
	key := p.accountsKey(ctx)
	a := &accounts{state: dag.CacheVolume("lockstep-accounts-" + key), key: key, answers: map[string]string{}}
	ctr := p.accountsContainer(a)
	if onlyReads {
		ctr = ctr.WithEnvVariable("READS", "true")
	}
	text, err := ctr.WithExec([]string{"sh", "-c", readScript}).Stdout(ctx)
	if err != nil {
		return nil, messageError("the state of the emulated accounts cannot be read", err)
	}
	age, answers, _ := strings.Cut(text, "\n")
	a.age = accountsAge(age)
	for line := range strings.Lines(answers) {
		fingerprint, known, _ := strings.Cut(strings.TrimSpace(line), " ")
		a.answers[fingerprint] = known
	}
	return a, nil
}

// storeAnswer keeps what a deployment ended with for the next one with the same fingerprint. Accounts that another
// call has started since keep nothing.
func (p *project) storeAnswer(ctx context.Context, fingerprint string, a *answer) error {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	_, err = p.accountsContainer(p.accounts).
		WithEnvVariable("ANSWER", fingerprint).
		WithNewFile("/answer", string(text)).
		WithExec([]string{"sh", "-c", storeScript}).Sync(ctx)
	return err
}

// lockedCache is how the state of the accounts is mounted: two calls at once would write the same.
var lockedCache = dagger.ContainerWithMountedCacheOpts{Sharing: dagger.CacheSharingModeLocked}

// accountsContainer returns a container that sees the state of the emulated accounts. Its commands are never cached.
func (p *project) accountsContainer(a *accounts) *dagger.Container {
	return p.image(pipeline.ImageGo).
		WithMountedCache(accountsFolder, a.state, lockedCache).
		WithMountedCache(knownFolder, dag.CacheVolume("lockstep-accounts")).
		WithEnvVariable("ACCOUNTS", a.key).
		WithEnvVariable("LOCKSTEP_RUN", runID)
}

// accountsKey returns what the accounts of this repository are known by: its project, and where it was cloned from.
// Repositories without an origin share the accounts of a project.
func (p *project) accountsKey(ctx context.Context) string {
	project := p.config.Pipeline.Project
	origin := p.originURL(ctx)
	if origin == "" {
		return project
	}
	sum := sha256.Sum256([]byte(origin))
	return project + "-" + hex.EncodeToString(sum[:6])
}

// originPattern matches the section of a Git configuration that says where the repository was cloned from.
var originPattern = regexp.MustCompile(`(?m)^\[remote "origin"\]\n(?:[ \t].*\n)*?[ \t]*url *= *(.+)$`)

// originURL returns where the repository was cloned from; empty if nobody knows.
func (p *project) originURL(ctx context.Context) string {
	text, err := p.history.File(path.Join(pipeline.History, "config")).Contents(ctx)
	if err != nil {
		return "" // it is no repository, or one whose history is in another folder
	}
	found := originPattern.FindStringSubmatch(text)
	if found == nil {
		return ""
	}
	return strings.TrimSuffix(strings.TrimSpace(found[1]), ".git")
}
