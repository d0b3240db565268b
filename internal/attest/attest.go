// Package attest owns what is signed: statements in the format of in-toto, in envelopes of DSSE, with keys of the curve
// P-256. It knows who signs and whose signatures count only as keys that it is given, and nothing of AWS.
package attest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"lockstep/internal/fault"
	"lockstep/internal/jsonx"
)

// The types of predicates. Source of the last one: https://slsa.dev/spec/v1.1/provenance.
const (
	ReleaseType    = "urn:lockstep:release:v1"
	ApprovalType   = "urn:lockstep:approval:v1"
	PlanType       = "urn:lockstep:plan:v1"
	ProvenanceType = "https://slsa.dev/provenance/v1"
)

// A Scope is what a document is about: an environment of a project, in one account and region.
type Scope struct {
	Project     string `json:"project"`
	Environment string `json:"environment"`
	Account     string `json:"account"`
	Region      string `json:"region"`
}

func (s Scope) String() string {
	return fmt.Sprintf("project %s, environment %s, account %s in %s", s.Project, s.Environment, s.Account, s.Region)
}

// A Subject is a file that a statement is about. Digest is its SHA-256, in hexadecimal.
type Subject struct {
	Name   string `json:"name"`
	Digest string `json:"sha256"`
}

// Digest returns the SHA-256 of data, in hexadecimal.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// A Statement says something about files.
type Statement struct {
	Subjects []Subject `json:"subjects"`
	// Type is the type of the predicate, and Predicate is what is said, as JSON.
	Type      string          `json:"type"`
	Predicate json.RawMessage `json:"predicate"`
}

// IsAbout reports whether a file with that digest is among the subjects.
func (s Statement) IsAbout(digest string) bool {
	for _, subject := range s.Subjects {
		if subject.Digest == digest {
			return true
		}
	}
	return false
}

// Scope returns what the predicate is about. It is the zero Scope for a predicate that does not say it.
func (s Statement) Scope() Scope {
	var scope Scope
	_ = jsonx.UnmarshalForeign(s.Predicate, &scope) // none is as good as one of another form
	return scope
}

// NewStatement returns a statement with a predicate that has a form in JSON.
func NewStatement(predicateType string, predicate any, subjects ...Subject) (Statement, error) {
	var text []byte
	var err error
	if message, ok := predicate.(proto.Message); ok {
		text, err = protojson.Marshal(message)
	} else {
		text, err = json.Marshal(predicate)
	}
	return Statement{Subjects: subjects, Type: predicateType, Predicate: text}, err
}

// marshal returns the statement in the format of in-toto.
func (s Statement) marshal() ([]byte, error) {
	predicate := &structpb.Struct{}
	if err := protojson.Unmarshal(s.Predicate, predicate); err != nil {
		return nil, fault.Wrap(fault.RecordUnsigned, err)
	}
	statement := &intoto.Statement{Type: intoto.StatementTypeUri, PredicateType: s.Type, Predicate: predicate}
	for _, subject := range s.Subjects {
		statement.Subject = append(statement.Subject, &intoto.ResourceDescriptor{
			Name: subject.Name, Digest: map[string]string{"sha256": subject.Digest},
		})
	}
	if err := statement.Validate(); err != nil {
		return nil, fault.Wrap(fault.RecordUnsigned, err)
	}
	text, err := protojson.Marshal(statement)
	if err != nil {
		return nil, err
	}
	var compact bytes.Buffer // protojson varies its spaces on purpose
	err = json.Compact(&compact, text)
	return compact.Bytes(), err
}

// errNoSubject says that a statement names a file without its SHA-256.
var errNoSubject = fault.New(fault.RecordUnsigned, "a subject has no SHA-256")

// parseStatement returns a statement in the format of in-toto.
func parseStatement(text []byte) (Statement, error) {
	statement := &intoto.Statement{}
	if err := protojson.Unmarshal(text, statement); err != nil {
		return Statement{}, fault.Wrap(fault.RecordUnsigned, err)
	}
	if err := statement.Validate(); err != nil {
		return Statement{}, fault.Wrap(fault.RecordUnsigned, err)
	}
	s := Statement{Type: statement.GetPredicateType()}
	for _, subject := range statement.GetSubject() {
		digest := subject.GetDigest()["sha256"]
		if digest == "" {
			return s, errNoSubject
		}
		s.Subjects = append(s.Subjects, Subject{Name: subject.GetName(), Digest: digest})
	}
	var err error
	s.Predicate, err = protojson.Marshal(statement.GetPredicate())
	return s, err
}
