package render_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/render"
)

// Flannel up to 0.24 lists clustercidrs, and 0.26 may not: a pod of 0.24.4 that restarts in mid-roll needs the rule.
func TestThePodsOfBothReleasesHaveTheirRules(t *testing.T) {
	t.Parallel()
	older, newer := shipped(t, "0.24.4", settings()).Objects, shipped(t, "0.26.2", settings()).Objects
	cidrs := map[string]any{
		"apiGroups": []any{"networking.k8s.io"}, "resources": []any{"clustercidrs"}, "verbs": []any{"list", "watch"},
	}
	want := append(rules(t, newer), cidrs)
	if diff := cmp.Diff(want, rules(t, render.Union(newer, older))); diff != "" {
		t.Errorf("rules in mid-roll (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(rules(t, newer), rules(t, render.Union(newer))); diff != "" {
		t.Errorf("rules with nothing older (-want +got):\n%s", diff)
	}
	back := render.Union(older, newer)
	for i := range older {
		if back[i] != older[i] {
			t.Errorf("%s has all rules of the newer one, and is another object now", older[i].GetKind())
		}
	}
}

// rules of the ClusterRole flannel.
func rules(t *testing.T, objects []*unstructured.Unstructured) []any {
	t.Helper()
	for _, o := range objects {
		if o.GetKind() == "ClusterRole" && o.GetName() == "flannel" {
			out, _, err := unstructured.NestedSlice(o.Object, "rules")
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
	}
	t.Fatal("no ClusterRole flannel")
	return nil
}

func TestAUnionChangesNothingButTheRules(t *testing.T) {
	t.Parallel()
	older, newer := shipped(t, "0.24.4", settings()).Objects, shipped(t, "0.26.2", settings()).Objects
	beforeOlder, beforeNewer := printed(t, older), printed(t, newer)
	got := render.Union(newer, older)
	if diff := cmp.Diff(beforeOlder+beforeNewer, printed(t, older)+printed(t, newer)); diff != "" {
		t.Errorf("its inputs were changed (-want +got):\n%s", diff)
	}
	if len(got) != len(newer) {
		t.Fatalf("%d objects of %d", len(got), len(newer))
	}
	for i, o := range got {
		if o.GetKind() != "ClusterRole" {
			if o != newer[i] {
				t.Errorf("%s is another object", o.GetKind())
			}
			continue
		}
		bare, was := o.DeepCopy(), newer[i].DeepCopy()
		delete(bare.Object, "rules")
		delete(was.Object, "rules")
		if diff := cmp.Diff(was.Object, bare.Object); diff != "" {
			t.Errorf("more than the rules changed (-want +got):\n%s", diff)
		}
	}
	// Writing to what came out must not reach what went in.
	for _, o := range got {
		if o.GetKind() == "ClusterRole" {
			o.Object["rules"].([]any)[0].(map[string]any)["verbs"] = []any{"delete"}
			o.SetLabels(map[string]string{"changed": "yes"})
		}
	}
	if diff := cmp.Diff(beforeOlder+beforeNewer, printed(t, older)+printed(t, newer)); diff != "" {
		t.Errorf("the result shares its rules with an input (-want +got):\n%s", diff)
	}
}

func TestAUnionOfAUnionIsTheSame(t *testing.T) {
	t.Parallel()
	older, newer := shipped(t, "0.24.4", settings()).Objects, shipped(t, "0.26.2", settings()).Objects
	once := render.Union(newer, older)
	twice := render.Union(once, older)
	if diff := cmp.Diff(once, twice); diff != "" {
		t.Errorf("(-once +twice):\n%s", diff)
	}
	if diff := cmp.Diff(once, render.Union(newer, older, older, newer)); diff != "" {
		t.Errorf("the same release twice (-want +got):\n%s", diff)
	}
}

// role is a role with rules about the resources given.
func role(kind, namespace, name string, resources ...any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind}}
	o.SetName(name)
	o.SetNamespace(namespace)
	var out []any
	for _, r := range resources {
		out = append(out, map[string]any{"apiGroups": []any{""}, "resources": []any{r}, "verbs": []any{"get"}})
	}
	o.Object["rules"] = out
	return o
}

func TestOnlyTheRulesOfNamesakesAreJoined(t *testing.T) {
	t.Parallel()
	type objects = []*unstructured.Unstructured
	for name, c := range map[string]struct {
		object *unstructured.Unstructured
		older  []objects
		want   *unstructured.Unstructured
	}{
		"a ClusterRole": {
			role("ClusterRole", "", "x", "nodes"), []objects{{role("ClusterRole", "", "x", "pods")}}, role("ClusterRole", "", "x", "nodes", "pods"),
		},
		"a Role": {
			role("Role", "ns", "x", "nodes"), []objects{{role("Role", "ns", "x", "pods")}}, role("Role", "ns", "x", "nodes", "pods"),
		},
		"of several older releases": {
			role("Role", "ns", "x", "a"),
			[]objects{{role("Role", "ns", "x", "b", "a")}, {role("Role", "ns", "x", "b", "c")}},
			role("Role", "ns", "x", "a", "b", "c"),
		},
		"one without a rule":          {role("Role", "ns", "x"), []objects{{role("Role", "ns", "x", "a")}}, role("Role", "ns", "x", "a")},
		"an older one without a rule": {role("Role", "ns", "x", "a"), []objects{{role("Role", "ns", "x")}}, role("Role", "ns", "x", "a")},
		"another name":                {role("Role", "ns", "x", "a"), []objects{{role("Role", "ns", "y", "b")}}, role("Role", "ns", "x", "a")},
		"another namespace":           {role("Role", "ns", "x", "a"), []objects{{role("Role", "other", "x", "b")}}, role("Role", "ns", "x", "a")},
		"another kind":                {role("Role", "", "x", "a"), []objects{{role("ClusterRole", "", "x", "b")}}, role("Role", "", "x", "a")},
		"no role at all":              {role("Gadget", "", "x", "a"), []objects{{role("Gadget", "", "x", "b")}}, role("Gadget", "", "x", "a")},
		"no older release":            {role("Role", "", "x", "a"), nil, role("Role", "", "x", "a")},
		"an empty release":            {role("Role", "", "x", "a"), []objects{nil}, role("Role", "", "x", "a")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := render.Union(objects{c.object}, c.older...)
			if diff := cmp.Diff(objects{c.want}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
