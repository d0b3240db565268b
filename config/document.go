package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxFileBytes is far more than a person writes, and little enough to be parsed at once.
const maxFileBytes = 1 << 20

// document is a configuration file as it was written: its values, and where each stands.
type document struct {
	file   string
	root   ast.Node
	values map[string]any
	// removedPaths are the paths of values that were taken out because they are wrong.
	removedPaths [][]string
}

// position is a position in a file; both numbers count from 1.
type position struct{ line, column int }

func (d *document) newProblem(at position, message, hint string) Problem {
	return Problem{File: d.file, Line: at.line, Column: at.column, Message: message, Hint: hint}
}

// parseDocument reads a file's text as exactly one YAML mapping without aliases, which strict configuration does not need.
func parseDocument(file string, text []byte) (*document, Problems) {
	fail := func(at position, message, hint string) (*document, Problems) {
		return nil, Problems{{File: file, Line: at.line, Column: at.column, Message: message, Hint: hint}}
	}
	switch {
	case len(text) > maxFileBytes:
		return fail(position{}, fmt.Sprintf("is larger than %d bytes", maxFileBytes), "no configuration is; is this the right file?")
	case !utf8.Valid(text):
		return fail(position{1, 1}, "is not UTF-8 text", "save it as UTF-8")
	}
	parsed, err := parser.ParseBytes(text, 0)
	if err != nil {
		return fail(syntaxPosition(err), syntaxMessage(err), "mend the YAML")
	}
	docs := nonEmptyDocuments(parsed.Docs)
	switch {
	case len(docs) == 0:
		return fail(position{1, 1}, "is empty", "see the other files, or `lockstep config schema`")
	case len(docs) > 1:
		return fail(nodePosition(docs[1].Body), "has more than one YAML document", "keep one environment in a file")
	}
	if problems := findAliases(file, docs[0].Body); len(problems) > 0 {
		return nil, problems
	}
	if _, ok := docs[0].Body.(*ast.MappingNode); !ok {
		return fail(nodePosition(docs[0].Body), "is not a mapping", "write keys and values, as `region: eu-west-1`")
	}
	d := &document{file: file, root: docs[0].Body}
	if err := yaml.NodeToValue(docs[0].Body, &d.values); err != nil {
		return fail(syntaxPosition(err), syntaxMessage(err), "mend the YAML")
	}
	return d, nil
}

func nonEmptyDocuments(docs []*ast.DocumentNode) []*ast.DocumentNode {
	var full []*ast.DocumentNode
	for _, doc := range docs {
		if doc.Body != nil && doc.Body.Type() != ast.CommentType && doc.Body.Type() != ast.NullType {
			full = append(full, doc)
		}
	}
	return full
}

// findAliases finds anchors and what refers to them: a value must stand where it is read.
func findAliases(file string, root ast.Node) Problems {
	var problems Problems
	for _, kind := range []ast.NodeType{ast.AnchorType, ast.AliasType, ast.MergeKeyType, ast.TagType} {
		for _, node := range ast.Filter(kind, root) {
			at := nodePosition(node)
			problems = append(problems, Problem{
				File: file, Line: at.line, Column: at.column,
				Message: "anchors, aliases and tags are not used here", Hint: "write the value itself",
			})
		}
	}
	return problems
}

// removeValue takes a wrong value out, so that what is right can be looked at all the same. An item takes its whole list along.
func (d *document) removeValue(path []string) {
	d.removedPaths = append(d.removedPaths, path)
	values := d.values
	for i, key := range path {
		inner, ok := values[key].(map[string]any)
		if !ok || i == len(path)-1 {
			delete(values, key)
			return
		}
		values = inner
	}
}

// isIntact says whether nothing was taken out at or below a path.
func (d *document) isIntact(path ...string) bool {
	return !slices.ContainsFunc(d.removedPaths, func(dropped []string) bool {
		return len(dropped) >= len(path) && slices.Equal(dropped[:len(path)], path)
	})
}

// locate is where the value of a path of keys and indices stands, and as which token; the nearest part that exists if it does not.
func (d *document) locate(path ...string) (position, ast.Node) {
	node := d.root
	for _, step := range path {
		next := childNode(node, step)
		if next == nil {
			break
		}
		node = next
	}
	return nodePosition(node), node
}

// keyPosition is where a key of the mapping at the path stands.
func (d *document) keyPosition(path []string, key string) position {
	at, node := d.locate(path...)
	if m, ok := node.(*ast.MappingNode); ok {
		for _, value := range m.Values {
			if keyText(value.Key) == key {
				return tokenPosition(value.Key.GetToken())
			}
		}
	}
	return at
}

func childNode(node ast.Node, step string) ast.Node {
	switch node := node.(type) {
	case *ast.MappingNode:
		for _, value := range node.Values {
			if keyText(value.Key) == step {
				return value.Value
			}
		}
	case *ast.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(node.Values) {
			return node.Values[i]
		}
	}
	return nil
}

func keyText(key ast.MapKeyNode) string {
	if s, ok := key.(*ast.StringNode); ok {
		return s.Value
	}
	return key.GetToken().Value
}

// nodePosition is where a node begins; a mapping begins with its first key.
func nodePosition(node ast.Node) position {
	switch n := node.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return tokenPosition(n.Values[0].Key.GetToken())
		}
	case *ast.SequenceNode:
		return tokenPosition(n.Start)
	}
	if node == nil {
		return position{1, 1}
	}
	return tokenPosition(node.GetToken())
}

func tokenPosition(t *token.Token) position {
	if t == nil || t.Position == nil {
		return position{1, 1}
	}
	return position{t.Position.Line, t.Position.Column}
}

func syntaxPosition(err error) position {
	var syntax yaml.Error
	if errors.As(err, &syntax) {
		return tokenPosition(syntax.GetToken())
	}
	return position{1, 1}
}

func syntaxMessage(err error) string {
	var syntax yaml.Error
	if errors.As(err, &syntax) {
		return syntax.GetMessage()
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return first
}
