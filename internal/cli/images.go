package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"lockstep/internal/gate/images"
	"lockstep/internal/pipeline"
)

func (a *app) imagesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "images", Short: "List the pinned base images, or see what their tags mean now",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("images has no command %q; write list or resolve", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.imagesList(), a.imagesResolve())
	return cmd
}

// pins are the images of the table, by their keys' order.
func pins() ([]images.Pin, error) {
	var out []images.Pin
	for _, key := range slices.Sorted(maps.Keys(pipeline.Images)) {
		p, err := images.ParsePin(key, pipeline.Images[key])
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func (a *app) imagesList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Show each base image and the digest that it is held to", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			all, err := pins()
			if err != nil {
				return err
			}
			if a.json {
				return json.NewEncoder(a.Stdout).Encode(all)
			}
			for _, p := range all {
				fmt.Fprintf(a.Stdout, "%-8s %s %s\n", p.Name, p.Tag, p.Digest)
			}
			return nil
		},
	}
}

// A resolvedImage is a pinned image and what its tag means now.
type resolvedImage struct {
	images.Pin
	// Current is the digest that its registry has for the tag; Moved says that this is another one.
	Current string `json:"current"`
	Moved   bool   `json:"moved"`
}

func (a *app) imagesResolve() *cobra.Command {
	write := false
	cmd := &cobra.Command{
		Use: "resolve [--write]", Short: "Ask the registries what the tags of the base images mean now", Args: noArgs,
		Long: `Ask the registry of each base image, or the mirror that engine.imagePrefix names, for the digest that the image's tag has now. With --write the new digests
are written into ` + pipeline.ImagesFile + `, all or none. Steps are run anew with another image, so look at what the gates say before you commit it.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.loadProject()
			if err != nil {
				return err
			}
			all, err := resolveImages(cmd.Context(), p.config.Pipeline.Engine.ImagePrefix)
			if err != nil {
				return err
			}
			if write {
				if err := updatePins(p.root, all); err != nil {
					return err
				}
			}
			return a.showResolvedImages(all, write)
		},
	}
	cmd.Flags().BoolVar(&write, "write", false, "write the new digests into "+pipeline.ImagesFile)
	return cmd
}

// resolveImages asks for all images at once.
func resolveImages(ctx context.Context, prefix string) ([]resolvedImage, error) {
	all, err := pins()
	if err != nil {
		return nil, err
	}
	out, problems := make([]resolvedImage, len(all)), make([]error, len(all))
	var group sync.WaitGroup
	for i, p := range all {
		group.Go(func() {
			current, err := p.ResolveDigest(ctx, prefix)
			out[i], problems[i] = resolvedImage{Pin: p, Current: current, Moved: current != p.Digest}, err
		})
	}
	group.Wait()
	return out, errors.Join(problems...)
}

// updatePins writes the new digests into the project's table.
func updatePins(project string, all []resolvedImage) error {
	root, err := os.OpenRoot(project)
	if err != nil {
		return err
	}
	defer root.Close()
	text, err := root.ReadFile(pipeline.ImagesFile)
	if err != nil {
		return err
	}
	before := bytes.Clone(text)
	for _, r := range all {
		old := []byte(r.Tag + "@" + r.Digest)
		if n := bytes.Count(text, old); n != 1 {
			return fmt.Errorf("%s names %s %d times, not once: this program was built from another state of it, so run it with `go run .`", pipeline.ImagesFile, old, n)
		}
		text = bytes.Replace(text, old, []byte(r.Tag+"@"+r.Current), 1)
	}
	if bytes.Equal(text, before) {
		return nil
	}
	return root.WriteFile(pipeline.ImagesFile, text, 0o644)
}

func (a *app) showResolvedImages(all []resolvedImage, written bool) error {
	if a.json {
		return json.NewEncoder(a.Stdout).Encode(all)
	}
	moved := 0
	for _, r := range all {
		if !r.Moved {
			fmt.Fprintf(a.Stdout, "%-8s %s is what it was: %s\n", r.Name, r.Tag, r.Digest)
			continue
		}
		moved++
		fmt.Fprintf(a.Stdout, "%-8s %s has moved\n  from %s\n  to   %s\n", r.Name, r.Tag, r.Digest, r.Current)
	}
	if moved > 0 && written {
		fmt.Fprintf(a.Stdout, "%s has the new digests: run `lockstep check` before you commit it\n", pipeline.ImagesFile)
	}
	return nil
}
