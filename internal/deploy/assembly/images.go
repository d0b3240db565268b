package assembly

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"lockstep/internal/fault"
)

// An Image is a container image to publish to one destination.
type Image struct {
	Name string
	// Directory is the folder with the Dockerfile, as a path in the assembly; empty for an image that is not built.
	Directory string
	// Archive is the path in the assembly of an image that was built already, as `docker save` writes it.
	Archive string
	// Executable is the command that makes the image, if it is neither built nor read from an archive.
	Executable []string
	Build      ImageBuild
	// Repository, Tag and Region are the destination.
	Repository string
	Tag        string
	Region     string
	Role       Role
}

// An ImageBuild says how an image is built from its folder.
type ImageBuild struct {
	// File is the path of the Dockerfile in the folder; empty for Dockerfile.
	File    string            `json:"dockerFile"`
	Target  string            `json:"dockerBuildTarget"`
	Args    map[string]string `json:"dockerBuildArgs"`
	Network string            `json:"networkMode"`
	// Platform is such as linux/arm64; empty for that of the builder.
	Platform string `json:"platform"`
	// Contexts are further folders and images by the names that the Dockerfile has for them.
	Contexts map[string]string `json:"dockerBuildContexts"`
	// Secrets say by their ids where secrets are read, as `docker build --secret` takes it without the id. SSH is what
	// `docker build --ssh` takes.
	Secrets map[string]string `json:"dockerBuildSecrets"`
	SSH     string            `json:"dockerBuildSsh"`
	// Outputs are what `docker build --output` takes.
	Outputs       []string     `json:"dockerOutputs"`
	CacheFrom     []BuildCache `json:"cacheFrom"`
	CacheTo       *BuildCache  `json:"cacheTo"`
	CacheDisabled bool         `json:"cacheDisabled"`
}

// A BuildCache is where a builder reads or writes what it has built.
type BuildCache struct {
	Type   string            `json:"type"`
	Params map[string]string `json:"params"`
}

// String returns the cache as `docker build --cache-to` takes it.
func (c BuildCache) String() string {
	text := "type=" + c.Type
	for _, name := range sortedKeys(c.Params) {
		text += "," + name + "=" + c.Params[name]
	}
	return text
}

// An imageAsset is an image in a manifest of assets.
type imageAsset struct {
	DisplayName string `json:"displayName"`
	Source      struct {
		Directory  string   `json:"directory"`
		Executable []string `json:"executable"`
		ImageBuild
	} `json:"source"`
	Destinations map[string]struct {
		roleProperties
		Repository string `json:"repositoryName"`
		Tag        string `json:"imageTag"`
		Region     string `json:"region"`
	} `json:"destinations"`
}

// addImage adds an image to a stack, once for each destination.
func (m *assetManifest) addImage(s *Stack, r *reader, id string, a imageAsset) error {
	image := Image{Name: cmp.Or(a.DisplayName, id), Build: a.Source.ImageBuild}
	var err error
	if len(a.Source.Executable) > 0 {
		if image.Archive, err = r.findArchive(m.dir, a.Source.Executable); image.Archive == "" {
			image.Executable = a.Source.Executable
		}
	} else if image.Directory, err = r.resolvePath(m.dir, a.Source.Directory); err == nil {
		err = r.checkFolder(image)
	}
	if err != nil {
		return err
	}
	for _, key := range sortedKeys(a.Destinations) {
		d := a.Destinations[key]
		image.Region = cmp.Or(placeholderReplacer(s.Account, s.Region)(d.Region), s.Region)
		fill := placeholderReplacer(s.Account, image.Region)
		image.Repository, image.Tag, image.Role = fill(d.Repository), fill(d.Tag), d.role(fill)
		for _, value := range []string{image.Repository, image.Tag, image.Role.ARN} {
			if err := checkPlaceholders(value); err != nil {
				return err
			}
		}
		s.Images = append(s.Images, image)
	}
	return nil
}

