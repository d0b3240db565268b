// Package readiness owns what has to be true of an account before the first write to it: one table of checks, each of
// which asks AWS. It writes nothing, and knows nothing of sessions and roles: it is handed the questions as functions.
package readiness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
)

// ErrNotHere is the answer to a question that what takes the place of AWS cannot answer.
var ErrNotHere = fault.New(fault.AWSRefused, "it is not checked here")

// An Account answers questions about one account and region. Each may answer ErrNotHere.
type Account struct {
	assembly.Place
	// Environment is what the configuration calls the account.
	Environment string
	// Parameter returns the value of an SSM parameter, "" for none.
	Parameter func(ctx context.Context, name string) (string, error)
	// DeniedActions returns those of the actions that the deploy role may not do.
	DeniedActions func(ctx context.Context, actions []string) ([]string, error)
	// Resource returns the properties of the resource of a type with an identifier, nil for none.
	Resource func(ctx context.Context, resourceType, identifier string) (map[string]any, error)
	// Resources returns the properties of the resources of a type, at most as many as the limit.
	Resources func(ctx context.Context, resourceType string, limit int) ([]map[string]any, error)
	// Owner returns the stack and the logical id of the resource with a physical id; both empty for none.
	Owner func(ctx context.Context, physicalID string) (stack, logicalID string, err error)
	// Quota returns the value of a quota of Service Quotas.
	Quota func(ctx context.Context, service, code string) (float64, error)
}

// A Subject is what the checks judge: an account, with what a plan would create in it.
type Subject struct {
	Account
	// Bootstrap are the bootstrap versions that are needed, and NeedsDeployRole says that the deploy role is used.
	Bootstrap       []assembly.BootstrapRequirement
	NeedsDeployRole bool
	// Stacks are the stacks of the plan with what is new in each.
	Stacks []PlannedStack
	// ImportsExisting says that resources that exist already are imported.
	ImportsExisting bool
}

// A Check is one thing that is asked of an account before the first write.
type Check struct {
	// Name is a short name in lower case.
	Name string
	// Refuses says what is refused, as a noun.
	Refuses string
	// Code is the code of what it finds.
	Code fault.Code
	// Source is the page that documents it.
	Source string

	find func(context.Context, Subject, report) error
	// refuse returns the refusal for a text with all findings, if the check has found the first.
	refuse func(text string) error
	// isEssential says that nothing goes on if it cannot be read.
	isEssential bool
}

// A report takes what a check found.
type report func(Finding)

// Checks returns the table of the checks, in the order in which they are shown.
func Checks() []Check { return slices.Concat(AccountChecks(), PlanChecks()) }

// AccountChecks returns the checks of an account as it is.
func AccountChecks() []Check {
	return []Check{
		{
			Name: "bootstrap version", Refuses: "a bootstrap without the rights that a deployment uses",
			Code: fault.BootstrapOld, find: findOldBootstrap, refuse: refuseRights, isEssential: true,
			Source: "https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html",
		},
		{
			Name: "rights of the deploy role", Refuses: "a deploy role that may not do what a deployment does",
			Code: fault.RightsMissing, find: findMissingRights, refuse: refuseRights,
			Source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html",
		},
	}
}

// PlanChecks returns the checks of what a plan would create in an account.
func PlanChecks() []Check {
	return []Check{
		{
			Name: "account-wide resources", Refuses: "a second one of what an account has only once",
			Code: fault.OnlyOneAllowed, find: findSecondOnes, refuse: refuseSecond,
			Source: "https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html",
		},
		{
			Name: "names in use", Refuses: "a resource whose name another one has",
			Code: fault.ResourceExists, find: findNamesInUse, refuse: refuseName,
			Source: "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html",
		},
		{
			Name: "quotas", Refuses: "more resources than the account may have",
			Code: fault.QuotaReached, find: findQuotas, refuse: refuseQuota,
			Source: "https://docs.aws.amazon.com/servicequotas/latest/userguide/intro.html",
		},
	}
}

