package plan_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/version"
)

// The tables of testdata/tables say what the planner makes of every release and every move of the shipped catalog. Run the tests
// with -update after a change of addons/, and read what changed.

const versionsProse = `What fits which Kubernetes minor.

One row per release, newest first; one column per minor of Kubernetes 1. "N" is what an installation takes by itself, "+" what
may be installed, "." what may not. Then the status, how nodes take the release, what Oracle lists it for, the realms where
it is published and what it needs of nodes.
`

const movesProse = `What moving from one release to another means.

One line per move, on Kubernetes 1.36: the way, where it passes other releases, and the class of the way back, with the class
until the move is settled where that is another; or what closes the move. Then the hazards where all is well, and behind "at worst"
what is said besides on a cluster on which every condition holds. "!" stops the move, "~" passes by itself.
`

func TestVersionsOfTheShippedCatalog(t *testing.T) {
	t.Parallel()
	golden(t, "versions.txt", versionsProse, func(c *catalog.Catalog) string {
		out := ""
		for _, a := range c.AddOns {
			out += "\n" + strings.Join(versionsOfAddOn(c, a), "\n") + "\n"
		}
		return out
	})
}

func TestMovesOfTheShippedCatalog(t *testing.T) {
	t.Parallel()
	golden(t, "moves.txt", movesProse, func(c *catalog.Catalog) string {
		var b strings.Builder
		for _, a := range c.AddOns {
			b.WriteString("\n" + a.Name + "\n")
			for line := range movesOfAddOn(c, a) {
				b.WriteString(line + "\n")
			}
		}
		return b.String()
	})
}

func golden(t *testing.T, name, prose string, table func(*catalog.Catalog) string) {
	t.Helper()
	path := filepath.Join("testdata", "tables", name)
	got := prose + table(shipped(t))
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// minors are the columns: one below the lowest that any release is made for, to one above the highest that is listed.
var minors = []uint64{27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37}

// versionsOfAddOn are the rows of an add-on, its name and a heading first.
func versionsOfAddOn(c *catalog.Catalog, a catalog.AddOn) []string {
	heading := fmt.Sprintf("%-8s", "")
	rows := make([]string, len(a.Releases))
	for i, r := range a.Releases {
		rows[i] = fmt.Sprintf("%-8s", r.Version)
	}
	for _, m := range minors {
		heading += fmt.Sprintf(" %d", m)
		k := version.MustParse(fmt.Sprintf("1.%d.1", m))
		for i, choice := range plan.Choices(installation(c, a, k)) {
			mark := "."
			switch {
			case choice.Newest:
				mark = "N"
			case choice.Fits:
				mark = "+"
			}
			rows[i] += "  " + mark
		}
	}
	for i, r := range a.Releases {
		rows[i] += fmt.Sprintf("  %-10s %-13s listed %s", r.Status, r.Mechanism, orNothing(r.ListedFor))
		if len(r.Realms) > 0 {
			rows[i] += ", realms " + strings.Join(r.Realms, " ")
		}
		for _, need := range []string{
			strings.Join(r.Nodes.OS, " "), strings.Join(r.Nodes.Architectures, " "), r.Nodes.Kernel.String(),
			strings.Join(r.Nodes.Modules, " "), strings.Join(r.Nodes.Iptables, " "),
		} {
			if need != "" {
				rows[i] += ", " + need
			}
		}
	}
	return append([]string{a.Name, heading}, rows...)
}

func orNothing[T any](list []T) string {
	if len(list) == 0 {
		return "for nothing"
	}
	return strings.Trim(fmt.Sprint(list), "[]")
}

// installation is an empty cluster that the add-on is for, on which all is well.
func installation(c *catalog.Catalog, a catalog.AddOn, k version.Version) plan.Input {
	in := plan.Input{
		Now: now, Catalog: c,
		Cluster: plan.Cluster{
			Name: "c", UID: "u", Kubernetes: k, NetworkType: a.NetworkType,
			Facts: catalog.Facts{
				catalog.FactAdminNetworkPolicies: {"0"}, catalog.FactIPsPerVNIC: {"0"}, catalog.FactNetworkPolicies: {"0"},
				catalog.FactRealm: {"OC1"}, catalog.FactTypha: {"false"}, catalog.FactKubeProxyMode: {"iptables"}, catalog.FactClusterType: {"enhanced"},
			},
		},
		Nodes: []noderoll.Node{{
			Name: "node", Ready: true, Kind: "Managed", KubeletVersion: k.String(), OS: "linux", Architecture: "amd64",
			OSImage: "Oracle Linux Server 9.5", Kernel: "6.8.0", Facts: map[string]string{"brNetfilter": "loaded", "forwardPolicy": "ACCEPT", "iptables": "nft"},
		}},
	}
	if a.NetworkType == "" {
		in.AddOn, in.Cluster.NetworkType = a.Name, a.Beside[0]
	}
	in.Cluster.Stamp = &plan.Stamp{NetworkType: in.Cluster.NetworkType, UID: "u", Cluster: "c"}
	return in
}

// worst turns a cluster into one on which every condition of the catalog holds.
func worst(in plan.Input) plan.Input {
	in.Cluster.Facts = catalog.Facts{
		catalog.FactAdminNetworkPolicies: {"1"}, catalog.FactIPsPerVNIC: {"32"}, catalog.FactNetworkPolicies: {"1"},
		catalog.FactRealm: {"OC9"}, catalog.FactTypha: {"true"}, catalog.FactKubeProxyMode: {"nftables"}, catalog.FactClusterType: {"basic"},
	}
	in.Cluster.IPFamilies = []string{"IPv4", "IPv6"}
	in.Nodes = slices.Clone(in.Nodes)
	n := &in.Nodes[0]
	n.OSImage, n.Kernel = "Oracle Linux Server 8.10", "5.4.17"
	n.Facts = map[string]string{"brNetfilter": "missing", "forwardPolicy": "DROP", "iptables": "legacy"}
	if in.AddOn != "" {
		in.Cluster.NetworkType = catalog.FlannelOverlay
		in.Cluster.Stamp = &plan.Stamp{NetworkType: in.Cluster.NetworkType, UID: "u", Cluster: "c"}
	}
	return in
}

// movesOfAddOn tells of every move, installations first.
func movesOfAddOn(c *catalog.Catalog, a catalog.AddOn) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		var releases []string
		for _, r := range slices.Backward(a.Releases) {
			releases = append(releases, r.Version.String())
		}
		for _, from := range append([]string{""}, releases...) {
			for _, to := range releases {
				if from != to && !yield(sayMove(c, a, from, to)) {
					return
				}
			}
		}
	}
}

