package cli

import (
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVersion_ReleaseBeforeWhatGoRecorded(t *testing.T) {
	built := func(version string, settings ...debug.BuildSetting) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Version: version}, Settings: settings}
	}
	commit := []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123abc"},
		{Key: "vcs.time", Value: "2026-11-29T10:00:00Z"},
		{Key: "vcs.modified", Value: "true"},
	}
	for name, test := range map[string]struct {
		release string
		info    *debug.BuildInfo
		want    string
	}{
		"a release":                 {"1.2.0", built("v1.1.1-0.2026"), "lockstep 1.2.0\ncommit unknown\n"},
		"installed by go install":   {"", built("v1.2.0"), "lockstep v1.2.0\ncommit unknown\n"},
		"built from a folder":       {"", built(""), "lockstep (devel)\ncommit unknown\n"},
		"built without information": {"", nil, "lockstep (devel)\ncommit unknown\n"},
		"changed after the commit": {
			"", built("", commit...),
			"lockstep (devel)\ncommit 0123abc of 2026-11-29T10:00:00Z, with changes that are not committed\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			require.NoError(t, newProgramVersion(test.release, test.info).WriteText(&out))
			assert.True(t, strings.HasPrefix(out.String(), test.want), out.String())
		})
	}
}
