package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/internal/fault"
	"lockstep/internal/pipeline"
)

// The steps that look at the emulated accounts and keep an answer with them, as the recorder names them.
var (
	readStep        = "sh -c " + readScript
	storeStep       = "sh -c " + storeScript
	fingerprintStep = "cat /proc/sys/kernel/random/uuid"
)

const (
	// unchangedText is the record of a deployment that had nothing to do in two accounts.
	unchangedText = `{"stacks":[{"name":"shop","outcome":"unchanged"}],
		"others":[{"stacks":[{"name":"edge","outcome":"unchanged"}]}]}`
	// unchangedSummary is what the command line prints of it.
	unchangedSummary = "deploy:acc  cached\ndeploy passed in 9.1 s: nothing changed on the emulated accounts"
)

// changedText returns unchangedText with a part replaced.
func changedText(part, by string) string { return strings.Replace(unchangedText, part, by, 1) }

// knownAnswer is an answer of a deployment to acc.
func knownAnswer(t *testing.T) string {
	t.Helper()
	text, err := json.Marshal(answer{
		Steps: []answerStep{
			{Name: "deploy:acc", Output: "shop: unchanged", Record: unchangedText}, {Name: "verify:acc", Output: "as deployed"},
		},
		Summary: "deploy:acc  cached", Ending: "nothing changed on the emulated accounts",
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// known returns what accounts print that have this answer of the deployment whose steps print f1, and one of another
// deployment. An hour may end in a test.
func known(answer string) string {
	text := "kept\n2006010215-f2-f2 {}\n"
	for _, at := range []time.Time{time.Now(), time.Now().Add(answerLife)} {
		text += fingerprintOf(at, []string{"f1", "f1"}) + " " + answer + "\n"
	}
	return text
}

// deployAcc rehearses a deployment to acc.
func deployAcc(t *testing.T, m *Lockstep) string {
	t.Helper()
	text, err := m.Deploy(t.Context(), "acc", nil, nil, "", nil, nil, "", "")
	check(t, err == nil, "%v", err)
	return text
}

func TestRecall_SameDeploymentOfSameAccountsIsCached(t *testing.T) {
	r, m := newRecorder(t, "")
	r.outputs[fingerprintStep] = "f1\n"
	r.outputs[readStep] = known(knownAnswer(t))
	text := deployAcc(t, m)
	contains(t, text, "shop: unchanged", "as deployed", "\ndeploy passed in ", " s, cached: nothing changed on the")
	check(t, len(r.servicesStarted) == 0, "the accounts were started")
	check(t, r.startedAt["deploy:acc"] == 0 && r.startedAt["verify:acc"] == 0, "it was deployed: %v", r.startedAt)
	look := r.readContainer(r.printed[readStep])
	check(t, look.env["READS"] != "", "it forgets the answer: %v", look.env)
	check(t, look.env["LOCKSTEP_RUN"] == runID, "the engine would take it from its cache: %v", look.env)

	r.contents = unchangedText
	release, err := selectAcc(t, m).Deploy(t.Context(), nil, nil, "", "")
	if err != nil {
		t.Fatal(err)
	}
	check(t, release.Number == 0 && len(release.Stacks) == 2, "%+v", release)
	contains(t, release.Report, "cached: nothing changed")
}

// The accounts are read while the stacks are synthesised, and what the functions ask first is asked at once.
func TestRecall_ReadsAccountsDuringSynthesis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := newRecorder(t, "")
		r.stepTime = time.Second
		r.outputs[fingerprintStep], r.outputs[readStep] = "f1\n", known(knownAnswer(t))
		deployAcc(t, m)
		check(t, r.endedAt["synth"] > 0 && r.printedAt[readStep] < r.endedAt["synth"], "it waits for the synthesis")
	})
}

