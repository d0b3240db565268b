package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// maxColumns is the longest line that is allowed, in characters; a tab counts as one.
	maxColumns = 120
	// maxParameters is how many parameters a function has without being counted.
	maxParameters = 5
)

// skippedDirs are the folders whose Go files are not written by hand, or hold defects on purpose.
var skippedDirs = []string{".git", ".lockstep", "node_modules", "testdata", "ci/internal"}

// A Size holds the measurements of a set of files.
type Size struct {
	// FileLines and FunctionLines are the lengths of each file and of each declared function.
	FileLines, FunctionLines []int
	// LongLines are the lines over maxColumns, each as FILE:LINE.
	LongLines []string
	// LongSignatures are the functions with more than maxParameters parameters, each as FILE:LINE NAME.
	LongSignatures []string
	// BoolParameters are the parameters of type bool, each as FILE:LINE FUNCTION.
	BoolParameters []string
	// Undocumented are the exported names without a comment, each as FILE:LINE NAME. Those of tests are not counted,
	// because no other package can use them.
	Undocumented []string
}

// Measure returns the sizes of a tree's programs and of its tests. It leaves out generated files.
func Measure(tree fs.FS) (programs, tests Size, err error) {
	err = fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (slices.Contains(skippedDirs, name) || slices.Contains(skippedDirs, entry.Name())):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		source, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		if strings.HasSuffix(name, "_test.go") {
			return tests.addFile(name, source)
		}
		return programs.addFile(name, source)
	})
	return programs, tests, err
}

// addFile measures one file.
func (s *Size) addFile(name string, source []byte) error {
	positions := token.NewFileSet()
	file, err := parser.ParseFile(positions, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil || ast.IsGenerated(file) {
		return err
	}
	f := fileMeasure{Size: s, positions: positions, isTest: strings.HasSuffix(name, "_test.go")}
	f.addLines(name, source)
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			f.addFunction(d)
		case *ast.GenDecl:
			f.addNames(d)
		}
	}
	return nil
}

// fileMeasure adds the figures of one file to a Size.
type fileMeasure struct {
	*Size
	positions *token.FileSet
	isTest    bool
}

func (f fileMeasure) addLines(name string, source []byte) {
	number := 0
	for line := range strings.Lines(string(source)) {
		number++
		if utf8.RuneCountInString(strings.TrimRight(line, "\r\n")) > maxColumns {
			f.LongLines = append(f.LongLines, token.Position{Filename: name, Line: number}.String())
		}
	}
	f.FileLines = append(f.FileLines, number)
}

func (f fileMeasure) addFunction(d *ast.FuncDecl) {
	name := d.Name.Name
	f.FunctionLines = append(f.FunctionLines, f.positions.Position(d.End()).Line-f.positions.Position(d.Pos()).Line+1)
	parameters := 0
	for _, field := range d.Type.Params.List {
		count := max(1, len(field.Names)) // a parameter without a name is one
		parameters += count
		if isBool(field.Type) {
			for range count {
				f.BoolParameters = append(f.BoolParameters, f.at(d, name))
			}
		}
	}
	if parameters > maxParameters {
		f.LongSignatures = append(f.LongSignatures, f.at(d, name))
	}
	if d.Name.IsExported() && d.Doc == nil && isExportedReceiver(d) && !isCommonMethod(d) {
		f.addUndocumented(d, name)
	}
}

// addNames adds the exported types, constants and variables without a comment. The comment of a group counts for each
// of its names.
func (f fileMeasure) addNames(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && s.Doc == nil && s.Comment == nil && d.Doc == nil {
				f.addUndocumented(s, s.Name.Name)
			}
		case *ast.ValueSpec:
			for _, name := range s.Names {
				if name.IsExported() && s.Doc == nil && s.Comment == nil && d.Doc == nil {
					f.addUndocumented(name, name.Name)
				}
			}
		}
	}
}

func (f fileMeasure) addUndocumented(node ast.Node, name string) {
	if !f.isTest {
		f.Undocumented = append(f.Undocumented, f.at(node, name))
	}
}

// at returns where a name is declared.
func (f fileMeasure) at(node ast.Node, name string) string {
	position := f.positions.Position(node.Pos())
	position.Column = 0
	return position.String() + " " + name
}

func isBool(e ast.Expr) bool {
	identifier, ok := e.(*ast.Ident)
	return ok && identifier.Name == "bool"
}

// isExportedReceiver reports whether a declaration is a function, or a method of an exported type.
func isExportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	exported := false
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		identifier, ok := n.(*ast.Ident)
		exported = exported || ok && identifier.IsExported()
		return !ok
	})
	return exported
}

// commonMethods are the methods that an interface of the standard library documents. Source: the linter revive, rule
// exported.
var commonMethods = []string{"Error", "Read", "ServeHTTP", "String", "Unwrap", "Write"}

func isCommonMethod(d *ast.FuncDecl) bool {
	return d.Recv != nil && slices.Contains(commonMethods, d.Name.Name)
}
