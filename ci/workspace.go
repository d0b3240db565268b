package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"lockstep/ci/internal/dagger"
	"lockstep/config"
)

// workspaceFile is the file in which Dagger 1.0 finds the modules of a repository, and the settings of each
// environment. Dagger 0.21 does not read it.
const workspaceFile = "dagger.toml"

// The first and the last line of what WorkspaceFile writes into the file.
const (
	workspaceBegin = "# Environments of config/, written by dagger call workspace-file. Edits up to the end are lost."
	workspaceEnd   = "# End of the environments of config/."
)

// WorkspaceFile adds the environments of the configuration to the file dagger.toml, for Dagger 1.0.
//
// There an option of Dagger selects the environment, as in dagger --env acc call environment deploy. It returns a
// changeset, which Dagger shows before it changes the file.
//
// +cache="session"
func (m *Lockstep) WorkspaceFile(
	ctx context.Context,
	// This module as dagger install takes it, such as github.com/OWNER/lockstep@v1.0.0, for a file that does not name it
	// +optional
	module string,
) (*dagger.Changeset, error) {
	p, err := m.open(ctx)
	if err != nil {
		return nil, err
	}
	found, err := p.source.Glob(ctx, workspaceFile)
	if err != nil {
		return nil, messageError("the source directory cannot be read", err)
	}
	var text string
	if len(found) > 0 {
		if text, err = p.source.File(workspaceFile).Contents(ctx); err != nil {
			return nil, messageError(workspaceFile+" cannot be read", err)
		}
	}
	if text, err = workspaceText(text, module, p.config.Names()); err != nil {
		return nil, err
	}
	return p.source.WithNewFile(workspaceFile, text).Changes(p.source), nil
}

// hasModule reports whether the text of a dagger.toml installs this module.
func hasModule(text string) (bool, error) {
	var workspace struct {
		Modules map[string]any
	}
	if err := toml.Unmarshal([]byte(text), &workspace); err != nil {
		return false, fmt.Errorf("%s cannot be read as TOML: %w", workspaceFile, err)
	}
	_, has := workspace.Modules["lockstep"]
	return has, nil
}

// workspaceText returns the text of a dagger.toml with the environments, and with this module if it was not there. All
// else in the text stays as it is.
func workspaceText(text, module string, environments []string) (string, error) {
	before, rest, isWritten := strings.Cut(text, workspaceBegin)
	_, after, isComplete := strings.Cut(rest, workspaceEnd+"\n")
	if isWritten && !isComplete {
		return "", fmt.Errorf("%s has the line %q and not the line %q after it: remove the former, and what was written "+
			"below it", workspaceFile, workspaceBegin, workspaceEnd)
	}
	if before = strings.TrimSpace(before); before != "" {
		before += "\n\n"
	}
	isInstalled, err := hasModule(before + after)
	if err != nil {
		return "", err
	}
	if !isInstalled {
		if module == "" {
			return "", errors.New("which module? Write --module with this module as dagger install takes it, such as " +
				"github.com/OWNER/lockstep@v1.0.0")
		}
		before += fmt.Sprintf("[modules.lockstep]\nsource = %q\nentrypoint = true\n\n", module) // keys before a table stay
	}
	var b strings.Builder
	b.WriteString(before + workspaceBegin + "\n")
	for _, name := range append([]string{config.AllEnvironments}, environments...) {
		fmt.Fprintf(&b, "[env.%s.modules.lockstep.settings]\nenvironment = %q\n\n", name, name)
	}
	b.WriteString(workspaceEnd + "\n" + after)
	return b.String(), nil
}
