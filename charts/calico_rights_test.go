package charts_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
)

// Rights as facts: CNI A3.4 tells them, a line each: group resources verbs. Core is Kubernetes' own group, ours stands for
// Calico's: crd.projectcalico.org, and from 3.32 on projectcalico.org too. A name behind a slash limits a right to it.
const (
	nodeBase = `
core pods,nodes,namespaces get
discovery.k8s.io endpointslices list,watch
core endpoints,services get,list,watch
core configmaps get
core nodes/status patch,update
networking.k8s.io networkpolicies list,watch
core pods,namespaces,serviceaccounts list,watch
core pods/status patch
ours globalfelixconfigs,felixconfigurations,bgppeers,bgpfilters,globalbgpconfigs,bgpconfigurations,ippools,ipreservations get,list,watch
ours ipamblocks,globalnetworkpolicies,globalnetworksets,networkpolicies,networksets,clusterinformations,hostendpoints get,list,watch
ours blockaffinities,caliconodestatuses get,list,watch
ours ippools,felixconfigurations,clusterinformations create,update
ours caliconodestatuses update
core nodes get,list,watch
ours bgpconfigurations,bgppeers create,update`
	// The CNI plugin's token, asked for only where there is that plugin (facts: CNI B58).
	nodeToken = `
core serviceaccounts/token=calico-cni-plugin create`
	nodeFrom29 = `
ours tiers get,list,watch,create`
	nodeFrom29Until31 = `
policy.networking.k8s.io adminnetworkpolicies list,watch`
	nodeFrom30 = `
ours stagedglobalnetworkpolicies,stagedkubernetesnetworkpolicies,stagednetworkpolicies get,list,watch`
	nodeFrom30Until31 = `
policy.networking.k8s.io baselineadminnetworkpolicies list,watch`
	nodeFrom32 = `
policy.networking.k8s.io clusternetworkpolicies list,watch
kubevirt.io virtualmachineinstancemigrations get,list,watch`

	pluginBase = `
core pods,nodes,namespaces get
core pods/status patch`

	controllersBase = `
core nodes,pods get,list,watch
ours ipreservations list
ours blockaffinities,ipamblocks,ipamhandles get,list,watch,create,update,delete
ours ippools list,watch
ours hostendpoints get,list,create,update,delete
ours clusterinformations get,list,create,update,watch
ours kubecontrollersconfigurations get,create,update,watch`
	controllersFrom28 = `
ours kubecontrollersconfigurations list`
	controllersFrom29 = `
ours tiers get,list,watch,create,update,delete`
	controllersFrom30 = `
core services,services/status get,list,update,watch
ours ipamconfigs get,list,watch,create,update,delete
ours hostendpoints watch`
	controllersFrom31 = `
core namespaces get,list,watch`
	controllersFrom32 = `
projectcalico.org * get,list,watch,create,update,patch,delete
crd.projectcalico.org * get,list,watch
ours ipamconfigurations get,list,watch,create,update,delete
ours networkpolicies,globalnetworkpolicies,stagednetworkpolicies,stagedglobalnetworkpolicies get,list,watch,create,update,delete
ours kubecontrollersconfigurations/status get,update
apiextensions.k8s.io customresourcedefinitions get,list,watch,delete
apiregistration.k8s.io apiservices get,list,watch,create,delete
migration.projectcalico.org datastoremigrations,datastoremigrations/status get,list,watch,create,update,patch
apps daemonsets,deployments get,list,watch
kubevirt.io virtualmachines,virtualmachineinstances get,list,watch`

	tierGetter = `
projectcalico.org tiers get`
)

