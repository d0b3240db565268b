package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"lockstep/internal/deploy/digest"
)

// A Release is the record of a deployment. Each record holds the hash of the one before, so that whoever reads the
// chain notices a record that was changed, deleted or inserted.
type Release struct {
	// Version is the version of the record's format: ReleaseVersion in records that this program writes, and 0 in those
	// from before there were versions.
	Version int `json:"version,omitempty"`
	Number  int `json:"number"`
	// Restores is the number of the release that a rollback went back to; 0 for any other release. It is never itself the
	// record of a rollback, unless Version is 0.
	Restores int `json:"restores,omitempty"`
	// Withdraws is the number of the release that a rollback went back from: no later rollback goes back to it unless it
	// is named. It is 0 for any other release, and for a rollback to a newer release.
	Withdraws int `json:"withdraws,omitempty"`
	// Note says why the rollback was made, in the words of whoever made it; empty for none.
	Note        string `json:"note,omitempty"`
	Project     string `json:"project"`
	Environment string `json:"environment"`
	Account     string `json:"account"`
	Region      string `json:"region"`
	// Mode is rehearsal or live.
	Mode string `json:"mode"`
	// Endpoint is the endpoint that took the place of AWS in a live run; empty for AWS itself.
	Endpoint  string    `json:"endpoint,omitempty"`
	At        time.Time `json:"at"`
	CallerARN string    `json:"by"`
	RunID     string    `json:"run"`
	Commit    string    `json:"commit,omitempty"`
	// Committed is when the commit was made; zero if that is not known, and if the files were not those of the commit.
	Committed time.Time `json:"committed,omitzero"`
	// FailedRuns are the runs that failed since the release before, in the order of their ends.
	FailedRuns []FailedRun `json:"failed,omitempty"`

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
	// ArchiveHash is the SHA-256, in hexadecimal, of the archive in which the cloud assembly is kept; empty in records of
	// older versions of this program, and where none is kept.
	ArchiveHash string `json:"archive,omitempty"`
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

// ReleaseVersion is the version of the format of the records that this program writes. Version 2 added Withdraws, and
// version 3 added Committed and FailedRuns.
const ReleaseVersion = 3

// The first versions of the format whose records say something that earlier ones do not.
const (
	versionOfWithdraws  = 2
	versionOfFailedRuns = 3
)

// ListsFailedRuns reports whether the record would say that runs failed before it.
func (r Release) ListsFailedRuns() bool { return r.Version >= versionOfFailedRuns }

// A FailedRun is a run that began to change stacks and failed. A run that was refused is none, nor is one that was cut
// off and continued by another one.
type FailedRun struct {
	RunID       string       `json:"run"`
	Commit      string       `json:"commit,omitempty"`
	SynthDigest digest.Synth `json:"assembly"`
	// Restores is the number of the release that the run was to restore; 0 if it was no rollback.
	Restores int       `json:"restores,omitempty"`
	Started  time.Time `json:"started"`
	Ended    time.Time `json:"ended"`
}

const releasesPrefix = "releases/"

func (l *Ledger) releaseKey(number int) string {
	return l.key(fmt.Sprintf("%s%08d.json", releasesPrefix, number))
}

// A TamperedError says that the chain of releases was changed outside Lockstep.
type TamperedError struct {
	// Number is the number of the release that does not match the chain.
	Number int
	// Reason says how it does not match; empty if the record is missing.
	Reason string
}

func (e *TamperedError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("release record %d is missing: it was deleted outside Lockstep", e.Number)
	}
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
	r.Version = ReleaseVersion
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

// releaseNumbers returns the numbers of all releases: 1, 2 and so on. The error is a *TamperedError if one of them is
// missing, also if it is the newest: the journal has its number.
func (l *Ledger) releaseNumbers(ctx context.Context) ([]int, error) {
	// The journal is read first. A record is written before the journal has its number, so a release that another run
	// adds meanwhile is never taken for a missing one.
	journal, err := l.Journal(ctx)
	var damaged *DamagedError
	if err != nil && !errors.As(err, &damaged) {
		return nil, err
	}
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
	for i, n := range out {
		if n != i+1 {
			return nil, &TamperedError{Number: i + 1}
		}
	}
	if len(out) < journal.LatestRelease.Number {
		return nil, &TamperedError{Number: len(out) + 1}
	}
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
	limit = max(0, limit)
	first := max(1, len(numbers)-limit) // one more is read, to check that the last one follows it
	out := make([]Release, len(numbers)-first+1)
	errs := make([]error, len(out))
	var group errgroup.Group
	group.SetLimit(maxConcurrentReads)
	for i := range out {
		group.Go(func() error {
			out[i], errs[i] = l.readRelease(ctx, len(numbers)-i)
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	for i, r := range out[1:] {
		if r.Hash != out[i].PreviousHash {
			return nil, &TamperedError{r.Number, "the record after it holds another hash"}
		}
	}
	return out[:min(limit, len(out))], nil
}

// maxConcurrentReads is how many records are read at the same time.
const maxConcurrentReads = 16

// Releases returns all releases, as LatestReleases does.
func (l *Ledger) Releases(ctx context.Context) ([]Release, error) {
	return l.LatestReleases(ctx, math.MaxInt)
}

// readRelease reads a record. The error is a *TamperedError if its content does not match its hash or number.
func (l *Ledger) readRelease(ctx context.Context, number int) (Release, error) {
	var r Release
	object, err := read(ctx, l.store, l.releaseKey(number), &r)
	var damaged *DamagedError
	switch {
	case errors.Is(err, ErrNotFound):
		return r, &TamperedError{Number: number}
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
	case r.Version > ReleaseVersion:
		return r, fmt.Errorf("release record %d has version %d, and this version of Lockstep reads versions up to %d: "+
			"use a newer Lockstep", number, r.Version, ReleaseVersion)
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

// CheckNewest returns a *TamperedError unless the record of the release that the journal names as the newest is there
// and unaltered.
func (l *Ledger) CheckNewest(ctx context.Context, j Journal) error {
	if j.LatestRelease.Number == 0 {
		return nil
	}
	_, err := l.readRelease(ctx, j.LatestRelease.Number)
	return err
}
