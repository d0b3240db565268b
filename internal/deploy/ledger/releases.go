package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"lockstep/internal/attest"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/fault"
	"lockstep/internal/jsonx"
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
	// Token is the fencing token of the lock under which the record was written. It never decreases along the chain.
	// It is 0 in records of older versions of this program.
	Token  int64  `json:"token,omitempty"`
	Commit string `json:"commit,omitempty"`
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
	// Health is what was wrong with the stacks when they had been deployed, a line for each: alarms that fired, or that
	// could not be read. It is empty for a release that was well.
	Health []string `json:"health,omitempty"`
	// AssetKeys are the keys of the published files that the release needs.
	AssetKeys []string `json:"assets,omitempty"`
	// Images are the container images that the release needs, each with the digest that the repository had.
	Images []Image `json:"images,omitempty"`
	// ArchiveHash is the SHA-256, in hexadecimal, of the archive in which the cloud assembly is kept; empty in records of
	// older versions of this program, and where none is kept.
	ArchiveHash string `json:"archive,omitempty"`
	// Files are the SHA-256, in hexadecimal, of the large files of the cloud assembly, which are kept beside the archive.
	Files []string `json:"files,omitempty"`
	// SBOMDigest is the SHA-256, in hexadecimal, of the software bill of materials of the tools; empty for none.
	SBOMDigest string `json:"tools,omitempty"`
	// PreviousHash is the Hash of the release before; empty for the first one.
	PreviousHash string `json:"previous"`
	// Hash is the SHA-256, in hexadecimal, of the record's own bytes with an empty hash. Before version 4 it was that of
	// the record's JSON in another form.
	Hash string `json:"hash"`

	// signature says who has signed the record. It is kept besides it.
	signature Signature
}

// SigningKeyID returns the id of the key that has signed the record; empty if nobody has whose signature counts.
func (r Release) SigningKeyID() string { return r.signature.KeyID }

// predicate returns what the signature of the record says.
func (r Release) predicate() attest.Release {
	digests := map[string]string{
		"assembly": string(r.SynthDigest), "environment": string(r.EnvironmentDigest),
		"configuration": string(r.ConfigurationDigest), "plan": string(r.PlanDigest), "archive": r.ArchiveHash,
		"tools": r.SBOMDigest,
	}
	maps.DeleteFunc(digests, func(_, digest string) bool { return digest == "" })
	return attest.Release{
		Scope: attest.Scope{
			Project: r.Project, Environment: r.Environment, Account: r.Account, Region: r.Region,
		},
		Number: r.Number, Previous: r.PreviousHash, Mode: r.Mode, Run: r.RunID, By: r.CallerARN, At: r.At,
		Commit: r.Commit, Digests: digests,
	}
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

// An Image is a container image in a repository of the account.
type Image struct {
	Repository string `json:"repository"`
	Tag        string `json:"tag"`
	// Digest is that of the image's manifest, as sha256:HEX.
	Digest string `json:"digest"`
}

// Summary returns the release's summary.
func (r Release) Summary() ReleaseSummary {
	return ReleaseSummary{Number: r.Number, SynthDigest: r.SynthDigest, SiblingDigests: r.SiblingDigests}
}

// ReleaseVersion is the version of the format of the records that this program writes. Version 2 added Withdraws, and
// version 3 added Committed and FailedRuns, and version 4 Token and a hash of the record's own bytes.
const ReleaseVersion = 4

// The first versions of the format whose records say something that earlier ones do not.
const (
	versionOfWithdraws  = 2
	versionOfFailedRuns = 3
	versionOfBytesHash  = 4
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
		return fmt.Sprintf("release record %d is missing: it was deleted outside Lockstep, or the bootstrap has another "+
			"qualifier than before, and so another bucket", e.Number)
	}
	return fmt.Sprintf("release record %d was changed outside Lockstep: %s", e.Number, e.Reason)
}

// Code returns the code of the error.
func (e *TamperedError) Code() fault.Code { return fault.RecordTampered }

