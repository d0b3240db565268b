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
	"time"

	"lockstep/ci/internal/dagger"
	"lockstep/config"
	"lockstep/internal/pipeline"
)

var configuration = sync.OnceValue(func() *config.Config {
	c, err := config.Load(os.DirFS(filepath.Join(repository, "config")))
	if err != nil {
		panic(err)
	}
	return c
})

func check(t *testing.T, holds bool, format string, args ...any) {
	t.Helper()
	if !holds {
		t.Errorf(format, args...)
	}
}

func contains(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		check(t, strings.Contains(text, want), "%q is not in:\n%s", want, text)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// secret is what a caller hands over.
func secret(text string) *dagger.Secret { return dag.SetSecret("handed over", text) }

func credentialsText(expires time.Time) string {
	text, _ := json.Marshal(exported{Version: 1, AccessKeyId: "AKIAEXAMPLE", SecretAccessKey: canary, SessionToken: canary + "-token", Expiration: expires.UTC().Format(time.RFC3339)})
	return string(text)
}

// canary is what must never be seen anywhere.
const canary = "canary-5f3b"

func TestAGateThatFailsIsToldWithItsFindingsAndStopsNoOther(t *testing.T) {
	r, m := record(t, "")
	r.exits["gosec"], r.prints["gosec"] = 1, "main.go:3: G101: a password\nfailed: 1 finding"
	r.exits["osv"], r.prints["osv"] = pipeline.ExitNotRun, "not run: the database cannot be reached"
	m.CI = true
	_, err := m.Security(t.Context())
	contains(t, errorText(err), "did not pass: ", "gosec failed: 1 finding", "main.go:3: G101: a password", "not run: the database cannot be reached")
	for _, s := range table() {
		if s.Stage == pipeline.Security && len(s.Subject) == 0 {
			check(t, r.ended[s.Name] > 0, "%s did not run", s.Name)
		}
	}
}

func TestAGateThatCouldNotDoItsWorkFailsWhereNobodyReadsAWarning(t *testing.T) {
	allowed := pipeline.Absence(true, configuration().Environments)(pipeline.Step{Name: "osv", Stage: pipeline.Security})
	live := secret(credentialsText(time.Now().Add(time.Hour)))
	for name, test := range map[string]struct {
		do    func(m *Lockstep) error
		fails bool
	}{
		"a person's call":                    {func(m *Lockstep) error { _, err := m.Security(t.Context()); return err }, false},
		"a call with --ci":                   {func(m *Lockstep) error { m.CI = true; _, err := m.Security(t.Context()); return err }, !allowed},
		"a person's call that is live":       {func(m *Lockstep) error { _, err := m.Deploy(t.Context(), "acc", live, nil, "", nil, nil); return err }, !allowed},
		"a call for the report of the gates": {func(m *Lockstep) error { _, err := m.Report(t.Context(), ""); return err }, false},
	} {
		t.Run(name, func(t *testing.T) {
			r, m := record(t, "")
			r.exits["osv"], r.prints["osv"] = pipeline.ExitNotRun, "not run: the database cannot be reached"
			err := test.do(m)
			check(t, (err != nil) == test.fails, "it ended with %v", err)
			if err != nil {
				contains(t, err.Error(), "did not pass: osv", "not run: the database cannot be reached")
			}
			check(t, r.begun["deploy:acc"] == 0 || !test.fails, "it was deployed")
		})
	}
}

func TestAGateThatCouldNotDoItsWorkIsAskedAgainOnEveryRun(t *testing.T) {
	r, m := record(t, "")
	r.exits["osv"], r.prints["osv"] = pipeline.ExitNotRun, "not run: the database cannot be reached"
	text, err := m.Security(t.Context())
	check(t, err == nil, "%v", err)
	contains(t, text, "osv              not run: the database cannot be reached")
	check(t, r.look(r.ran["osv"]).env["LOCKSTEP_RUN"] == runID, "an answer that was kept is taken: %v", r.look(r.ran["osv"]).env)
	check(t, r.look(r.ran["gosec"]).env["LOCKSTEP_RUN"] == "", "what passed is run on every run")
}

func TestARunThatReachedAccountsIsToldAsOnAPersonsMachine(t *testing.T) {
	r, m := record(t, "")
	r.prints["deploy:acc"] = "lockstep-acc-storage: planned"
	r.prints[strings.Join(pipeline.Telling.Command, " ")] = "deploy passed: nothing reached AWS"
	text, err := m.Deploy(t.Context(), "acc", nil, nil, "", nil, nil)
	check(t, err == nil, "%v", err)
	contains(t, text, "lockstep-acc-storage: planned", "deploy passed: nothing reached AWS")
	check(t, strings.HasSuffix(text, "deploy passed: nothing reached AWS\n"), "the last line says on what: %s", text)
	told := slices.ContainsFunc(r.requests, func(request string) bool {
		return strings.Contains(request, pipeline.ResultsFile) && strings.Contains(request, "deploy:acc") && strings.Contains(request, "environments")
	})
	check(t, told, "it is not told what the steps came to")
}

func TestGatesThatPassSaySo(t *testing.T) {
	r, m := record(t, "")
	text, err := m.Check(t.Context())
	check(t, err == nil, "%v", err)
	contains(t, text, "gosec", "ran", "digest ")

	r, m = record(t, "")
	r.prints[strings.Join(pipeline.Telling.Command, " ")] = "check passed in 1 s"
	text, err = m.Check(t.Context())
	check(t, err == nil && text == "check passed in 1 s\n", "not told as on a person's machine: %s, %v", text, err)
}

func TestAStepWhoseNeedFailedIsSkippedAndTheCulpritNamed(t *testing.T) {
	r, m := record(t, "")
	r.exits["build"], r.prints["build"] = 1, "infra/main.go:1: it does not compile"
	_, err := m.Synth(t.Context())
	contains(t, errorText(err), "did not pass: build", "it does not compile", "synth            skipped: build did not pass")
	check(t, r.begun["synth"] == 0, "synth ran")
}

func TestARehearsalNeedsNoGateAndIsHandedNoCredential(t *testing.T) {
	r, m := record(t, "")
	out, err := m.Deploy(t.Context(), "acc", nil, nil, "", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, out, "deploy:acc", "verify:acc")
	check(t, r.begun["unit"] == 0, "a gate ran")
	check(t, len(r.started) == 1 && r.stopped == 1, "the emulated accounts are started once and stopped in good order: %d, %d", len(r.started), r.stopped)
	for name, n := range r.ran {
		s := r.look(n)
		check(t, len(s.secrets) == 0, "%s has secrets", name)
		reaches := strings.HasPrefix(name, "deploy:") || strings.HasPrefix(name, "verify:")
		check(t, (s.services["emulator"] != nil) == reaches, "%s and the emulated accounts", name)
		if reaches {
			check(t, s.env["LOCKSTEP_REHEARSAL_ENDPOINT"] == "https://emulator:4566", "%s: %v", name, s.env)
			check(t, s.files["/certificates"] != nil && s.files["/tools/ministack"] != nil, "%s: %v", name, s.files)
			check(t, !slices.Contains(s.execs[len(s.execs)-1], "--live"), "%s is live", name)
		}
	}
	accounts := r.look(r.started[0].parent)
	check(t, slices.Equal(strs(r.started[0].args["args"]), pipeline.Accounts.Command), "%v", r.started[0].args)
	check(t, accounts.caches["/work/.lockstep/rehearsal"].args["key"] == "lockstep-accounts-"+configuration().Pipeline.Project, "%v", accounts.caches)
}

func TestALiveDeploymentPassesEveryGateFirstAndAloneSeesCredentials(t *testing.T) {
	r, m := record(t, "")
	if _, err := m.Deploy(t.Context(), "acc", secret(credentialsText(time.Now().Add(time.Hour))), nil, "abc123", nil, nil); err != nil {
		t.Fatal(err)
	}
	check(t, len(r.started) == 0, "there is an emulator")
	for name, n := range r.ran {
		s := r.look(n)
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
		gate := slices.Contains(pipeline.Gates, s.Stage) && (s.Environment == "" || s.Environment == "acc") && r.begun[s.Name] > 0
		if gate {
			check(t, r.ended[s.Name] < r.begun["deploy:acc"], "%s had not passed", s.Name)
		}
	}
	check(t, r.begun["unit"] > 0 && r.begun["gosec"] > 0, "gates did not run")
}

func TestAGateThatFailsStopsALiveDeployment(t *testing.T) {
	r, m := record(t, "")
	r.exits["secrets"], r.prints["secrets"] = 1, "failed: a secret"
	_, err := m.Deploy(t.Context(), "acc", secret(credentialsText(time.Now().Add(time.Hour))), nil, "", nil, nil)
	contains(t, errorText(err), "did not pass: secrets", "deploy:acc       skipped: secrets did not pass")
	check(t, r.begun["deploy:acc"] == 0, "it was deployed")
}

func TestAnAssemblyThatWasMadeEarlierIsWhatIsDeployed(t *testing.T) {
	r, m := record(t, "")
	if _, err := m.Deploy(t.Context(), "acc", secret(credentialsText(time.Now().Add(time.Hour))), assembly("dev", "acc"), "", nil, nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"config", "build", "synth", "unit"} {
		check(t, r.begun[name] == 0, "%s ran", name)
	}
	files := r.fileset(r.look(r.ran["deploy:acc"]).files[pipeline.WorkFolder])
	check(t, files[".lockstep/assembly/acc/manifest.json"], "%v", files)
	check(t, files[".lockstep/assembly/dev/manifest.json"], "what the next environments are held to: %v", files)

	_, err := m.Deploy(t.Context(), "prod", nil, assembly("dev", "acc"), "", nil, nil)
	contains(t, errorText(err), "--assembly holds no cloud assembly of prod")
}

func TestEachEnvironmentOfAllComesAfterTheOneBeforeIt(t *testing.T) {
	r, m := record(t, "")
	if _, err := m.Deploy(t.Context(), "all", nil, nil, "", nil, nil); err != nil {
		t.Fatal(err)
	}
	check(t, r.ended["verify:dev"] < r.begun["deploy:acc"] && r.ended["verify:acc"] < r.begun["deploy:prod"], "%v", r.begun)
}

func TestWhatReachesAWSIsNeverTheSameTwice(t *testing.T) {
	r, m := record(t, "")
	var runs []string
	for range 2 {
		runID = fmt.Sprint(time.Now().UnixNano())
		if _, err := m.Verify(t.Context(), "dev", nil, assembly("dev")); err != nil {
			t.Fatal(err)
		}
		runs = append(runs, r.look(r.ran["verify:dev"]).env["LOCKSTEP_RUN"])
	}
	check(t, runs[0] != "" && runs[0] != runs[1], "%v", runs)
}

func TestBadInputIsToldByTheFunctionItself(t *testing.T) {
	live := func(text string) error {
		_, m := record(t, "")
		_, err := m.Plan(t.Context(), "acc", secret(text), nil, "")
		return err
	}
	for name, test := range map[string]struct {
		err  func() error
		want string
	}{
		"an environment that is not there": {func() error { _, m := record(t, ""); _, err := m.Plan(t.Context(), "act", nil, nil, ""); return err }, "act"},
		"no environment":                   {func() error { _, m := record(t, ""); _, err := m.Plan(t.Context(), "", nil, nil, ""); return err }, "which environment? Write --env"},
		"credentials that are no JSON":     {func() error { return live(canary) }, "is not in the format of `aws configure export-credentials`"},
		"credentials of another format":    {func() error { return live(`{"Version":2,"SecretAccessKey":"` + canary + `"}`) }, "has Version 2, not 1"},
		"credentials without a key":        {func() error { return live(`{"Version":1,"SecretAccessKey":"` + canary + `"}`) }, "lacks AccessKeyId or SecretAccessKey"},
		"credentials that have expired":    {func() error { return live(credentialsText(time.Now().Add(-time.Minute))) }, "--aws-credentials expired at "},
		"credentials that expire at no time": {func() error {
			return live(`{"Version":1,"AccessKeyId":"a","SecretAccessKey":"` + canary + `","Expiration":"` + canary + `"}`)
		}, "no time in RFC 3339"},
		"a prefix that is none": {func() error { _, err := New(nil, "https://mirror/ ", false); return err }, `--image-prefix "https://mirror/ " is no beginning of an image's name`},
		"a prefix that does not exist": {func() error {
			r, m := record(t, "mirror.example.com/none")
			r.refuses["mirror.example.com"] = `failed to resolve image "mirror.example.com/none/golang:1.26-bookworm": no such host` // the engine's words
			_, err := m.Synth(t.Context())
			return err
		}, `no such host; see that --image-prefix "mirror.example.com/none" names a mirror that has that image`},
		"no source": {func() error {
			_, m := record(t, "")
			m.Source = dag.Directory()
			_, err := m.Graph(t.Context(), "", "text")
			return err
		}, "the source directory holds no config/pipeline.yaml: call from the project's root"},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.err()
			contains(t, errorText(err), test.want)
			check(t, !strings.Contains(errorText(err), canary), "the error shows a secret: %v", err)
		})
	}
}

