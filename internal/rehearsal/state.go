package rehearsal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"lockstep/internal/fsx"
)

// The emulator writes the state of its services when it is stopped in good order, but objects as they come. So the
// state of one that was killed does not fit together. A snapshot of the state at the last good stop is restored
// instead.
const (
	stateDir    = "state"
	objectsDir  = "objects"
	snapshotDir = "snapshot"
	// dirtyFile exists from before the emulator's start until after its good stop.
	dirtyFile = "dirty"
	// stateSavedLine is the line that accounts.py writes into the log when all state is saved.
	stateSavedLine = "Lockstep: the state of the accounts is saved"
)

// prepareState makes the state ready for a start. It restores the snapshot after an emulator that was killed, and takes
// a new one otherwise. An emulator that ended by itself, because its last user was killed, has saved its state.
func (e *Emulator) prepareState() error {
	_, err := os.Stat(e.path(dirtyFile))
	switch {
	case err == nil && e.saveFailure() != "":
		e.Progress("the emulated accounts were not stopped in good order; they are put back to how they were before")
		err = e.restoreState()
	case err == nil, errors.Is(err, fs.ErrNotExist):
		err = e.snapshotState()
	}
	if err != nil {
		return err
	}
	for _, dir := range []string{stateDir, objectsDir, "tmp", processDir} {
		if err := os.MkdirAll(e.path(dir), 0o700); err != nil {
			return err
		}
	}
	return os.WriteFile(e.path(dirtyFile), nil, fsx.PrivateFile)
}

// snapshotState copies the state. The dirty file is written only when the copy is complete.
func (e *Emulator) snapshotState() error {
	if err := os.RemoveAll(e.path(snapshotDir)); err != nil {
		return err
	}
	return copyState(e.Dir, e.path(snapshotDir))
}

// restoreState replaces the state by the snapshot.
func (e *Emulator) restoreState() error {
	for _, dir := range []string{stateDir, objectsDir} {
		if err := os.RemoveAll(e.path(dir)); err != nil {
			return err
		}
	}
	return copyState(e.path(snapshotDir), e.Dir)
}

// copyState copies those of the state's folders that exist.
func copyState(from, to string) error {
	for _, dir := range []string{stateDir, objectsDir} {
		source := filepath.Join(from, dir)
		if _, err := os.Stat(source); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.CopyFS(filepath.Join(to, dir), os.DirFS(source)); err != nil {
			return err
		}
	}
	return nil
}

// markStateClean removes the dirty file after a good stop. It keeps the file if the emulator has not saved all its
// state.
func (e *Emulator) markStateClean() error {
	if reason := e.saveFailure(); reason != "" {
		e.Progress("the emulated accounts could not write their state; " +
			"the next run starts from how they were before (" + reason + ")")
		return nil
	}
	return os.Remove(e.path(dirtyFile))
}

// saveFailure returns why the emulator that ended last has not saved all its state, or "" if it has.
func (e *Emulator) saveFailure() string {
	log, err := fsx.ReadFile(e.path(logFile), fsx.MaxText)
	if err != nil {
		return err.Error()
	}
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, "Persistence: failed to save") {
			return strings.TrimSpace(line)
		}
	}
	if !strings.Contains(string(log), stateSavedLine) {
		return "it was killed before it had saved them"
	}
	return ""
}

// deleteState deletes the accounts' state, and everything else of the emulator but its locks.
func (e *Emulator) deleteState() error {
	for _, name := range []string{
		stateDir, objectsDir, snapshotDir, "tmp", "tls", dirtyFile, processDir, logFile, accountsFile,
		accessFile, confinementFile, gapsFile, macrosFile, signingKeyFile, credentialsFile,
	} {
		if err := os.RemoveAll(e.path(name)); err != nil {
			return err
		}
	}
	return nil
}
