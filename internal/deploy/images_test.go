package deploy

import (
	"context"
	"io/fs"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/simulated"
	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
	"lockstep/internal/roles"
)

// A fakeBuilder makes an image of random bytes with every build, as builds are not reproducible.
type fakeBuilder struct {
	t        *testing.T
	checkErr error
	builds   atomic.Int32
	// latest is the digest of the image that was built last.
	latest atomic.Value
}

func (b *fakeBuilder) Check(context.Context, assembly.Image) error { return b.checkErr }

func (b *fakeBuilder) Build(_ context.Context, _ fs.FS, _ assembly.Image, use func(v1.Image) error) error {
	b.builds.Add(1)
	image, err := random.Image(1024, 2)
	require.NoError(b.t, err)
	digest, err := image.Digest()
	require.NoError(b.t, err)
	b.latest.Store(digest.String())
	return use(image)
}

func (b *fakeBuilder) use(o *Options) { o.Images = b }

func newFakeBuilder(t *testing.T) *fakeBuilder {
	t.Helper()
	return &fakeBuilder{t: t}
}

// withImage returns an assembly of one stack that needs an image with a tag.
func withImage(t *testing.T, template, tag string) *assembly.Assembly {
	t.Helper()
	asm := oneStack(t, template)
	asm.Stacks[0].Images = []assembly.Image{{
		Name: "api", Directory: "api", Repository: stagingRepositoryName(testTarget), Tag: tag, Region: testRegion,
		Role: assembly.Role{ARN: bootstrapRole(testTarget, roles.ImagePublishing).ARN},
	}}
	return asm
}

// tryOpen opens a deployment that may be refused.
func (c *cloud) tryOpen(asm *assembly.Assembly, change ...func(*Options)) (*Deployment, error) {
	o := c.options(asm)
	for _, f := range change {
		f(&o)
	}
	return Open(c.t.Context(), c.Config(testTooling, testRegion), testTarget, asm, o)
}

// imageKey is the destination of the image of withImage that has the tag 1.
func imageKey() string { return stagingRepositoryName(testTarget) + ":1" }

func TestImages_PushedOnceThenRecorded(t *testing.T) {
	c := newCloud(t)
	b := newFakeBuilder(t)
	record, err := c.deploy(withImage(t, topics(1), "1"), DeployRequest{}, b.use)
	require.NoError(t, err)
	assert.Equal(t, change.Created, record.Outcome)
	digest := b.latest.Load().(string)
	assert.Equal(t, map[string]string{imageKey(): digest}, c.Images(testAccount, testRegion))
	release, err := c.openAccount().LatestRelease(t.Context())
	require.NoError(t, err)
	require.Len(t, release.Images, 1)
	assert.Equal(t, digest, release.Images[0].Digest)

	_, err = c.deploy(withImage(t, topics(2), "1"), DeployRequest{}, b.use)
	require.NoError(t, err)
	record, err = c.deploy(withImage(t, topics(2), "1"), DeployRequest{})
	require.NoError(t, err)
	assert.Equal(t, change.Unchanged, record.Outcome)
	assert.EqualValues(t, 1, b.builds.Load(), "an image that is there is not built again, and needs no builder")
}

func TestImages_PushedToEachDestination(t *testing.T) {
	c := newCloud(t)
	asm := withImage(t, topics(1), "1")
	second := asm.Stacks[0].Images[0]
	second.Tag = "2"
	asm.Stacks[0].Images = append(asm.Stacks[0].Images, second)
	_, err := c.deploy(asm, DeployRequest{}, newFakeBuilder(t).use)
	require.NoError(t, err)
	assert.Len(t, c.Images(testAccount, testRegion), 2)
	release, err := c.openAccount().LatestRelease(t.Context())
	require.NoError(t, err)
	assert.Len(t, release.Images, 2)
}

