// Package deploy owns the deployment of a cloud assembly to one account, from beginning to end: the checks before it,
// the plan, its application under the account's lock, the verification and the release record. It works as the roles of
// the account's bootstrap alone, and knows nothing of steps, terminals or emulators.
package deploy

import (
	"context"
	"errors"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"golang.org/x/sync/errgroup"

	"lockstep/internal/awsclient"
	"lockstep/internal/awsmodel"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/cfn"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/deploy/readiness"
	"lockstep/internal/deploy/staging"
	"lockstep/internal/roles"
)

// maxConcurrent is how many stacks, or assets, are worked on at once. CloudFormation throttles an account's calls long
// before it limits operations
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html).
const maxConcurrent = 8

// A Deployment is the deployment of one assembly to one target.
type Deployment struct {
	Options
	target   awsclient.Target
	assembly *assembly.Assembly
	sessions *awsclient.Sessions
	// cfnClients are the clients by role and region, buckets those by role and name, and ledger is the account's.
	cfnClients sync.Map
	buckets    sync.Map
	ledger     sync.Map
	// assetSums are the sums of the assembly's assets, by what they are made of.
	assetSums sync.Map
	// images are what the run knows of the assembly's images, and imageRecords what releases have recorded of them.
	images       *stackImages
	imageRecords sync.Map
	// newestRelease is the newest release when the run began to compare.
	newestRelease sync.Map
	// journal is nil unless the lock is held.
	journal *ledger.JournalWriter
	// interruptedRun is the run that was cut off and that this one resumes; empty for none.
	interruptedRun string
	// templatesErr is what AWS would refuse of the assembly's templates, which is looked at once.
	templatesOnce sync.Once
	templatesErr  error
	// readinessDone is set once what is new in the plan was checked. answers are those of all checks so far, and
	// noticesShown the lines about what could not be checked.
	readinessDone sync.Map
	answersMu     sync.Mutex
	answers       []readiness.Answer
	noticesShown  sync.Map
	// progressMu makes progress come one line at a time.
	progressMu sync.Mutex
}

// Open returns a deployment after every check that needs no write: the caller's account, the assembly's target, each of
// its roles, and the account's bootstrap version. The error is a *refusal.Error where something is not as it was
// configured.
func Open(
	ctx context.Context, base aws.Config, target awsclient.Target, asm *assembly.Assembly, o Options,
) (*Deployment, error) {
	d, err := OpenAccount(ctx, base, target, o)
	if err != nil {
		return nil, err
	}
	if err := d.checkAssembly(asm); err != nil {
		return nil, err
	}
	d.assembly = asm
	if err := d.preflight(ctx); err != nil || !d.SharesAccount {
		return d, err
	}
	return d, d.checkOwners(ctx)
}

// OpenAccount returns a deployment without an assembly, for work on what the account holds. It has checked the caller's
// account.
func OpenAccount(ctx context.Context, base aws.Config, target awsclient.Target, o Options) (*Deployment, error) {
	sessions, err := awsclient.OpenSessions(ctx, base, target, o.Limiter, o.Run.ID)
	if err != nil {
		return nil, err
	}
	for _, place := range o.Places {
		sessions.Allow(place.Account)
	}
	return &Deployment{
		Options: o, target: target, assembly: &assembly.Assembly{}, sessions: sessions, images: newStackImages(),
	}, nil
}

// stackClient returns a client with the role that this run works on a stack with.
func (d *Deployment) stackClient(ctx context.Context, s *assembly.Stack) (*cfn.Client, error) {
	return d.cfnClient(ctx, d.stackRole(s), s.Region)
}

// cfnClient returns the client of a role and region. There is only one of each: a client learns how wrong this
// machine's clock is.
func (d *Deployment) cfnClient(ctx context.Context, role awsclient.Role, region string) (*cfn.Client, error) {
	return loadOrCreate(&d.cfnClients, role.Key()+region, func() (*cfn.Client, error) {
		cfg, err := d.sessions.Config(ctx, role, region)
		client := cfn.New(awsclient.NewCloudFormation(cfg), d.printProgress)
		client.ImportsExisting = d.ImportsExisting
		if d.Run.Mode == Rehearsal {
			client.Replaces = replaces
		}
		if d.Pause != nil {
			client.Pause = d.Pause
		}
		if d.Access == PlanAccess {
			client.DeletingAPI = d.emptyStackDeleter
		}
		return client, err
	})
}