// loadCommand matches the command of the CDK's TarballImageAsset, which loads the file of an image into the builder and
// prints the image's name. Source: aws-cdk-lib, aws-ecr-assets/lib/tarball-asset.ts.
var loadCommand = regexp.MustCompile(`^\S+ load -i (\S+) \| tail -n 1 \| sed "[^"]*"$`)

// archivePaths returns where the file may be that the command of a TarballImageAsset loads; nil for another command.
// The path counts from the folder of the whole app, and in an app without Stages that is the folder of the manifest.
func archivePaths(dir string, argv []string) []string {
	if len(argv) != 3 || argv[0] != "sh" || argv[1] != "-c" {
		return nil
	}
	match := loadCommand.FindStringSubmatch(argv[2])
	if match == nil {
		return nil
	}
	return slices.Compact([]string{path.Join(dir, match[1]), path.Clean(match[1])})
}

// findArchive returns the path of the file that the command of a TarballImageAsset loads, which is read without the
// command; empty for another command.
func (r *reader) findArchive(dir string, argv []string) (string, error) {
	paths := archivePaths(dir, argv)
	for _, name := range paths {
		if !fs.ValidPath(name) {
			return "", fault.Errorf(fault.AssemblyDamaged,
				"%s lies outside the cloud assembly; synthesise with asset staging on", name)
		}
		if info, err := fs.Stat(r.files, name); err == nil && info.Mode().IsRegular() {
			return name, nil
		}
	}
	if paths == nil {
		return "", nil
	}
	return "", wrapMissing(paths[0], fs.ErrNotExist)
}

// checkFolder returns an error if the assembly lacks what an image is built from.
func (r *reader) checkFolder(image Image) error {
	if info, err := fs.Stat(r.files, image.Directory); err != nil {
		return wrapMissing(image.Directory, err)
	} else if !info.IsDir() {
		return fault.Errorf(fault.AssetUnusable, "%s is no folder, so no image can be built from it", image.Directory)
	}
	name, ok := below(image.Directory, image.Build.Dockerfile())
	if !ok {
		return fault.Errorf(fault.AssetUnusable,
			"its Dockerfile %s lies outside its folder %s: move it there", image.Build.File, image.Directory)
	}
	if info, err := fs.Stat(r.files, name); err != nil {
		return wrapMissing(name, err)
	} else if !info.Mode().IsRegular() {
		return fault.Errorf(fault.AssetUnusable, "its Dockerfile %s is no file", name)
	}
	return nil
}

// Dockerfile returns the path of the Dockerfile in the image's folder.
func (b ImageBuild) Dockerfile() string { return cmp.Or(b.File, "Dockerfile") }

// remotePrefixes begin the build contexts that are no folders of the machine.
var remotePrefixes = []string{"docker-image://", "https://"}

// CheckSource returns an error if the image is not made of what the assembly has alone, or if its build would read or
// write a folder of the machine that it is built on. Secrets are read from variables and files of the machine.
func (i Image) CheckSource() error {
	if len(i.Executable) > 0 {
		return fault.Errorf(fault.AssetNotSupported, "it is made by a command (%s), whose image would be in the builder "+
			"of one machine and not in the assembly: let the app use a TarballImageAsset, or a folder with a Dockerfile",
			i.Executable[0])
	}
	for _, output := range i.Build.Outputs {
		if output != "type=docker" {
			return fault.Errorf(fault.AssetNotSupported,
				"its build writes the output %s: only type=docker is supported, which the builder itself keeps", output)
		}
	}
	_, err := i.Build.SecretSources()
	return cmp.Or(i.checkContexts(), i.Build.checkCaches(), err)
}

