// Package planfile owns the file of a plan that is reviewed before it is applied: its format, its schema, how it is
// written, read and checked. It knows nothing of how a plan is made or applied.
package planfile

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/jsonx"
	"lockstep/internal/refusal"
)

// Format is the version of the plan file's format. Since version 3 the digest is one of the file's own bytes, and since
// version 4 a flag says whether only a live deployment asks for its permit. Version 5 has the images of each stack.
const Format = FormatPrefix + "5"

// FormatPrefix begins the format of every version.
const FormatPrefix = "lockstep/plan/"

// TTL is how long a plan may be applied by default.
const TTL = 24 * time.Hour

// A File is a plan that is saved to be reviewed, and then applied as it is.
type File struct {
	Schema      string `json:"schema"`
	Project     string `json:"project"`
	Environment string `json:"environment"`
	// Mode is rehearsal or live: a plan for emulated accounts is not one for real accounts.
	Mode   string `json:"mode"`
	Run    string `json:"run"`
	By     string `json:"by"`
	Commit string `json:"commit,omitempty"`
	// Author is the e-mail address of who has written the commit; empty if nobody has to know.
	Author    string    `json:"author,omitempty"`
	CreatedAt time.Time `json:"made"`
	Expires   time.Time `json:"expires"`
	// EnvironmentDigest is the digest of the cloud assembly as it was synthesised, and ConfigurationDigest that of the
	// environment's configuration.
	EnvironmentDigest   digest.Environment   `json:"assembly"`
	ConfigurationDigest digest.Configuration `json:"configuration"`
	Targets             []Target             `json:"targets"`
	// Unseen counts what the plan does not show; nil if it shows everything.
	Unseen *Unseen `json:"unseen,omitempty"`
	// Digest is the SHA-256, in hexadecimal, of the file's own bytes with an empty digest. The target accounts have it
	// too.
	Digest digest.Plan `json:"digest"`
}

// An Unseen counts the deferred stacks of a plan. What is done to them is not known before other stacks are deployed.
type Unseen struct {
	Stacks int `json:"stacks"`
	// Resources is how many resources the templates of these stacks declare. Those of UnknownStacks are not among them,
	// because their templates do not tell how many there are.
	Resources     int `json:"resources"`
	UnknownStacks int `json:"unknownStacks,omitempty"`
	// PlanAgain says that the stacks have to be planned and reviewed once what they need exists. Otherwise they may only
	// add resources when the plan is applied.
	PlanAgain bool `json:"planAgain,omitempty"`
}

// Rule returns a sentence that says what may be done to the stacks.
func (u Unseen) Rule() string {
	if u.PlanAgain {
		return "They are not touched until another plan shows what is done to them."
	}
	return "When the plan is applied, they may only add resources."
}

// Add adds a stack that the plan does not show, with the number of its resources; 0 if that is not known.
func (u *Unseen) Add(resources int) {
	u.Stacks++
	u.Resources += resources
	if resources == 0 {
		u.UnknownStacks++
	}
}

// String returns what is not shown, as "2 stacks with 17 resources".
func (u Unseen) String() string {
	text := fmt.Sprintf("%d stacks", u.Stacks)
	if u.Stacks == 1 {
		text = "1 stack"
	}
	resources := fmt.Sprintf("%d resources", u.Resources)
	if u.Resources == 1 {
		resources = "1 resource"
	}
	switch u.UnknownStacks {
	case 0:
		return text + " with " + resources
	case u.Stacks:
		return text + " with an unknown number of resources"
	}
	return text + " with more than " + resources
}

// A Target is the part of a plan that belongs to one account and region.
type Target struct {
	Account string `json:"account"`
	Region  string `json:"region"`
	// DeployedDigest is the digest of what is deployed, which a rehearsal's stand-ins make another than the assembly's.
	DeployedDigest digest.Account `json:"deployed"`
	Stacks         []Stack        `json:"stacks"`
	// OrphanedStacks are the names of the stacks that the assembly no longer has.
	OrphanedStacks []string `json:"left,omitempty"`
}

// A Stack is the part of a plan that belongs to one stack.
type Stack struct {
	Name    string          `json:"name"`
	Outcome change.Outcome  `json:"outcome"`
	Reason  string          `json:"reason,omitempty"`
	Changes []change.Change `json:"changes,omitempty"`
	Flags   []change.Flag   `json:"flags,omitempty"`
	// Images are the container images that the stack needs, as far as they were published when the plan was made.
	Images []Image `json:"images,omitempty"`
	// UnseenResources is how many resources the template of a deferred stack declares; 0 if the stack is not deferred or
	// its template does not tell.
	UnseenResources int `json:"unseenResources,omitempty"`
	// StackID and ChangeSet are ARNs; ChangeSet is empty for a stack without one.
	StackID   string `json:"stackId,omitempty"`
	ChangeSet string `json:"changeSet,omitempty"`
	// Status is the state of the stack when the plan was made, and Updated when it was last changed before.
	Status  string    `json:"status,omitempty"`
	Updated time.Time `json:"updated,omitzero"`
}

// An Image is a container image in a repository of the account. Two builds of the same sources are two images, so a
// plan is of the one with this digest.
type Image struct {
	Name       string `json:"name"`
	Repository string `json:"repository"`
	Tag        string `json:"tag"`
	// Digest is that of the image's manifest, as sha256:HEX.
	Digest string `json:"digest"`
}

