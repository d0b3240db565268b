// Package requests owns the models of the requests that Lockstep sends to AWS, generated from botocore at its pinned
// version, and holds requests against them: what AWS would refuse, a test refuses too. It is for tests.
package requests

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"

	"lockstep/internal/fault"
)

//go:generate go run ./generate

//go:embed models.json
var embedded []byte

// A Service is the model of a service, as far as it is used.
type Service struct {
	// Operations are the names of the shapes of inputs, by operation; "" for an operation without input.
	Operations map[string]string `json:"operations"`
	Shapes     map[string]Shape  `json:"shapes"`
}

// A Shape is the model of a value.
type Shape struct {
	Type     string   `json:"type"`
	Required []string `json:"required,omitempty"`
	// Members are the shapes of a structure's members, and Member and Value those of a list and a map.
	Members map[string]string `json:"members,omitempty"`
	Member  string            `json:"member,omitempty"`
	Value   string            `json:"value,omitempty"`
	Enum    []string          `json:"enum,omitempty"`
	Pattern string            `json:"pattern,omitempty"`
	Min     *float64          `json:"min,omitempty"`
	Max     *float64          `json:"max,omitempty"`
}

// Models returns the models by the ids of the services.
var Models = sync.OnceValue(func() map[string]Service {
	var models map[string]Service
	if err := json.Unmarshal(embedded, &models); err != nil {
		panic(fmt.Sprintf("the embedded models cannot be read: %v", err))
	}
	return models
})

// Validate returns a configuration whose clients send no request that the model of its service does not take.
func Validate(cfg aws.Config) aws.Config {
	cfg = cfg.Copy()
	cfg.APIOptions = append(slices.Clip(cfg.APIOptions), func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("LockstepValidateRequest", validate),
			middleware.After)
	})
	return cfg
}

func validate(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
	middleware.InitializeOutput, middleware.Metadata, error,
) {
	service, operation := awsmiddleware.GetServiceID(ctx), middleware.GetOperationName(ctx)
	if problems := Check(service, operation, in.Parameters); len(problems) > 0 {
		return middleware.InitializeOutput{}, middleware.Metadata{},
			fault.Errorf(fault.AWSRefused, "the model of %s does not take this %s: %s", service, operation,
				strings.Join(problems, "; "))
	}
	return next.HandleInitialize(ctx, in)
}

// Check returns what the model of a service does not take of an operation's input.
func Check(service, operation string, input any) []string {
	model, ok := Models()[service]
	if !ok {
		return []string{"there is no model of " + service + ": run go generate ./internal/awsmodel/requests"}
	}
	shape, ok := model.Operations[operation]
	if !ok {
		return []string{"there is no model of " + operation + ": run go generate ./internal/awsmodel/requests"}
	}
	if shape == "" {
		return nil
	}
	c := &checker{model: model}
	c.check(shape, "", reflect.ValueOf(input))
	return c.problems
}

// A checker collects what a model does not take.
type checker struct {
	model    Service
	problems []string
}

func (c *checker) report(path, format string, args ...any) {
	c.problems = append(c.problems, strings.TrimPrefix(path+": ", ": ")+fmt.Sprintf(format, args...))
}

// check checks a value, which is not absent.
func (c *checker) check(name, path string, v reflect.Value) {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	shape := c.model.Shapes[name]
	switch {
	case shape.Type == "structure" && v.Kind() == reflect.Struct:
		c.checkMembers(shape, path, v)
	case shape.Type == "list" && v.Kind() == reflect.Slice:
		c.checkSize(shape, path, float64(v.Len()), "items")
		for i := range v.Len() {
			c.check(shape.Member, fmt.Sprintf("%s/%d", path, i), v.Index(i))
		}
	case shape.Type == "map" && v.Kind() == reflect.Map:
		c.checkSize(shape, path, float64(v.Len()), "entries")
		for _, key := range v.MapKeys() {
			c.check(shape.Value, path+"/"+key.String(), v.MapIndex(key))
		}
	case v.Kind() == reflect.String:
		c.checkText(shape, path, v.String())
	case v.CanInt():
		c.checkSize(shape, path, float64(v.Int()), "as its value")
	}
}

// checkMembers checks the members of a structure. The SDK's fields differ from the model's members in the case of their
// first letter alone.
func (c *checker) checkMembers(shape Shape, path string, v reflect.Value) {
	for _, member := range slices.Sorted(maps.Keys(shape.Members)) {
		field := v.FieldByNameFunc(func(name string) bool { return strings.EqualFold(name, member) })
		switch {
		case field.IsValid() && !isAbsent(field):
			c.check(shape.Members[member], path+"/"+member, field)
		case slices.Contains(shape.Required, member):
			c.report(path+"/"+member, "it is required and missing")
		}
	}
}

// isAbsent reports whether the SDK leaves a field out of a request.
func isAbsent(field reflect.Value) bool {
	switch field.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return field.IsNil()
	case reflect.String:
		return field.Len() == 0
	}
	return false
}

func (c *checker) checkText(shape Shape, path, text string) {
	c.checkSize(shape, path, float64(utf8.RuneCountInString(text)), "characters")
	if len(shape.Enum) > 0 && !slices.Contains(shape.Enum, text) {
		c.report(path, "%q is none of %s", text, strings.Join(shape.Enum, ", "))
	}
	pattern, err := regexp.Compile(`^(?:` + shape.Pattern + `)$`)
	if shape.Pattern != "" && err == nil && !pattern.MatchString(text) {
		c.report(path, "%.100q does not match %s", text, shape.Pattern)
	}
}

// checkSize checks a length, or a number.
func (c *checker) checkSize(shape Shape, path string, size float64, what string) {
	if shape.Min != nil && size < *shape.Min {
		c.report(path, "it has %g %s, and at least %g are needed", size, what, *shape.Min)
	}
	if shape.Max != nil && size > *shape.Max {
		c.report(path, "it has %g %s, and at most %g are allowed", size, what, *shape.Max)
	}
}
