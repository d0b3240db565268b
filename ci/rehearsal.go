package main

import (
	"context"
	"errors"
	"fmt"
	"path"

	"lockstep/ci/internal/dagger"
	"lockstep/config"
	"lockstep/internal/pipeline"
)

// emulator is the emulated accounts, in a container of their own.
type emulator struct {
	service      *dagger.Service
	certificates *dagger.Directory
	// files are the emulator's own, which say what it can make.
	files *dagger.Directory
}

// startEmulator starts the emulated accounts, whose state lives from one call to the next. The caller stops them in good order when done.
func (p *project) startEmulator(ctx context.Context) (stop func() error, err error) {
	certificate := pipeline.CertificateStep
	made := p.container(certificate).WithExec(certificate.Argv(false)).Directory(pipeline.CertificatesFolder)
	accounts := pipeline.EmulatorStep
	// Two calls at once take turns: both would write the same state.
	state := dag.CacheVolume("lockstep-accounts-" + p.config.Pipeline.Project)
	service := p.toolContainer(accounts).
		WithMountedFile(pipeline.SelfFile, p.binary()).
		WithMountedDirectory(pipeline.WorkFolder, p.inputs(accounts)).WithWorkdir(pipeline.WorkFolder).
		WithMountedCache(path.Join(pipeline.WorkFolder, pipeline.EmulatorStateFolder), state, dagger.ContainerWithMountedCacheOpts{Sharing: dagger.CacheSharingModeLocked}).
		WithMountedDirectory(pipeline.CertificatesFolder, made).
		WithExposedPort(pipeline.EmulatorPort).
		AsService(dagger.ContainerAsServiceOpts{Args: accounts.Argv(false)})
	if service, err = service.Start(ctx); err != nil {
		text := "the emulated accounts cannot be started: " + p.messageWithImageHint(err)
		if output := execOutput(err); output != "" {
			text += "\n" + tail(output)
		}
		return nil, errors.New(text)
	}
	p.emulator = &emulator{service: service, certificates: made, files: p.tool(pipeline.ToolMinistack)}
	return func() error {
		if _, err := service.Stop(context.WithoutCancel(ctx)); err != nil {
			return messageError("the emulated accounts cannot be stopped", err)
		}
		return nil
	}, nil
}

// bind is a container that finds the emulated accounts.
func (e *emulator) bind(ctr *dagger.Container) *dagger.Container {
	return ctr.
		WithServiceBinding(pipeline.EmulatorHost, e.service).
		WithMountedDirectory(pipeline.CertificatesFolder, dag.Directory().WithFile("ca.pem", e.certificates.File("ca.pem"))).
		WithMountedDirectory(path.Join(pipeline.ToolsFolder, pipeline.ToolMinistack), e.files)
}

// useAssembly takes the place of the synthesis: assemblies that were made earlier, one in the folder itself or each in a folder of its environment's name.
func (p *project) useAssembly(ctx context.Context, assembly *dagger.Directory, environments []config.Environment) error {
	const manifest = "manifest.json"
	found, err := assembly.Glob(ctx, "**/"+manifest)
	if err != nil {
		return messageError("--assembly cannot be read", err)
	}
	have := map[string]bool{}
	for _, name := range found {
		have[name] = true
	}
	made := dag.Directory().WithDirectory(pipeline.AssembliesDir, assembly)
	for _, env := range environments {
		switch {
		case have[path.Join(env.Name, manifest)]:
		case have[manifest] && len(environments) == 1:
			made = dag.Directory().WithDirectory(pipeline.AssemblyDir(env.Name), assembly)
		default:
			return fmt.Errorf("--assembly holds no cloud assembly of %s: hand over the folder that synth returned", env.Name)
		}
	}
	p.outputDirs[string(pipeline.Synth)] = made
	return nil
}

// pendingGraph is the graph with no step whose result is there already, nor any that only such steps need.
func (p *project) pendingGraph(g *pipeline.Graph) *pipeline.Graph {
	return g.Without(func(s pipeline.Step) bool { return p.outputDirs[s.Name] != nil })
}
