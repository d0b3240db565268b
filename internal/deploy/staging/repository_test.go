package staging

import (
	"bytes"
	"io"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/simulated"
	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
)

const (
	registryAccount = "444455556666"
	registryRegion  = "eu-west-1"
)

func newRepository(cloud *simulated.Cloud) *Repository {
	target := awsclient.Target{Environment: "acc", Account: registryAccount, Region: registryRegion}
	return NewRepository(awsclient.NewECR(cloud.Config(registryAccount, registryRegion)), "images", target)
}

// faultAt returns faults of which one is of the ECR call with a number.
func faultAt(at int64, kind simulated.Fault) func(string, int64) simulated.Fault {
	return func(service string, number int64) simulated.Fault {
		if service == "ecr" && number == at {
			return kind
		}
		return simulated.NoFault
	}
}

// Each call of a push is answered badly once, and the same image is there in the end.
func TestRepository_PushSurvivesWhatECRDoes(t *testing.T) {
	image, err := random.Image(1024, 2)
	require.NoError(t, err)
	digest, err := image.Digest()
	require.NoError(t, err)
	for _, kind := range []simulated.Fault{
		simulated.NoFault, simulated.Throttled, simulated.ServerError, simulated.AnswerLost, simulated.UploadReset,
	} {
		t.Run(string(kind), func(t *testing.T) {
			for at := range int64(16) {
				cloud := simulated.NewKind()
				cloud.FaultOf = faultAt(at+1, kind)
				got, err := newRepository(cloud).Push(t.Context(), "1", image)
				require.NoError(t, err, "call %d", at+1)
				assert.Equal(t, digest.String(), got)
				assert.Equal(t, map[string]string{"images:1": got}, cloud.Images(registryAccount, registryRegion))
			}
		})
	}
}

func TestRepository_PushTwiceIsNoError(t *testing.T) {
	cloud := simulated.NewKind()
	image, err := random.Image(1024, 1)
	require.NoError(t, err)
	for range 2 {
		_, err := newRepository(cloud).Push(t.Context(), "1", image)
		require.NoError(t, err)
	}
	_, err = newRepository(cloud).Push(t.Context(), "2", image)
	require.NoError(t, err, "its layers are there already")
	_, err = newRepository(cloud).Digest(t.Context(), "3")
	require.ErrorIs(t, err, ErrAbsent)
}

// largeLayer is an image with a layer of a size, which calls onRead with how much of it was read.
func largeLayer(t *testing.T, size int, onRead func(read int)) v1.Image {
	t.Helper()
	content := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	layer := readLayer{static.NewLayer(content, types.DockerLayer), onRead}
	image, err := mutate.AppendLayers(empty.Image, layer)
	require.NoError(t, err)
	return image
}

type readLayer struct {
	v1.Layer
	onRead func(read int)
}

func (l readLayer) Compressed() (io.ReadCloser, error) {
	content, err := l.Layer.Compressed()
	return &countingReader{content, l.onRead, 0}, err
}

type countingReader struct {
	io.ReadCloser
	onRead func(read int)
	read   int
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.read += n
	r.onRead(r.read)
	return n, err
}

// A layer of several parts is begun again when ECR has forgotten the upload.
func TestRepository_UploadThatECRForgets(t *testing.T) {
	cloud := simulated.NewKind()
	hasForgotten := false
	image := largeLayer(t, 11<<20, func(read int) {
		if read > 10<<20 && !hasForgotten {
			hasForgotten = true
			cloud.DropUploads(registryAccount, registryRegion)
		}
	})
	_, err := newRepository(cloud).Push(t.Context(), "1", image)
	require.NoError(t, err)
	assert.True(t, hasForgotten)
}

// The answer to each part of a layer is lost once.
func TestRepository_PartsWhoseAnswerIsLost(t *testing.T) {
	for at := int64(3); at < 7; at++ { // the calls before check and begin uploads
		cloud := simulated.NewKind()
		cloud.FaultOf = faultAt(at, simulated.AnswerLost)
		_, err := newRepository(cloud).Push(t.Context(), "1", largeLayer(t, 11<<20, func(int) {}))
		require.NoError(t, err, "call %d", at)
	}
}

// Parts have the size that ECR names, whatever it is within the bounds of its API.
func TestRepository_PartsHaveTheNamedSize(t *testing.T) {
	for size, layer := range map[int64]int{5 << 20: 6 << 20, 20 << 20: 21 << 20} {
		cloud := simulated.NewKind()
		cloud.LayerPartSize = size
		_, err := newRepository(cloud).Push(t.Context(), "1", largeLayer(t, layer, func(int) {}))
		require.NoError(t, err, "parts of %d bytes", size)
	}
	assert.EqualValues(t, 10<<20, partBytes(0), "an emulator names none")
	assert.EqualValues(t, maxPartBytes, partBytes(1<<40), "no answer of a registry takes the memory")
}

// ECR answers a layer that it does not have among the failures of a call, and takes a hundred layers in each.
func TestRepository_ManyMissingLayers(t *testing.T) {
	cloud := simulated.New()
	cloud.FaultOf = nil
	image, err := random.Image(16, 120)
	require.NoError(t, err)
	got, err := newRepository(cloud).Push(t.Context(), "1", image)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"images:1": got}, cloud.Images(registryAccount, registryRegion))
}

// A layer that the repository had is deleted, with the last image that had it, before the manifest comes.
func TestRepository_LayerThatGoesMeanwhile(t *testing.T) {
	cloud := simulated.NewKind()
	image, err := random.Image(1024, 2)
	require.NoError(t, err)
	_, err = newRepository(cloud).Push(t.Context(), "1", image)
	require.NoError(t, err)
	const put = 2 // the call that gives the second tag, after the one that asks for layers
	cloud.FaultOf = func(service string, number int64) simulated.Fault {
		if service == "ecr" && number == put {
			cloud.DropLayers(registryAccount, registryRegion)
		}
		return simulated.NoFault
	}
	_, err = newRepository(cloud).Push(t.Context(), "2", image)
	require.NoError(t, err)
}

// An image that ECR has moved to its archive is there, and no container can be started from it.
func TestRepository_ArchivedImageIsRefused(t *testing.T) {
	printed := faulttest.Printed(t)
	cloud := simulated.NewKind()
	image, err := random.Image(1024, 1)
	require.NoError(t, err)
	digest, err := newRepository(cloud).Push(t.Context(), "1", image)
	require.NoError(t, err)
	for status, want := range map[string]string{
		"ARCHIVED": "is archived, and no container can be started from it: restore it with `aws ecr " +
			"update-image-storage-class --region eu-west-1 --registry-id 444455556666 --repository-name images " +
			"--image-id imageTag=1 --target-storage-class STANDARD`",
		"ACTIVATING": "is being restored from the archive, which takes up to 20 minutes: run this again then",
	} {
		cloud.SetImageStatus(registryAccount, registryRegion, "images:1", status)
		_, err = newRepository(cloud).Digest(t.Context(), "1")
		require.ErrorContains(t, printed.Error(err), "the image "+digest+" that the repository images has under 1 "+want)
		assert.Equal(t, fault.ImageArchived, fault.CodeOf(err))
	}
	cloud.SetImageStatus(registryAccount, registryRegion, "images:1", "ACTIVE")
	_, err = newRepository(cloud).Digest(t.Context(), "1")
	require.NoError(t, err)
}
