package deploy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/deploy/planfile"
	"lockstep/internal/deploy/staging"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
	"lockstep/internal/roles"
)

// A container image goes to the repository of the account's bootstrap under the tag that the assembly has for it. Two
// builds of the same sources are two images, so what is in the repository cannot be compared with what a build would
// make. It is compared with what was recorded: the digest is in the reviewed plan and in the record of the release.

// An ImageBuilder makes the container images of an assembly.
type ImageBuilder interface {
	// Check returns an error if an image cannot be made on this machine. It makes nothing.
	Check(ctx context.Context, i assembly.Image) error
	// Build makes an image and calls use with it.
	Build(ctx context.Context, files fs.FS, i assembly.Image, use func(v1.Image) error) error
}

// An UnbuiltImage is an image that a rehearsal leaves out, because this machine cannot build it.
type UnbuiltImage struct {
	Stack  string `json:"stack"`
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// stackImages are the images of a run by their destinations.
type stackImages struct {
	mu sync.Mutex
	// digests are those that the run has seen in the repositories, and expected those of the reviewed plan.
	digests, expected map[string]string
	// built are the images that this run has pushed, and unbuilt those that a rehearsal leaves out.
	built   map[string]bool
	unbuilt map[string]UnbuiltImage
}

func newStackImages() *stackImages {
	return &stackImages{
		digests: map[string]string{}, expected: map[string]string{},
		built: map[string]bool{}, unbuilt: map[string]UnbuiltImage{},
	}
}

// UnbuiltImages returns the images that the run has left out.
func (d *Deployment) UnbuiltImages() []UnbuiltImage {
	d.images.mu.Lock()
	defer d.images.mu.Unlock()
	var all []UnbuiltImage
	for _, s := range d.assembly.Stacks {
		for _, i := range s.Images {
			if u, ok := d.images.unbuilt[i.String()]; ok {
				all = append(all, u)
			}
		}
	}
	return all
}

// stagingRepositoryName returns the name of the repository of the account's bootstrap.
func stagingRepositoryName(t awsclient.Target) string {
	return t.Names.StagingRepository(t.Qualifier, t.Account, t.Region)
}

// imagePublishingRole returns a role that publishes images, narrowed down to what that takes. A policy of the
// assembly's own takes the place of this one.
func imagePublishingRole(r assembly.Role, t awsclient.Target) (awsclient.Role, error) {
	role := assumedRole(r)
	if role.Policy != "" {
		return role, nil
	}
	repository := fmt.Sprintf("arn:%s:ecr:%s:%s:repository/%s",
		assembly.Partition(t.Region), t.Region, t.Account, stagingRepositoryName(t))
	var err error
	role.Policy, err = sessionPolicy(statement{"Effect": "Allow", "Resource": repository, "Action": []string{
		"ecr:DescribeImages", "ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart",
		"ecr:CompleteLayerUpload", "ecr:PutImage",
	}})
	return role, err
}

// imageRole returns the role that this run works on the repository of an image with.
func (d *Deployment) imageRole(i assembly.Image, target awsclient.Target) (awsclient.Role, error) {
	if d.Access == ReadAccess {
		return bootstrapRole(target, roles.Lookup), nil
	}
	return imagePublishingRole(i.Role, target)
}

// repository returns the repository of an image.
func (d *Deployment) repository(
	ctx context.Context, i assembly.Image, target awsclient.Target,
) (*staging.Repository, error) {
	role, err := d.imageRole(i, target)
	if err != nil {
		return nil, err
	}
	cfg, err := d.sessions.Config(ctx, role, target.Region)
	return staging.NewRepository(awsclient.NewECR(cfg), i.Repository, target), err
}

// forEachImage calls f for the images of a stack, several at once, with the repository that they are published to.
func (d *Deployment) forEachImage(
	ctx context.Context, s *assembly.Stack, f func(context.Context, *staging.Repository, assembly.Image) error,
) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxConcurrent)
	for _, i := range s.Images {
		group.Go(func() error {
			repository, err := d.repository(ctx, i, d.targetOf(s))
			if err == nil {
				err = f(ctx, repository, i)
			}
			if err != nil {
				return fmt.Errorf("image %s of stack %s: %w", i.Name, s.Name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// checkBuilder refuses a stack with an image that is not in the repository and that this machine cannot make. A
// rehearsal leaves such an image out.
func (d *Deployment) checkBuilder(ctx context.Context, s *assembly.Stack) error {
	return d.forEachImage(ctx, s, func(ctx context.Context, r *staging.Repository, i assembly.Image) error {
		_, err := r.Digest(ctx, i.Tag)
		if !errors.Is(err, staging.ErrAbsent) {
			return err
		}
		_, err = d.leavesOut(ctx, s, i)
		return err
	})
}

// leavesOut reports whether the run leaves an image out that is not in the repository. The error says why it cannot be
// made.
func (d *Deployment) leavesOut(ctx context.Context, s *assembly.Stack, i assembly.Image) (bool, error) {
	err := fault.New(fault.ImageBuilder, "it has to be built, and nothing here builds images")
	if d.Images != nil {
		err = d.Images.Check(ctx, i)
	}
	switch fault.CodeOf(err) {
	case fault.ImageBuilder, fault.ImageSecret:
		if d.Run.Mode != Rehearsal {
			return false, err
		}
		d.images.mu.Lock()
		defer d.images.mu.Unlock()
		reason, _, _ := strings.Cut(err.Error(), ":")
		d.images.unbuilt[i.String()] = UnbuiltImage{Stack: s.Name, Name: i.Name, Reason: reason}
		return true, nil
	}
	return false, err
}

// forEachAbsentImage calls f for the images of a stack that the repository does not have, and checks the others.
func (d *Deployment) forEachAbsentImage(
	ctx context.Context, s *assembly.Stack, f func(context.Context, *staging.Repository, assembly.Image) error,
) error {
	if len(s.Images) == 0 {
		return nil
	}
	recorded, err := d.recordedImages(ctx)
	if err != nil {
		return err
	}
	return d.forEachImage(ctx, s, func(ctx context.Context, r *staging.Repository, i assembly.Image) error {
		if err := d.checkImage(ctx, r, i, recorded); !errors.Is(err, staging.ErrAbsent) {
			return err
		}
		return f(ctx, r, i)
	})
}

// publishImages publishes the images of a stack that the repository does not have, and checks the others.
func (d *Deployment) publishImages(ctx context.Context, s *assembly.Stack) error {
	return d.forEachAbsentImage(ctx, s, func(ctx context.Context, r *staging.Repository, i assembly.Image) error {
		if isLeftOut, err := d.leavesOut(ctx, s, i); err != nil || isLeftOut {
			return err
		}
		return d.Images.Build(ctx, d.assembly.Files, i, func(image v1.Image) error {
			d.printProgress(fmt.Sprintf("pushing the image %s to %s", i.Name, i))
			digest, err := r.Push(ctx, i.Tag, image)
			if err == nil {
				d.images.setBuilt(i, digest)
			}
			return err
		})
	})
}

// imageDestination returns the destination of an image as assembly.Image writes it.
func imageDestination(repository, tag string) string {
	return assembly.Image{Repository: repository, Tag: tag}.String()
}

// setBuilt notes that the run has pushed an image.
func (m *stackImages) setBuilt(i assembly.Image, digest string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.digests[i.String()], m.built[i.String()] = digest, true
}

// expect notes which digests a reviewed plan has for the images of a stack.
func (m *stackImages) expect(images []planfile.Image) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, i := range images {
		m.expected[imageDestination(i.Repository, i.Tag)] = i.Digest
	}
}

// checkImage refuses an image in the repository that is another one than the run has seen or pushed, than the reviewed
// plan has, or than a release has recorded. The error is staging.ErrAbsent if the repository has none.
func (d *Deployment) checkImage(
	ctx context.Context, r *staging.Repository, i assembly.Image, recorded map[string]string,
) error {
	got, err := r.Digest(ctx, i.Tag)
	if err != nil && !errors.Is(err, staging.ErrAbsent) {
		return err
	}
	d.images.mu.Lock()
	defer d.images.mu.Unlock()
	reviewed := d.images.expected[i.String()]
	if reviewed != "" && got == "" {
		return refusal.Newf(fault.PlanStale, nil,
			"it was deleted since the plan was made, which has %s of it: plan again", reviewed)
	}
	if got == "" {
		return err
	}
	for _, known := range []struct{ digest, where string }{
		{d.images.digests[i.String()], "this run has seen"},
		{reviewed, "the reviewed plan has"},
		{recorded[i.String()], "a release has recorded"},
	} {
		if known.digest != "" && known.digest != got {
			return refusal.Newf(fault.StagedExchanged, nil, "it was exchanged: the repository %s has the image %s under %s, "+
				"and %s %s. See who has pushed it; delete it if nothing needs it, and run this again to build it",
				i.Repository, got, i.Tag, known.where, known.digest)
		}
	}
	d.images.digests[i.String()] = got
	return nil
}

// maxRecordedReleases is how many releases are looked at for the digests of images.
const maxRecordedReleases = 20

// recordedImages returns the digests of the images that releases have recorded, the newest record of each.
func (d *Deployment) recordedImages(ctx context.Context) (map[string]string, error) {
	return loadOrCreate(&d.imageRecords, "", func() (map[string]string, error) {
		l, err := d.Ledger(ctx)
		if err != nil {
			return nil, err
		}
		releases, err := l.LatestReleases(ctx, maxRecordedReleases)
		if err != nil {
			return nil, refuseTampered(err)
		}
		recorded := map[string]string{}
		for _, r := range releases {
			for _, i := range r.Images {
				if key := imageDestination(i.Repository, i.Tag); recorded[key] == "" {
					recorded[key] = i.Digest
				}
			}
		}
		return recorded, nil
	})
}

// checkPublishedImages returns an error if the repository lacks an image of a stack, or has another one than was
// recorded.
func (d *Deployment) checkPublishedImages(ctx context.Context, s *assembly.Stack) error {
	return d.forEachAbsentImage(ctx, s, func(_ context.Context, _ *staging.Repository, i assembly.Image) error {
		if d.Run.Mode == Rehearsal { // on a machine without a builder, it was left out
			return nil
		}
		return fault.Errorf(fault.VerificationFailed,
			"it is not in the repository %s under %s: somebody has deleted it; deploy again", i.Repository, i.Tag)
	})
}

// imagesOf returns the images of a stack as the repository has them, for a plan.
func (d *Deployment) imagesOf(s *assembly.Stack) []planfile.Image {
	d.images.mu.Lock()
	defer d.images.mu.Unlock()
	var out []planfile.Image
	for _, i := range s.Images {
		if digest := d.images.digests[i.String()]; digest != "" {
			out = append(out, planfile.Image{Name: i.Name, Repository: i.Repository, Tag: i.Tag, Digest: digest})
		}
	}
	return out
}

// releasedImages returns the images of all stacks for the record of a release, sorted.
func (d *Deployment) releasedImages() []ledger.Image {
	var out []ledger.Image
	for _, s := range d.assembly.Stacks {
		for _, i := range d.imagesOf(s) {
			out = append(out, ledger.Image{Repository: i.Repository, Tag: i.Tag, Digest: i.Digest})
		}
	}
	slices.SortFunc(out, func(a, b ledger.Image) int {
		return strings.Compare(imageDestination(a.Repository, a.Tag), imageDestination(b.Repository, b.Tag))
	})
	return slices.Compact(out)
}

// imageNotes says of each image of a stack what it is and where it is from.
func (d *Deployment) imageNotes(s *assembly.Stack, recorded map[string]string) []string {
	var notes []string
	for _, i := range d.imagesOf(s) {
		key := imageDestination(i.Repository, i.Tag)
		origin := "as a release has recorded it"
		switch {
		case d.images.isBuilt(key):
			origin = "pushed by this run"
		case recorded[key] == "":
			origin = "which was in the repository already, and no release has recorded it"
		}
		notes = append(notes, fmt.Sprintf("image %s: %s, %s", i.Name, i.Digest, origin))
	}
	return notes
}

// isBuilt reports whether the run has pushed an image.
func (m *stackImages) isBuilt(destination string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.built[destination]
}
