package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"

	own "lockstep/infra/constructs"
)

// signingKeys are the keys with which the jobs sign what they record: release records and approvals with one, plans
// with the other, so that a job that plans cannot approve.
type signingKeys struct{ releases, plans awskms.Key }

// newSigningKeys adds the keys. Their aliases are alias/PROJECT-releases and alias/PROJECT-plans.
func newSigningKeys(stack awscdk.Stack, project string) signingKeys {
	return signingKeys{
		releases: own.NewSigningKey(stack, "ReleaseSigningKey", project+"-releases", "signs release records and approvals"),
		plans:    own.NewSigningKey(stack, "PlanSigningKey", project+"-plans", "signs the registrations of plans"),
	}
}
