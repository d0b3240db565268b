package rollout

import (
	"context"

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/deploy/selftest"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
)

// SelfTest runs the self-test in every account of the environments. In a live session, an environment that is
// protected is refused unless that is allowed.
func (s *Session) SelfTest(
	ctx context.Context, environments []config.Environment, allowProtected bool,
) ([]selftest.Report, error) {
	for _, env := range environments {
		if s.Live && !allowProtected && isProtected(env) {
			return nil, refusal.Newf(fault.SelfTestProtected, nil,
				"%s is protected, and a self-test creates and deletes a stack: run it in another environment, or write "+
					"--allow-protected", env.Name)
		}
	}
	var reports []selftest.Report
	err := s.ForEachAccount(ctx, environments, "selftest", deploy.DeployAccess, func(d *deploy.Deployment) error {
		report, err := d.SelfTest(ctx)
		if report.Stack != "" {
			reports = append(reports, report)
		}
		return err
	})
	return reports, err
}

// isProtected reports whether an environment is one that people rely on.
func isProtected(env config.Environment) bool {
	return env.Approval.IsRequired() || env.TerminationProtection
}
