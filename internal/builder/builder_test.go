package builder

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
)

// A machine is a folder with a fake builder, which does as Docker is documented to do: it says its version, builds what
// lies in its folder and writes the archive of an image to its standard output. It notes what it was given.
type machine struct {
	t   *testing.T
	dir string
	// lines are the progress.
	lines []string
}

// fakeDocker notes its arguments, its folder and its environment. "fail" in the Dockerfile makes a build fail.
const fakeDocker = `#!/bin/sh
cd "${PWD}"
for argument in "$@"; do printf '<%s>' "$argument" >> "$FAKE_DIR/calls"; done
echo >> "$FAKE_DIR/calls"
case "$1" in
version) [ -e "$FAKE_DIR/stopped" ] && { echo "Cannot connect to the Docker daemon" >&2; exit 1; }; exit 0 ;;
build)
  env > "$FAKE_DIR/environ"
  find . | sort > "$FAKE_DIR/context"
  echo "${FAKE_PRINTS:-step 1}" >&2
  if grep -q fail Dockerfile; then echo "it cannot be built" >&2; exit 17; fi ;;
save) cat "$FAKE_DIR/image.tar" ;;
push) cp "$FAKE_DIR/image.tar" "${3#docker-archive:}" ;;
*) exit 2 ;;
esac
`

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{t: t, dir: t.TempDir()}
	for _, name := range []string{"docker", "buildah"} {
		require.NoError(t, os.WriteFile(filepath.Join(m.dir, name), []byte(fakeDocker), 0o700)) //nolint:gosec // a program
	}
	require.NoError(t, os.WriteFile(filepath.Join(m.dir, "image.tar"), archiveOf(t, newImage(t)), 0o600))
	return m
}

// newImage returns an image with a file.
func newImage(t *testing.T) v1.Image {
	t.Helper()
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "hello", Size: 2, Mode: 0o644}))
	_, err := w.Write([]byte("hi"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	content := layer.Bytes()
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil })
	require.NoError(t, err)
	image, err := mutate.AppendLayers(empty.Image, l)
	require.NoError(t, err)
	return image
}

// archiveOf returns the archive of an image.
func archiveOf(t *testing.T, image v1.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, tarball.Write(nil, image, &out))
	return out.Bytes()
}

// builder returns a builder of the machine.
func (m *machine) builder(program string, environ ...string) *Builder {
	b := &Builder{
		Root: m.t.TempDir(), Progress: func(line string) { m.lines = append(m.lines, line) },
		Environ: append([]string{"CDK_DOCKER=" + filepath.Join(m.dir, program), "FAKE_DIR=" + m.dir}, environ...),
	}
	m.t.Cleanup(func() { require.NoError(m.t, b.Close()) })
	return b
}

// noted returns what the fake builder has noted in a file.
func (m *machine) noted(name string) string {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join(m.dir, name))
	require.NoError(m.t, err)
	return string(text)
}

var files = fstest.MapFS{
	"asset.web/Dockerfile": {Data: []byte("FROM scratch\n")},
	"asset.web/bin/run":    {Data: []byte("#!"), Mode: 0o755},
	"asset.bad/Dockerfile": {Data: []byte("fail\n")},
	"manifest.json":        {Data: []byte("{}")},
}

var web = assembly.Image{Name: "web", Directory: "asset.web"}

// digestOf returns the digest of an image that was made.
func digestOf(into *string) func(v1.Image) error {
	return func(image v1.Image) error {
		digest, err := image.Digest()
		*into = digest.String()
		return err
	}
}

func TestBuilder_BuildsACopyOfTheFolderOnce(t *testing.T) {
	for _, program := range []string{"docker", "buildah"} {
		t.Run(program, func(t *testing.T) {
			m := newMachine(t)
			b := m.builder(program)
			var first, second string
			require.NoError(t, b.Build(t.Context(), files, web, digestOf(&first)))
			require.NoError(t, b.Build(t.Context(), files, web, digestOf(&second)))
			assert.Regexp(t, "^sha256:[0-9a-f]{64}$", first)
			assert.Equal(t, first, second)
			assert.Equal(t, 1, strings.Count(m.noted("calls"), "<build>"), "for several accounts it is built once")
			assert.Equal(t, ".\n./Dockerfile\n./bin\n./bin/run\n", m.noted("context"), "and nothing else of the assembly")
			require.NoError(t, b.Close())
			left, err := os.ReadDir(filepath.Join(b.Root, ".lockstep", "images"))
			require.NoError(t, err)
			assert.Empty(t, left)
		})
	}
}

