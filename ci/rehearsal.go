package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"

	"lockstep/ci/internal/dagger"
	"lockstep/config"
	"lockstep/internal/fault"
	"lockstep/internal/pipeline"
)

// emulator is the service that emulates the accounts.
type emulator struct {
	service      *dagger.Service
	certificates *dagger.Directory
	// secret is what every call to the accounts is signed with. It is another one for each call of the module.
	secret *dagger.Secret
	// files are the emulator's own files. From them a deployment learns which resource types it supports.
	files *dagger.Directory
}

// Rehearsal runs the emulated accounts of the configuration, bootstrapped, as a service for other modules and tests.
//
// Bind it as the host emulator. It serves HTTPS on port 4566; rehearsal-authority returns the authority of its
// certificate. The id of an account is the access key of its root. Its state begins empty and ends with it.
//
// +up
// +cache="never"
func (m *Lockstep) Rehearsal(
	ctx context.Context,
	// The secret access key of every account. Without it nobody can sign a call, as is right for one that only looks
	// +optional
	secretKey *dagger.Secret,
) (*dagger.Service, error) {
	p, err := m.open(ctx)
	if err != nil {
		return nil, err
	}
	if secretKey == nil {
		secretKey = dag.SetSecret("lockstep-rehearsal", rand.Text())
	}
	ctr := p.emulatorContainer(p.certificates(), secretKey)
	return ctr.AsService(dagger.ContainerAsServiceOpts{Args: pipeline.EmulatorStep.Argv(false)}), nil
}

// RehearsalAuthority returns the certificate of the authority that has signed the certificate of the emulated accounts.
//
// +cache="session"
func (m *Lockstep) RehearsalAuthority(ctx context.Context) (*dagger.File, error) {
	p, err := m.open(ctx)
	if err != nil {
		return nil, err
	}
	return p.certificates().File("ca.pem"), nil
}

// certificates returns the folder with the certificate of the emulated accounts and the authority that signed it.
func (p *project) certificates() *dagger.Directory {
	s := pipeline.CertificateStep
	return p.container(s).WithExec(s.Argv(false)).Directory(pipeline.CertificatesFolder)
}

// emulatorContainer returns the container of the emulated accounts.
func (p *project) emulatorContainer(certificates *dagger.Directory, secret *dagger.Secret) *dagger.Container {
	s := pipeline.EmulatorStep
	return p.toolContainer(s).
		WithMountedFile(pipeline.SelfFile, p.binary()).
		WithMountedDirectory(pipeline.WorkFolder, p.inputs(s)).WithWorkdir(pipeline.WorkFolder).
		WithMountedDirectory(pipeline.CertificatesFolder, certificates).
		WithMountedSecret(pipeline.EmulatorSecretFile, secret).
		WithExposedPort(pipeline.EmulatorPort)
}

// startEmulator starts the emulated accounts, which the call has looked at before. Their state is kept from one call to
// the next. The caller must call stop, which lets them write it.
func (p *project) startEmulator(ctx context.Context) (stop func() error, err error) {
	certificates := p.certificates()
	secret := dag.SetSecret("lockstep-rehearsal", rand.Text())
	// The cache volume is locked, because two calls at once would write the same state.
	stateDir := path.Join(pipeline.WorkFolder, pipeline.EmulatorStateFolder)
	service := p.emulatorContainer(certificates, secret).
		WithMountedCache(stateDir, p.accounts.state, lockedCache).
		AsService(dagger.ContainerAsServiceOpts{Args: pipeline.EmulatorStep.Argv(false)})
	if service, err = service.Start(ctx); err != nil {
		text := "the emulated accounts cannot be started: " + p.messageWithImageHint(err)
		if output := execOutput(err); output != "" {
			text += "\n" + tail(output)
		}
		return nil, errors.New(text)
	}
	p.emulator = &emulator{
		service: service, certificates: certificates, secret: secret, files: p.tool(pipeline.ToolMinistack),
	}
	return func() error {
		if _, err := service.Stop(context.WithoutCancel(ctx)); err != nil {
			return messageError("the emulated accounts cannot be stopped", err)
		}
		return nil
	}, nil
}

