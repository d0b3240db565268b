package readiness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/resolve"
)

// A single is a kind of resource that an account has only once.
type single struct {
	resourceType string
	// what names it in a sentence.
	what string
	// isSame reports whether two resources of the type exclude each other; nil if any two do.
	isSame func(planned, existing map[string]any) bool
	// isExempt reports whether a resource that exists does not count; nil for none.
	isExempt func(existing map[string]any) bool
	// setting is the line of configuration that leaves it out of the stacks of Lockstep's own app.
	setting string
	source  string
}

// organisation is the setting for what an organisation provides for its accounts.
const organisation = "governance.organisation: "

// singles is the table of what an account has only once, in a region or as a whole. It is typed by hand, because no
// data of AWS says it: each row has the page that does.
func singles() []single {
	return []single{
		{
			resourceType: "AWS::Config::ConfigurationRecorder", what: "a configuration recorder",
			isExempt: isServiceLinkedRecorder, setting: organisation + "[config]",
			source: "https://docs.aws.amazon.com/config/latest/developerguide/configlimits.html",
		},
		{
			resourceType: "AWS::Config::DeliveryChannel", what: "a delivery channel of AWS Config",
			setting: organisation + "[config]",
			source:  "https://docs.aws.amazon.com/config/latest/developerguide/configlimits.html",
		},
		{
			resourceType: "AWS::GuardDuty::Detector", what: "a detector of GuardDuty",
			setting: organisation + "[guardDuty]",
			source:  "https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_limits.html",
		},
		{
			resourceType: "AWS::AccessAnalyzer::Analyzer", what: "an analyzer of that type", isSame: sameText("Type"),
			setting: organisation + "[accessAnalyzer]",
			source:  "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-quotas.html",
		},
		{
			resourceType: "AWS::CE::AnomalyMonitor", what: "a cost monitor of all services",
			isSame: sameText("MonitorType", "MonitorDimension"), setting: organisation + "[costAnomaly]",
			source: "https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2515",
		},
		{
			resourceType: "AWS::Budgets::Budget", what: "a budget of that name", isSame: sameText("Budget/BudgetName"),
			source: "https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_CreateBudget.html",
		},
		{
			resourceType: "AWS::SecurityHub::Hub", what: "Security Hub",
			source: "https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_EnableSecurityHub.html",
		},
		{
			resourceType: "AWS::Macie::Session", what: "Macie",
			source: "https://docs.aws.amazon.com/macie/latest/APIReference/macie.html",
		},
		{
			resourceType: "AWS::IAM::OIDCProvider", what: "an identity provider of that address", isSame: isSameProvider,
			source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html",
		},
	}
}

// SingleTypes returns the types of the resources that an account has only once.
func SingleTypes() []string {
	var types []string
	for _, s := range singles() {
		types = append(types, s.resourceType)
	}
	return types
}

// sameText returns a function that reports whether the properties at paths are equal texts.
func sameText(paths ...string) func(planned, existing map[string]any) bool {
	return func(planned, existing map[string]any) bool {
		for _, path := range paths {
			if textAt(planned, path) != textAt(existing, path) {
				return false
			}
		}
		return true
	}
}

// textAt returns the text at a path of properties, "" for none.
func textAt(properties map[string]any, path string) string {
	return resolve.Text(resolve.ValueAt(properties, path))
}

// isServiceLinkedRecorder reports whether a recorder belongs to a service of AWS. Those do not count.
// Source: https://docs.aws.amazon.com/config/latest/developerguide/stop-start-recorder.html.
func isServiceLinkedRecorder(existing map[string]any) bool {
	return strings.HasPrefix(textAt(existing, "Name"), "AWSConfigurationRecorderFor")
}

// isSameProvider reports whether two identity providers have one address. IAM leaves out its scheme.
func isSameProvider(planned, existing map[string]any) bool {
	address := func(properties map[string]any) string {
		return strings.TrimSuffix(strings.TrimPrefix(textAt(properties, "Url"), "https://"), "/")
	}
	return address(planned) != "" && address(planned) == address(existing)
}

