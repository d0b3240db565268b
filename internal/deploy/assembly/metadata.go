package assembly

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
)

// errorMetadataType is the type of the errors that an app adds to its stacks with Annotations.addError.
const errorMetadataType = "aws:cdk:error"

// A metadataEntry is an entry of an artefact's metadata. Its data is text if its type is errorMetadataType.
type metadataEntry struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// checkAppErrors refuses a stack to which its app has added errors, as the CDK's command line does.
func (r *reader) checkAppErrors(dir string, a *artefact) error {
	sources := []map[string][]metadataEntry{a.Metadata}
	if a.MetadataFile != "" {
		file, err := r.resolvePath(dir, a.MetadataFile)
		if err != nil {
			return err
		}
		var inFile map[string][]metadataEntry
		if err := r.decode(file, &inFile); err != nil {
			return wrapMissing(file, err)
		}
		sources = append(sources, inFile)
	}
	var errs []error
	for _, metadata := range sources {
		for _, construct := range sortedKeys(metadata) {
			for _, entry := range metadata[construct] {
				var text string
				if entry.Type == errorMetadataType && json.Unmarshal(entry.Data, &text) == nil {
					errs = append(errs, fmt.Errorf("%s: the CDK app says: %s", construct, text))
				}
			}
		}
	}
	return errors.Join(errs...)
}

// checkLookups refuses an assembly that was synthesised before all look-ups were answered: it contains placeholders.
func (m manifest) checkLookups(dir string) error {
	if len(m.Missing) == 0 {
		return nil
	}
	keys := make([]string, len(m.Missing))
	for i, lookup := range m.Missing {
		keys[i] = lookup.Key
	}
	return fmt.Errorf("%s: look-ups were not answered when it was synthesised, so it holds placeholders for %s: "+
		"answer them with `cdk synth` and credentials, commit cdk.context.json, and synthesise again",
		path.Join(dir, "manifest.json"), strings.Join(keys, ", "))
}
