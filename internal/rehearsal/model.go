// Package rehearsal owns the emulated accounts: the emulator's installation, life and state, the accounts' bootstrap,
// and what of a cloud assembly it can show. It knows nothing of change sets, steps or terminals.
package rehearsal

// A Session is a running emulator as its clients need to know it.
type Session struct {
	// Endpoint is the base address of every service, https://127.0.0.1:4566 for example.
	Endpoint string
	// Authority is the path of a PEM file with the emulator's certificate authority alone.
	Authority string
	// CABundle is the path of a PEM file with the machine's own certificate authorities and the emulator's.
	CABundle string
}

// Coverage is what of an assembly the emulator could rehearse.
type Coverage struct {
	// Resources counts the resources of all templates, StandIns those that the emulator does not know.
	Resources int       `json:"resources"`
	StandIns  []StandIn `json:"standIns"`
	// MissingAttributes are what others of its resources could not tell of themselves.
	MissingAttributes []MissingAttribute `json:"attributes,omitempty"`
	// Ratio is the part of the resources that were rehearsed for real, from 0 to 1; 1 when there are none.
	Ratio float64 `json:"ratio"`
}

// A StandIn is a resource that was replaced in the rehearsed copy because the emulator does not know its type.
type StandIn struct {
	Stack     string `json:"stack"`
	LogicalID string `json:"logicalId"`
	Type      string `json:"type"`
}

// An MissingAttribute is a value that a template asks a resource for and the emulator does not have, though it makes
// the resource.
type MissingAttribute struct {
	Stack     string `json:"stack"`
	LogicalID string `json:"logicalId"`
	Name      string `json:"name"`
}

// Add takes another assembly's coverage in.
func (c *Coverage) Add(other Coverage) {
	c.Resources += other.Resources
	c.StandIns = append(c.StandIns, other.StandIns...)
	c.MissingAttributes = append(c.MissingAttributes, other.MissingAttributes...)
	c.Ratio = 1
	if c.Resources > 0 {
		c.Ratio = float64(c.Resources-len(c.StandIns)) / float64(c.Resources)
	}
}
