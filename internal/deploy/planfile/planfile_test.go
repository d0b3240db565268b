package planfile

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/fault/faulttest"
	"lockstep/internal/refusal"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const exampleAccount = "444455556666"

// exampleFile returns a plan with a stack of each kind.
func exampleFile(t *testing.T) File {
	t.Helper()
	at := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	file := File{
		Schema: Format, Project: "shop", Mode: "rehearsal", Run: "r1", By: "somebody", ConfigurationDigest: "c",
		Environment: "acc", EnvironmentDigest: digest.Environment(strings.Repeat("a", 64)), Commit: "c0ffee", CreatedAt: at,
		Expires: at.Add(time.Hour),
		Targets: []Target{{Account: exampleAccount, Region: "eu-west-1", Stacks: []Stack{
			{Name: "data", Outcome: change.Planned, Changes: []change.Change{
				{Action: change.Add, LogicalID: "Topic", Type: "AWS::SNS::Topic"},
				{
					Action: change.Modify, LogicalID: "Queue", Type: "AWS::SQS::Queue",
					Properties: []change.Property{{Name: "DelaySeconds", Before: "1", After: "2"}, {Name: "Policy|<b>"}},
				},
				{
					Action: change.Replace, LogicalID: "Table", Type: "AWS::DynamoDB::Table",
					Properties: []change.Property{{Name: "KeySchema", Recreation: "Always"}},
				},
			}, Flags: []change.Flag{
				{
					Permit: change.DataLoss, Stack: "data", LogicalID: "Table", Type: "AWS::DynamoDB::Table",
					Why: "it is replaced, and with it go a table",
				},
			}},
			{Name: "app", Outcome: change.Deferred, Reason: "it needs net, which does not exist yet"},
			{Name: "same", Outcome: change.Unchanged},
		}}},
	}
	require.NoError(t, file.SetDigest())
	return file
}

func TestReadPlan_RefusesAlteredFile(t *testing.T) {
	printed := faulttest.Printed(t)
	file := exampleFile(t)
	path := filepath.Join(t.TempDir(), "sub", "plan.json")
	require.NoError(t, Write("", path, file, "# Plan\n"))
	read, err := Read(path)
	require.NoError(t, err)
	assert.Equal(t, file.Digest, read.Digest)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		text, want string
	}{
		"cut in half": {string(text[:len(text)/2]), "is no plan, or only a part of one"},
		"empty":       {"", "is no plan, or only a part of one"},
		"another account written in": {
			strings.ReplaceAll(string(text), exampleAccount, "999900001111"),
			"was changed after it was made",
		},
		"a change taken out": {
			strings.Replace(string(text), `"logicalId": "Topic"`, `"logicalId": "Topic9"`, 1),
			"was changed after it was made",
		},
		"a digest of something else": {
			strings.Replace(string(text), string(file.Digest), strings.Repeat("0", 64), 1),
			"was changed after it was made",
		},
		"another version of the format": {
			strings.Replace(string(text), Format, "lockstep/plan/99", 1),
			"is of the format lockstep/plan/99",
		},
		"a key that is not known": {
			strings.Replace(string(text), `"mode"`, `"moda"`, 1),
			"is no plan as Lockstep writes one",
		},
		"something else altogether": {`{"a": 1}`, "is of the format <nil>"},
		"a list":                    {`[1]`, "is of the format <nil>"},
		"what a spreadsheet makes of numbers": {
			strings.Replace(string(text), `"`+exampleAccount+`"`, exampleAccount, 1),
			"is no plan as Lockstep writes one",
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "plan.json")
			require.NoError(t, os.WriteFile(path, []byte(c.text), 0o644))
			_, err := Read(path)
			var refusal *refusal.Error
			require.True(t, errors.As(err, &refusal), "%v", err)
			printed.Error(err)
			assert.Contains(t, err.Error(), c.want)
		})
	}
	_, err = Read(filepath.Join(t.TempDir(), "none.json"))
	printed.Error(err)
	require.ErrorContains(t, err, "there is no plan")
}

func TestPlanJSONSchema_MatchesPlanFile(t *testing.T) {
	var schema struct {
		Properties map[string]any
		Required   []string
	}
	require.NoError(t, json.Unmarshal(JSONSchema(), &schema))
	data, err := json.Marshal(exampleFile(t))
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(data, &fields))
	for name := range fields {
		assert.Contains(t, schema.Properties, name, "run `go generate ./internal/deploy`")
	}
}

func TestMarkdownPath_IsThePlansOwn(t *testing.T) {
	for path, want := range map[string]string{
		"plan.json": "plan.md", ".json": ".md", "plan": "plan.md", "a.b/plan": "a.b/plan.md",
		"plan.dev": "plan.dev.md", "plan.acc": "plan.acc.md",
		"/dev/stdout": "", "/dev/null": "",
	} {
		assert.Equal(t, want, MarkdownPath(path), path)
	}
}

func TestWrite_OnlyTheOwnerMayRead(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	dir := filepath.Join(t.TempDir(), "plans")
	path := filepath.Join(dir, "plan.json")
	require.NoError(t, Write("", path, File{}, "text"))
	for name, want := range map[string]fs.FileMode{dir: 0o700, path: 0o600, filepath.Join(dir, "plan.md"): 0o600} {
		info, err := os.Stat(name)
		require.NoError(t, err)
		assert.Equal(t, want, info.Mode().Perm(), name)
	}
}
