package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

// need is a set of rights that an add-on's agent needs from one version to another; both ends belong to it.
type need struct {
	addOn     string
	versions  version.Range
	verbs     string
	resources string
}

// needs are the rights without which an agent does not get Ready (facts: CNI A1.3, A3.4). It is no list of all rights.
var needs = []need{
	{"Flannel", version.Range{}, "get", "pods"},
	{"Flannel", version.Range{}, "get list watch", "nodes"},
	{"Flannel", version.Range{}, "patch", "nodes/status"},
	{"Calico", version.Range{}, "list watch", "pods namespaces serviceaccounts networkpolicies.networking.k8s.io"},
	{"Calico", version.Range{}, "get list watch", "nodes felixconfigurations.crd.projectcalico.org " +
		"globalnetworkpolicies.crd.projectcalico.org " +
		"hostendpoints.crd.projectcalico.org clusterinformations.crd.projectcalico.org"},
	{"Calico", onwards("3.29.0"), "get list watch", "tiers.crd.projectcalico.org"},
	{"Calico", upTo("3.29.0", "3.31"), "list watch", "adminnetworkpolicies.policy.networking.k8s.io"},
	{"Calico", onwards("3.30.0"), "get list watch", "stagednetworkpolicies.crd.projectcalico.org " +
		"stagedglobalnetworkpolicies.crd.projectcalico.org " +
		"stagedkubernetesnetworkpolicies.crd.projectcalico.org"},
	{"Calico", upTo("3.30.0", "3.31"), "list watch", "baselineadminnetworkpolicies.policy.networking.k8s.io"},
	{"Calico", onwards("3.32.0"), "list watch", "clusternetworkpolicies.policy.networking.k8s.io"},
}

func onwards(v string) version.Range { return version.Range{Minimal: version.MustParse(v)} }

func upTo(low, high string) version.Range {
	return version.Range{Minimal: version.MustParse(low), Maximum: version.MustParse(high)}
}

// grantsComplete holds the render against the rights that its version is known to need.
func grantsComplete(d decision, after catalog.Footprint) []Finding {
	agent, ok := d.agent(after)
	if !ok {
		return nil
	}
	account := agent.Namespace + "/" + agent.ServiceAccount
	var lacking []string
	for _, n := range needs {
		if n.addOn != d.addOn.Name || !n.versions.IsZero() && !n.versions.Contains(d.target.Version) {
			continue
		}
		for _, right := range n.rights() {
			if !granted(after.Grants, account, right) {
				lacking = append(lacking, right)
			}
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	return d.unlessAccepted(forbid(GrantsMissing, "B7",
		fmt.Sprintf("%s %s needs rights that the release does not give to %s: %s; its agents never get Ready, one node "+
			"after the other",
			d.addOn.Name, d.target.Version, account, few(lacking)), "add the rules to the ClusterRole of the chart or overlay"))
}

// rights are every verb on every resource.
func (n need) rights() []string {
	var out []string
	for resource := range strings.FieldsSeq(n.resources) {
		for verb := range strings.FieldsSeq(n.verbs) {
			out = append(out, verb+" "+resource)
		}
	}
	return out
}

// granted tells whether an account has a right, by its name or by a wildcard.
func granted(grants []string, account, right string) bool {
	verb, resource, _ := strings.Cut(right, " ")
	_, group, grouped := strings.Cut(resource, ".")
	all := "*"
	if grouped {
		all = "*." + group
	}
	for _, v := range []string{verb, "*"} {
		for _, r := range []string{resource, all, "*.*"} {
			if slices.Contains(grants, account+": "+v+" "+r) {
				return true
			}
		}
	}
	return false
}

// grantsKept tells of rights that end with the move. Old pods keep them: the rules are joined until the last node has moved.
func grantsKept(_ decision, before, after catalog.Footprint) []Finding {
	gone := missing(after.Grants, before.Grants)
	if len(gone) == 0 {
		return nil
	}
	return warn(GrantsEnd, "B7",
		fmt.Sprintf("%s with this move, once the last node has made it: %s", count(len(gone), "right ends", "rights end"), few(gone)),
		"nothing, unless something else uses that account: then give it a role of its own")
}

// accountExists : a DaemonSet whose account does not exist makes no pods.
func accountExists(_ decision, after catalog.Footprint) []Finding {
	var out []Finding
	for _, w := range after.Workloads {
		account := fmt.Sprintf("ServiceAccount %s/%s", w.Namespace, w.ServiceAccount)
		if w.ServiceAccount == "" || w.ServiceAccount == "default" || slices.Contains(after.Objects, account) {
			continue
		}
		out = append(out, warn(AccountMissing, "B7 B45",
			fmt.Sprintf("%s runs as %s, which is not part of the release: unless it is there already, no pod is made, on any node",
				workloadName(w), account), "add the account to the chart, or make sure that it stays: kubectl get serviceaccount "+
				"-n "+w.Namespace+" "+w.ServiceAccount)...)
	}
	return out
}
