package plan

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// ownFields are the facts that a facts file tells in fields of their own: told twice, they could contradict themselves.
var ownFields = map[catalog.Fact]string{
	catalog.FactKubernetes:  "cluster.kubernetes",
	catalog.FactNetworkType: "cluster.networkType",
	catalog.FactDriver:      "cluster.driver",
	catalog.FactIPFamilies:  "cluster.ipFamilies",
}

// annotatedFacts are the facts of a node that no kubelet reports.
var annotatedFacts = []catalog.Fact{catalog.FactBrNetfilter, catalog.FactIptables, catalog.FactForwardPolicy}

// facts of the cluster, in the order of their names, so that faults have one order.
func (r *reader) facts(facts catalog.Facts, nodes bool) {
	for _, f := range slices.Sorted(maps.Keys(facts)) {
		field := "cluster.facts." + string(f)
		switch own := ownFields[f]; {
		case !slices.Contains(catalog.FactNames(), f):
			r.fault(field, "", "no fact of that name")
		case own != "":
			r.fault(field, "", "write it into "+own)
		case nodes && slices.Contains(NodeFacts, f):
			r.fault(field, "", "it is a fact of nodes, and there are nodes: write it there")
		}
		for _, value := range facts[f] {
			r.word(field, f, value)
		}
	}
}

// word reports a value that the fact cannot have.
func (r *reader) word(field string, f catalog.Fact, value string) {
	if want := f.Misfit(value); want != "" {
		r.fault(field, value, "want "+want)
	}
}

// node reports what a node cannot be.
func (r *reader) node(field string, n nodeDocument) {
	if n.Kind != "" {
		r.word(field+".kind", catalog.FactNodeKind, n.Kind)
	}
	for _, name := range slices.Sorted(maps.Keys(n.Facts)) {
		if !slices.Contains(annotatedFacts, catalog.Fact(name)) {
			r.fault(field+".facts", name, fmt.Sprintf("want one of %s; what kubelets report has fields of its own", factList(annotatedFacts)))
			continue
		}
		r.word(field+".facts."+name, catalog.Fact(name), n.Facts[name])
	}
	if n.Count < 0 || n.Count > maxCount {
		r.fault(field+".count", strconv.Itoa(n.Count), fmt.Sprintf("want 1 to %d", maxCount))
	}
}

// pools reports what pools cannot be, and writes their network types as the API does.
func (r *reader) pools(pools []Pool) {
	for i := range pools {
		field := fmt.Sprintf("cluster.pools[%d]", i)
		r.word(field+".kind", catalog.FactNodeKind, string(pools[i].Kind))
		r.networkType(field+".networkType", &pools[i].NetworkType)
	}
}

// networkType reads a network type in any of its spellings; an empty one stays empty.
func (r *reader) networkType(field string, t *catalog.NetworkType) {
	if *t == "" {
		return
	}
	parsed, err := catalog.ParseNetworkType(string(*t))
	if err != nil {
		r.fault(field, string(*t), "want OCI_VCN_IP_NATIVE or FLANNEL_OVERLAY")
		return
	}
	*t = parsed
}

// maxCount bounds how many nodes one entry stands for.
const maxCount = 10_000
