package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"lockstep/internal/fault"
	"lockstep/internal/gate/images"
	"lockstep/internal/pipeline"
	"lockstep/internal/report"
)

func (a *app) imagesCommand() *cobra.Command {
	return newCommandGroup(
		&cobra.Command{Use: "images", Short: "List the pinned base images, or see what their tags mean now"},
		a.imagesList(), a.imagesResolve())
}

// imagePins returns the pinned images, sorted by name.
func imagePins() ([]images.Pin, error) {
	var pins []images.Pin
	for _, name := range slices.Sorted(maps.Keys(pipeline.Images)) {
		pin, err := images.ParsePin(name, pipeline.Images[name])
		if err != nil {
			return nil, err
		}
		pins = append(pins, pin)
	}
	return pins, nil
}

// An imageList is the result of images list.
type imageList struct {
	report.Envelope
	Images []images.Pin `json:"images"`
}

func (l *imageList) WriteText(w io.Writer) error {
	var rows [][]string
	for _, pin := range l.Images {
		rows = append(rows, []string{pin.Name, pin.Tag, pin.Digest})
	}
	return writeLines(w, rows)
}

func (a *app) imagesList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Show each base image and the digest that it is pinned to", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			pins, err := imagePins()
			if err != nil {
				return err
			}
			return a.finish(&imageList{Images: pins}, nil)
		},
	}
}

// A resolvedImage is a pinned image and what its tag means now.
type resolvedImage struct {
	images.Pin
	// Current is the digest that the registry has for the tag. Moved reports whether it differs from the pinned one.
	Current string `json:"current"`
	Moved   bool   `json:"moved"`
}

// A resolvedImages is the result of images resolve.
type resolvedImages struct {
	report.Envelope
	Images []resolvedImage `json:"images"`

	written bool
}

func (a *app) imagesResolve() *cobra.Command {
	write := false
	cmd := &cobra.Command{
		Use: "resolve [--write]", Short: "Ask the registries what the tags of the base images mean now", Args: noArgs,
		Long: `Ask the registry of each base image, or the mirror that engine.imagePrefix names, for the digest
that the image's tag has now. With --write the new digests are written into ` + pipeline.ImagesFile + `, all or
none. Steps run again with another image, so look at what the gates say before you commit it.`,
		RunE: a.inProject(func(ctx context.Context, p *project) (result, error) {
			all, err := resolveImages(ctx, p.config.Pipeline.Engine.ImagePrefix)
			if err != nil {
				return nil, err
			}
			if write {
				if err := updatePins(p.root, all); err != nil {
					return nil, err
				}
			}
			return &resolvedImages{Images: all, written: write}, nil
		}),
	}
	cmd.Flags().BoolVar(&write, "write", false, "write the new digests into "+pipeline.ImagesFile)
	return cmd
}

// resolveImages resolves all images at the same time.
func resolveImages(ctx context.Context, prefix string) ([]resolvedImage, error) {
	pins, err := imagePins()
	if err != nil {
		return nil, err
	}
	resolved := make([]resolvedImage, len(pins))
	errs := make([]error, len(pins))
	var group sync.WaitGroup
	for i, pin := range pins {
		group.Go(func() {
			current, err := pin.ResolveDigest(ctx, prefix)
			resolved[i], errs[i] = resolvedImage{Pin: pin, Current: current, Moved: current != pin.Digest}, err
		})
	}
	group.Wait()
	return resolved, errors.Join(errs...)
}

// updatePins writes the new digests into the project's source.
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
	updated := text
	for _, r := range all {
		old := []byte(r.Tag + "@" + r.Digest)
		if n := bytes.Count(updated, old); n != 1 {
			return fault.Errorf(fault.ImageReference,
				"%s names %s %d times, not once: this program was built from another state of it, "+
					"so run it with `go run .`", pipeline.ImagesFile, old, n)
		}
		updated = bytes.Replace(updated, old, []byte(r.Tag+"@"+r.Current), 1)
	}
	if bytes.Equal(text, updated) {
		return nil
	}
	return root.WriteFile(pipeline.ImagesFile, updated, 0o644)
}

func (r *resolvedImages) WriteText(w io.Writer) error {
	var rows [][]string
	hasMoved := false
	for _, image := range r.Images {
		if !image.Moved {
			rows = append(rows, []string{image.Name, image.Tag + " is unchanged: " + image.Digest})
			continue
		}
		hasMoved = true
		rows = append(rows, []string{image.Name, image.Tag + " has moved"},
			[]string{"", "from " + image.Digest}, []string{"", "to   " + image.Current})
	}
	if err := writeLines(w, rows); err != nil || !hasMoved || !r.written {
		return err
	}
	_, err := fmt.Fprintf(w, "%s has the new digests: run `lockstep check` before you commit it\n", pipeline.ImagesFile)
	return err
}
