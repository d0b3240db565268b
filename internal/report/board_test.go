package report

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/fault"
	"lockstep/internal/metrics"
)

func boardTime() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }

// boardInput returns an environment with two releases, of which the newer one is deployed and well.
func boardInput(name string, change ...func(*BoardInput)) BoardInput {
	target := awsclient.Target{
		Project: "shop", Environment: name, Account: "111111111111", Region: "eu-west-1",
	}
	release := ledger.Release{
		Number: 12, Version: ledger.ReleaseVersion, At: boardTime(),
		CallerARN: "arn:aws:sts::123456789012:assumed-role/shop-workflow-deploy-" + name + "/lockstep-1",
		Commit:    strings.Repeat("ab12", 10), SynthDigest: "0123456789abcdef", EnvironmentDigest: "e1",
	}
	earlier := release
	earlier.Number = 11
	in := BoardInput{Overview: deploy.Overview{
		Status: deploy.Status{
			Target: target, Releases: []deploy.ReleaseStatus{{Release: release, SignedBy: "key"}},
		},
		History: &deploy.ReleaseHistory{Target: target, Releases: []ledger.Release{release, earlier}},
		LastRun: &ledger.Journal{RunID: "r1", Started: boardTime(), Ended: boardTime(), Outcome: "updated"},
		Stacks: []deploy.StackState{
			{Name: "shop-web", Status: "UPDATE_COMPLETE", Drift: "IN_SYNC", DriftSeen: boardTime()},
		},
	}}
	rate := 0.25
	in.Figures = &metrics.Figures{
		Environment: name, Deployments: 4, Failed: 1, ChangeFailureRate: &rate,
		LeadTime:     metrics.Durations{Count: 3, MedianSeconds: 3720},
		RecoveryTime: metrics.Durations{Count: 1, MedianSeconds: 720},
	}
	for _, c := range change {
		c(&in)
	}
	return in
}

func unreadable(in *BoardInput) {
	in.Overview = deploy.Overview{Status: deploy.Status{
		Target: in.Target, Problem: "the role may not be assumed", Code: fault.AccessDenied, Unreadable: true,
	}}
}

func failed(in *BoardInput) {
	in.LastRun = &ledger.Journal{
		RunID: "r2", Command: "lockstep deploy", CallerARN: "arn:aws:iam::123456789012:user/jane", Started: boardTime(),
		Ended: boardTime(), Stacks: map[string]ledger.JournalEntry{"shop-web": {State: ledger.Failed}},
		Problem: "stack shop-web: Table (AWS::DynamoDB::Table): Resource handler returned message: \"Table already exists\"",
		Code:    fault.StackFailed,
	}
}

func refused(in *BoardInput) {
	failed(in)
	in.LastRun.Stacks = nil
	in.LastRun.Code = fault.NotPromoted
}

func cutOff(in *BoardInput) {
	in.InterruptedRun = &ledger.Journal{RunID: "r2", Command: "lockstep deploy", CallerARN: "jane", Started: boardTime()}
}

func locked(isAbandoned bool) func(*BoardInput) {
	return func(in *BoardInput) {
		in.Lock = &ledger.LockStatus{
			Holder: ledger.Holder{
				ID: "r3", CallerARN: "jane", Command: "lockstep deploy", Host: "runner", PID: 7, Since: boardTime(),
			},
			AgeSeconds: 90, Abandoned: isAbandoned,
		}
	}
}

func alarmed(in *BoardInput) {
	in.Releases[0].Health = []string{"alarm Errors: 5 of 5 requests failed"}
}

func stuck(in *BoardInput) {
	in.Stacks[0].Status, in.Stacks[0].NeedsAction = "UPDATE_ROLLBACK_FAILED", "its rollback is continued, once"
}

func planned(approver string) func(*BoardInput) {
	return func(in *BoardInput) {
		in.NeedsApproval = true
		plan := deploy.OpenPlan{RegisteredPlan: ledger.RegisteredPlan{
			Digest: "fedcba9876543210", CallerARN: "jane", CreatedAt: boardTime(), Expires: boardTime().Add(time.Hour),
		}}
		if approver != "" {
			plan.Approval = &ledger.Approval{ApproverARN: approver}
		}
		in.Plans = []deploy.OpenPlan{plan}
	}
}

