package plan_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/version"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

var loadShipped = sync.OnceValues(func() (*catalog.Catalog, error) { return catalog.Load(addons.FS) })

// shipped is the catalog that is built in, loaded once: tests that change it change a copy.
func shipped(tb testing.TB) *catalog.Catalog {
	tb.Helper()
	c, err := loadShipped()
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

var loadSmall = sync.OnceValues(func() (*catalog.Catalog, error) {
	archive, err := txtar.ParseFile(filepath.Join("testdata", "catalog.txtar"))
	if err != nil {
		return nil, err
	}
	return loadFiles(archive, "")
})

// small is the catalog of testdata/catalog.txtar. Each caller has a copy of its own.
func small(tb testing.TB) *catalog.Catalog {
	tb.Helper()
	c, err := loadSmall()
	if err != nil {
		tb.Fatal(err)
	}
	return clone(c)
}

// loadFiles loads the catalog whose files stand below a folder of an archive; nil when there are none.
func loadFiles(archive *txtar.Archive, folder string) (*catalog.Catalog, error) {
	files := fstest.MapFS{}
	for _, f := range archive.Files {
		if name, ok := strings.CutPrefix(f.Name, folder); ok {
			files[name] = &fstest.MapFile{Data: f.Data}
		}
	}
	if len(files) == 0 {
		return nil, nil
	}
	return catalog.Load(files)
}

// clone copies a catalog so far that its lists, and what stands in them, can be changed.
func clone(c *catalog.Catalog) *catalog.Catalog {
	out := &catalog.Catalog{AddOns: slices.Clone(c.AddOns)}
	for i := range out.AddOns {
		a := &out.AddOns[i]
		a.Releases, a.Blocks, a.Hazards = slices.Clone(a.Releases), slices.Clone(a.Blocks), slices.Clone(a.Hazards)
		a.Rules.Stops, a.Rules.Back = slices.Clone(a.Rules.Stops), slices.Clone(a.Rules.Back)
		for k := range a.Blocks {
			a.Blocks[k].When = slices.Clone(a.Blocks[k].When)
		}
		for k := range a.Hazards {
			a.Hazards[k].When = slices.Clone(a.Hazards[k].When)
		}
	}
	return out
}

// release of a catalog that may be changed.
func release(tb testing.TB, c *catalog.Catalog, addOn, v string) *catalog.Release {
	tb.Helper()
	a := slices.IndexFunc(c.AddOns, func(a catalog.AddOn) bool { return a.Name == addOn })
	if a < 0 {
		tb.Fatalf("no add-on %s", addOn)
	}
	r := slices.IndexFunc(c.AddOns[a].Releases, func(r catalog.Release) bool { return r.Version.String() == v })
	if r < 0 {
		tb.Fatalf("no release %s of %s", v, addOn)
	}
	return &c.AddOns[a].Releases[r]
}

// fresh is a cluster of three nodes without a CNI and without a record, rendered as the planner would ask for it.
func fresh(tb testing.TB) plan.Input {
	tb.Helper()
	in := plan.Input{
		Now: now, Catalog: small(tb),
		Cluster: plan.Cluster{Name: "in-cluster", Kubernetes: version.MustParse("v1.36.3"), UID: "uid-1"},
	}
	for i := range 3 {
		in.Nodes = append(in.Nodes, noderoll.Node{
			Name: fmt.Sprintf("node-%d", i+1), Ready: true, KubeletVersion: "v1.36.3", PodCIDRs: []string{fmt.Sprintf("10.244.%d.0/25", i)},
			OS: "linux", Architecture: "amd64", Kernel: "5.15.0-302.167.6.el9uek.x86_64", OSImage: "Oracle Linux Server 9.5", Kind: "Managed",
			NPN: &noderoll.NPN{State: noderoll.NPNSuccess},
		})
	}
	return in
}

// settled is the same cluster with a version of flannel on every node.
func settled(tb testing.TB, v string) plan.Input {
	tb.Helper()
	in := fresh(tb)
	in.Cluster.NetworkType = catalog.FlannelOverlay
	in.Cluster.Stamp = &plan.Stamp{NetworkType: catalog.FlannelOverlay, UID: "uid-1"}
	in.Cluster.CNIs = []plan.CNI{{Plugin: "flannel", NetworkType: catalog.FlannelOverlay, Workload: "kube-system/kube-flannel-ds", Ours: true}}
	in.Desired = plan.Desired{AddOn: "Flannel"}
	live(v)(&in)
	return in
}

// native is a settled VCN-native cluster on Kubernetes 1.34.
func native(tb testing.TB, v string) plan.Input {
	tb.Helper()
	in := settled(tb, v)
	in.Cluster.NetworkType, in.Cluster.Stamp.NetworkType = catalog.OCIVCNIPNative, catalog.OCIVCNIPNative
	in.Cluster.CNIs = []plan.CNI{{Plugin: "vcn-native", NetworkType: catalog.OCIVCNIPNative, Workload: "kube-system/vcn-native-ip-cni", Ours: true}}
	in.Cluster.Kubernetes = version.MustParse("v1.34.2")
	in.Desired = plan.Desired{AddOn: "OciVcnIpNative"}
	for i := range in.Nodes {
		in.Nodes[i].KubeletVersion = "v1.34.2"
	}
	return in
}

// calico is Calico beside VCN-native on Kubernetes 1.34, with the facts that it needs.
func calico(tb testing.TB, v string) plan.Input {
	tb.Helper()
	in := native(tb, v)
	in.AddOn, in.Desired = "Calico", plan.Desired{AddOn: "Calico"}
	in.Cluster.Facts = catalog.Facts{catalog.FactAdminNetworkPolicies: {"0"}}
	return in
}

// live puts a version on every node, settled.
func live(v string) func(*plan.Input) {
	return func(in *plan.Input) {
		in.Installed = plan.Installed{
			Present: true, Ours: true, Version: v, Digest: "render-" + v, Observed: true, Newest: "hash-" + v, MaxUnavailable: 1,
		}
		in.Record = plan.Record{Revisions: []plan.Revision{{Number: 1, Version: v, Status: plan.Deployed, Digest: "render-" + v}}}
		for i := range in.Nodes {
			runs(i, v)(in)
		}
	}
}

// runs puts a pod of a version on one node.
func runs(node int, v string) func(*plan.Input) {
	return func(in *plan.Input) {
		long := in.Now.Add(-24 * time.Hour)
		in.Nodes[node].Pod = &noderoll.Pod{Name: "p", Revision: "hash-" + v, Version: v, Ready: true, Available: true, Created: long, ReadySince: long}
	}
}

// rolling is the middle of a move that was begun: the workload is of the new version, the nodes still run the old one.
func rolling(from, to string) func(*plan.Input) {
	return func(in *plan.Input) {
		live(from)(in)
		in.Installed.Version, in.Installed.Digest, in.Installed.Newest = to, "render-"+to, "hash-"+to
		in.Record.Revisions = append(in.Record.Revisions, plan.Revision{Number: 2, Version: to, Status: plan.PendingUpgrade, Digest: "render-" + to})
	}
}

// rendered fills in what the engine would say of the target.
func rendered(in plan.Input) plan.Input {
	if _, r, ok := plan.Target(in); ok {
		in.Change.Version, in.Change.Digest = r.Version.String(), "render-"+r.Version.String()
		if in.Change.Network == nil && in.Cluster.NetworkType != catalog.OCIVCNIPNative {
			in.Change.Network = plan.PodCIDRs(in)
		}
	}
	return in
}

func with(in plan.Input, fs ...func(*plan.Input)) plan.Input {
	for _, f := range fs {
		f(&in)
	}
	return in
}

func install(v string) func(*plan.Input) {
	return func(in *plan.Input) {
		in.Request = plan.Request{Verb: plan.Install, NetworkType: catalog.FlannelOverlay, Version: v, Pin: plan.Pin{Reason: "install"}}
	}
}

func request(verb plan.Verb, v string) func(*plan.Input) {
	return func(in *plan.Input) { in.Request = plan.Request{Verb: verb, Version: v, Pin: plan.Pin{Reason: "test"}} }
}

func accepting(in *plan.Input) { in.Request.Accept = "test" }

func pinnedTo(v string) func(*plan.Input) {
	return func(in *plan.Input) {
		in.Desired.Version, in.Desired.Pin = v, plan.Pin{Reason: "kernel", Ticket: "NET-1"}
	}
}

func broken(n int) func(*plan.Input) {
	return func(in *plan.Input) {
		for i := range n {
			p := *in.Nodes[i].Pod
			p.Ready, p.Available, p.Trouble, p.Bad = false, false, "kube-flannel: CrashLoopBackOff", true
			in.Nodes[i].Pod = &p
		}
	}
}

func kubernetes(v string) func(*plan.Input) {
	return func(in *plan.Input) { in.Cluster.Kubernetes = version.MustParse(v) }
}

// kubelets gives every node the version too.
func kubelets(v string) func(*plan.Input) {
	return func(in *plan.Input) {
		for i := range in.Nodes {
			in.Nodes[i].KubeletVersion = v
		}
	}
}

func fact(f catalog.Fact, values ...string) func(*plan.Input) {
	return func(in *plan.Input) {
		if in.Cluster.Facts == nil {
			in.Cluster.Facts = catalog.Facts{}
		}
		in.Cluster.Facts[f] = values
	}
}

func kinds(p plan.Plan) []plan.StepKind {
	var out []plan.StepKind
	for _, s := range p.Steps {
		out = append(out, s.Kind)
	}
	return out
}

// kubernetesOf reads a version; an empty one is unknown.
func kubernetesOf(v string) version.Version {
	if v == "" {
		return version.Version{}
	}
	return version.MustParse(v)
}
