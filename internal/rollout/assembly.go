package rollout

import (
	"context"
	"fmt"
	"io/fs"
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
	// synthDigest is the digest that a release's record has; empty for an assembly that is not from one.
	synthDigest digest.Synth
	// earlier returns the digests that earlier versions of this program would have recorded; nil for a release's assembly,
	// which has the recorded ones.
	earlier func() (earlierDigests, error)
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
	a.siblingDigests, err = f.siblings(o, account, assembly.EnvironmentDigest)
	a.earlier = func() (earlierDigests, error) { return f.earlierDigests(o, account, a.folder) }
	return a, err
}

// siblings returns the digests, of one kind, of the assemblies that a live release is promoted with.
func (f Synthesised) siblings(
	o *accountOpener, account config.EnvironmentAccount, compute func(fs.FS) (digest.Environment, error),
) (map[string]digest.Environment, error) {
	if !o.session.Live {
		return nil, nil
	}
	return siblingDigests(environmentFolder(f.Dir, account.Name), o.session.Config, account.Name, compute)
}

// earlierDigests are the digests of an assembly as earlier versions of this program recorded them.
type earlierDigests struct {
	synth       digest.Synth
	environment digest.Environment
	siblings    map[string]digest.Environment
}

// earlierOptions returns the digests that a release of the account is compared with.
func (a localAssembly) earlierOptions() (digest.Synth, map[string]digest.Environment, error) {
	e, err := a.earlier()
	return e.synth, e.siblings, err
}

func (f Synthesised) earlierDigests(
	o *accountOpener, account config.EnvironmentAccount, folder string,
) (e earlierDigests, err error) {
	if e.synth, err = assembly.EarlierSynthDigest(fsx.Dir(folder)); err != nil {
		return e, err
	}
	e.environment, err = assembly.EarlierEnvironmentDigest(fsx.Dir(environmentFolder(f.Dir, account.Name)))
	if err != nil {
		return e, err
	}
	e.siblings, err = f.siblings(o, account, assembly.EarlierEnvironmentDigest)
	return e, err
}

// environmentFolder returns the folder of an environment's assembly: the one below dir if there is one, otherwise dir.
func environmentFolder(dir, environment string) string {
	below := filepath.Join(dir, environment)
	if _, err := os.Stat(filepath.Join(below, "manifest.json")); err == nil {
		return below
	}
	return dir
}

// siblingDigests returns the digests of the assemblies that were synthesised together with the one in dir, of the
// environments that a release is promoted to after it: those of the folders next to dir or, if dir is not the folder of
// one environment, that of dir itself, which has the stacks of all of them.
func siblingDigests(
	dir string, c *config.Config, name string, compute func(fs.FS) (digest.Environment, error),
) (map[string]digest.Environment, error) {
	digests := map[string]digest.Environment{}
	for _, env := range c.Environments {
		sibling := dir
		if filepath.Base(dir) == name {
			sibling = filepath.Join(filepath.Dir(dir), env.Name)
		}
		if _, err := os.Stat(sibling); err != nil || !isPromotedAfter(c, env, name) {
			continue
		}
		siblingDigest, err := compute(fsx.Dir(sibling))
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
	if a.assembly.earlier == nil {
		return d.CheckPromotion(ctx, a.Name, a.assembly.environmentDigest)
	}
	earlier, err := a.assembly.earlier()
	if err != nil {
		return err
	}
	return d.CheckPromotion(ctx, a.Name, a.assembly.environmentDigest, earlier.environment)
}
