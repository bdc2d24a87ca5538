// Package guard keeps mistakes from deleting the CNI: admission policies that deny it, the identity that our own writes are
// made under, and the break-glass for whoever must do it nevertheless. It refuses to know releases and plans. Start with Look.
package guard

import (
	"context"
	"fmt"
	"slices"
	"strconv"

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

// annotationVersion is a whole number on the guard's objects and on the accounts' ClusterRoles. It is raised with each change of
// their manifests, so that an older addonctl does not write over what a newer one has written.
const annotationVersion = "addonctl.io/guard-version"

// versionOf is an object's version; 0 when it has none, or no number.
func versionOf(o metav1.Object) int {
	v, err := strconv.Atoi(o.GetAnnotations()[annotationVersion])
	if err != nil {
		return 0
	}
	return v
}

// newer tells whether a live object is of a newer addonctl's than ours. It counts as in place.
func newer(live, want metav1.Object) bool { return versionOf(live) > versionOf(want) }

// stampVersion writes our version on what becomes ours.
func stampVersion(live, want metav1.Object) {
	notes := live.GetAnnotations()
	if notes == nil {
		notes = map[string]string{}
	}
	notes[annotationVersion] = want.GetAnnotations()[annotationVersion]
	live.SetAnnotations(notes)
}

// State is where the guard stands on a cluster.
type State struct {
	// Unsupported is true where the API server knows no ValidatingAdmissionPolicy, before Kubernetes 1.30.
	Unsupported bool
	// Wrong are the objects of the guard that are missing or were changed, as "Kind name", policies first. Those that a newer
	// addonctl wrote are as that one wants them.
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

func samePolicy(want, live *admissionv1.ValidatingAdmissionPolicy) bool {
	return want.Name == live.Name && (newer(live, want) || equality.Semantic.DeepEqual(want.Spec, live.Spec))
}

// sameBinding wants the very same actions: Audit beside Deny is a change too, and Audit alone lifts the guard.
func sameBinding(want, live *admissionv1.ValidatingAdmissionPolicyBinding) bool {
	return want.Name == live.Name && (newer(live, want) || equality.Semantic.DeepEqual(want.Spec, live.Spec))
}
