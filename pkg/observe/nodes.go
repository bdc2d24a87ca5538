package observe

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
)

// Labels that name a node's pool, the first that is set counts.
var poolLabels = []string{"addonctl.io/pool", "oke.oraclecloud.com/pool.name", "name"}

// sight is what the nodes of an input are made of: read by a look at everything, or kept by a watch since. What else is to be told of
// each node belongs here, and so is told by both.
type sight struct {
	addOn catalog.AddOn
	// workload is the add-on's DaemonSet; nil when there is none.
	workload *appsv1.DaemonSet
	// booted are the boot IDs that were kept, by the nodes' names.
	booted map[string]string
	// networks are the NativePodNetworks, helpers the helper pods by the nodes' names.
	networks npns
	helpers  map[string][]noderoll.Helper
	// more is true when something is to be waited for that no watch follows: a helper pod, a drain, a NativePodNetwork.
	more  bool
	nodes []*corev1.Node
	// pods are at least all of the workload.
	pods []*corev1.Pod
}

// nodes reads the nodes and, with a DaemonSet, its pod on each.
func (o *Observer) nodes(ctx context.Context, in *plan.Input, d *appsv1.DaemonSet, addOn catalog.AddOn) error {
	s := sight{addOn: addOn, workload: d}
	list, err := o.Target.Typed.CoreV1().Nodes().List(ctx, metav1.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return fmt.Errorf("listing nodes: %w", err)
	}
	s.nodes = pointers(list.Items)
	if s.pods, err = o.pods(ctx, d); err != nil {
		return err
	}
	if s.networks, err = o.npns(ctx, addOn); err != nil {
		return err
	}
	if s.helpers, err = o.helpers(ctx, d, addOn); err != nil {
		return err
	}
	if s.booted, err = o.boots(ctx, in, addOn); err != nil {
		return err
	}
	s.tell(in)
	err = o.drains(ctx, in)
	s.more = len(s.helpers) > 0 || slices.ContainsFunc(in.Nodes, func(n noderoll.Node) bool {
		return n.Evictable != 0 || n.Leaving > 0 || n.NPN != nil && n.NPN.State != noderoll.NPNSuccess
	})
	o.remember(s, in.Now)
	return err
}

// tell fills in what an input says of nodes, at the input's time.
func (s sight) tell(in *plan.Input) {
	pods := s.agents(in.Now)
	canary := canaries(in.Desired.Roll.CanarySelector)
	in.Nodes, in.Cluster.Contradictions = make([]noderoll.Node, 0, len(s.nodes)), nil
	for _, seen := range s.nodes {
		n := node(seen)
		n.NPN = s.networks.of(seen)
		n.Pod, n.Helpers, n.Canary = pods[n.Name], s.helpers[n.Name], canary.Matches(labels.Set(seen.Labels))
		n.CordonedSince, n.CordonedByUs = kube.Cordoned(seen, s.addOn.Release)
		boot, kept := s.booted[n.Name]
		n.AwaitsReboot = kept && boot == n.BootID
		if s.workload != nil {
			n.Exempt = exempt(seen, &s.workload.Spec.Template.Spec)
		}
		in.Nodes = append(in.Nodes, n)
		in.Cluster.Contradictions = append(in.Cluster.Contradictions, contradictions(seen, &in.Cluster)...)
	}
	slices.SortFunc(in.Nodes, noderoll.ByName)
	slices.Sort(in.Cluster.Contradictions)
}

func pointers[T any](items []T) []*T {
	out := make([]*T, len(items))
	for i := range items {
		out[i] = &items[i]
	}
	return out
}

// canaries is an operator's selector of the nodes that go first; empty text, and text that is no selector, match none.
func canaries(text string) labels.Selector {
	s, err := labels.Parse(text)
	if text == "" || err != nil {
		return labels.Nothing()
	}
	return s
}

