package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/testkube"
)

var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// both is what the tests read of the result of install --calico.
type both struct {
	Cluster string
	AddOns  []act
}

// ends are the add-ons of a result with how each ended.
func (b both) ends() []string {
	var out []string
	for _, a := range b.AddOns {
		out = append(out, fmt.Sprintf("%s %s %s", a.AddOn, a.Version, a.Outcome))
	}
	return out
}

// calicoBoth installs both; tests add what they want of Calico.
var calicoBoth = []string{"install", "--network-type", "vcn-native", "--version", "3.2.0", "--calico", "--yes", "-o", "json"}

// Beside VCN-native Calico comes with the CNI in one command, and from then on each is moved by itself.
func TestCalicoBesideVCNNative(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 3})
	for _, step := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"where it cannot go nothing is written", c.calicoRefused},
		{"both are installed by one command", c.calicoInstalled},
		{"it is shown", c.calicoShown},
		{"an update takes what the rules demand", c.calicoUpdated},
		{"neither is a foreign CNI to the other", c.besideCalico},
	} {
		if !t.Run(step.name, step.run) {
			return // later steps stand on it
		}
	}
}

// calicoRefused asks for it without a CNI, and for a release that there is none of, which stops the CNI too.
func (c *cluster) calicoRefused(t *testing.T) {
	t.Helper()
	c.want(t, 3, "install", "--addon", "Calico", "--yes").says(t, "NotRegistered")
	c.want(t, 3, "install", "--addon", "Calico", "--network-type", "vcn-native", "--yes").
		says(t, "CNIFirst", "OciVcnIpNative is not installed by addonctl", "addonctl install --network-type OCI_VCN_IP_NATIVE")
	r := c.want(t, 3, append(slices.Clone(calicoBoth), "--calico-version", "3.1.4")...).says(t, "UnknownVersion", "nothing was written")
	if diff := cmp.Diff([]string{"OciVcnIpNative 3.2.0 NotBegun", "Calico  Refused"}, read[both](t, r).ends()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c.nothingWritten(t)
}

func (c *cluster) calicoInstalled(t *testing.T) {
	t.Helper()
	install := append(slices.Clone(calicoBoth), "--wait", "--calico-version", "3.30.3")
	done := read[both](t, c.must(t, install...))
	if diff := cmp.Diff([]string{"OciVcnIpNative 3.2.0 Done", "Calico 3.30.3 Done"}, done.ends()); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	if a := done.AddOns[1]; a.Nodes.Ready != 3 || a.Nodes.Total != 3 || a.State != "UpToDate" || !a.Pinned {
		t.Errorf("%+v", a)
	}
	c.established(t)
	c.changesNothing(t, install)
}

// besideCalico moves the CNI with Calico there, and then looks at Calico with the CNI on its way.
func (c *cluster) besideCalico(t *testing.T) {
	t.Helper()
	moved := read[act](t, c.must(t, "pin", "--version", "3.3.0", "--reason", "a test", "--wait=false", "--yes", "-o", "json"))
	if moved.Outcome != "Applied" || moved.AddOn != "OciVcnIpNative" || moved.Version != "3.3.0" {
		t.Errorf("the CNI beside Calico: %+v", moved)
	}
	// Its nodes take it when they are made anew; until then Calico stays as it is.
	c.want(t, 3, "update", "--addon", "Calico", "--version", "3.31.5", "--accept", "tried", "--yes").
		says(t, "CNIFirst", "nodes are still taking OciVcnIpNative 3.3.0")
	if s := c.must(t, "status", "--addon", "Calico").out; !strings.Contains(s, "UpToDate") {
		t.Errorf("status:\n%s", s)
	}
	c.want(t, 3, "install", "--addon", "Flannel", "--yes").says(t, "NetworkTypeImmutable")
}

// Beside flannel it has to wire the pods anew, which nobody takes back.
func TestCalicoBesideFlannel(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 2})
	c.want(t, 3, "install", "--network-type", "flannel", "--calico", "--yes").says(t, "OneWayMove", "leave --calico out")
	c.nothingWritten(t)
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	before := c.written(t)
	c.want(t, 3, "install", "--addon", "Calico", "--yes").says(t, "OneWayMove", "--accept REASON")
	if diff := cmp.Diff(before, c.written(t)); diff != "" {
		t.Errorf("a refused installation wrote something (-before +after):\n%s", diff)
	}
	c.foreignCalico(t)
	done := read[act](t, c.must(t, "install", "--addon", "Calico", "--accept", "drained", "--yes", "-o", "json").says(t, "NotBeside", "BridgedPodsCutOff"))
	if done.Outcome != "Done" || done.AddOn != "Calico" || done.Nodes.Ready != 2 {
		t.Errorf("%+v", done)
	}
	c.changesNothing(t, []string{"install", "--network-type", "flannel", "--calico", "--accept", "drained", "--yes", "-o", "json"})
	moved := read[act](t, c.must(t, "pin", "--version", "0.27.3", "--reason", "a test", "--yes", "-o", "json"))
	if moved.Outcome != "Done" || moved.AddOn != "Flannel" {
		t.Errorf("flannel beside Calico: %+v", moved)
	}
}

