package config

import (
	"fmt"
	"io"
	"io/fs"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"

	"lockstep/internal/fault"
)

// The bounds of a file. The parser takes 400 bytes of memory for each byte, and the square of the depth.
const (
	// maxFileBytes is the size of the largest file that is parsed. An account of an environment takes some 60 bytes.
	maxFileBytes = 256 << 10
	// maxDepth is how deep values may be nested. The schemas have less than 10 levels, and the options of plugins are the
	// only values beside them.
	maxDepth = 50
)

// readBounded returns what a regular file holds, of which it reads no more than one byte over maxFileBytes.
func readBounded(files fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(files, name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular(): // opening a device may have effects
		return nil, fault.NotFile(info.Mode())
	}
	file, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxFileBytes+1))
}

// checkNesting returns a problem if the text is nested deeper than maxDepth. It looks at the tokens, before the parser
// makes a tree of them.
func (d *document) checkNesting(text string) ValidationErrors {
	var n nesting
	for _, t := range lexer.Tokenize(text) {
		if n.add(t); n.depth() > maxDepth {
			return ValidationErrors{d.newProblem(fault.ConfigSyntax, tokenPosition(t),
				fmt.Sprintf("is nested deeper than %d levels", maxDepth),
				"check that this is the right file")}
		}
	}
	return nil
}

// A nesting is how deep a token is nested.
type nesting struct {
	// flow is how many brackets are open.
	flow int
	// columns are those in which the open block collections begin, each greater than the one before.
	columns []int
}

func (n *nesting) depth() int { return n.flow + len(n.columns) }

// add goes on by a token.
func (n *nesting) add(t *token.Token) {
	switch t.Type {
	case token.SequenceStartType, token.MappingStartType:
		n.flow++
	case token.SequenceEndType, token.MappingEndType:
		n.flow = max(n.flow-1, 0)
	case token.SequenceEntryType, token.MappingKeyType:
		n.addBlock(t)
	case token.MappingValueType:
		if t.Prev != nil { // the key
			n.addBlock(t.Prev)
		}
	}
}

// addBlock goes on by the first token of an entry of a block collection.
func (n *nesting) addBlock(t *token.Token) {
	if n.flow > 0 {
		return
	}
	column := t.Position.Column
	for len(n.columns) > 0 && n.columns[len(n.columns)-1] >= column {
		n.columns = n.columns[:len(n.columns)-1]
	}
	n.columns = append(n.columns, column)
}