func drifted(in *BoardInput) { in.Stacks[0].Drift = "DRIFTED" }

func behind(in *BoardInput) {
	in.Pending = &BoardPending{
		From: "acc", Release: 14, Assembly: "aaaabbbbccccdddd", Has: "0000111122223333",
		Commits: []BoardCommit{
			{strings.Repeat("c", 40), "Encrypt the <b>queue</b>"},
			{strings.Repeat("d", 40), "Add the queue"},
		},
	}
}

func empty(in *BoardInput) {
	in.Overview = deploy.Overview{
		Status:  deploy.Status{Target: in.Target, Problem: deploy.NothingDeployed},
		History: &deploy.ReleaseHistory{Target: in.Target},
	}
}

func withdrawn(in *BoardInput) {
	r := in.History.Releases[0]
	r.Number, r.Restores, r.Withdraws = 13, 11, 12
	in.History.Releases = append([]ledger.Release{r}, in.History.Releases...)
	in.Releases[0].Release = r
}

func TestBoard_StateWhyAndNext(t *testing.T) {
	for name, test := range map[string]struct {
		change    []func(*BoardInput)
		state     BoardState
		why, next string
	}{
		"well":             {nil, BoardWell, "", ""},
		"unreadable":       {is(unreadable), BoardUnreadable, "the role may not", "lockstep explain LS-730"},
		"failed":           {is(failed), BoardFailed, "stack shop-web: Table", "lockstep diagnose --env acc --live"},
		"refused":          {is(refused), BoardFailed, "stack shop-web", "lockstep explain " + string(fault.NotPromoted)},
		"cut off":          {is(cutOff), BoardCutOff, "was cut off", "lockstep deploy --env acc --live, which goes on"},
		"lock abandoned":   {is(locked(true)), BoardCutOff, "which is gone", "lockstep deploy --env acc --live"},
		"running":          {is(failed, locked(false)), BoardRunning, "r3 (lockstep deploy, by", "wait until it has ended"},
		"alarm":            {is(alarmed), BoardUnwell, "alarm Errors", "lockstep verify --env acc --live"},
		"stack stuck":      {is(stuck), BoardUnwell, "stack shop-web: UPDATE_ROLLBACK_FAILED", "lockstep verify"},
		"approval":         {is(planned("")), BoardWaiting, "waits for an approval", "lockstep approve --plan FILE --live"},
		"approved":         {is(planned("joe")), BoardWaiting, "approved by joe", "lockstep deploy --env acc --plan FILE"},
		"drifted":          {is(drifted), BoardDrifted, "shop-web", "lockstep drift --env acc --live"},
		"behind":           {is(behind), BoardBehind, "release 14 of acc", "lockstep plan --env acc --live"},
		"empty":            {is(empty), BoardEmpty, deploy.NothingDeployed, ""},
		"empty and behind": {is(empty, behind), BoardBehind, "release 14", "lockstep plan --env acc --live"},
		"worst first":      {is(drifted, behind, alarmed, failed), BoardFailed, "stack shop-web: Table", "lockstep diagnose"},
	} {
		t.Run(name, func(t *testing.T) {
			e := NewBoard("shop", " --live", []BoardInput{boardInput("acc", test.change...)}).Entries[0]
			assert.Equal(t, test.state, e.State)
			assert.Contains(t, e.Why, test.why)
			assert.Contains(t, e.Next, test.next)
		})
	}
}

// is returns its arguments as a list.
func is(changes ...func(*BoardInput)) []func(*BoardInput) { return changes }

// Nobody has signed the journal, and its code becomes a command that a person copies.
func TestBoard_CommandHoldsNothingFromTheJournal(t *testing.T) {
	in := boardInput("acc", refused)
	in.LastRun.Code = "LS-601; rm -rf /"
	e := NewBoard("shop", "", []BoardInput{in}).Entries[0]
	assert.Equal(t, "lockstep explain "+string(fault.Unexpected), e.Next)
	assert.Equal(t, fault.Unexpected, e.Code)
}

