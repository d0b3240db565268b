package attest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"lockstep/internal/fault"
)

// EnvelopeSuffix ends the name of the envelope about a file: NAME.dsse.json is about NAME.json and NAME.zip.
const EnvelopeSuffix = ".dsse.json"

// EnvelopeName returns the name of the envelope about a file.
func EnvelopeName(file string) string {
	return strings.TrimSuffix(file, filepath.Ext(file)) + EnvelopeSuffix
}

// RelatedFiles returns the names of what belongs to a file: its envelope, or the files that an envelope may be about.
func RelatedFiles(file string) []string {
	if name, ok := strings.CutSuffix(file, EnvelopeSuffix); ok {
		return []string{name + ".json", name + ".zip"}
	}
	return []string{EnvelopeName(file)}
}

// A File is a file with what it holds.
type File struct {
	Name string
	Data []byte
}

// isEnvelope reports whether a file is meant to be an envelope.
func (f File) isEnvelope() bool { return strings.HasSuffix(f.Name, EnvelopeSuffix) }

// A Finding says who has signed an envelope, and what it is about.
type Finding struct {
	// Envelope is the name of the envelope, and Files are those of the files that it is about.
	Envelope string   `json:"envelope"`
	Files    []string `json:"files"`
	Verified
}

// VerifyFiles verifies envelopes and the files that they are about. Only the second keys count for plans, and only the
// first for anything else. The errors name every envelope that no such key has signed, every file that no envelope is
// about as it is, and every envelope without a file.
func VerifyFiles(ctx context.Context, releases, plans Keys, files []File) ([]Finding, error) {
	var findings []Finding
	var errs []error
	signed := map[string]bool{} // by digest
	for _, f := range files {
		if !f.isEnvelope() {
			continue
		}
		finding, err := verifyFile(ctx, releases, plans, f)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.Name, err))
			continue
		}
		for _, subject := range finding.Subjects {
			signed[subject.Digest] = true
		}
		findings = append(findings, finding)
	}
	for _, f := range files {
		digest := Digest(f.Data)
		switch {
		case f.isEnvelope():
		case !signed[digest]:
			errs = append(errs, fault.Errorf(fault.RecordUnsigned, "%s: no envelope here is about it as it is", f.Name))
		default:
			for i := range findings {
				if findings[i].IsAbout(digest) {
					findings[i].Files = append(findings[i].Files, f.Name)
				}
			}
		}
	}
	for _, finding := range findings {
		if len(finding.Files) == 0 {
			errs = append(errs, fault.Errorf(fault.RecordUnsigned,
				"%s: the file that it is about, %s, is not here or was changed",
				finding.Envelope, finding.Subjects[0].Name))
		}
	}
	return findings, errors.Join(errs...)
}

// verifyFile returns who has signed an envelope.
func verifyFile(ctx context.Context, releases, plans Keys, f File) (Finding, error) {
	verified, err := Verify(ctx, releases.Join(plans), f.Data)
	if err != nil {
		return Finding{}, err
	}
	counting := releases
	if verified.Type == PlanType {
		counting = plans
	}
	if !slices.Contains(counting.IDs(), verified.KeyID) {
		return Finding{}, fault.Errorf(fault.RecordUnsigned, "the signature of key %.12s does not count for %s",
			verified.KeyID, verified.Type)
	}
	return Finding{Envelope: f.Name, Verified: verified}, nil
}
