package helm

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
)

// controllers are field managers that go on with what they own.
var controllers = []string{"kube-controller-manager", "clusterrole-aggregation-controller", "kube-apiserver"}

// former tells whether an entry is of somebody who put the object there, and who is succeeded.
func former(f metav1.ManagedFieldsEntry) bool {
	if f.Subresource != "" || slices.Contains(controllers, f.Manager) {
		return false
	}
	if f.Manager == kube.FieldManager && f.Operation == metav1.ManagedFieldsOperationApply {
		return false
	}
	var owned map[string]json.RawMessage
	if f.FieldsV1 == nil || json.Unmarshal([]byte(f.FieldsV1.GetRawString()), &owned) != nil {
		return false
	}
	delete(owned, "f:status") // of a server that did not tell subresources apart
	return len(owned) > 0
}

// formers are the field managers that an object is taken from, sorted.
func formers(o *unstructured.Unstructured) []string {
	out := map[string]bool{}
	for _, f := range o.GetManagedFields() {
		if former(f) && f.Manager != kube.FieldManager {
			out[f.Manager] = true
		}
	}
	return slices.Sorted(maps.Keys(out))
}

// migrate moves the fields of an object's former owners to us, as if we had applied them. Nothing else of it changes; it returns
// the object as it is then.
func (e *Engine) migrate(ctx context.Context, live *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	if err := kube.Fenced(live, e.Target.Epoch); err != nil {
		return nil, err
	}
	o := live.DeepCopy()
	entries, names := o.GetManagedFields(), sets.New[string]()
	for i, f := range entries {
		if former(f) {
			names.Insert(f.Manager)
			entries[i].Operation = metav1.ManagedFieldsOperationUpdate // whoever applied is succeeded like whoever updated
		}
	}
	if names.Len() == 0 {
		return live, nil
	}
	o.SetManagedFields(entries)
	if err := csaupgrade.UpgradeManagedFields(o, names, kube.FieldManager); err != nil {
		return nil, fmt.Errorf("reading who owns its fields: %w", err)
	}
	body, err := json.Marshal([]map[string]any{
		{"op": "replace", "path": "/metadata/managedFields", "value": o.GetManagedFields()},
		{"op": "replace", "path": "/metadata/resourceVersion", "value": live.GetResourceVersion()}, // another one is a conflict
	})
	if err != nil {
		return nil, fmt.Errorf("encoding who owns its fields: %w", err)
	}
	r, err := e.Target.Resource(live)
	if err != nil {
		return nil, err
	}
	return r.Patch(ctx, live.GetName(), types.JSONPatchType, body, metav1.PatchOptions{FieldManager: kube.FieldManager})
}

// owners tells whose the objects are, and what that means for whoever they are taken from.
func (l *looker) owners(context.Context) error {
	releases, tools := map[string]bool{}, map[string]bool{}
	for _, o := range l.found {
		l.Objects = append(l.Objects, Taken{Object: kube.Ref(o), Owner: kube.Owner(o), Managers: formers(o)})
		if name, ns := helmRelease(o); name != "" && (name != l.AddOn.Release || ns != l.AddOn.Workload.Namespace) {
			releases[ns+"/"+name] = true
		}
		for _, t := range gitOps(o) {
			tools[t] = true
		}
	}
	for _, r := range slices.Sorted(maps.Keys(releases)) {
		ns, name, _ := strings.Cut(r, "/")
		l.say(plan.FormerOwner, false,
			fmt.Sprintf("afterwards: kubectl delete secret -n %s -l owner=helm,name=%s takes that release's record away and none of its objects", ns, name),
			"the objects are of Helm release %s: from then on nobody may run helm uninstall, upgrade or rollback of it, which would act on these objects by its own record", r)
	}
	for _, t := range slices.Sorted(maps.Keys(tools)) {
		l.say(plan.FormerOwner, false, "take the add-on out of what it syncs first: it would write over every update, or prune the CNI",
			"%s keeps these objects as its source says", t)
	}
	return nil
}

// helmRelease is the Helm release whose marks an object carries.
func helmRelease(o metav1.Object) (name, namespace string) {
	a := o.GetAnnotations()
	return a[kube.AnnotationReleaseName], a[kube.AnnotationReleaseNS]
}

// gitOps are the tools whose marks an object carries (facts: CNI B54).
func gitOps(o metav1.Object) []string {
	var out []string
	for _, mark := range []struct{ key, tool string }{
		{"argocd.argoproj.io/instance", "Argo CD application"},
		{"argocd.argoproj.io/tracking-id", "Argo CD application"},
		{"kustomize.toolkit.fluxcd.io/name", "Flux Kustomization"},
		{"helm.toolkit.fluxcd.io/name", "Flux HelmRelease"},
	} {
		for _, marks := range []map[string]string{o.GetLabels(), o.GetAnnotations()} {
			if value := marks[mark.key]; value != "" {
				name, _, _ := strings.Cut(value, ":")
				out = append(out, mark.tool+" "+name)
			}
		}
	}
	return out
}
