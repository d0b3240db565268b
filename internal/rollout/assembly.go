package rollout

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"lockstep/config"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/fsx"
)

// A Source returns the cloud assembly that goes to an account.
type Source interface {
	load(ctx context.Context, o *accountOpener, account config.EnvironmentAccount) (localAssembly, error)
}

// A localAssembly is a cloud assembly in a folder of this machine.
type localAssembly struct {
	folder string
	// environmentDigest is the digest of the assemblies of all the environment's accounts together.
	environmentDigest digest.Environment
	// siblingDigests are the digests of the assemblies of later environments that were synthesised together with this one.
	siblingDigests map[string]digest.Environment
	// restores is the number of the release that the assembly is from; 0 for a new one.
	restores int
}

// A Synthesised source returns cloud assemblies that were synthesised earlier.
type Synthesised struct {
	// Dir is a folder with one environment's assembly, or with a folder for each environment.
	Dir string
}

func (f Synthesised) load(
	_ context.Context, o *accountOpener, account config.EnvironmentAccount,
) (localAssembly, error) {
	dir := environmentFolder(f.Dir, account.Name)
	a := localAssembly{folder: filepath.Join(dir, account.Folder)}
	files, err := assembly.Open(dir)
	if err != nil {
		return a, err
	}
	if a.environmentDigest, err = assembly.EnvironmentDigest(files); err != nil {
		return a, fmt.Errorf("cloud assembly %s: %w", dir, err)
	}
	if o.session.Live {
		a.siblingDigests, err = siblingDigests(dir, o.session.Config, account.Name)
	}
	return a, err
}

// environmentFolder returns the folder of an environment's assembly: the one below dir if there is one, otherwise dir.
func environmentFolder(dir, environment string) string {
	below := filepath.Join(dir, environment)
	if _, err := os.Stat(filepath.Join(below, "manifest.json")); err == nil {
		return below
	}
	return dir
}

// siblingDigests returns the digests of the assemblies that lie next to an environment's in dir, of the environments
// that a release is promoted to after it.
func siblingDigests(dir string, c *config.Config, name string) (map[string]digest.Environment, error) {
	if filepath.Base(dir) != name {
		return nil, nil
	}
	digests := map[string]digest.Environment{}
	for _, env := range c.Environments {
		sibling := filepath.Join(filepath.Dir(dir), env.Name)
		if _, err := os.Stat(sibling); err != nil || !isPromotedAfter(c, env, name) {
			continue
		}
		siblingDigest, err := assembly.EnvironmentDigest(fsx.Dir(sibling))
		if err != nil {
			return nil, fmt.Errorf("cloud assembly %s: %w", sibling, err)
		}
		digests[env.Name] = siblingDigest
	}
	return digests, nil
}

// isPromotedAfter reports whether a release has to pass the environment called earlier before it may come to env.
func isPromotedAfter(c *config.Config, env config.Environment, earlier string) bool {
	for env.After != "" {
		if env.After == earlier {
			return true
		}
		env, _ = c.Environment(env.After)
	}
	return false
}

// checkPromotion returns a *refusal.Error unless the environment before the account's own has deployed a release that
// was synthesised together with this assembly.
func (a *account) checkPromotion(ctx context.Context) error {
	previous, ok := a.opener.session.Config.Environment(a.After)
	if !ok {
		return nil
	}
	opener := *a.opener
	opener.command = "deploy"
	d, err := opener.open(ctx, previous.Accounts()[0])
	if err != nil {
		return err
	}
	return d.CheckPromotion(ctx, a.Name, a.assembly.environmentDigest)
}
