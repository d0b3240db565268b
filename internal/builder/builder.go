// Package builder owns how a container image of a cloud assembly is made: by the builder of the machine, which is
// Docker or a program that takes the same commands, or from the archive of an image that the assembly has. It knows
// nothing of accounts and repositories.
package builder

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/pipeline"
	"lockstep/internal/process"
	"lockstep/tools"
)

// A Builder makes images. It builds each only once, whatever the number of accounts that it goes to, and one after the
// other: a build uses every processor, and its output stays together.
type Builder struct {
	// Environ is the environment, in the form of os.Environ. The credentials of AWS in it do not reach the builder.
	Environ []string
	// Root is the folder of the project, below whose state what is built is kept meanwhile: the builders of some systems
	// work in a machine of their own, which sees the home folder and no folder of temporary files.
	Root string
	// Progress is called with each line of the builder's output.
	Progress func(line string)

	mu sync.Mutex
	// dir is a new folder of its own; empty until something is built. archives are the images in it, by what they are
	// built of.
	dir      string
	archives map[string]string
	// answerErr is what the builder has answered when it was asked whether it is there.
	answerOnce sync.Once
	answerErr  error
}

// Close removes what was built. The builder's own store of images is left as it is.
func (b *Builder) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dir == "" {
		return nil
	}
	dir := b.dir
	b.dir, b.archives = "", nil
	return os.RemoveAll(dir)
}

// program returns the builder's program. A path is made absolute: a build runs in the folder of an image, which may
// have a program under the same path.
func (b *Builder) program() string {
	program := cmp.Or(tools.Getenv(b.Environ, pipeline.BuilderVariable), "docker")
	if absolute, err := filepath.Abs(program); err == nil && filepath.Base(program) != program {
		return absolute
	}
	return program
}

// Check returns an error if an image cannot be built on this machine. It builds nothing.
func (b *Builder) Check(ctx context.Context, i assembly.Image) error {
	if i.Archive != "" {
		return nil
	}
	if err := b.checkSecrets(i.Build); err != nil {
		return err
	}
	b.answerOnce.Do(func() { b.answerErr = b.ask(ctx) })
	return b.answerErr
}

// answerTimeout is how long a builder may take to say its version.
const answerTimeout = 2 * time.Minute

// ask asks the builder for its version. Docker's command line answers with an error if its daemon does not.
func (b *Builder) ask(ctx context.Context) error {
	program := b.program()
	if _, err := exec.LookPath(program); err != nil {
		return fault.Errorf(fault.ImageBuilder, "it has to be built, and there is no %s on this machine%s: install it, or "+
			"name another builder with %s; or let the app use a TarballImageAsset, which needs none",
			program, b.others(), pipeline.BuilderVariable)
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	var tail process.Tail
	cmd := b.command(ctx, "version")
	cmd.Stdout, cmd.Stderr = &tail, &tail
	if err := cmd.Run(); err != nil {
		return errors.Join(ctx.Err(), fault.Errorf(fault.ImageBuilder, "it has to be built, and %s does not answer (%s): "+
			"start it, or name another builder with %s; or let the app use a TarballImageAsset, which needs none%s",
			program, process.DescribeExit(err), pipeline.BuilderVariable, lastLines(tail.String())))
	}
	return nil
}

// others names the builders that are on the machine, for the advice.
func (b *Builder) others() string {
	var found []string
	for _, candidate := range pipeline.ImageBuilders {
		if _, err := exec.LookPath(candidate.Program); err == nil {
			found = append(found, candidate.Program)
		}
	}
	if len(found) == 0 {
		return ""
	}
	return ", which has " + strings.Join(found, " and ")
}

// command returns a command of the builder.
func (b *Builder) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := process.Command(ctx, b.program(), args...)
	cmd.Env, cmd.WaitDelay = b.builderEnviron(), time.Second
	return cmd
}

// builderEnviron returns the environment of the builder: the person's, without what gives rights in AWS and without
// Lockstep's own settings.
func (b *Builder) builderEnviron() []string {
	// A provenance attestation would make an index of the image. The CDK sets it for the same reason.
	environ := []string{"BUILDX_NO_DEFAULT_ATTESTATIONS=1"}
	home := tools.Getenv(b.Environ, pipeline.BuilderHomeVariable)
	for _, pair := range b.Environ {
		name, _, _ := strings.Cut(pair, "=")
		isHome := name == "HOME" && home != ""
		if !strings.HasPrefix(name, "AWS_") && !strings.HasPrefix(name, "LOCKSTEP_") && !isHome {
			environ = append(environ, pair)
		}
	}
	if home != "" {
		environ = append(environ, "HOME="+home)
	}
	return environ
}

// Build makes an image and calls use with it. The image is there until use returns.
func (b *Builder) Build(ctx context.Context, files fs.FS, i assembly.Image, use func(v1.Image) error) error {
	if i.Archive != "" {
		return useArchive(func() (fs.File, error) { return files.Open(i.Archive) }, i.Archive, use)
	}
	if err := b.Check(ctx, i); err != nil {
		return err
	}
	archive, err := b.build(ctx, files, i)
	if err != nil {
		return err
	}
	open := func() (fs.File, error) { return fsx.Open(archive) }
	return useArchive(open, "what the builder has saved", use)
}

