package faults

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"lockstep/internal/awsclient"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/assert"

	"lockstep/internal/deploy"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/digest"
)

// barrierDeadline ends the wait for accounts that never come. Nothing is measured by it.
const barrierDeadline = 5 * time.Minute

// Three accounts that share a limiter are deployed at the same time: each has begun before any goes on.
func TestParallel_AccountsDeployAtTheSameTime(t *testing.T) {
	w := newTestbed(t)
	accounts := []string{tooling, dev, acc}
	var mu sync.Mutex
	sessions := map[string]bool{} // each account has a session of its own
	all := make(chan struct{})
	w.proxy.setFault(func(c *call) bool {
		if c.action != "CreateChangeSet" {
			return false
		}
		_, key, _ := strings.Cut(c.r.Header.Get("Authorization"), "Credential=")
		key, _, _ = strings.Cut(key, "/")
		mu.Lock()
		if !sessions[key] {
			sessions[key] = true
			if len(sessions) == len(accounts) {
				close(all)
			}
		}
		mu.Unlock()
		select {
		case <-all:
			return false
		case <-c.r.Context().Done(): // the program makes the call again
			return true
		}
	})
	limiter := awsclient.NewLimiter()
	var deployments sync.WaitGroup
	for _, account := range accounts {
		dir := w.assembly(account, account, stackCount, "one")
		deployments.Go(func() { assert.NoError(t, w.deployTo(account, dir, limiter), account) })
	}
	select {
	case <-all:
	case <-time.After(barrierDeadline):
		t.Error("an account waits for another")
		w.proxy.setFault(nil)
	}
	deployments.Wait()
}

// deployTo deploys an assembly to an account in this process.
func (w *testbed) deployTo(account, dir string, limiter *awsclient.Limiter) error {
	asm, err := assembly.Read(os.DirFS(dir), assembly.Defaults{Account: account, Region: region})
	if err != nil {
		return err
	}
	cfg := aws.Config{
		Region: region, BaseEndpoint: &w.proxy.address,
		Credentials: credentials.NewStaticCredentialsProvider(tooling, w.secret(), ""),
	}
	target := awsclient.Target{
		Project: "shop", Environment: "dev", Account: account, Region: region, ToolingAccount: tooling,
		Qualifier: "hnb659fds",
	}
	d, err := deploy.Open(w.t.Context(), cfg, target, asm, deploy.Options{
		Run:         deploy.RunInfo{ID: deploy.NewRunID(), Mode: deploy.Live},
		Access:      deploy.DeployAccess,
		SynthDigest: digest.Synth(asm.Digest), EnvironmentDigest: digest.Environment(asm.Digest), Limiter: limiter,
	})
	if err != nil {
		return err
	}
	_, err = d.Deploy(w.t.Context(), deploy.DeployRequest{})
	return err
}
