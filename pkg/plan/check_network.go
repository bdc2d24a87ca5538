package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// networkTypeKnown refuses to guess: tools default to different types, so the type is written or read, never assumed.
func networkTypeKnown(d decision) []Finding {
	switch {
	case d.networkType == "":
		return block(NotRegistered,
			fmt.Sprintf("cluster %s has no recorded network type", d.Cluster.Name),
			"addonctl install --network-type flannel|vcn-native, or --network-type-rule for the default of a tool that you name")
	case d.addOn.Name != "" || d.Catalog == nil:
		return nil
	}
	if other, ok := d.Catalog.AddOn(d.AddOn); ok {
		return block(NetworkTypeImmutable,
			fmt.Sprintf("%s is the CNI of %s, and cluster %s is %s: a cluster has one network type for life",
				other.Name, other.NetworkType, d.Cluster.Name, d.networkType), "leave --addon out for the cluster's own CNI")
	}
	return block(NoAddOn,
		fmt.Sprintf("the catalog has no add-on for network type %s", d.networkType),
		"addonctl versions shows what the catalog has")
}

func networkTypeImmutable(d decision) []Finding {
	const forLife = "a cluster has one network type for life, OKE has no way to change it"
	want, where := d.Request.NetworkType, "recorded"
	if d.Cluster.NetworkType == "" {
		where = "stamped on the cluster"
	}
	if want == "" || d.networkType == "" || want == d.networkType {
		return nil
	}
	return block(NetworkTypeImmutable,
		fmt.Sprintf("cluster %s is %s (%s) and cannot become %s: %s", d.Cluster.Name, d.networkType, where, want, forLife),
		"create a new cluster with the other type and move the workloads")
}

// networkTypeProven compares the record with the stamp on the target and with the CNI that runs:
//
//	| record | stamp                   | running CNI  | says                        |
//	|--------|-------------------------|--------------|-----------------------------|
//	| none   | none                    | any          | nothing                     |
//	| none   | other cluster's UID     | any          | unproven                    |
//	| none   | of type T               | of other     | unproven                    |
//	| T      | none                    | any          | unproven                    |
//	| T      | other cluster's UID     | any          | unproven                    |
//	| T      | of other type           | any          | unproven                    |
//	| T      | T                       | of other     | unproven                    |
//	| T      | T                       | T or none    | nothing                     |
func networkTypeProven(d decision) []Finding {
	why := unproven(d.Cluster)
	if why == "" {
		return nil
	}
	return block(NetworkTypeUnproven,
		fmt.Sprintf("the network type of cluster %s is not proven: %s", d.Cluster.Name, why),
		"look at the cluster; when the record and the running CNI agree: addonctl cluster register --restamp")
}

func unproven(c Cluster) string {
	stamp := c.Stamp
	switch {
	case c.NetworkType == "" && stamp == nil:
		return ""
	case stamp == nil:
		return fmt.Sprintf("it is recorded as %s and carries no stamp", c.NetworkType)
	case stamp.UID != c.UID:
		return fmt.Sprintf("its stamp was made for another cluster (kube-system UID %s, this one is %s)", stamp.UID, c.UID)
	case c.NetworkType != "" && stamp.NetworkType != c.NetworkType:
		return fmt.Sprintf("it is recorded as %s and stamped %s", c.NetworkType, stamp.NetworkType)
	}
	for _, cni := range c.CNIs {
		if cni.NetworkType != "" && cni.NetworkType != stamp.NetworkType {
			return fmt.Sprintf("it is stamped %s, and %s (%s) runs on it", stamp.NetworkType, cni.Workload, cni.NetworkType)
		}
	}
	return ""
}

// RestampRefused says why a cluster's stamp may not be written anew; empty when it may. Record and running CNI must
// agree, so that restamping proves something and is no way around immutability.
func RestampRefused(c Cluster) string {
	if c.NetworkType == "" {
		return "the cluster is not registered"
	}
	matching := false
	for _, cni := range c.CNIs {
		switch cni.NetworkType {
		case c.NetworkType:
			matching = true
		case "":
		default:
			return fmt.Sprintf("the record says %s, and %s (%s) runs", c.NetworkType, cni.Workload, cni.NetworkType)
		}
	}
	if !matching {
		return fmt.Sprintf("the record says %s, and no CNI of that type runs, so nothing confirms it", c.NetworkType)
	}
	return ""
}

// oneRecord compares the record's name with the stamp's, and notices a record that was deleted:
//
//	| record | stamp names    | verb             | says              |
//	|--------|----------------|------------------|-------------------|
//	| any    | another record | any              | blocks            |
//	| none   | this record    | update, pin, ... | blocks            |
//	| none   | this record    | install, ...     | speaks            |
func oneRecord(d decision) []Finding {
	stamp := d.Cluster.Stamp
	switch {
	case stamp == nil || stamp.UID != d.Cluster.UID:
		return nil
	case stamp.Cluster != "" && stamp.Cluster != d.Cluster.Name:
		return block(OtherRecord, fmt.Sprintf("this cluster is registered as %s, not as %s", stamp.Cluster, d.Cluster.Name),
			"addonctl … --cluster "+stamp.Cluster)
	case d.Cluster.NetworkType != "":
		return nil
	}
	f := note(RecordLost, fmt.Sprintf("the record of cluster %s is not there; its stamp says %s", d.Cluster.Name, stamp.NetworkType),
		"the install or adopt that was cut off finishes it; where the record was deleted, addonctl cluster register writes it again")
	f[0].Blocking = d.Request.Verb == Update || d.Request.Verb == SetPin || d.Request.Verb == Unpin || d.Request.Verb == Rollback
	return f
}

