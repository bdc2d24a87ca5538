package observe

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/guard"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
)

// guard reads where the guard of the CNI's objects stands. Where our user may not see it,
// that is said: nobody should take it for being in place.
func (o *Observer) guard(ctx context.Context, in *plan.Input) error {
	state, err := guard.Look(ctx, o.Target)
	if apierrors.IsForbidden(err) {
		in.Cluster.Guard = plan.Guard{Unknown: true}
		return nil
	}
	if err != nil {
		return err
	}
	in.Cluster.Guard = plan.Guard{Unsupported: state.Unsupported, Wrong: state.Wrong}
	return nil
}

// lifted tells whether the guard of an add-on's own pods carries our note that it was lifted, or was taken away and stored. A server that knows no such guard has none,
// and where our user may not see it nobody knows: whoever may change nodes may see it.
func (o *Observer) lifted(ctx context.Context, addOn catalog.AddOn) (bool, error) {
	if addOn.NetworkType != catalog.OCIVCNIPNative {
		return false, nil
	}
	list, err := o.Target.Typed.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().List(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, kube.PodGuardBinding).String(),
	})
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading ValidatingAdmissionPolicyBinding %s: %w", kube.PodGuardBinding, err)
	}
	for _, b := range list.Items {
		if _, ok := b.Annotations[kube.AnnotationActions]; ok {
			return true, nil
		}
	}
	_, err = o.Target.Typed.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, kube.PodGuardCopy, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading ConfigMap %s: %w", kube.PodGuardCopy, err)
	}
	return true, nil
}

// guardRights are what looking at the guard needs.
func guardRights() []kube.Right {
	const group = "admissionregistration.k8s.io"
	return []kube.Right{
		{Verb: "list", Group: group, Resource: "validatingadmissionpolicies"},
		{Verb: "list", Group: group, Resource: "validatingadmissionpolicybindings"},
	}
}
