package deploy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudcontrol"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/cfn"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/readiness"
	"lockstep/internal/fault"
	"lockstep/internal/jsonx"
	"lockstep/internal/roles"
)

// checkPlace checks the account of stacks that are in one place, before anything is planned.
func (d *Deployment) checkPlace(ctx context.Context, stacks []*assembly.Stack) error {
	subject := readiness.Subject{
		Account: d.accountQuestions(stacks[0].Place()), NeedsDeployRole: d.Access == DeployAccess,
	}
	for _, s := range stacks {
		for _, want := range s.BootstrapRequirements {
			if want.Parameter != "" && !slices.Contains(subject.Bootstrap, want) {
				subject.Bootstrap = append(subject.Bootstrap, want)
			}
		}
	}
	subject.Parameter = d.parameterReader(stacks[0])
	answers, err := readiness.Run(ctx, readiness.AccountChecks(), subject)
	return d.keepAnswers(answers, err)
}

// checkReadiness checks the places of the plan's stacks for what AWS would refuse of what is new in them. It asks once
// in a run.
func (p *Plan) checkReadiness(ctx context.Context) error {
	d := p.deployment
	places := map[assembly.Place][]readiness.PlannedStack{}
	for _, step := range p.steps {
		if step.record.Outcome == change.Unchanged {
			continue
		}
		deployed := ""
		if step.current.Phase != cfn.Absent && step.current.Phase != cfn.NeedsDelete {
			deployed = step.current.Template
		}
		planned, err := readiness.NewPlannedStack(step.stack, deployed)
		if err != nil {
			return fmt.Errorf("stack %s: %w", step.stack.Name, err)
		}
		places[step.stack.Place()] = append(places[step.stack.Place()], planned)
	}
	_, err := loadOrCreate(&d.readinessDone, "", func() (bool, error) {
		for place, stacks := range places {
			subject := readiness.Subject{
				Account: d.accountQuestions(place), Stacks: stacks, ImportsExisting: d.ImportsExisting,
			}
			answers, err := readiness.Run(ctx, readiness.PlanChecks(), subject)
			if err := d.keepAnswers(answers, err); err != nil {
				return false, err
			}
		}
		return true, nil
	})
	return err
}

// keepAnswers keeps the answers of checks for the record, prints once what a live run could not check, and returns the
// error of what they have found.
func (d *Deployment) keepAnswers(answers []readiness.Answer, err error) error {
	d.answersMu.Lock()
	d.answers = append(d.answers, answers...)
	d.answersMu.Unlock()
	if d.Run.Mode == Live {
		for _, line := range readiness.Unchecked(answers) {
			if _, isKnown := d.noticesShown.LoadOrStore(line, true); !isKnown {
				d.printProgress(line)
			}
		}
	}
	if err != nil {
		return err
	}
	return readiness.Err(answers)
}

// Readiness returns the answers of the checks before the first write so far.
func (d *Deployment) Readiness() []readiness.Answer {
	d.answersMu.Lock()
	defer d.answersMu.Unlock()
	return slices.Clone(d.answers)
}

// CheckAccount runs the checks of an account that need no assembly. The last answer has as findings what the account
// has of the resources that it can have only once, which is no error. It works as the lookup role.
func (d *Deployment) CheckAccount(ctx context.Context) ([]readiness.Answer, error) {
	place := assembly.Place{Account: d.target.Account, Region: d.target.Region}
	subject := readiness.Subject{
		Account: d.accountQuestions(place), NeedsDeployRole: true,
		Bootstrap: []assembly.BootstrapRequirement{{
			Version: readiness.MinimumBootstrap, Parameter: "/cdk-bootstrap/" + d.target.Qualifier + "/version",
		}},
	}
	subject.Parameter = d.parameterReader(nil)
	answers, err := readiness.Run(ctx, readiness.AccountChecks(), subject)
	if err != nil {
		return answers, err
	}
	return append(answers, readiness.ExistingSingles(ctx, subject)), readiness.Err(answers)
}

// isEmulated reports whether something takes the place of AWS. Its Cloud Control knows nothing of the resources that
// its other services have, so an answer would say that nothing exists.
func (d *Deployment) isEmulated() bool { return d.Run.Mode != Live || d.Run.Endpoint != "" }

// accountQuestions returns the questions about a place as the lookup role asks them.
func (d *Deployment) accountQuestions(place assembly.Place) readiness.Account {
	q := &questions{deployment: d, place: place}
	account := readiness.Account{
		Place: place, Environment: d.target.Environment, DeniedActions: q.deniedActions,
		Resource: q.resource, Resources: q.resources, Owner: q.owner, Quota: q.quota,
	}
	if d.isEmulated() {
		account.Resource = func(context.Context, string, string) (map[string]any, error) {
			return nil, readiness.ErrNotHere
		}
		account.Resources = func(context.Context, string, int) ([]map[string]any, error) {
			return nil, readiness.ErrNotHere
		}
		account.Quota = func(context.Context, string, string) (float64, error) { return 0, readiness.ErrNotHere }
	}
	return account
}

