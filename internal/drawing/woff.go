package drawing

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
)

// The sizes in bytes of the header of a font and of an entry for one of its tables: in a WOFF, and in the font that is
// packed in it. Source: WOFF File Format 1.0, W3C; OpenType, "The OpenType Font File".
const (
	woffHeader, woffEntry = 44, 20
	fontHeader, fontEntry = 12, 16
)

// maxFontTable is more bytes than a table of a font with few characters has.
const maxFontTable = 4 << 20

// unpackWOFF returns the TrueType or OpenType font that a WOFF of version 1 holds. Its tables keep their order.
func unpackWOFF(packed []byte) ([]byte, error) {
	if len(packed) < woffHeader || string(packed[:4]) != "wOFF" {
		return nil, errBadFont
	}
	count := int(binary.BigEndian.Uint16(packed[12:]))
	if len(packed) < woffHeader+count*woffEntry {
		return nil, errBadFont
	}
	font := make([]byte, fontHeader+count*fontEntry)
	copy(font, packed[4:8])        // the kind of font
	copy(font[4:6], packed[12:14]) // the number of tables
	for i := range count {
		from, to := packed[woffHeader+i*woffEntry:], font[fontHeader+i*fontEntry:]
		table, err := unpackTable(packed, from)
		if err != nil {
			return nil, err
		}
		copy(to[:4], from[:4])     // the name
		copy(to[4:8], from[16:20]) // the checksum
		binary.BigEndian.PutUint32(to[8:], uint32(len(font)))
		binary.BigEndian.PutUint32(to[12:], uint32(len(table)))
		font = append(font, table...)
		font = append(font, make([]byte, -len(table)&3)...)
	}
	return font, nil
}

// errBadFont says that an SVG has a font that cannot be read.
var errBadFont = fault.New(fault.ToolBroken, "the SVG has a font that is no WOFF")

// unpackTable returns the table of an entry.
func unpackTable(packed, entry []byte) ([]byte, error) {
	offset, size := binary.BigEndian.Uint32(entry[4:]), binary.BigEndian.Uint32(entry[8:])
	want := binary.BigEndian.Uint32(entry[12:])
	if end := uint64(offset) + uint64(size); end > uint64(len(packed)) || want > maxFontTable {
		return nil, errBadFont
	}
	table := packed[offset : offset+size]
	if size == want {
		return table, nil
	}
	reader, err := zlib.NewReader(bytes.NewReader(table))
	if err != nil {
		return nil, errBadFont
	}
	table, err = fsx.ReadAll(reader, "a table of a font", int64(want))
	if err != nil || len(table) != int(want) {
		return nil, errBadFont
	}
	return table, nil
}
