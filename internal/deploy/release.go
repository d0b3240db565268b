package deploy

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/ledger"
)

// Baggage is what a release keeps in the account besides its record: what it takes to go back to it, and to tell what made it.
type Baggage struct {
	// Assembly is the environment's cloud assembly as it was synthesised.
	Assembly fs.FS
	// Tools is a software bill of materials of the tools, as JSON; empty for none.
	Tools []byte
}

// release records what was deployed. Everything that the record names is kept before the record is.
func (d *Deployment) release(ctx context.Context, book *ledger.Ledger, o Order, p *Plan) error {
	r := ledger.Release{
		Restores: o.Restores, Project: d.target.Project, Environment: d.target.Environment, Account: d.target.Account, Region: d.target.Region,
		Mode: d.Run.Mode, At: time.Now().UTC().Truncate(time.Second), By: d.by, Run: d.Run.ID, Commit: d.Run.Commit,
		Assembly: d.Source, Bundle: d.Bundle, Beside: d.Beside, Configuration: d.Configuration, Left: p.left,
	}
	if o.Plan != nil {
		r.Plan = o.Plan.Digest
		approval, err := book.Approval(ctx, r.Plan)
		if err != nil {
			return err
		}
		r.Approval = approval
	}
	for _, step := range p.steps {
		r.Stacks = append(r.Stacks, ledger.Stack{
			Name: step.stack.Name, ID: aws.ToString(step.have.StackId), Outcome: string(step.record.Outcome), Template: ledger.SumOf([]byte(step.stack.Template.Body)),
		})
		for _, a := range step.stack.Assets {
			r.Assets = append(r.Assets, a.Key)
		}
	}
	slices.Sort(r.Assets)
	r.Assets = slices.Compact(r.Assets)
	var err error
	if r.Tools, err = d.keepBaggage(ctx, book); err != nil {
		return err
	}
	if r, err = book.AddRelease(ctx, r); err != nil {
		return err
	}
	p.release = r.Number
	d.tell(fmt.Sprintf("release %d of %s is recorded: assembly %.12s", r.Number, d.target.Environment, r.Assembly))
	return d.journal.Released(ctx, r.Brief())
}

// keepBaggage keeps what the release needs besides its record, and returns the name of the bill of materials.
func (d *Deployment) keepBaggage(ctx context.Context, book *ledger.Ledger) (tools string, err error) {
	if d.Baggage.Assembly != nil {
		data, err := packAssembly(d.Baggage.Assembly)
		if err != nil {
			return "", err
		}
		if err := book.KeepBlob(ctx, assemblyBlob(d.Source), data); err != nil {
			return "", err
		}
	}
	if len(d.Baggage.Tools) == 0 {
		return "", nil
	}
	tools = ledger.SumOf(d.Baggage.Tools)
	return tools, book.KeepBlob(ctx, toolsBlob(tools), d.Baggage.Tools)
}

func assemblyBlob(digest string) string { return "assembly-" + digest + ".zip" }
func toolsBlob(digest string) string    { return "tools-" + digest + ".json" }

// packAssembly packs a cloud assembly so that it can be deployed again: the same files, and links as links.
func packAssembly(files fs.FS) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if entry.Type()&fs.ModeSymlink == 0 {
			return pack(w, files, name, name, 0)
		}
		target, err := fs.ReadLink(files, name)
		if err != nil {
			return err
		}
		header := &zip.FileHeader{Name: name, Modified: packedAt}
		header.SetMode(fs.ModeSymlink | 0o777)
		link, err := w.CreateHeader(header)
		if err == nil {
			_, err = io.WriteString(link, target)
		}
		return err
	})
	err = errors.Join(err, w.Close()) // the last part is written at the end
	return out.Bytes(), err
}

// unpack puts the cloud assembly of a release into a folder that is not there yet, after seeing that it is the one that was recorded.
func unpack(ctx context.Context, book *ledger.Ledger, r ledger.Release, folder string) error {
	data, err := book.Blob(ctx, assemblyBlob(r.Assembly))
	if errors.Is(err, ledger.ErrAbsent) {
		return fmt.Errorf("the cloud assembly of release %d is no longer kept: check out commit %s, synthesise, and deploy that", r.Number, orUnknown(r.Commit))
	}
	if err != nil {
		return err
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return fmt.Errorf("the kept cloud assembly of release %d is damaged: %w", r.Number, err)
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return err
	}
	beside, err := os.MkdirTemp(filepath.Dir(folder), ".unpack-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(beside)
	if err := unzip(archive, beside); err != nil {
		return err
	}
	digest, err := assembly.Digest(os.DirFS(beside))
	if err != nil {
		return err
	}
	if digest != r.Assembly {
		return refuse(nil, "the kept cloud assembly of release %d is not the one that was deployed: its digest is %.12s, and the record says %.12s", r.Number, digest, r.Assembly)
	}
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	return os.Rename(beside, folder)
}

func orUnknown(commit string) string {
	if commit == "" {
		return "that it was made of"
	}
	return strings.TrimSuffix(commit, "+")
}

// unzip writes files before links, so that nothing is ever written through a link.
func unzip(archive *zip.Reader, folder string) error {
	isLink := func(f *zip.File) bool { return f.Mode()&fs.ModeSymlink != 0 }
	for _, links := range []bool{false, true} {
		for _, f := range archive.File {
			if isLink(f) != links {
				continue
			}
			if !filepath.IsLocal(f.Name) {
				return fmt.Errorf("the archive has a file outside its folder: %q", f.Name)
			}
			path := filepath.Join(folder, f.Name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return err
			}
			if err := unzipFile(f, path); err != nil {
				return err
			}
		}
	}
	return nil
}

// largestFile bounds what a damaged archive can make of itself, in bytes.
const largestFile = 1 << 30

func unzipFile(f *zip.File, path string) (err error) {
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	content := io.LimitReader(in, largestFile)
	if f.Mode()&fs.ModeSymlink != 0 {
		target, err := io.ReadAll(content)
		if err == nil {
			err = os.Symlink(string(target), path)
		}
		return err
	}
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, f.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, content)
	return errors.Join(err, out.Close())
}