// An image that no release needs any more may still be what a running task was started from.
func TestGarbage_LeavesImagesAlone(t *testing.T) {
	c := newCloud(t)
	b := newFakeBuilder(t)
	for n, tag := range []string{"1", "2", "3", "4"} {
		_, err := c.deploy(withImage(t, topics(n+1), tag), DeployRequest{}, b.use)
		require.NoError(t, err)
	}
	_, err := c.openAccount().DeleteGarbage(t.Context(), MinReleasesKept)
	require.NoError(t, err)
	assert.Len(t, c.Images(testAccount, testRegion), 4)
}

// Two builds of the same sources are two images, so only a record says which is the right one.
func TestImages_ExchangedImageIsRefused(t *testing.T) {
	const other = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	printed := faulttest.Printed(t)
	c := newCloud(t)
	b := newFakeBuilder(t)
	_, err := c.deploy(withImage(t, topics(1), "1"), DeployRequest{}, b.use)
	require.NoError(t, err)
	c.SetImage(testAccount, testRegion, imageKey(), other)
	_, err = c.deploy(withImage(t, topics(2), "1"), DeployRequest{}, b.use)
	printed.Error(err)
	require.ErrorContains(t, err, "image api of stack web: it was exchanged: the repository "+
		stagingRepositoryName(testTarget)+" has the image "+other+" under 1, and a release has recorded sha256:")
	assert.Equal(t, fault.StagedExchanged, fault.CodeOf(err))
	assert.Equal(t, 1, c.stack("web").Executions, "nothing was executed")
	_, err = c.open(withImage(t, topics(1), "1"), func(o *Options) { o.Access = ReadAccess }).Verify(t.Context())
	require.ErrorContains(t, err, "it was exchanged")
}

func TestImages_PlanIsOfOneImage(t *testing.T) {
	const other = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	for name, test := range map[string]struct {
		digest, want string
		code         fault.Code
	}{
		"exchanged": {other, "and the reviewed plan has sha256:", fault.StagedExchanged},
		"deleted":   {"", "it was deleted since the plan was made", fault.PlanStale},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			b := newFakeBuilder(t)
			plan := c.savePlan(c.open(withImage(t, topics(1), "1"), b.use), time.Hour)
			images := plan.Targets[0].Stacks[0].Images
			require.Len(t, images, 1)
			assert.Equal(t, b.latest.Load(), images[0].Digest)
			c.SetImage(testAccount, testRegion, imageKey(), test.digest)
			_, err := c.deploy(withImage(t, topics(1), "1"), DeployRequest{Plan: &plan}, b.use)
			require.ErrorContains(t, err, test.want)
			assert.Equal(t, test.code, fault.CodeOf(err))
			assert.Zero(t, c.stack("web").Executions)
			assert.EqualValues(t, 1, b.builds.Load())
		})
	}
}

func TestImages_PlanSaysWhereEachIsFrom(t *testing.T) {
	c := newCloud(t)
	b := newFakeBuilder(t)
	notes := func(template string) string {
		t.Helper()
		p, err := c.open(withImage(t, template, "1"), b.use).Plan(t.Context())
		require.NoError(t, err)
		require.NoError(t, p.Discard(t.Context()))
		return strings.Join(p.Record().Stacks[0].Notes, "\n")
	}
	assert.Contains(t, notes(topics(1)), "image api: sha256:")
	assert.Contains(t, notes(topics(1)), "was in the repository already, and no release has recorded it")
	_, err := c.deploy(withImage(t, topics(1), "1"), DeployRequest{}, b.use)
	require.NoError(t, err)
	assert.Contains(t, notes(topics(2)), "as a release has recorded it")
}

// Without a builder a live deployment is refused before anything is written, and a rehearsal leaves the image out.
func TestImages_WithoutABuilder(t *testing.T) {
	b := newFakeBuilder(t)
	b.checkErr = fault.New(fault.ImageBuilder, "it has to be built, and there is no docker on this machine: install it")
	live := func(o *Options) { o.Run.Mode = Live }
	c := newCloud(t)
	_, err := c.tryOpen(withImage(t, topics(1), "1"), b.use, live)
	require.ErrorContains(t, err, "image api of stack web: it has to be built, and there is no docker on this machine")
	assert.Equal(t, fault.ImageBuilder, fault.CodeOf(err))
	assert.Empty(t, c.Objects(testAccount, testRegion), "nothing was written")

	d := c.open(withImage(t, topics(1), "1"), b.use)
	record, err := d.Deploy(t.Context(), DeployRequest{})
	require.NoError(t, err)
	assert.Equal(t, change.Created, record.Outcome)
	assert.Equal(t, []UnbuiltImage{{
		Stack: "web", Name: "api", Reason: "it has to be built, and there is no docker on this machine",
	}}, d.UnbuiltImages())
	assert.Empty(t, c.Images(testAccount, testRegion))
}

