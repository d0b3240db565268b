package rehearsal

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/fault"
	"lockstep/internal/jsonx"
	"lockstep/internal/process"
	"lockstep/tools"
)

// A MacroTemplate is a template that declares macros, and what they need to know.
type MacroTemplate struct {
	Region     string            `json:"region"`
	Template   map[string]any    `json:"template"`
	Parameters map[string]string `json:"parameters"`
	// stack names the template in messages.
	stack string
}

// expandedMacros are the macros of AWS that are expanded before the accounts see a template, because they make
// resources of which the accounts may not know the type.
var expandedMacros = []string{"AWS::LanguageExtensions", serverlessTransform}

// includeMacro reads from a bucket, which only the accounts have.
const includeMacro = "AWS::Include"

// declaresMacro reports whether a template declares a macro that is expanded here.
func declaresMacro(document map[string]any) bool {
	names, isList := document["Transform"].([]any)
	if !isList {
		names = []any{document["Transform"]}
	}
	isExpanded := func(name any) bool {
		text, _ := name.(string)
		return slices.Contains(expandedMacros, text)
	}
	return slices.ContainsFunc(names, isExpanded) && !slices.Contains(names, any(includeMacro))
}

// expandAll expands the templates that declare macros, in place, and marks them as changed. The parameters are values
// of the configuration, by stack and name.
func (a Adapter) expandAll(
	templates []assembly.TemplateFile, isChanged []bool, parameters map[string]map[string]string,
) error {
	var requests []MacroTemplate
	var indices []int
	for i, t := range templates {
		if !declaresMacro(t.Document) {
			continue
		}
		values := map[string]string{}
		maps.Copy(values, t.Parameters)
		maps.Copy(values, parameters[t.Stack])
		region := t.Region
		if region == unknownRegion {
			region = ""
		}
		indices = append(indices, i)
		requests = append(requests, MacroTemplate{Region: region, Template: t.Document, Parameters: values, stack: t.Stack})
	}
	if len(requests) == 0 {
		return nil
	}
	expanded, err := a.Expand(requests)
	if err != nil {
		return err
	}
	for n, i := range indices {
		templates[i].Document, isChanged[i] = expanded[n], true
	}
	return nil
}

// macrosTimeout is how long an interrupted expansion may take to end by itself.
const macrosTimeout = time.Second

// ExpandMacros implements Adapter.Expand with the libraries that the emulator has.
func (e *Emulator) ExpandMacros(ctx context.Context, templates []MacroTemplate) ([]map[string]any, error) {
	installed, err := e.install(ctx, tools.Ministack)
	if err != nil {
		return nil, err
	}
	request, err := json.Marshal(templates)
	if err != nil {
		return nil, err
	}
	if err := e.writeProgram(macrosFile); err != nil {
		return nil, err
	}
	cmd := process.Command(ctx, filepath.Join(installed, tools.MinistackPython), e.path(macrosFile))
	var out, log bytes.Buffer
	cmd.Env = append(slices.Clone(e.Environ), "AWS_EC2_METADATA_DISABLED=true", "PYTHONDONTWRITEBYTECODE=1")
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = installed, bytes.NewReader(request), &out, &log
	if err := process.RunGroup(cmd, macrosTimeout); err != nil {
		return nil, fault.Errorf(fault.EmulatorFailed, "the macros of the templates cannot be expanded: %s: %s",
			process.DescribeExit(err), tools.LastLines(log.String(), 3))
	}
	return readExpanded(templates, out.Bytes())
}

// readExpanded reads the answer to a request.
func readExpanded(templates []MacroTemplate, answer []byte) ([]map[string]any, error) {
	var results []struct {
		Template map[string]any `json:"template"`
		Error    string         `json:"error"`
	}
	if err := jsonx.UnmarshalForeign(answer, &results); err != nil {
		return nil, err
	}
	if len(results) != len(templates) {
		return nil, fault.Errorf(fault.EmulatorFailed, "%d of %d templates were expanded", len(results), len(templates))
	}
	var expanded []map[string]any
	for i, result := range results {
		if result.Error != "" {
			return nil, fault.Errorf(fault.EmulatorTemplate, "stack %s: the macros that it declares refuse it: %s; fix it in "+
				"the app, because CloudFormation refuses it too", templates[i].stack, oneLine(result.Error))
		}
		expanded = append(expanded, result.Template)
	}
	return expanded, nil
}

// oneLine returns a text without line breaks.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// Adapter returns what adapts cloud assemblies to the emulator.
func (e *Emulator) Adapter(ctx context.Context) Adapter {
	return Adapter{
		KnownTypes: func() (map[string]bool, error) { return e.KnownTypes(ctx) },
		Expand: func(templates []MacroTemplate) ([]map[string]any, error) {
			return e.ExpandMacros(ctx, templates)
		},
	}
}
