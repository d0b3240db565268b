package project

import (
	"path"
	"regexp"
)

// Tests say how tests of a language are known by their code, without the program that runs them.
type Tests struct {
	// Missing says what a repository without tests does not have, and Remedy what to do when tests are there and none
	// ran.
	Missing, Remedy string
	// file matches the base names of files with tests, and declaration the lines that declare one.
	file, declaration *regexp.Regexp
	// root is the file of a project that hides its folder from the one above; empty if none does.
	root string
}

// The tests of each language. Code in a comment is none: the CDK's own templates have their tests in comments.
var (
	GoTests = Tests{
		Missing: "no _test.go file of the module declares one",
		Remedy:  "see which packages gates.goPackages in config/pipeline.yaml names, and the build tags of the file",
		file:    regexp.MustCompile(`_test\.go$`), root: "go.mod",
		declaration: regexp.MustCompile(`(?m)^func (Test|Fuzz)\w*\(\w+ \*testing\.[TF]\)`),
	}
	PythonTests = Tests{
		Missing: "no file test_*.py or *_test.py declares one",
		Remedy:  "see what the settings of pytest select",
		file:    testFile, declaration: regexp.MustCompile(`(?m)^(\s*(async )?def test|class \w*Test)`),
	}
	JavaTests = Tests{
		Missing: "no file of a folder of tests, such as src/test, declares one",
		Remedy:  "see what the build skips and selects",
		file:    regexp.MustCompile(`\.(java|kt|groovy|scala)$`),
		declaration: regexp.MustCompile(
			`(?m)^\s*@(Test|ParameterizedTest|RepeatedTest|TestFactory|Property)\b|^[^/*]*\bextends (TestCase|Specification)\b`),
	}
)

// Declared returns the first file of the repository's own that declares a test; empty if none does.
func (s Tests) Declared(t Tree) string {
	var projects []string
	if s.root != "" {
		projects = foldersOf(t.named(s.root))
	}
	for _, file := range t.Files {
		if isForeign(file) || !s.file.MatchString(path.Base(file)) {
			continue
		}
		if folder, ok := nearest(projects, file); ok && folder != "." {
			continue // a module of its own
		}
		if s.declaration.Match(t.read(path.Dir(file), path.Base(file))) {
			return file
		}
	}
	return ""
}