// noteNewAccounts adds a note to a rehearsal whose emulated accounts were new, or gone: an engine that needs room
// removes their state from its cache, and says so to nobody.
func (p *project) noteNewAccounts(ctx context.Context, r *graphRun) {
	if p.live != nil || r == nil || p.accounts == nil || p.accounts.age == accountsKept {
		return
	}
	for _, o := range r.outcomes {
		switch {
		case o.Status == pipeline.Failed && slices.Contains(goneCodes, o.Code):
			r.notes = append(r.notes, o.Step+": "+p.accounts.age.lackNote())
		case o.Stage == pipeline.Deploy && o.Status == pipeline.Ran && o.releaseNumber(ctx) == 1:
			r.notes = append(r.notes, o.Step+": "+p.accounts.age.firstReleaseNote())
		}
	}
}

// lackNote says why the accounts lack what was asked for.
func (a accountsAge) lackNote() string {
	if a == accountsNew {
		return "the emulated accounts are new, so they have no releases and plans yet: deploy or plan first"
	}
	return "the emulated accounts of earlier calls are gone from the engine's cache, with their releases and plans: " +
		"deploy or plan again"
}

// firstReleaseNote says why the release is the first one.
func (a accountsAge) firstReleaseNote() string {
	if a == accountsNew {
		return "the emulated accounts are new, so this is release 1"
	}
	return "starts again with release 1: the emulated accounts of earlier calls are gone from the engine's cache"
}

// goneCodes are the codes of what a rehearsal lacks when its accounts are new: a release to go back to or to verify,
// and a plan that was kept.
var goneCodes = []fault.Code{fault.NoRelease, fault.PlanUnknown}

// releaseNumber returns the number of the release that the step has recorded; 0 if it has recorded none.
func (o *outcome) releaseNumber(ctx context.Context) int {
	var record accountRecord
	if json.Unmarshal([]byte(o.record(ctx)), &record) != nil {
		return 0
	}
	return record.Release
}

// bind returns the container with access to the emulated accounts.
func (e *emulator) bind(ctr *dagger.Container) *dagger.Container {
	return ctr.
		WithServiceBinding(pipeline.EmulatorHost, e.service).
		WithMountedSecret(pipeline.EmulatorSecretFile, e.secret).
		WithMountedDirectory(pipeline.CertificatesFolder, dag.Directory().WithFile("ca.pem", e.certificates.File("ca.pem"))).
		WithMountedDirectory(path.Join(pipeline.ToolsFolder, pipeline.ToolMinistack), e.files)
}

// useAssembly makes assemblies that were synthesised earlier the output of the step synth, which then does not run. The
// folder holds one folder for each environment, or the assembly of the only environment.
func (p *project) useAssembly(
	ctx context.Context, assembly *dagger.Directory, environments []config.Environment,
) error {
	const manifest = "manifest.json"
	found, err := assembly.Glob(ctx, "**/"+manifest)
	if err != nil {
		return messageError("--assembly cannot be read", err)
	}
	assemblies := dag.Directory().WithDirectory(pipeline.AssembliesDir, assembly)
	for _, env := range environments {
		switch {
		case slices.Contains(found, path.Join(env.Name, manifest)):
		case slices.Contains(found, manifest) && len(environments) == 1:
			assemblies = dag.Directory().WithDirectory(pipeline.AssemblyDir(env.Name), assembly)
		default:
			return fmt.Errorf("--assembly holds no cloud assembly of %s: pass the folder that synth returned", env.Name)
		}
	}
	p.outputDirs[string(pipeline.Synth)] = assemblies
	return nil
}

// pendingGraph returns the graph without the steps whose outputs exist already, and without those that only such steps
// need.
func (p *project) pendingGraph(g *pipeline.Graph) *pipeline.Graph {
	return g.Without(func(s pipeline.Step) bool { return p.outputDirs[s.Name] != nil })
}