func TestRecall_KeepsWhatHadNothingToDo(t *testing.T) {
	for name, test := range map[string]struct {
		record, summary string
		failing         string
		keeps           bool
	}{
		"nothing to do":       {unchangedText, unchangedSummary, "", true},
		"a stack was updated": {recordText, unchangedSummary, "", false},
		"another account changed": {
			changedText(`"edge","outcome":"unchanged"`, `"edge","outcome":"created"`),
			unchangedSummary, "", false,
		},
		"a release was recorded":  {changedText(`"others":[{`, `"others":[{"release":4,`), unchangedSummary, "", false},
		"no record":               {"", unchangedSummary, "", false},
		"no stacks":               {"{}", unchangedSummary, "", false},
		"no summary":              {unchangedText, "", "", false},
		"the verification failed": {unchangedText, unchangedSummary, "verify:acc", false},
		"the synthesis failed":    {unchangedText, unchangedSummary, "synth", false},
	} {
		t.Run(name, func(t *testing.T) {
			r, m := newRecorder(t, "")
			r.outputs[fingerprintStep], r.outputs[readStep] = "f1\n", "kept\n"
			r.contents = test.record
			r.outputs[strings.Join(pipeline.SummaryStep.Command, " ")] = test.summary
			if test.failing != "" {
				r.exitCodes[test.failing] = 1
			}
			_, err := m.Deploy(t.Context(), "acc", nil, nil, "", nil, nil, "", "")
			check(t, (err != nil) == (test.failing != ""), "%v", err)
			check(t, (r.startedAt[storeStep] > 0) == test.keeps, "%v", r.startedAt)
			if !test.keeps {
				return
			}
			look, store := r.readContainer(r.printed[readStep]), r.readContainer(r.containers[storeStep])
			for _, variable := range []string{"ACCOUNTS", "LOCKSTEP_RUN"} {
				check(t, look.env[variable] != "" && look.env[variable] == store.env[variable],
					"%s: %v, %v", variable, look.env, store.env)
			}
			check(t, strings.HasSuffix(store.env["ANSWER"], "-f1-f1"), "%v", store.env)
			check(t, r.servicesStopped == 1, "the accounts were not stopped")
		})
	}
}

func TestRecall_StartsTheAccountsWithoutAnAnswer(t *testing.T) {
	for name, test := range map[string]struct {
		call func(m *Lockstep) error
		// reads reports whether the call leaves answers as they are.
		reads bool
	}{
		"deploy": {func(m *Lockstep) error {
			_, err := m.Deploy(t.Context(), "acc", nil, nil, "", nil, nil, "", "")
			return err
		}, false},
		"a plan is deployed": {func(m *Lockstep) error {
			_, err := m.Deploy(t.Context(), "acc", nil, nil, "", dag.Directory().File("plan.json"), nil, "", "")
			return err
		}, false},
		"plan": {func(m *Lockstep) error {
			_, err := m.Plan(t.Context(), "acc", nil, nil, "", "")
			return err
		}, false},
		"rollback": {func(m *Lockstep) error {
			_, err := m.Rollback(t.Context(), "acc", nil, nil, 0, nil, "")
			return err
		}, false},
		"status": {func(m *Lockstep) error { _, err := m.Status(t.Context(), "acc", nil, 0); return err }, true},
		"drift":  {func(m *Lockstep) error { _, err := m.Drift(t.Context(), "acc", nil); return err }, true},
		"verify": {func(m *Lockstep) error {
			_, err := m.Verify(t.Context(), "acc", nil, ReferenceRelease, nil)
			return err
		}, true},
		"verify against the source": {func(m *Lockstep) error {
			_, err := m.Verify(t.Context(), "acc", nil, ReferenceSource, nil)
			return err
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r, m := newRecorder(t, "")
			r.outputs[fingerprintStep], r.outputs[readStep] = "f1\n", "kept\n"
			if err := test.call(m); err != nil {
				t.Fatal(err)
			}
			check(t, len(r.servicesStarted) == 1, "the accounts were started %d times", len(r.servicesStarted))
			look := r.readContainer(r.printed[readStep])
			check(t, (look.env["READS"] != "") == test.reads, "%v", look.env)
			state := r.readContainer(r.servicesStarted[0].parent).caches["/work/.lockstep/rehearsal"]
			check(t, look.caches[accountsFolder] == state, "it looks at other accounts")
		})
	}
}

func TestRecall_LiveDeploymentNeitherLooksNorAsks(t *testing.T) {
	r, m := newRecorder(t, "")
	if _, err := m.Deploy(t.Context(), "acc", liveCredentials(), assembly("acc"), "", nil, nil, "", ""); err != nil {
		t.Fatal(err)
	}
	for _, step := range []string{readStep, storeStep, fingerprintStep} {
		check(t, r.startedAt[step]+r.printedAt[step] == 0, "%s ran", step)
	}
	check(t, r.startedAt["deploy:acc"] > 0, "it was not deployed")
}

