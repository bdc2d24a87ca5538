package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/render"
)

// manifestFormats are those of `render -o`.
var manifestFormats = []string{"yaml", "json", "dir"}

// renderWriter writes rendered objects where the flags say.
type renderWriter struct {
	*app
	format, to  string
	definitions bool
}

func (w *renderWriter) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVarP(&w.format, "output", "o", "yaml", "output format: yaml, json (a List), or dir (a file for each object)")
	f.StringVar(&w.to, "to", "", "folder for -o dir, one that is empty or not there yet")
	f.BoolVar(&w.definitions, "include-crds", false, "write CustomResourceDefinitions too")
	_ = c.RegisterFlagCompletionFunc("output", fixed(manifestFormats...))
	_ = c.MarkFlagDirname("to")
}

func (w *renderWriter) check(c *cobra.Command) error {
	switch {
	case !slices.Contains(manifestFormats, w.format):
		return usage("one of "+strings.Join(manifestFormats, ", "), "unknown output format %q", w.format)
	case w.format == "dir" && w.to == "":
		return usage("add --to DIR", "-o dir needs a folder to write to")
	case w.format != "dir" && c.Flags().Changed("to"):
		return usage("add -o dir", "--to is for -o dir alone")
	default:
		return nil
	}
}

// write writes everything at once, or nothing.
func (w *renderWriter) write(objects []*unstructured.Unstructured) error {
	if !w.definitions {
		objects = w.withoutDefinitions(objects)
	}
	switch w.format {
	case "dir":
		return w.folder(objects)
	case "json":
		text, err := asList(objects)
		if err != nil {
			return err
		}
		_, err = w.Out.Write(text)
		return err
	default:
		text, err := render.Print(objects)
		if err != nil {
			return err
		}
		_, err = w.Out.Write([]byte(text))
		return err
	}
}

// withoutDefinitions leaves definitions out, and names them.
func (w *renderWriter) withoutDefinitions(objects []*unstructured.Unstructured) []*unstructured.Unstructured {
	var names []string
	var rest []*unstructured.Unstructured
	for _, o := range objects {
		if isDefinition(o) {
			names = append(names, o.GetName())
		} else {
			rest = append(rest, o)
		}
	}
	if len(names) > 0 {
		w.note(fmt.Sprintf("note: %s left out (--include-crds writes such): %s",
			plural(len(names), "CustomResourceDefinition is", "CustomResourceDefinitions are"), strings.Join(names, ", ")))
	}
	return rest
}

// asList is objects as one JSON document.
func asList(objects []*unstructured.Unstructured) ([]byte, error) {
	items := make([]any, 0, len(objects))
	for _, o := range objects {
		items = append(items, o.Object)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	err := e.Encode(map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
	return b.Bytes(), err
}

// folder writes a file for each object into a folder of its own, which takes its name when it is whole.
func (w *renderWriter) folder(objects []*unstructured.Unstructured) error {
	to, err := filepath.Abs(w.to)
	if err != nil {
		return fmt.Errorf("writing to --to %q: %w", w.to, err)
	}
	if there, err := filepath.EvalSymlinks(to); err == nil {
		to = there // a link stays one
	}
	if err := cmp.Or(checkElsewhere(to), checkFree(to)); err != nil {
		return err
	}
	begun, err := os.MkdirTemp(filepath.Dir(to), ".addonctl-render-")
	if err != nil {
		return usage("give a folder whose parent is there and may be written", "writing to --to %q: %w", w.to, err)
	}
	defer func() { _ = os.RemoveAll(begun) }() // nothing is left of it when it has its name
	if err := writeFiles(begun, objects); err != nil {
		return fmt.Errorf("writing to --to %q: %w", w.to, err)
	}
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return usage("give a folder that is not there yet", "taking the place of --to %q: %w", w.to, err)
	}
	if err := os.Rename(begun, to); err != nil {
		return fmt.Errorf("writing to --to %q: %w", w.to, err)
	}
	w.note(fmt.Sprintf("%s written to %s", plural(len(objects), "file", "files"), w.to))
	return nil
}

// checkElsewhere refuses the current folder and those that hold it, also an empty one: a new folder takes the place of what
// is written to, and a shell would stand in one that is no more.
func checkElsewhere(to string) error {
	here, err := os.Getwd()
	if err != nil {
		return nil //nolint:nilerr // who is nowhere loses nothing
	}
	if there, err := filepath.EvalSymlinks(here); err == nil {
		here = there
	}
	if below, err := filepath.Rel(to, here); err == nil && filepath.IsLocal(below) {
		return usage("give a folder in it, such as --to manifests", "--to %q is the current folder, or holds it", to)
	}
	return nil
}

// checkFree refuses a folder that holds anything, and what is no folder.
func checkFree(to string) error {
	there, err := os.ReadDir(to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return usage("give a folder that is empty or not there yet", "reading --to: %w", err)
	case len(there) > 0:
		return usage("nothing is overwritten: give a folder that is empty or not there yet", "--to %q is not empty", to)
	default:
		return nil
	}
}

// foreign are letters that no file should have in its name.
var foreign = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

func writeFiles(dir string, objects []*unstructured.Unstructured) error {
	if err := os.Chmod(dir, 0o755); err != nil { // what is made for a while is closed to others
		return err
	}
	width := max(2, len(fmt.Sprint(len(objects))))
	for i, o := range objects {
		text, err := render.Print([]*unstructured.Unstructured{o})
		if err != nil {
			return err
		}
		kind := strings.ToLower(o.GetKind())
		if isDefinition(o) {
			kind = "crd"
		}
		name := fmt.Sprintf("%0*d-%s-%s.yaml", width, i+1, foreign.ReplaceAllString(kind, "_"), foreign.ReplaceAllString(o.GetName(), "_"))
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.TrimPrefix(text, "---\n")), 0o644); err != nil {
			return err
		}
	}
	return nil
}
