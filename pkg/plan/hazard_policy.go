package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// policyKinds are the objects that a policy engine enforces, with the fact that counts them.
var policyKinds = []struct {
	name      string
	resources []string
	count     catalog.Fact
}{
	{"NetworkPolicies", []string{"networkpolicies.networking.k8s.io"}, catalog.FactNetworkPolicies},
	{"admin network policies", []string{
		"adminnetworkpolicies.policy.networking.k8s.io", "baselineadminnetworkpolicies.policy.networking.k8s.io",
	}, catalog.FactAdminNetworkPolicies},
}

// watches tells whether anything of a release watches one of the resources: who watches policies enforces them.
func watches(f catalog.Footprint, resources []string) bool {
	return slices.ContainsFunc(f.Grants, func(g string) bool {
		_, right, _ := strings.Cut(g, ": ")
		verb, resource, _ := strings.Cut(right, " ")
		return verb == "watch" && slices.Contains(resources, resource)
	})
}

// policiesLive : policies that were written and never enforced begin to count, all together.
func policiesLive(d decision, before, after catalog.Footprint) []Finding {
	var out []Finding
	for _, k := range policyKinds {
		if !watches(before, k.resources) && watches(after, k.resources) {
			out = append(out, d.policies(PoliciesLive, "B36", k.count, k.name+" that nobody has enforced so far take effect "+
				"all at once on each node that gets the agent",
				"read them before (kubectl get networkpolicy -A), those that deny by default first, and take out what nobody "+
					"means any more")...)
		}
	}
	return out
}

// policiesEnd : nobody enforces policies any more, and the rules that were written for them stay until a reboot.
func policiesEnd(d decision, before, after catalog.Footprint) []Finding {
	var out []Finding
	for _, k := range policyKinds {
		if watches(before, k.resources) && !watches(after, k.resources) {
			out = append(out, d.policies(PoliciesEnd, "B36 B37", k.count, k.name+" are enforced no more: new pods are open "+
				"to everybody, and rules of old ones stay on the nodes as they were",
				"make sure that nothing relies on them, and reboot each node when it has moved")...)
		}
	}
	return out
}

// policies speaks unless the cluster is known to have none of them.
func (d decision) policies(r Reason, entries string, f catalog.Fact, effect, fix string) []Finding {
	told := d.facts[f]
	if slices.Equal(told, []string{"0"}) {
		return nil
	}
	if len(told) == 0 {
		out := warn(r, entries, effect+"; how many there are is not known", howToTell([]catalog.Fact{f})+fix)
		out[0].Unknown = []catalog.Fact{f}
		return out
	}
	return warn(r, entries, fmt.Sprintf("%s %s", strings.Join(told, ", "), effect), fix)
}

// typha is the Deployment that stands between Felix and the API server; false when there is none.
func typha(f catalog.Footprint) (catalog.WorkloadFootprint, bool) {
	i := slices.IndexFunc(f.Workloads, func(w catalog.WorkloadFootprint) bool {
		return slices.ContainsFunc(w.Images, func(image string) bool { return strings.HasSuffix(repository(image), "calico/typha") })
	})
	if i < 0 {
		return catalog.WorkloadFootprint{}, false
	}
	return f.Workloads[i], true
}

// typhaSkew : a new Typha serves old agents until the last node has moved; one that speaks another protocol drops them all.
func typhaSkew(_ decision, before, after catalog.Footprint) []Finding {
	was, okBefore := typha(before)
	is, okAfter := typha(after)
	if !okBefore || !okAfter || slices.Equal(was.Images, is.Images) {
		return nil
	}
	return warn(TyphaSkew, "B11",
		fmt.Sprintf("%s changes (%s) while the agents of most nodes are still old: a Typha that does not understand them "+
			"drops them, on nodes that have not moved",
			workloadName(is), strings.Join(missing(was.Images, is.Images), ", ")), "watch the agents of every node, not of "+
			"those that moved; going on quickly or putting the old Typha back is the way out")
}

// typhaPresent : Felix that is told to use a Typha waits for its Service.
func typhaPresent(_ decision, after catalog.Footprint) []Finding {
	node, ok := calico(after)
	name := node.Env["FELIX_TYPHAK8SSERVICENAME"]
	if !ok || name == "" || name == "none" || slices.Contains(after.Objects, "Service "+node.Namespace+"/"+name) {
		return nil
	}
	return warn(TyphaMissing, "B11",
		fmt.Sprintf("FELIX_TYPHAK8SSERVICENAME is %s, and the release has no such Service: unless it is there already, no "+
			"agent gets Ready, on any node", name),
		"take the setting out, or bring Typha with its Service")
}
