package gate

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"lockstep/internal/fsx"
	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
)

// Besides the table of the steps' images, these files name container images.
var (
	dockerfiles = []string{
		"**/Dockerfile", "**/Dockerfile.*", "**/*.Dockerfile", "**/Containerfile", "!**/testdata/**",
	}
	manifests = []string{"**/*.yaml", "**/*.yml", "!**/testdata/**"}
)

var imageRules = []findings.Rule{
	{ID: "image-digest", Text: "An image is pinned by its digest, because a tag can be moved to another image"},
	{ID: "image-registry", Text: "An image comes from a registry that config/pipeline.yaml allows"},
	{ID: "image-user", Text: "A container does not run as root"},
}

// checkImages finds images that are not pinned by a digest or come from a registry that is not allowed, and
// Dockerfiles whose containers run as root.
func checkImages(g Gate) (findings.Report, error) {
	check := imageCheck{registries: g.settingValues("registry")}
	table := filepath.Join(g.Root, filepath.FromSlash(pipeline.ImagesFile))
	keys := slices.Sorted(maps.Keys(pipeline.Images))
	if _, err := os.Stat(table); errors.Is(err, fs.ErrNotExist) {
		keys = nil // the table is that of this program, and not of this repository
	}
	for _, key := range keys {
		image := pipeline.Images[key]
		check.checkReference(pipeline.ImagesFile, lineOf(table, image), image)
	}
	if err := check.checkFiles(g.Root, dockerfiles, check.checkDockerfile); err != nil {
		return findings.Report{}, asFailed(err)
	}
	if err := check.checkFiles(g.Root, manifests, check.checkManifest); err != nil {
		return findings.Report{}, asFailed(err)
	}
	return findings.Report{Findings: check.findings, Rules: imageRules}, nil
}

// An imageCheck collects what is wrong with images.
type imageCheck struct {
	// registries are the allowed registries, each with or without a path.
	registries []string
	findings   []findings.Finding
}

func (c *imageCheck) add(rule, file string, line int, message string) {
	f := findings.Finding{Rule: rule, Level: findings.Error, File: file, Line: line, Message: message}
	c.findings = append(c.findings, f)
}

// checkFiles calls check with the name and the text of each file that the patterns match.
func (c *imageCheck) checkFiles(root string, patterns []string, check func(file, text string)) error {
	files, err := ListFiles(root, patterns)
	if err != nil {
		return err
	}
	files, unreadable := filterReadable(root, files, pipeline.SARIF)
	c.findings = append(c.findings, unreadable...)
	for _, file := range files {
		text, err := fsx.ReadFile(filepath.Join(root, filepath.FromSlash(file)), fsx.MaxText)
		if err != nil {
			return err
		}
		check(file, string(text))
	}
	return nil
}

// checkReference checks one image reference.
func (c *imageCheck) checkReference(file string, line int, image string) {
	if strings.Contains(image, "$") {
		c.add("image-digest", file, line, image+" depends on an argument: write the image itself, with its digest")
		return
	}
	ref, err := name.ParseReference(image)
	if err != nil {
		c.add("image-digest", file, line, fmt.Sprintf("%s is no image reference: write NAME:TAG@DIGEST", image))
		return
	}
	if _, pinned := ref.(name.Digest); !pinned {
		c.add("image-digest", file, line, fmt.Sprintf("%s is not pinned: add @sha256: and its digest", image))
	}
	if !c.allows(ref.Context()) {
		c.add("image-registry", file, line, fmt.Sprintf(
			"%s comes from a registry that is not allowed: use one of %s, or allow it in config/pipeline.yaml",
			image, strings.Join(c.registries, ", ")))
	}
}

// allows reports whether the repository lies in an allowed registry, or below the path that is allowed of it.
func (c *imageCheck) allows(repository name.Repository) bool {
	return slices.ContainsFunc(c.registries, func(allowed string) bool {
		host, path, _ := strings.Cut(strings.Trim(allowed, "/"), "/")
		registry, err := name.NewRegistry(host)
		if err != nil || registry != repository.Registry {
			return false
		}
		return path == "" || strings.HasPrefix(repository.RepositoryStr()+"/", path+"/")
	})
}

var (
	instructionPattern = regexp.MustCompile(`^\s*([A-Za-z]+)\s+(.*)$`)
	fromFlagPattern    = regexp.MustCompile(`^--\S+\s+`)
	fromPattern        = regexp.MustCompile(`(?i)^(\S+)(?:\s+AS\s+(\S+))?`)
)

// checkDockerfile checks the images that a Dockerfile builds on, and the user of its last stage.
func (c *imageCheck) checkDockerfile(file, text string) {
	stages := map[string]bool{"scratch": true}
	var last struct {
		base, user string
		// line is where the user is set, or the line of FROM.
		line int
	}
	for _, in := range parseInstructions(text) {
		switch in.name {
		case "FROM":
			image, stage := parseFrom(in.arguments)
			if image == "" {
				continue
			}
			if !stages[strings.ToLower(image)] {
				c.checkReference(file, in.line, image)
			}
			if stage != "" {
				stages[strings.ToLower(stage)] = true
			}
			last.base, last.user, last.line = image, "", in.line
		case "USER":
			last.user, last.line = strings.TrimSpace(in.arguments), in.line
		}
	}
	user, _, _ := strings.Cut(last.user, ":")
	switch {
	case last.line == 0:
		c.add("image-digest", file, 1, "has no FROM, so there is no base image to check: add FROM NAME:TAG@DIGEST")
	case user == "" && strings.Contains(last.base, "nonroot"):
	case user == "" || user == "root" || user == "0":
		c.add("image-user", file, last.line, "its containers run as root: add USER with another user")
	}
}

// parseFrom returns the image of a FROM instruction and the name of its stage, which may be empty. The image is empty
// if the instruction has none.
func parseFrom(arguments string) (image, stage string) {
	for fromFlagPattern.MatchString(arguments) {
		arguments = fromFlagPattern.ReplaceAllString(arguments, "")
	}
	match := fromPattern.FindStringSubmatch(arguments)
	if match == nil {
		return "", ""
	}
	return match[1], match[2]
}

type dockerInstruction struct {
	// name is in upper case.
	name, arguments string
	line            int
}

// parseInstructions returns the instructions of a Dockerfile, with continued lines joined and without comments.
func parseInstructions(text string) []dockerInstruction {
	var all []dockerInstruction
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		start := i
		line := strings.TrimRight(lines[i], "\r ")
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for strings.HasSuffix(line, "\\") && i+1 < len(lines) {
			i++
			line = strings.TrimSuffix(line, "\\") + " " + strings.TrimRight(lines[i], "\r ")
		}
		if match := instructionPattern.FindStringSubmatch(line); match != nil {
			all = append(all, dockerInstruction{name: strings.ToUpper(match[1]), arguments: match[2], line: start + 1})
		}
	}
	return all
}

var manifestImagePattern = regexp.MustCompile(`^\s*(?:-\s+)?image:\s*["']?([^\s"'#]+)`)

// checkManifest checks the images that a manifest runs. Templates and YAML aliases are left out.
func (c *imageCheck) checkManifest(file, text string) {
	for i, line := range strings.Split(text, "\n") {
		match := manifestImagePattern.FindStringSubmatch(line)
		if match != nil && !strings.ContainsAny(match[1], "{}&*!|>") {
			c.checkReference(file, i+1, match[1])
		}
	}
}