func TestBuilder_ArgumentsAreThoseOfTheCDK(t *testing.T) {
	m := newMachine(t)
	i := web
	i.Build = assembly.ImageBuild{
		Target: "run", Args: map[string]string{"B": "--no-cache", "A": "-"}, Network: "host", Platform: "linux/arm64",
		Contexts: map[string]string{"base": "docker-image://alpine"}, Outputs: []string{"type=docker"},
		CacheFrom:     []assembly.BuildCache{{Type: "registry", Params: map[string]string{"ref": "r", "mode": "max"}}},
		CacheTo:       &assembly.BuildCache{Type: "inline"},
		CacheDisabled: true,
	}
	require.NoError(t, m.builder("docker").Build(t.Context(), files, i, func(v1.Image) error { return nil }))
	assert.Regexp(t, `(?m)^<build><--build-arg=A=-><--build-arg=B=--no-cache><--build-context=base=docker-image://alpine>`+
		`<--tag=lockstep-asset:[0-9a-f]{64}><--target=run><--file=\./Dockerfile><--network=host><--platform=linux/arm64>`+
		`<--output=type=docker><--cache-from=type=registry,mode=max,ref=r><--cache-to=type=inline><--no-cache><\.>$`,
		m.noted("calls"), "no value is an option of its own")
}

// No build gets what gives rights in AWS.
func TestBuilder_EnvironmentHasNoCredentialsOfAWS(t *testing.T) {
	m := newMachine(t)
	b := m.builder("docker", "AWS_SESSION_TOKEN=secret-token", "LOCKSTEP_BUILDER_HOME=/home/person", "HOME=/state/home",
		"DOCKER_CONTEXT=desktop")
	require.NoError(t, b.Build(t.Context(), files, web, func(v1.Image) error { return nil }))
	environ := m.noted("environ")
	assert.NotContains(t, environ, "secret-token")
	assert.Contains(t, environ, "HOME=/home/person\n")
	assert.NotContains(t, environ, "HOME=/state/home")
	assert.Contains(t, environ, "DOCKER_CONTEXT=desktop\n")
	assert.Contains(t, environ, "BUILDX_NO_DEFAULT_ATTESTATIONS=1\n")
}

func TestBuilder_FailureHasTheEndOfItsOutputAndNoArguments(t *testing.T) {
	printed := faulttest.Printed(t)
	m := newMachine(t)
	i := assembly.Image{Name: "bad", Directory: "asset.bad"}
	i.Build.Args = map[string]string{"TOKEN": "secret-argument"}
	err := printed.Error(m.builder("docker").Build(t.Context(), files, i, nil))
	require.ErrorContains(t, err, "docker build ended with status 17:\n  step 1\n  it cannot be built")
	assert.NotContains(t, err.Error(), "secret-argument")
	assert.NotContains(t, strings.Join(m.lines, "\n"), "secret-argument")
	assert.Equal(t, fault.ImageBuild, fault.CodeOf(err))
}

func TestBuilder_CheckSaysWhatIsMissing(t *testing.T) {
	printed := faulttest.Printed(t)
	m := newMachine(t)
	require.NoError(t, m.builder("docker").Check(t.Context(), web))
	require.NoError(t, os.WriteFile(filepath.Join(m.dir, "stopped"), nil, 0o600))
	err := printed.Error(m.builder("docker").Check(t.Context(), web))
	require.ErrorContains(t, err,
		"docker does not answer (ended with status 1): start it, or name another builder with CDK_DOCKER")
	require.ErrorContains(t, err, "Cannot connect to the Docker daemon")
	assert.Equal(t, fault.ImageBuilder, fault.CodeOf(err))
	err = printed.Error(m.builder("none").Check(t.Context(), web))
	require.ErrorContains(t, err, "it has to be built, and there is no "+filepath.Join(m.dir, "none")+" on this machine")
	assert.Equal(t, fault.ImageBuilder, fault.CodeOf(err))
}

