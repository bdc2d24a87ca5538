package render

import (
	"reflect"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Union returns the objects with the rules of every ClusterRole and Role joined with those of its namesakes in older
// manifests. While nodes change, pods of both releases run, and an old one that restarts needs its old rules. Objects
// without an older namesake, or whose namesake has no further rule, are returned as they are.
func Union(objects []*unstructured.Unstructured, older ...[]*unstructured.Unstructured) []*unstructured.Unstructured {
	out := make([]*unstructured.Unstructured, 0, len(objects))
	for _, o := range objects {
		for _, old := range older {
			o = unionRules(o, namesake(o, old))
		}
		out = append(out, o)
	}
	return out
}

func namesake(o *unstructured.Unstructured, in []*unstructured.Unstructured) *unstructured.Unstructured {
	for _, c := range in {
		if c.GetKind() == o.GetKind() && c.GetName() == o.GetName() && c.GetNamespace() == o.GetNamespace() {
			return c
		}
	}
	return nil
}

func unionRules(o, old *unstructured.Unstructured) *unstructured.Unstructured {
	if old == nil || (o.GetKind() != "ClusterRole" && o.GetKind() != "Role") {
		return o
	}
	rules, _, _ := unstructured.NestedSlice(o.Object, "rules")
	more, _, _ := unstructured.NestedSlice(old.Object, "rules")
	n := len(rules)
	for _, r := range more {
		if !hasRule(rules, r) {
			rules = append(rules, r)
		}
	}
	if len(rules) == n {
		return o
	}
	o = o.DeepCopy()
	o.Object["rules"] = rules
	return o
}

func hasRule(rules []any, r any) bool {
	for _, have := range rules {
		if reflect.DeepEqual(have, r) {
			return true
		}
	}
	return false
}
