package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/config"
)

// The file dagger.toml of this repository is what the function writes.
func TestWorkspaceFile_OfThisRepositoryIsCurrent(t *testing.T) {
	c, err := config.Load(os.DirFS(filepath.Join(repository, "config")))
	if err != nil {
		t.Fatal(err)
	}
	committed, err := os.ReadFile(filepath.Join(repository, workspaceFile))
	if err != nil {
		t.Fatal(err)
	}
	text, err := workspaceText(string(committed), "", c.Names())
	check(t, err == nil, "%v", err)
	check(t, text == string(committed), "%s is out of date: dagger call workspace-file export --path .\n%s",
		workspaceFile, text)
	for _, name := range append(c.Names(), "all") {
		contains(t, text, "[env."+name+".modules.lockstep.settings]\nenvironment = \""+name+"\"\n")
	}
}

func TestWorkspaceText_KeepsWhatOthersWrote(t *testing.T) {
	const module = "github.com/acme/lockstep@v1.0.0"
	written, err := workspaceText("", module, []string{"dev", "acc"})
	check(t, err == nil, "%v", err)
	contains(t, written, "[modules.lockstep]\nsource = \""+module+"\"\nentrypoint = true\n")
	const others = "[modules.eslint]\nsource = \"github.com/dagger/eslint\"\n"
	both := strings.Replace(written, workspaceBegin, others+"\n"+workspaceBegin, 1) + "[ports.80]\nbackendPort = 80\n"
	changed, err := workspaceText(both, "", []string{"dev", "prod"})
	check(t, err == nil, "%v", err)
	contains(t, changed, others, "[ports.80]\nbackendPort = 80\n", "[env.prod.", "source = \""+module+"\"")
	check(t, !strings.Contains(changed, "[env.acc."), "%s", changed)
	again, err := workspaceText(changed, "", []string{"dev", "prod"})
	check(t, err == nil && again == changed, "a second time it writes %s, %v", again, err)
	for text, want := range map[string]string{
		"":                                      "which module? Write --module",
		"[modules.lockstep]\n" + workspaceBegin: "and not the line",
		"[modules.lockstep":                     "cannot be read as TOML",
	} {
		_, err := workspaceText(text, "", []string{"dev"})
		contains(t, errorText(err), want)
	}
}

// A file that names the module in another spelling of TOML gets no second one, and keys before the first table stay
// where they are.
func TestWorkspaceText_ReadsTOMLAsDaggerDoes(t *testing.T) {
	for _, text := range []string{
		"modules.lockstep.source = \".\"\n", "[ modules . \"lockstep\" ]\nsource = \".\"\n",
		"modules = { lockstep = { source = \".\" } }\n", "[modules]\nlockstep = { source = \".\" }\n",
	} {
		written, err := workspaceText(text, "github.com/acme/lockstep@v1.0.0", []string{"dev"})
		check(t, err == nil && !strings.Contains(written, "acme"), "%s, %v", written, err)
		contains(t, written, text, "[env.dev.modules.lockstep.settings]")
	}
	written, err := workspaceText("ignore = [\"x\"]\n", "github.com/acme/lockstep@v1.0.0", []string{"dev"})
	check(t, err == nil && strings.HasPrefix(written, "ignore = [\"x\"]\n\n[modules.lockstep]\n"), "%s, %v", written, err)
}

func TestWorkspaceFile_ReturnsChanges(t *testing.T) {
	r, m := newRecorder(t, "")
	r.contents = "[modules.lockstep]\nsource = \".\"\n"
	changes, err := m.WorkspaceFile(t.Context(), "")
	check(t, err == nil && changes != nil, "%v", err)
}
