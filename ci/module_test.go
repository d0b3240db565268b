package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/ci/internal/dagger"
	"lockstep/config"
	"lockstep/internal/pipeline"
)

// configuration is the configuration of the project that the functions are called for.
var configuration = sync.OnceValue(func() *config.Config {
	c, err := config.Load(os.DirFS(filepath.Join(repository, "config")))
	if err != nil {
		panic(err)
	}
	return c
})

// check fails the test unless the condition holds.
func check(t *testing.T, holds bool, format string, args ...any) {
	t.Helper()
	if !holds {
		t.Errorf(format, args...)
	}
}

// contains fails the test unless the text has every wanted part.
func contains(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		check(t, strings.Contains(text, want), "%q is not in:\n%s", want, text)
	}
}

// errorText returns an error's text; empty for nil.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// secret returns a secret as a caller passes it.
func secret(text string) *dagger.Secret { return dag.SetSecret("handed over", text) }

// credentialsText returns credentials that expire then, as `aws configure export-credentials` prints them.
func credentialsText(expires time.Time) string {
	text, _ := json.Marshal(exportedCredentials{
		Version: 1, AccessKeyId: "AKIAEXAMPLE", SecretAccessKey: canary, SessionToken: canary + "-token",
		Expiration: expires.UTC().Format(time.RFC3339),
	})
	return string(text)
}

// liveCredentials returns credentials that have not expired.
func liveCredentials() *dagger.Secret { return secret(credentialsText(time.Now().Add(3 * time.Hour))) }

// canary is a secret that must never be seen anywhere.
const canary = "canary-5f3b"

func TestGate_FailureReportsFindingsAndOthersRun(t *testing.T) {
	r, m := newRecorder(t, "")
	r.exitCodes["gosec"], r.outputs["gosec"] = 1, "main.go:3: G101: a password\nfailed: 1 finding\n"+
		"telemetry: the collector has not taken every span; nothing else is affected\n"
	r.exitCodes["osv"], r.outputs["osv"] = pipeline.ExitNotRun, "not run: the database cannot be reached"
	m.CI = true
	_, err := m.Security(t.Context())
	contains(t, errorText(err), "did not pass: ", "gosec failed: LS-421: 1 finding", "main.go:3: G101: a password",
		"not run: the database cannot be reached")
	for _, s := range table() {
		if s.Stage == pipeline.Security && len(s.TriggerPaths) == 0 {
			check(t, r.endedAt[s.Name] > 0, "%s did not run", s.Name)
		}
	}
}

func TestGate_NotRunFailsInCIAndLive(t *testing.T) {
	osv := pipeline.Step{Name: "osv", Stage: pipeline.Security}
	allowed := pipeline.MayBeAbsent(true, configuration().Environments)(osv)
	security := func(m *Lockstep) error { _, err := m.Security(t.Context()); return err }
	live := liveCredentials()
	deploy := func(m *Lockstep) error {
		_, err := m.Deploy(t.Context(), "acc", live, nil, "", nil, nil, "", "")
		return err
	}
	report := func(m *Lockstep) error { _, err := m.Report(t.Context(), ""); return err }
	for name, test := range map[string]struct {
		do    func(m *Lockstep) error
		fails bool
	}{
		"by default":           {security, false},
		"with --ci":            {func(m *Lockstep) error { m.CI = true; return security(m) }, !allowed},
		"in a live deployment": {deploy, !allowed},
		"in a report on gates": {report, false},
	} {
		t.Run(name, func(t *testing.T) {
			r, m := newRecorder(t, "")
			r.exitCodes["osv"], r.outputs["osv"] = pipeline.ExitNotRun, "not run: the database cannot be reached"
			err := test.do(m)
			check(t, (err != nil) == test.fails, "it ended with %v", err)
			if err != nil {
				contains(t, err.Error(), "did not pass: osv", "not run: the database cannot be reached")
			}
			check(t, r.startedAt["deploy:acc"] == 0 || !test.fails, "it was deployed")
		})
	}
}

