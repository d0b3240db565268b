package gate

import (
	"path/filepath"
	"slices"
	"strings"

	"lockstep/internal/fsx"
)

// constructFiles are the sources of the CDK app.
var constructFiles = []string{"infra/**/*.go", "!**/*_test.go"}

// constructLocation returns the file and the line that create a construct, given its path in the CDK app. It is the
// first line that holds an id of the path, as a string literal; the last id of the path is tried first. The file is
// empty if there is no such line. cdk-nag reports only the path.
func constructLocation(root, construct string) (file string, line int) {
	files, err := ListFiles(root, constructFiles)
	if err != nil {
		return "", 0
	}
	for _, id := range slices.Backward(strings.Split(construct, "/")) {
		if id == "Resource" {
			continue // the id that the CDK gives to the CloudFormation resource in a construct
		}
		for _, file := range files {
			if line := lineOf(filepath.Join(root, filepath.FromSlash(file)), `"`+id+`"`); line > 0 {
				return file, line
			}
		}
	}
	return "", 0
}

// lineOf returns the number of the first line of a file that holds text, 0 if no line does or the file cannot be read.
func lineOf(file, text string) int {
	data, err := fsx.ReadFile(file, fsx.MaxText)
	if err != nil {
		return 0
	}
	before, _, found := strings.Cut(string(data), text)
	if !found {
		return 0
	}
	return 1 + strings.Count(before, "\n")
}
