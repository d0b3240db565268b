package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"lockstep/config"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/pipeline"
	"lockstep/internal/repo"
)

// A newFile is a file that init writes.
type newFile struct{ name, text string }

// write writes the configuration, or shows it. It is read as every command reads it before anything is written.
func (i *initializer) write(ctx context.Context) (result, error) {
	files, first, err := i.files()
	if err != nil {
		return nil, err
	}
	if err := checkFiles(files); err != nil {
		return nil, err
	}
	for _, file := range files {
		switch _, err := os.Lstat(filepath.Join(i.root, filepath.FromSlash(file.name))); {
		case err == nil:
			return nil, usagef(fault.OutputPath, "%s is there already, without a %s: move it away, or write the "+
				"configuration by hand", file.name, rootMarker)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	ignore, err := i.ignoreFiles(ctx)
	if err != nil {
		return nil, err
	}
	files = append(files, ignore...)
	r := &initResult{DryRun: i.dryRun}
	for _, file := range files {
		r.Files = append(r.Files, file.name)
		if i.dryRun {
			r.text += "# " + file.name + "\n" + file.text + "\n"
			continue
		}
		if err := fsx.WriteBelow(i.root, file.name, []byte(file.text), fsx.PublicFile); err != nil {
			return nil, err
		}
	}
	if i.dryRun {
		r.text += "nothing was written, because of --dry-run\n"
	} else {
		r.text = "wrote " + enumerate(r.Files) + "\n\nnext\n" +
			"  lockstep deploy --env " + first + "   rehearse the deployment on emulated accounts\n" +
			"  lockstep check" + strings.Repeat(" ", len(first)+11) + "run the gates that apply to this repository\n"
	}
	return r, nil
}

// WriteText implements result.
func (r *initResult) WriteText(w io.Writer) error {
	_, err := io.WriteString(w, r.text)
	return err
}

// files returns the files of the configuration, and the name of the first environment.
func (i *initializer) files() (files []newFile, first string, err error) {
	var environments []newFile
	after, region := "", ""
	for n, written := range i.environments {
		name, own, err := parseEnvironment(written)
		if err != nil {
			return nil, "", err
		}
		text := fmt.Sprintf("account: %s\nregion: %s\n", strconv.Quote(own.ID), own.Region)
		text += placesText(i.placesOf(n, own))
		if after != "" {
			text += "# A release comes here once it has been deployed there.\nafter: " + after + "\n"
		} else {
			first, region = name, own.Region
		}
		if name == "prod" {
			text += "# A person approves what is deployed here, and the stacks cannot be deleted.\n" +
				"approval: true\nterminationProtection: true\n"
		}
		environments = append(environments, newFile{"config/environments/" + name + ".yaml", text})
		after = name
	}
	account, itsRegion, hasRegion := strings.Cut(i.tooling, "/")
	if hasRegion {
		region = itsRegion
	}
	text := "project: " + i.project + "\n# Whoever deploys is a principal of this account.\ntooling:\n" +
		"  account: " + strconv.Quote(account) + "\n  region: " + region + "\n" + i.bootstrapText() + i.appText()
	return append([]newFile{{rootMarker, text}}, environments...), first, nil
}

// parseEnvironment parses NAME=ACCOUNT/REGION.
func parseEnvironment(written string) (name string, own config.Account, err error) {
	name, account, ok := strings.Cut(written, "=")
	id, region, hasRegion := strings.Cut(account, "/")
	if !ok || !hasRegion || name == "" || strings.ContainsAny(name, `/\`) {
		return "", own, usagef(fault.FlagValue, "--env %s: write NAME=ACCOUNT/REGION, such as dev=111122223333/eu-west-1",
			written)
	}
	return name, config.Account{ID: id, Region: region}, nil
}

// placesText returns the lines of an environment's file that name its other places.
func placesText(places []config.Account) string {
	if len(places) == 0 {
		return ""
	}
	text := "# The app has stacks here too.\nplaces:\n"
	for _, p := range places {
		text += fmt.Sprintf("  - account: %s\n    region: %s\n", strconv.Quote(p.ID), p.Region)
	}
	return text
}

// installComment is the line before the command that installs the app's packages.
const installComment = "  # Where its packages are missing, as in a container or a job, this installs them.\n"

// compileComment is the line before the command that runs an app which has to be compiled.
const compileComment = "  # What compiles the app, and then the command of cdk.json.\n"

// defaultQualifier is the qualifier of the CDK's bootstrap, unless it is given another.
const defaultQualifier = "hnb659fds"

// bootstrapText returns what the configuration says about the bootstrap: what the app names that is not the CDK's.
func (i *initializer) bootstrapText() string {
	text := ""
	if i.qualifier != "" && i.qualifier != defaultQualifier {
		text += "  qualifier: " + strconv.Quote(i.qualifier) + "\n"
	}
	if i.found.ToolkitStack != "" {
		text += "  toolkitStack: " + strconv.Quote(i.found.ToolkitStack) + "\n"
	}
	if text == "" {
		return ""
	}
	return "# As the app names them.\nbootstrap:\n" + text
}

// appText returns what the configuration says about the app.
func (i *initializer) appText() string {
	if i.found.Language == "" && i.found.Folder == "" && i.found.Compile == "" {
		return ""
	}
	text := "# Its command is that of cdk.json.\napp:\n"
	if i.found.Compile != "" {
		text = "app:\n" + compileComment + "  command: " + strconv.Quote(i.found.Run()) + "\n"
	}
	if i.found.Language != "" {
		text += "  language: " + i.found.Language + "\n"
	}
	if i.found.Folder != "" {
		text += "  folder: " + strconv.Quote(i.found.Folder) + "\n"
	}
	if i.found.Install != "" {
		text += installComment + "  install: " + i.found.Install + "\n"
	}
	return text
}

// checkFiles returns config.ValidationErrors if the files are no valid configuration.
func checkFiles(files []newFile) error {
	dir, err := os.MkdirTemp("", "lockstep-init-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, file := range files {
		name := filepath.Join(dir, filepath.FromSlash(file.name))
		if err := os.MkdirAll(filepath.Dir(name), fsx.PrivateDir); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(file.text), fsx.PrivateFile); err != nil {
			return err
		}
	}
	_, err = config.Load(fsx.Dir(filepath.Join(dir, "config")))
	return err
}

// ignoreFiles returns the files by which Git, and builds of images, leave out the state folder; nothing of what does so
// already.
func (i *initializer) ignoreFiles(ctx context.Context) ([]newFile, error) {
	var files []newFile
	if _, err := repo.New(i.root, i.app.Environ).Git(ctx, "check-ignore", "--quiet", pipeline.StateDir+"/x"); err != nil {
		if files, err = i.withLine(files, ".gitignore", "/"+pipeline.StateDir+"/"); err != nil {
			return nil, err
		}
	}
	// An image may be built from the whole repository. The CDK reads this file as builders do.
	for _, name := range []string{dockerIgnore, "Dockerfile"} {
		if _, err := os.Stat(filepath.Join(i.root, name)); err == nil {
			return i.withLine(files, dockerIgnore, pipeline.StateDir)
		}
	}
	return files, nil
}

// dockerIgnore is the file that names what is no part of an image's context.
const dockerIgnore = ".dockerignore"

// withLine adds a file with a line at its end, unless the file has that line.
func (i *initializer) withLine(files []newFile, name, line string) ([]newFile, error) {
	text, err := fsx.ReadFileFS(fsx.Dir(i.root), name, fsx.MaxText)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if slices.Contains(strings.Fields(string(text)), line) {
		return files, nil
	}
	whole := string(text)
	if whole != "" && !strings.HasSuffix(whole, "\n") {
		whole += "\n"
	}
	return append(files, newFile{name, whole + line + "\n"}), nil
}
