package tests

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	markdown "github.com/yuin/goldmark/ast"
	tables "github.com/yuin/goldmark/extension/ast"

	"lockstep/config"
	"lockstep/internal/pipeline"
	"lockstep/internal/repo"
	"lockstep/tests/harness"
)

// topics are what the index of the documentation leads to, whatever else it leads to.
var topics = []string{
	"introduction", "purpose", "audience", "business value", "use case",
	"user stories", "operational stories", "technical stories",
	"functional requirements", "non-functional requirements",
	"monitoring practices", "key metrics", "performance architecture", "process of optimising",
	"controls matrix", "scalability", "availability", "core architecture principles", "CI/CD pipeline",
	"storage", "configuration", "security controls", "observability", "diagrams", "AWS services", "decision records",
	"technology stack", "project structure", "implementation details", "best practices",
	"deployment workflow", "deployment strategy", "budget monitoring", "troubleshooting", "access issues",
	"maintenance", "documentation upkeep", "backup and retention", "security architecture", "incident response",
	"backlog", "glossary", "references",
}

func TestDocument_EveryTopicHasPage(t *testing.T) {
	p := readPage(t, os.DirFS(repository), "docs/README.md")
	links := map[string]int{}
	for _, row := range tableRows(p.root) {
		name := p.plainText(row.FirstChild())
		walkNodes(row.LastChild(), func(*markdown.Link) { links[name]++ })
	}
	for _, topic := range topics {
		assert.Positive(t, links[topic], "docs/README.md leads nowhere for %s", topic)
	}
}

var (
	cdkImport   = regexp.MustCompile(`"github\.com/aws/aws-cdk-go/awscdk/v2/aws(\w+)"`)
	serviceType = regexp.MustCompile(`^AWS::(\w+)$`)
)

// The services of the stacks are those whose constructs the CDK app imports.
func TestDocument_ServicesAreThoseOfTheApp(t *testing.T) {
	files := os.DirFS(repository)
	imported := map[string]bool{}
	for _, name := range goFiles(t, files, "infra") {
		source, err := fs.ReadFile(files, name)
		require.NoError(t, err)
		for _, match := range cdkImport.FindAllSubmatch(source, -1) {
			// The library keeps the subscriptions of SNS in a package of their own.
			imported[strings.TrimSuffix(string(match[1]), "subscriptions")] = true
		}
	}
	documented := map[string]bool{}
	p := readPage(t, files, "docs/services.md")
	for _, name := range p.codeSpans(p.root) {
		if match := serviceType.FindStringSubmatch(name); match != nil {
			documented[strings.ToLower(match[1])] = true
		}
	}
	assert.Greater(t, len(imported), 15)
	assert.Equal(t, slices.Sorted(maps.Keys(imported)), slices.Sorted(maps.Keys(documented)))
}

// goFiles returns the Go files below a folder, without tests.
func goFiles(t *testing.T, files fs.FS, folder string) []string {
	t.Helper()
	var names []string
	require.NoError(t, fs.WalkDir(files, folder, func(name string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			names = append(names, name)
		}
		return err
	}))
	return names
}

// The versions on the page on the technology are those of the files that pin them.
func TestDocument_VersionsArePinned(t *testing.T) {
	files := os.DirFS(repository)
	p := readPage(t, files, "docs/stack.md")
	rows := evidenceRows(p, "pinned in")
	for _, row := range rows {
		assert.Empty(t, versionProblem(t, files, p, row), p.plainText(row.FirstChild()))
	}
	assert.Greater(t, len(rows), 15)
}

func TestDocument_StaleVersionIsReported(t *testing.T) {
	files := fstest.MapFS{"go.mod": file("module m\n\nrequire a/b v1.2.3\n")}
	for name, test := range map[string]struct{ row, want string }{
		"the pinned version":   {"a | 1.2.3 | `go.mod`", ""},
		"another version":      {"a | 1.2.4 | `go.mod`", "go.mod has no 1.2.4"},
		"a part of a version":  {"a | 1.2 | `go.mod`", "go.mod has no 1.2"},
		"a file that is not":   {"a | 1.2.3 | `go.sum`", "there is no file go.sum"},
		"no file":              {"a | 1.2.3 | by hand", "it names no file"},
		"the end of a version": {"a | 2.3 | `go.mod`", "go.mod has no 2.3"},
	} {
		t.Run(name, func(t *testing.T) {
			p := parsePage("page.md", "| what | version | pinned in |\n| -- | -- | -- |\n| "+test.row+" |\n")
			assert.Equal(t, test.want, versionProblem(t, files, p, tableRows(p.root)[0]))
		})
	}
}

// versionProblem returns why the version of a row is not the one in the file that the row names; empty if it is.
func versionProblem(t *testing.T, files fs.FS, p page, row *tables.TableRow) string {
	t.Helper()
	names := p.codeSpans(row.LastChild())
	if len(names) == 0 {
		return "it names no file"
	}
	source, err := fs.ReadFile(files, names[0])
	if err != nil {
		return "there is no file " + names[0]
	}
	version := p.plainText(row.LastChild().PreviousSibling())
	whole := regexp.MustCompile(`(^|[^\d.])` + regexp.QuoteMeta(version) + `($|[^\d.]|\.$)`)
	if !whole.Match(source) {
		return names[0] + " has no " + version
	}
	return ""
}

// The page on the structure names everything at the top of the repository.
func TestDocument_StructureIsComplete(t *testing.T) {
	listing, err := repo.New(repository, os.Environ()).Files(t.Context())
	require.NoError(t, err)
	p := readPage(t, os.DirFS(repository), "docs/structure.md")
	named := p.codeSpans(p.root)
	for _, name := range listing.Files {
		top, _, _ := strings.Cut(name, "/")
		if top != name {
			top += "/"
		}
		assert.Contains(t, named, top, "docs/structure.md does not say what it is")
	}
}

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
	return strings.ReplaceAll(strings.TrimSuffix(text, "."), "|", `\|`)
}

