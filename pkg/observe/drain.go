package observe

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
)

// drains looks what draining has still to do on the nodes that we cordoned, where the wish is to drain. There are few of them at a time.
func (o *Observer) drains(ctx context.Context, in *plan.Input) error {
	if d := in.Desired.Roll.Drain; d == nil || !*d {
		return nil
	}
	for i := range in.Nodes {
		if !in.Nodes[i].CordonedByUs {
			continue
		}
		if err := o.drain(ctx, &in.Nodes[i]); err != nil {
			return err
		}
	}
	return nil
}

func (o *Observer) drain(ctx context.Context, n *noderoll.Node) error {
	leaving, stranded, err := o.Target.Leaving(ctx, n.Name)
	if refused(err) {
		n.Evictable, n.Withheld = -1, err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	budgets, err := o.budgets(ctx, leaving)
	if err != nil {
		return err
	}
	drained(n, leaving, stranded, budgets)
	return nil
}

// budgets are the disruption budgets of the namespaces of pods that are to be evicted; none where we may not list them.
func (o *Observer) budgets(ctx context.Context, pods []corev1.Pod) ([]policyv1.PodDisruptionBudget, error) {
	var out []policyv1.PodDisruptionBudget
	asked := map[string]bool{}
	for _, p := range pods {
		if p.DeletionTimestamp != nil || asked[p.Namespace] {
			continue
		}
		asked[p.Namespace] = true
		list, err := o.Target.Typed.PolicyV1().PodDisruptionBudgets(p.Namespace).List(ctx, metav1.ListOptions{})
		if refused(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("listing the disruption budgets of namespace %s: %w", p.Namespace, err)
		}
		out = append(out, list.Items...)
	}
	return out, nil
}

// drained counts what is left to evict on a node, and says what keeps it.
func drained(n *noderoll.Node, leaving, stranded []corev1.Pod, budgets []policyv1.PodDisruptionBudget) {
	var keep, lost []string
	for i := range leaving {
		p := &leaving[i]
		if p.DeletionTimestamp != nil {
			n.Leaving++
			continue
		}
		n.Evictable++
		for j := range budgets {
			if keeps(&budgets[j], p) {
				keep = append(keep, fmt.Sprintf("PodDisruptionBudget %s/%s lets no pod go now", p.Namespace, budgets[j].Name))
			}
		}
	}
	for i := range stranded {
		lost = append(lost, stranded[i].Namespace+"/"+stranded[i].Name)
	}
	slices.Sort(keep)
	n.Withheld = strings.Join(slices.Compact(keep), "; ")
	if slices.Sort(lost); len(lost) > 0 {
		n.Stranded = "no controller would make these pods anew, so they are not evicted: " + few(lost)
	}
}

// keeps tells whether a disruption budget lets a pod not go.
func keeps(b *policyv1.PodDisruptionBudget, p *corev1.Pod) bool {
	s, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
	return err == nil && b.Namespace == p.Namespace && b.Status.DisruptionsAllowed == 0 && s.Matches(labels.Set(p.Labels))
}

// few are names, at most three of them.
func few(names []string) string {
	const most = 3
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
