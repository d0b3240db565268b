package host

import (
	"io/fs"
	"syscall"
)

// newStamp returns the stamp of a file without its hash.
func newStamp(info fs.FileInfo) stamp {
	s := stamp{Size: info.Size(), Modified: info.ModTime().UnixNano()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.Changed, s.Inode, s.Device = sys.Ctim.Nano(), sys.Ino, sys.Dev
	}
	return s
}