// A Finding is something because of which a deployment to the account would fail.
type Finding struct {
	Check   string     `json:"check"`
	Code    fault.Code `json:"code"`
	Account string     `json:"account"`
	Region  string     `json:"region"`
	Stack   string     `json:"stack,omitempty"`
	// LogicalID, Type and Construct are those of the resource; empty for the account as a whole.
	LogicalID string `json:"logicalId,omitempty"`
	Type      string `json:"type,omitempty"`
	Construct string `json:"construct,omitempty"`
	Problem   string `json:"problem"`
	// Remedy says what to do.
	Remedy string `json:"remedy"`
	Source string `json:"source"`
}

// String returns the finding as one line.
func (f Finding) String() string {
	where := "account " + f.Account + " in " + f.Region
	if f.Stack != "" {
		where += ", stack " + f.Stack
	}
	if f.LogicalID != "" {
		where += ", " + assembly.DescribeResource(f.LogicalID, f.Type, f.Construct)
	}
	return fmt.Sprintf("%s: %s: %s [%s, %s]", where, f.Problem, f.Remedy, f.Code, f.Source)
}

// A State says how a check ended.
type State string

// The states of a check.
const (
	Passed  State = "passed"
	Refused State = "refused"
	// Unreadable is for what could not be checked, because a right or an answer is missing. It is neither of the others.
	Unreadable State = "could not be checked"
	// NotHere is for what the emulated accounts cannot tell.
	NotHere State = "not checked here"
)

// An Answer is the result of a check in one account and region.
type Answer struct {
	Check   string `json:"check"`
	Account string `json:"account"`
	Region  string `json:"region"`
	State   State  `json:"state"`
	// Reason says why it could not be checked.
	Reason   string    `json:"reason,omitempty"`
	Findings []Finding `json:"findings,omitempty"`
}

// Run runs checks on an account. The error is that of an essential check, or of the context.
func Run(ctx context.Context, checks []Check, s Subject) ([]Answer, error) {
	var answers []Answer
	for _, check := range checks {
		a := Answer{Check: check.Name, Account: s.Place.Account, Region: s.Region, State: Passed}
		err := check.find(ctx, s, func(f Finding) {
			f.Check, f.Code, f.Account, f.Region = check.Name, check.Code, a.Account, a.Region
			if f.Source == "" {
				f.Source = check.Source
			}
			a.Findings = append(a.Findings, f)
		})
		switch {
		case ctx.Err() != nil:
			return answers, ctx.Err()
		case err != nil && check.isEssential:
			return answers, err
		case len(a.Findings) > 0:
			a.State = Refused
		case errors.Is(err, ErrNotHere):
			a.State = NotHere
		case err != nil:
			a.State, a.Reason = Unreadable, err.Error()
		}
		answers = append(answers, a)
	}
	return answers, nil
}

// Err returns a refusal that lists what the answers have found, nil for nothing. Its code is that of the first finding.
func Err(answers []Answer) error {
	var lines []string
	first := ""
	for _, a := range answers {
		for _, f := range a.Findings {
			first = cmp.Or(first, f.Check)
			lines = append(lines, "  "+f.String())
		}
	}
	for _, check := range Checks() {
		if check.Name == first {
			return check.refuse("this account is not ready for the deployment, so nothing was written:\n" +
				strings.Join(lines, "\n"))
		}
	}
	return nil
}

func refuseRights(text string) error { return refusal.Newf(fault.RightsMissing, nil, "%s", text) }
func refuseSecond(text string) error { return refusal.Newf(fault.OnlyOneAllowed, nil, "%s", text) }
func refuseName(text string) error   { return refusal.Newf(fault.ResourceExists, nil, "%s", text) }
func refuseQuota(text string) error  { return refusal.Newf(fault.QuotaReached, nil, "%s", text) }

// Unchecked returns a sentence for each state of a check without a result, each check named once.
func Unchecked(answers []Answer) []string {
	var lines []string
	for _, state := range []State{Unreadable, NotHere} {
		var names []string
		for _, a := range answers {
			name := a.Check
			if a.Reason != "" {
				name += " (" + a.Reason + ")"
			}
			if a.State == state && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		if len(names) > 0 {
			lines = append(lines, fmt.Sprintf("before the first write, %s: %s", state, strings.Join(names, ", ")))
		}
	}
	return lines
}
