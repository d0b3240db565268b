package config

import (
	"bytes"
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

	"lockstep/internal/fault"
)

// byteOrderMark may begin a file. Source: YAML 1.2, 5.2.
var byteOrderMark = []byte("\ufeff")

// document is a configuration file: its values, and the YAML nodes that know their positions.
type document struct {
	file   string
	root   ast.Node
	values map[string]any
	// removedPaths are the paths of invalid values, which are no longer in values.
	removedPaths [][]string
}

// position is a position in a file. Line and column count from 1; the column counts characters.
type position struct{ line, column int }

func (d *document) newProblem(code fault.Code, at position, message, hint string) Problem {
	return Problem{File: d.file, Line: at.line, Column: at.column, Code: code, Message: message, Hint: hint}
}

// parseDocument parses a file that holds exactly one YAML mapping. Anchors, aliases, tags and keys that are not text
// are refused: the reader of a configuration file should see each value where it applies.
func parseDocument(file string, text []byte) (*document, ValidationErrors) {
	fail := func(at position, message, hint string) (*document, ValidationErrors) {
		d := &document{file: file}
		return nil, ValidationErrors{d.newProblem(fault.ConfigSyntax, at, message, hint)}
	}
	text = bytes.TrimPrefix(text, byteOrderMark)
	switch {
	case len(text) > maxFileBytes:
		return fail(position{}, fmt.Sprintf("is larger than %d bytes", maxFileBytes), "check that this is the right file")
	case !utf8.Valid(text):
		return fail(position{1, 1}, "is not UTF-8 text", "save it as UTF-8")
	}
	if problems := (&document{file: file}).checkNesting(string(text)); len(problems) > 0 {
		return nil, problems
	}
	parsed, err := parser.ParseBytes(text, 0)
	if err != nil {
		return fail(syntaxPosition(err), syntaxMessage(err), "fix the YAML")
	}
	docs := nonEmptyDocuments(parsed.Docs)
	switch {
	case len(docs) == 0:
		return fail(position{1, 1}, "is empty", "see the other files, or `lockstep config schema`")
	case len(docs) > 1:
		return fail(nodePosition(docs[1].Body), "has more than one YAML document", "keep one environment in a file")
	}
	d := &document{file: file, root: docs[0].Body}
	if problems := append(d.findAliases(), d.findNonTextKeys()...); len(problems) > 0 {
		return nil, problems
	}
	if _, ok := d.root.(*ast.MappingNode); !ok {
		return fail(nodePosition(d.root), "is not a mapping", "write keys and values, as `region: eu-west-1`")
	}
	if err := yaml.NodeToValue(d.root, &d.values); err != nil {
		return fail(syntaxPosition(err), syntaxMessage(err), "fix the YAML")
	}
	return d, nil
}

// nonEmptyDocuments returns the documents that hold more than comments.
func nonEmptyDocuments(docs []*ast.DocumentNode) []*ast.DocumentNode {
	var full []*ast.DocumentNode
	for _, doc := range docs {
		if doc.Body != nil && doc.Body.Type() != ast.CommentType && doc.Body.Type() != ast.NullType {
			full = append(full, doc)
		}
	}
	return full
}

// findAliases returns a problem for each anchor, alias, merge key and tag.
func (d *document) findAliases() ValidationErrors {
	var problems ValidationErrors
	for _, nodeType := range []ast.NodeType{ast.AnchorType, ast.AliasType, ast.MergeKeyType, ast.TagType} {
		for _, node := range ast.Filter(nodeType, d.root) {
			problems = append(problems,
				d.newProblem(fault.ConfigSyntax, nodePosition(node), "anchors, aliases and tags are not used here",
					"write the value itself"))
		}
	}
	return problems
}

// findNonTextKeys returns a problem for each key that YAML takes for a number, a boolean or null.
func (d *document) findNonTextKeys() ValidationErrors {
	var problems ValidationErrors
	for _, node := range ast.Filter(ast.MappingType, d.root) {
		for _, value := range node.(*ast.MappingNode).Values {
			text, isPlain := plainText(value.Key)
			isText := value.Key.Type() == ast.StringType && (!isPlain || !numericPattern.MatchString(text))
			if isText || value.Key.IsMergeKey() {
				continue
			}
			key := value.Key.GetToken()
			problems = append(problems, d.newProblem(fault.ConfigSyntax, tokenPosition(key),
				fmt.Sprintf("the key %s is not text", key.Value), fmt.Sprintf("write %q in quotes", key.Value)))
		}
	}
	return problems
}

// removeValue removes an invalid value, so that the other rules can be applied to the rest. An invalid item removes its
// whole list.
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

// setValue replaces the value at a path of keys. A path that does not exist, or leads into a list, changes nothing.
func (d *document) setValue(path []string, value any) {
	values := d.values
	for _, key := range path[:len(path)-1] {
		values, _ = values[key].(map[string]any)
	}
	key := path[len(path)-1]
	if _, exists := values[key]; exists {
		values[key] = value
	}
}

// isIntact reports whether nothing was removed at or below a path.
func (d *document) isIntact(path ...string) bool {
	return !slices.ContainsFunc(d.removedPaths, func(removed []string) bool {
		return len(removed) >= len(path) && slices.Equal(removed[:len(path)], path)
	})
}

// locate returns the position and the node of the value at a path of keys and indices. If there is none it returns
// those of the nearest value around it.
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

// keyPosition returns the position of a key of the mapping at the path.
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

// childNode returns the value of a key or an index; nil if there is none.
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

// keyText returns a key without its quotes.
func keyText(key ast.MapKeyNode) string {
	if s, ok := key.(*ast.StringNode); ok {
		return s.Value
	}
	return key.GetToken().Value
}

// nodePosition returns the position at which a node begins. A mapping begins with its first key.
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

// syntaxPosition returns the position that an error of the parser names.
func syntaxPosition(err error) position {
	var syntax yaml.Error
	if errors.As(err, &syntax) {
		return tokenPosition(syntax.GetToken())
	}
	return position{1, 1}
}

// syntaxMessage returns the first line of an error of the parser, without the excerpt of the file that follows.
func syntaxMessage(err error) string {
	var syntax yaml.Error
	if errors.As(err, &syntax) {
		return syntax.GetMessage()
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return first
}