// maxListed is how many resources of a type are read. An account has a handful of those that it has only once, except
// for budgets.
const maxListed = 200

// findSecondOnes finds new resources of which the account has one already, or of which the plan has two.
func findSecondOnes(ctx context.Context, s Subject, found report) error {
	var errs []error
	for _, kind := range singles() {
		planned := plannedOf(s, kind.resourceType)
		if len(planned) == 0 {
			continue
		}
		existing, err := s.Resources(ctx, kind.resourceType, maxListed)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", kind.resourceType, err))
		}
		for i, p := range planned {
			if other := kind.firstOf(p, existing); other != nil {
				owner, err := s.ownerText(ctx, other)
				if err != nil {
					return err
				}
				found(p.finding(p.stack, "the account has "+kind.what+" already"+owner+", and can have no second one",
					kind.remedy(), kind.source))
				continue
			}
			excludes := func(other plannedSingle) bool { return kind.excludes(p, other.Properties) }
			if j := slices.IndexFunc(planned[:i], excludes); j >= 0 {
				found(p.finding(p.stack, fmt.Sprintf("stack %s of this plan has %s too", planned[j].stack.Name, kind.what),
					"keep one of them", kind.source))
			}
		}
	}
	return errors.Join(errs...)
}

// ExistingSingles returns what an account has of the resources that it can have only once.
func ExistingSingles(ctx context.Context, s Subject) Answer {
	check := PlanChecks()[0]
	check.find = func(ctx context.Context, s Subject, found report) error {
		var errs []error
		for _, kind := range singles() {
			existing, err := s.Resources(ctx, kind.resourceType, maxListed)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", kind.resourceType, err))
			}
			for _, r := range existing {
				if kind.isExempt != nil && kind.isExempt(r) {
					continue
				}
				owner, err := s.ownerText(ctx, r)
				if err != nil {
					return err
				}
				found(Finding{
					Type: kind.resourceType, Problem: "the account has " + kind.what + " already" + owner,
					Remedy: "if a stack of yours is to create one: " + kind.remedy(), Source: kind.source,
				})
			}
		}
		return errors.Join(errs...)
	}
	answers, err := Run(ctx, []Check{check}, s)
	if err != nil {
		return Answer{
			Check: check.Name, Account: s.Place.Account, Region: s.Region, State: Unreadable, Reason: err.Error(),
		}
	}
	return answers[0]
}

// A plannedSingle is a new resource of a kind that an account has only once.
type plannedSingle struct {
	NewResource
	stack PlannedStack
}

// plannedOf returns the new resources of a type.
func plannedOf(s Subject, resourceType string) []plannedSingle {
	var all []plannedSingle
	for _, stack := range s.Stacks {
		for _, r := range stack.New {
			if r.Type == resourceType {
				all = append(all, plannedSingle{r, stack})
			}
		}
	}
	return all
}

// excludes reports whether a planned resource cannot be beside another one.
func (k single) excludes(p plannedSingle, other map[string]any) bool {
	return k.isSame == nil || k.isSame(p.Properties, other)
}

// firstOf returns the first of the existing resources that a planned one cannot be beside, nil for none.
func (k single) firstOf(p plannedSingle, existing []map[string]any) map[string]any {
	for _, other := range existing {
		if (k.isExempt == nil || !k.isExempt(other)) && k.excludes(p, other) {
			return other
		}
	}
	return nil
}

// remedy says what to do about a second one.
func (k single) remedy() string {
	if k.setting == "" {
		return "take it out of the app, or remove the one that exists"
	}
	return "keep the one that exists with `" + k.setting + "` in the environment's configuration, or take it out of " +
		"the app"
}

