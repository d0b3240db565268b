// Package rehearsal owns the emulated accounts: the emulator's installation, process and state, the bootstrap of the
// accounts, and the copy of a cloud assembly that can be deployed to them. It knows nothing about change sets, steps or
// terminals.
package rehearsal

import "io/fs"

// A Session is what clients need to know about a running emulator.
type Session struct {
	// Endpoint is the base address of every service, https://127.0.0.1:4566 for example.
	Endpoint string
	// Authority is the path of a PEM file with the emulator's certificate authority alone.
	Authority string
	// SecretFile is the path of the file with the accounts' secret, which calls are signed with.
	SecretFile string
	// CABundle is the path of a PEM file with the machine's own certificate authorities and the emulator's.
	CABundle string
}

// Coverage says how much of an assembly the emulator can rehearse.
type Coverage struct {
	// Resources is the number of resources of all templates.
	Resources int `json:"resources"`
	// StandIns are the resources of types that the emulator does not know.
	StandIns []StandIn `json:"standIns"`
	// MissingAttributes are the attributes that other resources lack, and parameters whose values AWS publishes.
	MissingAttributes []MissingAttribute `json:"attributes,omitempty"`
	// Parameters are the parameters of SSM that a value of Lockstep's own stands in for.
	Parameters []OutsideParameter `json:"parameters,omitempty"`
	// Lookups are the keys of what the app looks up and had no answer for: placeholders are deployed.
	Lookups []string `json:"lookups,omitempty"`
	// Images are the container images that nothing has built.
	Images []UnbuiltImage `json:"images,omitempty"`
	// Answered is the assembly in which nothing but the placeholders of look-ups is replaced.
	Answered fs.FS `json:"-"`
	// NotReached is the number of the resources of stacks that the rehearsal did not come to.
	NotReached int `json:"notReached,omitempty"`
	// Ratio is the share of the resources that are rehearsed as they are, from 0 to 1; 1 if there are none.
	Ratio float64 `json:"ratio"`
	// byFile is the coverage of each template by its file.
	byFile map[string]Coverage
}

// Of returns the coverage of the templates in some files, of which others were not reached. What is in neither does not
// count.
func (c Coverage) Of(reached, notReached []string) Coverage {
	out := Coverage{Ratio: 1, Parameters: c.Parameters, Lookups: c.Lookups}
	for _, file := range reached {
		out.Add(c.byFile[file])
	}
	for _, file := range notReached {
		resources := c.byFile[file].Resources
		out.Add(Coverage{Resources: resources, NotReached: resources})
	}
	return out
}

// A StandIn is a resource that was replaced in the rehearsed copy because the emulator does not know its type.
type StandIn struct {
	Stack     string `json:"stack"`
	LogicalID string `json:"logicalId"`
	Type      string `json:"type"`
}

// A MissingAttribute is a value that a template refers to and that the emulator does not have: an attribute, although
// it creates the resource, or a public SSM parameter.
type MissingAttribute struct {
	Stack     string `json:"stack"`
	LogicalID string `json:"logicalId"`
	Name      string `json:"name"`
}

// An UnbuiltImage is a container image that was left out, because this machine cannot build it. What uses it is
// deployed all the same: the emulator starts no containers.
type UnbuiltImage struct {
	Stack  string `json:"stack"`
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Rehearsed returns the number of the resources that are rehearsed as they are.
func (c Coverage) Rehearsed() int { return c.Resources - len(c.StandIns) - c.NotReached }

// Add adds the coverage of another template or assembly.
func (c *Coverage) Add(other Coverage) {
	c.Resources += other.Resources
	c.StandIns = append(c.StandIns, other.StandIns...)
	c.MissingAttributes = append(c.MissingAttributes, other.MissingAttributes...)
	c.Parameters = append(c.Parameters, other.Parameters...)
	c.NotReached += other.NotReached
	c.Lookups = append(c.Lookups, other.Lookups...)
	c.Images = append(c.Images, other.Images...)
	c.Ratio = 1
	if c.Resources > 0 {
		c.Ratio = float64(c.Rehearsed()) / float64(c.Resources)
	}
}