func TestGate_NotRunIsNotCached(t *testing.T) {
	r, m := newRecorder(t, "")
	r.exitCodes["osv"], r.outputs["osv"] = pipeline.ExitNotRun, "not run: the database cannot be reached"
	text, err := m.Security(t.Context())
	check(t, err == nil, "%v", err)
	contains(t, text, "osv              not run: LS-431: the database cannot be reached")
	osv, gosec := r.readContainer(r.containers["osv"]), r.readContainer(r.containers["gosec"])
	check(t, osv.env["LOCKSTEP_RUN"] == runID, "the cached result is taken: %v", osv.env)
	check(t, gosec.env["LOCKSTEP_RUN"] == "", "a gate that passed is not cached")
}

func TestDeploy_SummaryEqualsCommandLine(t *testing.T) {
	r, m := newRecorder(t, "")
	r.outputs["deploy:acc"] = "lockstep-acc-storage: planned"
	r.outputs[strings.Join(pipeline.SummaryStep.Command, " ")] = "deploy passed: nothing reached AWS"
	text, err := m.Deploy(t.Context(), "acc", nil, nil, "", nil, nil, "", "")
	check(t, err == nil, "%v", err)
	contains(t, text, "lockstep-acc-storage: planned", "deploy passed: nothing reached AWS")
	check(t, strings.HasSuffix(text, "deploy passed: nothing reached AWS\n"), "the summary is not the end: %s", text)
	hasResults := slices.ContainsFunc(r.requests, func(request string) bool {
		return strings.Contains(request, pipeline.ResultsFile) && strings.Contains(request, "deploy:acc") &&
			strings.Contains(request, "environments")
	})
	check(t, hasResults, "the step of the summary lacks the results")
}

func TestCheck_ReportsPassedGates(t *testing.T) {
	r, m := newRecorder(t, "")
	text, err := m.Check(t.Context())
	check(t, err == nil, "%v", err)
	contains(t, text, "gosec", "ran", "digest ")

	r, m = newRecorder(t, "")
	r.outputs[strings.Join(pipeline.SummaryStep.Command, " ")] = "check passed in 1 s"
	text, err = m.Check(t.Context())
	check(t, err == nil && text == "check passed in 1 s\n", "the summary is not the command line's: %s, %v", text, err)
}

func TestSynth_SkippedWhenBuildFails(t *testing.T) {
	r, m := newRecorder(t, "")
	r.exitCodes["build"], r.outputs["build"] = 1, "infra/main.go:1: it does not compile"
	_, err := m.Synth(t.Context())
	contains(t, errorText(err), "did not pass: build", "it does not compile",
		"synth            skipped: build failed")
	check(t, r.startedAt["synth"] == 0, "synth ran")
}

func TestDeploy_RehearsalRunsNoGateAndSeesNoCredentials(t *testing.T) {
	r, m := newRecorder(t, "")
	out, err := m.Deploy(t.Context(), "acc", nil, nil, "", nil, nil, "", "")
	if err != nil {
		t.Fatal(err)
	}
	contains(t, out, "deploy:acc", "verify:acc")
	check(t, r.startedAt["unit"] == 0, "a gate ran")
	check(t, len(r.servicesStarted) == 1 && r.servicesStopped == 1,
		"the emulated accounts are started %d times and stopped %d times", len(r.servicesStarted), r.servicesStopped)
	service := r.servicesStarted[0]
	found := r.readContainer(service.parent).mounted[pipeline.EmulatorSecretFile]
	check(t, found != nil && found.field == "setSecret", "the emulated accounts have no secret: %v", found)
	plaintext, _ := found.args["plaintext"].(string)
	check(t, len(plaintext) >= 26, "the secret can be guessed")
	for name, n := range r.containers {
		s := r.readContainer(n)
		check(t, len(s.secrets) == 0, "%s has secrets", name)
		for _, value := range s.env {
			check(t, !strings.Contains(value, plaintext), "%s has the secret in its environment", name)
		}
		reachesAWS := strings.HasPrefix(name, "deploy:") || strings.HasPrefix(name, "verify:")
		check(t, (s.services["emulator"] != nil) == reachesAWS, "%s and the emulated accounts", name)
		mounted := s.mounted[pipeline.EmulatorSecretFile]
		check(t, (mounted != nil) == reachesAWS, "%s and the secret of the emulated accounts", name)
		if reachesAWS {
			check(t, s.env["LOCKSTEP_REHEARSAL_ENDPOINT"] == "https://emulator:4566", "%s: %v", name, s.env)
			check(t, s.files["/certificates"] != nil && s.files["/tools/ministack"] != nil, "%s: %v", name, s.files)
			file := s.env["LOCKSTEP_REHEARSAL_SECRET"]
			check(t, file == pipeline.EmulatorSecretFile, "%s: %v", name, s.env)
			check(t, mounted == found, "%s signs with another secret", name)
			check(t, !slices.Contains(s.execs[len(s.execs)-1], "--live"), "%s is live", name)
		}
	}
	check(t, slices.Equal(strs(service.args["args"]), pipeline.EmulatorStep.Command), "%v", service.args)
	caches := r.readContainer(service.parent).caches
	key := "lockstep-accounts-" + configuration().Pipeline.Project
	check(t, caches["/work/.lockstep/rehearsal"].args["key"] == key, "%v", caches)
}

