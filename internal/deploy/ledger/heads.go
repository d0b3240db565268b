package ledger

import (
	"context"
	"errors"
	"fmt"

	"lockstep/internal/attest"
	"lockstep/internal/fault"
)

// A Head is what is known besides the account of its newest release, so that one that was cut off is missed.
type Head struct {
	Number int `json:"number"`
	// FileDigest is the SHA-256 of the record as it is kept, in hexadecimal.
	FileDigest string `json:"record"`
	// IsSigned says that the record is signed: from then on all are.
	IsSigned bool `json:"signed,omitempty"`
}

// A HeadStore keeps heads outside of the accounts that they are of. Head returns ErrNotFound if there is none.
type HeadStore interface {
	Head(ctx context.Context, scope attest.Scope) (Head, error)
	SetHead(ctx context.Context, scope attest.Scope, h Head) error
}

// A HeadMissingError says that the newest release of an account is known nowhere else.
type HeadMissingError struct {
	Scope  attest.Scope
	Number int
}

func (e *HeadMissingError) Error() string {
	return fmt.Sprintf("the tooling account does not know that %d is the newest release of %s, "+
		"so nobody can tell whether "+
		"later ones were deleted: `lockstep deploy --env %s` writes it down, if that is the newest one", e.Number,
		e.Scope.Environment, e.Scope.Environment)
}

// Code returns the code of the error.
func (e *HeadMissingError) Code() fault.Code { return fault.HeadMissing }

// head returns the head, which is zero if there is none.
func (l *Ledger) head(ctx context.Context) (Head, error) {
	if l.signing.Heads == nil {
		return Head{}, nil
	}
	h, err := l.signing.Heads.Head(ctx, l.scope)
	if errors.Is(err, ErrNotFound) {
		return Head{}, nil
	}
	if err != nil {
		return h, fmt.Errorf("the newest release of %s that the tooling account knows cannot be read, so nobody can tell "+
			"whether later ones were deleted: %w", l.scope.Environment, err)
	}
	return h, nil
}

// checkHead returns a *TamperedError if the newest releases, which come newest first, are not those that the head
// knows.
func (l *Ledger) checkHead(ctx context.Context, h Head, releases []Release) error {
	newest := 0
	if len(releases) > 0 {
		newest = releases[0].Number
	}
	if h.Number == 0 {
		return nil
	}
	if newest < h.Number {
		return &TamperedError{Number: h.Number}
	}
	known := Release{}
	for _, r := range releases {
		if r.Number == h.Number {
			known = r
		}
	}
	if known.Number == 0 { // a run that was cut off before it wrote the head has added more than were read
		var err error
		if known, err = l.readRelease(ctx, h.Number); err != nil {
			return err
		}
	}
	if known.signature.FileDigest != h.FileDigest {
		return &TamperedError{h.Number, "it is not the record that the tooling account knows"}
	}
	if h.IsSigned {
		for _, r := range releases {
			if r.Number >= h.Number && r.signature.KeyID == "" {
				return &TamperedError{r.Number, errNoSignature.Error()}
			}
		}
	}
	return nil
}

// CheckHead returns a *HeadMissingError if a release is signed, and not known besides the account.
func (l *Ledger) CheckHead(ctx context.Context, newest *Release) error {
	if l.signing.Heads == nil || newest == nil || newest.signature.KeyID == "" {
		return nil
	}
	h, err := l.head(ctx)
	if err == nil && h.Number == 0 {
		err = &HeadMissingError{l.scope, newest.Number}
	}
	return err
}

// RaiseHead makes a release, which is the newest one, known besides the account.
func (l *Ledger) RaiseHead(ctx context.Context, newest Release) error {
	if l.signing.Heads == nil {
		return nil
	}
	h, err := l.head(ctx)
	if err != nil || h.Number >= newest.Number {
		return err
	}
	h = Head{
		Number: newest.Number, FileDigest: newest.signature.FileDigest, IsSigned: newest.signature.KeyID != "",
	}
	if err := l.signing.Heads.SetHead(ctx, l.scope, h); err != nil {
		return fmt.Errorf("release %d is recorded, but the tooling account cannot record it: %w", newest.Number, err)
	}
	return nil
}
