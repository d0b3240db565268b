package config

import (
	"slices"
	"strings"

	"lockstep/internal/fault"
)

// Workflows are the pipelines in GitHub Actions or GitLab CI, which the command workflows writes. They have the same
// jobs as those of CodePipeline.
type Workflows struct {
	// Service runs the pipelines: github or gitlab.
	Service string `json:"service" schema:"workflowService"`
	// Host is the host of the service; github.com or gitlab.com by default.
	Host string `json:"host,omitempty" schema:"domain"`
	// Repository is the repository's path: OWNER/NAME on GitHub, GROUP/NAME with any number of groups on GitLab.
	Repository string `json:"repository" schema:"repository"`
	// Branch is the branch whose pushes are promoted up to the first approval; main by default.
	Branch string `json:"branch,omitempty" schema:"branch" jsonschema:"default=main"`
	// Tags is the pattern of the git tags that release to the environments with an approval; v* by default.
	Tags string `json:"tags,omitempty" schema:"tagPattern" jsonschema:"default=v*"`
	// Runner is what runs the steps: dagger, or host for processes on the job's machine.
	Runner string `json:"runner,omitempty" schema:"workflowRunner" jsonschema:"default=dagger"`
	// Module is the Dagger module that jobs call; that of this repository by default.
	Module string `json:"module,omitempty" schema:"daggerModule"`
	// Program is the released program that jobs with the runner host download. Without it they run this repository's own.
	Program *Program `json:"program,omitempty"`
	// Image is the image that jobs run in, by digest. Without it, jobs on GitHub run on the machine itself; GitLab needs
	// one.
	Image string `json:"image,omitempty" schema:"pinnedImage"`
	// IdentityProvider is the ARN of the identity provider of the service in the tooling account, of which an account has
	// one at most. Without it, the stack tooling/workflows makes one.
	IdentityProvider string `json:"identityProvider,omitempty" schema:"identityProviderARN"`
	// Machine is the label of GitHub's machine, or the tag of GitLab's runner.
	Machine string `json:"machine,omitempty" schema:"machineLabel"`
}

// The values of Workflows.Service.
const (
	GitHub = "github"
	GitLab = "gitlab"
)

// The values of Workflows.Runner.
const (
	DaggerRunner = "dagger"
	HostRunner   = "host"
)

// A Program is a released program of this project for Linux.
type Program struct {
	// URL is the address of the archive, a .tar.gz with the program lockstep.
	URL string `json:"url" schema:"archiveURL"`
	// SHA256 is the SHA-256 of the archive, in hexadecimal.
	SHA256 string `json:"sha256" schema:"sha256"`
}

// ServiceHost returns the host of the service.
func (w Workflows) ServiceHost() string {
	switch {
	case w.Host != "":
		return w.Host
	case w.Service == GitLab:
		return "gitlab.com"
	}
	return "github.com"
}

// API returns the address of the service's API. The configuration names the host, so that no variable of a job leads
// elsewhere.
func (w Workflows) API() string {
	switch host := w.ServiceHost(); {
	case w.Service == GitLab:
		return "https://" + host + "/api/v4"
	case host == "github.com":
		return "https://api.github.com"
	default:
		return "https://" + host + "/api/v3"
	}
}

// checkWorkflows requires what the service and the runner need, and nothing that they do not use.
func checkWorkflows(l *loader) {
	d, w := l.documents[pipelineFile], l.pipeline.Workflows
	if d == nil || w == nil || !d.isIntact("workflows") {
		return
	}
	problem := func(key, message, hint string) {
		l.addCodedProblem(fault.ConfigConflict, d, []string{"workflows", key}, message, hint)
	}
	if w.Runner == HostRunner && w.Module != "" {
		problem("module", "the runner host calls no Dagger module", "remove module, or let runner be dagger")
	}
	if w.Runner == DaggerRunner && w.Program != nil {
		problem("program", "the runner dagger takes the program from the module", "remove program, or let runner be host")
	}
	if l.pipeline.Source != nil {
		problem("service", "there are pipelines in CodePipeline too, which would deploy the same commits",
			"remove source, or workflows")
	}
	if region := l.pipeline.Tooling.Region; partition(region) != "" {
		problem("service", "the roles of such jobs are known in the commercial partition of AWS only, and the tooling "+
			"account is in "+region, "remove workflows, and use source")
	}
	if w.Service == GitLab {
		checkGitLab(l, *w, problem)
	} else if strings.Count(w.Repository, "/") > 1 {
		problem("repository", w.Repository+" is no repository of GitHub, which has no groups", "write OWNER/NAME")
	}
}

// checkGitLab requires what GitLab needs, and refuses an approval for which its records do not suffice.
func checkGitLab(l *loader, w Workflows, problem func(key, message, hint string)) {
	if w.Image == "" {
		problem("service", "jobs of GitLab need an image", "add image, with the tools that docs/workflows.md lists")
	}
	l.forEachEnvironment(func(env Environment, _ *document) {
		if env.Approval == OtherApproval {
			problem("service", env.Name+" wants the approval of somebody else than the author, and GitLab's record of a "+
				"job has no e-mail address to compare", "let the approval be true, or use github")
		}
	})
}

// checkPipelineNames requires names of environments that no other job, stage or environment of a service has. The plan
// of an environment, and the look for drift, have environments of their own, whose rules are not those of a deployment.
func checkPipelineNames(l *loader) {
	w := l.pipeline.Workflows
	l.forEachEnvironment(func(env Environment, _ *document) {
		file := environmentFile(env.Name)
		for _, prefix := range []string{"plan-", "look-"} {
			other, found := strings.CutPrefix(env.Name, prefix)
			if _, isEnvironment := l.environments[other]; found && isEnvironment {
				l.addFileProblem(file, "has the name that jobs of "+other+" have in a pipeline", "choose another name")
			}
		}
		if w != nil && w.Service == GitLab && slices.Contains(gitLabKeywords, env.Name) {
			l.addFileProblem(file, env.Name+" is a keyword of GitLab CI, and no job can have that name", "choose another name")
		}
	})
}

// gitLabKeywords are the words that no job of GitLab can be called, among those that an environment can be. Source:
// GitLab's documentation, CI/CD YAML syntax reference and "Job keywords", unavailable names for jobs.
var gitLabKeywords = []string{
	"cache", "default", "false", "image", "include", "nil", "pages", "services", "spec", "stages", "true", "types",
	"variables", "workflow",
}
