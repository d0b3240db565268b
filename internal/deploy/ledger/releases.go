package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
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

// A Release is a record of what was deployed. Each one names the hash of the one before, so that none can be changed, left out or put in between
// without it being noticed by whoever reads the next one.
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
	// SynthDigest is the digest of the cloud assembly that was deployed, as it was synthesised, and Bundle that of those of all the environment's accounts
	// together. Beside are those of the other environments that were synthesised with it, by environment: what passed here goes there.
	SynthDigest         digest.Synth                  `json:"assembly"`
	EnvironmentDigest   digest.Environment            `json:"bundle"`
	SiblingDigests      map[string]digest.Environment `json:"beside,omitempty"`
	ConfigurationDigest digest.Configuration          `json:"configuration,omitempty"`
	// PlanDigest is the digest of the reviewed plan; empty where none was asked for.
	PlanDigest digest.Plan `json:"plan,omitempty"`
	Approval   *Approval   `json:"approval,omitempty"`
	Stacks     []Stack     `json:"stacks"`
	// OrphanedStacks are the stacks that an earlier release has brought and this one has no more, as far as they are still there.
	OrphanedStacks []Stack `json:"left,omitempty"`
	// AssetKeys are the keys of the published files that the release needs.
	AssetKeys []string `json:"assets,omitempty"`
	// SBOMDigest is the digest of the software bill of materials of the tools that made and deployed it.
	SBOMDigest   string `json:"tools,omitempty"`
	PreviousHash string `json:"previous"`
	Hash         string `json:"hash"`
}

// A Stack is what a release did to a stack.
type Stack struct {
	Name    string `json:"name"`
	ID      string `json:"id"`
	Outcome string `json:"outcome"`
	// TemplateHash is the SHA-256 of its template.
	TemplateHash string `json:"template"`
}

// Summary is what of the release has to be known to see that there is nothing to do.
func (r Release) Summary() ReleaseSummary {
	return ReleaseSummary{Number: r.Number, SynthDigest: r.SynthDigest, SiblingDigests: r.SiblingDigests}
}

const releasesPrefix = "releases/"

func (l *Ledger) releaseKey(number int) string {
	return l.key(fmt.Sprintf("%s%08d.json", releasesPrefix, number))
}

// A TamperedError is a chain of releases that was changed by another hand.
type TamperedError struct {
	// Number is that of the first release that does not fit.
	Number int
	Reason string
}

func (e *TamperedError) Error() string {
	return fmt.Sprintf("release record %d was changed by another hand: %s", e.Number, e.Reason)
}

// AddRelease puts a release at the end of the chain, and returns it with its number and hash.
func (l *Ledger) AddRelease(ctx context.Context, r Release) (Release, error) {
	last, err := l.LatestRelease(ctx)
	if err != nil {
		return r, err
	}
	if last != nil && last.RunID == r.RunID && last.SynthDigest == r.SynthDigest && last.Restores == r.Restores {
		return *last, nil // it was written already, and the answer was lost
	}
	r.Number, r.PreviousHash = 1, ""
	if last != nil {
		r.Number, r.PreviousHash = last.Number+1, last.Hash
	}
	if r.Hash, err = DocumentHash(r, "hash"); err != nil {
		return r, err
	}
	_, err = write(ctx, l.store, l.releaseKey(r.Number), r, Condition{Absent: true})
	return r, err
}

// DocumentHash is the SHA-256, in hexadecimal, over a document without the field that holds it.
func DocumentHash(document any, field string) (string, error) {
	data, err := json.Marshal(document)
	if err != nil {
		return "", err
	}
	return JSONHash(data, field)
}

// JSONHash is HashOf for a document as text. It is over the text's content rather than a type, so that a document with fields that this program does
// not know keeps its hash.
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
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), nil
}

// releaseNumbers are those of the releases that there are, in order.
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

// LatestRelease is the newest release, after seeing that it is whole and follows the one before; nil if there is none.
func (l *Ledger) LatestRelease(ctx context.Context) (*Release, error) {
	some, err := l.LatestReleases(ctx, 1)
	if err != nil || len(some) == 0 {
		return nil, err
	}
	return &some[0], nil
}

// LatestReleases are up to so many of the newest releases, the newest first, after seeing that each is whole and that they follow each other without a gap.
// The error is a *TamperedError where they do not.
func (l *Ledger) LatestReleases(ctx context.Context, most int) ([]Release, error) {
	all, err := l.releaseNumbers(ctx)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	for i, n := range all {
		if n != i+1 {
			return nil, &TamperedError{i + 1, "it is missing"}
		}
	}
	var out []Release
	following := ""
	for n := len(all); n > 0 && len(out) < most+1; n-- {
		r, err := l.readRelease(ctx, n)
		if err != nil {
			return nil, err
		}
		if len(out) > 0 && r.Hash != following {
			return nil, &TamperedError{n, "the record after it names another hash"}
		}
		following = r.PreviousHash
		out = append(out, r)
	}
	if len(out) > most { // one more was read, to see that the last one follows it
		out = out[:most]
	}
	return out, nil
}

// Releases are all releases, the newest first, after seeing that the chain is whole.
func (l *Ledger) Releases(ctx context.Context) ([]Release, error) {
	all, err := l.releaseNumbers(ctx)
	if err != nil {
		return nil, err
	}
	return l.LatestReleases(ctx, len(all))
}

// readRelease reads a record and holds it against its hash.
func (l *Ledger) readRelease(ctx context.Context, number int) (Release, error) {
	var r Release
	object, err := read(ctx, l.store, l.releaseKey(number), &r)
	var damaged *DamagedError
	switch {
	case errors.As(err, &damaged):
		return r, &TamperedError{number, "it is no record"}
	case err != nil:
		return r, err
	}
	hash, err := JSONHash(object.Data, "hash")
	switch {
	case err != nil:
		return r, err
	case hash != r.Hash:
		return r, &TamperedError{number, "its content does not fit its hash"}
	case r.Number != number:
		return r, &TamperedError{number, fmt.Sprintf("it is record %d", r.Number)}
	}
	return r, nil
}

// Release is the release of that number, with every one from it to the newest verified. The error is ErrAbsent when there is none.
func (l *Ledger) Release(ctx context.Context, number int) (Release, error) {
	all, err := l.releaseNumbers(ctx)
	if err != nil {
		return Release{}, err
	}
	if number < 1 || number > len(all) {
		return Release{}, ErrNotFound
	}
	some, err := l.LatestReleases(ctx, len(all)-number+1)
	if err != nil {
		return Release{}, err
	}
	return some[len(some)-1], nil
}
