package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

func (a *app) catalogShowCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "show ADDON [VERSION]",
		Short: "Show an add-on with its rules, or everything about one of its releases",
		Long: `Without a version: what the add-on is on a cluster, the rules of moving between its releases, and all blocks, hazards and
configuration keys. With one: everything about that release, and the blocks and hazards of entering and of leaving it.
-o json has the JSON Schema of each configuration key.`,
		Args: arguments(1, "ADDON", "VERSION"), ValidArgsFunction: a.completeNamed(true),
		RunE: func(c *cobra.Command, args []string) error {
			addOn, err := a.named(args[0])
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return a.print(showAddOn(addOn))
			}
			r, err := releaseOf(addOn, "VERSION", args[1])
			if err != nil {
				return err
			}
			folder, err := a.chartFolder(c.Context())
			if err != nil {
				return err
			}
			return a.print(showRelease(folder, addOn, r))
		},
	}
	a.fromFlag(c)
	return c
}

// shownAddOn is the result of `catalog show ADDON`.
type shownAddOn struct {
	Name        string                `json:"name"`
	NetworkType catalog.NetworkType   `json:"networkType,omitempty"`
	Beside      []catalog.NetworkType `json:"beside,omitempty"`
	Chart       string                `json:"chart"`
	HelmRelease string                `json:"release"`
	Workload    catalog.Workload      `json:"workload"`
	NodeKinds   []catalog.NodeKind    `json:"nodeKinds"`
	Moves       shownRules            `json:"moves"`
	Releases    []version.Version     `json:"releases"`
	Blocks      []shownBlock          `json:"blocks,omitempty"`
	Hazards     []shownHazard         `json:"hazards,omitempty"`
	Keys        []shownKey            `json:"configurations,omitempty"`

	what string
}

type shownRules struct {
	MaxMinorStep int         `json:"maxMinorStep,omitempty"`
	Stops        []shownStop `json:"stops,omitempty"`
	Back         []shownBack `json:"back"`
}

type shownStop struct {
	At      version.Range `json:"at"`
	Reason  string        `json:"reason"`
	Message string        `json:"message"`
	URL     string        `json:"url,omitempty"`
}

type shownBack struct {
	Crossing     version.Version `json:"crossing,omitzero"`
	WithinMinor  bool            `json:"withinMinor,omitempty"`
	Class        catalog.Class   `json:"class"`
	UntilSettled catalog.Class   `json:"untilSettled,omitempty"`
	Message      string          `json:"message"`
}

type shownBlock struct {
	Name     string             `json:"name"`
	From     version.Range      `json:"from,omitzero"`
	To       version.Range      `json:"to,omitzero"`
	When     catalog.Conditions `json:"when,omitempty"`
	Message  string             `json:"message"`
	URL      string             `json:"url"`
	Reviewed string             `json:"reviewed"`
}

type shownHazard struct {
	Name       string             `json:"name"`
	From       version.Range      `json:"from,omitzero"`
	OnInstall  bool               `json:"onInstall,omitempty"`
	To         version.Range      `json:"to,omitzero"`
	When       catalog.Conditions `json:"when,omitempty"`
	Blocking   bool               `json:"blocking,omitempty"`
	Minor      bool               `json:"minor,omitempty"`
	Effect     string             `json:"effect"`
	Mitigation string             `json:"mitigation"`
	URL        string             `json:"url,omitempty"`
	Catalogue  []string           `json:"catalogue"`
	Sources    []string           `json:"sources"`
}

// shownKey is a configuration key.
type shownKey struct {
	Key         string         `json:"key"`
	Required    bool           `json:"required,omitempty"`
	DisplayName string         `json:"displayName,omitempty"`
	Description string         `json:"description,omitempty"`
	Schema      map[string]any `json:"schema"`
	// Releases that have the key in this form, newest first; empty in what is shown of one release.
	Releases []version.Version `json:"releases,omitempty"`
}

