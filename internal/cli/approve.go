package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"lockstep/internal/deploy"
	"lockstep/internal/deploy/planfile"
	"lockstep/internal/display"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
	"lockstep/internal/report"
	"lockstep/internal/utc"
)

// approveFlags are the flags of the command approve besides those that it shares.
type approveFlags struct {
	*rolloutFlags
	// approvedIn is the execution of CodePipeline, or the run of another service, in which a person has approved.
	approvedIn string
}

func (a *app) approveCommand() *cobra.Command {
	f := approveFlags{rolloutFlags: newRolloutFlags()}
	cmd := &cobra.Command{
		Use: "approve --plan FILE", Short: "Record that you agree to a plan, so that deploy --plan applies it", Args: noArgs,
		Long: `Show the plan, ask for its digest, and record in the target account that the caller, as AWS knows it,
agrees to that plan, and when. --digest gives the digest where nobody can type it. An environment whose
configuration says approval: true takes no plan without an approval; with approval: {by: other}, neither who made
the plan nor who wrote its commit may give it. --allow names what the plan does that has to be allowed: loss of
data, wider access.

With --approved-in, the approver is not the caller but who has approved in that execution of CodePipeline, or in
that run of GitHub or GitLab, which is asked for it with the token of the job.`,
		RunE: a.inProject(func(ctx context.Context, p *project) (result, error) { return a.approve(ctx, p, f) }),
	}
	a.addLiveFlag(cmd)
	flags := cmd.Flags()
	addPathFlag(flags, &f.planFile, "plan", "the plan's file")
	flags.Var(&f.expectPlan, "digest", "the digest of the plan that you have read; any other plan is refused")
	flags.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "expect-plan" { // as deploy calls it
			name = "digest"
		}
		return pflag.NormalizedName(name)
	})
	flags.StringVar(&f.approvedIn, "approved-in", "", "the execution of CodePipeline in which somebody has approved, as "+
		"PIPELINE/EXECUTION, or the run of a service, as github:OWNER/NAME/RUN or gitlab:GROUP/NAME/PIPELINE")
	flags.StringVar(&f.note, "note", "", "why, for whoever reads the release record")
	f.addAllowFlag(flags)
	return cmd
}

// approve records an approval in every account of a plan.
func (a *app) approve(ctx context.Context, p *project, f approveFlags) (result, error) {
	if err := f.checkApproval(a.live); err != nil {
		return nil, err
	}
	if err := f.read(); err != nil {
		return nil, err
	}
	plan, session := *f.reviewedPlan, a.session(p)
	if err := a.confirmDigest(plan, string(f.expectPlan)); err != nil {
		return nil, err
	}
	q := deploy.ApprovalRequest{Note: f.note, Permits: f.permits}
	if f.approvedIn != "" {
		approver, err := session.ApproverIn(ctx, f.approvedIn, plan.Environment)
		if err != nil {
			return nil, err
		}
		q.ApproverARN = approver
	}
	done := messagef("")
	err := session.ForEachPlanAccount(ctx, plan, func(d *deploy.Deployment) error {
		approval, err := d.Approve(ctx, plan, q)
		done = messagef("the plan %.12s for %s is approved by %s at %s",
			plan.Digest, plan.Environment, approval.ApproverARN, utc.Format(approval.At))
		return err
	})
	if err != nil {
		return nil, err
	}
	return done, nil
}

// checkApproval returns an error if flags are missing or contradict each other.
func (f approveFlags) checkApproval(live bool) error {
	pipelineName, execution, _ := strings.Cut(f.approvedIn, "/")
	switch {
	case f.planFile == "":
		return usagef(fault.FlagMissing, "which plan? Write --plan with the file that `lockstep plan --out` wrote")
	case f.approvedIn == "":
		return nil
	case pipelineName == "" || execution == "":
		return usagef(fault.FlagValue, "--approved-in %s: write PIPELINE/EXECUTION", f.approvedIn)
	case !live:
		return usagef(fault.FlagConflict, "--approved-in is for --live: a rehearsal has no CodePipeline")
	}
	return nil
}

// confirmDigest shows a plan and returns nil if the caller has given its digest or types it.
func (a *app) confirmDigest(plan planfile.File, given string) error {
	for line := range strings.SplitSeq(strings.TrimSpace(report.PlanMarkdown(plan)), "\n") {
		fmt.Fprintln(a.Stderr, display.Line(line))
	}
	fmt.Fprintln(a.Stderr, "\ndigest", display.Line(string(plan.Digest)))
	if given != "" {
		return nil // it was compared when the plan was read
	}
	if file, ok := a.Stdin.(*os.File); !ok || !term.IsTerminal(int(file.Fd())) {
		return usagef(fault.FlagMissing, "which plan have you read? Write --digest with its digest")
	}
	fmt.Fprint(a.Stderr, "To approve this plan, type its digest, or the first 12 characters of it: ")
	line, err := bufio.NewReader(a.Stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return checkTyped(strings.TrimSpace(line), plan)
}

// minTypedDigest is how many characters of a digest have to be typed. The digest is that of the plan that is shown.
const minTypedDigest = 12

func checkTyped(typed string, plan planfile.File) error {
	if len(typed) < minTypedDigest || !strings.HasPrefix(string(plan.Digest), typed) {
		return refusal.Newf(fault.NotExpected, nil,
			"that is not the digest of this plan, so it was not approved")
	}
	return nil
}