// build returns the path of the archive of an image, which it builds the first time.
func (b *Builder) build(ctx context.Context, files fs.FS, i assembly.Image) (string, error) {
	key, err := buildKey(files, i)
	if err != nil {
		return "", err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if archive, ok := b.archives[key]; ok {
		return archive, nil
	}
	if b.dir == "" {
		dir := path.Join(pipeline.StateDir, "images")
		if err := fsx.MakeDirBelow(b.Root, dir, fsx.PrivateDir); err != nil {
			return "", tools.ExplainWriteError(dir, err)
		}
		if b.dir, err = os.MkdirTemp(filepath.Join(b.Root, filepath.FromSlash(dir)), "build-"); err != nil {
			return "", tools.ExplainWriteError(dir, err)
		}
		b.archives = map[string]string{}
	}
	archive := filepath.Join(b.dir, key+".tar")
	if err := b.buildArchive(ctx, files, i, filepath.Join(b.dir, key), archive); err != nil {
		return "", err
	}
	b.archives[key] = archive
	return archive, nil
}

// buildKey returns a text that differs for images that are built of something else.
func buildKey(files fs.FS, i assembly.Image) (string, error) {
	folder, err := fs.Sub(files, i.Directory)
	if err != nil {
		return "", err
	}
	content, err := digest.OfFiles(folder)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(struct {
		Content string
		Build   assembly.ImageBuild
	}{content, i.Build})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), err
}

// buildArchive builds an image from a copy of its folder: what is built is what the digest of the assembly covers, and
// the builder sees nothing beside it.
func (b *Builder) buildArchive(ctx context.Context, files fs.FS, i assembly.Image, folder, archive string) error {
	if err := copyTree(files, i.Directory, folder); err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	name := "lockstep-asset:" + filepath.Base(folder)
	b.progress(fmt.Sprintf("building the image %s with %s", i.Name, b.program()))
	hide, err := b.secretHider(i.Build)
	if err != nil {
		return err
	}
	build := b.command(ctx, buildArgs(i.Build, name)...)
	build.Dir = folder
	if err := b.run(ctx, build, hide); err != nil {
		return err
	}
	if isBuildah(b.program()) { // it has no save
		return b.run(ctx, b.command(ctx, "push", name, "docker-archive:"+archive), hide)
	}
	file, err := fsx.OpenFile(archive, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fsx.PrivateFile)
	if err != nil {
		return err
	}
	save := b.command(ctx, "save", name)
	save.Stdout = file
	return errors.Join(b.run(ctx, save, hide), file.Close())
}

// isBuildah reports whether a program is buildah, which has another command for an archive.
func isBuildah(program string) bool {
	return strings.TrimSuffix(filepath.Base(program), ".exe") == pipeline.Buildah
}

// buildArgs returns the arguments of the builder, in the order of the CDK's own command line. Each value is a part of
// its option, so that none is taken for another option.
func buildArgs(b assembly.ImageBuild, name string) []string {
	args := []string{"build"}
	add := func(option string, values ...string) {
		for _, value := range values {
			if value != "" {
				args = append(args, "--"+option+"="+value)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(b.Args)) {
		add("build-arg", key+"="+b.Args[key])
	}
	for _, key := range slices.Sorted(maps.Keys(b.Contexts)) {
		add("build-context", key+"="+b.Contexts[key])
	}
	for _, id := range slices.Sorted(maps.Keys(b.Secrets)) {
		add("secret", "id="+id+","+b.Secrets[id])
	}
	add("ssh", b.SSH)
	add("tag", name)
	add("target", b.Target)
	add("file", filepath.FromSlash("./"+b.Dockerfile()))
	add("network", b.Network)
	add("platform", b.Platform)
	add("output", b.Outputs...)
	for _, cache := range b.CacheFrom {
		add("cache-from", cache.String())
	}
	if b.CacheTo != nil {
		add("cache-to", b.CacheTo.String())
	}
	if b.CacheDisabled {
		args = append(args, "--no-cache")
	}
	return append(args, ".")
}

// run runs a command of the builder. What it prints, besides a standard output that has another place, becomes progress
// with its secrets hidden. The arguments are not in the error: builds get secrets in them.
func (b *Builder) run(ctx context.Context, cmd *exec.Cmd, hide *strings.Replacer) error {
	var tail process.Tail
	lines := &process.LineWriter{Emit: func(line string) {
		line = hide.Replace(line)
		_, _ = io.WriteString(&tail, line+"\n")
		b.progress(line)
	}}
	if cmd.Stderr = lines; cmd.Stdout == nil {
		cmd.Stdout = lines
	}
	err := process.RunGroup(cmd, stopTimeout)
	lines.Flush()
	if err != nil {
		return errors.Join(ctx.Err(), fault.Errorf(fault.ImageBuild, "%s %s %s%s",
			filepath.Base(b.program()), cmd.Args[1], process.DescribeExit(err), lastLines(tail.String())))
	}
	return nil
}

// stopTimeout is how long a builder may take to end after an interrupt.
const stopTimeout = 10 * time.Second

// progress reports a line of progress that is not blank.
func (b *Builder) progress(line string) {
	if line = strings.TrimSpace(line); line != "" && b.Progress != nil {
		b.Progress(line)
	}
}

// maxErrorLines is how many lines of a builder's output are in an error.
const maxErrorLines = 12

// lastLines returns the last lines of a builder's output, each indented on a line of its own after a colon; empty for
// none.
func lastLines(output string) string {
	var out string
	lines := strings.FieldsFunc(output, func(c rune) bool { return c == '\n' || c == '\r' })
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.TrimSpace(line) == "" })
	for _, line := range lines[max(0, len(lines)-maxErrorLines):] {
		out += "\n  " + strings.TrimSpace(line)
	}
	if out == "" {
		return ""
	}
	return ":" + out
}
