package tests

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/deploy/simulated"
	"lockstep/internal/pipeline"
	"lockstep/tests/harness"
)

// The page on the pipelines has every pipeline with its stages, as they are in internal/pipeline.
func TestDocument_PipelineTableIsCurrent(t *testing.T) {
	c, err := config.Load(harness.Platform())
	require.NoError(t, err)
	var out strings.Builder
	out.WriteString("\n\n| pipeline | starts with | stage | jobs | may do |\n| -- | -- | -- | -- | -- |\n")
	for _, definition := range pipeline.Pipelines(c) {
		name, trigger := definition.Name, string(definition.Trigger)
		for _, stage := range definition.Stages {
			var jobs []string
			for _, job := range stage.Jobs {
				jobs = append(jobs, job.Name)
			}
			stageName := stage.Name
			if stage.Approval != "" {
				stageName += ", after an approval"
			}
			out.WriteString(tableRow(name, trigger, stageName, strings.Join(jobs, ", "),
				permissionText(stage.Jobs[0].Permission)))
			name, trigger = "", ""
		}
	}
	out.WriteString("\n")
	file := filepath.Join(repository, "docs", "pipelines.md")
	require.NoError(t, harness.CheckSection(file, "<!-- pipelines: written by the tests -->", "<!-- end of pipelines -->",
		out.String(), *update))
}

// The page on what AWS does has every row of the catalogue that the simulated cloud plays, with its source and a test.
// TestDocument_NamedTestsExist holds that the tests exist.
func TestDocument_BehavioursOfAWSAreCurrent(t *testing.T) {
	var out strings.Builder
	out.WriteString("\n\n| name | what AWS does | what Lockstep does | " +
		"where it is said | test |\n| -- | -- | -- | -- | -- |\n")
	names := map[string]bool{}
	for _, row := range simulated.Catalogue() {
		require.False(t, names[row.Name], "two rows are called %q", row.Name)
		names[row.Name] = true
		folder, test, hasTest := strings.Cut(row.Test, ".")
		require.True(t, hasTest, "the row %q has no test", row.Name)
		require.Contains(t, row.Source, "https://", "the row %q has no source", row.Name)
		out.WriteString(tableRow(row.Name, row.Does, row.Client, "[source]("+row.Source+")",
			"`"+test+"` in `internal/"+folder+"`"))
	}
	out.WriteString("\n")
	file := filepath.Join(repository, "docs", "aws-behaviour.md")
	require.NoError(t, harness.CheckSection(file, "<!-- behaviours: written by the tests -->",
		"<!-- end of behaviours -->", out.String(), *update))
}

// The page on what AWS does has every finding of the simulated cloud's table, with what is open.
func TestDocument_FindingsAboutAWSAreCurrent(t *testing.T) {
	var out strings.Builder
	out.WriteString("\n\n|  | what goes wrong | what Lockstep does | tests |\n| -- | -- | -- | -- |\n")
	seen := map[string]bool{}
	for _, f := range simulated.Findings() {
		require.False(t, seen[f.ID], "%s is there twice", f.ID)
		require.NotEmpty(t, f.Tests, f.ID)
		seen[f.ID] = true
		var tests []string
		for _, named := range f.Tests {
			folder, test, _ := strings.Cut(named, ".")
			tests = append(tests, "`"+test+"` in `"+folder+"`")
		}
		out.WriteString(tableRow(f.ID, f.Wrong, f.Now, strings.Join(tests, ", ")))
	}
	out.WriteString("\n")
	file := filepath.Join(repository, "docs", "aws-behaviour.md")
	require.NoError(t, harness.CheckSection(file, "<!-- findings: written by the tests -->",
		"<!-- end of findings -->", out.String(), *update))
}

// tableRow returns a row of a table.
func tableRow(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

// permissionText returns what a job may do in the accounts of its environment.
func permissionText(p pipeline.Permission) string {
	switch p {
	case pipeline.NoPermission:
		return "nothing in any account"
	case pipeline.PlanPermission:
		return "create change sets"
	case pipeline.DeployPermission:
		return "deploy"
	case pipeline.ReadPermission:
		return "read"
	}
	return string(p)
}

// schemaNode is the part of a JSON schema that the page on the configuration shows.
type schemaNode struct {
	Type                 any                   `json:"type"`
	Title                string                `json:"title"`
	Description          string                `json:"description"`
	Default              any                   `json:"default"`
	Properties           map[string]schemaNode `json:"properties"`
	AdditionalProperties any                   `json:"additionalProperties"`
	Items                *schemaNode           `json:"items"`
	Required             []string              `json:"required"`
}

// The page on the configuration has every key of the schemas.
func TestDocument_ConfigurationTablesAreCurrent(t *testing.T) {
	page := filepath.Join(repository, "docs", "configuration.md")
	for _, name := range []string{"pipeline", "environment", "waivers"} {
		text, err := os.ReadFile(filepath.Join(repository, "config", "schema", name+".json"))
		require.NoError(t, err)
		var schema schemaNode
		require.NoError(t, json.Unmarshal(text, &schema))
		rows := schemaRows("", schema)
		require.NotEmpty(t, rows)
		section := "\n\n| key | meaning | default |\n| -- | -- | -- |\n" + strings.Join(rows, "") + "\n"
		require.NoError(t, harness.CheckSection(page, "<!-- keys of "+name+": written by the tests -->",
			"<!-- end of keys of "+name+" -->", section, *update))
	}
}

// schemaRows returns a row for each key of a mapping, and of the mappings in it.
func schemaRows(prefix string, mapping schemaNode) []string {
	var rows []string
	for _, key := range slices.Sorted(maps.Keys(mapping.Properties)) {
		node := mapping.Properties[key]
		name := prefix + key
		inner := node
		if node.Items != nil && len(node.Items.Properties) > 0 {
			name, inner = name+"[]", *node.Items
		}
		value := defaultText(node.Default)
		if value == "" && slices.Contains(mapping.Required, key) {
			value = "required"
		}
		rows = append(rows, tableRow("`"+name+"`", keyText(key, node), value))
		rows = append(rows, schemaRows(name+".", inner)...)
	}
	return rows
}

// keyText returns what a key means, without its name and without its default.
func keyText(key string, node schemaNode) string {
	text := node.Description
	for _, beginning := range []string{" is ", " are ", " "} {
		text = strings.TrimPrefix(text, key+beginning)
	}
	text = regexp.MustCompile(`; [^;]+? by default`).ReplaceAllString(text, "")
	if text == "" {
		text = node.Title
	}
	if text == "" && node.Items != nil {
		text = node.Items.Description
	}
	return strings.NewReplacer("|", `\|`, "**", `\*\*`).Replace(strings.TrimSuffix(text, "."))
}

// defaultText returns a default as the page shows it. It is empty for none, and for that of a mapping, whose keys have
// theirs.
func defaultText(value any) string {
	switch value := value.(type) {
	case string:
		return "`" + value + "`"
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(value)
	case []any:
		var all []string
		for _, one := range value {
			all = append(all, defaultText(one))
		}
		return strings.Join(all, ", ")
	}
	return ""
}