func showAddOn(x catalog.AddOn) shownAddOn {
	out := shownAddOn{
		Name: x.Name, NetworkType: x.NetworkType, Beside: x.Beside, Chart: x.Chart, HelmRelease: x.Release, Workload: x.Workload,
		NodeKinds: x.NodeKinds, Moves: rulesOf(x.Rules), Keys: keysOf(x), what: place(x),
	}
	for _, r := range x.Releases {
		out.Releases = append(out.Releases, r.Version)
	}
	for _, b := range x.Blocks {
		out.Blocks = append(out.Blocks, shownBlock(b))
	}
	for _, h := range x.Hazards {
		out.Hazards = append(out.Hazards, shownHazard(h))
	}
	return out
}

func rulesOf(r catalog.Rules) shownRules {
	out := shownRules{MaxMinorStep: r.MaxMinorStep, Back: []shownBack{}}
	for _, s := range r.Stops {
		out.Stops = append(out.Stops, shownStop(s))
	}
	for _, b := range r.Back {
		out.Back = append(out.Back, shownBack(b))
	}
	return out
}

// keysOf are the keys of all releases, sorted; a key that changed its form stands there once for each form, newest first.
func keysOf(x catalog.AddOn) []shownKey {
	var forms []catalog.Configuration
	var out []shownKey
	for _, r := range x.Releases {
		for _, c := range r.Configurations {
			i := slices.IndexFunc(forms, c.Equal)
			if i < 0 {
				i, forms, out = len(forms), append(forms, c), append(out, keyOf(c))
			}
			out[i].Releases = append(out[i].Releases, r.Version)
		}
	}
	slices.SortStableFunc(out, func(a, b shownKey) int { return strings.Compare(a.Key, b.Key) })
	return out
}

func keyOf(c catalog.Configuration) shownKey {
	return shownKey{Key: c.Key, Required: c.Required, DisplayName: c.DisplayName, Description: c.Description, Schema: c.Schema}
}

func (r shownAddOn) name() string { return r.Name }

func (r shownAddOn) table(w io.Writer, _ bool) {
	columns(w,
		[]string{"Add-on:", fmt.Sprintf("%s, %s", r.Name, r.what)},
		[]string{"Workload:", fmt.Sprintf("%s %s/%s, container %s", r.Workload.Kind, r.Workload.Namespace, r.Workload.Name, r.Workload.Container)},
		[]string{"Chart:", fmt.Sprintf("%s, as Helm release %s", r.Chart, r.HelmRelease)},
		[]string{"Node kinds:", joined(r.NodeKinds, ", ")},
		[]string{"Releases:", strings.Join(texts(r.Releases), ", ")},
		[]string{"One step:", stepText(r.Moves.MaxMinorStep)},
	)
	section(w, "Required stops", listed(r.Moves.Stops, shownStop.lines)...)
	section(w, "Ways back, the first that matches", listed(r.Moves.Back, shownBack.lines)...)
	section(w, "Blocks", listed(r.Blocks, shownBlock.lines)...)
	section(w, "Hazards", listed(r.Hazards, shownHazard.lines)...)
	section(w, "Configuration keys", r.keys()...)
}

func stepText(most int) string {
	if most == 0 {
		return "crosses any number of minors"
	}
	return "crosses at most " + plural(most, "minor", "minors")
}

func (r shownAddOn) keys() []string {
	if len(r.Keys) == 0 {
		return nil
	}
	rows := [][]string{{"KEY", "REQUIRED", "RELEASES", "NAME"}}
	for _, k := range r.Keys {
		rows = append(rows, []string{k.Key, yesNo(k.Required), spanText(k.Releases, r.Releases), dash(k.DisplayName)})
	}
	return columnLines(rows...)
}

