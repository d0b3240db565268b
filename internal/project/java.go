package project

import (
	"path"
	"regexp"
	"slices"
)

// A JavaProject is a build of Maven or Gradle, with the modules that it has.
type JavaProject struct {
	Folder string
	// Gradle is whether Gradle builds it, and not Maven.
	Gradle bool
	// HasWrapper is whether the repository has a program that fetches Maven or Gradle in the version that it names.
	HasWrapper bool
}

// The files by which a folder is a project.
var gradleBuilds = []string{"settings.gradle", "settings.gradle.kts", "build.gradle", "build.gradle.kts"}

// FindJava returns the builds that are in no other one.
func FindJava(t Tree) []JavaProject {
	var projects []JavaProject
	for _, folder := range foldersOf(t.named("pom.xml")) {
		if _, isModule := nearest(foldersOf(t.named("pom.xml")), folder); folder == "." || !isModule {
			projects = append(projects, JavaProject{Folder: folder, HasWrapper: t.has(folder, "mvnw")})
		}
	}
	builds := foldersOf(t.named(gradleBuilds...))
	for _, folder := range builds {
		if _, isModule := nearest(builds, folder); (folder == "." || !isModule) && !t.has(folder, "pom.xml") {
			projects = append(projects, JavaProject{Folder: folder, Gradle: true, HasWrapper: t.has(folder, "gradlew")})
		}
	}
	return projects
}

// Prepare returns the command that compiles the project and its tests, so that everything that a build needs is in the
// folder packages, an absolute path.
func (p JavaProject) Prepare(packages string) Command {
	if p.Gradle {
		return p.command(packages, "testClasses")
	}
	return p.command(packages, "test-compile")
}

// Test returns the command that runs the tests without the network.
func (p JavaProject) Test(packages string) Command {
	return p.command(packages, "--offline", "test")
}

// Fetch returns the command that fetches the programs which Maven starts tests with and which no build names: the
// folder is one with a pom.xml of FetchFile.
func (p JavaProject) Fetch(packages, folder string) Command {
	c := p.command(packages, "process-resources")
	c.Argv = append(c.Argv, "--file", path.Join(folder, "pom.xml"))
	return c
}

// command returns a command of the project's build program.
func (p JavaProject) command(packages string, args ...string) Command {
	c := Command{Folder: p.Folder}
	switch {
	case p.Gradle:
		c.Env = []string{"GRADLE_USER_HOME=" + path.Join(packages, "gradle")}
		c.Argv = append([]string{"gradle", "--no-daemon", "--console=plain"}, args...)
		if p.HasWrapper {
			c.Argv[0] = "./gradlew"
		}
	default:
		// The wrapper of Maven fetches it into the person's home, which no gate sees.
		c.Argv = append([]string{
			"mvn", "--batch-mode", "--no-transfer-progress", "-Dstyle.color=never",
			"-Dmaven.repo.local=" + path.Join(packages, "maven"),
		}, args...)
	}
	return c
}

// TestReports are the patterns of the files in which the builds leave the results of tests.
var TestReports = []string{
	"**/target/surefire-reports/TEST-*.xml", "**/target/failsafe-reports/TEST-*.xml", "**/build/test-results/test*/*.xml",
}

// A Provider is a program with which Maven's plugin for tests starts the tests of a framework. The plugin fetches it
// when there are tests, and not before.
type Provider struct {
	// Framework is the folder, in a local repository of Maven, of a package by which the framework is known.
	Framework string
	// Group and Artifact are the provider's, whose version is that of the plugin. WithFramework is whether the version is
	// that of the framework instead.
	Group, Artifact string
	WithFramework   bool
}

// The versions of Maven's plugin for tests are the folders of PluginFolder.
const PluginFolder = "org/apache/maven/plugins/maven-surefire-plugin"

// Providers are the providers of Maven's plugin for tests.
// Source: https://maven.apache.org/surefire/maven-surefire-plugin/examples/providers.html.
var Providers = []Provider{
	{"org/junit/platform/junit-platform-engine", "org.apache.maven.surefire", "surefire-junit-platform", false},
	{"org/junit/platform/junit-platform-engine", "org.junit.platform", "junit-platform-launcher", true},
	{"junit/junit", "org.apache.maven.surefire", "surefire-junit4", false},
	{"org/testng/testng", "org.apache.maven.surefire", "surefire-testng", false},
}

// plainVersion matches the versions of packages that are put into a file of Maven's.
var plainVersion = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// FetchFile returns a pom.xml that depends on the providers, for those versions of the plugin and of the frameworks, by
// the names of their folders.
func FetchFile(versions map[string][]string) string {
	text := "<project><modelVersion>4.0.0</modelVersion><groupId>lockstep</groupId><artifactId>providers</artifactId>" +
		"<version>1</version><dependencies>"
	for _, p := range Providers {
		wanted := versions[PluginFolder]
		if p.WithFramework {
			wanted = versions[p.Framework]
		}
		if len(versions[p.Framework]) == 0 || len(wanted) == 0 || !plainVersion.MatchString(slices.Max(wanted)) {
			continue
		}
		text += "<dependency><groupId>" + p.Group + "</groupId><artifactId>" + p.Artifact + "</artifactId><version>" +
			slices.Max(wanted) + "</version></dependency>"
	}
	return text + "</dependencies></project>\n"
}
