package rollout

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"

	"lockstep/config"
	"lockstep/internal/bill"
	"lockstep/internal/pipeline"
	"lockstep/tools"
)

// toolSBOM returns the bill of materials of this program and the tools that it installs, as CycloneDX JSON.
// It returns nil if this program was built without module information.
func toolSBOM() ([]byte, error) {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return nil, nil
	}
	var pins []bill.PinnedTool
	for _, name := range tools.InstallableNames() {
		pins = append(pins, bill.PinnedTool{Name: name, Version: pipeline.Tools[name].Version, Sum: tools.Sum(name)})
	}
	return bill.CycloneDX(build, pins)
}

// configurationDigest returns the SHA-256, in hexadecimal, of an environment's configuration with its defaults filled
// in.
func configurationDigest(p config.Pipeline, env config.Environment) (string, error) {
	data, err := json.Marshal(config.Config{Pipeline: p, Environments: []config.Environment{env}})
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), err
}

// currentCommit returns the commit that is checked out, followed by a plus sign if files differ from it. A variable
// overrides it: LOCKSTEP_COMMIT, or the one that CodeBuild sets. The result is empty if the commit is unknown.
func (s *Session) currentCommit(ctx context.Context) string {
	for _, name := range []string{"LOCKSTEP_COMMIT", "CODEBUILD_RESOLVED_SOURCE_VERSION"} {
		if value := tools.Getenv(s.Environ, name); value != "" {
			return value
		}
	}
	if _, err := os.Stat(filepath.Join(s.Root, ".git")); err != nil {
		return ""
	}
	head, err := s.git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return ""
	}
	if changed, err := s.git(ctx, "status", "--porcelain", "--untracked-files=no"); err != nil || changed != "" {
		head += "+"
	}
	return head
}

// git runs git in the project and returns what it prints, without space around it.
func (s *Session) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", s.Root, "-c", "core.fsmonitor=false"}, args...)...)
	cmd.Env = s.Environ
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}