// emptyStackDeleter returns a client that may delete stacks and do nothing else. A plan for a new stack creates it
// empty, and the planner may not delete it.
func (d *Deployment) emptyStackDeleter(ctx context.Context) (*awsclient.CloudFormation, error) {
	role := bootstrapRole(d.target, roles.Deploy)
	var err error
	role.Policy, err = sessionPolicy(statement{
		"Effect": "Allow", "Action": "cloudformation:DeleteStack", "Resource": "*",
	})
	if err != nil {
		return nil, err
	}
	cfg, err := d.sessions.Config(ctx, role, d.target.Region)
	return awsclient.NewCloudFormation(cfg), err
}

// replaces returns what is published about the change of a property, in CloudFormation's words; ok is false for a
// type of which nothing is published.
func replaces(resourceType, property string) (recreation types.RequiresRecreation, ok bool) {
	published, ok := awsmodel.Lookup(resourceType)
	if !ok {
		return "", false
	}
	always, perhaps := published.Replaces(property)
	switch {
	case always:
		return types.RequiresRecreationAlways, true
	case perhaps:
		return types.RequiresRecreationConditionally, true
	}
	return types.RequiresRecreationNever, true
}

// bucket returns a bucket of a target as a role sees it.
func (d *Deployment) bucket(
	ctx context.Context, role awsclient.Role, name string, target awsclient.Target,
) (*staging.Bucket, error) {
	return loadOrCreate(&d.buckets, role.Key()+target.Region+name, func() (*staging.Bucket, error) {
		cfg, err := d.sessions.Config(ctx, role, target.Region)
		return staging.NewBucket(awsclient.NewS3(cfg), name, target), err
	})
}

// stagingBucket returns the staging bucket with the role that publishes files, for objects that are not the ledger's.
func (d *Deployment) stagingBucket(ctx context.Context) (*staging.Bucket, error) {
	role, err := publishingRole(assembly.Role{ARN: bootstrapRole(d.target, roles.FilePublishing).ARN}, d.target)
	if err != nil {
		return nil, err
	}
	return d.bucket(ctx, role, stagingBucketName(d.target), d.target)
}

// ledgerBucket returns the bucket of the ledger with the role that this run uses the ledger with.
func (d *Deployment) ledgerBucket(ctx context.Context) (*staging.Bucket, error) {
	return d.bucket(ctx, bootstrapRole(d.target, d.Access.roles().ledger), ledgerBucketName(d.target), d.target)
}

// listedStagingBucket returns the staging bucket with the role that this run uses the ledger with, which may list it.
func (d *Deployment) listedStagingBucket(ctx context.Context) (*staging.Bucket, error) {
	return d.bucket(ctx, bootstrapRole(d.target, d.Access.roles().ledger), stagingBucketName(d.target), d.target)
}

// Ledger returns the ledger of the target account.
func (d *Deployment) Ledger(ctx context.Context) (*ledger.Ledger, error) {
	return loadOrCreate(&d.ledger, "", func() (*ledger.Ledger, error) {
		bucket, err := d.ledgerBucket(ctx)
		return ledger.Open(bucket, d.scope(), d.ledgerSigning()), err
	})
}

// loadOrCreate returns the value of a key, which it creates the first time. A failed creation is tried again.
func loadOrCreate[T any](values *sync.Map, key string, create func() (T, error)) (T, error) {
	if found, ok := values.Load(key); ok {
		return found.(T), nil
	}
	value, err := create()
	if err == nil {
		found, _ := values.LoadOrStore(key, value)
		value = found.(T)
	}
	return value, err
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

// forEachStack calls f for every stack, several at once, and returns all errors. After an interrupt it returns that
// alone.
func (d *Deployment) forEachStack(
	ctx context.Context, f func(ctx context.Context, i int, s *assembly.Stack) error,
) error {
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
