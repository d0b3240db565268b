package fault

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
)

// answer is an error as the AWS SDK returns it.
type answer struct{}

func (answer) Error() string        { return "api error ValidationError: no" }
func (answer) ErrorCode() string    { return "ValidationError" }
func (answer) ErrorMessage() string { return "no" }

func TestCodeOf_ErrorOfLibraryHasCodeOfItsKind(t *testing.T) {
	socket := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}
	}
	for _, test := range []struct {
		err  error
		want Code
	}{
		{context.Canceled, Interrupted},
		{context.DeadlineExceeded, Unreachable},
		{socket(syscall.ECONNREFUSED), Unreachable},
		{socket(syscall.EPIPE), Unreachable},
		{socket(syscall.EACCES), Unreachable},
		{socket(syscall.EMFILE), TooManyFiles},
		{&net.DNSError{Name: "sts.invalid"}, Unreachable},
		{tls.AlertError(42), Untrusted},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.EMFILE}, TooManyFiles},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, DiskFull},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, NotPermitted},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.EPERM}, NotPermitted},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.EROFS}, NotPermitted},
		{&fs.PathError{Op: "mkdir", Path: "x", Err: syscall.ENOTDIR}, PathUnusable},
		{&os.LinkError{Op: "rename", Old: "x", New: "y", Err: syscall.EEXIST}, PathUnusable},
		{&os.LinkError{Op: "rename", Old: "x", New: "y", Err: syscall.EXDEV}, SystemRefused},
		{&fs.PathError{Op: "read", Path: "x", Err: syscall.EISDIR}, FileKind},
		{&fs.PathError{Op: "read", Path: "x", Err: syscall.EIO}, DiskFailed},
		{&fs.PathError{Op: "write", Path: "|1", Err: syscall.EPIPE}, OutputUnread},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}, FileMissing},
		{&fs.PathError{Op: "openat", Path: "x", Err: errors.New("path escapes from parent")}, SystemRefused},
		{fs.ErrNotExist, FileMissing},
		{syscall.EINVAL, SystemRefused},
		{os.ErrClosed, SystemRefused},
		{&exec.Error{Name: "node", Err: exec.ErrNotFound}, ToolMissing},
		{&exec.ExitError{}, ToolBroken},
		{answer{}, AWSRefused},
		{errors.New("a switch without its case"), Unexpected},
		{New(LockHeld, "held"), LockHeld},
		{Errorf(StateCommitted, "x: %w", syscall.ENOENT), StateCommitted},
		{nil, ""},
	} {
		t.Run(strings.ReplaceAll(fmt.Sprintf("%T %[1]v", test.err), "/", " "), func(t *testing.T) {
			assert.Equal(t, test.want, CodeOf(test.err))
			if test.err != nil {
				assert.Equal(t, test.want, CodeOf(fmt.Errorf("step deploy: %w", test.err)), "with context")
			}
		})
	}
}
