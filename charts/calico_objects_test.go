package charts_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

var contentHash = regexp.MustCompile(`-[0-9a-f]{10}$`)

// Objects beside the definitions, which have a test of their own.
func TestCalicosObjectsDependOnNetworkTypeMinorAndSize(t *testing.T) {
	t.Parallel()
	base := []string{
		"ClusterRole calico-kube-controllers", "ClusterRole calico-node",
		"ClusterRoleBinding calico-kube-controllers", "ClusterRoleBinding calico-node",
		"DaemonSet kube-system/calico-node", "Deployment kube-system/calico-kube-controllers",
		"PodDisruptionBudget kube-system/calico-kube-controllers",
		"ServiceAccount kube-system/calico-kube-controllers", "ServiceAccount kube-system/calico-node",
	}
	tiers := []string{"ClusterRole calico-tier-getter", "ClusterRoleBinding calico-tier-getter"}
	plugin := []string{
		"ClusterRole calico-cni-plugin", "ClusterRoleBinding calico-cni-plugin", "ServiceAccount kube-system/calico-cni-plugin",
		"ConfigMap kube-system/calico-config",
	}
	typha := []string{
		"Deployment kube-system/calico-typha", "PodDisruptionBudget kube-system/calico-typha", "Service kube-system/calico-typha",
	}
	for _, version := range calicoMinors {
		for _, networkType := range bothNetworkTypes {
			for _, nodes := range []int{0, 300} {
				want := slices.Clone(base)
				if version >= "3.29" {
					want = append(want, tiers...)
				}
				if networkType == "FLANNEL_OVERLAY" {
					want = append(want, plugin...)
				}
				if nodes > 0 {
					want = append(want, typha...)
				}
				slices.Sort(want)
				var got []string
				for _, name := range names(t, renderCalico(t, version, map[string]any{"networkType": networkType, "nodes": nodes})) {
					if !strings.HasPrefix(name, "CustomResourceDefinition ") {
						got = append(got, contentHash.ReplaceAllString(name, ""))
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s beside %s with %d nodes (-want +got):\n%s", version, networkType, nodes, diff)
				}
			}
		}
	}
}

// Upstream's canal brings objects with flannel's names, which would take rights from the flannel add-on (facts: CNI A1.8).
func TestCalicoAndFlannelShareNoName(t *testing.T) {
	t.Parallel()
	flannel := map[string]bool{}
	for _, o := range renderChart(t, "flannel", "flannel", nil).objects {
		flannel[meta(t, o).GetName()] = true
	}
	if !flannel["flannel"] || len(flannel) < 3 {
		t.Fatalf("the flannel chart gives objects of the names %v", flannel)
	}
	for _, version := range calicoMinors {
		for _, o := range renderCalico(t, version, besideFlannel(map[string]any{"nodes": 300})).objects {
			if name := meta(t, o).GetName(); flannel[name] {
				t.Errorf("%s: the flannel add-on has an object named %s too", version, name)
			}
		}
	}
}

// definition is what facts: CNI A3.5 tells of a definition.
type definition struct {
	Group, Kind, Version string
	Namespaced           bool
	ShortNames           []string
	Approved             string
	StatusApart          bool
	// From which minor on, and up to which one; 0 means still.
	from, until int
}

func calicoDefinitions() map[string]definition {
	crd := func(kind string) definition {
		return definition{Group: "crd.projectcalico.org", Kind: kind, Version: "v1", from: 26}
	}
	inNamespaces := func(d definition) definition { d.Namespaced = true; return d }
	from := func(minor int, d definition) definition { d.from = minor; return d }
	policy := func(kind, version, short string, review, from, until int) definition {
		return definition{
			Group: "policy.networking.k8s.io", Kind: kind, Version: version, ShortNames: []string{short}, StatusApart: true,
			Approved: fmt.Sprintf("https://github.com/kubernetes-sigs/network-policy-api/pull/%d", review), from: from, until: until,
		}
	}
	return map[string]definition{
		"bgpconfigurations":               crd("BGPConfiguration"),
		"bgpfilters":                      crd("BGPFilter"),
		"bgppeers":                        crd("BGPPeer"),
		"blockaffinities":                 crd("BlockAffinity"),
		"caliconodestatuses":              crd("CalicoNodeStatus"),
		"clusterinformations":             crd("ClusterInformation"),
		"felixconfigurations":             crd("FelixConfiguration"),
		"globalnetworkpolicies":           crd("GlobalNetworkPolicy"),
		"globalnetworksets":               crd("GlobalNetworkSet"),
		"hostendpoints":                   crd("HostEndpoint"),
		"ipamblocks":                      crd("IPAMBlock"),
		"ipamconfigs":                     crd("IPAMConfig"),
		"ipamhandles":                     crd("IPAMHandle"),
		"ippools":                         crd("IPPool"),
		"ipreservations":                  crd("IPReservation"),
		"kubecontrollersconfigurations":   crd("KubeControllersConfiguration"),
		"networkpolicies":                 inNamespaces(crd("NetworkPolicy")),
		"networksets":                     inNamespaces(crd("NetworkSet")),
		"tiers":                           from(29, crd("Tier")),
		"stagedglobalnetworkpolicies":     from(30, crd("StagedGlobalNetworkPolicy")),
		"stagedkubernetesnetworkpolicies": inNamespaces(from(30, crd("StagedKubernetesNetworkPolicy"))),
		"stagednetworkpolicies":           inNamespaces(from(30, crd("StagedNetworkPolicy"))),
		"adminnetworkpolicies":            policy("AdminNetworkPolicy", "v1alpha1", "anp", 30, 29, 31),
		"baselineadminnetworkpolicies":    policy("BaselineAdminNetworkPolicy", "v1alpha1", "banp", 30, 30, 31),
		"clusternetworkpolicies":          policy("ClusterNetworkPolicy", "v1alpha2", "cnp", 300, 32, 0),
	}
}

func TestEachMinorBringsItsDefinitions(t *testing.T) {
	t.Parallel()
	counts := map[string]int{"3.26.4": 18, "3.27.2": 18, "3.28.2": 18, "3.29.2": 20, "3.30.3": 24, "3.31.5": 24, "3.32.0": 23}
	for _, version := range calicoMinors {
		minor := minorOf(t, version)
		want, got := map[string]definition{}, map[string]definition{}
		for plural, d := range calicoDefinitions() {
			if d.from <= minor && (d.until == 0 || minor <= d.until) {
				d.StatusApart = d.StatusApart || plural == "kubecontrollersconfigurations" && minor >= 32
				d.from, d.until = 0, 0
				want[plural] = d
			}
		}
		for _, crd := range all[*apiextensionsv1.CustomResourceDefinition](renderCalico(t, version, nil)) {
			got[crd.Spec.Names.Plural] = definitionOf(t, crd)
		}
		if len(want) != counts[version] {
			t.Errorf("%s: the table has %d definitions, upstream %d", version, len(want), counts[version])
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(definition{})); diff != "" {
			t.Errorf("%s: definitions (-want +got):\n%s", version, diff)
		}
	}
}

func minorOf(t *testing.T, version string) int {
	t.Helper()
	var minor, patch int
	if _, err := fmt.Sscanf(version, "3.%d.%d", &minor, &patch); err != nil {
		t.Fatal(err)
	}
	return minor
}

// definitionOf reads a definition and checks what holds for all of them: one version, and a structural schema that keeps
// whatever stands in spec.
func definitionOf(t *testing.T, crd *apiextensionsv1.CustomResourceDefinition) definition {
	t.Helper()
	names := crd.Spec.Names
	if crd.Name != names.Plural+"."+crd.Spec.Group || names.ListKind != names.Kind+"List" || names.Singular != strings.ToLower(names.Kind) {
		t.Errorf("%s: group %s, names %v", crd.Name, crd.Spec.Group, names)
	}
	if len(crd.Spec.Versions) != 1 || !crd.Spec.Versions[0].Served || !crd.Spec.Versions[0].Storage {
		t.Fatalf("%s: want one version that is served and stored, got %v", crd.Name, crd.Spec.Versions)
	}
	v := crd.Spec.Versions[0]
	schema := v.Schema.OpenAPIV3Schema
	for name, part := range schema.Properties {
		if name != "spec" && name != "status" || part.Type != "object" || part.XPreserveUnknownFields == nil || !*part.XPreserveUnknownFields {
			t.Errorf("%s: schema of %s is %v", crd.Name, name, part)
		}
	}
	if _, ok := schema.Properties["spec"]; !ok || schema.Type != "object" {
		t.Errorf("%s: the schema has no spec", crd.Name)
	}
	if _, ok := schema.Properties["status"]; !ok && v.Subresources != nil {
		t.Errorf("%s: the status that is written apart is not kept", crd.Name)
	}
	return definition{
		Group: crd.Spec.Group, Kind: names.Kind, Version: v.Name, Namespaced: crd.Spec.Scope == apiextensionsv1.NamespaceScoped,
		ShortNames: names.ShortNames, Approved: crd.Annotations["api-approved.kubernetes.io"],
		StatusApart: v.Subresources != nil && v.Subresources.Status != nil,
	}
}

func TestEveryObjectOfCalicoIsKeptAndLabelled(t *testing.T) {
	t.Parallel()
	for _, networkType := range bothNetworkTypes {
		for _, o := range renderCalico(t, "3.32.0", map[string]any{"networkType": networkType, "nodes": 300}).objects {
			kind, m := o.GetObjectKind().GroupVersionKind().Kind, meta(t, o)
			if m.GetAnnotations()["helm.sh/resource-policy"] != "keep" || m.GetLabels()["app.kubernetes.io/managed-by"] != "Helm" {
				t.Errorf("%s %s: annotations %v, labels %v", kind, m.GetName(), m.GetAnnotations(), m.GetLabels())
			}
			want := "kube-system"
			if strings.HasPrefix(kind, "Cluster") || kind == "CustomResourceDefinition" {
				want = ""
			}
			if m.GetNamespace() != want {
				t.Errorf("%s %s: namespace %q, want %q", kind, m.GetName(), m.GetNamespace(), want)
			}
		}
	}
}
