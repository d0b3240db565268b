package gate

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// constructFiles are where the constructs of the CDK app are made.
var constructFiles = []string{"infra/**/*.go", "!**/*_test.go"}

// constructLocation is where the construct of a path is made in the repository's Go code: the line that has the innermost of the path's names which
// stands there as text. The library itself only knows the path.
func constructLocation(root, construct string) (string, int) {
	files, err := ListFiles(root, constructFiles)
	if err != nil {
		return "", 0
	}
	for _, name := range slices.Backward(strings.Split(construct, "/")) {
		for _, file := range files {
			if line := lineOf(filepath.Join(root, filepath.FromSlash(file)), `"`+name+`"`); line > 0 && name != "Resource" {
				return file, line
			}
		}
	}
	return "", 0
}

// lineOf is the line of a file on which a text first stands, 0 if it does not.
func lineOf(file, text string) int {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	before, _, found := strings.Cut(string(data), text)
	if !found {
		return 0
	}
	return 1 + strings.Count(before, "\n")
}
