package ledger

import (
	"context"
	"errors"
	"fmt"

	"lockstep/internal/attest"
)

// Export returns the record of a release, the archive of its assembly, its plan's registration and approval, as far as
// they are kept, each with its signature. The blob is the name of the archive. The error is a *TamperedError if the
// record is not as it was signed, and ErrNotFound if there is none.
func (l *Ledger) Export(ctx context.Context, number int, blob string) ([]attest.File, error) {
	r, err := l.Release(ctx, number)
	if err != nil {
		return nil, err
	}
	sources := []struct{ name, key string }{
		{"release.json", l.releaseKey(number)},
		{"assembly.zip", l.BlobKey(blob)},
		{"plan.json", l.planKey(r.PlanDigest)},
		{"approval.json", l.approvalKey(r.PlanDigest)},
	}
	if r.PlanDigest == "" {
		sources = sources[:2]
	}
	var files []attest.File
	for _, source := range sources {
		name := fmt.Sprintf("%s-%s-%s-%08d.%s", l.scope.Environment, l.scope.Account, l.scope.Region, number, source.name)
		pair, err := l.exportFile(ctx, name, source.key)
		if err != nil {
			return nil, err
		}
		files = append(files, pair...)
	}
	return files, nil
}

// exportFile returns an object and its signature; nothing for an object that is not kept.
func (l *Ledger) exportFile(ctx context.Context, name, key string) ([]attest.File, error) {
	object, err := l.store.Get(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	files := []attest.File{{Name: name, Data: object.Data}}
	envelope, err := l.store.Get(ctx, l.attestationKey(attest.Digest(object.Data)))
	if errors.Is(err, ErrNotFound) {
		return files, nil
	}
	return append(files, attest.File{Name: attest.EnvelopeName(name), Data: envelope.Data}), err
}
