package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

// shownRelease is the result of `catalog show ADDON VERSION`.
type shownRelease struct {
	listedRelease

	Images []catalog.Image `json:"images"`
	Nodes  shownNeeds      `json:"nodes"`
	Realms []string        `json:"realms,omitempty"`
	Keys   []shownKey      `json:"configurations,omitempty"`
	Values map[string]any  `json:"values,omitempty"`
	// Entering and Leaving are what concerns moves to the release, and from it.
	Entering shownDangers `json:"entering"`
	Leaving  shownDangers `json:"leaving"`
	Sources  []string     `json:"sources"`
}

type shownNeeds struct {
	OS            []string        `json:"os,omitempty"`
	Architectures []string        `json:"architectures,omitempty"`
	Kernel        version.Version `json:"kernel,omitzero"`
	Modules       []string        `json:"modules,omitempty"`
	Iptables      []string        `json:"iptables,omitempty"`
}

type shownDangers struct {
	Blocks  []shownBlock  `json:"blocks,omitempty"`
	Hazards []shownHazard `json:"hazards,omitempty"`
}

func showRelease(charts fs.FS, x catalog.AddOn, r catalog.Release) shownRelease {
	out := shownRelease{
		listedRelease: listing(charts, r), Images: r.Images, Nodes: shownNeeds(r.Nodes), Realms: r.Realms, Values: r.Values, Sources: r.Sources,
	}
	for _, c := range r.Configurations {
		out.Keys = append(out.Keys, keyOf(c))
	}
	for _, b := range x.Blocks {
		if concerns(origins(x, b.From), func(v version.Version) bool { return b.Concerns(v, r.Version) }, r.Version) {
			out.Entering.Blocks = append(out.Entering.Blocks, shownBlock(b))
		}
		if concerns(goals(x, b.To), func(v version.Version) bool { return b.Concerns(r.Version, v) }, r.Version) {
			out.Leaving.Blocks = append(out.Leaving.Blocks, shownBlock(b))
		}
	}
	for _, h := range x.Hazards {
		if concerns(origins(x, h.From), func(v version.Version) bool { return h.Concerns(v, r.Version) }, r.Version) {
			out.Entering.Hazards = append(out.Entering.Hazards, shownHazard(h))
		}
		if concerns(goals(x, h.To), func(v version.Version) bool { return h.Concerns(r.Version, v) }, r.Version) {
			out.Leaving.Hazards = append(out.Leaving.Hazards, shownHazard(h))
		}
	}
	return out
}

// goals are the other ends of moves that a range may speak of: every release, and the range's own ends, for a cluster may
// run what the catalog does not know.
func goals(x catalog.AddOn, r version.Range) []version.Version {
	out := []version.Version{r.Minimal, r.Maximum}
	for _, release := range x.Releases {
		out = append(out, release.Version)
	}
	return slices.DeleteFunc(out, version.Version.IsZero)
}

// origins are goals, and the zero version for an installation.
func origins(x catalog.AddOn, r version.Range) []version.Version {
	return append(goals(x, r), version.Version{})
}

// concerns tells whether something speaks of a move between a release and another version.
func concerns(others []version.Version, speaks func(version.Version) bool, of version.Version) bool {
	return slices.ContainsFunc(others, func(v version.Version) bool { return !v.Equal(of) && speaks(v) })
}

func (r shownRelease) name() string { return r.AddOn + "/" + r.Version.String() }

func (r shownRelease) table(w io.Writer, _ bool) {
	columns(w,
		[]string{"Release:", fmt.Sprintf("%s %s", r.AddOn, r.Version)},
		[]string{"Status:", fmt.Sprintf("%s, released: %s", r.Status, releasedText(r.Released))},
		[]string{"Kubernetes:", fmt.Sprintf("%s; listed for: %s", r.Kubernetes, dash(strings.Join(texts(r.ListedFor), ", ")))},
		[]string{"Mechanism:", string(r.Mechanism)},
		[]string{"Chart:", fmt.Sprintf("%s, in this build: %s", r.Chart, yesNo(r.Shipped))},
		[]string{"Realms:", orAny(strings.Join(r.Realms, ", "))},
		[]string{"Nodes need:", r.Nodes.text()},
		[]string{"Confidence:", string(r.Confidence)},
	)
	var images [][]string
	for _, i := range r.Images {
		images = append(images, []string{i.Name, i.Ref})
	}
	section(w, "Images", columnLines(images...)...)
	section(w, "Configuration keys", r.keys()...)
	section(w, "Chart values", r.values()...)
	section(w, "Entering it", r.Entering.lines()...)
	section(w, "Leaving it", r.Leaving.lines()...)
	section(w, "Sources", r.Sources...)
}

func (n shownNeeds) text() string {
	var out []string
	say := func(name, values string) {
		if values != "" {
			out = append(out, name+" "+values)
		}
	}
	say("os", strings.Join(n.OS, " or "))
	say("architecture", strings.Join(n.Architectures, " or "))
	if !n.Kernel.IsZero() {
		say("kernel", n.Kernel.String()+" or later")
	}
	say("kernel modules", strings.Join(n.Modules, " and "))
	say("iptables", strings.Join(n.Iptables, " or "))
	if len(out) == 0 {
		return "nothing that is known"
	}
	return strings.Join(out, "; ")
}

func (r shownRelease) keys() []string {
	if len(r.Keys) == 0 {
		return nil
	}
	rows := [][]string{{"KEY", "REQUIRED", "TYPE", "NAME"}}
	for _, k := range r.Keys {
		rows = append(rows, []string{k.Key, yesNo(k.Required), typeText(k.Schema), dash(k.DisplayName)})
	}
	return columnLines(rows...)
}

// typeText is the type that a schema asks for; -o json has all of it.
func typeText(schema map[string]any) string {
	switch t := schema["type"].(type) {
	case string:
		return t
	case []any:
		var out []string
		for _, one := range t {
			out = append(out, fmt.Sprint(one))
		}
		return strings.Join(out, " or ")
	default:
		return "any"
	}
}

// values are the top level of the chart values, one key a line.
func (r shownRelease) values() []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(r.Values)) {
		text, err := json.Marshal(r.Values[key])
		if err != nil {
			text = []byte(err.Error())
		}
		out = append(out, fmt.Sprintf("%s: %s", key, text))
	}
	return out
}

func (d shownDangers) lines() []string {
	return slices.Concat(listed(d.Blocks, shownBlock.dangerLines), listed(d.Hazards, shownHazard.dangerLines))
}
