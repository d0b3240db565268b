package fault

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"syscall"
)

// classify returns the code of an error of the operating system, of the network, of a program or of AWS to which nobody
// has given a code. What it does not know is a fault of Lockstep itself: Unexpected.
func classify(err error) Code {
	for _, k := range kinds {
		if k.has(err) {
			return k.code
		}
	}
	return Unexpected
}

// kinds are the errors that classify knows, the first that fits. An error of a socket has the number of its cause too,
// which means something else for a file, so sockets come before files.
var kinds = []struct {
	has  func(error) bool
	code Code
}{
	{is(context.Canceled), Interrupted},
	{is(syscall.EMFILE, syscall.ENFILE), TooManyFiles},
	{isUntrusted, Untrusted},
	{isNetwork, Unreachable},
	{is(syscall.ENOSPC, syscall.EDQUOT), DiskFull},
	{is(syscall.EROFS, syscall.ETXTBSY, fs.ErrPermission), NotPermitted},
	{is(syscall.ELOOP, syscall.ENOTDIR, syscall.ENAMETOOLONG, syscall.ENOTEMPTY, fs.ErrExist), PathUnusable},
	{is(syscall.EISDIR), FileKind},
	{is(syscall.EIO, syscall.ESTALE), DiskFailed},
	{is(syscall.EPIPE), OutputUnread},
	{is(exec.ErrNotFound), ToolMissing},
	{is(fs.ErrNotExist), FileMissing},
	{isProgram, ToolBroken},
	{isSystem, SystemRefused},
	{isAnswerOfAWS, AWSRefused},
}

// is returns a function that reports whether an error is one of the targets.
func is(targets ...error) func(error) bool {
	return func(err error) bool {
		for _, target := range targets {
			if errors.Is(err, target) {
				return true
			}
		}
		return false
	}
}

// as reports whether there is an error of type T in the tree of err.
func as[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}

// isUntrusted reports whether TLS was not agreed on. The errors of crypto/x509 come inside of one of these.
func isUntrusted(err error) bool {
	return as[*tls.CertificateVerificationError](err) || as[tls.RecordHeaderError](err) || as[tls.AlertError](err)
}

// isNetwork reports whether a connection could not be made or has failed, or an answer came too late.
func isNetwork(err error) bool {
	return as[*net.OpError](err) || as[*net.DNSError](err) || is(context.DeadlineExceeded, os.ErrDeadlineExceeded)(err)
}

// isProgram reports whether a program could not be started or has failed.
func isProgram(err error) bool {
	return as[*exec.ExitError](err) || as[*exec.Error](err) || is(exec.ErrWaitDelay, os.ErrProcessDone)(err)
}

// isSystem reports whether the operating system has refused a call for a reason that has no code of its own.
func isSystem(err error) bool {
	return as[*fs.PathError](err) || as[*os.LinkError](err) || as[*os.SyscallError](err) || as[syscall.Errno](err) ||
		is(os.ErrClosed)(err)
}

// isAnswerOfAWS reports whether AWS has answered with an error. The interface is that of smithy.APIError.
func isAnswerOfAWS(err error) bool {
	var answer interface {
		error
		ErrorCode() string
		ErrorMessage() string
	}
	return errors.As(err, &answer)
}