// Flags returns the changes that need a permit.
func (f File) Flags() []change.Flag {
	var out []change.Flag
	for _, t := range f.Targets {
		for _, s := range t.Stacks {
			out = append(out, s.Flags...)
		}
	}
	return out
}

// Target returns the plan for an account and region, and whether there is one.
func (f File) Target(account, region string) (Target, bool) {
	for _, t := range f.Targets {
		if t.Account == account && t.Region == region {
			return t, true
		}
	}
	return Target{}, false
}

// CountUnseen sets what the plan does not show, and whether that has to be planned again.
func (f *File) CountUnseen(planAgain bool) {
	f.Unseen = nil
	for _, t := range f.Targets {
		for _, s := range t.Stacks {
			if s.Outcome != change.Deferred {
				continue
			}
			if f.Unseen == nil {
				f.Unseen = &Unseen{PlanAgain: planAgain}
			}
			f.Unseen.Add(s.UnseenResources)
		}
	}
}

// SetDigest computes the digest. It is called when everything else is set.
func (f *File) SetDigest() error {
	f.Digest = ""
	sum, err := ledger.DocumentHash(f)
	f.Digest = digest.Plan(sum)
	return err
}

// Write writes a plan to a file, and its Markdown to MarkdownPath, as fsx.WriteFile does for a project. Each file is
// written completely or not at all. Only the owner may read them: they have the values of the stacks.
func Write(project, path string, f File, markdown string) error {
	data, err := ledger.Format(f)
	if err != nil {
		return err
	}
	if err := fsx.WriteFile(project, path, append(data, '\n'), fsx.PrivateFile); err != nil {
		return err
	}
	markdownPath := MarkdownPath(path)
	if markdownPath == "" {
		return nil
	}
	return fsx.WriteFile(project, markdownPath, []byte(markdown), fsx.PrivateFile)
}

// MarkdownPath returns where a plan's Markdown is written: beside FILE.json as FILE.md, beside any other FILE as
// FILE.md with the whole name before the ending. It is empty for a plan that goes to a pipe or a device.
func MarkdownPath(path string) string {
	if info, err := os.Stat(path); err == nil && info.Mode()&(fs.ModeNamedPipe|fs.ModeDevice) != 0 {
		return ""
	}
	if strings.HasPrefix(path, "/dev/") || strings.HasPrefix(path, "/proc/") {
		return "" // an open file of this process
	}
	return strings.TrimSuffix(path, ".json") + ".md"
}

//go:generate go run ./schema/generate

//go:embed schema/plan.json
var schemaJSON []byte

// JSONSchema returns the JSON schema of plan files.
func JSONSchema() []byte { return bytes.Clone(schemaJSON) }

var compiledSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	document, err := jsonx.UnmarshalSchema(schemaJSON)
	if err != nil {
		return nil, err
	}
	return jsonx.CompileSchema(document)
})

// maxPlanBytes is more than a plan of ten thousand stacks.
const maxPlanBytes = 256 << 20

// Read reads a plan from a file. The error is a *refusal.Error if there is none, or if the file is incomplete, was
// edited, or is of another version.
func Read(path string) (File, error) {
	data, err := fsx.ReadFile(path, maxPlanBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return File{}, refusal.Newf(fault.PlanMissing, err,
			"there is no plan %s: make one with `lockstep plan --env ENVIRONMENT --out %s`",
			path, path)
	}
	if err != nil {
		return File{}, err
	}
	return parse(path, data)
}

// parse parses the text of a plan file. The format comes first: that of another version may have other names.
func parse(path string, data []byte) (File, error) {
	var f File
	if err := checkFormat(path, data); err != nil {
		return f, err
	}
	if err := jsonx.Unmarshal(data, &f); err != nil {
		return f, refusal.Newf(fault.PlanDamaged, err, "%s is no plan as Lockstep writes one (%v): plan again", path, err)
	}
	matches, err := ledger.CheckHash(bytes.TrimSuffix(data, []byte("\n")), "digest")
	if err != nil {
		return f, err
	}
	if !matches {
		return f, refusal.Newf(fault.PlanAltered, nil,
			"%s was changed after it was made: its content does not fit its digest %.12s; "+
				"plan again", path, f.Digest)
	}
	return f, nil
}

// checkFormat checks the format of a plan file and validates it against the schema.
func checkFormat(path string, data []byte) error {
	document, err := jsonx.Document(data)
	if err != nil {
		return refusal.Newf(fault.PlanDamaged, err, "%s is no plan, or only a part of one (%v): plan again", path, err)
	}
	if fields, _ := document.(map[string]any); fields["schema"] != Format {
		return refusal.Newf(fault.PlanDamaged, nil,
			"%s is of the format %v, and this version of Lockstep reads %s: plan again",
			path, fields["schema"], Format)
	}
	schema, err := compiledSchema()
	if err != nil {
		return err
	}
	if err := schema.Validate(document); err != nil {
		return refusal.Newf(fault.PlanDamaged, err, "%s is no plan as Lockstep writes one: plan again (%s)",
			path, strings.ReplaceAll(err.Error(), "\n", " "))
	}
	return nil
}
