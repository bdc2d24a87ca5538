package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// formats of -o.
var formats = []string{"table", "wide", "json", "yaml", "name"}

// checkOutput refuses an unknown format, and a version that names nothing, before anything is done.
func (a *app) checkOutput(c *cobra.Command, _ []string) error {
	if !slices.Contains(formats, a.output) {
		return usage("one of "+strings.Join(formats, ", "), "unknown output format %q", a.output)
	}
	return a.checkVersion(c)
}

// checkVersion refuses a --version that names no release for sure: an empty one, which a script's unset variable gives, and one
// without a patch, unless a release is called so.
func (a *app) checkVersion(c *cobra.Command) error {
	f := c.Flags().Lookup("version")
	if f == nil || !f.Changed {
		return nil
	}
	given := f.Value.String()
	if given == "" {
		return usage("leave it out for the newest that fits", "--version is empty")
	}
	v := parseVersion(given)
	if v.IsZero() || v.HasPatch() {
		return nil // the planner says what it is, or that there is none
	}
	cat, err := a.catalog()
	if err != nil {
		return err
	}
	for _, addOn := range cat.AddOns {
		if r, ok := addOn.Find(v); ok && !r.Version.HasPatch() {
			return nil
		}
	}
	return usage("addonctl versions lists the releases", "--version %s names a minor and no release", given)
}

// shown is a result that can be printed in every format.
type shown interface {
	// table writes the result for people; wide asks for more columns.
	table(w io.Writer, wide bool)
	// name is the result as one name per line.
	name() string
}

// print writes a result to Out in the format asked for.
func (a *app) print(r shown) error {
	switch a.output {
	case "json":
		e := json.NewEncoder(a.Out)
		e.SetIndent("", "  ")
		return e.Encode(r)
	case "yaml":
		text, err := yaml.Marshal(r)
		if err != nil {
			return fmt.Errorf("printing the result: %w", err)
		}
		_, err = a.Out.Write(text)
		return err
	case "name":
		_, err := fmt.Fprintln(a.Out, r.name())
		return err
	default:
		var b bytes.Buffer
		r.table(&b, a.output == "wide")
		_, err := a.Out.Write(b.Bytes())
		return err
	}
}

// columns writes rows as aligned columns.
func columns(w io.Writer, rows ...[]string) {
	t := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(t, strings.TrimRight(strings.Join(r, "\t"), "\t"))
	}
	_ = t.Flush()
}

// dash stands for an empty cell.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