func TestRecall_UnreadableAnswerIsForgotten(t *testing.T) {
	r, m := newRecorder(t, "")
	r.outputs[fingerprintStep], r.outputs[readStep] = "f1\n", known("{")
	deployAcc(t, m)
	look := r.readContainer(r.printed[readStep])
	check(t, look.env["READS"] == "", "it is kept: %v", look.env)
	check(t, r.startedAt["deploy:acc"] > 0, "it was not deployed")
}

func TestRecall_FailureBeforeTheDeploymentHasNoFingerprint(t *testing.T) {
	r, m := newRecorder(t, "")
	r.exitCodes["synth"] = 1
	r.outputs[fingerprintStep], r.outputs[readStep] = "f1\n", known(knownAnswer(t))
	_, err := m.Deploy(t.Context(), "acc", nil, nil, "", nil, nil, "", "")
	contains(t, errorText(err), "did not pass: synth")
	check(t, r.printedAt[fingerprintStep] == 0, "it has one")
}

// A note about new accounts does not call them gone, and none is said of those that were kept.
func TestAccounts_SayWhetherTheyAreNewOrGone(t *testing.T) {
	for _, test := range []struct {
		age           accountsAge
		record, want  string
		exitCode      int
		output, never string
	}{
		{
			age: accountsNew, record: `{"release":1}`, want: "deploy:acc: the emulated accounts are new, so this is release 1",
			never: "gone",
		},
		{age: accountsGone, record: `{"release":1}`, want: "starts again with release 1: the emulated accounts of earlier " +
			"calls are gone from the engine's cache"},
		{age: accountsKept, record: `{"release":1}`, never: "emulated accounts"},
		{age: accountsGone, record: `{"release":2}`, never: "emulated accounts"},
		{
			age: accountsNew, exitCode: 1, output: "lockstep: " + string(fault.NoRelease) + ": acc has no release",
			want: "deploy:acc: the emulated accounts are new, so they have no releases and plans yet", never: "gone",
		},
		{
			age: accountsGone, exitCode: 1, output: "lockstep: " + string(fault.NoRelease) + ": acc has no release",
			want: "gone from the engine's cache, with their releases and plans: deploy or plan again",
		},
	} {
		r, m := newRecorder(t, "")
		r.outputs[readStep], r.contents = string(test.age)+"\n", test.record
		r.exitCodes["deploy:acc"], r.outputs["deploy:acc"] = test.exitCode, test.output
		text, err := m.Deploy(t.Context(), "acc", nil, nil, "", nil, nil, "", "")
		text += errorText(err)
		contains(t, text, test.want)
		check(t, test.never == "" || !strings.Contains(text, test.never), "%q is in:\n%s", test.never, text)
	}
}

func TestAccounts_BelongToTheRepositoryOfTheProject(t *testing.T) {
	const section = "[core]\n\tbare = false\n[remote \"origin\"]\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n\turl = "
	keys := map[string]string{}
	for name, text := range map[string]string{
		"one":                                section + "https://git.example.com/one.git\n[branch \"main\"]\n",
		"the same by another way of writing": "[remote \"origin\"]\n\turl = https://git.example.com/one\n",
		"another":                            section + "https://git.example.com/other.git\n",
		"another remote alone":               "[remote \"fork\"]\n\turl = https://git.example.com/one.git\n",
		"none":                               "",
	} {
		r, m := newRecorder(t, "")
		r.contents = text
		p, err := m.open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		keys[name] = p.accountsKey(t.Context())
	}
	project := configuration().Pipeline.Project
	check(t, keys["none"] == project && keys["another remote alone"] == project, "%v", keys)
	check(t, keys["one"] == keys["the same by another way of writing"], "%v", keys)
	check(t, keys["one"] != keys["another"] && keys["one"] != project, "%v", keys)
	check(t, strings.HasPrefix(keys["one"], project+"-"), "%v", keys)
	check(t, !strings.Contains(keys["one"], "example"), "the key shows where it comes from: %v", keys)
}

// volumes runs the scripts in folders that stand for the cache volumes.
type volumes struct {
	t   *testing.T
	dir string
}

