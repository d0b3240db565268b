package preflight

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
)

// exporting returns a template with topics A and B and one output that exports value as name.
func exporting(name, value string) string {
	return fmt.Sprintf(`{"Resources":{"A":{"Type":"AWS::SNS::Topic"},"B":{"Type":"AWS::SNS::Topic"}},
		"Outputs":{"O":{"Value":%s,"Export":{"Name":%s}}}}`, value, name)
}

func importing(name string) string {
	return resource("AWS::SQS::Queue", fmt.Sprintf(`{"QueueName":{"Fn::ImportValue":%s}}`, name))
}

const noExport = `{"Resources":{"A":{"Type":"AWS::SNS::Topic"},"B":{"Type":"AWS::SNS::Topic"}}}`

// network is the stack net with a new template, deployed with an export net:A.
func network(t *testing.T, template, deployed string) PlannedStack {
	t.Helper()
	return PlannedStack{Stack: newStack(t, "net", template), Deployed: &DeployedStack{
		Template: deployed, Exports: map[string]string{"net:A": "arn:a"}, ExportKeys: map[string]string{"net:A": "O"},
	}}
}

// answering returns an account in which the stack app imports net:A and the stack old exports "taken".
func answering(importers ...string) Account {
	return Account{
		Importers: func(*assembly.Stack, string) ([]string, error) { return importers, nil },
		Exporter: func(_ *assembly.Stack, export string) (string, error) {
			if export == "taken" {
				return "old", nil
			}
			return "", nil
		},
	}
}

func TestExports_InUse(t *testing.T) {
	deployed := exporting(`"net:A"`, `{"Ref":"A"}`)
	for name, test := range map[string]struct{ template, want string }{
		"dropped":                {noExport, "would drop the export net:A, which stack app imports"},
		"renamed":                {exporting(`"net:B"`, `{"Ref":"A"}`), "would drop"},
		"renamed by a function":  {exporting(`{"Fn::Sub":"${AWS::StackName}:B"}`, `{"Ref":"A"}`), "would drop"},
		"another value":          {exporting(`"net:A"`, `"arn:b"`), "would change the export net:A"},
		"another resource":       {exporting(`"net:A"`, `{"Ref":"B"}`), "would change"},
		"another resource's ARN": {exporting(`"net:A"`, `{"Fn::GetAtt":["B","TopicArn"]}`), "would change"},
		"kept":                   {deployed, ""},
		"kept by a function": {
			exporting(`{"Fn::Join":[":",[{"Ref":"AWS::StackName"},"A"]]}`, `{"Ref":"A"}`), "",
		},
		"kept as a value":                    {exporting(`"net:A"`, `"arn:a"`), ""},
		"kept as another attribute":          {exporting(`"net:A"`, `{"Fn::GetAtt":["A","TopicArn"]}`), ""},
		"a name that is not known":           {exporting(`{"Fn::GetAtt":["A","TopicName"]}`, `{"Ref":"A"}`), ""},
		"a value that may be the same":       {exporting(`"net:A"`, `{"Fn::GetAtt":["B","TopicName"]}`), ""},
		"with a macro that may put it there": {strings.Replace(noExport, "{", `{"Transform":"Macro",`, 1), ""},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := CheckExisting([]PlannedStack{network(t, test.template, deployed)}, answering("app"))
			require.NoError(t, err)
			if !assertOneProblem(t, found, test.want) {
				return
			}
			assert.Contains(t, found[0].Problem, "keep the export for one release with `this.exportValue(...)` in net, "+
				"deploy app without the import")
			assert.Equal(t, Limit, found[0].Level)
		})
	}
	t.Run("not imported", func(t *testing.T) {
		found, err := CheckExisting([]PlannedStack{network(t, noExport, deployed)}, answering())
		require.NoError(t, err)
		assert.Empty(t, found)
	})
}

func TestExports_OrderWithinAssembly(t *testing.T) {
	deployed := exporting(`"net:A"`, `{"Ref":"A"}`)
	for name, test := range map[string]struct {
		app string
		// after says that net is deployed after app.
		after bool
		want  string
	}{
		"it still imports, and comes before": {importing(`"net:A"`), true, "which stack app imports: keep the export"},
		"it no longer imports, but may come after": {
			noExport, false,
			"app no longer imports it in this assembly, but may be deployed after net. Let net depend on app",
		},
		"it no longer imports, and comes before":      {noExport, true, ""},
		"it imports what is not known, and is before": {importing(`{"Ref":"P"}`), true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			net := network(t, noExport, deployed)
			app := PlannedStack{Stack: newStack(t, "app", test.app)}
			if test.after {
				middle := newStack(t, "middle", noExport)
				middle.Needs = []*assembly.Stack{app.Stack}
				net.Needs = []*assembly.Stack{middle}
			}
			found, err := CheckExisting([]PlannedStack{app, net}, answering("app"))
			require.NoError(t, err)
			assertOneProblem(t, found, test.want)
		})
	}
}

