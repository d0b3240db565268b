package pipeline

import "strings"

// The keys of Images.
const (
	// ImageGo has Go, Git and a C compiler. Programs of the other images can be added to it.
	ImageGo = "go"
	// ImageJava has a JDK and Maven.
	ImageJava = "java"
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
	ImageJava:   "maven:3.9-eclipse-temurin-21@sha256:c07f7ccfb8ca6c9fa29ee523f00afa7d2ca6132c92f8652c4aebb5ee3491f502",
	ImagePython: "python:3.13-slim-bookworm@sha256:01f42367a0a94ad4bc17111776fd66e3500c1d87c15bbd6055b7371d39c124fb",
	ImageNode:   "node:22-bookworm-slim@sha256:43ac6c60b8f89723f746e8a92ce91abd5017e627ce1ddfe4238355d3a30b772c",
}

// A Cache is a folder that is kept after a step and makes the next one faster. On this machine it is the user's own.
type Cache struct {
	// Path is the path of the folder in a container.
	Path string
	// Env is the variable that names the folder to the tool, and Option is what stands in it before the folder's path.
	Env    string
	Option string
}

// Value returns the value of the cache's variable in a container.
func (c Cache) Value() string { return c.Option + c.Path }

// The keys of Caches.
const (
	CacheGoModules = "go-modules"
	CacheGoBuild   = "go-build"
	CacheCDK       = "cdk"
	CacheGradle    = "gradle"
	CacheLint      = "lint"
	CacheMaven     = "maven"
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
	CacheGradle:    {Path: "/cache/gradle", Env: "GRADLE_USER_HOME"},
	CacheMaven:     {Path: "/cache/maven", Env: "MAVEN_OPTS", Option: "-Dmaven.repo.local="},
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

// JavaVersion returns the version of the JDK in the tag of the image ImageJava, such as 21.
func JavaVersion() string {
	tag, _, _ := strings.Cut(Images[ImageJava], "@")
	return tag[strings.LastIndex(tag, "-")+1:]
}
