package tests

import (
	"os"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"

	"lockstep/internal/deploy/planfile"
	"lockstep/tests/harness"
)

// seed FILE writes a file with a secret in its second line.
func cmdSeed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: seed FILE")
	}
	writeFile(ts, args[0], "[api]\ntoken = "+harness.FakeToken()+"\n")
}

// spoil writes what repositories hold by accident: a loop of links, a file that is not UTF-8, 200 MB, names that need
// quoting.
func cmdSpoil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: spoil")
	}
	writeFile(ts, "docs/odd.md", "# Odd\n\xff\xfe\n")
	writeFile(ts, `it's "here".md`, "# Here\n* one\n")
	ts.Check(os.Symlink("..", ts.MkAbs("docs/loop")))
	ts.Check(os.Symlink("nowhere", ts.MkAbs("dangling.md")))
	writeFile(ts, "big.bin", "")
	ts.Check(os.Truncate(ts.MkAbs("big.bin"), 200_000_000))
}

// readonly DIR mounts a folder over itself so that nobody can write to it.
func cmdReadonly(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: readonly DIR")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(syscall.Mount(dir, dir, "", syscall.MS_BIND, ""))
	ts.Defer(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	ts.Check(syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, ""))
}

// digest FILE sets the variable DIGEST to the digest of a plan.
func cmdDigest(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: digest FILE")
	}
	plan, err := planfile.Read(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Setenv("DIGEST", string(plan.Digest))
}

// writeFile writes a text file below the script's folder.
func writeFile(ts *testscript.TestScript, name, text string) {
	ts.Check(harness.WriteFile(ts.MkAbs(name), text))
}
