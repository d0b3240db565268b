// Command scale measures a deployment to many accounts of a simulated AWS with a latency and a throttle: whether
// anything fails, how much memory it takes, and how its time compares with the time that the throttle alone requires.
// It exits with 1 if a limit is exceeded.
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
	"strconv"
	"strings"
	"testing/fstest"
	"time"

	"lockstep/internal/awsclient"

	"lockstep/internal/deploy"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/deploy/simulated"
	"lockstep/internal/process"
	"lockstep/internal/rollout"
)

const (
	tooling   = "123456789012"
	region    = "eu-west-1"
	qualifier = "hnb659fds"
)

// settings are the size of the deployment and the speed of the simulated AWS.
type settings struct {
	accounts, stacks   int
	rate               float64
	latency, operation time.Duration
	serve              bool
}

// The limits.
const (
	maxMemory    = 300 << 20 // bytes
	maxTimeRatio = 1.5       // of the time that the throttle alone requires
)

func main() {
	var s settings
	flag.IntVar(&s.accounts, "accounts", 1000, "number of accounts")
	flag.IntVar(&s.stacks, "stacks", 5, "number of stacks in each, every one needing the one before")
	flag.Float64Var(&s.rate, "rate", 400, "calls per second that CloudFormation and STS answer, of all accounts")
	flag.DurationVar(&s.latency, "latency", 20*time.Millisecond, "time of an answer")
	flag.DurationVar(&s.operation, "operation", 300*time.Millisecond, "time that CloudFormation works on a stack")
	flag.BoolVar(&s.serve, "serve", false, "serve the simulated AWS; the measurement starts this itself")
	flag.Parse()
	run := measure
	if s.serve {
		run = serve
	}
	if err := run(s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// calls are the numbers of calls that the simulated AWS has counted: all, those that its throttle counts, and those
// that were throttled.
type calls struct{ All, Counted, Throttled int64 }

// serve serves the simulated AWS and prints its address. It is a process of its own, so that its memory is not
// measured.
func serve(s settings) error {
	cloud := simulated.NewKind()
	cloud.Latency = s.latency
	cloud.OperationTime = s.operation
	cloud.SharedRate = s.rate
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + listener.Addr().String())
	handler := http.NewServeMux()
	handler.Handle("/", cloud)
	handler.HandleFunc("GET "+callsPath, func(w http.ResponseWriter, _ *http.Request) {
		var c calls
		c.All, c.Counted, c.Throttled = cloud.Calls()
		_ = json.NewEncoder(w).Encode(c) // the client sees a failure
	})
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: handler}
	return server.Serve(listener)
}

// callsPath is the path at which the calls are answered as JSON.
const callsPath = "/_calls"

// measure measures a deployment and prints the result. The error says which limits were exceeded.
func measure(s settings) error {
	address, stop, err := startServer(s)
	if err != nil {
		return err
	}
	defer stop()
	started := time.Now()
	failures := rollOut(address, s)
	took := time.Since(started)
	c, err := fetchCalls(address)
	if err != nil {
		return err
	}
	memory, err := peakMemory()
	if err != nil {
		return err
	}
	// The throttle lets the calls of one second through at once.
	required := time.Duration((float64(c.Counted-c.Throttled)/s.rate - 1) * float64(time.Second))
	ratio := float64(took) / float64(required)
	fmt.Printf("accounts          %d with %d stacks each\n", s.accounts, s.stacks)
	fmt.Printf("failed            %d\n", len(failures))
	fmt.Printf("calls             %d, of which %d count for the throttle of %.0f a second; %d were throttled (%.1f %%)\n",
		c.All, c.Counted, s.rate, c.Throttled, 100*float64(c.Throttled)/float64(c.Counted))
	fmt.Printf("time              %.1f s, %.2f times the %.1f s that the throttle alone requires\n",
		took.Seconds(), ratio, required.Seconds())
	fmt.Printf("memory            %d MB at most\n", memory>>20)
	var exceeded []error
	if len(failures) > 0 {
		exceeded = append(exceeded, fmt.Errorf("%d accounts failed, the first one with: %w", len(failures), failures[0]))
	}
	if memory > maxMemory {
		exceeded = append(exceeded, fmt.Errorf("it took %d MB, more than %d", memory>>20, maxMemory>>20))
	}
	if ratio > maxTimeRatio {
		exceeded = append(exceeded,
			fmt.Errorf("it took %.2f times what the throttle alone requires, more than %.1f", ratio, maxTimeRatio))
	}
	return errors.Join(exceeded...)
}

