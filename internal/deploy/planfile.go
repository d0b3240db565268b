package deploy

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"lockstep/internal/deploy/ledger"
	"lockstep/internal/fsx"
)

// PlanFormat is the version of the plan file's format.
const PlanFormat = "lockstep/plan/1"

// PlanTTL is how long a plan may be applied unless told otherwise.
const PlanTTL = 24 * time.Hour

// A PlanFile is a plan that was written down, to be reviewed and then applied as it stands.
type PlanFile struct {
	Schema      string `json:"schema"`
	Project     string `json:"project"`
	Environment string `json:"environment"`
	// Mode is rehearsal or live: a plan of emulated accounts is none of real ones.
	Mode      string    `json:"mode"`
	Run       string    `json:"run"`
	By        string    `json:"by"`
	Commit    string    `json:"commit,omitempty"`
	CreatedAt time.Time `json:"made"`
	Expires   time.Time `json:"expires"`
	// EnvironmentDigest is the digest of the cloud assembly as it was synthesised, Configuration that of the environment's configuration.
	EnvironmentDigest   string       `json:"assembly"`
	ConfigurationDigest string       `json:"configuration"`
	Targets             []TargetPlan `json:"targets"`
	// Digest is the SHA-256 over everything else, in hexadecimal. The accounts know it too.
	Digest string `json:"digest"`
}

// A TargetPlan is the part of a plan that belongs to one account and region.
type TargetPlan struct {
	Account string `json:"account"`
	Region  string `json:"region"`
	// DeployedDigest is the digest of what is deployed there, which differs from the assembly's in a rehearsal with stand-ins.
	DeployedDigest string      `json:"deployed"`
	Stacks         []StackPlan `json:"stacks"`
	// OrphanedStacks are the names of stacks that stay although the assembly has them no more.
	OrphanedStacks []string `json:"left,omitempty"`
}

// A StackPlan is the part of a plan that belongs to one stack.
type StackPlan struct {
	Name    string   `json:"name"`
	Outcome Outcome  `json:"outcome"`
	Reason  string   `json:"reason,omitempty"`
	Changes []Change `json:"changes,omitempty"`
	Flags   []Flag   `json:"flags,omitempty"`
	// StackID and ChangeSet are ARNs; ChangeSet is empty for a stack without one.
	StackID   string `json:"stackId,omitempty"`
	ChangeSet string `json:"changeSet,omitempty"`
	// Status and Updated are how the stack was found.
	Status  string    `json:"status,omitempty"`
	Updated time.Time `json:"updated,omitzero"`
}

// Flags are what of the plan has to be allowed by name.
func (f PlanFile) Flags() []Flag {
	var out []Flag
	for _, t := range f.Targets {
		for _, s := range t.Stacks {
			out = append(out, s.Flags...)
		}
	}
	return out
}

// Target is the part of an account and region.
func (f PlanFile) Target(account, region string) (TargetPlan, bool) {
	for _, t := range f.Targets {
		if t.Account == account && t.Region == region {
			return t, true
		}
	}
	return TargetPlan{}, false
}

// setDigest gives the plan its digest.
func (f *PlanFile) setDigest() error {
	digest, err := ledger.DocumentHash(f, "digest")
	f.Digest = digest
	return err
}

// WritePlan writes a plan into a file, and its Markdown into a file with the ending .md next to it.
func WritePlan(path string, f PlanFile, markdown string) error {
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	if err := fsx.WriteFile(path, append(data, '\n'), fsx.PublicFile); err != nil {
		return err
	}
	return fsx.WriteFile(markdownPath(path), []byte(markdown), fsx.PublicFile)
}

func markdownPath(path string) string { return strings.TrimSuffix(path, filepath.Ext(path)) + ".md" }

//go:generate go run ./schema/generate

//go:embed schema/plan.json
var planSchemaJSON []byte

// PlanJSONSchema is the JSON schema of plan files.
func PlanJSONSchema() []byte { return bytes.Clone(planSchemaJSON) }

var compiledPlanSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(planSchemaJSON))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("plan.json", document); err != nil {
		return nil, err
	}
	return c.Compile("plan.json")
})

// maxPlanBytes is more than a plan of ten thousand stacks.
const maxPlanBytes = 256 << 20

// ReadPlan reads a plan from a file. One that is cut off, was edited, or is of another version is a *Refusal.
func ReadPlan(path string) (PlanFile, error) {
	var f PlanFile
	data, err := fsx.ReadFile(path, maxPlanBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return f, refuse(err, "there is no plan %s: make one with `lockstep plan --env ENVIRONMENT --out %s`", path, path)
	}
	if err != nil {
		return f, err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return f, refuse(err, "%s is no plan, or only a part of one (%v): plan again", path, err)
	}
	if fields, _ := document.(map[string]any); fields["schema"] != PlanFormat {
		return f, refuse(nil, "%s is of the format %v, and this version of Lockstep reads %s: plan again", path, fields["schema"], PlanFormat)
	}
	schema, err := compiledPlanSchema()
	if err != nil {
		return f, err
	}
	if err := schema.Validate(document); err != nil {
		return f, refuse(err, "%s is no plan as Lockstep writes one: plan again (%s)", path, strings.ReplaceAll(err.Error(), "\n", " "))
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return f, refuse(err, "%s is no plan as Lockstep writes one (%v): plan again", path, err)
	}
	digest, err := ledger.JSONHash(data, "digest")
	if err != nil {
		return f, err
	}
	if digest != f.Digest {
		return f, refuse(nil, "%s was changed after it was made: its content does not fit its digest %.12s; plan again", path, f.Digest)
	}
	return f, nil
}
