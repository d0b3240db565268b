package attacks

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/planfile"
	"lockstep/internal/pipeline"
	"lockstep/tools"
)

// A place is where an attacker changes a byte: files or objects by their names, and who looks at them.
type place struct {
	names []string
	read  func(name string) ([]byte, error)
	write func(name string, data []byte) error
	// check returns the problem that is found with what is there now; nil for none.
	check func() error
	// isNamed reports whether a problem says where the byte is.
	isNamed func(problem error, name string) bool
}

// TestBytes_ChangedByteIsNamed changes one byte, drawn at random, of all that a deployment is made from. The records,
// approvals and plans of the account, and what is exported of them, are in records_test.go.
func TestBytes_ChangedByteIsNamed(t *testing.T) {
	for kind, newPlace := range map[string]func(*testing.T) place{
		"a plan":          planOnDisk,
		"an assembly":     synthesised,
		"a kept assembly": keptArchive,
		"a staged object": stagedObjects,
		"a tool":          installedTool,
	} {
		t.Run(kind, func(t *testing.T) {
			p := newPlace(t)
			require.NotEmpty(t, p.names)
			require.NoError(t, p.check(), "as it is, it passes")
			rapid.Check(t, func(r *rapid.T) {
				name := rapid.SampledFrom(p.names).Draw(r, "name")
				before, err := p.read(name)
				require.NoError(r, err)
				data := slices.Clone(before)
				at := rapid.IntRange(0, len(data)-1).Draw(r, "position")
				data[at] ^= byte(1 << rapid.IntRange(0, 7).Draw(r, "bit"))
				require.NoError(r, p.write(name, data))
				problem := p.check()
				require.NoError(r, p.write(name, before))
				if problem == nil || !p.isNamed(problem, name) {
					r.Fatalf("byte %d of %s: %v", at, name, problem)
				}
			})
			require.NoError(t, p.check(), "all is as it was")
		})
	}
}

// onDisk returns the place of the files of a folder.
func onDisk(t *testing.T, dir string, names ...string) place {
	t.Helper()
	if len(names) == 0 {
		require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() {
				names = append(names, path)
			}
			return err
		}))
	}
	return place{
		names: names, read: os.ReadFile,
		write:   func(name string, data []byte) error { return os.WriteFile(name, data, 0o600) },
		isNamed: func(problem error, name string) bool { return strings.Contains(problem.Error(), filepath.Base(name)) },
	}
}

// inBucket returns the place of objects of the victim's bucket.
func inBucket(v *victim, keys ...string) place {
	return place{
		names:   keys,
		read:    func(key string) ([]byte, error) { return []byte(v.objects()[key]), nil },
		write:   func(key string, data []byte) error { v.exchange(key, string(data)); return nil },
		isNamed: func(problem error, key string) bool { return strings.Contains(problem.Error(), key) },
	}
}

func planOnDisk(t *testing.T) place {
	path := filepath.Join(t.TempDir(), "plan.json")
	require.NoError(t, planfile.Write("", path, newVictim(t).savePlan(), ""))
	p := onDisk(t, path, path)
	p.check = func() error {
		_, err := planfile.Read(path)
		return err
	}
	return p
}

// synthesised: an assembly has no signature of its own. Plans, records, promotion and jobs know it by its digest.
func synthesised(t *testing.T) place {
	v := newVictim(t)
	v.addFunction("clean")
	_, err := v.open()
	require.NoError(t, err)
	read := func() (string, error) {
		files, err := assembly.Open(v.dir)
		if err != nil {
			return "", err
		}
		asm, err := assembly.Read(files, assembly.Defaults{})
		if err != nil {
			return "", err
		}
		return string(asm.Digest), nil
	}
	want, err := read()
	require.NoError(t, err)
	p := onDisk(t, v.dir, filepath.Join(v.dir, "web.template.json"), filepath.Join(v.dir, "asset.function/index.js"))
	p.check = func() error {
		got, err := read()
		if err == nil && got != want {
			return errors.New("it is another assembly")
		}
		return err
	}
	p.isNamed = func(problem error, name string) bool {
		return problem.Error() == "it is another assembly" || strings.Contains(problem.Error(), filepath.Base(name))
	}
	return p
}

func keptArchive(t *testing.T) place {
	v := newVictim(t)
	require.NoError(t, v.deploy())
	p := inBucket(v, v.keptAssembly())
	p.check = func() error { return v.fetch(filepath.Join(t.TempDir(), "back")) }
	p.isNamed = func(problem error, _ string) bool {
		return strings.Contains(problem.Error(), "the hash of its archive is")
	}
	return p
}

// deployedFunction returns a victim that has deployed a function, and the keys of what is staged for it.
func deployedFunction(t *testing.T) (v *victim, staged []string) {
	v = newVictim(t)
	v.addFunction("clean")
	require.NoError(t, v.deploy())
	for key := range v.objects() {
		if !strings.HasPrefix(key, "lockstep/") {
			staged = append(staged, key)
		}
	}
	slices.Sort(staged)
	require.Len(t, staged, 2, "the template and the function")
	return v, staged
}

func stagedObjects(t *testing.T) place {
	v, staged := deployedFunction(t)
	p := inBucket(v, staged...)
	p.check = func() error {
		d, err := v.open()
		if err != nil {
			return err
		}
		_, err = d.Verify(t.Context())
		return err
	}
	return p
}

func installedTool(t *testing.T) place {
	bin := t.TempDir()
	script := "#!/bin/sh\nif [ \"$1\" = env ]; then echo go1.26.8; exit; fi\n" +
		"mkdir -p bin lib && printf '#!/bin/sh\\necho v0\\n' > bin/gofumpt && chmod +x bin/gofumpt\n" +
		"echo code > lib/code.py\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "go"), []byte(script), 0o755))
	installer := tools.NewInstallerIn(t.TempDir(), []string{"PATH=" + bin + ":/usr/bin:/bin", "HOME=" + t.TempDir()},
		func(string) {})
	folder, err := installer.Install(t.Context(), pipeline.ToolGofumpt)
	require.NoError(t, err)
	p := onDisk(t, folder)
	// This file only says when the sums of the others were last compared.
	p.names = slices.DeleteFunc(p.names, func(name string) bool { return filepath.Base(name) == "complete" })
	p.check = func() error {
		if state, _ := installer.State(pipeline.ToolGofumpt); state != tools.Installed {
			return errors.New(pipeline.ToolGofumpt + " is " + string(state))
		}
		return nil
	}
	p.isNamed = func(problem error, _ string) bool { return strings.Contains(problem.Error(), pipeline.ToolGofumpt) }
	return p
}