func TestASecretIsSeenByNobodyButTheEngineThatKeepsIt(t *testing.T) {
	r, m := record(t, "")
	r.exits["deploy:acc"], r.prints["deploy:acc"] = 1, "it failed"
	out, err := m.Deploy(t.Context(), "acc", secret(credentialsText(time.Now().Add(time.Hour))), assembly("acc"), "", nil, nil)
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

func TestEditsElsewhereLeaveToolsAndBinaryAlone(t *testing.T) {
	r, m := record(t, "")
	if _, err := m.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, n := range r.ran {
		s := r.look(n)
		for where, mounted := range s.files {
			tool, ok := strings.CutPrefix(where, pipeline.ToolsFolder+"/")
			if !ok {
				continue
			}
			locks := r.look(mounted).files[where]
			for file := range r.fileset(locks.parent) {
				check(t, strings.HasPrefix(file, "tools/"+tool+"/"), "%s: %s is made from %s", name, tool, file)
			}
		}
	}
	binary := r.look(r.ran["gosec"]).files[pipeline.SelfFile]
	check(t, binary != nil, "gosec has no binary")
	for file := range r.fileset(r.look(r.ran["gosec"]).files[pipeline.WorkFolder]) {
		check(t, path.Ext(file) != ".md", "gosec reads %s", file)
	}
}

func TestGraphShowsEveryStepAndTheDigestThatEveryRunPrints(t *testing.T) {
	_, m := record(t, "")
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

func TestAnInterruptIsNoFailureOfAStep(t *testing.T) {
	_, m := record(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	p, err := m.open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	r := p.run(ctx, p.choose([]pipeline.Stage{pipeline.Synth}))
	for _, o := range r.outcomes {
		check(t, o.Status == pipeline.Interrupted || o.Status == pipeline.Skipped, "%s %s", o.Step, o.Status)
	}
}
