package helm

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
)

const onDelete = string(appsv1.OnDeleteDaemonSetStrategyType)

// hold gives the add-on's own workload the strategy by which its controller replaces no pod, where nodes are not left to the controller. It
// stands in no render: what is recorded stays the chart's.
func (j *job) hold(o *unstructured.Unstructured) {
	if spec, ok := o.Object["spec"].(map[string]any); ok && j.onDelete && j.isWorkload(o) {
		spec["updateStrategy"] = map[string]any{"type": onDelete}
	}
}

// isWorkload tells whether an object is the add-on's own workload, and not another one of its release.
func (j *job) isWorkload(o *unstructured.Unstructured) bool {
	w := j.addOn.Workload
	return o.GetKind() == "DaemonSet" && w.Kind == "DaemonSet" && o.GetName() == w.Name && o.GetNamespace() == w.Namespace
}

// replacesNone tells whether the controller of a DaemonSet replaces no pod by itself.
func replacesNone(o *unstructured.Unstructured) bool {
	strategy, _, _ := unstructured.NestedString(o.Object, "spec", "updateStrategy", "type")
	return strategy == onDelete
}

// wasHeld tells whether the recorded release is written with the engine's strategy. One that the catalog does not know has its chart's.
func (j *job) wasHeld(in plan.Input, b *base) bool {
	r, ok := j.addOn.Find(parsed(b.revision.Version))
	return ok && plan.OnDeleteOf(in, r)
}

// asHeld is the job for an object that keeps the strategy that it has live.
func (j *job) asHeld(live *unstructured.Unstructured) *job {
	out := *j
	out.onDelete = replacesNone(live)
	return &out
}

// holding is the job for an object some of whose fields are kept: if they are of the strategy it is kept whole.
func (j *job) holding(live *unstructured.Unstructured, kept []kube.Field) *job {
	if live == nil || !slices.ContainsFunc(kept, func(f kube.Field) bool { return ofStrategy(f.Path) }) {
		return j
	}
	return j.asHeld(live)
}
