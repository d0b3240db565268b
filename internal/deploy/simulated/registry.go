package simulated

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// A registry is the ECR of an account. Its tags are immutable, as those of the repository of `cdk bootstrap` are.
// Source: the ECR API reference, and the service quotas of ECR.
type registry struct {
	// tags are the digests of images by REPOSITORY:TAG, manifests those by digest, and layers those by digest.
	tags      map[string]string
	manifests map[string]string
	layers    map[string][]byte
	uploads   map[string][]byte
	serial    int
}

// ECR takes parts of layers of at least minLayerPart bytes, unless it is the last, and of at most maxLayerPart.
const (
	minLayerPart = 5 << 20
	maxLayerPart = 10 << 20
)

// A registryCall is what the calls of ECR have that are simulated.
type registryCall struct {
	RepositoryName, UploadId, ImageManifest, ImageTag, ImageDigest string //nolint:revive // the names of AWS
	LayerDigests                                                   []string
	PartFirstByte, PartLastByte                                    int64
	LayerPartBlob                                                  []byte
	ImageIds                                                       []struct{ ImageTag string } //nolint:revive // see above
}

// serveECR answers a call of ECR.
func (c *Cloud) serveECR(a *account, w http.ResponseWriter, r *http.Request) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	var call registryCall
	text, _ := io.ReadAll(r.Body) // a call that is cut off has no input
	_ = json.Unmarshal(text, &call)
	if c.MissingRepositories {
		writeJSONError(w, "RepositoryNotFoundException")
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.registry.open()
	switch operation {
	case "DescribeImages":
		a.registry.describe(w, call)
	case "BatchCheckLayerAvailability":
		a.registry.checkLayers(w, call)
	case "InitiateLayerUpload":
		a.registry.serial++
		id := fmt.Sprintf("00000000-0000-4000-8000-%012d", a.registry.serial)
		a.registry.uploads[id] = []byte{}
		writeJSON(w, http.StatusOK, map[string]any{"uploadId": id, "partSize": maxLayerPart})
	case "UploadLayerPart":
		a.registry.takePart(w, call)
	case "CompleteLayerUpload":
		a.registry.completeLayer(w, call)
	case "PutImage":
		a.registry.putImage(w, call)
	default:
		writeJSONError(w, "InvalidAction")
	}
}

func (g *registry) open() {
	if g.tags == nil {
		*g = registry{
			tags: map[string]string{}, manifests: map[string]string{}, layers: map[string][]byte{},
			uploads: map[string][]byte{},
		}
	}
}

func (g *registry) describe(w http.ResponseWriter, call registryCall) {
	var details []map[string]any
	for _, id := range call.ImageIds {
		digest := g.tags[call.RepositoryName+":"+id.ImageTag]
		if digest == "" {
			writeJSONError(w, "ImageNotFoundException")
			return
		}
		details = append(details, map[string]any{"imageDigest": digest, "imageTags": []string{id.ImageTag}})
	}
	writeJSON(w, http.StatusOK, map[string]any{"imageDetails": details})
}

func (g *registry) checkLayers(w http.ResponseWriter, call registryCall) {
	var layers []map[string]string
	for _, digest := range call.LayerDigests {
		availability := "UNAVAILABLE"
		if _, ok := g.layers[digest]; ok {
			availability = "AVAILABLE"
		}
		layers = append(layers, map[string]string{"layerDigest": digest, "layerAvailability": availability})
	}
	writeJSON(w, http.StatusOK, map[string]any{"layers": layers})
}

func (g *registry) takePart(w http.ResponseWriter, call registryCall) {
	data, ok := g.uploads[call.UploadId]
	isConsecutive := call.PartFirstByte == int64(len(data)) &&
		call.PartLastByte == call.PartFirstByte+int64(len(call.LayerPartBlob))-1
	switch {
	case !ok:
		writeJSONError(w, "UploadNotFoundException")
	case len(data)%maxLayerPart != 0 && len(data) < minLayerPart: // the part before was not the last
		writeJSONError(w, "LayerPartTooSmallException")
	case !isConsecutive || len(call.LayerPartBlob) > maxLayerPart:
		writeJSON(w, http.StatusBadRequest, map[string]any{
			"__type": "InvalidLayerPartException", "uploadId": call.UploadId, "lastValidByteReceived": len(data) - 1,
		})
	default:
		g.uploads[call.UploadId] = append(data, call.LayerPartBlob...)
		writeJSON(w, http.StatusOK, map[string]any{"lastByteReceived": call.PartLastByte})
	}
}

func (g *registry) completeLayer(w http.ResponseWriter, call registryCall) {
	data, ok := g.uploads[call.UploadId]
	digest := sha256Digest(data)
	_, exists := g.layers[digest]
	switch {
	case !ok:
		writeJSONError(w, "UploadNotFoundException")
	case len(data) == 0:
		writeJSONError(w, "EmptyUploadException")
	case !slices.Contains(call.LayerDigests, digest):
		writeJSONError(w, "InvalidLayerException")
	case exists:
		writeJSONError(w, "LayerAlreadyExistsException")
	default:
		g.layers[digest] = data
		delete(g.uploads, call.UploadId)
		writeJSON(w, http.StatusOK, map[string]any{"layerDigest": digest})
	}
}

func (g *registry) putImage(w http.ResponseWriter, call registryCall) {
	digest := sha256Digest([]byte(call.ImageManifest))
	key := call.RepositoryName + ":" + call.ImageTag
	existing := g.tags[key]
	switch {
	case call.ImageDigest != "" && call.ImageDigest != digest:
		writeJSONError(w, "ImageDigestDoesNotMatchException")
	case !g.hasLayers(call.ImageManifest):
		writeJSONError(w, "LayersNotFoundException")
	case existing == digest:
		writeJSONError(w, "ImageAlreadyExistsException")
	case existing != "":
		writeJSONError(w, "ImageTagAlreadyExistsException")
	default:
		g.tags[key], g.manifests[digest] = digest, call.ImageManifest
		writeJSON(w, http.StatusOK, map[string]any{"image": map[string]any{}})
	}
}

// hasLayers reports whether the registry has all that a manifest names.
func (g *registry) hasLayers(manifest string) bool {
	type descriptor struct{ Digest string }
	var m struct {
		Config descriptor
		Layers []descriptor
	}
	if json.Unmarshal([]byte(manifest), &m) != nil {
		return false
	}
	return !slices.ContainsFunc(append(m.Layers, m.Config), func(d descriptor) bool {
		_, ok := g.layers[d.Digest]
		return !ok
	})
}

func sha256Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Images returns the digests of the images in an account's repositories by REPOSITORY:TAG.
func (c *Cloud) Images(id, region string) map[string]string {
	a := c.account(id, region)
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.registry.tags)
}

// SetImage puts an image, by REPOSITORY:TAG, as somebody else would who has deleted the one before; an empty digest
// deletes it.
func (c *Cloud) SetImage(id, region, destination, digest string) {
	a := c.account(id, region)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.registry.open()
	if a.registry.tags[destination] = digest; digest == "" {
		delete(a.registry.tags, destination)
	}
}

// DropUploads forgets the layers that are being uploaded, as ECR does after a time.
func (c *Cloud) DropUploads(id, region string) {
	a := c.account(id, region)
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.registry.uploads)
}