func TestExports_OneNameInTwoStacks(t *testing.T) {
	for name, test := range map[string]struct {
		templates []string
		want      string
	}{
		"two stacks of the assembly": {
			[]string{exporting(`"x"`, `"1"`), exporting(`{"Fn::Sub":"x"}`, `"2"`)}, "it exports x, and so does stack s1",
		},
		"a stack of the account": {[]string{exporting(`"taken"`, `"1"`)}, "it exports taken, and so does stack old"},
		"two outputs of a stack": {
			[]string{`{"Resources":{"A":{"Type":"AWS::SNS::Topic"}},"Outputs":{
				"A":{"Value":"1","Export":{"Name":"x"}},"B":{"Value":"1","Export":{"Name":"x"}}}}`},
			"two of its outputs export the name x",
		},
		"names with the stack's": {
			[]string{
				exporting(`{"Fn::Sub":"${AWS::StackName}-x"}`, `"1"`), exporting(`{"Fn::Sub":"${AWS::StackName}-x"}`, `"1"`),
			}, "",
		},
		"outputs with conditions": {
			[]string{
				exporting(`"x"`, `"1"`),
				strings.Replace(exporting(`"x"`, `"1"`), `"Value"`, `"Condition":"C","Value"`, 1),
			}, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var planned []PlannedStack
			for i, template := range test.templates {
				planned = append(planned, PlannedStack{Stack: newStack(t, fmt.Sprintf("s%d", i), template)})
			}
			found, err := CheckExisting(planned, answering())
			require.NoError(t, err)
			assertOneProblem(t, found, test.want)
		})
	}
	t.Run("another region", func(t *testing.T) {
		a := PlannedStack{Stack: newStack(t, "a", exporting(`"x"`, `"1"`))}
		b := PlannedStack{Stack: newStack(t, "b", exporting(`"x"`, `"1"`))}
		b.Region = "us-east-1"
		found, err := CheckExisting([]PlannedStack{a, b}, answering())
		require.NoError(t, err)
		assert.Empty(t, found)
	})
}

func TestExports_MoveBetweenStacks(t *testing.T) {
	for _, ordered := range []bool{true, false} {
		old := network(t, noExport, exporting(`"taken"`, `"1"`))
		old.Name = "old"
		old.Deployed.Exports = map[string]string{"taken": "1"}
		next := PlannedStack{Stack: newStack(t, "next", exporting(`"taken"`, `"1"`))}
		if ordered {
			next.Needs = []*assembly.Stack{old.Stack}
		}
		found, err := CheckExisting([]PlannedStack{old, next}, answering())
		require.NoError(t, err)
		if ordered {
			assert.Empty(t, found)
			continue
		}
		require.Len(t, found, 1)
		assert.Contains(t, found[0].Problem, "let next depend on old")
	}
}

func TestExports_OfReplacedResources(t *testing.T) {
	template := exporting(`"net:A"`, `{"Ref":"A"}`)
	for name, test := range map[string]struct {
		replaced, importers []string
		want                int
	}{
		"imported":         {[]string{"A"}, []string{"app"}, 1},
		"not imported":     {[]string{"A"}, nil, 0},
		"another resource": {[]string{"B"}, []string{"app"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := CheckReplacedExports(network(t, template, template), test.replaced, answering(test.importers...))
			require.NoError(t, err)
			assert.Len(t, found, test.want)
		})
	}
}

func TestTypes_CannotChange(t *testing.T) {
	planned := network(t, strings.Replace(noExport, "AWS::SNS::Topic", "AWS::SQS::Queue", 1), noExport)
	planned.Deployed.Exports = nil
	found, err := CheckExisting([]PlannedStack{planned}, answering())
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, "A", found[0].LogicalID)
	assert.Contains(t, found[0].Problem, "it is deployed as AWS::SNS::Topic, and the type of a resource cannot be changed")

	planned = network(t, strings.Replace(noExport, "AWS::SNS::Topic", standInType, 1), noExport)
	planned.Deployed.Exports = nil
	found, err = CheckExisting([]PlannedStack{planned}, answering())
	require.NoError(t, err)
	assert.Empty(t, found, "a rehearsal's stand-in is none")
}

func TestScope_ResolvesSub(t *testing.T) {
	known := newScope(newStack(t, "web", `{"Parameters":{"Stage":{"Type":"String","Default":"acc"}}}`))
	for _, test := range []struct {
		argument any
		want     string
		ok       bool
	}{
		{"${AWS::StackName}-${Stage}", "web-acc", true},
		{"${!Literal}", "${Literal}", true},
		{"${Unknown}", "", false},
		{[]any{"${A}-${Stage}", map[string]any{"A": map[string]any{"Ref": "AWS::Region"}}}, "eu-west-1-acc", true},
		{[]any{}, "", false},
	} {
		text, ok := known.resolve(map[string]any{"Fn::Sub": test.argument})
		assert.Equal(t, test.ok, ok)
		if ok {
			assert.Equal(t, test.want, text)
		}
	}
}

// assertOneProblem checks that there is one finding with the text, or none if the text is empty. It reports whether
// there is one.
func assertOneProblem(t *testing.T, found []Finding, want string) bool {
	t.Helper()
	if want == "" {
		assert.Empty(t, found)
		return false
	}
	require.Len(t, found, 1)
	assert.Contains(t, found[0].Problem, want)
	return true
}
