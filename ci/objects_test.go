package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"lockstep/internal/fault"
	"lockstep/internal/pipeline"
)

// recordText is the record of a deployment of two accounts.
const recordText = `{"assemblyDigest":"aa11","release":3,"outcome":"updated","stacks":[
	{"name":"shop","account":"111122223333","region":"eu-west-1","outcome":"updated","changes":[{},{}],
	 "outputs":{"Url":"https://shop.example.com","Bucket":"shop"}}],
	"others":[{"release":3,
	 "stacks":[{"name":"edge","account":"111122223333","region":"us-east-1","outcome":"unchanged"}]}]}`

// selectAcc returns the environment acc.
func selectAcc(t *testing.T, m *Lockstep) *Environment {
	t.Helper()
	e, err := m.Environment(t.Context(), "acc", nil, nil, "", "")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEnvironment_SelectsOneThatExists(t *testing.T) {
	for name, want := range map[string]string{
		"acc": "", "all": "environment selects one: write --name with one of", "act": "act",
	} {
		_, m := newRecorder(t, "")
		e, err := m.Environment(t.Context(), name, nil, nil, "", "")
		contains(t, errorText(err), want)
		check(t, (e == nil) == (want != ""), "%s: %v, %v", name, e, err)
	}
}

func TestEnvironmentPlan_CanBeReviewedAndApplied(t *testing.T) {
	r, m := newRecorder(t, "")
	plan, err := selectAcc(t, m).Plan(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	check(t, plan.Digest == "0a1b" && plan.Summary == "1 of 2 stacks change: s 1, data-loss", "%+v", plan)
	check(t, slices.Equal(plan.Flags, []string{"data-loss"}), "%v", plan.Flags)
	check(t, len(plan.Changes) == 2 && *plan.Changes[1].describe() == "t 0", "%v", plan.Changes)
	text, err := plan.Json(t.Context())
	check(t, err == nil && text == planText, "%s, %v", text, err)

	if _, err := plan.Approve(t.Context(), "", "as agreed", []string{"data-loss"}, nil); err != nil {
		t.Fatal(err)
	}
	approve := "lockstep approve --plan " + pipeline.PlanInputFile +
		" --expect-plan 0a1b --note as agreed --allow data-loss"
	check(t, r.startedAt[approve] > 0, "%v", r.startedAt)

	r.contents = recordText
	release, err := plan.Apply(t.Context(), []string{"data-loss"})
	if err != nil {
		t.Fatal(err)
	}
	state := r.readContainer(r.containers["deploy:acc"])
	contains(t, strings.Join(state.execs[len(state.execs)-1], " "),
		"--plan "+pipeline.PlanInputFile, "--allow data-loss", "--expect-plan 0a1b")
	check(t, state.files[pipeline.PlanInputFile] != nil, "the plan is not mounted: %v", state.files)
	check(t, release.Number == 3, "%+v", release)
}

// describe returns the changes of a stack in a few words.
func (c *StackChanges) describe() *string {
	text := strings.Join(append([]string{c.Stack, string(rune('0' + c.Resources))}, c.Flags...), " ")
	return &text
}

func TestEnvironmentDeploy_ReturnsRelease(t *testing.T) {
	r, m := newRecorder(t, "")
	r.contents = recordText
	release, err := selectAcc(t, m).Deploy(t.Context(), nil, nil, "", "")
	if err != nil {
		t.Fatal(err)
	}
	check(t, release.Environment == "acc" && release.Number == 3 && release.Digest == "aa11", "%+v", release)
	check(t, len(release.Stacks) == 2 && *release.Stacks[0] == Stack{
		Name: "shop", Account: "111122223333", Region: "eu-west-1", Outcome: "updated", Resources: 2,
	}, "%+v", release.Stacks)
	check(t, len(release.Outputs) == 2 && *release.Outputs[1] == Output{"shop", "Url", "https://shop.example.com"},
		"%+v", release.Outputs)
	contains(t, release.Report, "deploy:acc")
	check(t, r.startedAt["verify:acc"] > r.endedAt["deploy:acc"], "it was not verified")

	r, m = newRecorder(t, "")
	r.exitCodes["deploy:acc"], r.outputs["deploy:acc"] = 3, "lockstep: LS-401: the lock is held by somebody"
	_, err = selectAcc(t, m).Deploy(t.Context(), nil, nil, "", "")
	contains(t, errorText(err), "did not pass: deploy:acc\n"+
		"deploy:acc failed: LS-401: the lock is held by somebody (exit status 3)")
}

func TestEnvironmentRollback_AppliesApprovedPlanOfRelease(t *testing.T) {
	r, m := newRecorder(t, "")
	e := selectAcc(t, m)
	e.Credentials = liveCredentials()
	plan, err := e.RollbackPlan(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	saved := "lockstep rollback --env acc --to 2 " + strings.Join(pipeline.SavePlanArgs, " ") + " --live"
	check(t, r.startedAt[saved] > 0, "%v", r.startedAt)
	summary, _ := json.Marshal(map[string]any{"environments": []json.RawMessage{json.RawMessage(recordText)}})
	applied := "lockstep rollback --env acc --plan " + pipeline.PlanInputFile + " --json --live"
	r.outputs[applied] = "{\"event\":\"started\"}\n" + string(summary)
	release, err := plan.Apply(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	check(t, release.Number == 3 && len(release.Stacks) > 0, "%+v", release)
	check(t, r.readContainer(r.containers[applied]).files[pipeline.PlanInputFile] != nil, "the plan is not mounted")
}

func TestEnvironment_OperationsCallCommands(t *testing.T) {
	for want, call := range map[string]func(context.Context, *Environment) (string, error){
		"lockstep drift --env acc": func(ctx context.Context, e *Environment) (string, error) { return e.Drift(ctx) },
		"lockstep status --env acc --releases 5": func(ctx context.Context, e *Environment) (string, error) {
			return e.Status(ctx, 5)
		},
		"lockstep unlock --env acc --holder run": func(ctx context.Context, e *Environment) (string, error) {
			return e.Unlock(ctx, "run")
		},
		"lockstep garbage --env acc --keep 3 --remove": func(ctx context.Context, e *Environment) (string, error) {
			return e.Garbage(ctx, 3, true)
		},
		"lockstep metrics --env acc": func(ctx context.Context, e *Environment) (string, error) { return e.Metrics(ctx) },
		"lockstep verify --env acc --against release": func(ctx context.Context, e *Environment) (string, error) {
			return e.Verify(ctx, ReferenceRelease)
		},
	} {
		r, m := newRecorder(t, "")
		r.outputs[want] = "what it printed"
		text, err := call(t.Context(), selectAcc(t, m))
		check(t, err == nil && text == "what it printed", "%s: %q, %v, %v", want, text, err, r.startedAt)
	}
}

func TestPlanFile_OfAllReturnsEveryPlan(t *testing.T) {
	r, m := newRecorder(t, "")
	plans, err := m.PlanFile(t.Context(), "all", nil, "", "", nil, "")
	if err != nil {
		t.Fatal(err)
	}
	id, err := plans.ID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	files := r.fileset(r.node(string(id)))
	for _, env := range configuration().Environments {
		check(t, files[env.Name+"/digest"] && files[env.Name+"/summary"], "%s: %v", env.Name, files)
	}
}

// Every gate of the table is a check of its own, whose description is the table's.
func TestChecks_AreGatesOfTable(t *testing.T) {
	checks := annotated(t, "+check")
	gates := map[string]bool{"own-steps": true}
	for _, s := range table() {
		name, _, _ := strings.Cut(s.Name, ":")
		if s.IsGate() && slices.Contains(pipeline.GateStages, s.Stage) {
			gates[name] = true
			text := strings.Join(strings.Fields(checks[name]), " ")
			check(t, strings.Contains(text, "is a gate of the stage "+string(s.Stage)), "%s: %s", name, text)
			if name != "templates" {
				contains(t, strings.ToLower(text), strings.ToLower(s.Summary))
			}
		}
	}
	for name := range checks {
		check(t, gates[name], "%s is no gate", name)
	}
	check(t, len(checks) == len(gates), "%d checks, %d gates", len(checks), len(gates))
}

func TestGate_RunsAloneWithWhatItNeeds(t *testing.T) {
	r, m := newRecorder(t, "")
	if _, err := m.Lint(t.Context()); err != nil {
		t.Fatal(err)
	}
	check(t, r.startedAt["lint"] > 0 && r.startedAt["gosec"] == 0, "%v", r.startedAt)
	if _, err := m.Templates(t.Context()); err != nil {
		t.Fatal(err)
	}
	check(t, r.startedAt["templates:prod"] > r.endedAt["synth"] && r.endedAt["synth"] > 0, "%v", r.startedAt)
	gates, err := m.Gates(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, gate := range gates {
		if gate.Name == "gosec" {
			_, err := gate.Run(t.Context())
			check(t, err == nil && r.startedAt["gosec"] > 0, "%v, %v", err, r.startedAt)
		}
	}
	check(t, len(gates) > 20, "%v", gates)
}

func TestFix_ReturnsChangesOfSteps(t *testing.T) {
	r, m := newRecorder(t, "")
	changes, err := m.Fix(t.Context())
	if err != nil || changes == nil {
		t.Fatal(err)
	}
	check(t, len(r.containers) >= len(pipeline.FixSteps()), "%v", r.startedAt)
	for _, n := range r.containers {
		for file := range r.fileset(r.readContainer(n).files[pipeline.WorkFolder]) {
			check(t, !strings.HasPrefix(file, ".git/"), "a step that changes files has the history")
		}
	}
}

func TestInit_RefusesExistingConfiguration(t *testing.T) {
	_, m := newRecorder(t, "")
	_, err := m.Init(t.Context(), "123456789012", []string{"dev=111122223333/eu-west-1"}, "", "")
	contains(t, errorText(err), "config/pipeline.yaml is there already, so nothing was changed")

	r, m := newRecorder(t, "")
	m.Source = dag.Directory().WithNewFile("cdk.json", "{}")
	changes, err := m.Init(t.Context(), "123456789012", []string{"dev=111122223333/eu-west-1"}, "shop", "")
	if err != nil || changes == nil {
		t.Fatal(err)
	}
	want := "lockstep init --yes --tooling 123456789012 --project shop --env dev=111122223333/eu-west-1"
	ran := false
	for _, request := range r.requests {
		ran = ran || strings.Contains(request, `"--project","shop","--env","dev=111122223333/eu-west-1"`)
	}
	check(t, ran, "%s was not asked for", want)
}

// The app is run once, to learn its stacks, so its container has the programs of its language.
func TestInit_HasProgramsOfApp(t *testing.T) {
	for file, isJava := range map[string]bool{
		"pom.xml": true, "app/pom.xml": true, "build.gradle.kts": true, "package.json": false, "docs/samples/pom.xml": false,
	} {
		r, m := newRecorder(t, "")
		m.Source = dag.Directory().WithNewFile("cdk.json", "{}").WithNewFile(file, "")
		_, err := m.Init(t.Context(), "123456789012", []string{"dev=111122223333/eu-west-1"}, "shop", "")
		check(t, err == nil, "%v", err)
		var folders []any
		var caches map[string]*node
		for _, n := range r.byID {
			if s := r.readContainer(n); strings.HasPrefix(s.step(), "lockstep init ") {
				for _, added := range s.added {
					folders = append(folders, added.args["path"])
				}
				caches = s.caches
			}
		}
		for _, folder := range []any{"/opt/java/openjdk", "/usr/share/maven"} {
			check(t, slices.Contains(folders, folder) == isJava, "%s: %v", file, folders)
		}
		maven := pipeline.Caches[pipeline.CacheMaven].Path
		check(t, (caches[maven] != nil) == isJava, "%s: %v", file, caches)
	}
}

func TestExplain_NeedsNoConfiguration(t *testing.T) {
	r, m := newRecorder(t, "")
	m.Source = dag.Directory()
	r.outputs["lockstep explain -- LS-621"] = "LS-621: run `lockstep deploy --env acc`"
	text, err := m.Explain(t.Context(), "LS-621")
	check(t, err == nil && text == "LS-621: run `dagger call deploy --env acc`", "%q, %v", text, err)
}

func TestRehearsal_IsServiceOfOwnState(t *testing.T) {
	r, m := newRecorder(t, "")
	service, err := m.Rehearsal(t.Context(), secret("mine"))
	if err != nil {
		t.Fatal(err)
	}
	id, err := service.ID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	state := r.readContainer(r.node(string(id)).parent)
	check(t, state.mounted[pipeline.EmulatorSecretFile] != nil, "%v", state.mounted)
	check(t, state.caches["/work/"+pipeline.EmulatorStateFolder] == nil, "its state is that of rehearsals")
}

func TestRehearsal_SaysWhenAccountsAreNew(t *testing.T) {
	const note = "are gone from the engine's cache"
	for name, test := range map[string]struct {
		contents string
		output   string
		exit     int
		want     bool
	}{
		"the first release":       {contents: `{"release":1}`, want: true},
		"a later release":         {contents: `{"release":2}`},
		"nothing to go back to":   {output: "lockstep: " + string(fault.NoRelease) + ": nothing", exit: 3, want: true},
		"a failure of other kind": {output: "lockstep: " + string(fault.StepFailed) + ": nothing", exit: 1},
	} {
		t.Run(name, func(t *testing.T) {
			r, m := newRecorder(t, "")
			r.contents, r.outputs["deploy:acc"], r.exitCodes["deploy:acc"] = test.contents, test.output, test.exit
			text, err := m.Deploy(t.Context(), "acc", nil, nil, "", nil, nil, "", "")
			check(t, strings.Contains(text+errorText(err), note) == test.want, "%s\n%v", text, err)
		})
	}
}

// A terminal shows the end of an error: the causes and the next call are there.
func TestError_EndsWithCauseAndNextCall(t *testing.T) {
	r, m := newRecorder(t, "")
	r.exitCodes["deploy:acc"] = 1
	r.outputs["deploy:acc"] = strings.Repeat("a line\n", 60) + "lockstep: LS-701: a bucket exists already"
	r.outputs[strings.Join(pipeline.SummaryStep.Command, " ")] = strings.Repeat("not rehearsed\n", 40)
	_, err := m.Deploy(t.Context(), "acc", nil, nil, "", nil, nil, "", "")
	lines := strings.Split(errorText(err), "\n")
	end := strings.Join(lines[max(0, len(lines)-20):], "\n")
	contains(t, end, "did not pass: deploy:acc", "deploy:acc failed: LS-701: a bucket exists already (exit status 1)",
		"what to do: dagger call explain --topic LS-701")
}

// A command that ends with a summary names the code of what failed there.
func TestOutcome_TakesCodeFromSummary(t *testing.T) {
	step := pipeline.OperationStep("rollback", "--env", "acc")
	const account, end = "acc  account 111122223333: failed\n  ", "\n\nrollback refused in 1.1 s"
	for _, test := range []struct {
		output, reason string
		code           fault.Code
	}{
		{
			account + "LS-621: acc has no release to go back to" + end, "acc has no release to go back to",
			fault.NoRelease,
		},
		{
			account + "LS-520: these changes have to be allowed by name:\n      data-loss: Topic in Shop\n" +
				"    see that they are meant" + end,
			"these changes have to be allowed by name: data-loss: Topic in Shop; see that they are meant",
			fault.ChangesNotNamed,
		},
		{
			"going back to release 2\n" + `{"event":"summary","code":"LS-509","error":"nobody has approved it"}` + "\n",
			"nobody has approved it", fault.PlanNotApproved,
		},
	} {
		o := &outcome{step: step, output: test.output}
		o.Code, o.ExitCode = fault.StepFailed, 3
		o.takeMessage()
		check(t, o.Code == test.code && o.Reason == test.reason+" (exit status 3)", "%+v", o)
	}
}

func TestAllow_IsRefusedBeforeAnythingRuns(t *testing.T) {
	r, m := newRecorder(t, "")
	e := selectAcc(t, m)
	for name, call := range map[string]func() error{
		"deploy": func() error {
			_, err := m.Deploy(t.Context(), "acc", nil, nil, "", nil, []string{"everything"}, "", "")
			return err
		},
		"rollback": func() error {
			_, err := m.Rollback(t.Context(), "acc", nil, []string{"everything"}, 0, nil, "")
			return err
		},
		"approve": func() error {
			_, err := m.Approve(t.Context(), nil, "0a1b", "", "", []string{"everything"}, nil, nil)
			return err
		},
		"environment deploy": func() error {
			_, err := e.Deploy(t.Context(), nil, []string{"everything"}, "", "")
			return err
		},
	} {
		contains(t, errorText(call()), "--allow everything: write one of [data-loss permissions import-existing synthesizer]")
		check(t, len(r.containers) == 0, "%s ran something", name)
	}
}

func TestSpelling_NamesCallsOfModule(t *testing.T) {
	for text, want := range map[string]string{
		"`lockstep plan --env acc --out plan.json` again": "`dagger call plan-file --env acc export --path plan` again",
		"run `lockstep deploy --env acc --live`": "run `dagger call deploy --env acc --aws-credentials " +
			"\"cmd://aws configure export-credentials\"`",
		"`lockstep explain LS-301` tells":      "`dagger call explain --topic LS-301` tells",
		"`lockstep approve --plan FILE`, then": "`dagger call approve --plan FILE --expect-plan DIGEST`, then",
		"next  lockstep approve --plan FILE\nrelease 1": "next  dagger call approve --plan FILE --expect-plan DIGEST\n" +
			"release 1",
		"lockstep approve --plan plan.json --digest 0a1b": "dagger call approve --plan plan.json --expect-plan 0a1b",
		"`lockstep status --env acc` shows":               "`dagger call status --env acc` shows",
		"`lockstep doctor` says what is missing":          "`lockstep doctor` says what is missing",
		pipeline.PlanInputFile + " is another plan":       "plan.json is another plan",
	} {
		check(t, inDagger(text) == want, "%q", inDagger(text))
	}
	functions := functionFlags()
	for _, name := range strings.Split(daggerFunctions, "|") {
		_, isFunction := functions[name]
		check(t, isFunction, "%s is no function", name)
	}
}
