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

// maxConcurrent is how many stacks, or assets, are worked on at once. CloudFormation throttles an account's calls long before it limits
// operations (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html).
const maxConcurrent = 8

// A Deployment is one assembly on its way to one target.
type Deployment struct {
	Options
	target   Target
	assembly *assembly.Assembly
	sessions *sessions
	// callerARN is the caller's ARN.
	callerARN string
	fence     fence
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
func Open(ctx context.Context, base aws.Config, target Target, asm *assembly.Assembly, o Options) (*Deployment, error) {
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
func OpenAccount(ctx context.Context, base aws.Config, target Target, o Options) (*Deployment, error) {
	base = o.Limiter.withRetry(base, target.Region)
	by, err := checkCaller(ctx, o.Limiter.withLimit(base, target.ToolingAccount), target.caller())
	if err != nil {
		return nil, err
	}
	return &Deployment{
		Options: o, target: target, callerARN: by, assembly: &assembly.Assembly{},
		sessions: &sessions{base: base, limiter: o.Limiter, target: target, runID: o.Run.ID, byRole: map[string]*session{}},
	}, nil
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
				cfg, err := d.sessions.configFor(ctx, s.DeployRole, s.Region)
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
	_, err := d.sessions.configFor(ctx, s.DeployRole, s.Region)
	for _, a := range s.Assets {
		if err == nil {
			_, err = d.sessions.configFor(ctx, a.Role, a.Region)
		}
	}
	return err
}

// cloudFormation is CloudFormation as the stack's deploy role, with the fence before its writes. There is one client for each role and region: a client learns
// how wrong this machine's clock is.
func (d *Deployment) cloudFormation(ctx context.Context, s *assembly.Stack) (*cloudformation.Client, error) {
	return loadOrCreate(&d.cfnClients, s.DeployRole.Key()+s.Region, func() (*cloudformation.Client, error) {
		cfg, err := d.sessions.configFor(ctx, s.DeployRole, s.Region)
		return cloudFormationClient(d.fence.withFence(cfg)), err
	})
}

// assetClient is S3 as the role that publishes an asset, with the fence before its writes.
func (d *Deployment) assetClient(ctx context.Context, a assembly.Asset) (*s3.Client, error) {
	return loadOrCreate(&d.s3Clients, a.Role.Key()+a.Region, func() (*s3.Client, error) {
		cfg, err := d.sessions.configFor(ctx, a.Role, a.Region)
		return s3Client(d.fence.withFence(cfg)), err
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

// showPlan shows what is about to be executed.
func (d *Deployment) showPlan(r Record) {
	d.progressMu.Lock()
	defer d.progressMu.Unlock()
	if d.ShowPlan != nil {
		d.ShowPlan(r)
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
