package simulated

import (
	"crypto/md5" //nolint:gosec // it is what S3 answers with, and protects nothing
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// An object is an object of S3. An account has one bucket, of any name.
type object struct {
	data     []byte
	etag     string
	modified time.Time
	// checksum is the SHA-256, in base64, that came with the data; empty for none.
	checksum string
	// publisher is what the object's metadata has under publisherHeader.
	publisher string
}

// The headers of an object's checksum and of the only metadata that is kept.
const (
	checksumHeader  = "X-Amz-Checksum-Sha256"
	publisherHeader = "X-Amz-Meta-Lockstep-Publisher"
)

// serveS3 answers a call of S3 with the bucket in the path.
func (a *account) serveS3(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	existing, ok := a.objects[key]
	w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	switch {
	case key == "" && r.Method == http.MethodGet:
		a.listObjects(w, r.URL.Query().Get("prefix"))
	case r.Method == http.MethodPut:
		a.putObject(w, r, key, existing, ok)
	case r.Method == http.MethodDelete:
		delete(a.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case !ok:
		writeS3Error(w, http.StatusNotFound, "NoSuchKey", r.Method == http.MethodHead)
	default:
		w.Header().Set("ETag", existing.etag)
		w.Header().Set("Last-Modified", existing.modified.UTC().Format(http.TimeFormat))
		w.Header().Set("Content-Length", fmt.Sprint(len(existing.data)))
		if existing.publisher != "" {
			w.Header().Set(publisherHeader, existing.publisher)
		}
		if existing.checksum != "" && strings.EqualFold(r.Header.Get("X-Amz-Checksum-Mode"), "ENABLED") {
			w.Header().Set(checksumHeader, existing.checksum)
			w.Header().Set("X-Amz-Checksum-Type", "FULL_OBJECT")
		}
		if r.Method == http.MethodGet {
			_, _ = w.Write(existing.data) // the client sees a failure
		}
	}
}

// putObject writes an object if the conditions of the request hold. The existing object counts if exists is true.
func (a *account) putObject(w http.ResponseWriter, r *http.Request, key string, existing object, exists bool) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		writeS3Error(w, http.StatusBadRequest, "IncompleteBody", false)
		return
	}
	if !hasChecksum(r.Header) {
		writeS3Error(w, http.StatusBadRequest, "InvalidRequest", false)
		return
	}
	wantETag := r.Header.Get("If-Match")
	if exists && r.Header.Get("If-None-Match") == "*" || wantETag != "" && (!exists || wantETag != existing.etag) {
		writeS3Error(w, http.StatusPreconditionFailed, "PreconditionFailed", false)
		return
	}
	checksum := r.Header.Get(checksumHeader)
	if sha := sha256.Sum256(data); checksum != "" && checksum != base64.StdEncoding.EncodeToString(sha[:]) {
		writeS3Error(w, http.StatusBadRequest, "BadDigest", false)
		return
	}
	sum := md5.Sum(data) //nolint:gosec // see above
	a.objects[key] = object{
		data: data, etag: `"` + hex.EncodeToString(sum[:]) + `"`, modified: time.Now(), checksum: checksum,
		publisher: r.Header.Get(publisherHeader),
	}
	w.Header().Set("ETag", a.objects[key].etag)
}

// hasChecksum reports whether an upload comes with a checksum, in a header or at its end. A bucket with Object Lock takes
// no other.
func hasChecksum(header http.Header) bool {
	const prefix = "X-Amz-Checksum-"
	for name := range header {
		if name == "Content-Md5" || strings.HasPrefix(name, prefix) && !strings.HasSuffix(name, "-Mode") {
			return true
		}
	}
	return strings.HasPrefix(http.CanonicalHeaderKey(header.Get("X-Amz-Trailer")), prefix)
}

func (a *account) listObjects(w http.ResponseWriter, prefix string) {
	w.Header().Set("Content-Type", "application/xml")
	fmt.Fprint(w, "<ListBucketResult><IsTruncated>false</IsTruncated>")
	for _, key := range slices.Sorted(maps.Keys(a.objects)) {
		if strings.HasPrefix(key, prefix) {
			o := a.objects[key]
			_, _ = io.WriteString(w, xmlParent("Contents", xmlElements(
				"Key", key, "LastModified", formatTime(o.modified), "Size", fmt.Sprint(len(o.data)))))
		}
	}
	fmt.Fprint(w, "</ListBucketResult>")
}

// writeS3Error answers with an error of S3. The answer to a HEAD request has no body.
func writeS3Error(w http.ResponseWriter, status int, code string, head bool) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if !head {
		fmt.Fprintf(w, "<Error>%s%s</Error>", xmlElement("Code", code), xmlElement("Message", code))
	}
}
