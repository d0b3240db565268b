package staging

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lockstep/internal/deploy/digest"
	"lockstep/internal/deploy/ledger"
)

// Garbage is an object that nothing needs any more.
type Garbage struct {
	Key string `json:"key"`
	// Size is in bytes.
	Size int64 `json:"size"`
	// Release is the newest one that needed it.
	Release int `json:"release"`
}

// AssemblyBlobName returns the name under which the ledger keeps a cloud assembly.
func AssemblyBlobName(synth digest.Synth) string { return "assembly-" + string(synth) + ".zip" }

// ToolsBlobName returns the name under which the ledger keeps a bill of materials of the tools.
func ToolsBlobName(sbom string) string { return "tools-" + sbom + ".json" }

// OldKeys returns the keys of the objects that only releases older than the newest keep ones needed, each with the
// newest of those releases. The releases come newest first. Objects that no release needed are not ours, so they are
// not among them.
func OldKeys(l *ledger.Ledger, releases []ledger.Release, keep int) map[string]int {
	if len(releases) <= keep {
		return nil
	}
	needed := map[string]bool{}
	for _, r := range releases[:keep] {
		for _, key := range releaseKeys(l, r) {
			needed[key] = true
		}
	}
	old := map[string]int{}
	for _, r := range releases[keep:] {
		for _, key := range releaseKeys(l, r) {
			if _, known := old[key]; !known && !needed[key] {
				old[key] = r.Number
			}
		}
	}
	return old
}

// releaseKeys returns the keys of the objects that a release needs.
func releaseKeys(l *ledger.Ledger, r ledger.Release) []string {
	keys := append(slices.Clone(r.AssetKeys), l.BlobKey(AssemblyBlobName(r.SynthDigest)))
	if r.SBOMDigest != "" {
		keys = append(keys, l.BlobKey(ToolsBlobName(r.SBOMDigest)))
	}
	return keys
}

// FindGarbage returns the objects of the bucket that are among the old keys and that no template mentions, by the hash
// in their names.
func (b *Bucket) FindGarbage(ctx context.Context, old map[string]int, templates []string) ([]Garbage, error) {
	var out []Garbage
	pages := s3.NewListObjectsV2Paginator(b.api, &s3.ListObjectsV2Input{Bucket: &b.name, ExpectedBucketOwner: &b.owner})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, b.wrapMissing(err)
		}
		for _, object := range page.Contents {
			key := aws.ToString(object.Key)
			if number, isOld := old[key]; isOld && !isMentioned(key, templates) {
				out = append(out, Garbage{Key: key, Size: aws.ToInt64(object.Size), Release: number})
			}
		}
	}
	return out, nil
}

// isMentioned reports whether a template has the hash in the name of an object.
func isMentioned(key string, templates []string) bool {
	hash, _, _ := strings.Cut(key[strings.LastIndex(key, "/")+1:], ".")
	return slices.ContainsFunc(templates, func(template string) bool { return strings.Contains(template, hash) })
}
