package report

import (
	"bytes"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/planfile"
	"lockstep/internal/display"
	"lockstep/internal/display/displaytest"
	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
)

// fill gives every text in a value the next one, and every list and map one or two items.
func fill(v reflect.Value, next func() string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(next())
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), next)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() && v.Type().Field(i).Name != "OtherAccounts" {
				fill(v.Field(i), next)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), next)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, next)
		fill(value, next)
		v.SetMapIndex(key, value)
	}
}

func filled[T any](next func() string) T {
	var value T
	fill(reflect.ValueOf(&value).Elem(), next)
	return value
}

// views show everything that a run, a plan or a gate may hold.
var views = map[string]func(w io.Writer, next func() string) error{
	"summary": func(w io.Writer, next func() string) error {
		s := Summary{Findings: []string{next()}, Logs: next(), Digest: next(), NotRehearsed: []string{"x"}}
		s.Add(filled[AccountRecord](next))
		s.Steps = []pipeline.Result{{Step: next(), Stage: pipeline.Quality, Status: pipeline.Failed, Reason: next()}}
		return s.WriteText(w)
	},
	"summary of an error": func(w io.Writer, next func() string) error {
		s := Summary{Envelope: Envelope{Error: strings.ReplaceAll(next(), "\n", "")}}
		return s.WriteText(w)
	},
	"plan": func(w io.Writer, next func() string) error {
		_, err := io.WriteString(w, PlanText(filled[AccountRecord](next).Record))
		return err
	},
	"plan as Markdown": func(w io.Writer, next func() string) error {
		text := PlanMarkdown(filled[planfile.File](next))
		_, err := io.WriteString(w, strings.ReplaceAll(text, "\u200b", ""))
		return err
	},
	"events": func(w io.Writer, next func() string) error {
		g, err := pipeline.NewGraph([]pipeline.Step{
			{Name: "lint", Stage: pipeline.Quality, Image: pipeline.ImageGo, Command: []string{"x"}},
		})
		if err != nil {
			return err
		}
		o := NewObserver(w, g, ObserverOptions{Mode: Plain, Verbose: true, Now: time.Now})
		o.Observe(pipeline.Event{Step: "lint", Kind: pipeline.Notice, Detail: next()})
		o.Observe(pipeline.Event{Step: "lint", Kind: pipeline.Finished, Result: &pipeline.Result{Reason: next()}})
		return nil
	},
	"saved run": func(w io.Writer, next func() string) error {
		all := filled[findings.Report](next)
		all.Findings[0].Level = findings.Error
		run := SavedRun{Summary: &Summary{}, Gates: GateResults{Reports: []findings.Report{all}}}
		return run.Write(w, "text")
	},
}

// countLines returns the number of lines that are not indented.
func countLines(text string) int {
	return strings.Count("\n"+text, "\n") - strings.Count("\n"+text, "\n  ")
}

func TestViews_TextFromOutsideControlsNothing(t *testing.T) {
	for name, show := range views {
		t.Run(name, func(t *testing.T) {
			var plain bytes.Buffer
			require.NoError(t, show(&plain, func() string { return "x" }))
			lines := countLines(plain.String())
			random := rand.New(rand.NewPCG(1, 2))
			for range 100 {
				var out bytes.Buffer
				require.NoError(t, show(&out, func() string { return displaytest.RandomText(random) }))
				require.Empty(t, displaytest.Raw(strings.ReplaceAll(out.String(), "\n", "")), "%q", out.String())
				require.Equal(t, lines, countLines(out.String()), "a line is forged:\n%s", out.String())
			}
		})
	}
}

func TestReports_TextFromOutsideControlsNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	next := func() string { return displaytest.RandomText(random) }
	for range 100 {
		gates := GateResults{
			Reports: []findings.Report{filled[findings.Report](next)}, Suites: []findings.Suite{filled[findings.Suite](next)},
		}
		summary := Summary{Steps: []pipeline.Result{{Step: next(), Reason: next(), Status: pipeline.Failed}}}
		for format, write := range map[string]func(io.Writer) error{
			"html":  func(w io.Writer) error { return WriteHTML(w, &summary, gates) },
			"sarif": func(w io.Writer) error { return findings.WriteSARIF(w, gates.Reports) },
			"junit": func(w io.Writer) error { return findings.WriteJUnit(w, gates.Suites) },
			"json":  func(w io.Writer) error { return summary.WriteJSON(display.NewWriter(w)) },
		} {
			var out bytes.Buffer
			require.NoError(t, write(&out))
			text := strings.NewReplacer("\n", "", "\t", "").Replace(out.String())
			assert.Empty(t, displaytest.Raw(text), "%s: %q", format, out.String())
		}
	}
}
