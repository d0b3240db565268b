package rehearsal

import (
	"errors"
	"io/fs"
	"os"
	"strings"
)

// The emulator writes the state of its services only when it is stopped in good order, but objects as they come. So a state that was
// not stopped in good order fits together no more. What it was at the last good stop is kept aside and put back.
const (
	stateDir    = "state"
	objectsDir  = "objects"
	snapshotDir = "snapshot"
	// dirtyFile is there from before the emulator's start until after its good stop.
	dirtyFile = "dirty"
)

// prepareState makes the state ready for a start: put back after an emulator that was killed, and kept aside for the next such case.
func (e *Emulator) prepareState() error {
	_, err := os.Stat(e.path(dirtyFile))
	switch {
	case err == nil:
		e.Progress("the emulated accounts were not stopped in good order; they are put back to how they were before")
		if err := e.restoreState(); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	default:
		if err := e.snapshotState(); err != nil {
			return err
		}
	}
	for _, dir := range []string{stateDir, objectsDir, "tmp"} {
		if err := os.MkdirAll(e.path(dir), 0o700); err != nil {
			return err
		}
	}
	return os.WriteFile(e.path(dirtyFile), nil, 0o644)
}

// snapshotState copies the state aside. Until the copy is whole, the marker that it is used after is not there.
func (e *Emulator) snapshotState() error {
	if err := os.RemoveAll(e.path(snapshotDir)); err != nil {
		return err
	}
	return copyState(e.path(""), e.path(snapshotDir))
}

func (e *Emulator) restoreState() error {
	for _, dir := range []string{stateDir, objectsDir} {
		if err := os.RemoveAll(e.path(dir)); err != nil {
			return err
		}
	}
	return copyState(e.path(snapshotDir), e.path(""))
}

// copyState copies the state's folders from one place to another, as far as they are there.
func copyState(from, to string) error {
	for _, dir := range []string{stateDir, objectsDir} {
		source := from + "/" + dir
		if _, err := os.Stat(source); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.CopyFS(to+"/"+dir, os.DirFS(source)); err != nil {
			return err
		}
	}
	return nil
}

// markStateClean ends a good stop, unless the emulator says that it could not write all its state.
func (e *Emulator) markStateClean() error {
	log, err := os.ReadFile(e.path("emulator.log"))
	if err != nil {
		return err
	}
	if why := saveFailure(string(log)); why != "" {
		e.Progress("the emulated accounts could not write their state; the next run starts from how they were before (" + why + ")")
		return nil
	}
	return os.Remove(e.path(dirtyFile))
}

// saveFailure is what the emulator's log says of a state that is not whole; empty when it is.
func saveFailure(log string) string {
	for line := range strings.Lines(log) {
		if strings.Contains(line, "Persistence: failed to save") {
			return strings.TrimSpace(line)
		}
	}
	if !strings.Contains(log, "MiniStack shutting down") {
		return "it ended without a word"
	}
	return ""
}

// deleteState removes the accounts' state, and everything else of the emulator but its locks.
func (e *Emulator) deleteState() error {
	for _, name := range []string{stateDir, objectsDir, snapshotDir, "tmp", "tls", dirtyFile, "emulator.json", "emulator.log", accountsFile} {
		if err := os.RemoveAll(e.path(name)); err != nil {
			return err
		}
	}
	return nil
}
