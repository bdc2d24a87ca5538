package helm

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/record"
	"github.com/addonctl/addonctl/pkg/render"
)

const definition = "CustomResourceDefinition"

// dryRun says for every object what writing it would do. Refusals are results, not errors; an error means that the
// server could not be asked. absent are the objects that are not on the cluster, unserved those of kinds that nobody serves.
func (j *job) dryRun(ctx context.Context, stored []record.Revision, live plan.Installed, absent, unserved []*unstructured.Unstructured) ([]plan.ObjectChange, error) {
	objects, err := j.forRoll(stored, 0)
	if err != nil {
		return nil, err
	}
	b := j.baseOf(stored, live.Digest)
	var out []plan.ObjectChange
	for _, o := range objects {
		if has(unserved, o) {
			out = append(out, notServed(o))
			continue
		}
		a, err := j.asked(ctx, o, absent)
		if err != nil {
			return nil, err
		}
		if err := j.others(ctx, o, b, &a); err != nil {
			return nil, err
		}
		out = append(out, a.change)
	}
	return out, nil
}

// others adds to a change what becomes of fields that others set: by the write, and by taking rules back behind the last node.
func (j *job) others(ctx context.Context, o *unstructured.Unstructured, b *base, a *attempt) error {
	if rules := namesake(j.render.Objects, o); strings.HasSuffix(o.GetKind(), "Role") && rules != nil && a.live != nil && !stops(a.change) {
		n, err := j.try(ctx, rules, askingNarrow)
		if err != nil {
			return err
		}
		if len(n.change.Fields) > 0 && len(a.change.Fields) == 0 {
			a.change.Fields = n.change.Fields
			if stops(n.change) {
				a.change = n.change
			}
		}
	}
	if a.change.Action != plan.Configure {
		return nil
	}
	return j.edits(ctx, b, a)
}

// ask is what the API server says to one object; one that needs something which is not there yet is judged without it.
func (j *job) ask(ctx context.Context, o *unstructured.Unstructured, absent []*unstructured.Unstructured) (plan.ObjectChange, error) {
	a, err := j.asked(ctx, o, absent)
	return a.change, err
}

func (j *job) asked(ctx context.Context, o *unstructured.Unstructured, absent []*unstructured.Unstructured) (attempt, error) {
	if why := waitsFor(o, absent); why != "" {
		return attempt{change: later(o, why)}, nil
	}
	a, err := j.try(ctx, o, asking)
	if err != nil || a.change.Action != plan.Refused {
		return a, err
	}
	if role := roleOf(o, absent); role != "" {
		a.change = later(o, role)
		return a, nil
	}
	if a.live == nil {
		served, err := j.Target.Serves(ctx, o.GroupVersionKind())
		if err != nil {
			return a, err
		}
		if !served {
			a.change = notServed(o)
			return a, nil
		}
	}
	a.change.Overlay, err = j.overlaid(o)
	return a, err
}

// later is an object that the API server cannot be asked about before something else is there.
func later(o *unstructured.Unstructured, why string) plan.ObjectChange {
	c := plan.ObjectChange{Object: kube.Ref(o), Action: plan.Create}
	if err := kube.Decodes(o); err != nil {
		c.Action, c.Message = plan.Refused, err.Error()
		return c
	}
	c.Message = "the API server is asked once " + why + " is there, before the workloads"
	return c
}

func notServed(o *unstructured.Unstructured) plan.ObjectChange {
	return plan.ObjectChange{Object: kube.Ref(o), Action: plan.NotServed, Message: o.GetKind() + " of " + o.GetAPIVersion()}
}

// waitsFor names the namespace or the definition without which the API server cannot take an object, where it is absent.
func waitsFor(o *unstructured.Unstructured, absent []*unstructured.Unstructured) string {
	for _, a := range absent {
		if a.GetKind() == "Namespace" && a.GetName() == o.GetNamespace() || a.GetKind() == definition && defines(a, o) {
			return kube.Ref(a)
		}
	}
	return ""
}

func defines(d, o *unstructured.Unstructured) bool {
	group, _, _ := unstructured.NestedString(d.Object, "spec", "group")
	kind, _, _ := unstructured.NestedString(d.Object, "spec", "names", "kind")
	return o.GroupVersionKind().Group == group && o.GetKind() == kind
}

// roleOf names the role that a binding is for, where it is absent: whoever may not hand out everything is asked what the role
// holds.
func roleOf(o *unstructured.Unstructured, absent []*unstructured.Unstructured) string {
	if !strings.HasSuffix(o.GetKind(), "RoleBinding") {
		return ""
	}
	kind, _, _ := unstructured.NestedString(o.Object, "roleRef", "kind")
	name, _, _ := unstructured.NestedString(o.Object, "roleRef", "name")
	for _, a := range absent {
		if a.GetKind() == kind && a.GetName() == name && (kind == "ClusterRole" || a.GetNamespace() == o.GetNamespace()) {
			return kube.Ref(a)
		}
	}
	return ""
}

// has tells whether an object of the same kind and name is among others.
func has(objects []*unstructured.Unstructured, o *unstructured.Unstructured) bool {
	return namesake(objects, o) != nil
}

func namesake(objects []*unstructured.Unstructured, o *unstructured.Unstructured) *unstructured.Unstructured {
	i := slices.IndexFunc(objects, func(a *unstructured.Unstructured) bool {
		return a.GroupVersionKind().GroupKind() == o.GroupVersionKind().GroupKind() && a.GetNamespace() == o.GetNamespace() && a.GetName() == o.GetName()
	})
	if i < 0 {
		return nil
	}
	return objects[i]
}

// overlaid tells whether an object is as the operator's overlay makes it, and not the chart.
func (j *job) overlaid(o *unstructured.Unstructured) (bool, error) {
	if j.bare == nil {
		return false, nil
	}
	bare, err := j.bare()
	if err != nil {
		return false, nil //nolint:nilerr // then the release cannot be rendered without it, and nothing is told
	}
	was, is := namesake(bare.Objects, o), namesake(j.render.Objects, o)
	if was == nil || is == nil {
		return was == nil, nil
	}
	before, err := render.Print([]*unstructured.Unstructured{was})
	if err != nil {
		return false, fmt.Errorf("comparing %s: %w", kube.Ref(o), err)
	}
	after, err := render.Print([]*unstructured.Unstructured{is})
	if err != nil {
		return false, fmt.Errorf("comparing %s: %w", kube.Ref(o), err)
	}
	return before != after, nil
}