func podCIDRsImmutable(d decision) []Finding {
	for _, c := range append(slices.Clone(d.podCIDRs()), d.Request.PodCIDRs...) {
		if _, err := netip.ParsePrefix(c); err != nil {
			return block(BadPodCIDR, fmt.Sprintf("pod CIDR %q is not an address block such as 10.244.0.0/16", c), "")
		}
	}
	want, have := d.Request.PodCIDRs, d.Cluster.PodCIDRs
	if len(have) == 0 {
		have = d.Installed.Network
	}
	if len(want) == 0 || len(have) == 0 || slices.Equal(want, have) {
		return nil
	}
	return block(NetworkTypeImmutable, fmt.Sprintf("cluster %s has the pod CIDRs %s and they cannot become %s: pods keep their addresses",
		d.Cluster.Name, strings.Join(have, ","), strings.Join(want, ",")), "")
}

// podCIDRs are the recorded pod CIDRs, else those that are live, else the requested ones.
func (d decision) podCIDRs() []string {
	for _, c := range [][]string{d.Cluster.PodCIDRs, d.Installed.Network, d.Request.PodCIDRs} {
		if len(c) > 0 {
			return c
		}
	}
	return nil
}

// PodCIDRs are the blocks that the add-on's pods live in: recorded, else live, else requested, else OKE's default for
// flannel (facts: OKE 1.5). Whether the nodes' blocks lie in them is a check of its own.
func PodCIDRs(in Input) []string {
	if c := decide(in).podCIDRs(); len(c) > 0 {
		return c
	}
	return []string{"10.244.0.0/16"}
}

func oneCNI(d decision) []Finding {
	var out []Finding
	for _, cni := range d.Cluster.CNIs {
		out = append(out, judgeCNI(d, cni)...)
	}
	return out
}

func judgeCNI(d decision, cni CNI) []Finding {
	owner := ""
	if cni.Owner != "" {
		owner = " (put there by " + cni.Owner + ")"
	}
	same := cni.NetworkType == d.networkType
	switch {
	case same && (cni.Ours || beside(d.addOn)):
		return nil // whether the CNI beside it is ours is a check of its own
	case same || beside(d.addOn) && strings.EqualFold(cni.Plugin, d.addOn.Name):
		return block(ForeignCNI,
			fmt.Sprintf("%s already runs as %s%s and is not managed by addonctl: it would have to be adopted, never installed over",
				cni.Plugin, cni.Workload, owner),
			"addonctl adopt takes it over as it is; what runs was left alone")
	default:
		return block(OtherCNI,
			fmt.Sprintf("%s runs as %s%s: a cluster has exactly one CNI", cni.Plugin, cni.Workload, owner), "")
	}
}

func notPaused(d decision) []Finding {
	if !d.Cluster.Paused {
		return nil
	}
	return block(Paused, fmt.Sprintf("cluster %s is paused: its record says that nothing may be written", d.Cluster.Name),
		"set spec.paused of its ClusterNetwork to false")
}

// podCIDRInNetwork : flannel from 0.28.0 refuses to start on a node whose CIDR lies outside Network, earlier ones run
// and route wrongly (facts: CNI A1.7, B32).
func podCIDRInNetwork(d decision) []Finding {
	networks := prefixes(d.Change.Network)
	if len(networks) == 0 {
		return nil
	}
	var outside, without []string
	for _, n := range d.Nodes {
		switch {
		case n.Exempt != "":
		case len(n.PodCIDRs) == 0:
			without = append(without, n.Name)
		case !contained(prefixes(n.PodCIDRs), networks):
			outside = append(outside, fmt.Sprintf("%s (%s)", n.Name, strings.Join(n.PodCIDRs, ",")))
		}
	}
	var out []Finding
	if len(outside) > 0 {
		out = block(PodCIDROutsideNetwork,
			fmt.Sprintf("%s outside the network %s: %s", count(len(outside), "node has its pod CIDR", "nodes have their pod CIDRs"),
				strings.Join(d.Change.Network, ","), few(outside)),
			"give the cluster's pod CIDR at registration: addonctl install --pod-cidr CIDR")
	}
	if len(without) > 0 {
		out = append(out, note(NodeWithoutPodCIDR,
			fmt.Sprintf("%s no pod CIDR, flannel cannot start there: %s", count(len(without), "node has", "nodes have"), few(without)),
			"check that the controller manager allocates node CIDRs and that the pod CIDR is not used up")...)
	}
	return out
}

func prefixes(cidrs []string) []netip.Prefix {
	var out []netip.Prefix
	for _, c := range cidrs {
		if p, err := netip.ParsePrefix(c); err == nil {
			out = append(out, p)
		}
	}
	return out
}

func contained(inner, outer []netip.Prefix) bool {
	for _, in := range inner {
		if !slices.ContainsFunc(outer, func(o netip.Prefix) bool { return o.Bits() <= in.Bits() && o.Contains(in.Addr()) }) {
			return false
		}
	}
	return true
}