// defaultText returns a default as the page shows it; empty for none, and for that of a mapping, whose keys have theirs.
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

const incidentsPage = "docs/incidents.md"

var (
	pipelineOption = regexp.MustCompile(`--pipeline-name (\S+)`)
	stageOption    = regexp.MustCompile(`--pipeline-name (\S+) --stage-name (\S+)`)
)

// Who follows a procedure after an incident has no time to find out that a name in it is wrong.
func TestDocument_IncidentsNameExistingPipelines(t *testing.T) {
	c, err := config.Load(harness.Platform())
	require.NoError(t, err)
	stages := map[string][]string{}
	for _, definition := range pipeline.Pipelines(c) {
		for _, stage := range definition.Stages {
			name := c.Pipeline.Project + "-" + definition.Name
			stages[name] = append(stages[name], stage.Name)
		}
	}
	text, err := os.ReadFile(filepath.Join(repository, incidentsPage))
	require.NoError(t, err)
	named := pipelineOption.FindAllStringSubmatch(string(text), -1)
	for _, match := range named {
		assert.Contains(t, stages, match[1])
	}
	for _, match := range stageOption.FindAllStringSubmatch(string(text), -1) {
		assert.Contains(t, stages[match[1]], match[2], match[1])
	}
	assert.Greater(t, len(named), 3)
}

// Each kind of incident has a procedure, whose first step stops what does harm or says what to look at.
func TestDocument_IncidentsHaveSteps(t *testing.T) {
	p := readPage(t, os.DirFS(repository), incidentsPage)
	procedures := 0
	for n := p.root.FirstChild(); n != nil; n = n.NextSibling() {
		heading, ok := n.(*markdown.Heading)
		if !ok || heading.Level != 3 {
			continue
		}
		procedures++
		steps := 0
		for next := n.NextSibling(); next != nil && next.Kind() != markdown.KindHeading; next = next.NextSibling() {
			if list, ok := next.(*markdown.List); ok && list.IsOrdered() {
				steps += list.ChildCount()
			}
		}
		assert.GreaterOrEqual(t, steps, 3, p.plainText(heading))
	}
	assert.GreaterOrEqual(t, procedures, 5)
}

// The figures of the platform on the page on availability are those of its configuration.
func TestDocument_AvailabilityFiguresAreConfigured(t *testing.T) {
	c, err := config.Load(harness.Platform())
	require.NoError(t, err)
	want := map[string][]string{}
	for _, env := range c.Environments {
		database, _, err := config.PluginOptions[config.Database](env.Plugins, "database")
		require.NoError(t, err)
		for what, value := range map[string]any{
			"zones of the database's subnets":  len(env.Network.AvailabilityZones),
			"instances of the database":        1 + database.Readers,
			"capacity in ACU, least to most":   fmt.Sprintf("%v to %v", database.MinACU, database.MaxACU),
			"backups of the database, in days": database.BackupDays,
			"protection from deletion":         yesOrNo(env.TerminationProtection && database.DeletionProtection),
			"regions":                          1 + len(env.AdditionalWaves),
			"copies of the database's data":    6, // Aurora's own, whatever the configuration says
		} {
			want[what] = append(want[what], fmt.Sprint(value))
		}
	}
	found := map[string][]string{}
	p := readPage(t, os.DirFS(repository), "docs/availability.md")
	for _, row := range evidenceRows(p, "comes from") {
		var cells []string
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			cells = append(cells, p.plainText(cell))
		}
		if len(cells) == 2+len(c.Environments) {
			found[cells[0]] = cells[1 : len(cells)-1]
		}
	}
	assert.Equal(t, want, found)
}

func yesOrNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

var (
	pipelineSize    = regexp.MustCompile(`(\d+) resources and (\d+) jobs`)
	environmentSize = regexp.MustCompile(`one file of (\d+) lines instead of (\d+) resources`)
)

// The figures of the introduction are counted in the templates and in the configuration.
func TestDocument_IntroductionFiguresAreCounted(t *testing.T) {
	files := os.DirFS(repository)
	page, err := fs.ReadFile(files, "docs/introduction.md")
	require.NoError(t, err)
	resources, jobs := countResources(t, files, "lockstep-tooling-pipeline", "AWS::CodeBuild::Project")
	assert.Equal(t, []string{strconv.Itoa(resources), strconv.Itoa(jobs)}, submatches(t, pipelineSize, page))

	file, err := fs.ReadFile(files, "config/testdata/platform/environments/acc.yaml")
	require.NoError(t, err)
	resources, _ = countResources(t, files, "lockstep-acc-*", "")
	assert.Equal(t, []string{strconv.Itoa(strings.Count(string(file), "\n")), strconv.Itoa(resources)},
		submatches(t, environmentSize, page))
}

func submatches(t *testing.T, pattern *regexp.Regexp, text []byte) []string {
	t.Helper()
	match := pattern.FindStringSubmatch(string(text))
	require.NotNil(t, match, pattern.String())
	return match[1:]
}

// countResources returns how many resources the golden templates of a name have, and how many of one type.
func countResources(t *testing.T, files fs.FS, name, ofType string) (all, those int) {
	t.Helper()
	templates, err := fs.Glob(files, goldenFolder+"/"+name+".template.json")
	require.NoError(t, err)
	for _, file := range templates {
		var template struct {
			Resources map[string]struct{ Type string }
		}
		data, err := fs.ReadFile(files, file)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(data, &template))
		for _, resource := range template.Resources {
			all++
			if resource.Type == ofType {
				those++
			}
		}
	}
	return all, those
}
