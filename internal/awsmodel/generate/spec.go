package main

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"lockstep/internal/awsmodel"
	"lockstep/internal/fsx"
)

// An entity is a resource type as the CDK's database has it.
type entity struct {
	Type         string `json:"cloudFormationType"`
	Stateful     bool   `json:"isStateful"`
	Scrutinizing string `json:"scrutinizable"`
	Properties   map[string]struct {
		CausesReplacement string `json:"causesReplacement"`
		Scrutinizing      string `json:"scrutinizable"`
	} `json:"properties"`
}

// addTo adds what the CDK's database says of a type to what the registry says.
func (e entity) addTo(t *awsmodel.Type) {
	t.Stateful = e.Stateful
	t.Scrutiny = scrutiny(e.Scrutinizing)
	for name, p := range e.Properties {
		if kind := scrutiny(p.Scrutinizing); kind != "" {
			if t.PropertyScrutiny == nil {
				t.PropertyScrutiny = map[string]string{}
			}
			t.PropertyScrutiny[name] = kind
		}
		switch p.CausesReplacement {
		case "yes":
			t.Replacing = append(t.Replacing, name)
		case "maybe":
			t.MaybeReplacing = append(t.MaybeReplacing, name)
		}
	}
	slices.Sort(t.Replacing)
	slices.Sort(t.MaybeReplacing)
}

// scrutiny returns a kind of scrutiny, and "" for none.
func scrutiny(kind string) string {
	if kind == "None" {
		return ""
	}
	return kind
}

// readSpec returns the resource types of the CDK's database by name.
func readSpec(path string) (map[string]entity, error) {
	file, err := fsx.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var document struct {
		Schema struct {
			Resource struct {
				Entities []entity `json:"entities"`
			} `json:"resource"`
		} `json:"schema"`
	}
	if err := json.NewDecoder(unpacked).Decode(&document); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	found := map[string]entity{}
	for _, e := range document.Schema.Resource.Entities {
		found[e.Type] = e
	}
	if len(found) == 0 {
		return nil, errors.New(path + " holds no resource types")
	}
	return found, nil
}
