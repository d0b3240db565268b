package faults

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/digest"
)

// TestParallel_ThreeAccountsTakeAsLongAsOne measures the same deployment to one account and to three at the same time. The emulator answers one call at a time, so
// the proxy lets every answer take as long as AWS takes at least, during which the emulator is free for others.
func TestParallel_ThreeAccountsTakeAsLongAsOne(t *testing.T) {
	if os.Getenv("LOCKSTEP_MEASURE") == "" {
		t.Skip("a measurement, which needs a machine to itself: LOCKSTEP_MEASURE=1")
	}
	w := newTestbed(t)
	w.proxy.setFault(func(c *call) bool {
		time.Sleep(responseDelay)
		return false
	})
	pacer := deploy.NewLimiter()
	one := func(account, value string) time.Duration {
		asm, err := assembly.Read(os.DirFS(w.assembly(account, account, stackCount, value)), assembly.Defaults{Account: account, Region: region})
		require.NoError(t, err)
		cfg := aws.Config{Region: region, BaseEndpoint: &w.proxy.address, Credentials: credentials.NewStaticCredentialsProvider(tooling, secret, "")}
		target := deploy.Target{Project: "shop", Environment: "dev", Account: account, Region: region, ToolingAccount: tooling, Qualifier: "hnb659fds"}
		began := time.Now()
		d, err := deploy.Open(t.Context(), cfg, target, asm, deploy.Options{Run: deploy.RunInfo{ID: deploy.NewRunID(), Mode: deploy.Live}, SynthDigest: digest.Synth(asm.Digest), EnvironmentDigest: digest.Environment(asm.Digest), Limiter: pacer})
		require.NoError(t, err)
		_, err = d.Deploy(context.Background(), deploy.DeployRequest{})
		require.NoError(t, err)
		return time.Since(began)
	}
	accounts := []string{tooling, dev, acc}
	for _, a := range accounts {
		one(a, "first")
	}
	var slowest time.Duration
	for _, a := range accounts {
		slowest = max(slowest, one(a, "alone"))
	}
	var all sync.WaitGroup
	began := time.Now()
	for _, a := range accounts {
		all.Go(func() { one(a, "together") })
	}
	all.Wait()
	together := time.Since(began)
	ratio := float64(together) / float64(slowest)
	fmt.Printf("one account %v, three at once %v: %.2f times\n", slowest.Round(time.Millisecond), together.Round(time.Millisecond), ratio)
	assert.LessOrEqual(t, ratio, 1.15)
}

const responseDelay = 40 * time.Millisecond
