package simulated

import (
	"crypto/md5" //nolint:gosec // it is what S3 answers with, and protects nothing
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// object is one in S3. An account has one bucket, whatever it is called.
type object struct {
	data     []byte
	etag     string
	modified time.Time
}

// serveS3 is S3, addressed by path.
func (a *account) serveS3(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	there, ok := a.objects[key]
	w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	switch {
	case key == "" && r.Method == http.MethodGet:
		a.listObjects(w, r.URL.Query().Get("prefix"))
	case r.Method == http.MethodPut:
		a.putObject(w, r, key, there, ok)
	case r.Method == http.MethodDelete:
		delete(a.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case !ok:
		writeS3Error(w, http.StatusNotFound, "NoSuchKey", r.Method == http.MethodHead)
	default:
		w.Header().Set("ETag", there.etag)
		w.Header().Set("Last-Modified", there.modified.UTC().Format(http.TimeFormat))
		w.Header().Set("Content-Length", fmt.Sprint(len(there.data)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(there.data) // whoever hangs up knows
		}
	}
}

func (a *account) putObject(w http.ResponseWriter, r *http.Request, key string, there object, ok bool) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		writeS3Error(w, http.StatusBadRequest, "IncompleteBody", false)
		return
	}
	if r.Header.Get("If-None-Match") == "*" && ok || r.Header.Get("If-Match") != "" && (!ok || r.Header.Get("If-Match") != there.etag) {
		writeS3Error(w, http.StatusPreconditionFailed, "PreconditionFailed", false)
		return
	}
	sum := md5.Sum(data) //nolint:gosec // see above
	a.objects[key] = object{data, `"` + hex.EncodeToString(sum[:]) + `"`, time.Now()}
	w.Header().Set("ETag", a.objects[key].etag)
}

func (a *account) listObjects(w http.ResponseWriter, prefix string) {
	w.Header().Set("Content-Type", "application/xml")
	fmt.Fprint(w, "<ListBucketResult><IsTruncated>false</IsTruncated>")
	for _, key := range slices.Sorted(maps.Keys(a.objects)) {
		if strings.HasPrefix(key, prefix) {
			fmt.Fprintf(w, "<Contents>%s%s<Size>%d</Size></Contents>", xmlElement("Key", key), xmlElement("LastModified", formatTime(a.objects[key].modified)), len(a.objects[key].data))
		}
	}
	fmt.Fprint(w, "</ListBucketResult>")
}

// writeS3Error is an error of S3, which has a body unless only the head was asked for.
func writeS3Error(w http.ResponseWriter, status int, code string, head bool) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if !head {
		fmt.Fprintf(w, "<Error>%s%s</Error>", xmlElement("Code", code), xmlElement("Message", code))
	}
}
