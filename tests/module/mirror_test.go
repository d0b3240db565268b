package module

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The tests of the module write JSON that the tests of this package read. The module is a package main of another Go
// module, so neither can import the other's types, and both declare them.
func TestMirroredTypes_AreEqual(t *testing.T) {
	written := jsonTypes(t, "../../ci")
	read := jsonTypes(t, ".")
	require.NotEmpty(t, read)
	for _, name := range slices.Sorted(maps.Keys(read)) {
		assert.Equal(t, written[name], read[name], "type %s of ci/ and of tests/module", name)
	}
}

func TestMirroredTypes_DifferenceIsSeen(t *testing.T) {
	const source = "package a\n\ntype r struct {\n\t// A is.\n\tA int `json:\"a\"`\n}\n"
	for name, test := range map[string]struct {
		other string
		equal bool
	}{
		"the same fields":         {source, true},
		"another comment":         {strings.Replace(source, "A is", "A was", 1), true},
		"another name in JSON":    {strings.Replace(source, `"a"`, `"b"`, 1), false},
		"another type of a field": {strings.Replace(source, "int", "string", 1), false},
		"a field more":            {strings.Replace(source, "\tA int", "\tB int\n\tA int", 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.equal, typesOf(t, source)["r"] == typesOf(t, test.other)["r"])
		})
	}
}

// jsonTypes returns the struct types with JSON names that the tests of a folder declare, each as its list of fields.
func jsonTypes(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	require.NoError(t, err)
	types := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		maps.Copy(types, typesOf(t, string(text)))
	}
	return types
}

// typesOf returns the struct types with JSON names of one source file.
func typesOf(t *testing.T, source string) map[string]string {
	t.Helper()
	positions := token.NewFileSet()
	file, err := parser.ParseFile(positions, "", source, parser.SkipObjectResolution) // which leaves comments out
	require.NoError(t, err)
	types := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		declared, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if fields, isStruct := declared.Type.(*ast.StructType); isStruct {
			if text := fieldList(t, positions, fields); strings.Contains(text, "json:") {
				types[declared.Name.Name] = text
			}
		}
		return true
	})
	return types
}

// fieldList returns the fields of a struct, one a line, whatever their alignment.
func fieldList(t *testing.T, positions *token.FileSet, fields *ast.StructType) string {
	t.Helper()
	var b strings.Builder
	for _, field := range fields.Fields.List {
		var kind bytes.Buffer
		require.NoError(t, printer.Fprint(&kind, positions, field.Type))
		for _, name := range field.Names {
			b.WriteString(name.Name + " " + kind.String())
			if field.Tag != nil {
				b.WriteString(" " + field.Tag.Value)
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}
