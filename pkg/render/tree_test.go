package render_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/manifests"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/render"
)

func refs(objects []*unstructured.Unstructured) []string {
	var out []string
	for _, o := range objects {
		out = append(out, kube.Ref(o))
	}
	return out
}

func tree(t *testing.T, folder string) []*unstructured.Unstructured {
	t.Helper()
	objects, err := render.Tree(manifests.FS, folder)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// What an overlay is made of: a file that is left out of a Kustomization is noticed here.
func TestTheOverlaysHoldWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	definitions := []string{
		"CustomResourceDefinition addoncatalogs.addonctl.io", "CustomResourceDefinition addonrollouts.addonctl.io", "CustomResourceDefinition addons.addonctl.io",
		"CustomResourceDefinition clusternetworks.addonctl.io", "CustomResourceDefinition updatepolicies.addonctl.io",
	}
	identity := []string{
		"ServiceAccount addonctl", "ClusterRole addonctl", "ClusterRoleBinding addonctl",
		"ServiceAccount addonctl-break-glass", "ClusterRole addonctl-break-glass", "ClusterRoleBinding addonctl-break-glass",
	}
	manager := []string{
		"Namespace addonctl-system", "ServiceAccount addonctl-system/addon-manager", "ClusterRole addon-manager", "ClusterRoleBinding addon-manager",
		"Role addonctl-system/addon-manager", "RoleBinding addonctl-system/addon-manager", "Role default/addon-manager-events", "RoleBinding default/addon-manager-events",
		"Service addonctl-system/addon-manager-metrics", "Deployment addonctl-system/addon-manager", "PodDisruptionBudget addonctl-system/addon-manager",
		"ClusterRole addon-manager-kubeconfigs", "RoleBinding addonctl-system/addon-manager-kubeconfigs",
		"ClusterRole addon-manager-cluster-api", "ClusterRoleBinding addon-manager-cluster-api",
	}
	target := []string{"ClusterRole addon-manager-target", "ClusterRoleBinding addon-manager-target", "Role addon-manager-target", "RoleBinding addon-manager-target"}
	for folder, want := range map[string][]string{
		"overlays/in-cluster": slices.Concat(definitions, identity, manager, target),
		"overlays/hub":        slices.Concat(definitions, manager, []string{"NetworkPolicy addonctl-system/addon-manager"}),
		"overlays/target":     slices.Concat(identity, target, []string{"ServiceAccount addon-manager"}),
		"crds":                definitions, "identity": identity,
	} {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			objects := tree(t, folder)
			if !slices.IsSortedFunc(objects, func(a, b *unstructured.Unstructured) int { return int(render.PhaseOf(a)) - int(render.PhaseOf(b)) }) {
				t.Errorf("what others need does not come first: %v", refs(objects))
			}
			got := refs(objects)
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
		})
	}
	if got := len(tree(t, "guard")); got != 20 {
		t.Errorf("the guard has %d objects, want 10 policies and 10 bindings", got)
	}
}

// A manager runs while the CNI of its cluster does not, and takes no more than it needs in any case.
func TestTheManagerRunsWithoutAPodNetwork(t *testing.T) {
	t.Parallel()
	pod := func(folder string) map[string]any {
		for _, o := range tree(t, folder) {
			if o.GetKind() == "Deployment" {
				spec, _, err := unstructured.NestedMap(o.Object, "spec", "template", "spec")
				if err != nil {
					t.Fatal(err)
				}
				return spec
			}
		}
		t.Fatalf("%s has no Deployment", folder)
		return nil
	}
	here, hub := pod("overlays/in-cluster"), pod("overlays/hub")
	if here["hostNetwork"] != true || here["dnsPolicy"] != "Default" || here["tolerations"] == nil {
		t.Errorf("in the cluster that it drives: %v", here)
	}
	if hub["hostNetwork"] != nil || hub["dnsPolicy"] != nil {
		t.Errorf("in a hub: %v", hub)
	}
	for _, spec := range []map[string]any{here, hub} {
		root, _, _ := unstructured.NestedBool(spec, "securityContext", "runAsNonRoot")
		containers, _, _ := unstructured.NestedSlice(spec, "containers")
		c := containers[0].(map[string]any)
		kept, _, _ := unstructured.NestedBool(c, "securityContext", "readOnlyRootFilesystem")
		if !root || !kept || spec["priorityClassName"] != "system-cluster-critical" || c["livenessProbe"] == nil || c["readinessProbe"] == nil {
			t.Errorf("the pod: %v", spec)
		}
	}
}

func TestATextIsReplacedWhereItIsAWholeValue(t *testing.T) {
	t.Parallel()
	objects := tree(t, "overlays/hub")
	render.Replace(objects, "addonctl-system", "elsewhere")
	for _, o := range objects {
		if ns := o.GetNamespace(); ns == "addonctl-system" || o.GetName() == "addonctl-system" {
			t.Errorf("%s is where it was", kube.Ref(o))
		}
		subjects, _, _ := unstructured.NestedSlice(o.Object, "subjects")
		for _, s := range subjects {
			if ns := s.(map[string]any)["namespace"]; ns != "elsewhere" {
				t.Errorf("%s binds an account in %v", kube.Ref(o), ns)
			}
		}
	}
	render.Replace(objects, "addon", "x") // a part of many values
	if !slices.Contains(refs(objects), "Deployment elsewhere/addon-manager") {
		t.Errorf("a part of a value was replaced: %v", refs(objects))
	}
}

func TestATreeThatCannotBeBuiltSaysWhere(t *testing.T) {
	t.Parallel()
	bad := fstest.MapFS{"a/Kustomization": {Data: []byte("resources: [../b]\n")}}
	if _, err := render.Tree(bad, "a"); err == nil || !strings.Contains(err.Error(), "building a:") {
		t.Errorf("a folder that is not there: %v", err)
	}
}
