package plan_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
)

func factsPage(tb testing.TB) string {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "facts.md"))
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}

// The example of docs/facts.md, with what is commented out too, is a facts file, and a plan can be made from it.
func TestTheExampleOfTheFactsPageIsRead(t *testing.T) {
	t.Parallel()
	_, rest, _ := strings.Cut(factsPage(t), "```yaml\n")
	example, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("docs/facts.md has no example")
	}
	in, err := plan.ReadFacts([]byte(example))
	if err != nil {
		t.Fatal(err)
	}
	in.Catalog = shipped(t)
	p := plan.Make(plan.Imagine(in))
	if diff := cmp.Diff([]string{"2.2.3", "2.3.0", "3.3.0"}, p.Path); diff != "" || p.State != plan.Applying || p.Nodes.Total != 4 {
		t.Errorf("%s, %d nodes, path (-want +got):\n%s\n%+v", p.State, p.Nodes.Total, diff, p.Blocking())
	}
	everything := strings.NewReplacer("# paused", "paused", "# version:", "version:", "# pin", "pin", "# accept", "accept", "# contradictions", "contradictions",
		"# registered", "registered", "# addon", "addon", "# change", "change", "#   missing", "  missing").Replace(example)
	if in, err = plan.ReadFacts([]byte(everything)); err != nil {
		t.Fatal(err)
	}
	if in.AddOn != "Calico" || !in.Cluster.Paused || in.Cluster.NetworkType != "" || in.Desired.Pin.Ticket != "NET-42" || len(in.Change.Missing) != 1 ||
		len(in.Cluster.Contradictions) != 1 || in.Desired.Accept.Version != "3.3.0" {
		t.Errorf("read as %+v", in)
	}
}

func TestTheFactsPageTellsOfEveryFact(t *testing.T) {
	t.Parallel()
	page := factsPage(t)
	rows := strings.Count(page, "\n| `")
	for _, f := range catalog.FactNames() {
		if !strings.Contains(page, "\n| `"+string(f)+"` | ") {
			t.Errorf("docs/facts.md says nothing of %s", f)
		}
	}
	if rows != len(catalog.FactNames()) {
		t.Errorf("docs/facts.md has %d rows for %d facts", rows, len(catalog.FactNames()))
	}
}

func TestFactsFilesThatAreWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"another kind of document":          {"apiVersion: v1\nkind: ConfigMap", `kind: "ConfigMap": want Facts`},
		"another version":                   {"apiVersion: v1\nkind: Facts", `apiVersion: "v1": want addonctl.io/v1alpha1`},
		"a field that nobody knows":         {facts("colour: red"), `unknown field "colour"`},
		"a field given twice":               {facts("addon: Calico\naddon: Flannel"), `"addon" already set`},
		"no YAML":                           {"{", "reading facts"},
		"an unreadable Kubernetes version":  {facts("cluster: {kubernetes: latest}"), `cluster.kubernetes: "latest"`},
		"a network type of no name":         {facts("cluster: {networkType: calico}"), `cluster.networkType: "calico"`},
		"a driver of no name":               {facts("cluster: {driver: oke}"), `cluster.driver: "oke": want one of Helm, OKE`},
		"an IP family of no name":           {facts("cluster: {ipFamilies: [ipv6]}"), `cluster.ipFamilies[0]: "ipv6"`},
		"a pod CIDR that is none":           {facts("cluster: {podCIDRs: [10.244.0.0]}"), `cluster.podCIDRs[0]: "10.244.0.0"`},
		"a pool of no kind":                 {facts("cluster: {pools: [{name: a}]}"), `cluster.pools[0].kind: ""`},
		"a pool of no type":                 {facts("cluster: {pools: [{name: a, kind: Managed, networkType: x}]}"), `cluster.pools[0].networkType: "x"`},
		"a CNI of no type":                  {facts("cluster: {cnis: [{plugin: a, workload: b, networkType: x}]}"), `cluster.cnis[0].networkType: "x"`},
		"a stamp of no type":                {facts("cluster: {stamp: {networkType: x}}"), `cluster.stamp.networkType: "x"`},
		"a fact that nobody knows":          {facts("cluster: {facts: {colour: [red]}}"), "cluster.facts.colour"},
		"a fact with a field of its own":    {facts("cluster: {facts: {driver: [OKE]}}"), "write it into cluster.driver"},
		"a fact of nodes beside nodes":      {facts("cluster: {facts: {os: [OL8]}}\nnodes: [{name: a}]"), "it is a fact of nodes"},
		"a number that is none":             {facts("cluster: {facts: {networkPolicies: [some]}}"), "want a number such as 0"},
		"an empty value":                    {facts(`cluster: {facts: {realm: [""]}}`), "want a realm"},
		"a minimum age that is no duration": {facts("minimumAge: 3 days"), `minimumAge: "3 days"`},
		"a minimum age below zero":          {facts("minimumAge: -1h"), `minimumAge: "-1h"`},
		"a node without a name":             {facts("nodes: [{}]"), "nodes[0].name"},
		"a node of no kind":                 {facts("nodes: [{name: a, kind: virtual}]"), `nodes[0].kind: "virtual"`},
		"a fact that no node has":           {facts("nodes: [{name: a, facts: {kernel: '5.4'}}]"), `nodes[0].facts: "kernel"`},
		"a fact in another word":            {facts("nodes: [{name: a, facts: {iptables: nftables}}]"), `nodes[0].facts.iptables: "nftables": want one of legacy, nft`},
		"fewer nodes than none":             {facts("nodes: [{name: a, count: -1}]"), `nodes[0].count: "-1"`},
		"more nodes than can be":            {facts("nodes: [{name: a, count: 2000000000}]"), "want 1 to 10000"},
		"two nodes of one name":             {facts("nodes: [{name: a}, {name: a}]"), "two nodes of that name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := plan.ReadFacts([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func facts(rest string) string { return "apiVersion: addonctl.io/v1alpha1\nkind: Facts\n" + rest }

// What is left out is unknown, but for what the page says.
func TestAnEmptyFactsFileIsACluster(t *testing.T) {
	t.Parallel()
	in, err := plan.ReadFacts([]byte(facts("")))
	if err != nil || in.Cluster.NetworkType != "" || in.Installed.Present || len(in.Nodes) > 0 || len(in.Record.Revisions) > 0 {
		t.Errorf("%+v, %v", in, err)
	}
	in.Catalog = shipped(t)
	if p := plan.Make(plan.Imagine(in)); p.State != plan.Blocked {
		t.Errorf("nothing is known, and the plan is %s", p.State)
	}
}

func FuzzReadFacts(f *testing.F) {
	_, rest, _ := strings.Cut(factsPage(f), "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	f.Add([]byte(example))
	for _, file := range scenarioFiles(f) {
		for _, section := range file.archive.Files {
			if strings.HasSuffix(section.Name, "/facts.yaml") {
				f.Add([]byte(facts(string(section.Data))))
			}
		}
	}
	c := shipped(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := plan.ReadFacts(data)
		if err != nil || len(in.Nodes) > 100 {
			return
		}
		in.Catalog = c
		for _, verb := range []plan.Verb{plan.Follow, plan.Update, plan.Install} {
			in.Request.Verb = verb
			p := plan.Make(plan.Imagine(in))
			if len(p.Blocking()) > 0 && len(p.Steps) > 0 {
				t.Errorf("refused with steps: %+v", p)
			}
		}
	})
}
