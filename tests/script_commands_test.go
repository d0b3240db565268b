package tests

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// fakeToken is what looks like a secret. It is put together here so that the gates do not find it in the source of the test.
var fakeToken = "ghp_" + strings.Join([]string{"Zk3Q", "w9Xv", "B7nT", "p2Lm", "R8sY", "c5Hd", "J4gF", "a6Ke", "U1oI"}, "")

// seed FILE writes a file with a secret in its second line.
func cmdSeed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: seed FILE")
	}
	put(ts, args[0], "[api]\ntoken = "+fakeToken+"\n")
}

// spoil makes what repositories hold by accident: a loop of links, a file that is not UTF-8, 200 MB, names that need quoting.
func cmdSpoil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: spoil")
	}
	put(ts, "docs/odd.md", "# Odd\n\xff\xfe\n")
	put(ts, `it's "here".md`, "# Here\n* one\n")
	ts.Check(os.Symlink("..", ts.MkAbs("docs/loop")))
	ts.Check(os.Symlink("nowhere", ts.MkAbs("dangling.md")))
	put(ts, "big.bin", "")
	ts.Check(os.Truncate(ts.MkAbs("big.bin"), 200_000_000))
}

// readonly DIR makes a folder one that nobody can write to.
func cmdReadonly(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: readonly DIR")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(syscall.Mount(dir, dir, "", syscall.MS_BIND, ""))
	ts.Defer(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	ts.Check(syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, ""))
}

func put(ts *testscript.TestScript, name, text string) {
	path := ts.MkAbs(name)
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	ts.Check(os.WriteFile(path, []byte(text), 0o644))
}