// A build reads no secret of the machine that was not released by name.
func TestBuilder_SecretsAreReleasedByName(t *testing.T) {
	printed := faulttest.Printed(t)
	secret := filepath.Join(t.TempDir(), "npmrc")
	require.NoError(t, os.WriteFile(secret, nil, 0o600))
	for name, test := range map[string]struct {
		build   assembly.ImageBuild
		environ []string
		want    string
	}{
		"a file": {
			assembly.ImageBuild{Secrets: map[string]string{"npm": "src=" + secret}},
			nil,
			secret + ", which is not released",
		},
		"a file that is released": {
			assembly.ImageBuild{Secrets: map[string]string{"npm": "type=file,src=" + secret}},
			[]string{"LOCKSTEP_BUILD_SECRETS=OTHER:" + secret},
			"",
		},
		"a file that is missing": {
			assembly.ImageBuild{Secrets: map[string]string{"npm": "src=/none"}},
			[]string{"LOCKSTEP_BUILD_SECRETS=/none"},
			"/none, which is not there",
		},
		"a variable": {
			assembly.ImageBuild{Secrets: map[string]string{"t": "env=TOKEN"}}, nil, "TOKEN, which is not released",
		},
		"a variable that is released": {
			assembly.ImageBuild{Secrets: map[string]string{"t": "env=TOKEN"}},
			[]string{"LOCKSTEP_BUILD_SECRETS=TOKEN", "TOKEN=1"},
			"",
		},
		"the variable of the id": {assembly.ImageBuild{Secrets: map[string]string{"TOKEN": "type=env"}}, nil, "TOKEN, which"},
		"a credential of AWS": {
			assembly.ImageBuild{Secrets: map[string]string{"t": "env=AWS_SESSION_TOKEN"}},
			[]string{"LOCKSTEP_BUILD_SECRETS=AWS_SESSION_TOKEN", "AWS_SESSION_TOKEN=1"},
			"no build gets credentials of AWS",
		},
		"the agent of SSH": {assembly.ImageBuild{SSH: "default"}, nil, "SSH_AUTH_SOCK, which is not released"},
		"a key of SSH":     {assembly.ImageBuild{SSH: "default=/home/person/.ssh/id"}, nil, "/home/person/.ssh/id, which"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			i := web
			i.Build = test.build
			err := printed.Error(m.builder("docker", test.environ...).Check(t.Context(), i))
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "its build takes the secret ")
			require.ErrorContains(t, err, test.want)
			assert.Equal(t, fault.ImageSecret, fault.CodeOf(err))
		})
	}
}

func TestBuilder_ArchiveNeedsNoProgram(t *testing.T) {
	printed := faulttest.Printed(t)
	m := newMachine(t)
	image := newImage(t)
	want, err := image.Digest()
	require.NoError(t, err)
	archives := fstest.MapFS{"image.tar": {Data: archiveOf(t, image)}, "none.tar": {Data: []byte("none")}}
	b := m.builder("none")
	require.NoError(t, b.Check(t.Context(), assembly.Image{Archive: "image.tar"}))
	var got string
	require.NoError(t, b.Build(t.Context(), archives, assembly.Image{Archive: "image.tar"}, digestOf(&got)))
	assert.Equal(t, want.String(), got)
	err = printed.Error(b.Build(t.Context(), archives, assembly.Image{Archive: "none.tar"}, digestOf(&got)))
	require.ErrorContains(t, err, "none.tar is no archive of an image, as `docker save` writes it")
	assert.Equal(t, fault.ImageBuild, fault.CodeOf(err))
}

// emptyTarAsZstd is an empty tar archive, 1024 zero bytes, compressed by zstd.
const emptyTarAsZstd = "\x28\xb5\x2f\xfd\x60\x00\x03\x03\x20\x00\x00"

// A builder saves layers as they are in its store, and those of a base image may be compressed by zstd.
func TestBuilder_LayersAreCompressedAsTheManifestSays(t *testing.T) {
	sum := sha256.Sum256(make([]byte, 1024))
	diffID := "sha256:" + hex.EncodeToString(sum[:])
	files := map[string]string{
		"manifest.json": `[{"Config":"config.json","Layers":["1.tar","2.tar"]}]`,
		"config.json":   `{"rootfs":{"type":"layers","diff_ids":["` + diffID + `","` + diffID + `"]}}`,
		"1.tar":         string(gzipped(t, make([]byte, 1024))),
		"2.tar":         emptyTarAsZstd,
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for name, content := range files {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o644}))
		_, err := w.Write([]byte(content))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	b := newMachine(t).builder("none")
	image := assembly.Image{Archive: "image.tar"}
	err := b.Build(t.Context(), fstest.MapFS{"image.tar": {Data: archive.Bytes()}}, image, func(image v1.Image) error {
		layers, err := image.Layers()
		require.NoError(t, err)
		require.Len(t, layers, 2)
		for _, layer := range layers {
			mediaType, err := layer.MediaType()
			require.NoError(t, err)
			assert.Equal(t, types.DockerLayer, mediaType)
			content, err := layer.Compressed()
			require.NoError(t, err)
			uncompressed, err := gzip.NewReader(content)
			require.NoError(t, err)
			data, err := io.ReadAll(uncompressed)
			require.NoError(t, err)
			assert.Len(t, data, 1024)
		}
		return nil
	})
	require.NoError(t, err)
}

func gzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}
