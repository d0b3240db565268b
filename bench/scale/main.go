// Command scale measures a deployment to many accounts against a simulated AWS with a latency and a throttle: whether
// anything fails, how much memory it takes, and how close its time comes to what the throttle alone allows. It ends
// with 1 when a limit is not kept.
//
//	go run ./bench/scale -accounts 1000 -stacks 5 -rate 400
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing/fstest"
	"time"

	"lockstep/internal/deploy"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/deploy/simulated"
)

const (
	tooling   = "123456789012"
	region    = "eu-west-1"
	qualifier = "hnb659fds"
)

// settings are what is measured.
type settings struct {
	accounts, stacks   int
	rate               float64
	latency, operation time.Duration
	serve              bool
}

// The limits.
const (
	maxMemory    = 300 << 20 // bytes
	maxTimeRatio = 1.5       // times what the throttle alone allows
)

func main() {
	var s settings
	flag.IntVar(&s.accounts, "accounts", 1000, "how many accounts")
	flag.IntVar(&s.stacks, "stacks", 5, "how many stacks in each, which need each other in a row")
	flag.Float64Var(&s.rate, "rate", 400, "how many calls a second CloudFormation and STS answer, to all accounts together")
	flag.DurationVar(&s.latency, "latency", 20*time.Millisecond, "how long an answer takes")
	flag.DurationVar(&s.operation, "operation", 300*time.Millisecond, "how long CloudFormation works on a stack")
	flag.BoolVar(&s.serve, "serve", false, "be the simulated AWS, which the measurement starts by itself")
	flag.Parse()
	do := measure
	if s.serve {
		do = serve
	}
	if err := do(s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// calls are what the simulated AWS has counted.
type calls struct{ All, Counted, Throttled int64 }

// serve is the simulated AWS. It is a process of its own, so that the memory of the one that is measured is its own.
func serve(s settings) error {
	cloud := simulated.New()
	cloud.Latency, cloud.OperationTime, cloud.SharedRate = s.latency, s.operation, s.rate
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + listener.Addr().String())
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/_calls" {
			var c calls
			c.All, c.Counted, c.Throttled = cloud.Calls()
			_ = json.NewEncoder(w).Encode(c) // whoever hangs up does not want to know
			return
		}
		cloud.ServeHTTP(w, r)
	})}
	return server.Serve(listener)
}

func measure(s settings) error {
	address, stop, err := startServer(s)
	if err != nil {
		return err
	}
	defer stop()
	began := time.Now()
	failures := rollOut(address, s)
	wall := time.Since(began)
	c, err := fetchCalls(address)
	if err != nil {
		return err
	}
	memory, err := peakMemory()
	if err != nil {
		return err
	}
	// The bucket of the throttle is full at the beginning: a second's worth of calls costs no time.
	allowed := time.Duration((float64(c.Counted-c.Throttled)/s.rate - 1) * float64(time.Second))
	ratio := float64(wall) / float64(allowed)
	fmt.Printf("accounts          %d with %d stacks each\n", s.accounts, s.stacks)
	fmt.Printf("failed            %d\n", len(failures))
	fmt.Printf("calls             %d, of which %d count for the throttle of %.0f a second, and %d were throttled (%.1f %%)\n", c.All, c.Counted, s.rate, c.Throttled, 100*float64(c.Throttled)/float64(c.Counted))
	fmt.Printf("time              %.1f s, %.2f times the %.1f s that the throttle alone allows\n", wall.Seconds(), ratio, allowed.Seconds())
	fmt.Printf("memory            %d MB at most\n", memory>>20)
	var kept []error
	if len(failures) > 0 {
		kept = append(kept, fmt.Errorf("%d accounts failed, the first one with: %w", len(failures), failures[0]))
	}
	if memory > maxMemory {
		kept = append(kept, fmt.Errorf("it took %d MB, more than %d", memory>>20, maxMemory>>20))
	}
	if ratio > maxTimeRatio {
		kept = append(kept, fmt.Errorf("it took %.2f times what the throttle alone allows, more than %.1f", ratio, maxTimeRatio))
	}
	return errors.Join(kept...)
}

// startServer starts the simulated AWS and returns where it listens.
func startServer(s settings) (address string, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	cmd := exec.Command(self, "-serve", "-rate", fmt.Sprint(s.rate), "-latency", s.latency.String(), "-operation", s.operation.String())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return "", nil, err
	}
	return strings.TrimSpace(line), stop, nil
}

// rollOut deploys to every account, the first one alone, and returns what went wrong.
func rollOut(address string, s settings) []error {
	files, err := synthesiseAssembly(s.stacks)
	if err != nil {
		return []error{err}
	}
	pacer := deploy.NewLimiter()
	rollout := deploy.Rollout{MaxConcurrent: deploy.DefaultMaxConcurrent, MaxFailures: s.accounts}
	outcome := rollout.Run(context.Background(), []int{1, s.accounts - 1}, func(ctx context.Context, wave, place int) error {
		account := fmt.Sprintf("%012d", 100000000000+wave+place)
		asm, err := assembly.Read(files, assembly.Defaults{Account: account, Region: region})
		if err != nil {
			return err
		}
		target := deploy.Target{Project: "scale", Environment: "prod", Account: account, Region: region, ToolingAccount: tooling, Qualifier: qualifier}
		d, err := deploy.Open(ctx, simulated.Config(address, tooling, region), target, asm, deploy.Options{
			Run: deploy.RunInfo{ID: "scale", Mode: deploy.Live, Command: "bench"}, SynthDigest: digest.Synth(asm.Digest), EnvironmentDigest: digest.Environment(asm.Digest), Limiter: pacer,
		})
		if err != nil {
			return err
		}
		_, err = d.Deploy(ctx, deploy.DeployRequest{})
		return err
	})
	var failures []error
	for _, wave := range outcome {
		for _, err := range wave {
			if err != nil {
				failures = append(failures, err)
			}
		}
	}
	return failures
}

// synthesiseAssembly is a cloud assembly that fits any account.
func synthesiseAssembly(stacks int) (fstest.MapFS, error) {
	files := fstest.MapFS{}
	artefacts := map[string]any{}
	for i := range stacks {
		name := fmt.Sprintf("stack%d", i)
		files[name+".json"] = &fstest.MapFile{Data: []byte(`{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"},"Queue":{"Type":"AWS::SQS::Queue"}}}`)}
		var needs []string
		if i > 0 {
			needs = []string{fmt.Sprintf("stack%d", i-1)}
		}
		role := func(kind string) string {
			return "arn:aws:iam::${AWS::AccountId}:role/cdk-" + qualifier + "-" + kind + "-role-${AWS::AccountId}-" + region
		}
		artefacts[name] = map[string]any{
			"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region", "dependencies": needs,
			"properties": map[string]any{"templateFile": name + ".json", "assumeRoleArn": role("deploy"), "cloudFormationExecutionRoleArn": role("cfn-exec")},
		}
	}
	manifest, err := json.Marshal(map[string]any{"version": "36.0.0", "artifacts": artefacts})
	files["manifest.json"] = &fstest.MapFile{Data: manifest}
	return files, err
}

func fetchCalls(address string) (calls, error) {
	var c calls
	answer, err := http.Get(address + "/_calls") //nolint:gosec,noctx // the address is that of our own child
	if err != nil {
		return c, err
	}
	defer answer.Body.Close()
	return c, json.NewDecoder(answer.Body).Decode(&c)
}

// peakMemory is the most memory that this process ever had resident, in bytes.
func peakMemory() (int64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, errors.New("/proc/self/status does not tell the peak of memory")
}
