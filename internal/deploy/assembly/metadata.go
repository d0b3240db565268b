package assembly

import (
	"encoding/json"
	"errors"

	"lockstep/internal/fault"
	"lockstep/internal/jsonx"
)

// The types of the metadata entries that are read.
const (
	// errorMetadataType is the type of the errors that an app adds to its stacks with Annotations.addError.
	errorMetadataType = "aws:cdk:error"
	// logicalIDMetadataType is the type of the entry that gives the logical id of a construct's resource.
	logicalIDMetadataType = "aws:cdk:logicalId"
)

// A metadataEntry is an entry of an artefact's metadata. Its data is text if its type is one of the above.
type metadataEntry struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// text returns the data of an entry of a type; ok is false for an entry of another type.
func (e metadataEntry) text(entryType string) (data string, ok bool) {
	ok = e.Type == entryType && jsonx.UnmarshalForeign(e.Data, &data) == nil
	return data, ok
}

// readMetadata returns the metadata entries of an artefact by the path of their construct.
func (r *reader) readMetadata(dir string, a *artefact) (map[string][]metadataEntry, error) {
	if a.MetadataFile == "" {
		return a.Metadata, nil
	}
	file, err := r.resolvePath(dir, a.MetadataFile)
	if err != nil {
		return nil, err
	}
	all := map[string][]metadataEntry{}
	if _, err := r.decode(file, &all); err != nil {
		return nil, wrapMissing(file, err)
	}
	for construct, entries := range a.Metadata {
		all[construct] = append(entries, all[construct]...)
	}
	return all, nil
}

// checkAppErrors refuses a stack to which its app has added errors, as the CDK's command line does.
func checkAppErrors(metadata map[string][]metadataEntry) error {
	var errs []error
	for _, construct := range sortedKeys(metadata) {
		for _, entry := range metadata[construct] {
			if text, ok := entry.text(errorMetadataType); ok {
				errs = append(errs, fault.Errorf(fault.AppError, "%s: the CDK app says: %s", construct, text))
			}
		}
	}
	return errors.Join(errs...)
}

// constructPaths returns the paths of the constructs by the logical id of their resource.
func constructPaths(metadata map[string][]metadataEntry) map[string]string {
	paths := map[string]string{}
	for _, construct := range sortedKeys(metadata) {
		for _, entry := range metadata[construct] {
			if id, ok := entry.text(logicalIDMetadataType); ok {
				paths[id] = construct
			}
		}
	}
	return paths
}
