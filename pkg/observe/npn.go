package observe

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/noderoll"
)

// nativePodNetworks say which nodes have the addresses of their pods (facts: OKE 3.2).
var nativePodNetworks = schema.GroupVersionResource{Group: "oci.oraclecloud.com", Version: "v1beta1", Resource: "nativepodnetworks"}

// npnRight is what looking at them needs.
var npnRight = kube.Right{Verb: "list", Group: nativePodNetworks.Group, Resource: nativePodNetworks.Resource}

// npns are what was seen of the NativePodNetworks.
type npns struct {
	byName map[string]*noderoll.NPN
	// unknown takes the place of all of them where our user may not see them: nobody should take that for success, or for there being none.
	unknown *noderoll.NPN
}

// npns reads all of them at once, for VCN-native. A server that does not serve them has none.
func (o *Observer) npns(ctx context.Context, addOn catalog.AddOn) (npns, error) {
	if addOn.NetworkType != catalog.OCIVCNIPNative {
		return npns{}, nil
	}
	// Not from the watch cache, as the pods: what was success a while ago is not known to be.
	list, err := o.Target.Dynamic.Resource(nativePodNetworks).List(ctx, metav1.ListOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return npns{}, nil
	case apierrors.IsForbidden(err):
		return npns{unknown: &noderoll.NPN{Reason: "no right to " + npnRight.String()}}, nil
	case err != nil:
		return npns{}, fmt.Errorf("listing NativePodNetworks: %w", err)
	}
	out := npns{byName: make(map[string]*noderoll.NPN, len(list.Items))}
	for i := range list.Items {
		out.byName[list.Items[i].GetName()] = npn(&list.Items[i])
	}
	return out, nil
}

// of a node; nil when it has none.
func (s npns) of(n *corev1.Node) *noderoll.NPN {
	if s.unknown != nil {
		return s.unknown
	}
	return s.byName[npnName(n)]
}

// npnName of a node is the last part of its instance's OCID, which is its provider ID.
func npnName(n *corev1.Node) string {
	return n.Spec.ProviderID[strings.LastIndex(n.Spec.ProviderID, ".")+1:]
}

// npn is what one says of its node.
func npn(o *unstructured.Unstructured) *noderoll.NPN {
	state, _, _ := unstructured.NestedString(o.Object, "status", "state") // what is no text says nothing
	reason, _, _ := unstructured.NestedString(o.Object, "status", "reason")
	return &noderoll.NPN{State: state, Reason: reason}
}
