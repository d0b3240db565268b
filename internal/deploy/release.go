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
	"lockstep/internal/fsx"
)

// Artifacts is what a release keeps in the account besides its record: what it takes to go back to it, and to tell what made it.
type Artifacts struct {
	// Assembly is the environment's cloud assembly as it was synthesised.
	Assembly fs.FS
	// ToolSBOM is a software bill of materials of the tools, as JSON; empty for none.
	ToolSBOM []byte
}

// recordRelease records what was deployed. Everything that the record names is kept before the record is.
func (d *Deployment) recordRelease(ctx context.Context, book *ledger.Ledger, o DeployRequest, p *Plan) error {
	r := ledger.Release{
		Restores: o.Restores, Project: d.target.Project, Environment: d.target.Environment, Account: d.target.Account, Region: d.target.Region,
		Mode: d.Run.Mode, At: time.Now().UTC().Truncate(time.Second), CallerARN: d.callerARN, RunID: d.Run.ID, Commit: d.Run.Commit,
		SynthDigest: d.SynthDigest, EnvironmentDigest: d.EnvironmentDigest, SiblingDigests: d.SiblingDigests, ConfigurationDigest: d.ConfigurationDigest, OrphanedStacks: p.orphanedStacks,
	}
	if o.Plan != nil {
		r.PlanDigest = o.Plan.Digest
		approval, err := book.Approval(ctx, r.PlanDigest)
		if err != nil {
			return err
		}
		r.Approval = approval
	}
	for _, step := range p.steps {
		r.Stacks = append(r.Stacks, ledger.Stack{
			Name: step.stack.Name, ID: aws.ToString(step.current.StackId), Outcome: string(step.record.Outcome), TemplateHash: ledger.SHA256Hex([]byte(step.stack.Template.Body)),
		})
		for _, a := range step.stack.Assets {
			r.AssetKeys = append(r.AssetKeys, a.Key)
		}
	}
	slices.Sort(r.AssetKeys)
	r.AssetKeys = slices.Compact(r.AssetKeys)
	var err error
	if r.SBOMDigest, err = d.saveArtifacts(ctx, book); err != nil {
		return err
	}
	if r, err = book.AddRelease(ctx, r); err != nil {
		return err
	}
	p.release = r.Number
	d.printProgress(fmt.Sprintf("release %d of %s is recorded: assembly %.12s", r.Number, d.target.Environment, r.SynthDigest))
	return d.journal.RecordRelease(ctx, r.Summary())
}

// saveArtifacts keeps what the release needs besides its record, and returns the name of the bill of materials.
func (d *Deployment) saveArtifacts(ctx context.Context, book *ledger.Ledger) (tools string, err error) {
	if d.Artifacts.Assembly != nil {
		data, err := zipAssembly(d.Artifacts.Assembly)
		if err != nil {
			return "", err
		}
		if err := book.SaveBlob(ctx, assemblyBlobName(d.SynthDigest), data); err != nil {
			return "", err
		}
	}
	if len(d.Artifacts.ToolSBOM) == 0 {
		return "", nil
	}
	tools = ledger.SHA256Hex(d.Artifacts.ToolSBOM)
	return tools, book.SaveBlob(ctx, toolsBlobName(tools), d.Artifacts.ToolSBOM)
}

func assemblyBlobName(digest string) string { return "assembly-" + digest + ".zip" }
func toolsBlobName(digest string) string    { return "tools-" + digest + ".json" }

// zipAssembly packs a cloud assembly so that it can be deployed again: the same files, and links as links.
func zipAssembly(files fs.FS) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if entry.Type()&fs.ModeSymlink == 0 {
			return addToZip(w, files, name, name)
		}
		target, err := fs.ReadLink(files, name)
		if err != nil {
			return err
		}
		header := &zip.FileHeader{Name: name, Modified: zipModTime}
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

// extractAssembly puts the cloud assembly of a release into a folder that is not there yet, after seeing that it is the one that was recorded.
func extractAssembly(ctx context.Context, book *ledger.Ledger, r ledger.Release, folder string) error {
	data, err := book.Blob(ctx, assemblyBlobName(r.SynthDigest))
	if errors.Is(err, ledger.ErrNotFound) {
		return fmt.Errorf("the cloud assembly of release %d is no longer kept: check out commit %s, synthesise, and deploy that", r.Number, commitText(r.Commit))
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
	if err := fsx.Unzip(archive, beside, maxAssemblyBytes); err != nil {
		return err
	}
	digest, err := assembly.Digest(fsx.Dir(beside))
	if err != nil {
		return err
	}
	if digest != r.SynthDigest {
		return refuse(nil, "the kept cloud assembly of release %d is not the one that was deployed: its digest is %.12s, and the record says %.12s", r.Number, digest, r.SynthDigest)
	}
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	return os.Rename(beside, folder)
}

func commitText(commit string) string {
	if commit == "" {
		return "that it was made of"
	}
	return strings.TrimSuffix(commit, "+")
}

// maxAssemblyBytes bounds what a damaged archive can unpack to, in bytes.
const maxAssemblyBytes = 1 << 30
