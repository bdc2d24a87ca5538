package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/addonctl/addonctl/pkg/render"
)

func (r diffReport) name() string {
	var out []string
	for _, d := range r.Differences {
		out = append(out, d.Object)
	}
	return strings.Join(slices.Compact(out), "\n")
}

func (r diffReport) table(w io.Writer, wide bool) {
	head := fmt.Sprintf("%s %s -> %s on %s, Kubernetes %s", r.AddOn, r.From.Version, r.To.Version, r.NetworkType, r.From.Kubernetes)
	if r.From.Kubernetes != r.To.Kubernetes {
		head += " -> " + r.To.Kubernetes
	}
	if len(r.Differences) == 0 {
		fmt.Fprintf(w, "%s: no difference\n", head)
		return
	}
	fmt.Fprintf(w, "%s: %s\n", head, plural(strings.Count(r.name(), "\n")+1, "object differs", "objects differ"))
	for rest := r.Differences; len(rest) > 0; {
		n := slices.IndexFunc(rest, func(d render.Difference) bool { return d.Object != rest[0].Object })
		if n < 0 {
			n = len(rest)
		}
		writeDifferences(w, rest[:n], wide)
		rest = rest[n:]
	}
}

// mostFields of an object are shown; a definition can have hundreds.
const mostFields = 20

// writeDifferences writes those of one object.
func writeDifferences(w io.Writer, ds []render.Difference, wide bool) {
	if ds[0].Kind != render.Changed {
		fmt.Fprintf(w, "%s: %s\n", ds[0].Object, strings.ToLower(string(ds[0].Kind)))
		return
	}
	fmt.Fprintln(w, ds[0].Object)
	for i, d := range ds {
		if i == mostFields && !wide {
			fmt.Fprintf(w, "  and %d more (-o wide shows all)\n", len(ds)-i)
			return
		}
		fmt.Fprintf(w, "  %s: %s -> %s\n", d.Field, valueText(d.From, wide), valueText(d.To, wide))
	}
}

// valueText is a value in one line, cut unless wide.
func valueText(v any, wide bool) string {
	out, isText := v.(string)
	switch {
	case v == nil:
		return "(none)"
	case !isText:
		text, err := json.Marshal(v)
		if err != nil {
			return fmt.Sprint(v)
		}
		out = string(text)
	case out == "" || !strconv.CanBackquote(out):
		out = strconv.Quote(out)
	}
	const most = 120
	if runes := []rune(out); len(runes) > most && !wide {
		return string(runes[:most]) + "…"
	}
	return out
}
