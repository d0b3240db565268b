package attest

import (
	"strconv"
	"time"

	provenance "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"lockstep/internal/fault"
)

// A Release is what the signature of a release record says besides the record's digest.
type Release struct {
	Scope
	Number int `json:"number"`
	// Previous is the hash in the record before; empty for the first.
	Previous string `json:"previous"`
	// Token is the fencing token of the lock under which it was recorded; empty if the record has none.
	Token  string    `json:"token,omitempty"`
	Mode   string    `json:"mode"`
	Run    string    `json:"run"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Commit string    `json:"commit,omitempty"`
	// Digests are what was deployed, by what it is.
	Digests map[string]string `json:"digests"`
}

// FormatToken returns a fencing token as text: a number of JSON does not hold every one of them.
func FormatToken(token int64) string {
	if token == 0 {
		return ""
	}
	return strconv.FormatInt(token, 10)
}

// An Approval is what the signature of an approval says besides its digest.
type Approval struct {
	Scope
	Plan string    `json:"plan"`
	By   string    `json:"by"`
	At   time.Time `json:"at"`
	// Allow are the permits that the approver gives.
	Allow []string `json:"allow,omitempty"`
}

// A Plan is what the signature of the registration of a plan says besides its digest.
type Plan struct {
	Scope
	Plan    string    `json:"plan"`
	By      string    `json:"by"`
	Run     string    `json:"run"`
	Expires time.Time `json:"expires"`
}

// A Build is how a cloud assembly came about.
type Build struct {
	Scope
	// Builder names the program and machine that vouch for it, and Invocation their run.
	Builder    string
	Version    string
	Invocation string
	// Commit is the commit of the sources; empty if that is not known.
	Commit string
	// Materials are the digests of what else went into it, by what it is.
	Materials []Subject
	Finished  time.Time
}

// buildType says how the parameters of a provenance are to be read: docs/decisions/0060-signed-records.md.
const buildType = "urn:lockstep:synth:v1"

// NewProvenance returns a statement on how files came about, with a predicate of SLSA.
func NewProvenance(b Build, subjects ...Subject) (Statement, error) {
	parameters, err := structpb.NewStruct(map[string]any{
		"project": b.Project, "environment": b.Environment, "account": b.Account, "region": b.Region,
	})
	if err != nil {
		return Statement{}, fault.Wrap(fault.RecordUnsigned, err)
	}
	var materials []*intoto.ResourceDescriptor
	if b.Commit != "" {
		materials = append(materials, &intoto.ResourceDescriptor{
			Name: "source", Digest: map[string]string{"gitCommit": b.Commit},
		})
	}
	for _, m := range b.Materials {
		materials = append(materials, &intoto.ResourceDescriptor{
			Name: m.Name, Digest: map[string]string{"sha256": m.Digest},
		})
	}
	return NewStatement(ProvenanceType, &provenance.Provenance{
		BuildDefinition: &provenance.BuildDefinition{
			BuildType: buildType, ExternalParameters: parameters, ResolvedDependencies: materials,
		},
		RunDetails: &provenance.RunDetails{
			Builder:  &provenance.Builder{Id: b.Builder, Version: map[string]string{"lockstep": b.Version}},
			Metadata: &provenance.BuildMetadata{InvocationId: b.Invocation, FinishedOn: timestamppb.New(b.Finished)},
		},
	}, subjects...)
}