// checkContexts refuses a build context that is a folder of the machine.
func (i Image) checkContexts() error {
	for _, name := range sortedKeys(i.Build.Contexts) {
		value := i.Build.Contexts[name]
		isRemote := slices.ContainsFunc(remotePrefixes, func(p string) bool { return strings.HasPrefix(value, p) })
		_, ok := below(i.Directory, value)
		if strings.Contains(name, "=") || !ok && !isRemote {
			return fault.Errorf(fault.AssetNotSupported, "its build context %s is %s, which is not in the assembly: "+
				"copy it into the folder of the image, or use docker-image:// or https://", name, value)
		}
	}
	return nil
}

// checkCaches refuses a cache in a folder of the machine, and one that the builder would sign in to as the person:
// buildx takes credentials of AWS, Azure and GitHub by itself, and the cache says where they go. A cache that is
// written to a registry could take the place of any image there.
// Source: github.com/docker/buildx, util/buildflags/cache.go.
func (b ImageBuild) checkCaches() error {
	for _, cache := range b.CacheFrom {
		if err := cache.check("registry"); err != nil {
			return err
		}
	}
	if b.CacheTo == nil {
		return nil
	}
	return b.CacheTo.check("inline")
}

// check refuses a cache of another type than the wanted one, and one whose parameters could give it another type.
func (c BuildCache) check(wanted string) error {
	isSupported := c.Type == wanted
	for name, value := range c.Params {
		isSupported = isSupported && isOptionField(name, value) && !strings.EqualFold(name, "type")
	}
	if isSupported {
		return nil
	}
	return fault.Errorf(fault.AssetNotSupported, "its build has the cache %s: only caches of the type registry are "+
		"read, and only those of the type inline are written", c)
}

// isOptionField reports whether a name and a value are one field of a builder's option, which is a line of CSV. A
// builder would take what follows a comma or a quote for a field of its own, which is in nobody's list.
func isOptionField(name, value string) bool {
	return name != "" && !strings.ContainsAny(name, "=,\"\r\n\x00") && !strings.ContainsAny(value, ",\"\r\n\x00")
}

// below returns the path of a file in a folder; ok is false if the file lies outside the folder.
func below(dir, file string) (name string, ok bool) {
	if file == "" || path.IsAbs(file) || !fs.ValidPath(path.Clean(file)) || strings.ContainsAny(file, "\\:") {
		return "", false
	}
	return path.Join(dir, file), true
}

// SecretSources returns where the build reads secrets: the names of variables and the paths of files, sorted. The error
// is about a secret that builders could read from somewhere else.
func (b ImageBuild) SecretSources() ([]string, error) {
	found := map[string]bool{}
	for id, spec := range b.Secrets {
		source, ok := secretSource(id, spec)
		if !ok {
			return nil, fault.Errorf(fault.AssetNotSupported, "its build takes the secret %s as %q, which builders could "+
				"read in several ways: name one file with src=, or one variable with env=", id, spec)
		}
		found[source] = true
	}
	if b.SSH != "" {
		_, keys, hasKeys := strings.Cut(b.SSH, "=")
		if !hasKeys {
			keys = "SSH_AUTH_SOCK"
		}
		for key := range strings.SplitSeq(keys, ",") {
			found[key] = true
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// secretSource returns the variable or the file that a secret is read from. Without either, the builder takes the
// variable that has the name of the secret's id. ok is false for what is written in another way than this: of two
// sources builders take one or the other, and they know names in capital letters too.
func secretSource(id, spec string) (source string, ok bool) {
	if !isOptionField("id", id) || id == "" {
		return "", false
	}
	if spec == "" {
		return id, true
	}
	for part := range strings.SplitSeq(spec, ",") {
		name, value, _ := strings.Cut(part, "=")
		isType := name == "type" && (value == "file" || value == "env")
		isSource := slices.Contains([]string{"src", "source", "env"}, name) && source == "" && value != ""
		if !isOptionField(name, value) || !isType && !isSource {
			return "", false
		}
		if isSource {
			source = value
		}
	}
	return cmp.Or(source, id), true
}

// String names the image and its destination.
func (i Image) String() string { return fmt.Sprintf("%s:%s", i.Repository, i.Tag) }
