// Command generate writes models.json: of each service, the models of the operations that the clients of Lockstep have,
// from the botocore that the emulator is pinned with. `go generate ./internal/awsmodel/requests` runs it.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"

	"lockstep/internal/awsclient"
	"lockstep/internal/awsmodel/requests"
	"lockstep/internal/fsx"
	"lockstep/tools"
	"lockstep/tools/generated"
)

// clients are the clients by the folders of botocore's models, with the operations that other packages call.
func clients() map[string]client {
	return map[string]client{
		"cloudformation": {reflect.TypeFor[*awsclient.CloudFormation](), nil},
		"s3":             {reflect.TypeFor[*awsclient.S3](), []string{"CreateBucket", "HeadBucket"}},
		"sts":            {reflect.TypeFor[*awsclient.STS](), nil},
		"ssm":            {reflect.TypeFor[*awsclient.SSM](), nil},
		"ecr":            {reflect.TypeFor[*awsclient.ECR](), nil},
		"kms":            {reflect.TypeFor[*awsclient.KMS](), nil},
		"cloudwatch":     {reflect.TypeFor[*awsclient.CloudWatch](), nil},
		"iam":            {reflect.TypeFor[*awsclient.IAM](), nil},
		"codepipeline":   {reflect.TypeFor[*awsclient.CodePipeline](), nil},
		"cloudcontrol":   {reflect.TypeFor[*awsclient.CloudControl](), nil},
		"service-quotas": {reflect.TypeFor[*awsclient.ServiceQuotas](), nil},
	}
}

type client struct {
	methods reflect.Type
	more    []string
}

func (c client) operations() []string {
	names := slices.Clone(c.more)
	for i := range c.methods.NumMethod() {
		// A method of a client that is no operation has other parameters.
		if m := c.methods.Method(i); m.Type.NumIn() > 2 && m.Type.In(2).Kind() == reflect.Pointer {
			names = append(names, m.Name)
		}
	}
	return names
}

func main() { generated.Main("models.json", generate) }

// generate installs the emulator, which brings the models of botocore, and returns those of the called operations.
func generate(ctx context.Context, installer *tools.Installer) ([]byte, error) {
	dir, err := installer.Install(ctx, tools.Ministack)
	if err != nil {
		return nil, err
	}
	models := map[string]requests.Service{}
	for folder, c := range clients() {
		id, service, err := readService(dir, folder, c.operations())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", folder, err)
		}
		models[id] = service
	}
	text, err := json.MarshalIndent(models, "", " ")
	if err != nil {
		return nil, err
	}
	return append(text, '\n'), nil
}

// A document is a service's model as botocore has it.
type document struct {
	Metadata struct {
		ServiceID string `json:"serviceId"`
	} `json:"metadata"`
	Operations map[string]struct {
		Input struct {
			Shape string `json:"shape"`
		} `json:"input"`
	} `json:"operations"`
	Shapes map[string]struct {
		Type     string               `json:"type"`
		Required []string             `json:"required"`
		Members  map[string]reference `json:"members"`
		Member   reference            `json:"member"`
		Value    reference            `json:"value"`
		Enum     []string             `json:"enum"`
		Pattern  string               `json:"pattern"`
		Min      *float64             `json:"min"`
		Max      *float64             `json:"max"`
	} `json:"shapes"`
}

type reference struct {
	Shape string `json:"shape"`
}

// readService returns the id of a service and the models of operations.
func readService(dir, folder string, operations []string) (string, requests.Service, error) {
	service := requests.Service{Operations: map[string]string{}, Shapes: map[string]requests.Shape{}}
	found, err := filepath.Glob(filepath.Join(dir, "venv/lib/python*/site-packages/botocore/data", folder, "*",
		"service-2.json.gz"))
	if err != nil || len(found) == 0 {
		return "", service, errors.Join(err, errors.New("botocore has no such service"))
	}
	zipped, err := fsx.ReadFile(slices.Max(found), fsx.MaxText) // the newest version of the API
	if err != nil {
		return "", service, err
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return "", service, err
	}
	var d document
	if err := json.NewDecoder(unzipped).Decode(&d); err != nil {
		return "", service, err
	}
	for _, name := range operations {
		operation, ok := d.Operations[name]
		if !ok {
			return "", service, errors.New("there is no operation " + name)
		}
		service.Operations[name] = operation.Input.Shape
		d.add(service, operation.Input.Shape)
	}
	return d.Metadata.ServiceID, service, nil
}

// add adds a shape and those that it refers to.
func (d document) add(service requests.Service, name string) {
	if _, known := service.Shapes[name]; known || name == "" {
		return
	}
	s := d.Shapes[name]
	shape := requests.Shape{
		Type: s.Type, Required: s.Required, Member: s.Member.Shape, Value: s.Value.Shape, Enum: s.Enum, Pattern: s.Pattern,
		Min: s.Min, Max: s.Max,
	}
	if len(s.Members) > 0 {
		shape.Members = map[string]string{}
	}
	service.Shapes[name] = shape
	for member, of := range s.Members {
		shape.Members[member] = of.Shape
		d.add(service, of.Shape)
	}
	d.add(service, s.Member.Shape)
	d.add(service, s.Value.Shape)
}