// newTestBoard returns a board with an environment in each of the common states.
func newTestBoard() *Board {
	b := NewBoard("shop", " --live", []BoardInput{
		boardInput("dev", withdrawn), boardInput("acc", failed), boardInput("perf", unreadable),
		boardInput("prod", behind, planned("")),
	})
	b.Mode, b.Time = Live, boardTime()
	return b
}

func boardText(t *testing.T, b *Board) string {
	t.Helper()
	var text bytes.Buffer
	require.NoError(t, b.WriteText(&text))
	return text.String()
}

func TestBoard_TextIsAsInGoldenFile(t *testing.T) {
	text := boardText(t, newTestBoard())
	golden := filepath.Join("testdata", "board.txt")
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(text), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), text)
}

func TestBoard_TextFitsIntoEightyColumns(t *testing.T) {
	b := newTestBoard()
	b.Entries[1].Failure.Problem = strings.Repeat("x", 300)
	b.Entries[1].Why = b.Entries[1].Failure.Problem
	for line := range strings.Lines(boardText(t, b)) {
		assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 80, line)
	}
}

// The first lines of each environment say what is wrong, why, and what to do.
func TestBoard_SaysWhyAndNextFirst(t *testing.T) {
	_, acc, _ := strings.Cut(boardText(t, newTestBoard()), "\nacc  failed\n")
	lines := strings.Split(acc, "\n")
	assert.Contains(t, lines[0], "  why         "+string(fault.StackFailed)+": stack shop-web: Table")
	assert.Contains(t, strings.Join(lines[1:4], "\n"), "  next        lockstep diagnose --env acc --live")
}

func TestBoard_HostileTextControlsNothing(t *testing.T) {
	const hostile = "\x1b[2J<script>alert(1)</script>\u202e\"onclick='x'\nacc  well"
	in := boardInput("acc", failed, behind, planned(hostile))
	in.LastRun.Problem, in.LastRun.CallerARN, in.LastRun.Command = hostile, hostile, hostile
	in.Pending.Commits[0].Subject, in.Stacks[0].Name = hostile, hostile
	in.Stacks[0].Drift, in.Releases[0].CallerARN = "DRIFTED", hostile
	b := NewBoard("shop", "", []BoardInput{in})
	text := boardText(t, b)
	assert.NotContains(t, text, "\x1b[2J")
	assert.NotContains(t, text, "\u202e")
	assert.NotContains(t, text, "\nacc  well")
	var page bytes.Buffer
	require.NoError(t, b.WriteHTML(&page))
	assert.NotContains(t, page.String(), "<script")
	assert.NotContains(t, page.String(), "\x1b")
	assert.NotContains(t, page.String(), "\u202e")
	for _, tag := range tagPattern.FindAllStringSubmatch(page.String(), -1) {
		assert.NotRegexp(t, ` on[a-z]+ *=`, tag[2])
	}
}

// tagPattern matches the start of an element, whose name and attributes it captures.
var tagPattern = regexp.MustCompile(`<([a-z][a-z0-9]*)\b([^>]*)>`)

func TestBoard_PageNeedsNothingElseAndHasHeaders(t *testing.T) {
	var page bytes.Buffer
	require.NoError(t, newTestBoard().WriteHTML(&page))
	assert.Contains(t, page.String(),
		"<title>shop, live, 2026-03-01 12:00:00 UTC: 1 unreadable, 1 failed, 1 waiting, 1 well</title>")
	assert.Contains(t, page.String(), `prefers-color-scheme: dark`)
	assert.Contains(t, page.String(), `Encrypt the &lt;b&gt;queue&lt;/b&gt;`)
	count := map[string]int{}
	for _, tag := range tagPattern.FindAllStringSubmatch(page.String(), -1) {
		count[tag[1]]++
		assert.NotRegexp(t, ` (src|href|srcset|action)=`, tag[2])
		if tag[1] == "th" {
			assert.Regexp(t, ` scope="(row|col)"`, tag[2], "a header says what it is the header of")
		}
	}
	assert.NotContains(t, page.String(), "url(")
	assert.NotContains(t, page.String(), "@import")
	assert.Equal(t, 1, count["h1"])
	assert.Equal(t, 1, count["main"])
	assert.Positive(t, count["th"])
}