func TestDeploy_LiveRunsGatesFirstAndAloneSeesCredentials(t *testing.T) {
	synctest.Test(t, testLiveDeploy)
}

func testLiveDeploy(t *testing.T) {
	r, m := newRecorder(t, "")
	r.stepTime = time.Second
	if _, err := m.Deploy(t.Context(), "acc", liveCredentials(), nil, "abc123", nil, nil, "", ""); err != nil {
		t.Fatal(err)
	}
	check(t, len(r.servicesStarted) == 0, "there is an emulator")
	for name, n := range r.containers {
		s := r.readContainer(n)
		switch {
		case name == "deploy:acc" || name == "verify:acc":
			for _, variable := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
				check(t, s.secrets[variable] != nil, "%s lacks %s", name, variable)
			}
			check(t, s.env["LOCKSTEP_COMMIT"] == "abc123", "%v", s.env)
			check(t, slices.Contains(s.execs[len(s.execs)-1], "--live"), "%s is not live", name)
		default:
			check(t, len(s.secrets) == 0, "%s sees credentials", name)
		}
	}
	for _, s := range table() {
		isOfAcc := s.Environment == "" || s.Environment == "acc"
		if slices.Contains(pipeline.GateStages, s.Stage) && isOfAcc && r.startedAt[s.Name] > 0 {
			check(t, r.endedAt[s.Name] < r.startedAt["deploy:acc"], "%s had not passed", s.Name)
		}
	}
	check(t, r.startedAt["unit"] > 0 && r.startedAt["gosec"] > 0, "gates did not run")
}

func TestDeploy_FailedGateStopsLive(t *testing.T) {
	r, m := newRecorder(t, "")
	r.exitCodes["secrets"], r.outputs["secrets"] = 1, "failed: a secret"
	_, err := m.Deploy(t.Context(), "acc", liveCredentials(), nil, "", nil, nil, "", "")
	contains(t, errorText(err), "did not pass: secrets", "deploy:acc       skipped: secrets failed")
	check(t, r.startedAt["deploy:acc"] == 0, "it was deployed")
}

func TestDeploy_UsesGivenAssembly(t *testing.T) {
	r, m := newRecorder(t, "")
	_, err := m.Deploy(t.Context(), "acc", liveCredentials(), assembly("dev", "acc"), "", nil, nil, "", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"config", "build", "synth", "unit"} {
		check(t, r.startedAt[name] == 0, "%s ran", name)
	}
	files := r.fileset(r.readContainer(r.containers["deploy:acc"]).files[pipeline.WorkFolder])
	check(t, files[".lockstep/assembly/acc/manifest.json"], "%v", files)
	check(t, files[".lockstep/assembly/dev/manifest.json"], "dev, whose release acc must match: %v", files)

	_, err = m.Deploy(t.Context(), "prod", nil, assembly("dev", "acc"), "", nil, nil, "", "")
	contains(t, errorText(err), "--assembly holds no cloud assembly of prod")
}

func TestDeploy_AllFollowsPromotionOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := newRecorder(t, "")
		r.stepTime = time.Second
		if _, err := m.Deploy(t.Context(), "all", nil, nil, "", nil, nil, "", ""); err != nil {
			t.Fatal(err)
		}
		check(t, r.endedAt["verify:dev"] < r.startedAt["deploy:acc"], "%v", r.startedAt)
		check(t, r.endedAt["verify:acc"] < r.startedAt["deploy:prod"], "%v", r.startedAt)
	})
}

