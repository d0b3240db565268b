package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/attest"
	"lockstep/internal/deploy"
	"lockstep/internal/display"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/refusal"
	"lockstep/internal/report"
	"lockstep/internal/rollout"
)

func (a *app) attestCommand() *cobra.Command {
	return newCommandGroup(&cobra.Command{
		Use: "attest", Short: "Export what was signed, and verify it without an account",
	}, a.attestExportCommand(), a.attestVerifyCommand())
}

// An exportResult is the result of attest export.
type exportResult struct {
	report.Envelope
	Files []string `json:"files"`
}

func (r *exportResult) WriteText(w io.Writer) error {
	for _, file := range r.Files {
		if _, err := fmt.Fprintln(w, display.Line(file)); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) attestExportCommand() *cobra.Command {
	var number releaseNumber
	dir := ""
	cmd := &cobra.Command{
		Use: "export --out DIR", Args: noArgs, Short: "Write a release's record and assembly with their signatures to files",
		Long: `Write the record of a release, the archive of its cloud assembly, and its plan and approval if it has them, to
files. Beside each NAME.json or NAME.zip is NAME.dsse.json, its signature: an in-toto statement in an envelope of
DSSE. The public keys are written to keys.pem. Nothing is written to the account.`,
		RunE: a.inEnvironments(func(ctx context.Context, p *project, environments []config.Environment) (result, error) {
			if dir == "" {
				return nil, usagef(fault.FlagMissing, "where to? Write --out with a folder")
			}
			r := &exportResult{}
			s := a.session(p)
			err := s.ForEachAccount(ctx, environments, "attest export", deploy.ReadAccess, func(d *deploy.Deployment) error {
				files, err := d.Export(ctx, int(number))
				if err != nil {
					return err
				}
				text, err := d.Signing.PublicKeys().PEM()
				if err != nil {
					return err
				}
				return r.write(p.root, dir, append(files, attest.File{Name: keysFile, Data: []byte(text)}))
			})
			if err != nil {
				return nil, err
			}
			return r, nil
		}),
	}
	a.addEnvFlag(cmd)
	a.addLiveFlag(cmd)
	cmd.Flags().Var(&number, "release", "the number of the release; by default the newest one")
	addPathFlag(cmd.Flags(), &dir, "out", "the folder of the files")
	return cmd
}

// keysFile is the name of the file with the public keys.
const keysFile = "keys.pem"

func (r *exportResult) write(project, dir string, files []attest.File) error {
	for _, f := range files {
		path := filepath.Join(dir, f.Name)
		if err := fsx.WriteFile(project, path, f.Data, fsx.PrivateFile); err != nil {
			return err
		}
		if !slices.Contains(r.Files, path) {
			r.Files = append(r.Files, path)
		}
	}
	return nil
}

// A verifyFilesResult is the result of attest verify.
type verifyFilesResult struct {
	report.Envelope
	Verified []attest.Finding `json:"verified"`
}

func (r *verifyFilesResult) WriteText(w io.Writer) error {
	for _, f := range r.Verified {
		for _, file := range f.Files {
			_, err := fmt.Fprintf(w, "%s: signed by key %.12s, %s\n", display.Line(file), f.KeyID, display.Line(f.Type))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// maxVerifiedBytes is more than the archive of an assembly.
const maxVerifiedBytes = 1 << 30

func (a *app) attestVerifyCommand() *cobra.Command {
	var keyFiles []string
	cmd := &cobra.Command{
		Use: "verify FILE...", Short: "Verify exported files with public keys, without an account",
		Long: `Verify the signatures of files that attest export has written. An envelope NAME.dsse.json and the NAME.json or
NAME.zip that it is about are looked up beside each other, so that one of them is enough. --key names files with
public keys in PEM; without it, the keys of the configuration and of this user's rehearsals count. Nothing is
called over the network. A file that was changed, by a single byte, is named; the exit status is 3.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef(fault.FlagMissing, "which files? Write those that `lockstep attest export` wrote")
			}
			releases, plans, err := a.verificationKeys(keyFiles)
			if err != nil {
				return err
			}
			files, err := readAttested(a.dir, args)
			if err != nil {
				return err
			}
			found, err := attest.VerifyFiles(cmd.Context(), releases, plans, files)
			if err != nil {
				err = refusal.Newf(fault.RecordUnsigned, err, "%v", err)
			}
			return a.finish(&verifyFilesResult{Verified: found}, err)
		},
	}
	cmd.Flags().StringSliceVar(&keyFiles, "key", nil, "a file with public keys in PEM")
	return cmd
}

// verificationKeys returns the keys that count for releases and for plans: those in files, or those of the project.
func (a *app) verificationKeys(keyFiles []string) (releases, plans attest.Keys, err error) {
	if len(keyFiles) == 0 {
		p, err := a.loadProject()
		if err != nil {
			return nil, nil, err
		}
		releases, plans, err = rollout.ConfiguredKeys(p.config.Pipeline.Signing)
		if err != nil {
			return nil, nil, err
		}
		local, err := a.session(p).LocalKeys()
		return releases.Join(local), plans.Join(local), err
	}
	for _, name := range keyFiles {
		text, err := fsx.ReadFile(inFolder(a.dir, name), attest.MaxEnvelopeBytes)
		if err != nil {
			return nil, nil, err
		}
		keys, err := attest.ParseKeys(string(text))
		if err != nil {
			return nil, nil, usagef(fault.FlagValue, "--key %s: %w", name, err)
		}
		releases = releases.Join(keys)
	}
	return releases, releases, nil
}

// readAttested reads files and, beside each, the file or the envelope that belongs to it.
func readAttested(dir string, names []string) ([]attest.File, error) {
	var files []attest.File
	read := func(path string) error {
		if slices.ContainsFunc(files, func(f attest.File) bool { return f.Name == path }) {
			return nil
		}
		data, err := fsx.ReadFile(path, maxVerifiedBytes)
		if err == nil {
			files = append(files, attest.File{Name: path, Data: data})
		}
		return err
	}
	for _, name := range names {
		path := filepath.Clean(inFolder(dir, name))
		if err := read(path); err != nil {
			return nil, err
		}
		for _, other := range attest.RelatedFiles(path) {
			if err := read(other); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
		}
	}
	return files, nil
}