// run runs a script of a call and returns what it prints.
func (v volumes) run(script string, variables ...string) string {
	v.t.Helper()
	for _, folder := range []string{accountsFolder, knownFolder} {
		if err := os.MkdirAll(v.dir+folder, 0o755); err != nil {
			v.t.Fatal(err)
		}
		script = strings.ReplaceAll(script, folder, v.dir+folder)
	}
	script = strings.ReplaceAll(script, "cp /answer", "cp "+v.dir+"/answer")
	command := exec.CommandContext(v.t.Context(), "sh", "-c", script)
	command.Env = append(variables, "ACCOUNTS=shop", "PATH="+os.Getenv("PATH"))
	output, err := command.CombinedOutput()
	if err != nil {
		v.t.Fatalf("%v: %s", err, output)
	}
	return string(output)
}

// start stands for the emulator's start, which makes the folder of its state.
func (v volumes) start() {
	if err := os.MkdirAll(filepath.Join(v.dir+accountsFolder, "state"), 0o755); err != nil {
		v.t.Fatal(err)
	}
}

func TestAccounts_ScriptsKeepAnswersUntilAnythingElseStartsThem(t *testing.T) {
	v := volumes{t, t.TempDir()}
	if err := os.WriteFile(filepath.Join(v.dir, "answer"), []byte("it had nothing to do"), 0o600); err != nil {
		t.Fatal(err)
	}
	same := func(what, got, want string) {
		t.Helper()
		check(t, got == want, "%s: %q, not %q", what, got, want)
	}
	same("the first call", v.run(readScript, "LOCKSTEP_RUN=1"), "new\n")
	v.start()
	v.run(storeScript, "ANSWER=1-f1", "LOCKSTEP_RUN=1")
	const known = "kept\n1-f1 it had nothing to do\n"
	same("a call that reads", v.run(readScript, "READS=true", "LOCKSTEP_RUN=2"), known)
	v.run(storeScript, "ANSWER=1-f2", "LOCKSTEP_RUN=1")
	both := known + "1-f2 it had nothing to do\n"
	same("the same after another deployment by that run", v.run(readScript, "READS=true", "LOCKSTEP_RUN=3"), both)
	same("an operation", v.run(readScript, "LOCKSTEP_RUN=4"), "kept\n")
	same("a call that reads after it", v.run(readScript, "READS=true", "LOCKSTEP_RUN=5"), "kept\n")
	v.run(storeScript, "ANSWER=1-f1", "LOCKSTEP_RUN=1") // the operation has started the accounts since
	same("the same after a late answer", v.run(readScript, "READS=true", "LOCKSTEP_RUN=6"), "kept\n")
	v.run(storeScript, "ANSWER=1-f1", "LOCKSTEP_RUN=4")
	same("the same after its answer", v.run(readScript, "READS=true", "LOCKSTEP_RUN=7"), known)

	if err := os.RemoveAll(v.dir + accountsFolder); err != nil {
		t.Fatal(err)
	}
	same("after the engine has removed the state", v.run(readScript, "READS=true", "LOCKSTEP_RUN=8"), "gone\n")
	same("a deployment then", v.run(readScript, "LOCKSTEP_RUN=9"), "gone\n")
}

// The engine sees a change of any of these in what a fingerprint is made from, and in no other.
func TestRecall_FingerprintHasInputsCommandAndCommit(t *testing.T) {
	containerOf := func(allow []string, commit string) (*recorder, containerState) {
		r, m := newRecorder(t, "")
		if _, err := m.Deploy(t.Context(), "dev", nil, nil, commit, nil, allow, "", ""); err != nil {
			t.Fatal(err)
		}
		return r, r.readContainer(r.printed[fingerprintStep])
	}
	r, s := containerOf([]string{"data-loss"}, "abc123")
	check(t, s.env["LOCKSTEP_COMMIT"] == "abc123" && s.env["LOCKSTEP_RUN"] == "", "%v", s.env)
	check(t, len(s.services) == 0 && len(s.mounted) == 0, "it needs the accounts: %v, %v", s.services, s.mounted)
	check(t, s.files[pipeline.SelfFile] != nil, "it lacks the program")
	isStep := slices.Contains([]string{"deploy:dev", "verify:dev"}, r.stepOf(s.env["LOCKSTEP_COMMAND"]))
	check(t, isStep, "%v", s.env)
	files := r.fileset(s.files[pipeline.WorkFolder])
	check(t, files["config/pipeline.yaml"] && files[pipeline.AssemblyDir("dev")+"/manifest.json"] ||
		len(files) > 0, "%v", files)
}

// stepOf returns the name of the step with that command.
func (r *recorder) stepOf(command string) string {
	return containerState{execs: [][]string{strings.Split(command, "\n")}}.step()
}