func TestAWSSteps_AreNeverCached(t *testing.T) {
	r, m := newRecorder(t, "")
	var runs []string
	for range 2 {
		runID = fmt.Sprint(time.Now().UnixNano())
		if _, err := m.Verify(t.Context(), "dev", nil, "", assembly("dev")); err != nil {
			t.Fatal(err)
		}
		runs = append(runs, r.readContainer(r.containers["verify:dev"]).env["LOCKSTEP_RUN"])
	}
	check(t, runs[0] != "" && runs[0] != runs[1], "%v", runs)
}

// Without an assembly, verify compares with the newest release, so that it passes after a rollback.
func TestVerify_ComparesWithReleaseUnlessToldOtherwise(t *testing.T) {
	for against, want := range map[string]string{
		"release": "lockstep verify --env dev --against release", "source": "verify:dev",
	} {
		r, m := newRecorder(t, "")
		if _, err := m.Verify(t.Context(), "dev", nil, Reference(against), nil); err != nil {
			t.Fatal(err)
		}
		check(t, r.startedAt[want] != 0, "%s: %v", against, r.startedAt)
		check(t, (r.startedAt["synth"] != 0) == (against == "source"), "%s: %v", against, r.startedAt)
	}
}

func TestFunctions_RejectBadInput(t *testing.T) {
	live := func(text string) error {
		_, m := newRecorder(t, "")
		_, err := m.Plan(t.Context(), "acc", secret(text), nil, "", "")
		return err
	}
	for name, test := range map[string]struct {
		err  func() error
		want string
	}{
		"an environment that is not there": {func() error {
			_, m := newRecorder(t, "")
			_, err := m.Plan(t.Context(), "act", nil, nil, "", "")
			return err
		}, "act"},
		"no environment": {func() error {
			_, m := newRecorder(t, "")
			_, err := m.Plan(t.Context(), "", nil, nil, "", "")
			return err
		}, "which environment? Write --env"},
		"credentials that are not JSON": {func() error {
			return live(canary)
		}, "is not in the format of `aws configure export-credentials`"},
		"credentials of another format": {func() error {
			return live(`{"Version":2,"SecretAccessKey":"` + canary + `"}`)
		}, "has Version 2, not 1"},
		"credentials without a key": {func() error {
			return live(`{"Version":1,"SecretAccessKey":"` + canary + `"}`)
		}, "lacks AccessKeyId or SecretAccessKey"},
		"credentials that have expired": {func() error {
			return live(credentialsText(time.Now().Add(-time.Minute)))
		}, "--aws-credentials expired at "},
		"credentials that expire while it works": {func() error {
			return live(credentialsText(time.Now().Add(10 * time.Minute)))
		}, "in less than the 15 minutes that the call may take, and cannot be renewed from here"},
		"credentials that expire before a job ends": {func() error {
			_, m := newRecorder(t, "")
			m.CI = true
			_, err := m.Plan(t.Context(), "acc", secret(credentialsText(time.Now().Add(time.Hour))), nil, "", "")
			return err
		}, "in less than the 120 minutes that the call may take"},
		"credentials in place of a path": {func() error {
			_, m := newRecorder(t, "")
			m.CredentialsEndpoint = dag.Host().Service([]dagger.PortForward{{Backend: 80, Frontend: 80}})
			_, err := m.Plan(t.Context(), "acc", liveCredentials(), nil, "", "")
			return err
		}, "--aws-credentials is a path that begins with a slash"},
		"credentials with a bad expiration": {func() error {
			return live(`{"Version":1,"AccessKeyId":"a","SecretAccessKey":"` + canary + `","Expiration":"` + canary + `"}`)
		}, "not in RFC 3339 format"},
		"a prefix that is not one": {func() error {
			_, err := New(nil, "https://mirror/ ", false, nil, "", "")
			return err
		}, `--image-prefix "https://mirror/ " is not the beginning of an image's name`},
		"a prefix that does not exist": {func() error {
			r, m := newRecorder(t, "mirror.example.com/none")
			// As the engine reports it.
			r.imageErrors["mirror.example.com"] = `failed to resolve image ` +
				`"mirror.example.com/none/golang:1.26-bookworm": no such host`
			_, err := m.Synth(t.Context())
			return err
		}, `no such host; see that --image-prefix "mirror.example.com/none" names a mirror that has that image`},
		"no source": {func() error {
			_, m := newRecorder(t, "")
			m.Source = dag.Directory()
			_, err := m.Graph(t.Context(), "", "text")
			return err
		}, "the source directory holds no config/pipeline.yaml, so nothing was run: call from the project's folder"},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.err()
			contains(t, errorText(err), test.want)
			check(t, !strings.Contains(errorText(err), canary), "the error shows a secret: %v", err)
		})
	}
}

