// Package deploy owns the deployment of a cloud assembly to one account: the guard that refuses the wrong one, the plan of change
// sets, its execution, and the reading back. It works through CloudFormation alone, as the roles of the account's bootstrap, and knows
// nothing of steps, terminals or emulators.
package deploy

import (
	"context"
	"errors"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/errgroup"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/ledger"
)

// maxConcurrent is how many stacks, or assets, are worked on at once. CloudFormation throttles an account's calls long before it limits
// operations (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html).
const maxConcurrent = 8

// A Deployment is one assembly on its way to one target.
type Deployment struct {
	Options
	target   awsclient.Target
	assembly *assembly.Assembly
	sessions *awsclient.Sessions
	fence    awsclient.Fence
	// cfnClients and stores are the clients by role and region, and book what is kept in the account.
	cfnClients, s3Clients, ledger sync.Map
	// journal is nil unless the lock is held.
	journal *ledger.JournalWriter
	// interruptedRun is the run that was cut off and whose work this one takes up; empty for none.
	interruptedRun string
	// progressMu makes lines come one at a time.
	progressMu sync.Mutex
}

// Open checks everything that can be checked without a write: who calls, that the assembly is for the target, that each of its roles
// can be assumed and is one of the target account, and that the account's bootstrap is new enough. What must not go on is a *Refusal.
func Open(ctx context.Context, base aws.Config, target awsclient.Target, asm *assembly.Assembly, o Options) (*Deployment, error) {
	d, err := OpenAccount(ctx, base, target, o)
	if err != nil {
		return nil, err
	}
	if err := checkAssembly(asm, target); err != nil {
		return nil, err
	}
	d.assembly = asm
	return d, d.preflight(ctx)
}

// OpenAccount is a deployment without an assembly, for what only concerns what is in the account. It has checked who calls.
func OpenAccount(ctx context.Context, base aws.Config, target awsclient.Target, o Options) (*Deployment, error) {
	sessions, err := awsclient.OpenSessions(ctx, base, target, o.Limiter, o.Run.ID)
	if err != nil {
		return nil, err
	}
	return &Deployment{Options: o, target: target, assembly: &assembly.Assembly{}, sessions: sessions}, nil
}

// preflight assumes each role and reads each bootstrap version once.
func (d *Deployment) preflight(ctx context.Context) error {
	seen := map[assembly.BootstrapRequirement]bool{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxConcurrent)
	for _, s := range d.assembly.Stacks {
		group.Go(func() error { return d.checkRoles(ctx, s) })
		for _, bootstrap := range s.BootstrapRequirements {
			if bootstrap.Parameter == "" || seen[bootstrap] {
				continue
			}
			seen[bootstrap] = true
			group.Go(func() error {
				cfg, err := d.sessions.Config(ctx, assumedRole(s.DeployRole), s.Region)
				if err != nil {
					return err
				}
				return checkBootstrap(ctx, awsclient.NewSSM(cfg), bootstrap, d.target)
			})
		}
	}
	return group.Wait()
}

func (d *Deployment) checkRoles(ctx context.Context, s *assembly.Stack) error {
	_, err := d.sessions.Config(ctx, assumedRole(s.DeployRole), s.Region)
	for _, a := range s.Assets {
		if err == nil {
			_, err = d.sessions.Config(ctx, assumedRole(a.Role), a.Region)
		}
	}
	return err
}

// cloudFormation returns a client with a stack's deploy role.
func (d *Deployment) cloudFormation(ctx context.Context, s *assembly.Stack) (*awsclient.CloudFormation, error) {
	return d.cloudFormationAs(ctx, assumedRole(s.DeployRole), s.Region)
}

// cloudFormationAs returns the client of a role and region. There is only one of each: a client learns how wrong this machine's
// clock is.
func (d *Deployment) cloudFormationAs(ctx context.Context, role awsclient.Role, region string) (*awsclient.CloudFormation, error) {
	return loadOrCreate(&d.cfnClients, role.Key()+region, func() (*awsclient.CloudFormation, error) {
		cfg, err := d.sessions.Config(ctx, role, region)
		return awsclient.NewCloudFormation(cfg, &d.fence), err
	})
}

// s3As returns the client of a role and region.
func (d *Deployment) s3As(ctx context.Context, role awsclient.Role, region string) (*awsclient.S3, error) {
	return loadOrCreate(&d.s3Clients, role.Key()+region, func() (*awsclient.S3, error) {
		cfg, err := d.sessions.Config(ctx, role, region)
		return awsclient.NewS3(cfg, &d.fence), err
	})
}

// loadOrCreate makes something for a key unless it was made before. What could not be made is tried again.
func loadOrCreate[T any](known *sync.Map, key string, make func() (T, error)) (T, error) {
	if found, ok := known.Load(key); ok {
		return found.(T), nil
	}
	made, err := make()
	if err == nil {
		found, _ := known.LoadOrStore(key, made)
		made = found.(T)
	}
	return made, err
}

func (d *Deployment) printProgress(line string) {
	d.progressMu.Lock()
	defer d.progressMu.Unlock()
	if d.Progress != nil {
		d.Progress(line)
	}
}

// forEachStack calls f for every stack, several at once, and returns all errors that are not mere consequences of an interrupt.
func (d *Deployment) forEachStack(ctx context.Context, f func(context.Context, int, *assembly.Stack) error) error {
	errs := make([]error, len(d.assembly.Stacks))
	var group errgroup.Group
	group.SetLimit(maxConcurrent)
	for i, s := range d.assembly.Stacks {
		group.Go(func() error {
			errs[i] = f(ctx, i, s)
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(errs...)
}
