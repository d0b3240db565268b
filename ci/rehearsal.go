package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path"
	"slices"

	"lockstep/ci/internal/dagger"
	"lockstep/config"
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

// startEmulator starts the emulated accounts. Their state is kept from one call to the next. The caller must call stop,
// which lets them write it.
func (p *project) startEmulator(ctx context.Context) (stop func() error, err error) {
	certificate := pipeline.CertificateStep
	certificates := p.container(certificate).WithExec(certificate.Argv(false)).Directory(pipeline.CertificatesFolder)
	accounts := pipeline.EmulatorStep
	secret := dag.SetSecret("lockstep-rehearsal", rand.Text())
	// The cache volume is locked, because two calls at once would write the same state.
	stateDir := path.Join(pipeline.WorkFolder, pipeline.EmulatorStateFolder)
	state := dag.CacheVolume("lockstep-accounts-" + p.config.Pipeline.Project)
	service := p.toolContainer(accounts).
		WithMountedFile(pipeline.SelfFile, p.binary()).
		WithMountedDirectory(pipeline.WorkFolder, p.inputs(accounts)).WithWorkdir(pipeline.WorkFolder).
		WithMountedCache(stateDir, state, dagger.ContainerWithMountedCacheOpts{Sharing: dagger.CacheSharingModeLocked}).
		WithMountedDirectory(pipeline.CertificatesFolder, certificates).
		WithMountedSecret(pipeline.EmulatorSecretFile, secret).
		WithExposedPort(pipeline.EmulatorPort).
		AsService(dagger.ContainerAsServiceOpts{Args: accounts.Argv(false)})
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
