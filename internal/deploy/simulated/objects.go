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

// An object is an object of S3. An account has buckets of any name, and a key in one of them alone.
type object struct {
	bucket   string
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
func (a *account) serveS3(c *Cloud, w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	existing, ok := a.objects[key]
	ok = ok && existing.isIn(bucket)
	w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	switch {
	case key == "" && r.Method == http.MethodGet && r.URL.Query().Has("encryption"):
		c.describeEncryption(w)
	case r.Method == http.MethodPut && c.RefusesUnencrypted && encryptionOf(r) != c.Encryption:
		writeS3Error(w, http.StatusForbidden, "AccessDenied", false)
	case key == "" && r.Method == http.MethodGet:
		a.listObjects(w, bucket, r.URL.Query().Get("prefix"))
	case r.Method == http.MethodPut:
		a.putObject(w, r, bucket, key)
	case r.Method == http.MethodDelete:
		delete(a.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case !ok:
		writeS3Error(w, http.StatusNotFound, "NoSuchKey", r.Method == http.MethodHead)
	default:
		existing.answer(w, r)
	}
}

// describeEncryption answers how the buckets encrypt.
func (c *Cloud) describeEncryption(w http.ResponseWriter) {
	algorithm, kmsKey, _ := strings.Cut(c.Encryption, " ")
	by := xmlParent("ApplyServerSideEncryptionByDefault",
		xmlElements("SSEAlgorithm", algorithm, "KMSMasterKeyID", kmsKey))
	_, _ = io.WriteString(w, xmlParent("ServerSideEncryptionConfiguration", xmlParent("Rule", by)))
}

// answer answers with an object, or with its headers alone.
func (o object) answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", o.etag)
	w.Header().Set("Last-Modified", o.modified.UTC().Format(http.TimeFormat))
	w.Header().Set("Content-Length", fmt.Sprint(len(o.data)))
	if o.publisher != "" {
		w.Header().Set(publisherHeader, o.publisher)
	}
	if o.checksum != "" && strings.EqualFold(r.Header.Get("X-Amz-Checksum-Mode"), "ENABLED") {
		w.Header().Set(checksumHeader, o.checksum)
		w.Header().Set("X-Amz-Checksum-Type", "FULL_OBJECT")
	}
	if r.Method == http.MethodGet {
		_, _ = w.Write(o.data) // the client sees a failure
	}
}

// encryptionOf returns how a request wants an object to be encrypted.
func encryptionOf(r *http.Request) string {
	const header = "X-Amz-Server-Side-Encryption"
	return strings.TrimSpace(r.Header.Get(header) + " " + r.Header.Get(header+"-Aws-Kms-Key-Id"))
}

// isIn reports whether an object is in a bucket. One that a test has put there is in every bucket.
func (o object) isIn(bucket string) bool { return o.bucket == "" || o.bucket == bucket }

// putObject writes an object if the conditions of the request hold.
func (a *account) putObject(w http.ResponseWriter, r *http.Request, bucket, key string) {
	existing, exists := a.objects[key]
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
		bucket: bucket, data: data, etag: `"` + hex.EncodeToString(sum[:]) + `"`, modified: time.Now(), checksum: checksum,
		publisher: r.Header.Get(publisherHeader),
	}
	w.Header().Set("ETag", a.objects[key].etag)
}

// hasChecksum reports whether an upload comes with a checksum, in a header or at its end. A bucket with Object Lock
// takes no other.
func hasChecksum(header http.Header) bool {
	const prefix = "X-Amz-Checksum-"
	for name := range header {
		if name == "Content-Md5" || strings.HasPrefix(name, prefix) && !strings.HasSuffix(name, "-Mode") {
			return true
		}
	}
	return strings.HasPrefix(http.CanonicalHeaderKey(header.Get("X-Amz-Trailer")), prefix)
}

func (a *account) listObjects(w http.ResponseWriter, bucket, prefix string) {
	w.Header().Set("Content-Type", "application/xml")
	fmt.Fprint(w, "<ListBucketResult><IsTruncated>false</IsTruncated>")
	for _, key := range slices.Sorted(maps.Keys(a.objects)) {
		if o := a.objects[key]; strings.HasPrefix(key, prefix) && o.isIn(bucket) {
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
