package tests

import (
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/tests/harness"
)

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
		for _, kind := range templateTypes(t, files, file) {
			all++
			if kind == ofType {
				those++
			}
		}
	}
	return all, those
}
