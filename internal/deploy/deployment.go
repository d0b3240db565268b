// Package deploy owns the deployment of a cloud assembly to one account: the guard that refuses the wrong one, the plan of change
// sets, its execution, and the reading back. It works through CloudFormation alone, as the roles of the account's bootstrap, and knows
// nothing of steps, terminals or emulators.
package deploy

import (
	"context"
	"errors"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/ledger"
)

// inParallel is how many stacks, or assets, are worked on at once. CloudFormation throttles an account's calls long before it limits
// operations (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html).
const inParallel = 8

// A Deployment is one assembly on its way to one target.
type Deployment struct {
	Options
	target   Target
	assembly *assembly.Assembly
	sessions *sessions
	// by is the caller's ARN.
	by    string
	fence fence
	// formations and stores are the clients by role and region, and book what is kept in the account.
	formations, stores, book sync.Map
	// journal is nil unless the lock is held.
	journal *ledger.Writer
	// deadRun is the run that was cut off and whose work this one takes up; empty for none.
	deadRun string
	// saying makes lines come one at a time.
	saying sync.Mutex
}

// Open checks everything that can be checked without a write: who calls, that the assembly is for the target, that each of its roles
// can be assumed and is one of the target account, and that the account's bootstrap is new enough. What must not go on is a *Refusal.
func Open(ctx context.Context, base aws.Config, target Target, asm *assembly.Assembly, o Options) (*Deployment, error) {
	d, err := Visit(ctx, base, target, o)
	if err != nil {
		return nil, err
	}
	if err := checkAssembly(asm, target); err != nil {
		return nil, err
	}
	d.assembly = asm
	return d, d.preflight(ctx)
}

// Visit is a deployment without an assembly, for what only concerns what is in the account. It has checked who calls.
func Visit(ctx context.Context, base aws.Config, target Target, o Options) (*Deployment, error) {
	base = o.Pacer.patient(base, target.Region)
	by, err := identify(ctx, o.Pacer.around(base, target.Tooling), target.caller())
	if err != nil {
		return nil, err
	}
	return &Deployment{
		Options: o, target: target, by: by, assembly: &assembly.Assembly{},
		sessions: &sessions{base: base, pacer: o.Pacer, target: target, run: o.Run.ID, byRole: map[string]*session{}},
	}, nil
}

// preflight assumes each role and reads each bootstrap version once.
func (d *Deployment) preflight(ctx context.Context) error {
	seen := map[assembly.Bootstrap]bool{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(inParallel)
	for _, s := range d.assembly.Stacks {
		group.Go(func() error { return d.checkRoles(ctx, s) })
		for _, bootstrap := range s.Bootstraps {
			if bootstrap.Parameter == "" || seen[bootstrap] {
				continue
			}
			seen[bootstrap] = true
			group.Go(func() error {
				cfg, err := d.sessions.as(ctx, s.DeployRole, s.Region)
				if err != nil {
					return err
				}
				return checkBootstrap(ctx, ssmClient(cfg), bootstrap, d.target)
			})
		}
	}
	return group.Wait()
}

func (d *Deployment) checkRoles(ctx context.Context, s *assembly.Stack) error {
	_, err := d.sessions.as(ctx, s.DeployRole, s.Region)
	for _, a := range s.Assets {
		if err == nil {
			_, err = d.sessions.as(ctx, a.Role, a.Region)
		}
	}
	return err
}

// cloudFormation is CloudFormation as the stack's deploy role, with the fence before its writes. There is one client for each role and region: a client learns
// how wrong this machine's clock is.
func (d *Deployment) cloudFormation(ctx context.Context, s *assembly.Stack) (*cloudformation.Client, error) {
	return once(&d.formations, s.DeployRole.Key()+s.Region, func() (*cloudformation.Client, error) {
		cfg, err := d.sessions.as(ctx, s.DeployRole, s.Region)
		return cloudFormationClient(d.fence.around(cfg)), err
	})
}

// objects is S3 as the role that publishes an asset, with the fence before its writes.
func (d *Deployment) objects(ctx context.Context, a assembly.Asset) (*s3.Client, error) {
	return once(&d.stores, a.Role.Key()+a.Region, func() (*s3.Client, error) {
		cfg, err := d.sessions.as(ctx, a.Role, a.Region)
		return s3Client(d.fence.around(cfg)), err
	})
}

// once makes something for a key unless it was made before. What could not be made is tried again.
func once[T any](known *sync.Map, key string, make func() (T, error)) (T, error) {
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

func (d *Deployment) tell(line string) {
	d.saying.Lock()
	defer d.saying.Unlock()
	if d.Say != nil {
		d.Say(line)
	}
}

// each calls f for every stack, several at once, and returns all errors that are not mere consequences of an interrupt.
func (d *Deployment) each(ctx context.Context, f func(context.Context, int, *assembly.Stack) error) error {
	errs := make([]error, len(d.assembly.Stacks))
	var group errgroup.Group
	group.SetLimit(inParallel)
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
