package project

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
)

func TestTests_DeclaredByCode(t *testing.T) {
	for _, test := range []struct {
		name   string
		tests  Tests
		files  map[string]string
		wanted string
	}{
		{"Go", GoTests, map[string]string{"a/a_test.go": "package a\n\nfunc TestA(t *testing.T) {\n}\n"}, "a/a_test.go"},
		{"fuzzing", GoTests, map[string]string{"a_test.go": "func FuzzA(f *testing.F) {}\n"}, "a_test.go"},
		{"Go's own frame alone", GoTests, map[string]string{"a_test.go": "func TestMain(m *testing.M) {}\n"}, ""},
		{"a sample of tests", GoTests, map[string]string{"testdata/a_test.go": "func TestA(t *testing.T) {}\n"}, ""},
		{
			"pytest", PythonTests,
			map[string]string{"tests/test_a.py": "import a\n\ndef test_a():\n    pass\n"},
			"tests/test_a.py",
		},
		{
			"unittest", PythonTests,
			map[string]string{"a_test.py": "class StackTest(TestCase):\n  def test(self): ..\n"},
			"a_test.py",
		},
		{"Python's template of the CDK", PythonTests, map[string]string{"test_a.py": "# def test_a():\n#   pass\n"}, ""},
		{
			"JUnit", JavaTests,
			map[string]string{"src/test/java/A.java": "class A {\n    @Test\n    void a() {}\n}\n"},
			"src/test/java/A.java",
		},
		{
			"Kotlin", JavaTests,
			map[string]string{"src/test/kotlin/A.kt": "class A {\n  @Test fun a() {}\n}\n"},
			"src/test/kotlin/A.kt",
		},
		{
			"Spock", JavaTests,
			map[string]string{"src/test/groovy/A.groovy": "class A extends Specification {}\n"},
			"src/test/groovy/A.groovy",
		},
		{
			"Java's template of the CDK", JavaTests,
			map[string]string{"src/test/java/A.java": "// public class A {\n//     @Test\n// }\n"},
			"",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree := Tree{FS: fstest.MapFS{}}
			for name, text := range test.files {
				tree.Files = append(tree.Files, name)
				tree.FS.(fstest.MapFS)[name] = &fstest.MapFile{Data: []byte(text)}
			}
			assert.Equal(t, test.wanted, test.tests.Declared(tree))
		})
	}
}
