package pipeline

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSVG_DrawsStepsAndDirectDependencies(t *testing.T) {
	g, err := NewGraph([]Step{
		{Name: "a", Stage: Synth, Summary: "first & <foremost>", Image: ImageGo, Command: []string{"x"}},
		{Name: "b", Stage: Synth, Summary: "second", Image: ImageGo, Command: []string{"x"}, Needs: []string{"a"}},
		{Name: "c", Stage: Synth, Summary: "third", Image: ImageGo, Command: []string{"x"}, Needs: []string{"a", "b"}},
		{Name: "d", Stage: Synth, Summary: "beside it", Image: ImageGo, Command: []string{"x"}, After: []string{"b"}},
	})
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, DrawFuncs["svg"](&b, g))

	places, texts, lines, dashed := map[string]bool{}, []string{}, 0, 0
	for decoder := xml.NewDecoder(&b); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		switch element := token.(type) {
		case xml.StartElement:
			attributes := map[string]string{}
			for _, a := range element.Attr {
				attributes[a.Name.Local] = a.Value
			}
			switch element.Name.Local {
			case "rect":
				place := attributes["x"] + "," + attributes["y"]
				assert.False(t, places[place], "two boxes at %s", place)
				places[place] = true
			case "path":
				lines++
				if attributes["stroke-dasharray"] != "" {
					dashed++
				}
			}
		case xml.CharData:
			texts = append(texts, strings.TrimSpace(string(element)))
		}
	}
	assert.Len(t, places, 4+1, "a box for each step, and the ground")
	assert.Equal(t, 3, lines, "a to b, b to c and b to d: that c comes after a follows from them")
	assert.Equal(t, 1, dashed)
	for _, s := range g.Steps() {
		assert.Contains(t, texts, s.Name)
		assert.Contains(t, texts, s.Summary)
	}
}
