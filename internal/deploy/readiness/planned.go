package readiness

import (
	"slices"
	"strings"

	"lockstep/internal/awsmodel"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/resolve"
)

// A PlannedStack is a stack of a plan with the resources that the plan adds to it.
type PlannedStack struct {
	*assembly.Stack
	// IsNew says that the stack does not exist.
	IsNew bool
	New   []NewResource
}

// A NewResource is a resource that does not exist in its stack yet.
type NewResource struct {
	LogicalID, Type, Construct string
	// Properties are its properties. What only AWS can tell is marked, as package resolve does.
	Properties map[string]any
	// IsRetained says that it stays when its stack is deleted.
	IsRetained bool
}

// NewPlannedStack returns a stack with what its template has and the deployed one has not; the latter is empty for a
// stack that does not exist. Resources whose conditions cannot be known are left out.
func NewPlannedStack(s *assembly.Stack, deployed string) (PlannedStack, error) {
	planned := PlannedStack{Stack: s, IsNew: deployed == ""}
	document, err := assembly.ParseDocument(s.Template.Body)
	if err != nil {
		return planned, err
	}
	before, err := assembly.ParseTemplate(deployed)
	if deployed != "" && err != nil {
		return planned, nil // it is in YAML, so what is new is not known
	}
	template := resolve.New(document, resolve.Values{Parameters: parametersOf(s), Pseudo: pseudoParameters(s)})
	if template.HasMacro() {
		return planned, nil
	}
	for _, id := range template.LogicalIDs() {
		if _, exists := before.Resources[id]; exists {
			continue
		}
		r, exists, undecided := template.Resource(resolve.World{}, id)
		properties, ok := r.Properties.(map[string]any)
		if !exists || undecided != "" || r.Properties != nil && !ok {
			continue
		}
		policy := resolve.Text(r.DeletionPolicy)
		planned.New = append(planned.New, NewResource{
			LogicalID: id, Type: r.Type, Construct: s.ConstructPaths[id], Properties: properties,
			IsRetained: strings.HasPrefix(policy, "Retain"),
		})
	}
	return planned, nil
}

func pseudoParameters(s *assembly.Stack) map[string]string {
	return map[string]string{
		"AWS::StackName": s.Name, "AWS::AccountId": s.Account, "AWS::Region": s.Region,
		"AWS::Partition": assembly.Partition(s.Region), "AWS::URLSuffix": assembly.URLSuffix(s.Region),
	}
}

// parametersOf returns the values of a stack's parameters that are known before the deployment.
func parametersOf(s *assembly.Stack) map[string]resolve.Parameter {
	parameters := map[string]resolve.Parameter{}
	for name, p := range s.Template.Parameters {
		value, isGiven := s.Parameters[name]
		if p.IsFromSSM() || p.IsSecret() || !isGiven && p.Default == nil {
			parameters[name] = resolve.Parameter{Value: name, IsUnknown: true}
		} else if isGiven {
			parameters[name] = resolve.Parameter{Value: value}
		}
	}
	return parameters
}

// name returns the identifier of a resource that its template gives it, "" for one whose name AWS makes up.
func (r NewResource) name() string {
	published, ok := awsmodel.Lookup(r.Type)
	if !ok {
		return ""
	}
	var parts []string
	for _, property := range published.PrimaryIdentifier {
		text, isText := r.Properties[property].(string)
		if !isText || text == "" || resolve.IsMarked(text) || slices.Contains(published.ReadOnly, property) {
			return ""
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "|") // as Cloud Control joins them
}

// finding returns a finding about a resource.
func (r NewResource) finding(s PlannedStack, problem, remedy, source string) Finding {
	return Finding{
		Stack: s.Name, LogicalID: r.LogicalID, Type: r.Type, Construct: r.Construct,
		Problem: problem, Remedy: remedy, Source: source,
	}
}
