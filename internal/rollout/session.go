// Package rollout decides what happens in which account of which environment: in which order, with which cloud
// assembly, whether that assembly may be promoted, with whose credentials, and what is recorded. It knows no flags and
// no terminal.
package rollout

import (
	"context"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"lockstep/internal/awsclient"

	"lockstep/config"
	"lockstep/internal/builder"
	"lockstep/internal/deploy"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/pipeline"
	"lockstep/internal/report"
	"lockstep/internal/roles"
)

// A Session is one start of the program that works on the accounts of a project.
type Session struct {
	// Root is the folder of the project.
	Root   string
	Config *config.Config
	// Environ is the environment, in the form of os.Environ.
	Environ []string
	// RunID identifies this start of the program in locks, journals and records.
	RunID string
	// Live selects AWS and the caller's credentials, instead of emulated accounts.
	Live bool
	// Endpoint is the endpoint that takes the place of AWS in a live session, such as that of an emulator; empty for AWS.
	Endpoint string
	// ServiceTransport sends requests to the service that the pipelines run in; that of net/http by default.
	ServiceTransport http.RoundTripper
	// Progress is called with each line of progress.
	Progress func(line string)
	// Interrupted reports whether the user has asked the program to stop.
	Interrupted func() bool
	// Now returns the current time.
	Now func() time.Time

	// unselected are the stacks that no environment takes and that were named.
	unselected sync.Map

	// images makes the container images of assemblies; nil until it is needed.
	imagesOnce sync.Once
	images     *builder.Builder

	// planMu keeps the lines of a plan together.
	planMu sync.Mutex
}

// Mode returns what the session works on.
func (s *Session) Mode() report.Mode {
	if s.Live {
		return report.Live
	}
	return report.Rehearsal
}

// statePath returns a path below the project's state folder.
func (s *Session) statePath(elem ...string) string {
	return filepath.Join(append([]string{s.Root, pipeline.StateDir}, elem...)...)
}

// target returns the target of a deployment to an environment in one account.
func (s *Session) target(env config.Environment) awsclient.Target {
	p := s.Config.Pipeline
	return awsclient.Target{
		Project: p.Project, Environment: env.Name, Account: env.ID, Region: env.Region,
		ToolingAccount: p.Tooling.ID, Qualifier: p.QualifierOf(env), Names: roles.Names(p.BootstrapNamesOf(env)),
	}
}

// options returns the options that every deployment to an account has.
func (o *accountOpener) options(ctx context.Context, account config.EnvironmentAccount) (deploy.Options, error) {
	options, err := o.session.deployOptions(ctx, account, o.command)
	if err != nil {
		return options, err
	}
	options.Limiter = o.limiter
	options.Signing, err = o.signing(ctx, account)
	return options, err
}

// deployOptions returns the options that do not depend on how the accounts are reached.
func (s *Session) deployOptions(
	ctx context.Context, account config.EnvironmentAccount, command string,
) (deploy.Options, error) {
	// Each account of an environment is recorded with the configuration of the whole environment.
	environments, err := s.Config.Select(account.Name)
	if err != nil {
		return deploy.Options{}, err
	}
	configuration, err := configurationDigest(s.Config.Pipeline, environments[0])
	if err != nil {
		return deploy.Options{}, err
	}
	sbom, err := toolSBOM()
	commit, author := s.currentCommit(ctx), ""
	if account.Approval == config.OtherApproval {
		author = s.authorOf(ctx, commit)
	}
	progress := s.progressFor(account)
	return deploy.Options{
		Run: deploy.RunInfo{
			ID: s.RunID, Command: "lockstep " + command, Mode: string(s.Mode()), Commit: commit, Author: author,
			Committed: s.CommitTime(ctx, commit), Endpoint: s.Endpoint,
		},
		Artifacts:             deploy.Artifacts{ToolSBOM: sbom},
		Images:                s.imageBuilder(),
		Progress:              progress,
		ShowPlan:              func(r deploy.Record) { s.showPlan(r, progress) },
		ConfigurationDigest:   configuration,
		ProjectAccounts:       projectAccounts(s.Config),
		RequiresApproval:      account.Approval.IsRequired(),
		RequiresCompletePlan:  account.CompletePlans,
		RequiresOtherApprover: account.Approval == config.OtherApproval,
		AllowsPlaceholders:    !s.Live,
		LivenessDir:           s.statePath("alive"),
		Places:                placesOf(account.AdditionalPlaces),
		Selection:             selectionOf(account.Environment),
		SharesAccount:         sharesAccount(s.Config, account.Environment),
	}, err
}

// imageBuilder returns what makes the container images of assemblies, for all accounts of the session.
func (s *Session) imageBuilder() *builder.Builder {
	s.imagesOnce.Do(func() {
		s.images = &builder.Builder{Environ: s.Environ, Root: s.Root, Progress: s.Progress}
	})
	return s.images
}

// sharesAccount reports whether another environment is in the environment's account.
func sharesAccount(c *config.Config, env config.Environment) bool {
	return slices.ContainsFunc(c.Environments, func(other config.Environment) bool {
		return other.Name != env.Name && other.ID == env.ID
	})
}

func placesOf(accounts []config.Account) []assembly.Place {
	var places []assembly.Place
	for _, a := range accounts {
		places = append(places, assembly.Place{Account: a.ID, Region: a.Region})
	}
	return places
}

// selectionOf returns which stacks go to an environment.
func selectionOf(env config.Environment) assembly.Selection {
	return assembly.Selection{
		Places: placesOf(env.Places()), Parameters: env.Stacks.Parameters,
		Selectors: selectorsOf(env.Stacks.Include), Excluded: selectorsOf(env.Stacks.Exclude),
	}
}

func selectorsOf(configured []config.StackSelector) []assembly.Selector {
	var selectors []assembly.Selector
	for _, s := range configured {
		selectors = append(selectors, assembly.Selector{Name: s.Name, Stage: s.Stage, Tag: s.Tag})
	}
	return selectors
}

// projectAccounts returns the ids of the tooling account and of every environment's accounts.
func projectAccounts(c *config.Config) []string {
	ids := []string{c.Pipeline.Tooling.ID}
	for _, env := range c.Environments {
		for _, place := range env.AllPlaces() {
			ids = append(ids, place.ID)
		}
	}
	return ids
}

// showPlan reports a plan line by line. The plans of several accounts do not mix.
func (s *Session) showPlan(r deploy.Record, progress func(string)) {
	s.planMu.Lock()
	defer s.planMu.Unlock()
	for line := range strings.SplitSeq(report.PlanText(r), "\n") {
		progress(line)
	}
}

// progressFor returns a function that reports progress in an account. It names the account if the environment has
// several.
func (s *Session) progressFor(account config.EnvironmentAccount) func(string) {
	if account.Folder == "" {
		return s.Progress
	}
	return func(line string) { s.Progress(account.Folder + "  " + line) }
}