func TestImages_MissingRepositoryNamesTheBootstrap(t *testing.T) {
	printed := faulttest.Printed(t)
	c := newCloud(t)
	c.MissingRepositories = true
	_, err := c.tryOpen(withImage(t, topics(1), "1"), newFakeBuilder(t).use)
	printed.Error(err)
	require.ErrorContains(t, err, "is not there: run `lockstep bootstrap --env acc`")
	assert.Equal(t, fault.RepositoryMissing, fault.CodeOf(err))
}

// A deleted image fails a verification, because no container can be started from it again.
func TestImages_VerificationMissesADeletedOne(t *testing.T) {
	c := newCloud(t)
	_, err := c.deploy(withImage(t, topics(1), "1"), DeployRequest{}, newFakeBuilder(t).use)
	require.NoError(t, err)
	c.SetImage(testAccount, testRegion, imageKey(), "")
	verify := func(o *Options) { o.Access, o.Run.Mode = ReadAccess, Live }
	_, err = c.open(withImage(t, topics(1), "1"), verify).Verify(t.Context())
	require.ErrorContains(t, err, "it is not in the repository "+stagingRepositoryName(testTarget)+" under 1")
	assert.Equal(t, fault.VerificationFailed, fault.CodeOf(err))
}

// The credentials of a role end in the middle of an upload, and are renewed.
func TestImages_PushGoesOnWithNewCredentials(t *testing.T) {
	c := newCloud(t)
	c.FaultOf = func(service string, number int64) simulated.Fault {
		if service == "ecr" && number == 6 {
			return simulated.KeyExpired
		}
		return simulated.NoFault
	}
	b := newFakeBuilder(t)
	_, err := c.deploy(withImage(t, topics(1), "1"), DeployRequest{}, b.use)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{imageKey(): b.latest.Load().(string)}, c.Images(testAccount, testRegion))
}

// An image that another run pushes under the tag at the same moment is not overwritten, and not taken in silence.
func TestImages_TagThatIsTakenMeanwhile(t *testing.T) {
	const other = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	c := newCloud(t)
	b := newFakeBuilder(t)
	taking := func(o *Options) {
		o.Images = builderFunc(func(ctx context.Context, files fs.FS, i assembly.Image, use func(v1.Image) error) error {
			return b.Build(ctx, files, i, func(image v1.Image) error {
				c.SetImage(testAccount, testRegion, imageKey(), other)
				return use(image)
			})
		})
	}
	_, err := c.deploy(withImage(t, topics(1), "1"), DeployRequest{}, taking)
	require.ErrorContains(t, err, "another run has published it meanwhile")
	assert.Equal(t, map[string]string{imageKey(): other}, c.Images(testAccount, testRegion))
}

// A builderFunc is a builder that builds everything.
type builderFunc func(context.Context, fs.FS, assembly.Image, func(v1.Image) error) error

func (builderFunc) Check(context.Context, assembly.Image) error { return nil }

func (f builderFunc) Build(ctx context.Context, files fs.FS, i assembly.Image, use func(v1.Image) error) error {
	return f(ctx, files, i, use)
}

func TestImagePublishingRole_ReachesOneRepository(t *testing.T) {
	role, err := imagePublishingRole(assembly.Role{ARN: "r"}, testTarget)
	require.NoError(t, err)
	assert.Contains(t, role.Policy,
		`"Resource":"arn:aws:ecr:`+testRegion+":"+testAccount+":repository/"+stagingRepositoryName(testTarget)+`"`)
	assert.NotContains(t, role.Policy, "Delete")
}