// AddRelease appends a release to the chain, signed, and returns it with its number and hashes. It makes it known
// besides the account. The error is a *LockLostError if the newest record was written with a newer lock.
func (l *Ledger) AddRelease(ctx context.Context, r Release) (Release, error) {
	last, err := l.LatestRelease(ctx)
	if err != nil {
		return r, err
	}
	if last != nil && last.RunID == r.RunID && last.SynthDigest == r.SynthDigest && last.Restores == r.Restores {
		return *last, l.RaiseHead(ctx, *last) // it was written, and the answer was lost
	}
	if last != nil && r.Token < last.Token {
		return r, &LockLostError{fmt.Sprintf("release %d was recorded with a newer lock", last.Number)}
	}
	r.Version = ReleaseVersion
	r.Hash = ""
	r.Project, r.Environment, r.Account, r.Region = l.scope.Project, l.scope.Environment, l.scope.Account, l.scope.Region
	r.Number = 1
	r.PreviousHash = ""
	if last != nil {
		r.Number = last.Number + 1
		r.PreviousHash = last.Hash
	}
	if r.Hash, err = DocumentHash(r); err != nil {
		return r, err
	}
	if r.signature, err = l.writeRelease(ctx, r); err != nil {
		return r, err
	}
	return r, l.RaiseHead(ctx, r)
}

// writeRelease signs and writes a record.
func (l *Ledger) writeRelease(ctx context.Context, r Release) (Signature, error) {
	key := l.releaseKey(r.Number)
	data, err := l.writeSigned(ctx, signedDocument{
		key: key, content: r, trust: l.signing.Releases, predicateType: attest.ReleaseType, predicate: r.predicate(),
	}, Condition{Absent: true})
	if err != nil {
		return Signature{}, err
	}
	signature, err := l.verify(ctx, l.signing.Releases, key, data, attest.ReleaseType)
	if errors.Is(err, errNoSignature) {
		return signature, nil
	}
	return signature, err
}

// DocumentHash returns the SHA-256, in hexadecimal, of a document's text as it is written. The field for the hash must
// be empty.
func DocumentHash(document any) (string, error) {
	data, err := Format(document)
	return SHA256Hex(data), err
}

// Format returns the text of a document, as it is written and hashed.
func Format(document any) ([]byte, error) { return json.MarshalIndent(document, "", "  ") }

// CheckHash compares the hash that a document has under a name with its DocumentHash. The name must be there once.
func CheckHash(data []byte, name string) (matches bool, err error) {
	rest, hash, err := jsonx.CutText(data, name)
	return SHA256Hex(rest) == hash, err
}

// canonicalHash returns the hash that records had before version 4: that of the record without its hash, in the form in
// which Go writes JSON objects with sorted keys.
func canonicalHash(data []byte) (string, error) {
	var document map[string]any
	if err := jsonx.UnmarshalForeign(data, &document); err != nil {
		return "", err
	}
	delete(document, "hash")
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
	// The head is read first, for the reason for which the journal is.
	head, err := l.head(ctx)
	if err != nil {
		return nil, err
	}
	numbers, err := l.releaseNumbers(ctx)
	if err != nil {
		return nil, err
	}
	out, err := l.readNewest(ctx, numbers, max(0, limit))
	if err != nil {
		return nil, err
	}
	return out[:min(max(0, limit), len(out))], l.checkHead(ctx, head, out)
}

// readNewest reads so many of the newest releases, and one more, to check that the last one follows it.
func (l *Ledger) readNewest(ctx context.Context, numbers []int, limit int) ([]Release, error) {
	if len(numbers) == 0 {
		return nil, nil
	}
	first := max(1, len(numbers)-limit)
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
		switch {
		case r.Hash != out[i].PreviousHash:
			return nil, &TamperedError{r.Number, "the record after it holds another hash"}
		case r.Token > out[i].Token:
			return nil, &TamperedError{out[i].Number, "it was written with an older lock than the record before it"}
		}
		if r.SigningKeyID() != "" && out[i].SigningKeyID() == "" {
			return nil, &TamperedError{out[i].Number, errNoSignature.Error()}
		}
	}
	return out, nil
}

