package fault

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the codes into the file that the test compares them with")

// constants returns the codes that codes.go declares, by the names of their constants.
func constants(t *testing.T) map[string]Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	codes := map[string]Code{}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			codes[spec.Names[0].Name] = Code(text)
		}
		return true
	})
	require.Greater(t, len(codes), 90)
	return codes
}

func TestTable_EveryCodeHasOneEntry(t *testing.T) {
	var declared, entries []Code
	for _, code := range constants(t) {
		declared = append(declared, code)
	}
	for _, e := range Entries() {
		entries = append(entries, e.Code)
	}
	assert.IsIncreasing(t, entries, "the table has the order of the numbers, and no number twice")
	slices.Sort(declared)
	assert.Equal(t, declared, entries)
}

func TestTable_EntriesAreComplete(t *testing.T) {
	for i, group := range Groups() {
		assert.NotEmpty(t, group.Title)
		for _, e := range group.Entries {
			t.Run(string(e.Code), func(t *testing.T) {
				assert.Regexp(t, fmt.Sprintf(`^LS-%d\d\d$`, i+1), e.Code, "the first digit is that of the group")
				assert.NotEmpty(t, e.Title)
				assert.Regexp(t, `\.$`, e.Meaning)
				assert.NotEmpty(t, e.Causes)
				assert.NotEmpty(t, e.Remedies)
				assert.Contains(t, []int{exitFailed, exitUsage, exitRefused, exitInterrupted}, e.Exit)
				for _, text := range slices.Concat(e.Causes, e.Remedies) {
					assert.NotRegexp(t, `^[A-Z][a-z]+ .*\.$|\n`, text, "causes and remedies are items of a list")
				}
			})
		}
	}
}

// Scripts, runbooks and search engines hold the codes.
func TestCodes_AreNeverRenumberedOrReused(t *testing.T) {
	const golden = "testdata/codes.golden"
	var lines strings.Builder
	for _, e := range Entries() {
		fmt.Fprintf(&lines, "%s %s\n", e.Code, e.Title)
	}
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(lines.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), lines.String(), "add new codes with -update; what is there stays as it is")
}

func TestTopics_NameKnownCodes(t *testing.T) {
	for _, topic := range Topics() {
		for _, code := range topic.Codes {
			_, known := Lookup(code)
			assert.True(t, known, "%s: %s", topic.Title, code)
		}
		assert.Equal(t, len(topic.Codes), len(slices.Compact(slices.Sorted(slices.Values(topic.Codes)))), topic.Title)
	}
}

func TestCodeOf_EachKindOfError(t *testing.T) {
	coded := New(LockHeld, "held")
	for name, test := range map[string]struct {
		err  error
		want Code
	}{
		"no error":                  {nil, ""},
		"a coded error":             {coded, LockHeld},
		"with context":              {fmt.Errorf("acc: %w", coded), LockHeld},
		"a code around another":     {Errorf(StackFailed, "failed: %w", coded), StackFailed},
		"a code kept by Wrap":       {Wrap(StackFailed, coded), LockHeld},
		"a code added by Wrap":      {Wrap(StackFailed, errors.New("x")), StackFailed},
		"the first of several":      {errors.Join(errors.New("x"), coded, New(StackFailed, "y")), LockHeld},
		"an error without a code":   {errors.New("x"), Unexpected},
		"an interrupt":              {fmt.Errorf("x: %w", context.Canceled), Interrupted},
		"an interrupt with a code":  {Errorf(WaitInterrupted, "x: %w", context.Canceled), WaitInterrupted},
		"an error of an empty code": {New("", "x"), Unexpected},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, CodeOf(test.err)) })
	}
	assert.NoError(t, Wrap(StackFailed, nil))
}

func TestParse_EveryForm(t *testing.T) {
	for text, want := range map[string]Code{
		"LS-509": PlanNotApproved, "ls-509": PlanNotApproved, "509": PlanNotApproved, "LS-000": "LS-000",
		"": "", "LS-": "", "50": "", "5090": "", "LS-50x": "", "data": "", "-509": "", "LS-LS-509": "",
	} {
		t.Run(text, func(t *testing.T) {
			code, ok := Parse(text)
			assert.Equal(t, want, code)
			assert.Equal(t, want != "", ok)
		})
	}
}

func TestNear_NamesTheNearestNumbers(t *testing.T) {
	assert.Equal(t, []Code{PlanMissing, PlanDamaged, PlanAltered}, Near("LS-500"))
	assert.Contains(t, Near("LS-999"), TableBroken)
}

func TestCut_ReadsWhatPrefixWrites(t *testing.T) {
	code, text := Cut(NoTestRan.Prefix("no test ran"))
	assert.Equal(t, NoTestRan, code)
	assert.Equal(t, "no test ran", text)
	for _, other := range []string{"2 findings", "LS-999: of no code", "see LS-412: it", ""} {
		code, text := Cut(other)
		assert.Empty(t, code)
		assert.Equal(t, other, text)
	}
	assert.Equal(t, "2 findings", Code("").Prefix("2 findings"))
	assert.Equal(t, "LS-412", NoTestRan.Prefix(""))
}

func TestPrinted_IsTheLastMessageOfTheProgram(t *testing.T) {
	assert.Equal(t, LockHeld, Printed("progress\nlockstep: LS-313: a\nlockstep: LS-601: b\n  more\n"))
	assert.Empty(t, Printed("a step says LS-601: b\nsomething lockstep: LS-601: b\n"))
}
