package render

import (
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/catalog"
)

const rbac = rbacv1.GroupName

type rule = rbacv1.PolicyRule

// bound is a binding whose rules are to be handed out to its subjects.
type bound struct {
	// role as reference has it.
	role string
	// namespace that the rules are limited to; empty for all.
	namespace string
	subjects  []rbacv1.Subject
}

// role reads a ClusterRole or Role. The rules that a controller aggregates into a role are not in a render.
func (r *reading) role(o *unstructured.Unstructured) error {
	var role struct {
		Rules []rule `json:"rules"`
	}
	if err := typed(o, &role); err != nil {
		return err
	}
	r.rules[full(o)] = append(r.rules[full(o)], role.Rules...)
	return nil
}

// binding reads a ClusterRoleBinding or RoleBinding, which differ in nothing but their reach.
func (r *reading) binding(o *unstructured.Unstructured) error {
	var b rbacv1.RoleBinding
	if err := typed(o, &b); err != nil {
		return err
	}
	out := catalog.Binding{Name: full(o), Role: reference(b.RoleRef.Kind, "", b.RoleRef.Name)}
	for _, s := range b.Subjects {
		out.Subjects = append(out.Subjects, reference(s.Kind, s.Namespace, s.Name))
	}
	out.Subjects = set(out.Subjects)
	r.Bindings = append(r.Bindings, out)

	give := bound{role: out.Role, namespace: o.GetNamespace(), subjects: b.Subjects}
	if b.RoleRef.Kind == "Role" {
		give.role = reference(b.RoleRef.Kind, give.namespace, b.RoleRef.Name)
	}
	r.bound = append(r.bound, give)
	return nil
}

// grant hands the rules of all roles out to the service accounts that they are bound to. Rules are expanded, because their
// order and grouping have no meaning (facts: CNI C4).
func (r *reading) grant() {
	for _, b := range r.bound {
		for _, s := range b.subjects {
			account, ok := serviceAccount(s)
			if !ok {
				continue
			}
			for _, rule := range r.rules[b.role] {
				for _, right := range expand(rule) {
					r.Grants = append(r.Grants, account+": "+within(right, b.namespace))
				}
			}
		}
	}
}

// serviceAccount is a subject as namespace/name; false for users and groups.
func serviceAccount(s rbacv1.Subject) (string, bool) {
	switch s.Kind {
	case rbacv1.ServiceAccountKind:
		return s.Namespace + "/" + s.Name, true
	case rbacv1.UserKind:
		account, ok := strings.CutPrefix(s.Name, "system:serviceaccount:")
		return strings.Replace(account, ":", "/", 1), ok
	default:
		return "", false
	}
}

// expand writes a rule as single rights: "get nodes", "list daemonsets.apps", "get configmaps [a]", "get /metrics".
func expand(p rule) []string {
	var things []string
	for _, group := range p.APIGroups {
		for _, resource := range p.Resources {
			things = append(things, named(inGroup(resource, group), p.ResourceNames)...)
		}
	}
	things = append(things, p.NonResourceURLs...)
	var out []string
	for _, verb := range p.Verbs {
		for _, thing := range things {
			out = append(out, verb+" "+thing)
		}
	}
	return out
}

func inGroup(resource, group string) string {
	if group == "" {
		return resource
	}
	return resource + "." + group
}

// named narrows a resource to names; without any it is the whole resource.
func named(resource string, names []string) []string {
	if len(names) == 0 {
		return []string{resource}
	}
	out := make([]string, 0, len(names))
	for _, n := range names {
		out = append(out, resource+" ["+n+"]")
	}
	return out
}

// within adds the namespace that a right is limited to, as package kube writes rights.
func within(right, namespace string) string {
	if namespace == "" {
		return right
	}
	return right + " in " + namespace
}
