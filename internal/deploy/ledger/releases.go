package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockstep/internal/deploy/digest"
)

// A Release is the record of a deployment. Each record holds the hash of the one before, so that whoever reads the
// chain notices a record that was changed, deleted or inserted.
type Release struct {
	Number int `json:"number"`
	// Restores is the number of the release that a rollback went back to; 0 for any other release.
	Restores    int    `json:"restores,omitempty"`
	Project     string `json:"project"`
	Environment string `json:"environment"`
	Account     string `json:"account"`
	Region      string `json:"region"`
	// Mode is rehearsal or live.
	Mode      string    `json:"mode"`
	At        time.Time `json:"at"`
	CallerARN string    `json:"by"`
	RunID     string    `json:"run"`
	Commit    string    `json:"commit,omitempty"`

	SynthDigest       digest.Synth       `json:"assembly"`
	EnvironmentDigest digest.Environment `json:"bundle"`
	// SiblingDigests are those of the later environments that were synthesised together with this one, by environment.
	// Only an assembly with such a digest is promoted there.
	SiblingDigests      map[string]digest.Environment `json:"beside,omitempty"`
	ConfigurationDigest digest.Configuration          `json:"configuration,omitempty"`
	// PlanDigest is the digest of the reviewed plan that was applied; empty for none.
	PlanDigest digest.Plan `json:"plan,omitempty"`
	// Approval is the approval of that plan; nil for none.
	Approval *Approval `json:"approval,omitempty"`
	Stacks   []Stack   `json:"stacks"`
	// OrphanedStacks are the stacks of earlier releases that the assembly no longer has and that still exist.
	OrphanedStacks []Stack `json:"left,omitempty"`
	// AssetKeys are the keys of the published files that the release needs.
	AssetKeys []string `json:"assets,omitempty"`
	// SBOMDigest is the SHA-256, in hexadecimal, of the software bill of materials of the tools; empty for none.
	SBOMDigest string `json:"tools,omitempty"`
	// PreviousHash is the Hash of the release before; empty for the first one.
	PreviousHash string `json:"previous"`
	// Hash is the DocumentHash of the record.
	Hash string `json:"hash"`
}

// A Stack is what a release did to one stack.
type Stack struct {
	Name    string `json:"name"`
	ID      string `json:"id"`
	Outcome string `json:"outcome"`
	// TemplateHash is the SHA-256, in hexadecimal, of its template's text.
	TemplateHash string `json:"template"`
	// MatchDigest is the digest of the comparison with which the stack was found to match, if that is so only because
	// CloudFormation does not count its differences as a change; empty otherwise.
	MatchDigest string `json:"match,omitempty"`
}

// Summary returns the release's summary.
func (r Release) Summary() ReleaseSummary {
	return ReleaseSummary{Number: r.Number, SynthDigest: r.SynthDigest, SiblingDigests: r.SiblingDigests}
}

const releasesPrefix = "releases/"

func (l *Ledger) releaseKey(number int) string {
	return l.key(fmt.Sprintf("%s%08d.json", releasesPrefix, number))
}

// A TamperedError says that the chain of releases was changed outside Lockstep.
type TamperedError struct {
	// Number is the number of the release that does not match the chain.
	Number int
	Reason string
}

func (e *TamperedError) Error() string {
	return fmt.Sprintf("release record %d was changed outside Lockstep: %s", e.Number, e.Reason)
}

// AddRelease appends a release to the chain, and returns it with its number and hashes.
func (l *Ledger) AddRelease(ctx context.Context, r Release) (Release, error) {
	last, err := l.LatestRelease(ctx)
	if err != nil {
		return r, err
	}
	if last != nil && last.RunID == r.RunID && last.SynthDigest == r.SynthDigest && last.Restores == r.Restores {
		return *last, nil // it was written, and the answer was lost
	}
	r.Number = 1
	r.PreviousHash = ""
	if last != nil {
		r.Number = last.Number + 1
		r.PreviousHash = last.Hash
	}
	if r.Hash, err = DocumentHash(r, "hash"); err != nil {
		return r, err
	}
	_, err = write(ctx, l.store, l.releaseKey(r.Number), r, Condition{Absent: true})
	return r, err
}

