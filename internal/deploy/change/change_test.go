package change

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestProperty_String(t *testing.T) {
	for want, p := range map[string]Property{
		"P":                                      {Name: "P"},
		"P: 1 -> 2":                              {Name: "P", Before: "1", After: "2", Recreation: "Never"},
		"P: 2":                                   {Name: "P", After: "2"},
		"P: 1 -> nothing":                        {Name: "P", Before: "1"},
		"P: 1 -> 2, which replaces the resource": {Name: "P", Before: "1", After: "2", Recreation: "Always"},
		"P: 1 -> 2, which may replace the resource":    {Name: "P", Before: "1", After: "2", Recreation: "Conditionally"},
		"Outputs.O: v, which may replace the resource": {Name: "Outputs.O", After: "v", Recreation: "Conditionally"},
	} {
		assert.Equal(t, want, p.String())
	}
}

func TestOfResources_LeavesOutTheStackItself(t *testing.T) {
	stack := Change{Action: Modify, LogicalID: "web", Type: StackType}
	nested := Change{Action: Modify, LogicalID: "Nested", Type: StackType}
	topic := Change{Action: Add, LogicalID: "web", Type: "AWS::SNS::Topic"}
	assert.Equal(t, []Change{nested, topic}, OfResources("web", []Change{stack, nested, topic}))
}

func TestActions_HaveSymbols(t *testing.T) {
	for _, a := range Actions {
		assert.NotEmpty(t, a.Symbol(), a)
	}
}
