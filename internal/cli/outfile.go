package cli

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"lockstep/internal/deploy/planfile"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
)

// An outKind is the kind of a file that a command writes where the user says.
type outKind string

// The kinds of files that Lockstep writes and recognises.
const (
	planOut     outKind = "a plan"
	markdownOut outKind = "a plan's Markdown"
	recordOut   outKind = "a record"
	summaryOut  outKind = "a summary"
	sarifOut    outKind = "a SARIF report"
	junitOut    outKind = "a JUnit report"
	pageOut     outKind = "an HTML report"
	textOut     outKind = "a text report"
	configOut   outKind = "a configuration"
	manifestOut outKind = "a cloud assembly's manifest"
	diagramOut  outKind = "a diagram"
)

// outMarks are what the beginning of each kind of file holds, without white space and in lower case. The first that
// fits decides.
var outMarks = []struct {
	kind outKind
	mark string
}{
	{planOut, `"schema":"` + planfile.FormatPrefix},
	{markdownOut, "###planfor"},
	{summaryOut, `"event":"summary"`},
	{recordOut, `"assemblydigest":`},
	{sarifOut, `sarif-schema`},
	{junitOut, `<testsuites`},
	{pageOut, `<!doctypehtml>`},
	{manifestOut, `"artifacts":{`},
	{diagramOut, "<!--drawnby`lockstepdiagrams`"},
	{configOut, `yaml-language-server:$schema=`},
}

// An outFile is a file that a command is to write.
type outFile struct {
	// flag is what names it on the command line.
	flag, path string
	kind       outKind
	// project is the folder of the project, where the path may be; empty for none.
	project string
}

// checkOutFiles returns an error if two files of one run are the same, or one would replace a file of another kind.
// What is no regular file, such as a pipe, is never replaced.
func checkOutFiles(files ...outFile) error {
	seen := map[string]outFile{}
	for _, f := range files {
		if f.path == "" {
			continue
		}
		path := realPath(f.path)
		if other, ok := seen[path]; ok {
			return usagef(fault.FlagConflict,
				"%s is to hold %s of %s and %s of %s: give them different names", f.path, other.kind, other.flag,
				f.kind, f.flag)
		}
		seen[path] = f
		if err := fsx.CheckWritable(f.project, f.path); err != nil {
			return usagef(fault.OutputPath, "%s %s: %w", f.flag, f.path, err)
		}
		if err := f.checkExisting(); err != nil {
			return err
		}
	}
	return nil
}

// realPath returns the absolute path of a file that need not exist, without links.
func realPath(path string) string {
	if resolved, err := fsx.Resolve(path); err == nil {
		path = resolved
	}
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	return path
}

// checkExisting returns an error if the file exists and is of another kind. A text report may replace any file that is
// none of Lockstep's own.
func (f outFile) checkExisting() error {
	found, isEmpty, err := kindOfFile(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case isEmpty, found == f.kind, found == "" && f.kind == textOut:
		return nil
	case found == "":
		return usagef(fault.OutputPath,
			"%s %s: the file is there and is not %s of Lockstep's: write another name, or remove the file",
			f.flag, f.path, f.kind)
	}
	return usagef(fault.OutputPath,
		"%s %s: the file is there and is %s, which %s must not replace: write another name, or remove the file",
		f.flag, f.path, found, f.kind)
}

// kindOfFile returns the kind of an existing file, "" if it is none that Lockstep writes. What is no regular file
// counts as empty.
func kindOfFile(path string) (kind outKind, isEmpty bool, err error) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return "", err == nil, err
	}
	file, err := fsx.Open(path)
	if err != nil {
		return "", false, err
	}
	defer file.Close()
	const headBytes = 4096
	head, err := io.ReadAll(io.LimitReader(file, headBytes))
	if err != nil {
		return "", false, err
	}
	text := string(bytes.ToLower(bytes.Join(bytes.Fields(head), nil)))
	for _, known := range outMarks {
		if strings.Contains(text, known.mark) {
			return known.kind, false, nil
		}
	}
	return "", false, nil
}

// checkPlanFile returns an error if a plan cannot be written to the path, and its Markdown beside it.
func checkPlanFile(path string) error {
	if strings.EqualFold(filepath.Ext(path), ".md") {
		return usagef(fault.OutputPath,
			"--out %s: a plan is JSON, and its Markdown is written beside it to a file of this ending: "+
				"write --out %s", path, strings.TrimSuffix(path, filepath.Ext(path))+".json")
	}
	markdown := planfile.MarkdownPath(path)
	if markdown == "" {
		return nil
	}
	// FILE and FILE.json have the same Markdown.
	twin := strings.TrimSuffix(path, ".json")
	if twin == path {
		twin += ".json"
	}
	if kind, _, err := kindOfFile(twin); err == nil && kind == planOut {
		return usagef(fault.OutputPath, "--out %s: %s belongs to the plan %s: write another name", path, markdown, twin)
	}
	return nil
}
