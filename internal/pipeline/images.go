package pipeline

import "strings"

// The keys of Images.
const (
	// ImageGo has Go, Git and a C compiler. Programs of the other images can be added to it.
	ImageGo = "go"
	// ImageNode has Node, in which the CDK library runs, whatever the language of the app is.
	ImageNode = "node"
	// ImagePython has Python, for the gates that are written in it.
	ImagePython = "python"
)

// ImagesFile is this file, relative to the repository's root.
const ImagesFile = "internal/pipeline/images.go"

// Images is the table of base images, each pinned by the digest of its multi-platform index.
var Images = map[string]string{
	ImageGo:     "golang:1.26-bookworm@sha256:a688600ca24f8a4d3ca77f95b0dd40704a9fc787c826660eb7ba0b641b8b175d",
	ImagePython: "python:3.13-slim-bookworm@sha256:01f42367a0a94ad4bc17111776fd66e3500c1d87c15bbd6055b7371d39c124fb",
	ImageNode:   "node:22-bookworm-slim@sha256:43ac6c60b8f89723f746e8a92ce91abd5017e627ce1ddfe4238355d3a30b772c",
}

// A Cache is a folder that is kept after a step and makes the next one faster. On this machine it is the user's own.
type Cache struct {
	// Path is the path of the folder in a container.
	Path string
	// Env is the variable that names the folder to the tool.
	Env string
}

// The keys of Caches.
const (
	CacheGoModules = "go-modules"
	CacheGoBuild   = "go-build"
	CacheCDK       = "cdk"
	CacheLint      = "lint"
	CacheNpm       = "npm"
	CachePip       = "pip"
	CacheUv        = "uv"
)

// Caches is the table of caches.
var Caches = map[string]Cache{
	CacheGoModules: {Path: "/cache/go-modules", Env: "GOMODCACHE"},
	CacheGoBuild:   {Path: "/cache/go-build", Env: "GOCACHE"},
	CacheNpm:       {Path: "/cache/npm", Env: "npm_config_cache"},
	CachePip:       {Path: "/cache/pip", Env: "PIP_CACHE_DIR"},
	CacheUv:        {Path: "/cache/uv", Env: "UV_CACHE_DIR"},
	CacheLint:      {Path: "/cache/lint", Env: "GOLANGCI_LINT_CACHE"},
	// The CDK library is unpacked below the user's cache folder when it is first loaded.
	CacheCDK: {Path: "/cache/cdk", Env: "XDG_CACHE_HOME"},
}

// ImageVersion returns the version in the tag of an image of the table, such as 3.13.
func ImageVersion(key string) string {
	_, tag, _ := strings.Cut(Images[key], ":")
	version, _, _ := strings.Cut(tag, "-")
	return version
}
