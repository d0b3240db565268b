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
	poms := foldersOf(t.named("pom.xml"))
	for _, folder := range poms {
		if _, isModule := nearest(poms, folder); folder == "." || !isModule {
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
// folder packages, an absolute path. The tests do not run.
func (p JavaProject) Prepare(packages string) Command {
	if p.Gradle {
		return p.command(packages, "testClasses")
	}
	return p.command(packages, "test", "-DskipTests")
}

// Test returns the command that runs the tests without the network.
func (p JavaProject) Test(packages string) Command {
	return p.command(packages, "--offline", "test")
}

// Fetch returns the command that fetches the programs which Maven starts tests with and which no build names: the
// folder has the files of FetchFiles.
func (p JavaProject) Fetch(packages, folder string) Command {
	c := p.command(packages, "compile")
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

// A provider is a program with which Maven's plugin for tests starts the tests of a framework. The plugin fetches it
// when there are tests, and not before.
type provider struct {
	// framework is the folder, in a local repository of Maven, of a package by which the framework is known.
	framework string
	// group and artifact are the provider's, whose version is that of the plugin, or of the framework if it is a part of
	// that.
	group, artifact string
	isPart          bool
}

// pluginsFolder is the folder of Maven's plugins in a local repository. Each has a folder, with one for each version.
const pluginsFolder = "org/apache/maven/plugins/"

// surefireFolder is the folder of Maven's plugin for tests.
const surefireFolder = pluginsFolder + "maven-surefire-plugin"

// compilePlugins are the plugins that run when a build compiles.
var compilePlugins = []string{"maven-resources-plugin", "maven-compiler-plugin"}

// VersionFolders returns the folders, in a local repository of Maven, whose folders are the versions that
// FetchFiles wants.
func VersionFolders() []string {
	folders := []string{surefireFolder}
	for _, name := range compilePlugins {
		folders = append(folders, pluginsFolder+name)
	}
	for _, p := range providers {
		folders = append(folders, p.framework)
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}

// providers are the providers of Maven's plugin for tests.
// Source: https://maven.apache.org/surefire/maven-surefire-plugin/examples/providers.html.
var providers = []provider{
	{"org/junit/platform/junit-platform-engine", "org.apache.maven.surefire", "surefire-junit-platform", false},
	{"org/junit/platform/junit-platform-engine", "org.junit.platform", "junit-platform-launcher", true},
	{"junit/junit", "org.apache.maven.surefire", "surefire-junit4", false},
	{"org/testng/testng", "org.apache.maven.surefire", "surefire-testng", false},
}

// plainVersion matches the versions of packages that are put into a file of Maven's.
var plainVersion = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// FetchFiles returns the files of a build of Maven that depends on the providers. The versions are those of
// VersionFolders, by the folder. Parts of a framework are a module of their own: the providers depend on other versions
// of them.
func FetchFiles(versions map[string][]string) map[string]string {
	newest := func(folder string) string {
		isOther := func(version string) bool { return !plainVersion.MatchString(version) }
		known := slices.DeleteFunc(slices.Clone(versions[folder]), isOther)
		return slices.Max(append(known, ""))
	}
	plugins, dependencies := "", map[bool]string{}
	for _, name := range compilePlugins {
		if version := newest(pluginsFolder + name); version != "" {
			plugins += element("plugin", "org.apache.maven.plugins", name, version)
		}
	}
	for _, p := range providers {
		version := newest(surefireFolder)
		if p.isPart {
			version = newest(p.framework)
		}
		if version != "" && newest(p.framework) != "" {
			dependencies[p.isPart] += element("dependency", p.group, p.artifact, version)
		}
	}
	build := "<build><plugins>" + plugins + "</plugins></build><dependencies>"
	return map[string]string{
		"pom.xml": pom("all", "<packaging>pom</packaging>"+
			"<modules><module>providers</module><module>parts</module></modules>"),
		"providers/pom.xml": pom("providers", build+dependencies[false]+"</dependencies>"),
		"parts/pom.xml":     pom("parts", build+dependencies[true]+"</dependencies>"),
	}
}

// pom returns a pom.xml with that content.
func pom(artifact, content string) string {
	return "<project><modelVersion>4.0.0</modelVersion><groupId>lockstep</groupId><artifactId>" + artifact +
		"</artifactId><version>1</version>" + content + "</project>\n"
}

// element returns what names an artifact in a pom.xml.
func element(name, group, artifact, version string) string {
	return "<" + name + "><groupId>" + group + "</groupId><artifactId>" + artifact + "</artifactId><version>" + version +
		"</version></" + name + ">"
}
