package kube_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/kube"
)

// marked carries every mark of ours, and what a row adds to or takes from them.
func marked(change func(*metav1.ObjectMeta)) *metav1.ObjectMeta {
	o := &metav1.ObjectMeta{
		Labels: map[string]string{kube.LabelAddOn: "Flannel", kube.LabelManagedBy: "Helm"},
		Annotations: map[string]string{
			kube.AnnotationReleaseName: "flannel", kube.AnnotationReleaseNS: "kube-system", kube.AnnotationKeep: "keep",
		},
	}
	if change != nil {
		change(o)
	}
	return o
}

func TestOnlyAnObjectWithEveryMarkIsOurs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		object *metav1.ObjectMeta
		want   bool
	}{
		"every mark":                {marked(nil), true},
		"no mark":                   {&metav1.ObjectMeta{}, false},
		"Helm's marks without ours": {marked(func(o *metav1.ObjectMeta) { delete(o.Labels, kube.LabelAddOn) }), false},
		"our label alone":           {marked(func(o *metav1.ObjectMeta) { o.Annotations = nil }), false},
		"another add-on":            {marked(func(o *metav1.ObjectMeta) { o.Labels[kube.LabelAddOn] = "Calico" }), false},
		"another release":           {marked(func(o *metav1.ObjectMeta) { o.Annotations[kube.AnnotationReleaseName] = "cni" }), false},
		"another release's namespace": {
			marked(func(o *metav1.ObjectMeta) { o.Annotations[kube.AnnotationReleaseNS] = "kube-flannel" }), false,
		},
		"without the label that says Helm, which anybody may set": {
			marked(func(o *metav1.ObjectMeta) { delete(o.Labels, kube.LabelManagedBy) }), true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := kube.Ours(c.object, "Flannel", "flannel", "kube-system"); got != c.want {
				t.Errorf("ours = %t, want %t", got, c.want)
			}
		})
	}
}

func TestTheOwnerIsTheHelmReleaseOrTheFieldManagers(t *testing.T) {
	t.Parallel()
	managers := func(names ...string) []metav1.ManagedFieldsEntry {
		var out []metav1.ManagedFieldsEntry
		for _, n := range names {
			out = append(out, metav1.ManagedFieldsEntry{Manager: n})
		}
		return out
	}
	for name, c := range map[string]struct {
		object *metav1.ObjectMeta
		want   string
	}{
		"nothing says": {&metav1.ObjectMeta{}, ""},
		"a Helm release, whatever the managers": {
			marked(func(o *metav1.ObjectMeta) { o.ManagedFields = managers("kubectl") }), "Helm release kube-system/flannel",
		},
		"one manager":            {&metav1.ObjectMeta{ManagedFields: managers("kubectl-client-side-apply")}, "field manager kubectl-client-side-apply"},
		"a manager that did two": {&metav1.ObjectMeta{ManagedFields: managers("argocd", "argocd")}, "field manager argocd"},
		"several managers":       {&metav1.ObjectMeta{ManagedFields: managers("oke", "kubectl")}, "field manager oke, kubectl"},
		"one who writes only the status": {&metav1.ObjectMeta{ManagedFields: append(managers("oke"),
			metav1.ManagedFieldsEntry{Manager: "kube-controller-manager", Subresource: "status"})}, "field manager oke"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := kube.Owner(c.object); got != c.want {
				t.Errorf("owner = %q, want %q", got, c.want)
			}
		})
	}
}
