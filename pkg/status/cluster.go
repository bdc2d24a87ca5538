package status

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
)

// Visit is what came of asking a cluster who it is.
type Visit struct {
	// Manager that asked, as "namespace/name" of its Lease.
	Manager string
	// At is when, by the manager's clock.
	At time.Time
	// Away says in a sentence why nobody answered; empty when somebody did.
	Away string
	// Kubernetes is the API server's version, UID that of namespace kube-system; both are empty when nobody answered.
	Kubernetes, UID string
}

// Cluster is the status of a cluster after a visit. before is the status that stands in the record: since when nobody answers, what was
// seen last, and the times of conditions that did not change are taken from it.
func Cluster(before v1alpha1.ClusterNetworkStatus, generation int64, v Visit) v1alpha1.ClusterNetworkStatus {
	out := *before.DeepCopy()
	out.ObservedGeneration, out.Manager = generation, v.Manager
	at := metav1.NewTime(v.At.Truncate(time.Second))
	c := metav1.Condition{Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReachable, Message: "its API server answers"}
	if v.Away != "" {
		c = metav1.Condition{Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonUnreachable, Message: cut(v.Away, maxEvidence)}
		if out.Away == nil {
			out.Away = &at
		}
	} else {
		out.Away, out.KubernetesVersion, out.UID = nil, v.Kubernetes, v.UID
	}
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionReachable} {
		c.Type, c.ObservedGeneration, c.LastTransitionTime = kind, generation, at
		out.Conditions = withCondition(out.Conditions, c)
	}
	return out
}

// withCondition puts a condition in the place of the one of its type. Its time is that of the last change.
func withCondition(all []metav1.Condition, c metav1.Condition) []metav1.Condition {
	i := slices.IndexFunc(all, func(o metav1.Condition) bool { return o.Type == c.Type })
	if i < 0 {
		return append(all, c)
	}
	if all[i].Status == c.Status {
		c.LastTransitionTime = all[i].LastTransitionTime
	}
	all[i] = c
	return all
}
