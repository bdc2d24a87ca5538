package plan_test

import (
	"fmt"
	"testing"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/version"
)

// overTheStop is a VCN-native cluster that is asked to go from 2.2.3 to 3.3.0, in two steps.
func overTheStop(tb testing.TB, nodes int) plan.Input {
	tb.Helper()
	in := plan.Input{
		Now: now, Catalog: shipped(tb), Desired: plan.Desired{AddOn: "OciVcnIpNative"}, Request: plan.Request{Verb: plan.Update},
		Cluster: plan.Cluster{
			Name: "c", UID: "u", Kubernetes: version.MustParse("v1.34.2"), NetworkType: catalog.OCIVCNIPNative,
			Stamp: &plan.Stamp{NetworkType: catalog.OCIVCNIPNative, UID: "u", Cluster: "c"},
			CNIs:  []plan.CNI{{Plugin: "vcn-native", NetworkType: catalog.OCIVCNIPNative, Workload: "kube-system/vcn-native-ip-cni", Ours: true}},
		},
	}
	for i := range nodes {
		in.Nodes = append(in.Nodes, node(fmt.Sprintf("node-%05d", i), in.Cluster.Kubernetes))
	}
	live("2.2.3")(&in)
	for i := range in.Nodes {
		in.Nodes[i].Pod = &noderoll.Pod{Name: "p", Revision: "hash-2.2.3", Version: "2.2.3", Ready: true, Available: true}
	}
	in = rendered(in)
	if p := plan.Make(in); len(p.Path) != 3 || len(p.Steps) != 6 {
		tb.Fatalf("%s by %v in %d steps: %+v", p.State, p.Path, len(p.Steps), p.Blocking())
	}
	return in
}

func BenchmarkMake(b *testing.B) {
	for _, nodes := range []int{3, 1000} {
		b.Run(fmt.Sprintf("nodes=%d", nodes), func(b *testing.B) {
			in := overTheStop(b, nodes)
			b.ReportAllocs()
			for b.Loop() {
				plan.Make(in)
			}
		})
	}
}

// A fleet is planned one cluster after the other: 10,000 of them are to take less than a second.
func BenchmarkMakeForAFleetOf10000(b *testing.B) {
	const clusters = 10_000
	in := overTheStop(b, 3)
	b.ReportAllocs()
	for b.Loop() {
		for range clusters {
			plan.Make(in)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/clusters, "ns/cluster")
}

func BenchmarkExplain(b *testing.B) {
	in := overTheStop(b, 3)
	b.ReportAllocs()
	for b.Loop() {
		plan.Explain(in)
	}
}
