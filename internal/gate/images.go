package gate

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
)

// What names container images: the table of the steps' own, Dockerfiles, and manifests.
var (
	dockerfiles = []string{"**/Dockerfile", "**/Dockerfile.*", "**/*.Dockerfile", "**/Containerfile", "!**/testdata/**"}
	manifests   = []string{"**/*.yaml", "**/*.yml", "!**/testdata/**"}
)

// checkImages finds images that are not pinned by their digest or come from a registry that is not allowed, and Dockerfiles that leave their
// containers to root.
func checkImages(g Gate) (findings.Report, error) {
	check := imageCheck{registries: g.settingValues("registry")}
	for _, key := range slices.Sorted(maps.Keys(pipeline.Images)) {
		check.checkReference(pipeline.ImagesFile, lineOf(filepath.Join(g.Root, pipeline.ImagesFile), pipeline.Images[key]), pipeline.Images[key])
	}
	for _, kind := range []struct {
		patterns []string
		read     func(*imageCheck, string, string)
	}{{dockerfiles, (*imageCheck).checkDockerfile}, {manifests, (*imageCheck).checkManifest}} {
		files, err := ListFiles(g.Root, kind.patterns)
		if err != nil {
			return findings.Report{}, &FailedError{err.Error()}
		}
		files, unfit := filterReadable(g.Root, files, pipeline.SARIF)
		check.findings = append(check.findings, unfit...)
		for _, name := range files {
			text, err := os.ReadFile(filepath.Join(g.Root, filepath.FromSlash(name)))
			if err != nil {
				return findings.Report{}, &FailedError{err.Error()}
			}
			kind.read(&check, name, string(text))
		}
	}
	return findings.Report{Findings: check.findings, Rules: imageRules}, nil
}

var imageRules = []findings.Rule{
	{ID: "image-digest", Text: "An image is pinned by its digest, because a tag can be moved to another image"},
	{ID: "image-registry", Text: "An image comes from a registry that config/pipeline.yaml allows"},
	{ID: "image-user", Text: "A container does not run as root"},
}

type imageCheck struct {
	registries []string
	findings   []findings.Finding
}

func (c *imageCheck) add(rule, file string, line int, message string) {
	c.findings = append(c.findings, findings.Finding{Rule: rule, Level: findings.Error, File: file, Line: line, Message: message})
}

var digestPattern = regexp.MustCompile(`@sha256:[0-9a-f]{64}$`)

// checkReference judges one image reference.
func (c *imageCheck) checkReference(file string, line int, image string) {
	if strings.Contains(image, "$") {
		c.add("image-digest", file, line, fmt.Sprintf("%s depends on an argument: write the image itself, with its digest", image))
		return
	}
	if !digestPattern.MatchString(image) {
		c.add("image-digest", file, line, fmt.Sprintf("%s is not pinned: add @sha256: and its digest", image))
	}
	name, _, _ := strings.Cut(image, "@")
	if from := qualifiedName(name); !slices.ContainsFunc(c.registries, func(allowed string) bool {
		return from == allowed || strings.HasPrefix(from, strings.TrimSuffix(allowed, "/")+"/")
	}) {
		c.add("image-registry", file, line, fmt.Sprintf("%s comes from a registry that is not allowed: use one of %s, or allow it in config/pipeline.yaml", image, strings.Join(c.registries, ", ")))
	}
}

// qualifiedName adds the registry that is meant where none is written. Source: the reference grammar of container images: a first part with a dot or
// a colon, or localhost, is a registry.
func qualifiedName(name string) string {
	first, _, more := strings.Cut(name, "/")
	if more && (strings.ContainsAny(first, ".:") || first == "localhost") {
		return name
	}
	return "docker.io/" + name
}

var (
	instructionPattern = regexp.MustCompile(`^\s*([A-Za-z]+)\s+(.*)$`)
	fromFlag           = regexp.MustCompile(`^--\S+\s+`)
	asStage            = regexp.MustCompile(`(?i)^(\S+)(?:\s+AS\s+(\S+))?`)
)

// checkDockerfile judges the images that a Dockerfile builds on, and the user that its last stage leaves.
func (c *imageCheck) checkDockerfile(file, text string) {
	stages := map[string]bool{"scratch": true}
	user, from, base := "", 0, ""
	for _, in := range parseInstructions(text) {
		switch in.name {
		case "FROM":
			rest := in.rest
			for fromFlag.MatchString(rest) {
				rest = fromFlag.ReplaceAllString(rest, "")
			}
			match := asStage.FindStringSubmatch(rest)
			if match == nil {
				continue
			}
			if !stages[strings.ToLower(match[1])] {
				c.checkReference(file, in.line, match[1])
			}
			stages[strings.ToLower(match[2])] = match[2] != ""
			user, from, base = "", in.line, match[1]
		case "USER":
			user, from = strings.TrimSpace(in.rest), in.line
		}
	}
	name, _, _ := strings.Cut(user, ":")
	switch {
	case from == 0:
		c.add("image-digest", file, 1, "has no FROM: it builds on nothing that could be checked")
	case name == "" && strings.Contains(base, "nonroot"):
	case name == "" || name == "root" || name == "0":
		c.add("image-user", file, from, "its containers run as root: add USER with another user")
	}
}

type dockerInstruction struct {
	name, rest string
	line       int
}

// parseInstructions are a Dockerfile's instructions, continued lines joined.
func parseInstructions(text string) []dockerInstruction {
	var all []dockerInstruction
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		start, line := i, strings.TrimRight(lines[i], "\r ")
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for strings.HasSuffix(line, "\\") && i+1 < len(lines) {
			i++
			line = strings.TrimSuffix(line, "\\") + " " + strings.TrimRight(lines[i], "\r ")
		}
		if match := instructionPattern.FindStringSubmatch(line); match != nil {
			all = append(all, dockerInstruction{strings.ToUpper(match[1]), match[2], start + 1})
		}
	}
	return all
}

var manifestImagePattern = regexp.MustCompile(`^\s*(?:-\s+)?image:\s*["']?([^\s"'#]+)`)

// checkManifest judges the images that a manifest runs.
func (c *imageCheck) checkManifest(file, text string) {
	for i, line := range strings.Split(text, "\n") {
		if match := manifestImagePattern.FindStringSubmatch(line); match != nil && !strings.ContainsAny(match[1], "{}&*!|>") {
			c.checkReference(file, i+1, match[1])
		}
	}
}