func node(n *corev1.Node) noderoll.Node {
	info := n.Status.NodeInfo
	out := noderoll.Node{
		Name: n.Name, Zone: n.Labels[corev1.LabelTopologyZone], KubeletVersion: info.KubeletVersion, PodCIDRs: n.Spec.PodCIDRs,
		OS: info.OperatingSystem, Architecture: info.Architecture, OSImage: info.OSImage, Kernel: info.KernelVersion,
		Kind: string(nodeKind(n)), Facts: nodeFacts(n), Cordoned: n.Spec.Unschedulable, BootID: info.BootID,
	}
	for _, l := range poolLabels {
		if out.Pool = n.Labels[l]; out.Pool != "" {
			break
		}
	}
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			out.Ready, out.ReadySince = c.Status == corev1.ConditionTrue, c.LastTransitionTime.Time
		}
	}
	return out
}

// exempt says why a node should not run the pod; empty when it should. It is the DaemonSet controller's own rule: node
// affinity, then taints against the pod's tolerations and those that the controller adds.
func exempt(n *corev1.Node, pod *corev1.PodSpec) string {
	match, err := nodeaffinity.GetRequiredNodeAffinity(&corev1.Pod{Spec: *pod}).Match(n)
	if err != nil || !match {
		return noderoll.NotSelected
	}
	tolerations := append(slices.Clone(pod.Tolerations), controllerTolerations(pod.HostNetwork)...)
	for i := range n.Spec.Taints {
		t := &n.Spec.Taints[i]
		if t.Effect == corev1.TaintEffectPreferNoSchedule {
			continue
		}
		if !slices.ContainsFunc(tolerations, func(x corev1.Toleration) bool { return tolerates(x, t) }) {
			return fmt.Sprintf("taint %s:%s", t.Key, t.Effect)
		}
	}
	return ""
}

// controllerTolerations are those that the DaemonSet controller gives every pod (facts: CNI B25).
func controllerTolerations(hostNetwork bool) []corev1.Toleration {
	always := func(key string, effect corev1.TaintEffect) corev1.Toleration {
		return corev1.Toleration{Key: key, Operator: corev1.TolerationOpExists, Effect: effect}
	}
	out := []corev1.Toleration{
		always(corev1.TaintNodeNotReady, corev1.TaintEffectNoExecute),
		always(corev1.TaintNodeUnreachable, corev1.TaintEffectNoExecute),
		always(corev1.TaintNodeDiskPressure, corev1.TaintEffectNoSchedule),
		always(corev1.TaintNodeMemoryPressure, corev1.TaintEffectNoSchedule),
		always(corev1.TaintNodePIDPressure, corev1.TaintEffectNoSchedule),
		always(corev1.TaintNodeUnschedulable, corev1.TaintEffectNoSchedule),
	}
	if hostNetwork {
		out = append(out, always(corev1.TaintNodeNetworkUnavailable, corev1.TaintEffectNoSchedule))
	}
	return out
}

func tolerates(x corev1.Toleration, t *corev1.Taint) bool {
	if x.Effect != "" && x.Effect != t.Effect || x.Key != "" && x.Key != t.Key {
		return false
	}
	return x.Operator == corev1.TolerationOpExists || x.Value == t.Value
}

// pods reads what a DaemonSet's selector finds; nil without one.
func (o *Observer) pods(ctx context.Context, d *appsv1.DaemonSet) ([]*corev1.Pod, error) {
	if d == nil {
		return nil, nil
	}
	list, err := o.Target.Typed.CoreV1().Pods(d.Namespace).List(ctx, metav1.ListOptions{
		// Not from the watch cache: one that lags could show the pods of the release before last as the newest ones.
		LabelSelector: metav1.FormatLabelSelector(d.Spec.Selector),
	})
	if err != nil {
		return nil, fmt.Errorf("listing the pods of DaemonSet %s: %w", d.Name, err)
	}
	return pointers(list.Items), nil
}

// agents are the DaemonSet's pods by node; of several on one node the newest that is not being deleted.
func (s sight) agents(now time.Time) map[string]*noderoll.Pod {
	d := s.workload
	if d == nil {
		return nil
	}
	slices.SortFunc(s.pods, newestLast)
	out := make(map[string]*noderoll.Pod, len(s.pods))
	for _, p := range s.pods {
		if ownedBy(p.OwnerReferences, d.UID) && p.Spec.NodeName != "" {
			out[p.Spec.NodeName] = pod(p, s.addOn.Workload.Container, now, d.Spec.MinReadySeconds)
		}
	}
	return out
}

