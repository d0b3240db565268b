package main

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"lockstep/ci/internal/dagger"
	"lockstep/internal/pipeline"
)

// image returns a container of the base image with that key of pipeline.Images.
func (p *project) image(key string) *dagger.Container {
	return dag.Container().From(p.imageReference(key))
}

// imageReference returns the pinned reference of a base image, from the mirror if the caller named one.
func (p *project) imageReference(key string) string {
	if p.prefix == "" {
		return pipeline.Images[key]
	}
	return strings.TrimSuffix(p.prefix, "/") + "/" + pipeline.Images[key]
}

// container returns the container for a step's command: its tools, caches and environment, and only the inputs that it
// declares.
func (p *project) container(s pipeline.Step) *dagger.Container {
	return p.containerWith(s, p.inputs(s))
}

// containerWith returns the container for a step's command with those files as its inputs.
func (p *project) containerWith(s pipeline.Step, inputs *dagger.Directory) *dagger.Container {
	if s.Effect == pipeline.AWS && p.live == nil {
		s = s.WithRehearsalEnv()
	}
	ctr := p.toolContainer(s)
	if s.CallsSelf() {
		ctr = ctr.WithMountedFile(pipeline.SelfFile, p.binary())
	}
	ctr = ctr.WithMountedDirectory(pipeline.WorkFolder, withOutputFolders(inputs, s.Outputs)).
		WithWorkdir(pipeline.WorkFolder)
	if s.Effect == pipeline.AWS {
		ctr = p.withAccountAccess(ctr, s)
	}
	if s.CacheTTL > 0 {
		// The value changes when the result expires, and with it the key under which the engine caches the result.
		ctr = ctr.WithEnvVariable("LOCKSTEP_SINCE", time.Now().Truncate(s.CacheTTL).UTC().Format(time.RFC3339))
	}
	return ctr
}

// toolContainer returns the step's image with its programs, tools, caches and variables. It depends on the tools' lock
// files, and on no file of the repository.
func (p *project) toolContainer(s pipeline.Step) *dagger.Container {
	ctr := p.image(s.Image)
	extra, _ := s.ExtraFiles() // open has checked every step
	for _, from := range extra {
		programs := p.image(from.Image).Directory(from.Folder)
		ctr = ctr.WithDirectory(from.Folder, programs, dagger.ContainerWithDirectoryOpts{Include: from.Patterns})
	}
	for _, name := range s.InstalledTools() {
		ctr = ctr.WithMountedDirectory(path.Join(pipeline.ToolsFolder, name), p.tool(name))
	}
	for _, name := range s.Caches {
		cache := pipeline.Caches[name]
		ctr = ctr.WithMountedCache(cache.Path, dag.CacheVolume("lockstep-"+name)).WithEnvVariable(cache.Env, cache.Value())
	}
	for _, env := range []map[string]string{s.ContainerEnv(), s.Env} {
		for _, name := range slices.Sorted(maps.Keys(env)) {
			ctr = ctr.WithEnvVariable(name, env[name])
		}
	}
	return ctr
}

// tool returns the folder of an installed tool. The engine installs it again only when its lock files or its install
// commands change.
func (p *project) tool(name string) *dagger.Directory {
	return p.buildOnce("tool:"+name, func() *dagger.Directory {
		folder := path.Join(pipeline.ToolsFolder, name)
		s := pipeline.InstallStep(name)
		locks := copySelected(dag.Directory(), p.program, s.SourceFiles()).Directory("tools/" + name)
		ctr := p.toolContainer(s).WithMountedDirectory(folder, locks).WithWorkdir(folder)
		for _, argv := range pipeline.Tools[name].InstallCommands() {
			ctr = ctr.WithExec(argv)
		}
		return ctr.Directory(folder)
	})
}

// binary returns the lockstep binary, built from the module's own sources alone.
func (p *project) binary() *dagger.File {
	s := pipeline.BinaryStep
	built := p.buildOnce(s.Name, func() *dagger.Directory {
		sources := copySelected(dag.Directory(), p.program, s.SourceFiles())
		return p.stepOutputs(p.containerWith(s, sources).WithExec(s.Argv(false)), s)
	})
	return built.File(s.Outputs[0])
}

// buildOnce returns what build returned on the first call with that name.
func (p *project) buildOnce(name string, build func() *dagger.Directory) *dagger.Directory {
	if p.buildResults[name] == nil {
		p.buildResults[name] = build()
	}
	return p.buildResults[name]
}

// inputs returns the files that the step declares: those of the repository, and those that the steps before it made.
func (p *project) inputs(s pipeline.Step) *dagger.Directory {
	dir := copySelected(dag.Directory(), p.source, s.SourceFiles())
	if p.history != p.source && slices.Contains(s.Inputs, pipeline.History) {
		dir = dir.WithDirectory("/", p.history) // that of the repository that the project is a folder of
	}
	if len(s.UpstreamFiles()) == 0 {
		return dir
	}
	for _, need := range append(p.needs(s), s.Name) {
		if outputs := p.outputDirs[need]; outputs != nil {
			dir = copySelected(dir, outputs, s.UpstreamFiles())
		}
	}
	return dir
}

// withOutputFolders adds the parent folders of a step's outputs, as the host runner does.
func withOutputFolders(dir *dagger.Directory, outputs []string) *dagger.Directory {
	for _, output := range outputs {
		if folder := path.Dir(output); folder != "." {
			dir = dir.WithNewDirectory(folder)
		}
	}
	return dir
}

// copySelected adds the selected files of one folder to another. It filters before it copies, because the engine caches
// what depends on a filtered folder by the content of that folder. A copy with patterns would depend on every file of
// the source.
func copySelected(to, from *dagger.Directory, selections pipeline.Selections) *dagger.Directory {
	for _, s := range selections {
		to = to.WithDirectory("/", from.Filter(dagger.DirectoryFilterOpts{Include: s.Include, Exclude: s.Exclude}))
	}
	return to
}

// needs returns the names of all steps that the step needs, directly or not, sorted.
func (p *project) needs(s pipeline.Step) []string {
	var all []string
	complete, _ := p.graph.Step(s.Name) // a graph without steps that have run lacks these needs
	for _, need := range complete.Needs {
		step, _ := p.graph.Step(need)
		all = append(append(all, p.needs(step)...), need)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// stepOutputs returns the step's outputs from its container.
func (p *project) stepOutputs(ctr *dagger.Container, s pipeline.Step) *dagger.Directory {
	if len(s.Outputs)+len(s.Installs) == 0 {
		return dag.Directory()
	}
	return copySelected(dag.Directory(), ctr.Directory(pipeline.WorkFolder), pipeline.Selections{s.OutputFiles()})
}

// messageWithImageHint returns the text of an engine's error on one line, with a hint if it is about an image of the
// mirror.
func (p *project) messageWithImageHint(err error) string {
	text := oneLine(err)
	prefix := strings.TrimSuffix(p.prefix, "/") + "/"
	if p.prefix != "" && execOutput(err) == "" && strings.Contains(text, prefix) {
		text += fmt.Sprintf("; see that --image-prefix %q names a mirror that has that image", p.prefix)
	}
	return text
}