// parameterReader returns a function that reads SSM parameters as the role of a stack, which may read the version of
// the bootstrap (https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html), or as the lookup role for nil.
func (d *Deployment) parameterReader(s *assembly.Stack) func(context.Context, string) (string, error) {
	return func(ctx context.Context, name string) (string, error) {
		role, region := bootstrapRole(d.target, roles.Lookup), d.target.Region
		if s != nil {
			role, region = d.stackRole(s), s.Region
		}
		cfg, err := d.sessions.Config(ctx, role, region)
		if err != nil {
			return "", err
		}
		out, err := awsclient.NewSSM(cfg).GetParameter(ctx, &ssm.GetParameterInput{Name: &name})
		if awsclient.ErrorCode(err) == "ParameterNotFound" {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		if out.Parameter == nil {
			return "", fault.New(fault.NotBootstrapped, "SSM answered without a parameter")
		}
		return aws.ToString(out.Parameter.Value), nil
	}
}

// questions asks AWS about one place, as the lookup role.
type questions struct {
	deployment *Deployment
	place      assembly.Place
}

func (q *questions) config(ctx context.Context) (aws.Config, error) {
	target := q.deployment.target
	target.Account, target.Region = q.place.Account, q.place.Region
	return q.deployment.sessions.Config(ctx, bootstrapRole(target, roles.Lookup), q.place.Region)
}

// someStack returns the ARN of a stack that need not exist. Policies can be for the stacks of an account alone.
func (q *questions) someStack() string {
	return fmt.Sprintf("arn:%s:cloudformation:%s:%s:stack/lockstep/00000000-0000-0000-0000-000000000000",
		assembly.Partition(q.place.Region), q.place.Region, q.place.Account)
}

// deniedActions asks IAM's policy simulator about the deploy role.
func (q *questions) deniedActions(ctx context.Context, actions []string) ([]string, error) {
	cfg, err := q.config(ctx)
	if err != nil {
		return nil, err
	}
	role := bootstrapRole(q.deployment.targetIn(q.place), roles.Deploy).ARN
	in := &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: &role, ActionNames: actions, ResourceArns: []string{q.someStack()},
	}
	var denied []string
	client := awsclient.NewIAM(cfg)
	for {
		out, err := client.SimulatePrincipalPolicy(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, result := range out.EvaluationResults {
			if result.EvalDecision != iamtypes.PolicyEvaluationDecisionTypeAllowed {
				denied = append(denied, aws.ToString(result.EvalActionName))
			}
		}
		if !out.IsTruncated {
			return denied, nil
		}
		in.Marker = out.Marker
	}
}

// unreadableCodes are what Cloud Control answers for types that it cannot read. CloudFormation has the last word there.
var unreadableCodes = []string{"UnsupportedActionException", "TypeNotFoundException", "HandlerFailureException"}

func (q *questions) resource(ctx context.Context, resourceType, identifier string) (map[string]any, error) {
	cfg, err := q.config(ctx)
	if err != nil {
		return nil, err
	}
	out, err := awsclient.NewCloudControl(cfg).GetResource(ctx, &cloudcontrol.GetResourceInput{
		TypeName: &resourceType, Identifier: &identifier,
	})
	switch code := awsclient.ErrorCode(err); {
	case code == "ResourceNotFoundException", slices.Contains(unreadableCodes, code):
		return nil, nil
	case err != nil:
		return nil, err
	case out.ResourceDescription == nil:
		return nil, fault.New(fault.AWSRefused, "Cloud Control answered without a resource")
	}
	return properties(out.ResourceDescription.Properties)
}

// properties reads the properties of a resource.
func properties(text *string) (map[string]any, error) {
	object := map[string]any{}
	err := jsonx.UnmarshalForeign([]byte(aws.ToString(text)), &object)
	return object, err
}

// resources lists resources. Where the list has nothing but identifiers, each resource is read.
func (q *questions) resources(ctx context.Context, resourceType string, limit int) ([]map[string]any, error) {
	cfg, err := q.config(ctx)
	if err != nil {
		return nil, err
	}
	var all []map[string]any
	client := awsclient.NewCloudControl(cfg)
	in := &cloudcontrol.ListResourcesInput{TypeName: &resourceType}
	for len(all) < limit {
		page, err := client.ListResources(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, r := range page.ResourceDescriptions {
			object, err := properties(r.Properties)
			if err != nil {
				return nil, err
			}
			if len(object) <= 1 && slices.Contains(readiness.SingleTypes(), resourceType) {
				if object, err = q.resource(ctx, resourceType, aws.ToString(r.Identifier)); err != nil {
					return nil, err
				}
			}
			if object != nil {
				all = append(all, object)
			}
		}
		if in.NextToken = page.NextToken; in.NextToken == nil {
			break
		}
	}
	return all, nil
}

func (q *questions) owner(ctx context.Context, physicalID string) (stack, logicalID string, err error) {
	cfg, err := q.config(ctx)
	if err != nil {
		return "", "", err
	}
	out, err := awsclient.NewCloudFormation(cfg).DescribeStackResources(ctx,
		&cloudformation.DescribeStackResourcesInput{PhysicalResourceId: &physicalID})
	if awsclient.ErrorCode(err) == "ValidationError" { // no stack has it
		return "", "", nil
	}
	if err != nil {
		return "", "", err
	}
	for _, r := range out.StackResources {
		if aws.ToString(r.PhysicalResourceId) == physicalID && !strings.HasPrefix(string(r.ResourceStatus), "DELETE_") {
			return aws.ToString(r.StackName), aws.ToString(r.LogicalResourceId), nil
		}
	}
	return "", "", nil
}

func (q *questions) quota(ctx context.Context, service, code string) (float64, error) {
	cfg, err := q.config(ctx)
	if err != nil {
		return 0, err
	}
	out, err := awsclient.NewServiceQuotas(cfg).GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{
		ServiceCode: &service, QuotaCode: &code,
	})
	if err != nil {
		return 0, err
	}
	if out.Quota == nil || out.Quota.Value == nil {
		return 0, fault.New(fault.AWSRefused, "Service Quotas answered without a value")
	}
	return *out.Quota.Value, nil
}
