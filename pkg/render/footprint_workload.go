package render

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// podTemplate is the pod of a workload.
type podTemplate struct {
	namespace string
	spec      corev1.PodSpec
}

func (r *reading) daemonSet(o *unstructured.Unstructured) error {
	var d appsv1.DaemonSet
	if err := typed(o, &d); err != nil {
		return err
	}
	w := catalog.WorkloadFootprint{
		Selector: selector(d.Spec.Selector), MinReadySeconds: int(d.Spec.MinReadySeconds),
		Strategy: cmp.Or(string(d.Spec.UpdateStrategy.Type), string(appsv1.RollingUpdateDaemonSetStrategyType)),
	}
	if u := d.Spec.UpdateStrategy.RollingUpdate; u != nil {
		w.MaxUnavailable, w.MaxSurge = written(u.MaxUnavailable), written(u.MaxSurge)
	}
	return r.workload(o, w, &d.Spec.Template)
}

func (r *reading) deployment(o *unstructured.Unstructured) error {
	var d appsv1.Deployment
	if err := typed(o, &d); err != nil {
		return err
	}
	w := catalog.WorkloadFootprint{
		Selector: selector(d.Spec.Selector), MinReadySeconds: int(d.Spec.MinReadySeconds),
		Strategy: cmp.Or(string(d.Spec.Strategy.Type), string(appsv1.RollingUpdateDeploymentStrategyType)),
	}
	if u := d.Spec.Strategy.RollingUpdate; u != nil {
		w.MaxUnavailable, w.MaxSurge = written(u.MaxUnavailable), written(u.MaxSurge)
	}
	return r.workload(o, w, &d.Spec.Template)
}

// workload fills in what DaemonSets and Deployments have in common.
func (r *reading) workload(o *unstructured.Unstructured, w catalog.WorkloadFootprint, t *corev1.PodTemplateSpec) error {
	var err error
	if w.Template, err = digest(o, "spec", "template"); err != nil {
		return err
	}
	if w.NodeAffinity, err = affinity(t.Spec.Affinity); err != nil {
		return err
	}
	w.Kind, w.Namespace, w.Name = o.GetKind(), o.GetNamespace(), o.GetName()
	w.ServiceAccount = cmp.Or(t.Spec.ServiceAccountName, t.Spec.DeprecatedServiceAccount)
	w.HostNetwork, w.PriorityClass = t.Spec.HostNetwork, t.Spec.PriorityClassName
	w.NodeSelector, w.Tolerations = t.Spec.NodeSelector, tolerations(t.Spec.Tolerations)
	w.HostPorts, w.Images, w.Configuration = hostPorts(&t.Spec), images(&t.Spec), configuration(&t.Spec)
	main := mainContainer(t)
	w.Env, w.Args, w.HostMounts = env(&t.Spec, main), flags(main), hostMounts(&t.Spec)
	w.ReadinessProbe = main != nil && main.ReadinessProbe != nil
	r.Workloads = append(r.Workloads, w)
	r.pods = append(r.pods, podTemplate{w.Namespace, t.Spec})
	return nil
}

// digest is that of a field as JSON with sorted keys, whatever it holds.
func digest(o *unstructured.Unstructured, fields ...string) (string, error) {
	v, _, err := unstructured.NestedFieldNoCopy(o.Object, fields...)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// selector is a label selector as a map. An expression stands under its key and operator, which no label's name can be.
func selector(s *metav1.LabelSelector) map[string]string {
	if s == nil || len(s.MatchLabels)+len(s.MatchExpressions) == 0 {
		return nil
	}
	out := map[string]string{}
	maps.Copy(out, s.MatchLabels)
	for _, e := range s.MatchExpressions {
		out[e.Key+" "+string(e.Operator)] = strings.Join(set(e.Values), ",")
	}
	return out
}

func written(v *intstr.IntOrString) string {
	if v == nil {
		return ""
	}
	return v.String()
}

// affinity is the required node affinity as JSON. Terms, expressions and values are sorted, because their order has no
// meaning.
func affinity(a *corev1.Affinity) (string, error) {
	if a == nil || a.NodeAffinity == nil || a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return "", nil
	}
	required := a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	for i := range required.NodeSelectorTerms {
		t := &required.NodeSelectorTerms[i]
		for _, expressions := range [][]corev1.NodeSelectorRequirement{t.MatchExpressions, t.MatchFields} {
			for _, e := range expressions {
				slices.Sort(e.Values)
			}
			slices.SortFunc(expressions, byText)
		}
	}
	slices.SortFunc(required.NodeSelectorTerms, byText)
	text, err := json.Marshal(required)
	return string(text), err
}

func byText[T any](a, b T) int { return cmp.Compare(fmt.Sprintf("%+v", a), fmt.Sprintf("%+v", b)) }
