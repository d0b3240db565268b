// Package generated is the frame of the commands that generate files of this program from published packages.
package generated

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"lockstep/internal/fsx"
	"lockstep/tools"
)

// Main is the main function of such a command. It writes what generate returns to the file of the flag -out, and ends
// the process with status 1 if that fails.
func Main(name string, generate func(context.Context, *tools.Installer) ([]byte, error)) {
	out := flag.String("out", name, "the file to write")
	flag.Parse()
	if err := writeGenerated(*out, generate); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// writeGenerated writes what generate returns.
func writeGenerated(out string, generate func(context.Context, *tools.Installer) ([]byte, error)) error {
	installer, err := tools.NewInstaller(os.Environ(), func(line string) { fmt.Fprintln(os.Stderr, line) })
	if err != nil {
		return err
	}
	data, err := generate(context.Background(), installer)
	if err != nil {
		return err
	}
	return os.WriteFile(out, data, 0o644)
}

// ReadJSON stores what a file of an installed package holds.
func ReadJSON(path string, into any) error {
	data, err := fsx.ReadFile(path, fsx.MaxText)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