// spanText says which of all releases have something: all, one, or from oldest to newest.
func spanText(some, all []version.Version) string {
	switch {
	case len(some) == len(all):
		return "all"
	case len(some) == 1:
		return some[0].String()
	default:
		return fmt.Sprintf("%s to %s", some[len(some)-1], some[0])
	}
}

// listed are the lines of all items.
func listed[T any](items []T, lines func(T) []string) []string {
	var out []string
	for _, i := range items {
		out = append(out, lines(i)...)
	}
	return out
}

func (s shownStop) lines() []string {
	return append([]string{fmt.Sprintf("%s at %s: %s", s.Reason, rangeText(s.At), s.Message)}, addressLine(s.URL)...)
}

func (b shownBack) lines() []string {
	var when []string
	if !b.Crossing.IsZero() {
		when = append(when, "crossing "+b.Crossing.String())
	}
	if b.WithinMinor {
		when = append(when, "within one minor")
	}
	if len(when) == 0 {
		when = []string{"any move"}
	}
	return []string{fmt.Sprintf("%s: %s: %s", strings.Join(when, ", "), backText(b.Class, b.UntilSettled), b.Message)}
}

// backText is a class of the way back, and the better one that holds before the nodes have settled.
func backText(class, during catalog.Class) string {
	if during == "" || during == class {
		return string(class)
	}
	return fmt.Sprintf("%s until the nodes have settled, then %s", during, class)
}

func (b shownBlock) lines() []string {
	head := fmt.Sprintf("%s, %s%s", b.Name, fromTo(b.From, b.To), whereText(b.When))
	return append([]string{head, "  " + b.Message}, addressLine(b.URL+", reviewed "+b.Reviewed)...)
}

func (h shownHazard) lines() []string {
	blocking := ""
	if h.Blocking {
		blocking = ", blocking"
	}
	head := fmt.Sprintf("%s (%s), %s%s%s", h.Name, strings.Join(h.Catalogue, ", "), h.moves(), whereText(h.When), blocking)
	return append([]string{head, "  " + h.Effect, "  -> " + h.Mitigation}, addressLine(h.URL)...)
}

// moves says which moves a hazard speaks of. A range that holds no release says that only an installation is meant.
func (h shownHazard) moves() string {
	switch {
	case h.OnInstall && h.From.Above(lowest) && anything(h.To):
		return "on installation"
	case h.OnInstall && h.From.Above(lowest):
		return "on installation of " + rangeText(h.To)
	case h.OnInstall:
		return fromTo(h.From, h.To) + " and on installation"
	default:
		return fromTo(h.From, h.To)
	}
}

// lowest is a version that every release is later than or equal to.
var lowest = version.MustParse("0.0.1")

// anything tells whether a range holds every release.
func anything(r version.Range) bool {
	return r.IsZero() || r.Maximum.IsZero() && !r.Below(lowest)
}

// dangerLines are lines where blocks and hazards stand in one list.
func (b shownBlock) dangerLines() []string { return titled("block ", b.lines()) }

func (h shownHazard) dangerLines() []string { return titled("hazard ", h.lines()) }

func titled(title string, lines []string) []string {
	lines[0] = title + lines[0]
	return lines
}

func fromTo(from, to version.Range) string { return rangeText(from) + " -> " + rangeText(to) }

// rangeText names both ends of a range that holds a whole minor; Range.String takes them for one version.
func rangeText(r version.Range) string {
	switch {
	case anything(r):
		return "any"
	case r.Minimal.HasPatch() && !r.Maximum.IsZero() && !r.Maximum.HasPatch():
		return fmt.Sprintf("%s to %s", r.Minimal, r.Maximum)
	default:
		return r.String()
	}
}

func whereText(cs catalog.Conditions) string {
	if len(cs) == 0 {
		return ""
	}
	return ", where " + conditionsText(cs)
}

// addressLine is a line with an address, or none.
func addressLine(url string) []string {
	if url == "" {
		return nil
	}
	return []string{"  " + url}
}
