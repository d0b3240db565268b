// Package images asks registries which digest the tag of a pinned image has now. It knows nothing of who runs the
// images.
package images

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"lockstep/internal/fault"
)

// Platforms are the platforms that every image must support. Developers' machines and CodeBuild use both.
var Platforms = []string{"linux/amd64", "linux/arm64"}

// A Pin is an image that is pinned to a digest.
type Pin struct {
	// Name is the image's key in the table of images.
	Name string `json:"name"`
	// Tag is the image's name with its tag, without the prefix of a mirror.
	Tag string `json:"tag"`
	// Digest is sha256: and 64 hexadecimal digits.
	Digest string `json:"digest"`
}

// ParsePin parses a reference NAME:TAG@DIGEST. The key becomes the pin's name.
func ParsePin(key, reference string) (Pin, error) {
	tag, digest, pinned := strings.Cut(reference, "@")
	p := Pin{Name: key, Tag: tag, Digest: digest}
	if !pinned {
		return p, fault.Errorf(fault.ImageReference, "image %s is not pinned: write NAME:TAG@DIGEST", reference)
	}
	_, err := name.NewDigest(reference)
	return p, fault.Wrap(fault.ImageReference, err)
}

// ResolveDigest returns the digest that the tag has now. The prefix of a mirror is put before the tag; it may be empty.
// The registry is asked with the logins of this machine's container tools. An image that does not support every one of
// Platforms is an error.
func (p Pin) ResolveDigest(ctx context.Context, prefix string) (string, error) {
	if prefix != "" {
		prefix = strings.TrimSuffix(prefix, "/") + "/"
	}
	ref, err := name.NewTag(prefix + p.Tag)
	if err != nil {
		return "", fault.Wrap(fault.ImageReference, err)
	}
	image, err := remote.Get(ref, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
	if err != nil {
		return "", wrapRegistryError(ctx, ref, err)
	}
	if !image.MediaType.IsIndex() {
		return "", fault.Errorf(fault.ImageReference,
			"%s supports one platform only; it must support %s", ref, strings.Join(Platforms, " and "))
	}
	index, err := image.ImageIndex()
	if err != nil {
		return "", wrapRegistryError(ctx, ref, err)
	}
	supported, err := platformsOf(index)
	if err != nil {
		return "", wrapRegistryError(ctx, ref, err)
	}
	for _, platform := range Platforms {
		if !slices.Contains(supported, platform) {
			return "", fault.Errorf(fault.ImageReference,
				"%s does not support %s, only %s", ref, platform, strings.Join(supported, ", "))
		}
	}
	return image.Digest.String(), nil
}

// platformsOf returns the platforms of the images in an index, as OS/ARCHITECTURE.
func platformsOf(index v1.ImageIndex) ([]string, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, fault.Wrap(fault.ImageRegistry, err)
	}
	var platforms []string
	for _, m := range manifest.Manifests {
		if m.Platform != nil {
			platforms = append(platforms, m.Platform.OS+"/"+m.Platform.Architecture)
		}
	}
	return platforms, nil
}

const mirrorHint = "or set a mirror that can: engine.imagePrefix in config/pipeline.yaml"

// wrapRegistryError adds what to do to the error of a registry. It returns the context's error if the context is done.
func wrapRegistryError(ctx context.Context, ref name.Tag, err error) error {
	var answer *transport.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !errors.As(err, &answer):
		return fault.Errorf(fault.ImageRegistry,
			"the registry of %s cannot be reached: let this machine connect to %s, %s (%w)",
			ref, ref.RegistryStr(), mirrorHint, err)
	case answer.StatusCode == http.StatusNotFound:
		return fault.Errorf(fault.ImageReference,
			"there is no image %s: its tag may have been deleted, so choose another one", ref)
	case answer.StatusCode == http.StatusUnauthorized, answer.StatusCode == http.StatusForbidden:
		return fault.Errorf(fault.ImageRegistry, "access to %s is denied: sign in to %s with your container tools, %s",
			ref, ref.RegistryStr(), mirrorHint)
	}
	return fault.Errorf(fault.ImageRegistry, "%s: the registry answered with status %d", ref, answer.StatusCode)
}
