package assembly

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRead_RefusesWhatIsNoFile(t *testing.T) {
	const asset = `{"version":"36.0.0","files":{"f":{"displayName":"code",` +
		`"source":{"path":"asset","packaging":"PACKAGING"},"destinations":{"d":{"bucketName":"b","objectKey":"k"}}}}}`
	for _, test := range []struct {
		name, packaging, want string
		// spoil makes the asset, and may spoil more of the assembly.
		spoil func(dir string) error
	}{
		{"a pipe in an asset", "zip", "asset/pipe is neither a file, a folder nor a link", func(dir string) error {
			return syscall.Mkfifo(filepath.Join(dir, "asset", "pipe"), 0o600)
		}},
		{"a socket in an asset", "zip", "asset/socket is neither a file, a folder nor a link", func(dir string) error {
			return listen(filepath.Join(dir, "asset", "socket"))
		}},
		{"a pipe as an asset", "file", "asset is neither a file, a folder nor a link", func(dir string) error {
			return replace(filepath.Join(dir, "asset"), func(name string) error { return syscall.Mkfifo(name, 0o600) })
		}},
		{"a pipe as a manifest", "zip", "manifest.json is neither a file, a folder nor a link", func(dir string) error {
			name := filepath.Join(dir, "manifest.json")
			return replace(name, func(name string) error { return syscall.Mkfifo(name, 0o600) })
		}},
		{"a pipe as a template", "zip", "t.json is neither a file, a folder nor a link", func(dir string) error {
			return replace(filepath.Join(dir, "t.json"), func(name string) error { return syscall.Mkfifo(name, 0o600) })
		}},
		{"a device as a template", "zip", "t.json is a link to /dev/zero, which leads out of", func(dir string) error {
			name := filepath.Join(dir, "t.json")
			return replace(name, func(name string) error { return os.Symlink("/dev/zero", name) })
		}},
		{"a folder packaged as a file", "file", "asset is a folder, but its packaging is file", func(string) error {
			return nil
		}},
		{"a folder packaged as nothing", "", "asset is a folder, but its packaging is file", func(string) error {
			return nil
		}},
		{"a dangling link as an asset", "zip", "asset is a link to nowhere, which does not exist", func(dir string) error {
			return replace(filepath.Join(dir, "asset"), func(name string) error { return os.Symlink("nowhere", name) })
		}},
		{"a link to itself as an asset", "file", "asset is a link to asset, which leads back to it", func(dir string) error {
			return replace(filepath.Join(dir, "asset"), func(name string) error { return os.Symlink("asset", name) })
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			write := func(name, text string) {
				require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
			}
			require.NoError(t, os.Mkdir(filepath.Join(dir, "asset"), 0o755))
			write("asset/index.js", "x")
			write("t.json", `{"Resources":{}}`)
			write("a.json", strings.ReplaceAll(asset, "PACKAGING", test.packaging))
			write("manifest.json", `{"version":"36.0.0","artifacts":{"s":{"type":"aws:cloudformation:stack",`+
				`"environment":"aws://444455556666/eu-west-1","dependencies":["a"],"properties":{"templateFile":"t.json"}},`+
				`"a":{"type":"cdk:asset-manifest","properties":{"file":"a.json"}}}}`)
			require.NoError(t, test.spoil(dir))
			files, err := Open(dir)
			require.NoError(t, err)
			_, err = Read(files, Defaults{})
			require.ErrorContains(t, err, test.want)
		})
	}
}

// replace removes a file or folder and makes something else of the same name.
func replace(name string, make func(name string) error) error {
	if err := os.RemoveAll(name); err != nil {
		return err
	}
	return make(name)
}

// listen makes a socket. It ends with the process.
func listen(name string) error {
	_, err := net.Listen("unix", name)
	return err
}
