package render

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/component-helpers/auth/rbac/validation"
)

func isRole(o *unstructured.Unstructured) bool {
	return o.GroupVersionKind().Group == rbac && (o.GetKind() == "ClusterRole" || o.GetKind() == "Role")
}

func isBinding(o *unstructured.Unstructured) bool {
	return o.GroupVersionKind().Group == rbac && (o.GetKind() == "ClusterRoleBinding" || o.GetKind() == "RoleBinding")
}

// granting is what roles and bindings say.
type granting struct {
	Rules    []rbacv1.PolicyRule `json:"rules"`
	RoleRef  rbacv1.RoleRef      `json:"roleRef"`
	Subjects []rbacv1.Subject    `json:"subjects"`
}

// words of what is granted: rights of a role, subjects of a binding, and the role that it hands out.
func (g granting) words() []string {
	var out []string
	for _, r := range g.Rules {
		out = append(out, expand(r)...)
	}
	for _, s := range g.Subjects {
		out = append(out, reference(s.Kind, s.Namespace, s.Name))
	}
	if g.RoleRef.Name != "" {
		out = append(out, reference(g.RoleRef.Kind, "", g.RoleRef.Name))
	}
	return out
}

// without is what one grants beyond another. A right may be written in many ways, so rules are compared by what they cover.
func (g granting) without(other granting) granting {
	var out granting
	_, out.Rules = validation.Covers(other.Rules, g.Rules)
	for _, s := range g.Subjects {
		if !slices.Contains(other.Subjects, s) {
			out.Subjects = append(out.Subjects, s)
		}
	}
	if g.RoleRef != other.RoleRef {
		out.RoleRef = g.RoleRef
	}
	return out
}

// grantChange is what was made of a role or binding; one that is new granted nothing before.
type grantChange struct {
	name          string
	fresh         bool
	before, after granting
}

// rights : none is taken away, and each that is added is named.
func (l *layer) rights() []Finding {
	var out []Finding
	for _, g := range l.grants {
		if words := g.before.without(g.after).words(); len(words) > 0 {
			out = append(out, refusal(OverlayWeakensRights, "keep the rules of the release; more may be added",
				"the overlay takes from what %s grants: %s", g.name, strings.Join(set(words), ", ")))
		}
		words := g.after.without(g.before).words()
		switch {
		case g.fresh:
			out = append(out, note(OverlayAddsRights, "", "the overlay adds %s, which grants: %s", g.name, strings.Join(set(words), ", ")))
		case len(words) > 0:
			out = append(out, note(OverlayAddsRights, "", "the overlay adds to what %s grants: %s", g.name, strings.Join(set(words), ", ")))
		}
	}
	return out
}