func TestCredentials_AreNeverShown(t *testing.T) {
	r, m := newRecorder(t, "")
	r.exitCodes["deploy:acc"], r.outputs["deploy:acc"] = 1, "it failed"
	out, err := m.Deploy(t.Context(), "acc", liveCredentials(), assembly("acc"), "", nil, nil, "", "")
	check(t, err != nil, "it passed")
	check(t, !strings.Contains(out, canary), "the report shows it")
	check(t, !strings.Contains(errorText(err), canary), "the error shows it")
	for _, request := range r.requests {
		if strings.Contains(request, canary) && !strings.HasPrefix(request, "query Query {setSecret(") {
			t.Errorf("it is asked for with the secret in plain sight: %s", request)
		}
	}
	for _, n := range r.byID {
		if n.field != "setSecret" && strings.Contains(n.text(), canary) {
			check(t, strings.HasPrefix(n.text(), ".setSecret"), "a container holds it: %s", n.text())
		}
	}
}

// A job passes the endpoint of its credentials, which renews them: the credentials themselves expire before the job
// ends.
func TestAWS_A9_StepsAskTheEndpointForCredentials(t *testing.T) {
	r, m := newRecorder(t, "")
	m.CI = true
	m.CredentialsEndpoint = dag.Host().Service([]dagger.PortForward{{Backend: 80, Frontend: 80}})
	_, err := m.Deploy(t.Context(), "acc", secret("/v2/credentials/"+canary), assembly("acc"), "", nil, nil, "", "")
	check(t, err == nil, "%v", err)
	for _, step := range []string{"deploy:acc", "verify:acc"} {
		s := r.readContainer(r.containers[step])
		check(t, s.services[credentialsHost] != nil, "%s does not reach the endpoint", step)
		address := s.secrets[pipeline.CredentialsEndpointVariable]
		check(t, address != nil, "%s does not know where its credentials are", step)
		contains(t, address.text(), "http://"+credentialsHost+"/v2/credentials/"+canary)
		check(t, s.secrets["AWS_SECRET_ACCESS_KEY"] == nil, "%s has credentials that nobody renews", step)
	}
}

func TestContainer_UnrelatedEditsKeepToolsAndBinary(t *testing.T) {
	r, m := newRecorder(t, "")
	if _, err := m.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, n := range r.containers {
		s := r.readContainer(n)
		for where, mounted := range s.files {
			tool, ok := strings.CutPrefix(where, pipeline.ToolsFolder+"/")
			if !ok {
				continue
			}
			locks := r.readContainer(mounted).files[where]
			for file := range r.fileset(locks.parent) {
				check(t, strings.HasPrefix(file, "tools/"+tool+"/"), "%s: %s is made from %s", name, tool, file)
			}
		}
	}
	binary := r.readContainer(r.containers["gosec"]).files[pipeline.SelfFile]
	check(t, binary != nil, "gosec has no binary")
	for file := range r.fileset(r.readContainer(r.containers["gosec"]).files[pipeline.WorkFolder]) {
		check(t, path.Ext(file) != ".md", "gosec reads %s", file)
	}
}

func TestGraph_PrintsStepsAndDigest(t *testing.T) {
	_, m := newRecorder(t, "")
	text, err := m.Graph(t.Context(), "", "text")
	check(t, err == nil, "%v", err)
	g, err := pipeline.NewGraph(pipeline.Steps(configuration()))
	check(t, err == nil, "%v", err)
	contains(t, text, "deploy:prod", "digest "+g.Digest())
	text, err = m.Graph(t.Context(), "acc", "text")
	check(t, err == nil, "%v", err)
	contains(t, text, "deploy:acc")
	check(t, !strings.Contains(text, "deploy:prod"), "%s", text)
}

func TestRun_InterruptIsNoStepFailure(t *testing.T) {
	_, m := newRecorder(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	p, err := m.open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	r := p.runGraph(ctx, p.selectSteps([]pipeline.Stage{pipeline.Synth}))
	for _, o := range r.outcomes {
		check(t, o.Status == pipeline.Interrupted || o.Status == pipeline.Skipped, "%s %s", o.Step, o.Status)
	}
}