// DocumentHash returns the SHA-256, in hexadecimal, of a document's JSON without the field that holds the hash.
func DocumentHash(document any, field string) (string, error) {
	data, err := json.Marshal(document)
	if err != nil {
		return "", err
	}
	return JSONHash(data, field)
}

// JSONHash returns the DocumentHash of a document that was read as text. It does not depend on a Go type, so a document
// with fields that this program does not know keeps its hash.
func JSONHash(data []byte, field string) (string, error) {
	var document map[string]any
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&document); err != nil {
		return "", err
	}
	delete(document, field)
	canonical, err := json.Marshal(document) // sorts the keys
	if err != nil {
		return "", err
	}
	return SHA256Hex(canonical), nil
}

// releaseNumbers returns the numbers of all releases, in ascending order.
func (l *Ledger) releaseNumbers(ctx context.Context) ([]int, error) {
	keys, err := l.store.List(ctx, l.key(releasesPrefix))
	if err != nil {
		return nil, err
	}
	var out []int
	for _, key := range keys {
		if n, err := strconv.Atoi(strings.TrimSuffix(path.Base(key), ".json")); err == nil {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

// LatestRelease returns the newest release, or nil if there is none. The error is a *TamperedError if its content does
// not match its hash, or it does not follow the one before.
func (l *Ledger) LatestRelease(ctx context.Context) (*Release, error) {
	releases, err := l.LatestReleases(ctx, 1)
	if err != nil || len(releases) == 0 {
		return nil, err
	}
	return &releases[0], nil
}

// LatestReleases returns at most limit of the newest releases, the newest first. The error is a *TamperedError if the
// content of one does not match its hash, or they do not follow each other without a gap.
func (l *Ledger) LatestReleases(ctx context.Context, limit int) ([]Release, error) {
	numbers, err := l.releaseNumbers(ctx)
	if err != nil || len(numbers) == 0 {
		return nil, err
	}
	for i, n := range numbers {
		if n != i+1 {
			return nil, &TamperedError{i + 1, "it is missing"}
		}
	}
	var out []Release
	wantHash := ""
	for n := len(numbers); n > 0 && len(out) < limit+1; n-- {
		r, err := l.readRelease(ctx, n)
		if err != nil {
			return nil, err
		}
		if len(out) > 0 && r.Hash != wantHash {
			return nil, &TamperedError{n, "the record after it holds another hash"}
		}
		wantHash = r.PreviousHash
		out = append(out, r)
	}
	if len(out) > limit { // one more was read, to check that the last one follows it
		out = out[:limit]
	}
	return out, nil
}

// Releases returns all releases, as LatestReleases does.
func (l *Ledger) Releases(ctx context.Context) ([]Release, error) {
	numbers, err := l.releaseNumbers(ctx)
	if err != nil {
		return nil, err
	}
	return l.LatestReleases(ctx, len(numbers))
}

// readRelease reads a record. The error is a *TamperedError if its content does not match its hash or number.
func (l *Ledger) readRelease(ctx context.Context, number int) (Release, error) {
	var r Release
	object, err := read(ctx, l.store, l.releaseKey(number), &r)
	var damaged *DamagedError
	switch {
	case errors.As(err, &damaged):
		return r, &TamperedError{number, "it is not a record"}
	case err != nil:
		return r, err
	}
	hash, err := JSONHash(object.Data, "hash")
	switch {
	case err != nil:
		return r, err
	case hash != r.Hash:
		return r, &TamperedError{number, "its content does not match its hash"}
	case r.Number != number:
		return r, &TamperedError{number, fmt.Sprintf("it is record %d", r.Number)}
	}
	return r, nil
}

// Release returns the release of a number, after checking the chain from the newest one to it. The error is ErrNotFound
// if there is none.
func (l *Ledger) Release(ctx context.Context, number int) (Release, error) {
	numbers, err := l.releaseNumbers(ctx)
	if err != nil {
		return Release{}, err
	}
	if number < 1 || number > len(numbers) {
		return Release{}, ErrNotFound
	}
	releases, err := l.LatestReleases(ctx, len(numbers)-number+1)
	if err != nil {
		return Release{}, err
	}
	return releases[len(releases)-1], nil
}
