package rollout

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"lockstep/config"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/pipeline"
	"lockstep/internal/repo"
	"lockstep/internal/sbom"
	"lockstep/tools"
)

// toolSBOM returns the bill of materials of this program and the tools that it installs, as CycloneDX JSON.
// It returns nil if this program was built without module information.
func toolSBOM() ([]byte, error) {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return nil, nil
	}
	var pins []sbom.PinnedTool
	for _, name := range tools.InstallableNames() {
		pins = append(pins, sbom.PinnedTool{Name: name, Version: pipeline.Tools[name].Version, Sum: tools.Sum(name)})
	}
	return sbom.CycloneDX(build, pins)
}

// configurationDigest returns the SHA-256, in hexadecimal, of an environment's configuration with its defaults filled
// in.
func configurationDigest(p config.Pipeline, env config.Environment) (digest.Configuration, error) {
	data, err := json.Marshal(config.Config{Pipeline: p, Environments: []config.Environment{env}})
	sum := sha256.Sum256(data)
	return digest.Configuration(hex.EncodeToString(sum[:])), err
}

// authorOf returns the e-mail address of who has written a commit. LOCKSTEP_AUTHOR overrides it. The result is empty if
// the repository does not say.
func (s *Session) authorOf(ctx context.Context, commit string) string {
	if value := tools.Getenv(s.Environ, "LOCKSTEP_AUTHOR"); value != "" {
		return value
	}
	author, err := repo.New(s.Root, s.Environ).Author(ctx, strings.TrimSuffix(commit, "+"))
	if err != nil {
		s.Progress(fmt.Sprintf("who has written the commit is not recorded: %v", err))
		return ""
	}
	return author
}

// currentCommit returns the commit that is checked out, followed by a plus sign if the files are not those of the
// commit. A variable overrides it: LOCKSTEP_COMMIT, or the one that CodeBuild sets. The result is empty if there is no
// commit, or if Git refuses to work here.
func (s *Session) currentCommit(ctx context.Context) string {
	for _, name := range []string{"LOCKSTEP_COMMIT", "CODEBUILD_RESOLVED_SOURCE_VERSION"} {
		if value := tools.Getenv(s.Environ, name); value != "" {
			return value
		}
	}
	// A gate reads files that are in no release, such as all of them when it looks for secrets.
	isInput := func(name string) bool {
		return slices.ContainsFunc(pipeline.Steps(s.Config), func(p pipeline.Step) bool {
			return !p.IsGate() && p.DependsOn(name)
		})
	}
	commit, err := repo.New(s.Root, s.Environ).Commit(ctx, isInput)
	if err != nil && !errors.Is(err, repo.ErrNotRepository) {
		s.Progress(fmt.Sprintf("the commit is not recorded: %v", err))
	}
	return commit
}

// CommitTime returns when a commit was made. It is zero for a commit that is not in the project's repository, and for
// one with a plus sign: the files that were deployed are not those of the commit.
func (s *Session) CommitTime(ctx context.Context, commit string) time.Time {
	at, err := repo.New(s.Root, s.Environ).CommitTime(ctx, commit)
	if err != nil {
		return time.Time{}
	}
	return at
}
