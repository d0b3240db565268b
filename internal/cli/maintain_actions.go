package cli

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"lockstep/internal/fault"
	"lockstep/internal/process"
	"lockstep/internal/text"
	"lockstep/internal/workflows"
	"lockstep/tools"
)

// actions returns a line for each action of GitHub that workflows use and that has a newer version, or whose version
// is another commit now. Without workflows of GitHub there is nothing to look at.
func (m maintenance) actions(ctx context.Context) ([]string, error) {
	if w := m.project.config.Pipeline.Workflows; w == nil || w.Service != workflows.GitHub {
		return nil, nil
	}
	git, err := tools.FindProgram(m.app.Environ, "git")
	if err != nil {
		return nil, err
	}
	var found []string
	var unknown []error
	for _, action := range workflows.Actions() {
		tags, err := m.listTags(ctx, git, action.Repository())
		if err != nil {
			unknown = append(unknown, err)
			continue
		}
		found = append(found, actionLines(action, tags)...)
	}
	return found, joinLines(unknown)
}

// listTags returns the commits of a repository's tags, by name. A tag with a message is an object of its own, of which
// git lists the commit as TAG^{}.
func (m maintenance) listTags(ctx context.Context, git, repository string) (map[string]string, error) {
	cmd := process.Command(ctx, git, "ls-remote", "--tags", "--", "https://github.com/"+repository)
	cmd.Env = append(slices.Clone(m.app.Environ), "GIT_TERMINAL_PROMPT=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fault.Errorf(fault.MaintenanceNotRun, "the tags of %s cannot be listed: %w: %s",
			repository, err, text.OneLine(stderr.String()))
	}
	tags := map[string]string{}
	for line := range strings.Lines(string(out)) {
		commit, name, ok := strings.Cut(strings.TrimSpace(line), "\trefs/tags/")
		if !ok {
			continue
		}
		if peeled, isPeeled := strings.CutSuffix(name, "^{}"); isPeeled || tags[name] == "" {
			tags[peeled] = commit
		}
	}
	return tags, nil
}

// actionLines returns what is to do of an action whose repository has these tags.
func actionLines(action workflows.Action, tags map[string]string) []string {
	var found []string
	if commit := tags[action.Version]; commit != action.Commit {
		found = append(found, fmt.Sprintf("%s: the tag %s is %s now, and pinned is %s: find out why it was moved",
			action.Name, action.Version, orNothing(commit), action.Commit))
	}
	latest := action.Version
	for tag := range tags {
		isRelease := strings.Count(tag, ".") == 2 && semver.Prerelease(tag) == "" // not v4, which moves
		if isRelease && semver.Compare(tag, latest) > 0 {
			latest = tag
		}
	}
	if latest != action.Version {
		found = append(found, fmt.Sprintf("%s %s: the latest is %s, which is the commit %s",
			action.Name, action.Version, latest, tags[latest]))
	}
	return found
}

// orNothing returns a text, or words for none.
func orNothing(text string) string {
	if text == "" {
		return "no commit"
	}
	return text
}
