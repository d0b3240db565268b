package assembly

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
)

// errorMetadataType is the type of what an app says against its own stack with Annotations.addError.
const errorMetadataType = "aws:cdk:error"

// A metadataEntry is an entry of an artefact's metadata. Its data is text where its type is errorNote.
type metadataEntry struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// checkAppErrors refuses a stack against which its app has said something: the CDK command line deploys none either.
func (r *reader) checkAppErrors(dir string, a *artefact) error {
	notes := []map[string][]metadataEntry{a.Metadata}
	if a.MetadataFile != "" {
		file, err := r.resolvePath(dir, a.MetadataFile)
		if err != nil {
			return err
		}
		var more map[string][]metadataEntry
		if err := r.decode(file, &more); err != nil {
			return wrapMissing(file, err)
		}
		notes = append(notes, more)
	}
	var all []error
	for _, of := range notes {
		for _, construct := range sortedKeys(of) {
			for _, n := range of[construct] {
				var text string
				if n.Type == errorMetadataType && json.Unmarshal(n.Data, &text) == nil {
					all = append(all, fmt.Errorf("%s: the CDK app says: %s", construct, text))
				}
			}
		}
	}
	return errors.Join(all...)
}

// checkLookups refuses an assembly that was synthesised before all look-ups were answered: it holds values that stand
// for nothing.
func (m manifest) checkLookups(dir string) error {
	if len(m.Missing) == 0 {
		return nil
	}
	keys := make([]string, len(m.Missing))
	for i, look := range m.Missing {
		keys[i] = look.Key
	}
	return fmt.Errorf("%s: look-ups were not answered when it was synthesised, so it holds placeholders for %s: answer them with `cdk synth` and credentials, commit cdk.context.json, and synthesise again",
		path.Join(dir, "manifest.json"), strings.Join(keys, ", "))
}
