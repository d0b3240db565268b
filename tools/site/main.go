// Command site builds the site of the documentation: the pages in docs with a search, from which nothing is loaded from
// elsewhere.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"lockstep/internal/pipeline"
	"lockstep/internal/process"
	"lockstep/tools"
)

func main() {
	out := flag.String("out", filepath.Join(pipeline.StateDir, "site"), "the `folder` of the site, which is replaced")
	flag.Parse()
	if err := build(context.Background(), *out); err != nil {
		fmt.Fprintln(os.Stderr, "site:", err)
		os.Exit(1)
	}
	fmt.Printf("the site is in %s: open %s\n", *out, filepath.Join(*out, "index.html"))
}

// build installs what the site is made with and of, and builds it into the folder out. Run it in the repository's root.
func build(ctx context.Context, out string) error {
	installer, err := tools.NewInstaller(os.Environ(), func(line string) { fmt.Fprintln(os.Stderr, line) })
	if err != nil {
		return err
	}
	mkdocs, err := installer.Install(ctx, pipeline.ToolMkDocs)
	if err != nil {
		return err
	}
	environ := append(os.Environ(), "NO_MKDOCS_2_WARNING=1")
	// The variables are those that tools/mkdocs/hooks.py reads.
	for name, variable := range map[string]string{
		tools.Mermaid: "LOCKSTEP_MERMAID", tools.IframeWorker: "LOCKSTEP_IFRAME_WORKER",
	} {
		script, err := installer.InstallData(ctx, name)
		if err != nil {
			return err
		}
		environ = append(environ, variable+"="+script)
	}
	if out, err = filepath.Abs(out); err != nil { // mkdocs takes it as relative to its configuration
		return err
	}
	cmd := process.Command(ctx, filepath.Join(mkdocs, "bin", "mkdocs"), "build", "--strict", "--site-dir", out)
	cmd.Stdout, cmd.Stderr, cmd.Env = os.Stderr, os.Stderr, environ
	return cmd.Run()
}
