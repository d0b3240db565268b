package tests

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	markdown "github.com/yuin/goldmark/ast"

	"lockstep/config"
	"lockstep/internal/pipeline"
	"lockstep/tests/harness"
)

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