func newestLast(a, b *corev1.Pod) int {
	if x, y := a.DeletionTimestamp == nil, b.DeletionTimestamp == nil; x != y {
		if y {
			return -1
		}
		return 1
	}
	return a.CreationTimestamp.Compare(b.CreationTimestamp.Time)
}

func pod(p *corev1.Pod, main string, now time.Time, minReadySeconds int32) *noderoll.Pod {
	out := &noderoll.Pod{
		Name: p.Name, UID: string(p.UID), Seen: p.ResourceVersion, Revision: p.Labels[appsv1.DefaultDaemonSetUniqueLabelKey],
		Terminating: p.DeletionTimestamp != nil, Created: p.CreationTimestamp.Time,
		Proved: p.Annotations[kube.AnnotationFresh] != "", Conditions: foreign(p.Status.Conditions),
	}
	if c := container(p.Spec.Containers, main); c != nil {
		out.Image, out.Version = c.Image, imageVersion(c.Image)
	}
	if p.Status.StartTime != nil {
		out.Started = p.Status.StartTime.Time
	}
	for _, c := range p.Status.Conditions {
		if c.Type != corev1.PodReady {
			continue
		}
		out.ReadySince = c.LastTransitionTime.Time
		if c.Status == corev1.ConditionTrue {
			out.Ready = true
			out.Available = minReadySeconds == 0 ||
				!now.Before(c.LastTransitionTime.Add(time.Duration(minReadySeconds)*time.Second))
		}
	}
	trouble(p, out)
	return out
}

// known are the types of a pod's conditions that Kubernetes sets itself, beside those with a slash, none of which it does.
var known = []corev1.PodConditionType{
	corev1.PodScheduled, corev1.PodInitialized, corev1.PodReady, corev1.ContainersReady, corev1.PodReadyToStartContainers, corev1.DisruptionTarget,
	corev1.PodResizePending, corev1.PodResizeInProgress,
}

// foreign are a pod's conditions that others set, in order of types.
func foreign(all []corev1.PodCondition) []noderoll.Condition {
	var out []noderoll.Condition
	for _, c := range all {
		if !slices.Contains(known, c.Type) {
			out = append(out, noderoll.Condition{Type: string(c.Type), Status: string(c.Status), Message: cmp.Or(c.Message, c.Reason)})
		}
	}
	slices.SortFunc(out, func(a, b noderoll.Condition) int { return cmp.Compare(a.Type, b.Type) })
	return out
}

// hopeless are the waiting reasons that do not pass by waiting a moment.
var hopeless = []string{
	"CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull",
	"CreateContainerConfigError", "CreateContainerError", "RunContainerError",
}

// trouble reads what keeps the pod from being Ready. A container that restarted is in trouble also in the moments in
// which it runs, until the pod has been Ready for long enough.
func trouble(p *corev1.Pod, out *noderoll.Pod) {
	all := append(slices.DeleteFunc(slices.Clone(p.Status.InitContainerStatuses), done), p.Status.ContainerStatuses...)
	for _, c := range all {
		out.Restarts = max(out.Restarts, c.RestartCount)
	}
	if out.Available {
		return
	}
	for _, c := range all {
		if t, bad := containerTrouble(c); t != "" {
			out.Trouble, out.Bad = c.Name+": "+t, bad
			return
		}
	}
	if p.Status.Phase == corev1.PodFailed {
		out.Trouble, out.Bad = "Failed: "+p.Status.Reason, true
	}
}

// done tells whether an init container has succeeded, on whichever try.
func done(c corev1.ContainerStatus) bool {
	return c.State.Terminated != nil && c.State.Terminated.ExitCode == 0
}

func containerTrouble(c corev1.ContainerStatus) (text string, bad bool) {
	if w := c.State.Waiting; w != nil && w.Reason != "" && w.Reason != "PodInitializing" && w.Reason != "ContainerCreating" {
		return w.Reason, slices.Contains(hopeless, w.Reason)
	}
	if t := c.State.Terminated; t != nil && t.ExitCode != 0 {
		return fmt.Sprintf("exited with code %d", t.ExitCode), false
	}
	if t := c.LastTerminationState.Terminated; t != nil && c.RestartCount > 0 {
		return fmt.Sprintf("restarted after exit code %d", t.ExitCode), c.RestartCount > 1
	}
	return "", false
}
