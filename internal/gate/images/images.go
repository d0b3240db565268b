// Package images owns what the tag of a pinned image means at its registry at this moment. It knows nothing of who runs the images.
package images

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Platforms are those that an image has to be for: people's machines and CodeBuild have either.
var Platforms = []string{"linux/amd64", "linux/arm64"}

// A Pin is an image that is held to one digest.
type Pin struct {
	// Name is the image's key in the table.
	Name string `json:"name"`
	// Tag is the image's name with its tag, without a registry's mirror.
	Tag string `json:"tag"`
	// Digest is what it is held to, as sha256: and 64 hexadecimal digits.
	Digest string `json:"digest"`
}

// ParsePin takes a reference of the form NAME:TAG@DIGEST apart.
func ParsePin(key, reference string) (Pin, error) {
	tag, digest, pinned := strings.Cut(reference, "@")
	p := Pin{Name: key, Tag: tag, Digest: digest}
	if !pinned {
		return p, fmt.Errorf("image %s is not pinned: write NAME:TAG@DIGEST", reference)
	}
	_, err := name.NewDigest(reference)
	return p, err
}

// ResolveDigest is the digest that the tag has now, asked for with the logins of this machine's container tools. With a prefix it is that of the mirror. An
// image that is not for every platform is an error.
func (p Pin) ResolveDigest(ctx context.Context, prefix string) (string, error) {
	if prefix != "" {
		prefix = strings.TrimSuffix(prefix, "/") + "/"
	}
	ref, err := name.NewTag(prefix + p.Tag)
	if err != nil {
		return "", err
	}
	found, err := remote.Get(ref, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
	if err != nil {
		return "", wrapRegistryError(ctx, ref, err)
	}
	if !found.MediaType.IsIndex() {
		return "", fmt.Errorf("%s is for one platform only; it has to be for %s", ref, strings.Join(Platforms, " and "))
	}
	index, err := found.ImageIndex()
	if err != nil {
		return "", wrapRegistryError(ctx, ref, err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return "", wrapRegistryError(ctx, ref, err)
	}
	var have []string
	for _, m := range manifest.Manifests {
		if m.Platform != nil {
			have = append(have, m.Platform.OS+"/"+m.Platform.Architecture)
		}
	}
	for _, platform := range Platforms {
		if !slices.Contains(have, platform) {
			return "", fmt.Errorf("%s is not for %s; it is for %s", ref, platform, strings.Join(have, ", "))
		}
	}
	return found.Digest.String(), nil
}

const mirrorHint = "or name a mirror that can: engine.imagePrefix in config/pipeline.yaml"

// wrapRegistryError says what to do about a registry that did not answer as it should.
func wrapRegistryError(ctx context.Context, ref name.Tag, err error) error {
	var answer *transport.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !errors.As(err, &answer):
		return fmt.Errorf("the registry of %s cannot be reached: see that this machine may reach %s, %s (%w)", ref, ref.RegistryStr(), mirrorHint, err)
	case answer.StatusCode == http.StatusNotFound:
		return fmt.Errorf("there is no image %s: its tag may be gone, so choose another one", ref)
	case answer.StatusCode == http.StatusUnauthorized, answer.StatusCode == http.StatusForbidden:
		return fmt.Errorf("%s may not be read: sign in to %s with your container tools, %s", ref, ref.RegistryStr(), mirrorHint)
	}
	return fmt.Errorf("%s: the registry answered with status %d", ref, answer.StatusCode)
}
