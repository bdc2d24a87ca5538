package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// Outcome of applying one object.
type Outcome string

// The outcomes of Apply.
const (
	Created   Outcome = "create"
	Changed   Outcome = "configure"
	Unchanged Outcome = "unchanged"
)

// Resource is the client for an object's kind and namespace.
func (c *Client) Resource(o *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	gvk := o.GroupVersionKind()
	m, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		return nil, fmt.Errorf("finding the resource of %s: %w", Ref(o), err)
	}
	if m.Scope.Name() == meta.RESTScopeNameRoot {
		return c.Dynamic.Resource(m.Resource), nil
	}
	return c.Dynamic.Resource(m.Resource).Namespace(o.GetNamespace()), nil
}

// Ref names an object in messages and reports: "Kind name", with the namespace when it is not kube-system.
func Ref(o *unstructured.Unstructured) string {
	if ns := o.GetNamespace(); ns != "" && ns != metav1.NamespaceSystem {
		return fmt.Sprintf("%s %s/%s", o.GetKind(), ns, o.GetName())
	}
	return fmt.Sprintf("%s %s", o.GetKind(), o.GetName())
}

// Get reads the live object of the same kind and name; nil when there is none.
func (c *Client) Get(ctx context.Context, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	r, err := c.Resource(o)
	if err != nil {
		return nil, err
	}
	live, err := r.Get(ctx, o.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil //nolint:nilnil // "there is none" is an answer, not an error
	}
	return live, err
}

// Apply writes an object by server-side apply, strictly and without force: an unknown field, and a field that somebody
// else owns with another value, are errors. live is what Get returned before; with a live object the write carries its
// resourceVersion, so that a change made in between is a conflict; a dry run does not. Without one the write only creates: an object that has
// appeared since is a conflict, too. With dryRun the server only says what it would do. A live object with a higher epoch than
// the client's is ErrFenced, and nothing is sent.
func (c *Client) Apply(ctx context.Context, want, live *unstructured.Unstructured, dryRun bool) (Outcome, error) {
	got, err := c.Write(ctx, want, live, How{DryRun: dryRun})
	if err != nil {
		return "", err
	}
	return Compare(live, got), nil
}

// How an object is written.
type How struct {
	// DryRun only asks what writing would do.
	DryRun bool
	// Force takes fields that somebody else owns with another value.
	Force bool
}

// Write is Apply that can take fields from other owners, and that returns the object as it is then.
func (c *Client) Write(ctx context.Context, want, live *unstructured.Unstructured, how How) (*unstructured.Unstructured, error) {
	r, err := c.Resource(want)
	if err != nil {
		return nil, err
	}
	if live != nil {
		if err := Fenced(live, c.Epoch); err != nil {
			return nil, err
		}
	}
	body, err := applyBody(want, live, how.DryRun)
	if err != nil {
		return nil, err
	}
	options := metav1.PatchOptions{FieldManager: FieldManager, Force: &how.Force, FieldValidation: metav1.FieldValidationStrict}
	if how.DryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	return r.Patch(ctx, want.GetName(), types.ApplyPatchType, body, options)
}

// noVersion is a resourceVersion that no object has, for etcd's first write makes 2: an apply with it creates, and conflicts with
// every object that is there. Server-side apply has no other way to say so; the tests ask real servers whether it holds.
const noVersion = "1"

func applyBody(want, live *unstructured.Unstructured, dryRun bool) ([]byte, error) {
	o := want.DeepCopy()
	switch {
	case live != nil && dryRun: // a question about an object whose status changes all the time must have an answer
		o.SetUID(live.GetUID())
	case live != nil:
		o.SetResourceVersion(live.GetResourceVersion())
		o.SetUID(live.GetUID())
	case !dryRun:
		o.SetResourceVersion(noVersion)
	}
	body, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encoding %s: %w", Ref(want), err)
	}
	return body, nil
}

// Compare tells what a write made of an object; before is nil where there was none.
func Compare(before, after *unstructured.Unstructured) Outcome {
	switch {
	case before == nil:
		return Created
	case reflect.DeepEqual(meaning(before), meaning(after)):
		return Unchanged
	default:
		return Changed
	}
}

// meaning is the object without what the server keeps count of.
func meaning(o *unstructured.Unstructured) map[string]any {
	o = o.DeepCopy()
	o.SetManagedFields(nil)
	o.SetResourceVersion("")
	o.SetGeneration(0)
	delete(o.Object, "status") // a controller's, which no apply of ours sets
	return o.Object
}

// Conflicts describes the fields that other managers own, out of the API server's 409 to an apply; false when the
// error is none of that kind (a change made in between is one of another kind).
func Conflicts(err error) (string, bool) {
	status, ok := err.(apierrors.APIStatus)
	if !ok || !apierrors.IsConflict(err) || status.Status().Details == nil {
		return "", false
	}
	var out []string
	for _, cause := range status.Status().Details.Causes {
		if cause.Type == metav1.CauseTypeFieldManagerConflict {
			out = append(out, fmt.Sprintf("%s (%s)", cause.Field, strings.TrimPrefix(cause.Message, "conflict with ")))
		}
	}
	slices.Sort(out) // the server lists them in any order
	return strings.Join(out, "; "), len(out) > 0
}

// OwnConflict tells whether an apply conflicts with nobody but ourselves: fields that this program wrote by another way than an apply.
func OwnConflict(err error) bool {
	if _, ok := Conflicts(err); !ok {
		return false
	}
	status, _ := err.(apierrors.APIStatus)
	for _, cause := range status.Status().Details.Causes {
		if cause.Type == metav1.CauseTypeFieldManagerConflict && !strings.HasPrefix(cause.Message, fmt.Sprintf("conflict with %q", FieldManager)) {
			return false
		}
	}
	return true
}