// maxConcurrentReads is how many records are read at the same time.
const maxConcurrentReads = 16

// Releases returns all releases, as LatestReleases does.
func (l *Ledger) Releases(ctx context.Context) ([]Release, error) {
	return l.LatestReleases(ctx, math.MaxInt)
}

// readRelease reads a record. The error is a *TamperedError if its content does not match its hash or number, if it is
// one of another environment or account, or if nobody has signed it whose signature counts.
func (l *Ledger) readRelease(ctx context.Context, number int) (Release, error) {
	object, err := l.store.Get(ctx, l.releaseKey(number))
	switch {
	case errors.Is(err, ErrNotFound):
		return Release{}, &TamperedError{Number: number}
	case err != nil:
		return Release{}, err
	}
	r, err := parseRelease(object.Data, number)
	switch {
	case err != nil:
		return r, err
	case r.predicate().Scope != l.scope:
		return r, &TamperedError{number, fmt.Sprintf("it is one of %s", r.predicate().Scope)}
	}
	r.signature, err = l.verifyRelease(ctx, number, object.Data)
	return r, err
}

// parseRelease parses the text of a record. The version comes first: a newer one may have names that are not known.
func parseRelease(data []byte, number int) (Release, error) {
	var r Release
	var format struct {
		Version int `json:"version"`
	}
	if err := jsonx.UnmarshalForeign(data, &format); err != nil {
		return r, &TamperedError{number, "it is not a record: " + err.Error()}
	}
	if format.Version > ReleaseVersion {
		return r, fault.Errorf(fault.RecordNewer,
			"release record %d has version %d, and this version of Lockstep reads versions up to %d: "+
				"use a newer Lockstep", number, format.Version, ReleaseVersion)
	}
	if err := jsonx.Unmarshal(data, &r); err != nil {
		return r, &TamperedError{number, "it is not a record: " + err.Error()}
	}
	matches, err := r.matchesHash(data)
	switch {
	case err != nil:
		return r, err
	case !matches:
		return r, &TamperedError{number, "its content does not match its hash"}
	case r.Number != number:
		return r, &TamperedError{number, fmt.Sprintf("it is record %d", r.Number)}
	}
	return r, nil
}

// verifyRelease returns who has signed a record. The error is a *TamperedError if nobody has and somebody should have.
func (l *Ledger) verifyRelease(ctx context.Context, number int, data []byte) (Signature, error) {
	trust := l.signing.Releases
	signature, err := l.verify(ctx, trust, l.releaseKey(number), data, attest.ReleaseType)
	var unsigned *UnsignedError
	switch {
	case errors.As(err, &unsigned):
		return signature, &TamperedError{number, unsigned.Reason}
	case !errors.Is(err, errNoSignature):
		return signature, err
	case len(trust.Keys) > 0 && l.signing.From > 0 && number >= l.signing.From:
		return signature, &TamperedError{number, err.Error()}
	}
	return signature, nil
}

// matchesHash reports whether the hash of the record is that of the text that it was read from.
func (r Release) matchesHash(data []byte) (bool, error) {
	if r.Version >= versionOfBytesHash {
		return CheckHash(data, "hash")
	}
	hash, err := canonicalHash(data)
	return hash == r.Hash, err
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

// CheckNewest returns a *TamperedError unless the record of the release that the journal names as the newest is there,
// unaltered, and known besides the account.
func (l *Ledger) CheckNewest(ctx context.Context, j Journal) error {
	if j.LatestRelease.Number == 0 {
		return nil
	}
	newest, err := l.readRelease(ctx, j.LatestRelease.Number)
	if err != nil || l.signing.Heads == nil {
		return err
	}
	head, err := l.head(ctx)
	if err == nil && head.Number == 0 {
		err = &HeadMissingError{l.scope, newest.Number}
	}
	if err != nil {
		return err
	}
	return l.checkHead(ctx, head, []Release{newest})
}
