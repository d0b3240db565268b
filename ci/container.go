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

// image is the base image of that key, pinned, from the mirror where there is one.
func (p *project) image(key string) *dagger.Container {
	return dag.Container().From(p.imageReference(key))
}

func (p *project) imageReference(key string) string {
	if p.prefix == "" {
		return pipeline.Images[key]
	}
	return strings.TrimSuffix(p.prefix, "/") + "/" + pipeline.Images[key]
}

// container is what a step's command runs in: programs, tools, caches, environment, and the inputs that it declares and no others.
func (p *project) container(s pipeline.Step) *dagger.Container {
	if s.Effect == pipeline.AWS && p.live == nil {
		s = s.WithRehearsalEnv()
	}
	ctr := p.toolContainer(s)
	if s.CallsSelf() {
		ctr = ctr.WithMountedFile(pipeline.SelfFile, p.binary())
	}
	ctr = ctr.WithMountedDirectory(pipeline.WorkFolder, withOutputFolders(p.inputs(s), s.Outputs)).WithWorkdir(pipeline.WorkFolder)
	if s.Effect == pipeline.AWS {
		ctr = p.withAccountAccess(ctr, s)
	}
	if s.CacheTTL > 0 {
		// The same for as long as the result holds, so that it is taken from the cache for so long and no longer.
		ctr = ctr.WithEnvVariable("LOCKSTEP_SINCE", time.Now().Truncate(s.CacheTTL).UTC().Format(time.RFC3339))
	}
	return ctr
}

// toolContainer is the step's image with its programs, tools, caches and variables. It depends on no file of the repository but the tools' lock files.
func (p *project) toolContainer(s pipeline.Step) *dagger.Container {
	ctr := p.image(s.Image)
	transplants, err := s.ExtraFiles()
	if err != nil {
		panic(err) // the graph has been validated, and a test validates the other steps
	}
	for _, from := range transplants {
		ctr = ctr.WithDirectory("/usr/local", p.image(from.Image).Directory("/usr/local"), dagger.ContainerWithDirectoryOpts{Include: from.Patterns})
	}
	for _, name := range s.InstalledTools() {
		ctr = ctr.WithMountedDirectory(path.Join(pipeline.ToolsFolder, name), p.tool(name))
	}
	for _, name := range s.Caches {
		cache := pipeline.Caches[name]
		ctr = ctr.WithMountedCache(cache.Path, dag.CacheVolume("lockstep-"+name)).WithEnvVariable(cache.Env, cache.Path)
	}
	for _, env := range []map[string]string{s.ContainerEnv(), s.Env} {
		for _, name := range slices.Sorted(maps.Keys(env)) {
			ctr = ctr.WithEnvVariable(name, env[name])
		}
	}
	return ctr
}

// tool is an installed tool's folder. It is made anew only when its lock files, or the commands that read them, change.
func (p *project) tool(name string) *dagger.Directory {
	return p.buildOnce("tool:"+name, func() *dagger.Directory {
		folder := path.Join(pipeline.ToolsFolder, name)
		s := pipeline.InstallStep(name)
		ctr := p.toolContainer(s).WithMountedDirectory(folder, p.inputs(s).Directory("tools/"+name)).WithWorkdir(folder)
		for _, argv := range pipeline.Tools[name].InstallCommands() {
			ctr = ctr.WithExec(argv)
		}
		return ctr.Directory(folder)
	})
}

// binary is this program, built from its own sources alone.
func (p *project) binary() *dagger.File {
	built := p.buildOnce(pipeline.BinaryStep.Name, func() *dagger.Directory {
		return p.stepOutputs(p.container(pipeline.BinaryStep).WithExec(pipeline.BinaryStep.Argv(false)), pipeline.BinaryStep)
	})
	return built.File(pipeline.BinaryStep.Outputs[0])
}

// buildOnce makes a thing that several steps need the first time only.
func (p *project) buildOnce(name string, build func() *dagger.Directory) *dagger.Directory {
	if p.buildResults[name] == nil {
		p.buildResults[name] = build()
	}
	return p.buildResults[name]
}

// inputs are the files that the step declares, of the repository's and of what the steps made that it needs.
func (p *project) inputs(s pipeline.Step) *dagger.Directory {
	dir := copySelected(dag.Directory(), p.source, s.SourceFiles())
	if len(s.UpstreamFiles()) == 0 {
		return dir
	}
	for _, need := range append(p.needs(s), s.Name) {
		if made := p.outputDirs[need]; made != nil {
			dir = copySelected(dir, made, s.UpstreamFiles())
		}
	}
	return dir
}

// withOutputFolders adds the folders of what a step makes, which are there on a person's machine too.
func withOutputFolders(dir *dagger.Directory, outputs []string) *dagger.Directory {
	for _, output := range outputs {
		if folder := path.Dir(output); folder != "." {
			dir = dir.WithNewDirectory(folder)
		}
	}
	return dir
}

// copySelected adds the selected files of one folder to another. The engine knows what Filter returns by its content, so that what is made of it is the same for
// as long as these files are, whatever else changes in the folder. It does not know that of a folder which was copied with patterns.
func copySelected(to, from *dagger.Directory, selections pipeline.Selections) *dagger.Directory {
	for _, one := range selections {
		to = to.WithDirectory("/", from.Filter(dagger.DirectoryFilterOpts{Include: one.Include, Exclude: one.Exclude}))
	}
	return to
}

// needs are all steps that the step cannot do without, directly or not, in a fixed order.
func (p *project) needs(s pipeline.Step) []string {
	var all []string
	whole, _ := p.graph.Step(s.Name) // a part of the graph may have cut off what is there already
	for _, need := range whole.Needs {
		step, _ := p.graph.Step(need)
		all = append(append(all, p.needs(step)...), need)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// stepOutputs is what the step leaves in its container.
func (p *project) stepOutputs(ctr *dagger.Container, s pipeline.Step) *dagger.Directory {
	if len(s.Outputs) == 0 {
		return dag.Directory()
	}
	return copySelected(dag.Directory(), ctr.Directory(pipeline.WorkFolder), pipeline.Selections{s.OutputFiles()})
}

// messageWithImageHint is an error of a step's container in which the step's command has no part. The engine says which image it means.
func (p *project) messageWithImageHint(err error) string {
	text := oneLine(err)
	if prefix := strings.TrimSuffix(p.prefix, "/") + "/"; p.prefix != "" && execOutput(err) == "" && strings.Contains(text, prefix) {
		text += fmt.Sprintf("; see that --image-prefix %q names a mirror that has that image", p.prefix)
	}
	return text
}
