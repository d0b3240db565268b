package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"lockstep/config"
	"lockstep/internal/awsclient"
	"lockstep/internal/deploy"
	"lockstep/internal/pipeline"
)

// ReleaseHistories returns the releases of each account of the environments. The error names the accounts that cannot
// be read; the histories of the others are returned with it. It does not start emulated accounts that were never
// started before.
func (s *Session) ReleaseHistories(
	ctx context.Context, environments []config.Environment,
) ([]deploy.ReleaseHistory, error) {
	readings, err := readAccounts(ctx, s, environments, "metrics",
		func(ctx context.Context, d *deploy.Deployment) (deploy.ReleaseHistory, error) {
			return d.ReleaseHistory(ctx)
		})
	var histories []deploy.ReleaseHistory
	errs := []error{err}
	for _, r := range readings {
		switch {
		case r.err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", accountLabel(r.account), r.err))
		case r.isEmpty:
			histories = append(histories, deploy.ReleaseHistory{Target: s.target(r.account.Environment)})
		default:
			histories = append(histories, r.value)
		}
	}
	return histories, errors.Join(errs...)
}

// maxDataPerCall is how many values a call takes. Source: the CloudWatch API reference, PutMetricData.
const maxDataPerCall = 1000

// PublishMetrics writes values of the key metrics to CloudWatch in the tooling account, with the caller's own
// credentials, which must belong to it.
func (s *Session) PublishMetrics(ctx context.Context, data []cwtypes.MetricDatum) (err error) {
	tooling := s.Config.Pipeline.Tooling
	access, release, err := s.openAccess(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	cfg, err := access.callerConfig(tooling.Region)
	if err != nil {
		return err
	}
	cfg.Region = tooling.Region
	want := s.target(s.Config.Environments[0]).Caller()
	want.Region, want.Purpose = tooling.Region, "writing the key metrics"
	if err := awsclient.CheckCaller(ctx, cfg, want); err != nil {
		return err
	}
	client := awsclient.NewCloudWatch(cfg)
	for some := range slices.Chunk(data, maxDataPerCall) {
		_, err := client.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{
			Namespace: aws.String(pipeline.MetricsNamespace(s.Config.Pipeline.Project)), MetricData: some,
		})
		if err != nil {
			return fmt.Errorf("the key metrics cannot be written to CloudWatch in account %s: %w", tooling.ID, err)
		}
	}
	return nil
}
