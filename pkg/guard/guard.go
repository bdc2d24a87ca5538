// Package guard keeps mistakes from deleting the CNI: admission policies that deny it, the identity that our own writes are
// made under, and the break-glass for whoever must do it nevertheless. It refuses to know releases and plans. Start with Look.
package guard

import (
	"context"
	"fmt"
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/kube"
)

// Kinds of the guard's objects.
const (
	policyKind  = "ValidatingAdmissionPolicy"
	bindingKind = "ValidatingAdmissionPolicyBinding"
)

// managed is the label of the guard's objects and of the accounts.
const managed = kube.LabelManagedBy + "=addonctl"

// State is where the guard stands on a cluster.
type State struct {
	// Unsupported is true where the API server knows no ValidatingAdmissionPolicy, before Kubernetes 1.30.
	Unsupported bool
	// Wrong are the objects of the guard that are missing or were changed, as "Kind name", policies first.
	Wrong []string
}

// objects are the policies and bindings of a guard, in the order of writing.
type objects struct {
	policies []admissionv1.ValidatingAdmissionPolicy
	bindings []admissionv1.ValidatingAdmissionPolicyBinding
}

// Look reads where the guard stands, in two calls. An error that says Forbidden means that our user may not see it.
func Look(ctx context.Context, c *kube.Client) (State, error) {
	live, err := read(ctx, c)
	if apierrors.IsNotFound(err) {
		return State{Unsupported: true}, nil
	}
	if err != nil {
		return State{}, err
	}
	want, err := wanted()
	if err != nil {
		return State{}, err
	}
	return State{Wrong: want.wrong(live)}, nil
}

// read lists the guard's live objects. An API server without their kinds answers NotFound.
func read(ctx context.Context, c *kube.Client) (objects, error) {
	api := c.Typed.AdmissionregistrationV1()
	policies, err := api.ValidatingAdmissionPolicies().List(ctx, metav1.ListOptions{LabelSelector: managed})
	if err != nil {
		return objects{}, fmt.Errorf("listing the guard's policies: %w", err)
	}
	bindings, err := api.ValidatingAdmissionPolicyBindings().List(ctx, metav1.ListOptions{LabelSelector: managed})
	if err != nil {
		return objects{}, fmt.Errorf("listing the guard's bindings: %w", err)
	}
	return objects{policies.Items, bindings.Items}, nil
}

// wrong are the objects of want that are not live as they should be.
func (want objects) wrong(live objects) []string {
	var out []string
	for _, w := range want.policies {
		if !slices.ContainsFunc(live.policies, func(p admissionv1.ValidatingAdmissionPolicy) bool { return samePolicy(&w, &p) }) {
			out = append(out, policyKind+" "+w.Name)
		}
	}
	for _, w := range want.bindings {
		if !slices.ContainsFunc(live.bindings, func(b admissionv1.ValidatingAdmissionPolicyBinding) bool { return sameBinding(&w, &b) }) {
			out = append(out, bindingKind+" "+w.Name)
		}
	}
	return out
}

func samePolicy(a, b *admissionv1.ValidatingAdmissionPolicy) bool {
	return a.Name == b.Name && equality.Semantic.DeepEqual(a.Spec, b.Spec)
}

// sameBinding wants the very same actions: Audit beside Deny is a change too, and Audit alone lifts the guard.
func sameBinding(a, b *admissionv1.ValidatingAdmissionPolicyBinding) bool {
	return a.Name == b.Name && equality.Semantic.DeepEqual(a.Spec, b.Spec)
}
