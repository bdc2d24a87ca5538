package hub_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/testkube"
)

func client(t *testing.T, c *testkube.Cluster) *kube.Client {
	t.Helper()
	k, err := kube.New(c.Config())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// patch is what somebody with plain kubectl would do.
type patch struct {
	typ  types.PatchType
	body string
}

// patches that would change what is fixed for life, in every way in which one may try.
var patches = map[string]patch{
	"another network type":       {types.MergePatchType, `{"spec":{"networkType":"OCI_VCN_IP_NATIVE"}}`},
	"no network type":            {types.MergePatchType, `{"spec":{"networkType":null}}`},
	"removing the network type":  {types.JSONPatchType, `[{"op":"remove","path":"/spec/networkType"}]`},
	"removing the spec":          {types.JSONPatchType, `[{"op":"remove","path":"/spec"}]`},
	"replacing the spec":         {types.JSONPatchType, `[{"op":"replace","path":"/spec","value":{"networkType":"OCI_VCN_IP_NATIVE"}}]`},
	"other pod CIDRs":            {types.MergePatchType, `{"spec":{"podCIDRs":["10.0.0.0/8"]}}`},
	"removing the pod CIDRs":     {types.JSONPatchType, `[{"op":"remove","path":"/spec/podCIDRs"}]`},
	"one pod CIDR more":          {types.JSONPatchType, `[{"op":"add","path":"/spec/podCIDRs/-","value":"fd00::/48"}]`},
	"other IP families":          {types.MergePatchType, `{"spec":{"ipFamilies":["IPv6","IPv4"]}}`},
	"removing the IP families":   {types.JSONPatchType, `[{"op":"remove","path":"/spec/ipFamilies"}]`},
	"no IP families, other type": {types.MergePatchType, `{"spec":{"ipFamilies":null,"networkType":"OCI_VCN_IP_NATIVE"}}`},
}

func TestTheRecordsKeepTheirRulesOnARealAPIServer(t *testing.T) {
	t.Parallel()
	c := testkube.Start(t, testkube.Options{})
	k := client(t, c)
	h := hub.New(k)
	if got, err := h.Cluster(t.Context(), "in-cluster"); got != nil || err != nil {
		t.Fatalf("before our definitions are there: %v, %v", got, err)
	}
	wish := hub.Wish{
		Cluster: "in-cluster", NetworkType: v1alpha1.FlannelOverlay, PodCIDRs: []string{"10.244.0.0/16"}, UID: "uid-1",
		Desired: plan.Desired{AddOn: "Flannel", Version: "0.26.2", Pin: plan.Pin{Reason: "install"}},
	}
	for range 2 { // it may be repeated
		if err := h.Save(t.Context(), k, wish); err != nil {
			t.Fatal(err)
		}
	}
	// A wish that was decided on before somebody else's was recorded does not write over it.
	late := wish
	late.Desired.Pin.Reason, late.Seen = "late", plan.Desired{AddOn: "Flannel", Version: "0.24.4"}
	if err := h.Save(t.Context(), k, late); !errors.Is(err, hub.ErrChanged) {
		t.Errorf("writing over a wish that was not seen: %v", err)
	}
	// What a rollout wanted of it stays until a person wants something: a manager that goes back is none.
	for _, own := range []bool{false, true} {
		a, err := h.Addon(t.Context(), "in-cluster", "Flannel")
		if err != nil {
			t.Fatal(err)
		}
		a.Spec.Rollout = &v1alpha1.AddonInRollout{Name: "fleet-flannel-0.27.3", Hold: v1alpha1.HoldFinishNode}
		if err := h.SaveAddon(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		next := wish
		next.Own = own
		if err := h.Save(t.Context(), k, next); err != nil {
			t.Fatal(err)
		}
		if a, err = h.Addon(t.Context(), "in-cluster", "Flannel"); err != nil || (a.Spec.Rollout == nil) != own {
			t.Errorf("a wish of a person (%v) leaves %+v of the rollout (%v)", own, a.Spec.Rollout, err)
		}
	}
	other := wish
	other.NetworkType = v1alpha1.OCIVCNIPNative
	if err := h.Save(t.Context(), k, other); !errors.Is(err, hub.ErrChanged) {
		t.Errorf("another type than the stamped one: %v", err)
	}
	t.Run("what is fixed for life cannot be patched", func(t *testing.T) { fixed(t, k) })
	t.Run("a change in between is a conflict", func(t *testing.T) { raced(t, h) })
	t.Run("an add-on's fields go together", func(t *testing.T) { together(t, k) })
	t.Run("the stamp cannot be changed", func(t *testing.T) { stamped(t, k) })
	t.Run("without the rules the patches go through", func(t *testing.T) { unruled(t, k) })
}

// families sets the IP families once, which is allowed, so that changing them is not.
func families(t *testing.T, k *kube.Client) {
	t.Helper()
	_, err := k.Dynamic.Resource(v1alpha1.ClusterNetworks).Patch(t.Context(), "in-cluster", types.MergePatchType,
		[]byte(`{"spec":{"ipFamilies":["IPv4"]}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatalf("setting the IP families once: %v", err)
	}
}

func fixed(t *testing.T, k *kube.Client) {
	t.Helper()
	families(t, k)
	for name, p := range patches {
		_, err := k.Dynamic.Resource(v1alpha1.ClusterNetworks).Patch(t.Context(), "in-cluster", p.typ, []byte(p.body), metav1.PatchOptions{})
		if !apierrors.IsInvalid(err) {
			t.Errorf("%s: %v, want it refused as invalid", name, err)
		}
		if name == "another network type" && (err == nil || !strings.Contains(err.Error(), "fixed for the cluster's life")) {
			t.Errorf("%s: the refusal is no sentence: %v", name, err)
		}
	}
	if _, err := k.Dynamic.Resource(v1alpha1.ClusterNetworks).Patch(t.Context(), "in-cluster", types.MergePatchType,
		[]byte(`{"spec":{"paused":true}}`), metav1.PatchOptions{}); err != nil {
		t.Errorf("what is not fixed cannot be patched either: %v", err)
	}
}

func raced(t *testing.T, h *hub.Hub) {
	t.Helper()
	a, err := h.Addon(t.Context(), "in-cluster", "Flannel")
	if err != nil || a == nil {
		t.Fatalf("reading the Addon: %v, %v", a, err)
	}
	b := a.DeepCopy()
	a.Spec.Pin.Reason = "first"
	if err := h.SaveAddon(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	b.Spec.Pin.Reason = "second"
	if err := h.SaveAddon(t.Context(), b); err == nil || !strings.Contains(err.Error(), hub.ErrChanged.Error()) {
		t.Errorf("writing over a change: %v", err)
	}
	b.ResourceVersion, b.UID = "", ""
	if err := h.SaveAddon(t.Context(), b); err == nil || !strings.Contains(err.Error(), hub.ErrChanged.Error()) {
		t.Errorf("creating what exists: %v", err)
	}
}

func together(t *testing.T, k *kube.Client) {
	t.Helper()
	for name, body := range map[string]string{
		"a pin without a version":    `{"spec":{"version":null}}`,
		"a move of a pinned add-on":  `{"spec":{"moveTo":"0.27.3"}}`,
		"another add-on":             `{"spec":{"addon":"Calico"}}`,
		"another cluster":            `{"spec":{"cluster":"other"}}`,
		"a pin without a reason":     `{"spec":{"pin":{"reason":""}}}`,
		"a driver that nobody knows": `{"spec":{"driver":"Magic"}}`,
	} {
		_, err := k.Dynamic.Resource(v1alpha1.Addons).Patch(t.Context(), "in-cluster.flannel", types.MergePatchType, []byte(body), metav1.PatchOptions{})
		if !apierrors.IsInvalid(err) {
			t.Errorf("%s: %v, want it refused as invalid", name, err)
		}
	}
}

func stamped(t *testing.T, k *kube.Client) {
	t.Helper()
	s, err := hub.ReadStamp(t.Context(), k)
	if err != nil || s == nil || *s != (hub.Stamp{NetworkType: v1alpha1.FlannelOverlay, UID: "uid-1", Cluster: "in-cluster"}) {
		t.Fatalf("the stamp: %+v, %v", s, err)
	}
	if err := hub.WriteStamp(t.Context(), k, hub.Stamp{NetworkType: v1alpha1.OCIVCNIPNative}); err == nil {
		t.Error("a second stamp was written")
	}
	_, err = k.Typed.CoreV1().ConfigMaps("kube-system").Patch(t.Context(), hub.StampName, types.MergePatchType,
		[]byte(`{"data":{"networkType":"OCI_VCN_IP_NATIVE"}}`), metav1.PatchOptions{})
	if !apierrors.IsInvalid(err) {
		t.Errorf("changing the stamp: %v, want it refused as invalid", err)
	}
}

// unruled is the negative control of fixed: with the rules taken out of the definition, a change of the network type goes
// through, so it is the rules that the test above sees, and it would go red without them.
func unruled(t *testing.T, k *kube.Client) {
	t.Helper()
	definitions, err := hub.Definitions()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range definitions {
		if !strings.HasPrefix(d.GetName(), "clusternetworks") {
			continue
		}
		live, err := k.Get(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		withoutRules(t, live)
		r, err := k.Resource(live)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Update(t.Context(), live, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		p := patches["another network type"]
		_, err := k.Dynamic.Resource(v1alpha1.ClusterNetworks).Patch(ctx, "in-cluster", p.typ, []byte(p.body), metav1.PatchOptions{})
		return err
	})
}

func withoutRules(t *testing.T, crd *unstructured.Unstructured) {
	t.Helper()
	versions, _, err := unstructured.NestedSlice(crd.Object, "spec", "versions")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range versions {
		unstructured.RemoveNestedField(v.(map[string]any), "schema", "openAPIV3Schema", "properties", "spec", "x-kubernetes-validations")
	}
	if err := unstructured.SetNestedSlice(crd.Object, versions, "spec", "versions"); err != nil {
		t.Fatal(err)
	}
}
