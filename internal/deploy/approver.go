package deploy

import (
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"lockstep/internal/deploy/planfile"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
)

// checkApprover refuses the approval of a plan by whoever has made the plan or has written its commit, if the
// environment wants somebody else. One who cannot be distinguished from them is refused too.
func (d *Deployment) checkApprover(approverARN string, f planfile.File) error {
	if !d.RequiresOtherApprover {
		return nil
	}
	approver := parsePrincipal(approverARN)
	advice := "; " + d.target.Environment + " wants the approval of somebody else"
	switch {
	case approver.isSame(parsePrincipal(f.By)):
		return refusal.Newf(fault.OtherApprover, nil,
			"%s has made the plan %.12s, or cannot be distinguished from %s%s",
			approverARN, f.Digest, f.By, advice)
	case f.Author == "":
		return refusal.Newf(fault.OtherApprover, nil,
			"the plan %.12s does not say who has written its commit, so nobody can be distinguished from the "+
				"author%s: plan in a clone of the repository", f.Digest, advice)
	case approver.isCalled(f.Author):
		return refusal.Newf(fault.OtherApprover, nil,
			"%s has written the commit of the plan %.12s, or cannot be distinguished from its author%s",
			approverARN, f.Digest, advice)
	}
	return nil
}

// A principal is who an ARN names.
type principal struct {
	account string
	// kind is user, assumed-role, root or another of IAM's.
	kind string
	// name is the user, or the role; session is the name of the role's session.
	name, session string
}

// ServiceUser returns the name under which a user of GitHub or GitLab stands in records, in the place of an ARN.
func ServiceUser(service, name string) string { return service + ":" + name }

// serviceUserPattern matches such a name.
var serviceUserPattern = regexp.MustCompile(`^(github|gitlab):([A-Za-z0-9._-]+)$`)

func parsePrincipal(text string) principal {
	if found := serviceUserPattern.FindStringSubmatch(text); found != nil {
		return principal{account: found[1], kind: "user", name: found[2]}
	}
	parsed, err := arn.Parse(text)
	if err != nil {
		return principal{}
	}
	kind, rest, _ := strings.Cut(parsed.Resource, "/")
	p := principal{account: parsed.AccountID, kind: kind, name: rest}
	if kind == "assumed-role" {
		p.name, p.session, _ = strings.Cut(rest, "/")
	} else if i := strings.LastIndex(rest, "/"); i >= 0 { // after the path
		p.name = rest[i+1:]
	}
	return p
}

// isServiceUser reports whether the principal is a user of GitHub or GitLab.
func (p principal) isServiceUser() bool { return p.account == "github" || p.account == "gitlab" }

// hasVerifiedSession reports whether the name of the session is that of a person. IAM Identity Center sets it. Whoever
// assumes any other role chooses it.
func (p principal) hasVerifiedSession() bool {
	return p.kind == "assumed-role" && strings.HasPrefix(p.name, "AWSReservedSSO_")
}

// isSame reports whether two principals are the same person, or cannot be distinguished.
func (p principal) isSame(other principal) bool {
	if p.account == "" || other.account == "" {
		return true
	}
	if p.hasVerifiedSession() && other.hasVerifiedSession() {
		return strings.EqualFold(p.session, other.session)
	}
	return p.account == other.account && p.kind == other.kind && p.name == other.name
}

// isCalled reports whether the principal may be the author with a name: an e-mail address, or that of a user of GitHub.
// A principal whose name says nothing of a person may be anybody. So may a user of GitHub if the author has only an
// e-mail address: whoever writes a commit chooses that, and GitHub names no user for one that it does not know.
func (p principal) isCalled(author string) bool {
	name := p.name
	switch {
	case p.isServiceUser() && strings.Contains(author, "@"):
		return true
	case p.hasVerifiedSession():
		name = p.session
	case p.kind != "user":
		return true
	}
	local, _, _ := strings.Cut(author, "@")
	own, _, _ := strings.Cut(name, "@")
	return strings.EqualFold(own, local)
}
