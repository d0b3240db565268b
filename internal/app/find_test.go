package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// In a container the folder's name says nothing, so every language has a file that names the app.
func TestPackageName_IsThatOfThePackage(t *testing.T) {
	for name, test := range map[string]struct{ file, text, want string }{
		"npm":                      {"package.json", `{"name": "@acme/orders"}`, "orders"},
		"npm without a name":       {"package.json", `{}`, ""},
		"Python":                   {"pyproject.toml", "[project]\nname = \"orders\"\n", "orders"},
		"Python without a project": {"pyproject.toml", "[tool.ruff]\n", ""},
		"Maven": {"pom.xml", `<project xmlns="http://maven.apache.org/POM/4.0.0"><parent><artifactId>all</artifactId>` +
			`</parent><artifactId> orders </artifactId></project>`, "orders"},
		"Maven that cannot be read": {"pom.xml", "<project>", ""},
		"Go":                        {"go.mod", "module example.com/acme/orders\n\ngo 1.26\n", "orders"},
		"Go of a later version":     {"go.mod", "module example.com/acme/orders/v2\n", "orders"},
		"Go without a module":       {"go.mod", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, test.file), []byte(test.text), 0o600))
			assert.Equal(t, test.want, App{Root: dir}.packageName())
		})
	}
}
