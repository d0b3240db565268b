package cli

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"lockstep/internal/pipeline"
	"lockstep/internal/report"
)

// unknownVersion is the version of a program that was built from a folder and not as a release.
const unknownVersion = "(devel)"

// A programVersion is the result of version.
type programVersion struct {
	report.Envelope
	Version string `json:"version"`
	// Commit and CommitTime are those of the sources; empty if the program was built without them.
	Commit     string `json:"commit,omitempty"`
	CommitTime string `json:"commitTime,omitempty"`
	// Modified is whether the sources had changes that are not in the commit.
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	// Dagger is the version of Dagger that jobs install.
	Dagger string `json:"dagger"`
}

// newProgramVersion returns the version of this program: that of the release, or else what the go command has recorded.
func newProgramVersion(release string, info *debug.BuildInfo) *programVersion {
	v := &programVersion{
		Version: cmp.Or(release, unknownVersion), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Dagger: pipeline.DaggerVersion,
	}
	if info == nil {
		return v
	}
	v.Version = cmp.Or(release, info.Main.Version, unknownVersion)
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			v.Commit = setting.Value
		case "vcs.time":
			v.CommitTime = setting.Value
		case "vcs.modified":
			v.Modified = setting.Value == "true"
		}
	}
	return v
}

func (v *programVersion) WriteText(w io.Writer) error {
	commit := cmp.Or(v.Commit, "unknown")
	if v.CommitTime != "" {
		commit += " of " + v.CommitTime
	}
	if v.Modified {
		commit += ", with changes that are not committed"
	}
	_, err := fmt.Fprintf(w, "lockstep %s\ncommit %s\n%s on %s\nDagger %s\n",
		v.Version, commit, v.Go, v.Platform, v.Dagger)
	return err
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Show the version of this program, and of what it was built from", Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return a.finish(a.programVersion(), nil) },
	}
}

// programVersion returns the version of this program.
func (a *app) programVersion() *programVersion {
	info, _ := debug.ReadBuildInfo()
	return newProgramVersion(a.Version, info)
}

// versionText returns the version of this program as text.
func (a *app) versionText() string {
	var out strings.Builder
	_ = a.programVersion().WriteText(&out) // a strings.Builder returns no error
	return out.String()
}