// foreignCalico puts somebody else's Calico there for a while: our own is not installed beside it, and one that wires pods stops
// the CNI too.
func (c *cluster) foreignCalico(t *testing.T) {
	t.Helper()
	labels := map[string]string{"k8s-app": "calico-node"}
	sets := c.Client().AppsV1().DaemonSets(metav1.NamespaceDefault)
	for image, fits := range map[string]bool{"quay.io/calico/node:v3.30.3": true, "quay.io/calico/cni:v3.30.3": false} {
		d := &appsv1.DaemonSet{
			ObjectMeta: metav1.ObjectMeta{Name: "other-calico"},
			Spec: appsv1.DaemonSetSpec{
				Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: corev1.PodTemplateSpec{
					ObjectMeta: metav1.ObjectMeta{Labels: labels},
					Spec:       corev1.PodSpec{NodeSelector: map[string]string{"no": "where"}, Containers: []corev1.Container{{Name: "c", Image: image}}},
				},
			},
		}
		if _, err := sets.Create(t.Context(), d, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		c.cachedSet(t, metav1.NamespaceDefault, d.Name)
		c.eventually(t, func() error {
			r := c.run(t, "install", "--addon", "Calico", "--accept", "drained", "--yes")
			if r.code != 8 || !strings.Contains(r.err, "ForeignCNI") || !strings.Contains(r.err, "default/other-calico") {
				return fmt.Errorf("beside %s: %s", image, r)
			}
			if cni := c.run(t, "preflight"); (cni.code == 0) != fits {
				return fmt.Errorf("the CNI beside %s: %s", image, cni)
			}
			return nil
		})
		if err := sets.Delete(t.Context(), d.Name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		c.eventually(t, func() error {
			if r := c.run(t, "plan", "--addon", "Calico", "--accept", "drained"); r.code != 0 {
				return fmt.Errorf("it is still seen: %s", r)
			}
			return nil
		})
	}
}

// cached waits until lists out of the API server's watch cache, such as addonctl's, show something.
func (c *cluster) cached(t *testing.T, shows func(metav1.ListOptions) (bool, error)) {
	t.Helper()
	c.eventually(t, func() error {
		ok, err := shows(metav1.ListOptions{ResourceVersion: "0"})
		if err == nil && !ok {
			err = errors.New("the watch cache is behind")
		}
		return err
	})
}

// cachedSet is cached for a DaemonSet that was just made.
func (c *cluster) cachedSet(t *testing.T, namespace, name string) {
	t.Helper()
	c.cached(t, func(o metav1.ListOptions) (bool, error) {
		l, err := c.Client().AppsV1().DaemonSets(namespace).List(t.Context(), o)
		return err == nil && slices.ContainsFunc(l.Items, func(d appsv1.DaemonSet) bool { return d.Name == name }), err
	})
}

// eventually waits for the watch cache that lists may come from.
func (c *cluster) eventually(t *testing.T, check func() error) {
	t.Helper()
	testkube.Eventually(t, soon, func(context.Context) error { return check() })
}

// established fails unless every definition that Calico brings is served.
func (c *cluster) established(t *testing.T) {
	t.Helper()
	list, err := c.dynamic(t).Resource(definitions).List(t.Context(), metav1.ListOptions{LabelSelector: "addonctl.io/addon=Calico"})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Items) < 10 {
		t.Errorf("Calico has %d definitions", len(list.Items))
	}
	for _, d := range list.Items {
		conditions, _, _ := unstructured.NestedSlice(d.Object, "status", "conditions")
		if !slices.ContainsFunc(conditions, func(x any) bool {
			m, ok := x.(map[string]any)
			return ok && m["type"] == "Established" && m["status"] == "True"
		}) {
			t.Errorf("%s is not established: %v", d.GetName(), conditions)
		}
	}
}

func (c *cluster) calicoShown(t *testing.T) {
	t.Helper()
	s := c.must(t, "status", "--addon", "Calico").out
	for _, want := range []string{"Calico 3.30.3", "pinned to 3.30.3: install", "UpToDate (ACTIVE)", "OCI_VCN_IP_NATIVE, for life", "3.30.3 on 3 nodes"} {
		if !strings.Contains(s, want) {
			t.Errorf("want %q in status:\n%s", want, s)
		}
	}
	s = c.must(t, "status").out
	for _, want := range []string{"OciVcnIpNative 3.2.0", "UpToDate", "Beside:", "Calico 3.30.3 (ACTIVE)"} {
		if !strings.Contains(s, want) {
			t.Errorf("want %q in the CNI's status:\n%s", want, s)
		}
	}
	if n := c.must(t, "nodes", "--addon", "Calico").out; strings.Count(n, "3.30.3") != 3 {
		t.Errorf("nodes:\n%s", n)
	}
	if h := c.must(t, "history", "--addon", "Calico").out; strings.Count(h, "deployed") != 1 || !strings.Contains(h, "3.30.3") {
		t.Errorf("history:\n%s", h)
	}
	for _, look := range []string{"plan", "explain", "preflight", "versions"} {
		if r := c.must(t, look, "--addon", "Calico", "-o", "json"); !strings.Contains(r.out, `"Calico"`) {
			t.Errorf("%s: %s", look, r)
		}
	}
	c.must(t, "outdated", "--addon", "Calico") // nothing newer can be reached without an operator's word
}

// calicoUpdated moves from 3.30.3 to 3.32.0: a pin holds it, a minor has no way back, and objects that the newer one no longer
// reads stop it.
func (c *cluster) calicoUpdated(t *testing.T) {
	t.Helper()
	c.want(t, 3, "update", "--addon", "Calico", "--version", "3.32.0", "--yes").says(t, "Pinned", "addonctl unpin --addon Calico")
	c.must(t, "unpin", "--addon", "Calico", "--yes")
	if stays := read[act](t, c.must(t, "update", "--addon", "Calico", "--yes", "-o", "json")); stays.Outcome != "Unchanged" {
		t.Errorf("automatic mode takes a move that has no way back: %+v", stays)
	}
	c.want(t, 3, "update", "--addon", "Calico", "--version", "3.32.0", "--yes").says(t, "OneWayMove", "--accept REASON")
	update := []string{"update", "--addon", "Calico", "--version", "3.32.0", "--accept", "tried", "--yes", "-o", "json"}
	policies := schema.GroupVersionResource{Group: "policy.networking.k8s.io", Version: "v1alpha1", Resource: "adminnetworkpolicies"}
	_, err := c.dynamic(t).Resource(policies).Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "policy.networking.k8s.io/v1alpha1", "kind": "AdminNetworkPolicy", "metadata": map[string]any{"name": "deny"},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c.want(t, 3, update...).says(t, "AdminPoliciesLost")
	if err := c.dynamic(t).Resource(policies).Delete(t.Context(), "deny", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	done := read[act](t, c.must(t, update...))
	if done.Outcome != "Done" || done.State != "UpToDate" || done.Version != "3.32.0" || done.Previous != "3.30.3" || done.Nodes.Ready != 3 {
		t.Errorf("%+v", done)
	}
	c.established(t)
}

// changesNothing runs a command that has nothing to do.
func (c *cluster) changesNothing(t *testing.T, args []string) {
	t.Helper()
	before := c.written(t)
	for _, a := range read[both](t, c.must(t, args...)).AddOns {
		if a.Outcome != "Unchanged" {
			t.Errorf("%s: %+v", a.AddOn, a)
		}
	}
	if diff := cmp.Diff(before, c.written(t)); diff != "" {
		t.Errorf("a second run wrote something (-before +after):\n%s", diff)
	}
}

// written is what addonctl wrote: the resourceVersions of objects, and the generations of those whose status controllers write.
func (c *cluster) written(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for resource, selector := range map[schema.GroupVersionResource]string{
		v1alpha1.Addons: "", v1alpha1.ClusterNetworks: "", definitions: "",
		{Version: "v1", Resource: "secrets"}:                                                 "owner=helm",
		{Version: "v1", Resource: "configmaps"}:                                              "addonctl.io/addon",
		{Version: "v1", Resource: "serviceaccounts"}:                                         "addonctl.io/addon",
		{Group: "apps", Version: "v1", Resource: "daemonsets"}:                               "",
		{Group: "apps", Version: "v1", Resource: "deployments"}:                              "",
		{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"}:        "addonctl.io/addon",
		{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"}: "addonctl.io/addon",
	} {
		list, err := c.dynamic(t).Resource(resource).List(t.Context(), metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range list.Items {
			stands := o.GetResourceVersion()
			if resource.Group == "apps" {
				stands = fmt.Sprint("generation ", o.GetGeneration())
			}
			out[resource.Resource+" "+o.GetName()] = stands
		}
	}
	return out
}
