package digest

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"

	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
)

// growing is files that grow by a byte after they were opened.
type growing struct{ fstest.MapFS }

func (g growing) Open(name string) (fs.File, error) {
	file, err := g.MapFS.Open(name)
	if info, statErr := fs.Stat(g.MapFS, name); statErr == nil && !info.IsDir() {
		return opened{file, info}, err
	}
	return file, err
}

type opened struct {
	fs.File
	info fs.FileInfo
}

func (o opened) Stat() (fs.FileInfo, error) { return smaller{o.info}, nil }

type smaller struct{ fs.FileInfo }

func (s smaller) Size() int64 { return s.FileInfo.Size() - 1 }

func TestOfFiles_FileThatChangesMeanwhileIsNamed(t *testing.T) {
	printed := faulttest.Printed(t)
	_, err := OfFiles(growing{fstest.MapFS{"a": {Data: []byte("text")}}})
	assert.Equal(t, fault.SourceUnreadable, fault.CodeOf(printed.Error(err)), "%v", err)
}
