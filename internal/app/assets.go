package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/jsonx"
	"lockstep/internal/process"
)

// An app may name a command in the place of a file (`executable` of an asset manifest): the CDK's own command line runs
// it when it deploys, and publishes the file whose path it prints. Here it runs as a part of the synthesis, as the app
// itself does, without credentials of AWS. The file becomes one of the assembly, so that the digest covers it.
// Source: cdk-assets-lib of aws-cdk-cli, lib/private/handlers/files.ts.

// manifestFile is the file of a cloud assembly that names its parts.
const manifestFile = "manifest.json"

// An assetMaker runs the commands that make assets, each once.
type assetMaker struct {
	app App
	// made are the paths of the files by the commands that have made them.
	made map[string]string
}

// makeAssets replaces the commands in the asset manifests of the cloud assembly in a folder by the files that they
// make. It looks into the assemblies of Stages, which are nested up to a depth.
func (m *assetMaker) makeAssets(ctx context.Context, dir string, depth int) error {
	text, err := readPart(filepath.Join(dir, manifestFile))
	if text == nil {
		return err
	}
	var manifest struct {
		Artifacts map[string]struct {
			Type       string `json:"type"`
			Properties struct {
				File          string `json:"file"`
				DirectoryName string `json:"directoryName"`
			} `json:"properties"`
		} `json:"artifacts"`
	}
	if err := jsonx.UnmarshalForeign(text, &manifest); err != nil {
		return nil //nolint:nilerr // whoever reads the assembly says what is wrong with it
	}
	for _, a := range manifest.Artifacts {
		p := a.Properties
		switch {
		case a.Type == "cdk:cloud-assembly" && filepath.IsLocal(p.DirectoryName) && depth < maxStageDepth:
			err = m.makeAssets(ctx, filepath.Join(dir, p.DirectoryName), depth+1)
		case a.Type == "cdk:asset-manifest" && filepath.IsLocal(p.File):
			err = m.makeFiles(ctx, dir, filepath.Join(dir, p.File))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readPart reads a file of the assembly. One that is missing has no text, and is named when the assembly is read.
func readPart(name string) ([]byte, error) {
	text, err := fsx.ReadFile(name, fsx.MaxText)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// maxStageDepth bounds how deep Stages are nested: an assembly may name its own folder as a part.
const maxStageDepth = 5

// makeFiles replaces the commands in an asset manifest.
func (m *assetMaker) makeFiles(ctx context.Context, dir, manifest string) error {
	text, err := readPart(manifest)
	if text == nil {
		return err
	}
	document := map[string]json.RawMessage{}
	files := map[string]map[string]json.RawMessage{}
	if jsonx.UnmarshalForeign(text, &document) != nil || jsonx.UnmarshalForeign(document["files"], &files) != nil {
		return nil
	}
	isChanged := false
	for id, file := range files {
		var source struct {
			Executable []string `json:"executable"`
		}
		if jsonx.UnmarshalForeign(file["source"], &source) != nil || len(source.Executable) == 0 {
			continue
		}
		name, err := m.makeFile(ctx, dir, id, source.Executable)
		if err != nil {
			return err
		}
		if file["source"], err = json.Marshal(map[string]string{"path": name, "packaging": "file"}); err != nil {
			return err
		}
		isChanged = true
	}
	if !isChanged {
		return nil
	}
	if document["files"], err = json.Marshal(files); err != nil {
		return err
	}
	if text, err = json.MarshalIndent(document, "", "  "); err != nil {
		return err
	}
	return os.WriteFile(manifest, text, 0o644)
}

// makeFile runs the command of an asset, unless it has run, and returns the name of its file in the assembly's folder.
func (m *assetMaker) makeFile(ctx context.Context, dir, id string, argv []string) (string, error) {
	key, err := json.Marshal(argv)
	if err != nil {
		return "", err
	}
	path, isMade := m.made[string(key)]
	if !isMade {
		if path, err = m.run(ctx, id, argv); err != nil {
			return "", err
		}
	}
	name, err := copyByContent(path, dir)
	if err != nil {
		return "", fault.Errorf(fault.AssetUnusable, "asset %s: the command `%s` printed the path %q: %w",
			id, strings.Join(argv, " "), path, err)
	}
	m.made[string(key)] = filepath.Join(dir, name) // another command may write to the path
	return name, nil
}

// maxPrinted is how much a command may print, in bytes: the path of a file. A process.Tail keeps as much of it.
const maxPrinted = 16 << 10

// run runs a command in the app's folder and returns the path that it prints.
func (m *assetMaker) run(ctx context.Context, id string, argv []string) (string, error) {
	var printed process.Tail
	cmd := process.TableCommand(ctx, append([]string{"sh", "-c", `exec "$@"`, "sh"}, argv...)) // finds it on their PATH
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = m.app.dir(), m.app.commandEnviron(), &printed, m.app.Log
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		return "", errors.Join(ctx.Err(), fault.Errorf(fault.SynthFailed, "asset %s: the command `%s` %s",
			id, strings.Join(argv, " "), process.DescribeExit(err)))
	}
	path := strings.TrimSpace(printed.String())
	if path == "" || len(path) > maxPrinted || strings.ContainsAny(path, "\n\x00") {
		return "", fault.Errorf(fault.AssetUnusable, "asset %s: the command `%s` has to print the path of the file that it "+
			"makes, and nothing else; see that its other output goes to the standard error", id, strings.Join(argv, " "))
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(m.app.dir(), path)
	}
	return path, nil
}

// copyByContent copies a file into a folder under a name that its content decides, and returns the name.
func copyByContent(path, dir string) (name string, err error) {
	from, err := fsx.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return "", err
	}
	defer from.Close()
	to, err := os.CreateTemp(dir, ".made-")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(to.Name()) // the error says what went wrong
		}
	}()
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(to, hash), from)
	if err = errors.Join(err, to.Close()); err != nil {
		return "", err
	}
	name = "asset.made-" + hex.EncodeToString(hash.Sum(nil)) + filepath.Ext(path)
	return name, os.Rename(to.Name(), filepath.Join(dir, name))
}
