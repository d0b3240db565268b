package staging

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"lockstep/internal/awsclient"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
)

// A Repository is a repository of container images as a role sees it. It works with the API of ECR alone, which takes
// layers in parts: no registry is spoken to, and no program of containers gets a login.
type Repository struct {
	api  *awsclient.ECR
	name string
	// registry is the account that the repository must belong to, and region where it is. The environment is named in the
	// advice to bootstrap it.
	registry, region, environment string
}

// NewRepository returns a repository of a target's account.
func NewRepository(api *awsclient.ECR, name string, target awsclient.Target) *Repository {
	return &Repository{
		api: api, name: name, registry: target.Account, region: target.Region, environment: target.Environment,
	}
}

// Digest returns the digest of the image that has a tag, as sha256:HEX. The error is ErrAbsent if there is none.
func (r *Repository) Digest(ctx context.Context, tag string) (string, error) {
	out, err := r.api.DescribeImages(ctx, &ecr.DescribeImagesInput{
		RegistryId: &r.registry, RepositoryName: &r.name, ImageIds: []types.ImageIdentifier{{ImageTag: &tag}},
	})
	switch awsclient.ErrorCode(err) {
	case "ImageNotFoundException":
		return "", ErrAbsent
	case "RepositoryNotFoundException":
		return "", fault.Errorf(fault.RepositoryMissing,
			"the repository %s is not there: run `lockstep bootstrap --env %s`: %w", r.name, r.environment, err)
	}
	if err != nil {
		return "", err
	}
	for _, image := range out.ImageDetails {
		if slices.Contains(image.ImageTags, tag) && aws.ToString(image.ImageDigest) != "" {
			return *image.ImageDigest, r.checkActive(tag, image)
		}
	}
	return "", ErrAbsent
}

// checkActive returns an error if no container can be started from an image, because ECR has it in its archive. Source:
// the user guide of ECR, "Archiving an image" and "Restoring an image".
func (r *Repository) checkActive(tag string, image types.ImageDetail) error {
	var state string
	switch image.ImageStatus {
	case types.ImageStatusArchived:
		state = fmt.Sprintf("is archived, and no container can be started from it: restore it with `aws ecr "+
			"update-image-storage-class --region %s --registry-id %s --repository-name %s --image-id imageTag=%s "+
			"--target-storage-class STANDARD`, wait up to 20 minutes, and run this again", r.region, r.registry, r.name, tag)
	case types.ImageStatusActivating:
		state = "is being restored from the archive, which takes up to 20 minutes: run this again then"
	default:
		return nil
	}
	return fault.Errorf(fault.ImageArchived, "the image %s that the repository %s has under %s %s",
		aws.ToString(image.ImageDigest), r.name, tag, state)
}

// maxLayers is how many layers are uploaded at once: each is compressed on its way.
const maxLayers = 2

// Push uploads an image under a tag that no image has yet, and returns its digest, which it has read back.
func (r *Repository) Push(ctx context.Context, tag string, image v1.Image) (string, error) {
	content, err := readImage(image)
	if err != nil {
		return "", err
	}
	if err := r.upload(ctx, tag, content); err != nil {
		return "", err
	}
	got, err := r.Digest(ctx, tag)
	if err == nil && got != content.digest {
		err = refusal.Newf(fault.StagedExchanged, nil, "the repository %s has another image under %s than the one that was "+
			"just pushed: another run has published it meanwhile; run this again to use that", r.name, tag)
	}
	return got, err
}

// upload uploads the layers that the repository does not have, and then the manifest. It does so again if ECR has
// deleted one of the other layers meanwhile, with the last image that had it.
func (r *Repository) upload(ctx context.Context, tag string, c imageContent) error {
	var err error
	for range maxUploads {
		if err = r.uploadLayers(ctx, c.blobs); err != nil {
			return err
		}
		if err = r.putImage(ctx, tag, c); awsclient.ErrorCode(err) != "LayersNotFoundException" {
			return err
		}
	}
	return err
}

// putImage uploads the manifest of an image whose layers are there. An image that somebody else has given the tag
// meanwhile is no error: whoever reads it back sees that.
func (r *Repository) putImage(ctx context.Context, tag string, c imageContent) error {
	_, err := r.api.PutImage(ctx, &ecr.PutImageInput{
		RegistryId: &r.registry, RepositoryName: &r.name, ImageTag: &tag, ImageDigest: &c.digest,
		ImageManifest: &c.manifest, ImageManifestMediaType: &c.mediaType,
	})
	switch awsclient.ErrorCode(err) {
	case "ImageAlreadyExistsException", // by an attempt whose answer was lost
		"ImageTagAlreadyExistsException":
		return nil
	}
	return err
}

// An imageContent is what is pushed of an image.
type imageContent struct {
	manifest, mediaType, digest string
	blobs                       []blob
}

// A blob is a layer of an image, or its configuration.
type blob struct {
	digest string
	open   func() (io.ReadCloser, error)
}

