package ledger

import (
	"context"
	"errors"
	"fmt"

	"lockstep/internal/attest"
	"lockstep/internal/fault"
)

// A Trust says who signs documents, and whose signatures count. The zero Trust signs nothing and asks for nothing.
type Trust struct {
	// Signer signs; nil to sign nothing.
	Signer attest.Signer
	// Keys are the keys whose signatures count; none to ask for no signature.
	Keys attest.Keys
}

// A Signing says how the documents of a ledger are signed.
type Signing struct {
	// Releases is for release records, approvals and provenances, and Plans for the registrations of plans: who plans
	// need not be allowed to approve.
	Releases, Plans Trust
	// From is the number of the first release that has to be signed; 0 if that is the first one that is signed.
	From int
	// Heads is where the newest release is known besides the account; nil for nowhere.
	Heads HeadStore
}

// A Signature says who has signed a document.
type Signature struct {
	// KeyID is the id of the key; empty for a document that nobody has signed.
	KeyID string
	// FileDigest is the SHA-256 of the document as it is kept, in hexadecimal.
	FileDigest string
}

// An UnsignedError says that nobody whose signature counts has signed a document as it is.
type UnsignedError struct {
	// Key is the key of the document.
	Key    string
	Reason string
}

func (e *UnsignedError) Error() string {
	return fmt.Sprintf("%s was changed outside Lockstep, or somebody else has made it: %s", e.Key, e.Reason)
}

// Code returns the code of the error.
func (e *UnsignedError) Code() fault.Code { return fault.RecordUnsigned }

// attestationKey returns the key of the signature of a file with a digest. A signature is written before the file, so
// there is no moment at which a file has none.
func (l *Ledger) attestationKey(digest string) string {
	return l.key("attestations/" + digest + ".json")
}

// A signedDocument is a document that is signed before it is written.
type signedDocument struct {
	key           string
	content       any
	trust         Trust
	predicateType string
	predicate     any
}

// writeSigned signs and writes a document, and returns its text.
func (l *Ledger) writeSigned(ctx context.Context, d signedDocument, only Condition) ([]byte, error) {
	data, err := Format(d.content)
	if err != nil {
		return nil, err
	}
	if err := l.sign(ctx, d, data); err != nil {
		return nil, err
	}
	_, err = writeData(ctx, l.store, d.key, data, only)
	return data, err
}

// sign keeps the signature of a document that is about to be written, if there is a key to sign with.
func (l *Ledger) sign(ctx context.Context, d signedDocument, data []byte) error {
	if d.trust.Signer == nil {
		return nil
	}
	s, err := attest.NewStatement(d.predicateType, d.predicate, attest.Subject{Name: d.key, Digest: attest.Digest(data)})
	if err != nil {
		return err
	}
	return l.keepStatement(ctx, d.trust, s)
}

// keepStatement signs a statement, and keeps it under the digest of its first subject.
func (l *Ledger) keepStatement(ctx context.Context, t Trust, s attest.Statement) error {
	envelope, err := attest.Sign(ctx, t.Signer, t.Keys, s)
	if err != nil {
		return fmt.Errorf("%s cannot be signed: %w", s.Subjects[0].Name, err)
	}
	_, err = l.store.Put(ctx, l.attestationKey(s.Subjects[0].Digest), envelope, Condition{})
	return err
}

// errNoSignature says that a document has no signature.
var errNoSignature = fault.New(fault.RecordUnsigned, "nobody has signed it as it is")

// verify returns who has signed a file with that content. The error is errNoSignature if nobody has, and an
// *UnsignedError if the signature is of no key that counts, or says something else than that.
func (l *Ledger) verify(
	ctx context.Context, t Trust, key string, data []byte, predicateType string,
) (Signature, error) {
	found := Signature{FileDigest: attest.Digest(data)}
	if len(t.Keys) == 0 {
		return found, errNoSignature
	}
	object, err := l.store.Get(ctx, l.attestationKey(found.FileDigest))
	if errors.Is(err, ErrNotFound) {
		return found, errNoSignature
	}
	if err != nil {
		return found, err
	}
	statement, err := attest.Verify(ctx, t.Keys, object.Data)
	if err == nil {
		err = checkStatement(statement.Statement, found.FileDigest, predicateType, l.scope)
	}
	if err != nil {
		return found, &UnsignedError{Key: key, Reason: err.Error()}
	}
	found.KeyID = statement.KeyID
	return found, nil
}

// checkStatement returns an error unless a statement is of that type, about a file with that digest, in that scope.
func checkStatement(s attest.Statement, digest, predicateType string, scope attest.Scope) error {
	switch {
	case !s.IsAbout(digest):
		return fault.New(fault.RecordUnsigned, "its signature is one of another file")
	case s.Type != predicateType:
		return fault.Errorf(fault.RecordUnsigned, "its signature is one of %s, not of %s", s.Type, predicateType)
	case s.Scope() != scope:
		return fault.Errorf(fault.RecordUnsigned, "its signature is of %s", s.Scope())
	}
	return nil
}

// requireSignature returns an *UnsignedError unless a document is signed, where signatures are asked for.
func (l *Ledger) requireSignature(ctx context.Context, t Trust, key string, data []byte, predicateType string) error {
	_, err := l.verify(ctx, t, key, data, predicateType)
	if !errors.Is(err, errNoSignature) {
		return err
	}
	if len(t.Keys) == 0 {
		return nil
	}
	return &UnsignedError{Key: key, Reason: err.Error()}
}

// AddProvenance keeps a signed statement on how a blob came about, unless there is one that counts. It does nothing
// where nobody signs.
func (l *Ledger) AddProvenance(ctx context.Context, b attest.Build, blob, digest string) error {
	t := l.signing.Releases
	if t.Signer == nil {
		return nil
	}
	if object, err := l.store.Get(ctx, l.attestationKey(digest)); err == nil {
		known, err := attest.Verify(ctx, t.Keys, object.Data)
		if err == nil && known.IsAbout(digest) && known.Type == attest.ProvenanceType {
			return nil
		}
	}
	b.Scope = l.scope
	s, err := attest.NewProvenance(b, attest.Subject{Name: l.BlobKey(blob), Digest: digest})
	if err != nil {
		return err
	}
	return l.keepStatement(ctx, t, s)
}
