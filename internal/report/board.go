package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"lockstep/internal/deploy"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/fault"
	"lockstep/internal/metrics"
	"lockstep/internal/utc"
)

// A Board is all environments of a project at one look, in promotion order.
type Board struct {
	Envelope
	Project string       `json:"project"`
	Entries []BoardEntry `json:"environments"`
}

// A BoardState is what a reader has to know first of an environment.
type BoardState string

// The states of an environment.
const (
	BoardUnreadable BoardState = "unreadable"
	BoardFailed     BoardState = "failed"
	BoardCutOff     BoardState = "cut off"
	BoardUnwell     BoardState = "unwell"
	BoardRunning    BoardState = "running"
	BoardWaiting    BoardState = "waiting" // for a person, who approves or applies a plan
	BoardDrifted    BoardState = "drifted"
	BoardBehind     BoardState = "behind" // the environment before it has something else
	BoardEmpty      BoardState = "empty"
	BoardWell       BoardState = "well"
)

// A BoardEntry is an environment in one account.
type BoardEntry struct {
	Environment string     `json:"environment"`
	Account     string     `json:"account"`
	Region      string     `json:"region"`
	State       BoardState `json:"state"`
	// Why says where the state comes from, and Code is the code of that. Next is what to do: mostly a command.
	Why  string     `json:"why,omitempty"`
	Code fault.Code `json:"code,omitempty"`
	Next string     `json:"next,omitempty"`
	// Release is the newest one; nil if there is none or it cannot be read.
	Release *BoardRelease `json:"release,omitempty"`
	// Withdrawn are the numbers of the releases that were rolled back from, the newest first.
	Withdrawn []int `json:"withdrawn,omitempty"`
	// Pending is what the environment before it has and this one has not; nil for nothing.
	Pending *BoardPending `json:"pending,omitempty"`
	// Plans are those that may still be applied.
	Plans []BoardPlan `json:"plans,omitempty"`
	// Run is at work, or was cut off; empty for neither.
	Run string `json:"run,omitempty"`
	// Failure is how the last run failed; nil if it did not.
	Failure *BoardFailure `json:"failure,omitempty"`
	// Health is what is wrong with the stacks, a line for each.
	Health []string `json:"health,omitempty"`
	// Drift is what the last comparison of the stacks has found.
	Drift BoardDrift `json:"drift"`
	// Figures are the key metrics of the window; nil if the records of the environment cannot all be read.
	Figures *metrics.Figures `json:"metrics,omitempty"`
}

// A BoardRelease is a release.
type BoardRelease struct {
	Number int `json:"number"`
	// Restores is the number of the release that this one went back to; 0 for none.
	Restores int          `json:"restores,omitempty"`
	At       time.Time    `json:"at"`
	By       string       `json:"by"`
	Commit   string       `json:"commit,omitempty"`
	Assembly digest.Synth `json:"assembly"`
	SignedBy string       `json:"signedBy,omitempty"`
}

// A BoardPending is what waits in the environment before another one.
type BoardPending struct {
	// From is the environment before, and Release the number of its release.
	From    string `json:"from"`
	Release int    `json:"release"`
	// Commits are those that lead from this environment's release to that one, the newest first; empty if they are not
	// known. More says that there are more than these.
	Commits []BoardCommit `json:"commits,omitempty"`
	More    bool          `json:"more,omitempty"`
	// Assembly is the digest of what would be deployed, and has that of what is; empty for nothing.
	Assembly digest.Environment `json:"assembly"`
	Has      digest.Environment `json:"has,omitempty"`
}

// A BoardCommit is a commit and the first line of its message.
type BoardCommit struct {
	ID      string `json:"id"`
	Subject string `json:"subject"`
}

// A BoardPlan is a plan that may still be applied.
type BoardPlan struct {
	Digest  digest.Plan `json:"digest"`
	By      string      `json:"by"`
	Made    time.Time   `json:"made"`
	Expires time.Time   `json:"expires"`
	// ApprovedBy is who has approved it; empty for nobody. NeedsApproval says that it cannot be applied without.
	ApprovedBy    string `json:"approvedBy,omitempty"`
	NeedsApproval bool   `json:"needsApproval,omitempty"`
}

// A BoardFailure is how a run failed.
type BoardFailure struct {
	Run     string     `json:"run"`
	Command string     `json:"command"`
	By      string     `json:"by"`
	At      time.Time  `json:"at"`
	Commit  string     `json:"commit,omitempty"`
	Problem string     `json:"problem"`
	Code    fault.Code `json:"code,omitempty"`
}

