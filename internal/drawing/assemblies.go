// Package drawing makes files of diagrams: it finds the cloud assemblies that they are drawn from, and runs the layout
// engine and what makes a PNG of an SVG. It knows nothing of what a diagram shows.
package drawing

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"lockstep/config"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/diagram"
	"lockstep/internal/fault"
)

// manifestFile marks the folder of a cloud assembly.
const manifestFile = "manifest.json"

// maxAssemblies is more assemblies than a platform has accounts. Each is read whole.
const maxAssemblies = 200

// FindAssemblies reads the cloud assembly in a folder or, if it is none, those in its folders and in the folders of
// those. Each is called after the first folder that it is in. The targets are the environments of the configuration:
// with some, folders of other names are left out, and a stack that names no account gets that of its environment. A
// cloud assembly in dir itself is that of the environment called name, if there is one.
func FindAssemblies(dir, name string, targets []config.Environment) ([]diagram.Assembly, error) {
	files, err := assembly.Open(dir)
	if err != nil {
		return nil, err
	}
	folders, err := assemblyFolders(files, targets)
	if err != nil {
		return nil, err
	}
	var found []diagram.Assembly
	for _, folder := range folders {
		first, _, _ := strings.Cut(folder, "/")
		if folder == "." {
			first = name
		}
		part, err := fs.Sub(files, folder)
		if err != nil {
			return nil, err
		}
		read, err := assembly.Read(part, defaultsOf(first, path.Base(folder), targets))
		if err != nil {
			return nil, fmt.Errorf("cloud assembly %s: %w", path.Join(dir, folder), err)
		}
		found = append(found, diagram.Assembly{Name: first, Assembly: read})
	}
	return found, nil
}

// assemblyFolders returns the folders of the assemblies below files. It is the folder itself if there are none, so that
// reading it says what is missing.
func assemblyFolders(files fs.FS, targets []config.Environment) ([]string, error) {
	if _, err := fs.Stat(files, manifestFile); !errors.Is(err, fs.ErrNotExist) {
		return []string{"."}, nil // one that cannot be read is reported when it is
	}
	var folders []string
	for _, pattern := range []string{"*/" + manifestFile, "*/*/" + manifestFile} {
		manifests, err := fs.Glob(files, pattern)
		if err != nil {
			return nil, err
		}
		for _, manifest := range manifests {
			folder := path.Dir(manifest)
			first, _, _ := strings.Cut(folder, "/")
			if isTarget(first, targets) && !isBelow(folder, folders) {
				folders = append(folders, folder)
			}
		}
	}
	switch {
	case len(folders) == 0:
		return []string{"."}, nil
	case len(folders) > maxAssemblies:
		return nil, fault.Errorf(fault.TooManyAssemblies,
			"there are %d cloud assemblies, more than the %d that fit in diagrams: name a folder with fewer", len(folders),
			maxAssemblies)
	}
	return folders, nil
}

// isBelow reports whether a folder is in one of the others: a stage of the CDK is a folder in its assembly.
func isBelow(folder string, others []string) bool {
	for _, other := range others {
		if strings.HasPrefix(folder, other+"/") {
			return true
		}
	}
	return false
}

// isTarget reports whether there is an environment of that name, or no environment at all.
func isTarget(name string, targets []config.Environment) bool {
	for _, env := range targets {
		if env.Name == name {
			return true
		}
	}
	return len(targets) == 0
}

// defaultsOf returns the account and region of the environment, or of that of its accounts whose folder it is.
func defaultsOf(name, folder string, targets []config.Environment) assembly.Defaults {
	for _, env := range targets {
		if env.Name != name {
			continue
		}
		for _, account := range env.Accounts() {
			if account.Folder == folder {
				return assembly.Defaults{Account: account.ID, Region: account.Region}
			}
		}
		return assembly.Defaults{Account: env.ID, Region: env.Region}
	}
	return assembly.Defaults{}
}