func sayMove(c *catalog.Catalog, a catalog.AddOn, from, to string) string {
	in := installation(c, a, version.MustParse("1.36.1"))
	in.Request = plan.Request{Verb: plan.Update, Version: to, Accept: "to see it"}
	if from != "" {
		in.Installed = plan.Installed{Present: true, Ours: true, Version: from, Digest: "imagined:" + from, Observed: true, Newest: from, MaxUnavailable: 1}
		in.Record.Revisions = []plan.Revision{{Number: 1, Version: from, Status: plan.Deployed, Digest: in.Installed.Digest}}
		in.Nodes[0].Pod = &noderoll.Pod{Name: "p", Revision: from, Version: from, Ready: true, Available: true, ReadySince: in.Now.Add(-time.Hour)}
	}
	well, worst := plan.Make(plan.Imagine(in)), plan.Make(plan.Imagine(worst(in)))
	out := fmt.Sprintf("%s -> %s: %s", orNone(from), to, sayWay(well))
	said := refusals(well)
	for _, r := range said {
		out += ", " + r
	}
	for _, h := range catalogHazards(well) {
		said = append(said, h)
		out += " " + h
	}
	var besides []string
	for _, s := range append(refusals(worst), catalogHazards(worst)...) {
		if !slices.Contains(said, s) {
			besides = append(besides, s)
		}
	}
	if len(besides) > 0 {
		out += "; at worst " + strings.Join(besides, " ")
	}
	return out
}

func orNone(v string) string {
	if v == "" {
		return "none"
	}
	return v
}

// sayWay is the way of a plan and the class of its way back.
func sayWay(p plan.Plan) string {
	if len(p.Steps) == 0 {
		return "refused"
	}
	out, r := "", p.Reverse()
	if len(p.Path) > 2 {
		out = "by " + strings.Join(p.Path[1:len(p.Path)-1], ", ") + ", "
	}
	out += string(r.Class)
	if i := slices.IndexFunc(r.Steps, func(s plan.ReverseStep) bool { return s.Until != "" }); i >= 0 {
		out += " (until settled " + string(r.Steps[i].Until) + ")"
	}
	return out
}

var closingName = regexp.MustCompile(`\((\w+)\)`)

// refusals are the reasons why a plan is refused, but for hazards; a closed move names what closes it.
func refusals(p plan.Plan) []string {
	var out []string
	for _, f := range p.Blocking() {
		reason := string(f.Reason)
		if name := closingName.FindAllStringSubmatch(f.Message, -1); f.Reason == plan.MoveClosed && len(name) > 0 {
			reason = name[len(name)-1][1]
		}
		if !isHazard(f) && !slices.Contains(out, reason+"!") {
			out = append(out, reason+"!")
		}
	}
	return out
}

// catalogHazards are the hazards that the catalog tells of.
func catalogHazards(p plan.Plan) []string {
	var out []string
	for _, f := range p.Findings {
		if f.Check != "known-hazards" {
			continue
		}
		name := sayHazard(f)
		if f.Minor {
			name += "~"
		}
		if f.Blocking {
			name += "!"
		}
		out = append(out, name)
	}
	return out
}