// ownerText returns which stack a resource belongs to, as the end of a clause; "" if that is not known.
func (s Subject) ownerText(ctx context.Context, properties map[string]any) (string, error) {
	for _, key := range []string{"Id", "Arn", "MonitorArn", "Name", "ARN"} {
		id := textAt(properties, key)
		if id == "" {
			continue
		}
		stack, _, err := s.Owner(ctx, id)
		if err != nil || stack == "" {
			return "", ctx.Err() // which stack it is only helps to find it
		}
		return ", of stack " + stack, nil
	}
	return "", nil
}

// maxAsked is how many names are asked about at once.
const maxAsked = 4

// findNamesInUse finds new resources whose names are taken. What Cloud Control cannot read is left to CloudFormation.
func findNamesInUse(ctx context.Context, s Subject, found report) error {
	type answer struct {
		finding *Finding
		err     error
	}
	var questions []plannedSingle
	for _, stack := range s.Stacks {
		for _, r := range stack.New {
			if r.name() != "" && !slices.Contains(SingleTypes(), r.Type) {
				questions = append(questions, plannedSingle{r, stack})
			}
		}
	}
	answers := make([]answer, len(questions))
	var group errgroup.Group
	group.SetLimit(maxAsked)
	for i, q := range questions {
		group.Go(func() error {
			answers[i].finding, answers[i].err = s.nameInUse(ctx, q)
			return nil
		})
	}
	_ = group.Wait() // the errors are in the answers
	var firstErr error
	for i, a := range answers {
		if a.finding != nil {
			found(*a.finding)
		}
		if a.err != nil {
			firstErr = errors.Join(firstErr, fmt.Errorf("%s: %w", questions[i].Type, a.err))
		}
	}
	return firstErr
}

const importsSource = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/" +
	"import-resources-automatically.html"

// nameInUse returns what is wrong with the name of a new resource, nil for nothing.
func (s Subject) nameInUse(ctx context.Context, q plannedSingle) (*Finding, error) {
	name := q.name()
	properties, err := s.Resource(ctx, q.Type, name)
	if err != nil || properties == nil {
		return nil, err
	}
	owner, logicalID, err := s.Owner(ctx, name)
	if err != nil {
		return nil, err
	}
	problem := fmt.Sprintf("a resource named %s exists", name)
	var f Finding
	switch {
	case owner == q.stack.Name:
		f = q.finding(q.stack, problem+" as "+logicalID+" of the same stack, and the new one is created before it goes",
			"keep the logical id, or give the resource another name", "")
	case owner != "" && s.isMoved(q, owner):
		return nil, nil
	case owner != "":
		f = q.finding(q.stack, problem+" as "+logicalID+" of stack "+owner,
			"give this one another name, or take it out of one of the stacks", "")
	case s.ImportsExisting && q.IsRetained: // CloudFormation takes it over
		return nil, nil
	case s.ImportsExisting:
		f = q.finding(q.stack, problem+" and belongs to no stack",
			"it is imported only if its DeletionPolicy is Retain or RetainExceptOnCreate: set its removal policy so",
			importsSource)
	default:
		f = q.finding(q.stack, problem+" and belongs to no stack: perhaps one that was deleted has left it",
			"add --allow import-existing to take it over as it is, or delete it, or give this one another name",
			importsSource)
	}
	return &f, nil
}

// isMoved reports whether a stack of the plan gives the resource up before the stack that gets it is deployed.
func (s Subject) isMoved(q plannedSingle, owner string) bool {
	i := slices.IndexFunc(s.Stacks, func(other PlannedStack) bool { return other.Name == owner })
	if i < 0 || !needs(q.stack.Stack, s.Stacks[i].Stack) {
		return false
	}
	all, err := NewPlannedStack(s.Stacks[i].Stack, "")
	return err == nil && !slices.ContainsFunc(all.New, func(r NewResource) bool {
		return r.Type == q.Type && r.name() == q.name()
	})
}

// needs reports whether a stack is deployed after another: it needs it, directly or by others.
func needs(s, other *assembly.Stack) bool {
	return slices.ContainsFunc(s.Needs, func(need *assembly.Stack) bool { return need == other || needs(need, other) })
}
