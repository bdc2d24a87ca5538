package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/addonctl/addonctl/pkg/engine/helm"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/render"
)

// What is shown of an adoption at most; -o json has all.
const (
	mostDifferences = 40
	mostOfValue     = 70
)

// show tells what was found, how it differs, and what will be written.
func (s *session) show(found *helm.Adoption, w hub.Wish) {
	if found.Done {
		s.note(fmt.Sprintf("%s carries addonctl's marks, and nothing is recorded of it: the record is written again", found.Workload))
		return
	}
	s.note(fmt.Sprintf("found %s %s as DaemonSet %s", found.AddOn.Name, found.Release.Version, found.Workload))
	for _, o := range found.Objects {
		s.note("  " + objectLine(o))
	}
	for _, line := range differenceLines(found.Differences) {
		s.note(line)
	}
	if len(found.PodCIDRs) > 0 {
		s.note("pod CIDRs, as they run: " + strings.Join(found.PodCIDRs, ","))
	}
	if len(found.Settings.Values) > 0 {
		s.note("values that will be recorded: " + brief(found.Settings.Values, 4*mostOfValue))
	}
	kept := ", left to automatic updates"
	if w.Desired.Version != "" {
		kept = fmt.Sprintf(", pinned to %s (%s)", w.Desired.Version, w.Desired.Pin.Reason)
	}
	s.note(fmt.Sprintf("adopting writes labels, annotations and the ownership of fields of %s, and no template, configuration or namespace%s",
		plural(len(found.Objects), "object", "objects"), kept))
}

func objectLine(o helm.Taken) string {
	line := o.Object
	if o.Owner != "" {
		line += ", of " + o.Owner
	}
	if len(o.Managers) > 0 {
		line += "; fields taken from " + strings.Join(o.Managers, ", ")
	}
	return line
}

// differenceLines are the differences with their values, object by object.
func differenceLines(all []helm.ThreeWay) []string {
	if len(all) == 0 {
		return []string{"it is what our release of that version is"}
	}
	out := []string{plural(len(all), "difference", "differences") + " to our release of that version, or to what the owner wrote last; the first update takes ours:"}
	object := ""
	for _, d := range all[:min(len(all), mostDifferences)] {
		if d.Object != object {
			object = d.Object
			out = append(out, "  "+object)
		}
		out = append(out, "    "+differenceLine(d))
	}
	if more := len(all) - mostDifferences; more > 0 {
		out = append(out, fmt.Sprintf("  and %d more; -o json has all", more))
	}
	return out
}

func differenceLine(d helm.ThreeWay) string {
	switch d.Kind {
	case render.Added:
		return "only ours"
	case render.Removed:
		return "only live"
	case render.Changed:
	}
	former := "not known"
	if d.FormerKnown {
		former = brief(d.Former, mostOfValue)
	}
	return fmt.Sprintf("%s: live %s | ours %s | owner wrote %s", d.Field, brief(d.Live, mostOfValue), brief(d.Ours, mostOfValue), former)
}

// brief is a value as JSON, cut where it is long.
func brief(v any, most int) string {
	if v == nil {
		return "-"
	}
	text, err := json.Marshal(v)
	if err != nil {
		text = fmt.Append(nil, v)
	}
	if runes := []rune(string(text)); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return string(text)
}
