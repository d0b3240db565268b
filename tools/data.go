package tools

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/pipeline"
)

// A DataSource is a published file that files of this module, the site of the documentation, or pictures are made from.
// No step of the pipeline needs it.
type DataSource struct {
	// Package is the npm package that holds it, and Version the pinned version.
	Package, Version string
	// File is the file with the data, in the folder that it is installed in.
	File string
}

// The keys of the data sources.
const (
	// AWSServiceSpec is the CDK's database of resource types.
	AWSServiceSpec = "aws-service-spec"
	// CloudAssemblySchema is the CDK's schema of cloud assemblies.
	CloudAssemblySchema = "cloud-assembly-schema"
	// Mermaid is the script that draws the diagrams of the documentation's site.
	Mermaid = "mermaid"
	// IframeWorker is the script by which the site searches when it is opened from a folder.
	IframeWorker = "iframe-worker"
	// Resvg is the library that makes a PNG of a diagram.
	Resvg = "resvg"
)

// DataSources is the table of the data sources. Each has its lock files in the folder of its key, as tools have.
var DataSources = map[string]DataSource{
	AWSServiceSpec: {
		Package: "@aws-cdk/aws-service-spec", Version: "0.1.216",
		File: "node_modules/@aws-cdk/aws-service-spec/db.json.gz",
	},
	CloudAssemblySchema: {
		Package: "@aws-cdk/cloud-assembly-schema", Version: "55.6.0",
		File: "node_modules/@aws-cdk/cloud-assembly-schema/schema/cloud-assembly.schema.json",
	},
	Mermaid: {
		Package: "@mermaid-js/tiny", Version: "11.17.2", File: "node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js",
	},
	IframeWorker: {
		Package: "iframe-worker", Version: "1.0.4", File: "node_modules/iframe-worker/shim/index.js",
	},
	Resvg: {
		Package: "@resvg/resvg-wasm", Version: "2.6.2", File: "node_modules/@resvg/resvg-wasm/index_bg.wasm",
	},
}

// installedData returns the file of a data source, and whether it is installed completely.
func (i *Installer) installedData(name string) (file string, ok bool) {
	dir := filepath.Join(i.dir, fmt.Sprintf("%s-%s-%.12s", name, DataSources[name].Version, computeDataSum(name)))
	file = filepath.Join(dir, filepath.FromSlash(DataSources[name].File))
	_, err := os.Stat(filepath.Join(dir, completionFile))
	return file, err == nil
}

// HasData reports whether a data source is installed.
func (i *Installer) HasData(name string) bool {
	_, ok := i.installedData(name)
	return ok
}

// InstallData installs a data source, unless it is installed, and returns its file.
func (i *Installer) InstallData(ctx context.Context, name string) (string, error) {
	file, ok := i.installedData(name)
	if ok {
		return file, nil
	}
	if err := i.makeDir(); err != nil {
		return "", err
	}
	source := DataSources[name]
	dir := file[:len(file)-len(source.File)-1]
	lock := flock.New(dir + ".lock")
	defer lock.Close()
	if _, err := lock.TryLockContext(ctx, lockInterval); err != nil {
		return "", ExplainWriteError(i.dir, err)
	}
	if file, ok := i.installedData(name); ok { // by the process that had the lock
		return file, nil
	}
	i.progress(fmt.Sprintf("installing %s %s, once", source.Package, source.Version))
	if err := os.RemoveAll(dir); err != nil {
		return "", ExplainWriteError(i.dir, err)
	}
	if err := os.CopyFS(dir, lockFiles(name)); err != nil {
		return "", ExplainWriteError(i.dir, err)
	}
	for _, argv := range dataCommands() {
		if err := i.runCommand(ctx, dir, argv, nil); err != nil {
			return "", fault.Wrap(fault.ToolNotInstalled, fmt.Errorf("%s could not be installed: %w", source.Package, err))
		}
	}
	if _, err := os.Stat(file); err != nil {
		return "", fault.Wrap(fault.ToolNotInstalled, fmt.Errorf("%s could not be installed: %w", source.Package, err))
	}
	return file, ExplainWriteError(i.dir, fsx.Replace(filepath.Join(dir, completionFile), nil, fsx.PrivateFile))
}

// dataCommands returns the commands that install a data source in a folder with its lock files.
func dataCommands() [][]string { return pipeline.Tool{Kind: pipeline.NodePackages}.InstallCommands() }