// startServer starts the simulated AWS in a process of its own, and returns its address and what stops it.
func startServer(s settings) (address string, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	cmd := process.Command(context.Background(), self, "-serve", "-rate", fmt.Sprint(s.rate),
		"-latency", s.latency.String(), "-operation", s.operation.String())
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

// rollOut deploys to every account, to the first one alone at first, and returns the errors.
func rollOut(address string, s settings) []error {
	files, err := synthesiseAssembly(s.stacks)
	if err != nil {
		return []error{err}
	}
	limiter := awsclient.NewLimiter()
	runner := rollout.WaveRunner{MaxConcurrent: rollout.DefaultMaxConcurrent, MaxFailures: s.accounts}
	waves := []int{1, s.accounts - 1}
	outcome := runner.Run(context.Background(), waves, func(ctx context.Context, wave, i int) error {
		account := fmt.Sprintf("%012d", 100000000000+wave+i)
		asm, err := assembly.Read(files, assembly.Defaults{Account: account, Region: region})
		if err != nil {
			return err
		}
		target := awsclient.Target{
			Project: "scale", Environment: "prod", Account: account, Region: region,
			ToolingAccount: tooling, Qualifier: qualifier,
		}
		d, err := deploy.Open(ctx, simulated.Config(address, tooling, region), target, asm, deploy.Options{
			Access:      deploy.DeployAccess,
			Run:         deploy.RunInfo{ID: "scale", Mode: deploy.Live, Command: "bench"},
			SynthDigest: digest.Synth(asm.Digest), EnvironmentDigest: digest.Environment(asm.Digest), Limiter: limiter,
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

// synthesiseAssembly returns a cloud assembly whose stacks can be deployed to any account.
func synthesiseAssembly(stacks int) (fstest.MapFS, error) {
	files := fstest.MapFS{}
	const template = `{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"},"Queue":{"Type":"AWS::SQS::Queue"}}}`
	artefacts := map[string]any{}
	for i := range stacks {
		name := fmt.Sprintf("stack%d", i)
		files[name+".json"] = &fstest.MapFile{Data: []byte(template)}
		var needs []string
		if i > 0 {
			needs = []string{fmt.Sprintf("stack%d", i-1)}
		}
		role := func(kind string) string {
			return "arn:aws:iam::${AWS::AccountId}:role/cdk-" + qualifier + "-" + kind + "-role-${AWS::AccountId}-" + region
		}
		artefacts[name] = map[string]any{
			"type":         "aws:cloudformation:stack",
			"environment":  "aws://unknown-account/unknown-region",
			"dependencies": needs,
			"properties": map[string]any{
				"templateFile":                   name + ".json",
				"assumeRoleArn":                  role("deploy"),
				"cloudFormationExecutionRoleArn": role("cfn-exec"),
			},
		}
	}
	manifest, err := json.Marshal(map[string]any{"version": "36.0.0", "artifacts": artefacts})
	files["manifest.json"] = &fstest.MapFile{Data: manifest}
	return files, err
}

// fetchCalls returns the calls that the simulated AWS has counted.
func fetchCalls(address string) (calls, error) {
	var c calls
	response, err := http.Get(address + callsPath) //nolint:gosec,noctx // the address is that of the own child process
	if err != nil {
		return c, err
	}
	defer response.Body.Close()
	return c, json.NewDecoder(response.Body).Decode(&c)
}

// peakMemory returns the largest resident memory of this process so far, in bytes.
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
	return 0, errors.New("/proc/self/status has no line VmHWM")
}
