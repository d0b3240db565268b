package staging

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lockstep/internal/deploy/digest"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
	"lockstep/internal/utc"
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

// blobPattern matches the names that AssemblyBlobName, FileBlobName and ToolsBlobName return.
var blobPattern = regexp.MustCompile(`^(assembly-[0-9a-f]{64}\.zip|tools-[0-9a-f]{64}\.json|file-[0-9a-f]{64})$`)

// OldKeys returns the keys of the objects that only releases older than the newest keep ones needed, each with the
// newest of those releases, and that are not among the needed keys. The releases come newest first. Objects that no
// release needed are not ours, so they are not among them, nor are files whose key is not a hash.
func OldKeys(l *ledger.Ledger, releases []ledger.Release, keep int, needed map[string]bool) map[string]int {
	old := map[string]int{}
	for _, r := range releases[min(keep, len(releases)):] {
		for _, key := range ReleaseKeys(l, r) {
			if _, known := old[key]; !known && !needed[key] && isGarbageKey(l, key) {
				old[key] = r.Number
			}
		}
	}
	return old
}

// isGarbageKey reports whether an object of that key may be deleted: one that is named by the hash of its content, or a
// blob of the ledger.
func isGarbageKey(l *ledger.Ledger, key string) bool {
	blob, isBlob := strings.CutPrefix(key, l.BlobKey(""))
	return IsAssetKey(key) || isBlob && blobPattern.MatchString(blob)
}

// NeededKeys returns the keys of the objects that are needed by the newest keep releases, by the plans that may still
// be applied, and by the run that is at work or was cut off.
func NeededKeys(ctx context.Context, l *ledger.Ledger, keep int) (map[string]bool, error) {
	releases, err := l.LatestReleases(ctx, keep)
	if err != nil {
		return nil, err
	}
	plans, err := l.OpenPlans(ctx)
	if err != nil {
		return nil, err
	}
	journal, err := l.Journal(ctx)
	var damaged *ledger.DamagedError
	if err != nil && !errors.As(err, &damaged) {
		return nil, err
	}
	needed := map[string]bool{}
	for _, r := range releases {
		addKeys(needed, ReleaseKeys(l, r)...)
	}
	for _, p := range plans {
		if p.SynthDigest == "" {
			return nil, refusal.Newf(fault.PlanDamaged, nil,
				"the plan %.12s of %s was written by an older Lockstep and does not say what it "+
					"needs: apply it, drop it, or wait until it expires at %s, then run this again",
				p.Digest, l.Name(), utc.Format(p.Expires))
		}
		addKeys(needed, p.AssetKeys...)
		addKeys(needed, l.BlobKey(AssemblyBlobName(p.SynthDigest)))
	}
	if journal.IsInterrupted() {
		addKeys(needed, journal.AssetKeys...)
		addKeys(needed, l.BlobKey(AssemblyBlobName(journal.SynthDigest)))
	}
	return needed, nil
}

func addKeys(set map[string]bool, keys ...string) {
	for _, key := range keys {
		set[key] = true
	}
}

// ReleaseKeys returns the keys of the objects that a release needs.
func ReleaseKeys(l *ledger.Ledger, r ledger.Release) []string {
	keys := append(slices.Clone(r.AssetKeys), l.BlobKey(AssemblyBlobName(r.SynthDigest)))
	for _, file := range r.Files {
		keys = append(keys, l.BlobKey(FileBlobName(file)))
	}
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