// readImage returns what is pushed of an image. Its layers are compressed for that, and not kept.
func readImage(image v1.Image) (c imageContent, err error) {
	text, err := image.RawManifest()
	if err != nil {
		return c, fault.Wrap(fault.ImageBuild, err)
	}
	config, err := image.RawConfigFile()
	if err != nil {
		return c, fault.Wrap(fault.ImageBuild, err)
	}
	layers, err := image.Layers()
	if err != nil {
		return c, fault.Wrap(fault.ImageBuild, err)
	}
	manifest, err := v1.ParseManifest(bytes.NewReader(text))
	if err != nil || len(manifest.Layers) != len(layers) {
		return c, fault.Errorf(fault.ImageBuild, "the manifest of the image does not fit its %d layers: %w", len(layers), err)
	}
	sum := sha256.Sum256(text)
	c = imageContent{
		manifest: string(text), mediaType: string(manifest.MediaType), digest: "sha256:" + hex.EncodeToString(sum[:]),
		blobs: []blob{{manifest.Config.Digest.String(), func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(config)), nil
		}}},
	}
	for n, layer := range manifest.Layers {
		isSame := func(b blob) bool { return b.digest == layer.Digest.String() }
		if layer.MediaType.IsDistributable() && !slices.ContainsFunc(c.blobs, isSame) {
			c.blobs = append(c.blobs, blob{layer.Digest.String(), layers[n].Compressed})
		}
	}
	return c, nil
}

// uploadLayers uploads the blobs that the repository does not have.
func (r *Repository) uploadLayers(ctx context.Context, all []blob) error {
	missing, err := r.missing(ctx, all)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxLayers)
	for _, b := range missing {
		group.Go(func() error { return r.uploadBlob(ctx, b) })
	}
	return group.Wait()
}

// maxCheckedLayers is how many layers a call takes. Source: the ECR API reference, BatchCheckLayerAvailability.
const maxCheckedLayers = 100

// missing returns the blobs that the repository does not have.
func (r *Repository) missing(ctx context.Context, all []blob) ([]blob, error) {
	available := map[string]bool{}
	for some := range slices.Chunk(all, maxCheckedLayers) {
		var digests []string
		for _, b := range some {
			digests = append(digests, b.digest)
		}
		out, err := r.api.BatchCheckLayerAvailability(ctx, &ecr.BatchCheckLayerAvailabilityInput{
			RegistryId: &r.registry, RepositoryName: &r.name, LayerDigests: digests,
		})
		if err != nil {
			return nil, err
		}
		for _, layer := range out.Layers {
			available[aws.ToString(layer.LayerDigest)] = layer.LayerAvailability == types.LayerAvailabilityAvailable
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(b blob) bool { return available[b.digest] }), nil
}

// maxUploads is how often the upload of a layer, and of an image, is begun: ECR may forget one.
const maxUploads = 3

// uploadBlob uploads a layer, and again from its beginning if ECR has forgotten the upload or got something else.
func (r *Repository) uploadBlob(ctx context.Context, b blob) error {
	var err error
	for range maxUploads {
		err = r.uploadOnce(ctx, b)
		switch awsclient.ErrorCode(err) {
		case "LayerAlreadyExistsException":
			return nil
		case "UploadNotFoundException", "InvalidLayerException", "InvalidLayerPartException", "LayerPartTooSmallException":
			continue
		}
		return err
	}
	return err
}

func (r *Repository) uploadOnce(ctx context.Context, b blob) (err error) {
	begun, err := r.api.InitiateLayerUpload(ctx, &ecr.InitiateLayerUploadInput{
		RegistryId: &r.registry, RepositoryName: &r.name,
	})
	if err != nil {
		return err
	}
	content, err := b.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	upload := &layerUpload{repository: r, id: aws.ToString(begun.UploadId)}
	if err := upload.send(ctx, content, partBytes(aws.ToInt64(begun.PartSize))); err != nil {
		return err
	}
	_, err = r.api.CompleteLayerUpload(ctx, &ecr.CompleteLayerUploadInput{
		RegistryId: &r.registry, RepositoryName: &r.name, UploadId: &upload.id, LayerDigests: []string{b.digest},
	})
	return err
}

// Parts of 10 MiB are within the quotas of ECR, and no part has more than 20 MiB. Sources: the service quotas of ECR,
// and its API reference, UploadLayerPart.
const (
	defaultPartBytes = 10 << 20
	maxPartBytes     = 20 << 20
)

// partBytes returns how large the parts of an upload are, except the last: as ECR has named it, if it has.
func partBytes(named int64) int64 {
	if named <= 0 {
		return defaultPartBytes
	}
	return min(named, maxPartBytes)
}

// A layerUpload is the upload of one layer.
type layerUpload struct {
	repository *Repository
	id         string
	// sent is how many bytes ECR has.
	sent int64
}

// send uploads a content in parts. A part is in memory as a whole: it may have to be sent again.
func (u *layerUpload) send(ctx context.Context, content io.Reader, size int64) error {
	part := make([]byte, size)
	for {
		n, err := io.ReadFull(content, part)
		isLast := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !isLast {
			return err
		}
		if n > 0 {
			if err := u.sendPart(ctx, part[:n]); err != nil {
				return err
			}
		}
		if isLast {
			return nil
		}
	}
}

// sendPart uploads the next part. ECR may have it already, from an attempt whose answer was lost.
func (u *layerUpload) sendPart(ctx context.Context, part []byte) error {
	last := u.sent + int64(len(part)) - 1
	_, err := u.repository.api.UploadLayerPart(ctx, &ecr.UploadLayerPartInput{
		RegistryId: &u.repository.registry, RepositoryName: &u.repository.name, UploadId: &u.id,
		PartFirstByte: &u.sent, PartLastByte: &last, LayerPartBlob: part,
	})
	var invalid *types.InvalidLayerPartException
	hasIt := errors.As(err, &invalid) && aws.ToInt64(invalid.LastValidByteReceived) == last
	if err != nil && !hasIt {
		return err
	}
	u.sent = last + 1
	return nil
}
