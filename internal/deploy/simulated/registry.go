package simulated

import (
	"cmp"
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
	// tags are the digests of images by REPOSITORY:TAG, statuses what has become of these, manifests those by digest, and
	// layers those by digest.
	tags, statuses map[string]string
	manifests      map[string]string
	layers         map[string][]byte
	uploads        map[string]*layerUpload
	serial         int
	// partSize is how large ECR says that the parts of an upload have to be.
	partSize int
	// missingAreFailures answers layers that are not there as ECR does, and not as its API reference lets expect.
	missingAreFailures bool
}

// A layerUpload is a layer of which parts have come.
type layerUpload struct {
	data []byte
	// isShort says that a part was smaller than the others have to be: it can only be the last.
	isShort bool
}

// defaultLayerPart is how large ECR lets the parts of a layer be.
const defaultLayerPart = 10 << 20

// maxLayerDigests is how many layers a call of BatchCheckLayerAvailability takes.
const maxLayerDigests = 100

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
	a.registry.partSize = cmp.Or(int(c.LayerPartSize), defaultLayerPart)
	a.registry.missingAreFailures = c.MissingLayersFail
	switch operation {
	case "DescribeImages":
		a.registry.describe(w, call)
	case "BatchCheckLayerAvailability":
		a.registry.checkLayers(w, call)
	case "InitiateLayerUpload":
		a.registry.serial++
		id := fmt.Sprintf("00000000-0000-4000-8000-%012d", a.registry.serial)
		a.registry.uploads[id] = &layerUpload{}
		writeJSON(w, http.StatusOK, map[string]any{"uploadId": id, "partSize": a.registry.partSize})
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
			tags: map[string]string{}, statuses: map[string]string{}, manifests: map[string]string{},
			layers: map[string][]byte{}, uploads: map[string]*layerUpload{},
		}
	}
}

func (g *registry) describe(w http.ResponseWriter, call registryCall) {
	var details []map[string]any
	for _, id := range call.ImageIds {
		destination := call.RepositoryName + ":" + id.ImageTag
		digest := g.tags[destination]
		if digest == "" {
			writeJSONError(w, "ImageNotFoundException")
			return
		}
		details = append(details, map[string]any{
			"imageDigest": digest, "imageTags": []string{id.ImageTag},
			"imageStatus": cmp.Or(g.statuses[destination], "ACTIVE"),
		})
	}
	writeJSON(w, http.StatusOK, map[string]any{"imageDetails": details})
}

func (g *registry) checkLayers(w http.ResponseWriter, call registryCall) {
	if len(call.LayerDigests) == 0 || len(call.LayerDigests) > maxLayerDigests {
		writeJSONError(w, "InvalidParameterException")
		return
	}
	var layers, failures []map[string]string
	for _, digest := range call.LayerDigests {
		_, isThere := g.layers[digest]
		switch {
		case isThere:
			layers = append(layers, map[string]string{"layerDigest": digest, "layerAvailability": "AVAILABLE"})
		case g.missingAreFailures:
			failures = append(failures, map[string]string{"layerDigest": digest, "failureCode": "MissingLayerDigest"})
		default:
			layers = append(layers, map[string]string{"layerDigest": digest, "layerAvailability": "UNAVAILABLE"})
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"layers": layers, "failures": failures})
}

// takePart takes a part that follows the one before and has the size that was named. Only the last may be smaller.
func (g *registry) takePart(w http.ResponseWriter, call registryCall) {
	upload, ok := g.uploads[call.UploadId]
	if !ok {
		writeJSONError(w, "UploadNotFoundException")
		return
	}
	isConsecutive := call.PartFirstByte == int64(len(upload.data)) &&
		call.PartLastByte == call.PartFirstByte+int64(len(call.LayerPartBlob))-1
	if !isConsecutive || upload.isShort || len(call.LayerPartBlob) > g.partSize {
		writeJSON(w, http.StatusBadRequest, map[string]any{
			"__type": "InvalidLayerPartException", "uploadId": call.UploadId,
			"lastValidByteReceived": len(upload.data) - 1,
		})
		return
	}
	upload.data = append(upload.data, call.LayerPartBlob...)
	upload.isShort = len(call.LayerPartBlob) < g.partSize
	writeJSON(w, http.StatusOK, map[string]any{"lastByteReceived": call.PartLastByte})
}

func (g *registry) completeLayer(w http.ResponseWriter, call registryCall) {
	upload, ok := g.uploads[call.UploadId]
	if !ok {
		writeJSONError(w, "UploadNotFoundException")
		return
	}
	digest := sha256Digest(upload.data)
	_, exists := g.layers[digest]
	switch {
	case len(upload.data) == 0:
		writeJSONError(w, "EmptyUploadException")
	case !slices.Contains(call.LayerDigests, digest):
		writeJSONError(w, "InvalidLayerException")
	case exists:
		writeJSONError(w, "LayerAlreadyExistsException")
	default:
		g.layers[digest] = upload.data
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

// DropLayers forgets the layers that are there, as ECR does with those that no image has any more.
func (c *Cloud) DropLayers(id, region string) {
	a := c.account(id, region)
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.registry.layers)
}

// SetImageStatus sets what has become of an image, by REPOSITORY:TAG: ACTIVE, ARCHIVED or ACTIVATING.
func (c *Cloud) SetImageStatus(id, region, destination, status string) {
	a := c.account(id, region)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.registry.open()
	a.registry.statuses[destination] = status
}