// A BoardDrift is what the last comparison of an environment's stacks has found.
type BoardDrift struct {
	// Seen is when the stack was compared that was compared the longest ago; zero if one was never compared.
	Seen time.Time `json:"seen,omitzero"`
	// Drifted are the names of the stacks that differed, and Unknown of those that were never compared.
	Drifted []string `json:"drifted,omitempty"`
	Unknown []string `json:"unknown,omitempty"`
}

// A BoardInput is what is known of an environment in one account.
type BoardInput struct {
	deploy.Overview
	// NeedsApproval says that a plan cannot be applied without an approval.
	NeedsApproval bool
	Pending       *BoardPending
	Figures       *metrics.Figures
}

// NewBoard returns the board of environments in promotion order. The flags are those that a command needs to work on
// the same accounts.
func NewBoard(project, flags string, inputs []BoardInput) *Board {
	b := &Board{Project: project, Entries: []BoardEntry{}}
	for _, in := range inputs {
		e := newBoardEntry(in)
		e.judge(in.Overview, flags)
		b.Entries = append(b.Entries, e)
	}
	return b
}

// newBoardEntry returns an entry without its state.
func newBoardEntry(in BoardInput) BoardEntry {
	e := BoardEntry{
		Environment: in.Environment, Account: in.Account, Region: in.Region, Pending: in.Pending, Figures: in.Figures,
	}
	if len(in.Releases) > 0 {
		r := in.Releases[0]
		e.Release = &BoardRelease{
			Number: r.Number, Restores: r.Restores, At: r.At.UTC(), By: r.CallerARN, Commit: r.Commit,
			Assembly: r.SynthDigest, SignedBy: r.SignedBy,
		}
		e.Health = slices.Clone(r.Health)
	}
	if in.History != nil {
		history := ledger.NewHistory(in.History.Releases)
		for _, r := range in.History.Releases {
			if r.Restores == 0 && history.WithdrawnBy(r.Number) > 0 {
				e.Withdrawn = append(e.Withdrawn, r.Number)
			}
		}
	}
	for _, p := range in.Plans {
		plan := BoardPlan{Digest: p.Digest, By: p.CallerARN, Made: p.CreatedAt, Expires: p.Expires}
		plan.NeedsApproval = in.NeedsApproval && p.Approval == nil
		if p.Approval != nil {
			plan.ApprovedBy = p.Approval.ApproverARN
		}
		e.Plans = append(e.Plans, plan)
	}
	e.addRun(in.Overview)
	e.addStacks(in.Stacks)
	return e
}

// addRun adds the run that is at work or was cut off, and how the last one failed.
func (e *BoardEntry) addRun(o deploy.Overview) {
	switch {
	case o.InterruptedRun != nil:
		e.Run = fmt.Sprintf("%s of %s by %s was cut off", o.InterruptedRun.Command, utc.Format(o.InterruptedRun.Started),
			callerName(o.InterruptedRun.CallerARN))
	case o.Lock != nil && o.Lock.Abandoned:
		e.Run = fmt.Sprintf("the lock is held by %s, which is gone", o.Lock.Holder)
	case o.Lock != nil:
		e.Run = fmt.Sprintf("%s, for %v", o.Lock.Holder, time.Duration(o.Lock.AgeSeconds)*time.Second)
	}
	if last := o.LastRun; last != nil && last.HasFailed() {
		e.Failure = &BoardFailure{
			Run: last.RunID, Command: last.Command, By: last.CallerARN, At: last.Ended.UTC(), Commit: last.Commit,
			Problem: last.Problem, Code: last.Code,
		}
		if _, ok := fault.Lookup(last.Code); !ok { // nobody has signed the journal
			e.Failure.Code = fault.Unexpected
		}
	}
}

// addStacks adds what CloudFormation says of the stacks.
func (e *BoardEntry) addStacks(stacks []deploy.StackState) {
	for _, s := range stacks {
		if s.NeedsAction != "" {
			e.Health = append(e.Health, fmt.Sprintf("stack %s: %s",
				s.Name, strings.TrimPrefix(s.Status+": "+s.NeedsAction, ": ")))
		}
		switch {
		case s.Drift == "DRIFTED":
			e.Drift.Drifted = append(e.Drift.Drifted, s.Name)
		case s.Drift != "IN_SYNC":
			e.Drift.Unknown = append(e.Drift.Unknown, s.Name)
		}
		if !s.DriftSeen.IsZero() && (e.Drift.Seen.IsZero() || s.DriftSeen.Before(e.Drift.Seen)) {
			e.Drift.Seen = s.DriftSeen
		}
	}
}

