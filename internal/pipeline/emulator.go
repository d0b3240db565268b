package pipeline

import (
	"fmt"
	"maps"
	"time"
)

// The network and the files of the emulated accounts, when a rehearsal runs in containers.
const (
	// EmulatorHost is the name by which other containers reach them, on the port EmulatorPort.
	EmulatorHost = "emulator"
	EmulatorPort = 4566
	// CertificatesFolder holds their certificate and the authority that signed it.
	CertificatesFolder = "/certificates"
	emulatorCAFile     = CertificatesFolder + "/ca.pem"
	// EmulatorSecretFile is mounted into their container and those of their clients: calls are signed with that secret.
	EmulatorSecretFile = "/run/secrets/lockstep-rehearsal"
	// EmulatorStateFolder holds their state, which is kept from one call to the next.
	EmulatorStateFolder = StateDir + "/rehearsal"
)

// CertificateStep creates the certificate of the emulated accounts, in a layer that their container and its clients
// share.
var CertificateStep = Step{
	Name: "certificate", Stage: Source, Summary: "make the emulated accounts' certificate", Image: ImageGo,
	Effect:   Compute,
	Command:  []string{Self, "rehearsal", "certificate", "--host", EmulatorHost, "--into", CertificatesFolder},
	CacheTTL: 30 * 24 * time.Hour, // it is good for a year
}

// EmulatorStep runs all configured accounts. They are bootstrapped before the port is open.
var EmulatorStep = Step{
	Name: "accounts", Stage: Source, Summary: "run the emulated accounts", Image: ImageGo, Effect: AWS,
	Command: []string{
		Self, "rehearsal", "serve", "--listen", fmt.Sprintf("0.0.0.0:%d",
			EmulatorPort), "--host", EmulatorHost, "--certificates", CertificatesFolder,
		"--secret", EmulatorSecretFile,
	},
	Tools: []string{ToolPython, ToolNode, ToolNpm, ToolMinistack, ToolCDK}, Inputs: []string{"config/**/*.yaml"},
	Env: map[string]string{toolsFolderVariable: ToolsFolder},
}

// signingKeyVariable names the file with the secret of emulated accounts in another container.
const signingKeyVariable = "LOCKSTEP_REHEARSAL_SECRET"

// toolsFolderVariable names a folder of installed tools, which are used as they are.
const toolsFolderVariable = "LOCKSTEP_TOOLS"

// WithRehearsalEnv returns the step with the variables that make it rehearse on emulated accounts in another
// container. It needs the emulator's files to know which resource types there are, but not to run it.
func (s Step) WithRehearsalEnv() Step {
	env := maps.Clone(s.Env)
	if env == nil {
		env = map[string]string{}
	}
	env["LOCKSTEP_REHEARSAL_ENDPOINT"] = fmt.Sprintf("https://%s:%d", EmulatorHost, EmulatorPort)
	env["LOCKSTEP_REHEARSAL_CA"] = emulatorCAFile
	env[signingKeyVariable] = EmulatorSecretFile
	env[toolsFolderVariable] = ToolsFolder
	s.Env = env
	return s
}
