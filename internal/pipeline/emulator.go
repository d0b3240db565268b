package pipeline

import (
	"fmt"
	"maps"
	"time"
)

// The emulated accounts of a rehearsal in containers.
const (
	// EmulatorHost is the name by which other containers reach them, and EmulatorPort where.
	EmulatorHost = "emulator"
	EmulatorPort = 4566
	// CertificatesFolder holds the certificate that they answer with, and the authority that vouches for it.
	CertificatesFolder = "/certificates"
	emulatorCAFile     = CertificatesFolder + "/ca.pem"
	// EmulatorStateFolder is where they keep their state, which lives from one call to the next.
	EmulatorStateFolder = StateDir + "/rehearsal"
)

// CertificateStep makes the certificate of the emulated accounts, in a layer that their container and its callers share.
var CertificateStep = Step{
	Name: "certificate", Stage: Source, Summary: "make the emulated accounts' certificate", Image: ImageGo, Effect: Compute,
	Command:  []string{Self, "rehearsal", "certificate", "--host", EmulatorHost, "--into", CertificatesFolder},
	CacheTTL: 30 * 24 * time.Hour, // it is good for a year
}

// EmulatorStep runs the emulated accounts, all that are configured, bootstrapped before anybody can reach them.
var EmulatorStep = Step{
	Name: "accounts", Stage: Source, Summary: "run the emulated accounts", Image: ImageGo, Effect: AWS,
	Command: []string{
		Self, "rehearsal", "serve", "--listen", fmt.Sprintf("0.0.0.0:%d", EmulatorPort), "--host", EmulatorHost, "--certificates", CertificatesFolder,
	},
	Tools: []string{ToolPython, ToolNode, ToolNpm, ToolMinistack, ToolCDK}, Inputs: []string{"config/**/*.yaml"},
	Env: map[string]string{toolsFolderVariable: ToolsFolder},
}

// toolsFolderVariable names the folder whose tools are used as they are.
const toolsFolderVariable = "LOCKSTEP_TOOLS"

// WithRehearsalEnv is the step as it rehearses in a container: with the emulated accounts that run in another one. It needs the emulator's own files to know
// what it can make, and nothing to run them with.
func (s Step) WithRehearsalEnv() Step {
	env := maps.Clone(s.Env)
	if env == nil {
		env = map[string]string{}
	}
	env["LOCKSTEP_REHEARSAL_ENDPOINT"] = fmt.Sprintf("https://%s:%d", EmulatorHost, EmulatorPort)
	env["LOCKSTEP_REHEARSAL_CA"] = emulatorCAFile
	env[toolsFolderVariable] = ToolsFolder
	s.Env = env
	return s
}