// wantRights are the rights by role that a minor needs, and no more.
func wantRights(minor int, besideFlannel bool) map[string]string {
	node, controllers := nodeBase, controllersBase
	out := map[string]string{}
	add := func(to *string, rights string, when bool) {
		if when {
			*to += rights
		}
	}
	add(&node, nodeToken, besideFlannel)
	add(&node, nodeFrom29, minor >= 29)
	add(&node, nodeFrom29Until31, minor >= 29 && minor <= 31)
	add(&node, nodeFrom30, minor >= 30)
	add(&node, nodeFrom30Until31, minor >= 30 && minor <= 31)
	add(&node, nodeFrom32, minor >= 32)
	add(&controllers, controllersFrom28, minor >= 28)
	add(&controllers, controllersFrom29, minor >= 29)
	add(&controllers, controllersFrom30, minor >= 30)
	add(&controllers, controllersFrom31, minor >= 31)
	add(&controllers, controllersFrom32, minor >= 32)
	out["calico-node"], out["calico-kube-controllers"] = node, controllers
	if besideFlannel {
		out["calico-cni-plugin"] = pluginBase
	}
	if minor >= 29 {
		out["calico-tier-getter"] = tierGetter
	}
	return out
}

// expanded are the rights of a table one by one, as "group resource verb".
func expanded(t *testing.T, table string, minor int) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for line := range strings.Lines(strings.TrimSpace(table)) {
		words := strings.Fields(line)
		if len(words) != 3 {
			t.Fatalf("a line of the table reads %q", line)
		}
		groups := []string{words[0]}
		if words[0] == "ours" {
			groups = []string{"crd.projectcalico.org", "projectcalico.org"}[:1+min(1, max(0, minor-31))]
		}
		for _, group := range groups {
			for resource := range strings.SplitSeq(words[1], ",") {
				for verb := range strings.SplitSeq(words[2], ",") {
					out[group+" "+resource+" "+verb] = true
				}
			}
		}
	}
	return out
}

func granted(rules []rbacv1.PolicyRule) map[string]bool {
	out := map[string]bool{}
	for _, rule := range rules {
		for _, group := range rule.APIGroups {
			if group == "" {
				group = "core"
			}
			for _, resource := range rule.Resources {
				if len(rule.ResourceNames) > 0 {
					resource += "=" + strings.Join(rule.ResourceNames, ",")
				}
				for _, verb := range rule.Verbs {
					out[group+" "+resource+" "+verb] = true
				}
			}
		}
	}
	return out
}

// An agent without one of its rights never becomes ready (facts: CNI B7); one with more is a danger that nobody reviewed.
func TestEachMinorHasTheRightsThatItNeedsAndNoMore(t *testing.T) {
	t.Parallel()
	for _, version := range calicoMinors {
		minor := minorOf(t, version)
		for _, networkType := range bothNetworkTypes {
			r := renderCalico(t, version, map[string]any{"networkType": networkType, "nodes": 300})
			want := wantRights(minor, networkType == "FLANNEL_OVERLAY")
			roles := all[*rbacv1.ClusterRole](r)
			if len(roles) != len(want) {
				t.Errorf("%s beside %s: there are %d roles, want %v", version, networkType, len(roles), slices.Sorted(maps.Keys(want)))
			}
			for _, role := range roles {
				if diff := cmp.Diff(expanded(t, want[role.Name], minor), granted(role.Rules)); diff != "" {
					t.Errorf("%s beside %s: rights of %s (-want +got):\n%s", version, networkType, role.Name, diff)
				}
			}
		}
	}
}

func TestRolesAreBoundToTheirAccounts(t *testing.T) {
	t.Parallel()
	account := func(name string) rbacv1.Subject {
		return rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Name: name, Namespace: "kube-system"}
	}
	want := map[string]rbacv1.Subject{
		"calico-node": account("calico-node"), "calico-kube-controllers": account("calico-kube-controllers"),
		"calico-cni-plugin":  account("calico-cni-plugin"),
		"calico-tier-getter": {Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: "system:kube-controller-manager"},
	}
	got := map[string]rbacv1.Subject{}
	for _, b := range all[*rbacv1.ClusterRoleBinding](renderCalico(t, "3.32.0", besideFlannel(nil))) {
		if b.RoleRef != (rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: b.Name}) || len(b.Subjects) != 1 {
			t.Errorf("%s binds %v to %v", b.Name, b.RoleRef, b.Subjects)
		}
		got[b.Name] = b.Subjects[0]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("subjects (-want +got):\n%s", diff)
	}
}
