package observe

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/noderoll"
)

func TestANativePodNetworkIsFoundByTheNodesInstance(t *testing.T) {
	t.Parallel()
	failed := &noderoll.NPN{State: "BACKOFF", Reason: "FailedToCreatePrivateIP"}
	seen := npns{byName: map[string]*noderoll.NPN{"abcd": failed}}
	for id, want := range map[string]*noderoll.NPN{
		"ocid1.instance.oc1.iad.abcd": failed, "oci://ocid1.instance.oc1.iad.abcd": failed,
		"ocid1.instance.oc1.abcd.other": nil, "": nil,
	} {
		n := &corev1.Node{Spec: corev1.NodeSpec{ProviderID: id}}
		if diff := cmp.Diff(want, seen.of(n)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", id, diff)
		}
		if got := (npns{unknown: failed}).of(n); got != failed {
			t.Errorf("%q has %v, and nobody may see it", id, got)
		}
	}
}

func TestWhatANativePodNetworkSays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status any
		want   noderoll.NPN
	}{
		"nothing yet":    {nil, noderoll.NPN{}},
		"both":           {map[string]any{"state": "SUCCESS", "reason": "COMPLETED"}, noderoll.NPN{State: "SUCCESS", Reason: "COMPLETED"}},
		"no reason":      {map[string]any{"state": "IN_PROGRESS"}, noderoll.NPN{State: "IN_PROGRESS"}},
		"something else": {map[string]any{"state": int64(1), "reason": []any{}}, noderoll.NPN{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := npn(&unstructured.Unstructured{Object: map[string]any{"status": c.status}})
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
