package rollout

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/rehearsal"
)

// provideParameters implements accountAccess. What a person has put into an emulated account stays as it is. What an
// earlier rehearsal has put there and a stack makes by now goes, or the stack could not make it.
func (a emulatedAccess) provideParameters(
	ctx context.Context, asm *assembly.Assembly,
) ([]rehearsal.OutsideParameter, error) {
	read, err := rehearsal.ReadParameters(asm)
	if err != nil {
		return nil, err
	}
	var provided []rehearsal.OutsideParameter
	for _, p := range read {
		cfg, err := a.session.AWSConfig(p.Place.Account, p.Place.Region)
		if err != nil {
			return nil, err
		}
		isProvided, err := provideParameter(ctx, awsclient.NewSSM(cfg), p)
		if err != nil {
			return nil, err
		}
		if isProvided {
			provided = append(provided, p)
		}
	}
	return provided, nil
}

// parameterStore are the calls that parameters of SSM are provided with.
type parameterStore interface {
	GetParameter(context.Context, *ssm.GetParameterInput, ...func(*ssm.Options)) (*ssm.GetParameterOutput, error)
	PutParameter(context.Context, *ssm.PutParameterInput, ...func(*ssm.Options)) (*ssm.PutParameterOutput, error)
	DeleteParameter(
		context.Context, *ssm.DeleteParameterInput, ...func(*ssm.Options),
	) (*ssm.DeleteParameterOutput, error)
}

// provideParameter creates a parameter from outside that the account does not have, or deletes one that is not from
// outside any more. It reports whether the account has a value of Lockstep's own now.
func provideParameter(ctx context.Context, store parameterStore, p rehearsal.OutsideParameter) (bool, error) {
	found, err := store.GetParameter(ctx, &ssm.GetParameterInput{Name: &p.Name})
	isMissing := awsclient.ErrorCode(err) == "ParameterNotFound"
	switch {
	case err != nil && !isMissing:
		return false, err
	case isMissing && p.IsMade:
		return false, nil
	case !isMissing:
		isOurs := aws.ToString(found.Parameter.Value) == p.Value
		if isOurs && p.IsMade {
			_, err = store.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: &p.Name})
		}
		return isOurs && !p.IsMade, err
	}
	valueType := ssmtypes.ParameterTypeString
	if p.IsList {
		valueType = ssmtypes.ParameterTypeStringList
	}
	_, err = store.PutParameter(ctx, &ssm.PutParameterInput{Name: &p.Name, Value: &p.Value, Type: valueType})
	return err == nil, err
}
