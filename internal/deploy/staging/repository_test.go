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
func faultAt(at int64, fault simulated.Fault) func(string, int64) simulated.Fault {
	return func(service string, number int64) simulated.Fault {
		if service == "ecr" && number == at {
			return fault
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
	for _, fault := range []simulated.Fault{
		simulated.NoFault, simulated.Throttled, simulated.ServerError, simulated.AnswerLost, simulated.UploadReset,
	} {
		t.Run(string(fault), func(t *testing.T) {
			for at := range int64(16) {
				cloud := simulated.NewKind()
				cloud.FaultOf = faultAt(at+1, fault)
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

// largeLayer is an image with a layer of two parts of an upload, which calls onRead with how much of it was read.
func largeLayer(t *testing.T, onRead func(read int)) v1.Image {
	t.Helper()
	content := bytes.Repeat([]byte("0123456789abcdef"), 11<<20/16)
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
	image := largeLayer(t, func(read int) {
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
		_, err := newRepository(cloud).Push(t.Context(), "1", largeLayer(t, func(int) {}))
		require.NoError(t, err, "call %d", at)
	}
}
