package bootstrap

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/goccy/go-yaml"

	"lockstep/internal/fault"
	"lockstep/internal/refusal"
)

// The parameters of the template of `cdk bootstrap` that are treated in their own way.
const (
	qualifierParameter = "Qualifier"
	trustParameter     = "TrustedAccounts"
	keyParameter       = "FileAssetsBucketKmsKeyId"
	variantParameter   = "BootstrapVariant"
)

// An update is what an update of a bootstrap stack sends, and what it changes.
type update struct {
	parameters []types.Parameter
	// changes are the parameters whose values change, in words.
	changes []string
}

// newUpdate returns the update of a stack to a template. It keeps every parameter that the configuration does not set:
// a parameter that is left out would go back to the template's default. It keeps the bucket's key, without which
// nothing in the bucket can be read, and the trust in other accounts.
func newUpdate(found *types.Stack, template string, want map[string]string) (update, error) {
	defaults, err := parameterDefaults(template)
	if err != nil {
		return update{}, err
	}
	values := parameterValues(found)
	var u update
	for _, name := range slices.Sorted(maps.Keys(defaults)) {
		value, exists := values[name]
		wanted, isSet := want[name]
		switch {
		case exists && (name == keyParameter || !isSet):
			u.parameters = append(u.parameters, types.Parameter{ParameterKey: &name, UsePreviousValue: aws.Bool(true)})
			continue
		case !isSet:
			continue // it is new in the template
		case exists && name == trustParameter:
			wanted = joinLists(value, wanted)
		}
		u.parameters = append(u.parameters, types.Parameter{ParameterKey: &name, ParameterValue: &wanted})
		if exists && value != wanted {
			u.changes = append(u.changes, fmt.Sprintf("%s: %s -> %s", name, orNothing(value), orNothing(wanted)))
		}
	}
	return u, nil
}

// checkReplacesNothing returns a *refusal.Error for a stack of another template, or with another qualifier: an update
// would replace its bucket and its roles, which others may rely on.
func (s stack) checkReplacesNothing(found *types.Stack, account Account) error {
	defaults, err := parameterDefaults(s.template)
	if err != nil {
		return err
	}
	values := parameterValues(found)
	for _, name := range []string{variantParameter, qualifierParameter} {
		wanted, isSet := s.parameters[name]
		if !isSet {
			wanted = defaults[name]
		}
		value, exists := values[name]
		if !exists || value == wanted {
			continue
		}
		remedy := "name another stack under bootstrap.toolkitStack, and a qualifier of your own"
		if account.IsEmulated {
			remedy = "`lockstep rehearsal reset` begins again with the configuration as it is"
		}
		return refusal.Newf(fault.BootstrapDiffers, nil,
			"its bootstrap has %s %q and not %q: it is another one, and an update would replace its bucket and its "+
				"roles; %s", name, value, wanted, remedy)
	}
	return nil
}

// parameterDefaults returns the defaults of a template's parameters, all of them by their names.
func parameterDefaults(template string) (map[string]string, error) {
	var declared struct {
		Parameters map[string]struct {
			Default string `yaml:"Default"`
		} `yaml:"Parameters"`
	}
	if err := yaml.Unmarshal([]byte(template), &declared); err != nil {
		return nil, fault.Errorf(fault.TableBroken, "the bootstrap's template is damaged: %w", err)
	}
	defaults := map[string]string{}
	for name, parameter := range declared.Parameters {
		defaults[name] = parameter.Default
	}
	return defaults, nil
}

// parameterValues returns the parameters of a stack by their names.
func parameterValues(stack *types.Stack) map[string]string {
	values := map[string]string{}
	for _, p := range stack.Parameters {
		values[aws.ToString(p.ParameterKey)] = aws.ToString(p.ParameterValue)
	}
	return values
}

// joinLists returns the items of two lists that are separated by commas: those of the first, and the others of the
// second.
func joinLists(first, second string) string {
	items := splitList(first)
	for _, item := range splitList(second) {
		if !slices.Contains(items, item) {
			items = append(items, item)
		}
	}
	return strings.Join(items, ",")
}

func splitList(list string) []string {
	return slices.DeleteFunc(strings.Split(list, ","), func(item string) bool { return item == "" })
}

func orNothing(value string) string {
	if value == "" {
		return "nothing"
	}
	return value
}

// approve refuses an update that changes what somebody may rely on, unless the account may be changed.
func (u update) approve(account Account) error {
	if len(u.changes) == 0 || account.MayChange {
		return nil
	}
	return refusal.Newf(fault.BootstrapDiffers, nil,
		"its bootstrap differs from the configuration (%s): others may rely on what it has; see that this is wanted, "+
			"then run it again with --change-parameters", strings.Join(u.changes, "; "))
}