// judge sets the state, where it comes from, and what to do. The first rule that applies decides.
func (e *BoardEntry) judge(o deploy.Overview, flags string) {
	command := func(text string) string { return strings.TrimSpace("lockstep " + text + flags) }
	here := " --env " + e.Environment
	explain := func(code fault.Code) string { return "lockstep explain " + string(code) }
	waiting := slices.IndexFunc(e.Plans, func(p BoardPlan) bool { return p.NeedsApproval || p.ApprovedBy != "" })
	switch {
	case o.Unreadable:
		e.State, e.Why, e.Code, e.Next = BoardUnreadable, o.Problem, o.Code, explain(o.Code)
	case o.Lock != nil && !o.Lock.Abandoned:
		e.State, e.Why, e.Next = BoardRunning, e.Run, "wait until it has ended; then "+command("status"+here)
	case e.Run != "":
		e.State, e.Why, e.Next = BoardCutOff, e.Run, command("deploy"+here)+", which goes on from there"
	case e.Failure != nil:
		e.State, e.Why, e.Code, e.Next = BoardFailed, e.Failure.Problem, e.Failure.Code, explain(e.Failure.Code)
		if len(o.LastRun.Stacks) > 0 {
			e.Next = command("diagnose" + here)
		}
	case len(e.Health) > 0:
		e.State, e.Why, e.Next = BoardUnwell, strings.Join(e.Health, "; "), command("verify"+here)
	case waiting >= 0:
		e.State = BoardWaiting
		e.Why, e.Next = e.Plans[waiting].question(command, here)
	case len(e.Drift.Drifted) > 0:
		e.State, e.Next = BoardDrifted, command("drift"+here)
		e.Why = "changed outside Lockstep: " + strings.Join(e.Drift.Drifted, ", ")
	case e.Pending != nil:
		e.State, e.Why, e.Next = BoardBehind, e.Pending.String(), command("plan"+here)
	case e.Release == nil:
		e.State, e.Why = BoardEmpty, deploy.NothingDeployed
	default:
		e.State = BoardWell
	}
}

// question returns what a plan waits for, and the command that answers.
func (p BoardPlan) question(command func(string) string, here string) (why, next string) {
	if p.NeedsApproval {
		return p.String(), command("approve --plan FILE")
	}
	return p.String(), command("deploy" + here + " --plan FILE")
}

// String returns the plan as a line.
func (p BoardPlan) String() string {
	text := fmt.Sprintf("plan %.12s of %s by %s", p.Digest, utc.Format(p.Made), callerName(p.By))
	switch {
	case p.NeedsApproval:
		text += " waits for an approval"
	case p.ApprovedBy != "":
		text += ", approved by " + callerName(p.ApprovedBy) + ", is not applied yet"
	default:
		text += " is not applied yet"
	}
	return text + ", good until " + utc.Format(p.Expires)
}

// String returns what waits as a line.
func (p BoardPending) String() string {
	what := fmt.Sprintf("release %d of %s: assembly %.12s", p.Release, p.From, p.Assembly)
	if p.Has != "" {
		what += fmt.Sprintf(", here is %.12s", p.Has)
	}
	switch n := len(p.Commits); {
	case p.More:
		what += fmt.Sprintf("; more than %d commits", n)
	case n == 1:
		what += "; 1 commit"
	case n > 0:
		what += fmt.Sprintf("; %d commits", n)
	}
	return what
}

// String returns the drift as a line.
func (d BoardDrift) String() string {
	var parts []string
	if len(d.Drifted) > 0 {
		parts = append(parts, "changed outside Lockstep: "+strings.Join(d.Drifted, ", "))
	}
	if d.Seen.IsZero() {
		return "never compared"
	}
	if len(d.Unknown) > 0 {
		parts = append(parts, "not known of "+strings.Join(d.Unknown, ", "))
	}
	return cmp.Or(strings.Join(parts, "; "), "none") + ", seen " + utc.Format(d.Seen)
}

// boardStates are the states in the order of their urgency.
var boardStates = []BoardState{
	BoardUnreadable, BoardFailed, BoardCutOff, BoardUnwell, BoardRunning, BoardWaiting, BoardDrifted, BoardBehind,
	BoardEmpty, BoardWell,
}

// Count returns how many entries are in each state, as "1 failed, 2 well", the most urgent first.
func (b *Board) Count() string {
	var parts []string
	for _, state := range boardStates {
		n := 0
		for _, e := range b.Entries {
			if e.State == state {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	return strings.Join(parts, ", ")
}
