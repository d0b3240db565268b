package assembly

import (
	"cmp"
	"io/fs"
	"path"
	"slices"
	"strings"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/jsonx"
)

// A Lookup is what an app asks an account for while it is synthesised.
type Lookup struct {
	// Key is the key of the answer in cdk.context.json.
	Key string `json:"key"`
	// Provider says what is looked up, such as availability-zones.
	Provider string `json:"provider"`
	Props    struct {
		Account string `json:"account"`
		Region  string `json:"region"`
	} `json:"props"`
}

// CheckLookups refuses an assembly whose templates hold placeholders, because look-ups had no answer.
func (a *Assembly) CheckLookups() error {
	if len(a.Lookups) == 0 {
		return nil
	}
	keys := make([]string, len(a.Lookups))
	for i, lookup := range a.Lookups {
		keys[i] = lookup.Key
	}
	return fault.Errorf(fault.LookupsMissing,
		"look-ups were not answered when it was synthesised, so it holds placeholders for %s: ask AWS for the answers "+
			"with `lockstep context --env ENVIRONMENT --live`, commit cdk.context.json, and synthesise again",
		strings.Join(keys, ", "))
}

// Lookups returns the look-ups without an answer of a cloud assembly, those of nested assemblies included, by their
// keys. What Read refuses is left out.
func Lookups(fsys fs.FS) ([]Lookup, error) {
	var found []Lookup
	err := walkFiles(fsys, func(name string) error {
		if path.Base(name) != manifestFile {
			return nil
		}
		text, err := fsx.ReadFileFS(fsys, name, fsx.MaxText)
		if err != nil {
			return err
		}
		var m manifest
		if jsonx.UnmarshalForeign(text, &m) == nil {
			found = append(found, m.Missing...)
		}
		return nil
	})
	return uniqueLookups(found), err
}

// uniqueLookups returns each look-up once, in the order of the keys.
func uniqueLookups(lookups []Lookup) []Lookup {
	slices.SortFunc(lookups, func(a, b Lookup) int { return cmp.Compare(a.Key, b.Key) })
	return slices.CompactFunc(lookups, func(a, b Lookup) bool { return a.Key == b.Key })
}
