package e2e

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// gated is a cluster whose nodes run flannel 0.26.2, and the command that moves them to 0.27.3.
func gated(t *testing.T, nodes int, flags ...string) (*cluster, []string) {
	t.Helper()
	c := start(t, testkube.Options{Nodes: nodes})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	c.must(t, "unpin", "--yes")
	return c, slices.Concat([]string{"update", "--version", "0.27.3", "--yes", "--node-timeout", "30s"}, byNode, flags)
}

// freshPod is an image that stays running.
var freshPod = []string{"--fresh-pod", "example.com/fresh:1"}

// helpers are the helper pods by purpose and node, such as "fresh on node-01".
func (c *cluster) helpers(ctx context.Context) ([]string, error) {
	list, err := c.Client().CoreV1().Pods(system).List(ctx, metav1.ListOptions{LabelSelector: kube.LabelHelper})
	if err != nil {
		return nil, err
	}
	var out []string
	for _, p := range list.Items {
		out = append(out, p.Labels[kube.LabelHelper]+" on "+p.Spec.NodeName)
	}
	slices.Sort(out)
	return out, nil
}

// tidy fails unless no helper pod and no mark of ours is left, soon.
func (c *cluster) tidy(t *testing.T) {
	t.Helper()
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		left, err := c.helpers(ctx)
		if err != nil {
			return err
		}
		if len(left) > 0 {
			return fmt.Errorf("helper pods are left: %v", left)
		}
		nodes, err := c.Client().CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, n := range nodes.Items {
			if mark := n.Annotations[kube.AnnotationCordoned]; mark != "" {
				return fmt.Errorf("%s has our mark: %s", n.Name, mark)
			}
		}
		return nil
	})
}

func (c *cluster) node(t *testing.T, name string) *corev1.Node {
	t.Helper()
	n, err := c.Client().CoreV1().Nodes().Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (c *cluster) play(t *testing.T, f sandbox.Fault) {
	t.Helper()
	if err := c.Play(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) heal(t *testing.T, fault string) {
	t.Helper()
	if err := c.Heal(t.Context(), fault); err != nil {
		t.Fatal(err)
	}
}

// On the second node no fresh pod gets an address although the agent is Ready: the roll halts there, puts that node back, and the third is not
// touched. It would catch a roll that believes the agent. Without the gate, which is the control, all three nodes get the release.
func TestANodeOnWhichNoFreshPodGetsAnAddressHalts(t *testing.T) {
	c, update := gated(t, 3)
	before, order := c.agentsByNode(t), c.order(t)
	c.play(t, sandbox.Fault{Name: "no-address", Image: "example.com/fresh", Nodes: order[1:2], Mode: sandbox.Creating})

	go c.healWhenBack(t, "no-address")
	r := c.want(t, 4, append(slices.Clone(update), freshPod...)...)
	r.says(t, "halted at "+order[1]+": gate fresh-pod", "it has no address", order[1]+" runs Flannel 0.26.2 again", "addonctl retry")
	if got := changed(before, c.agentsByNode(t), 1); !slices.Equal(got, order[:1]) {
		t.Errorf("%v run the new release, want %v\n%s", got, order[:1], r)
	}
	if got := changed(before, c.agentsByNode(t), 0); slices.Contains(got, order[2]) {
		t.Errorf("%s was touched", order[2])
	}
	c.tidy(t)

	// The control: the same fault, and nobody asks.
	c.play(t, sandbox.Fault{Name: "no-address", Image: "example.com/fresh", Nodes: order[1:2], Mode: sandbox.Creating})
	c.must(t, "retry", "--version", "0.27.3", "--yes")
	c.must(t, append(slices.Clone(update), "--fresh-pod", "")...)
	if got := changed(before, c.agentsByNode(t), 1); len(got) != 3 {
		t.Errorf("without the gate only %v were changed", got)
	}
	c.tidy(t)
}

// healWhenBack ends a fault that is the newer release's, once the template is the one before again.
func (c *cluster) healWhenBack(t *testing.T, fault string) {
	t.Helper()
	for newer := false; t.Context().Err() == nil; time.Sleep(200 * time.Millisecond) {
		d, err := c.Client().AppsV1().DaemonSets(system).Get(t.Context(), "kube-flannel-ds", metav1.GetOptions{})
		if err != nil {
			continue
		}
		image := d.Spec.Template.Spec.Containers[0].Image
		if newer = newer || strings.HasSuffix(image, ":v0.27.3"); newer && strings.HasSuffix(image, ":v0.26.2") {
			if err := c.Heal(t.Context(), fault); err != nil {
				t.Error(err)
			}
			return
		}
	}
}

// An image that cannot be pulled halts the roll before any agent goes, and the same command goes on when the registry is back. The control is
// the roll without --pre-pull: there an agent is gone for it.
func TestAnImageThatCannotBePulledCostsNoAgent(t *testing.T) {
	c, update := gated(t, 2, "--pre-pull", "--cordon", "--on-failure", "hold")
	before := c.agentsByNode(t)
	c.play(t, sandbox.Fault{Name: "registry", Image: ":v0.27.3", Mode: sandbox.Pending})
	for range 2 { // the second time it is still so
		r := c.want(t, 4, update...)
		r.says(t, "gate image", "ImagePullBackOff", "no agent was deleted there", "go on with: addonctl update")
		if got := changed(before, c.agentsByNode(t), 0); len(got) > 0 {
			t.Fatalf("the agents of %v are gone\n%s", got, r)
		}
	}
	for _, n := range c.order(t) {
		if c.node(t, n).Spec.Unschedulable {
			t.Errorf("%s works as before and is still cordoned", n)
		}
	}
	c.heal(t, "registry")
	c.must(t, append(slices.Clone(update), "--node-timeout", "2m")...)
	if got := changed(before, c.agentsByNode(t), 1); len(got) != 2 {
		t.Errorf("only %v were changed", got)
	}
	c.tidy(t)

	c.must(t, "rollback", "--yes")
	c.must(t, "retry", "--version", "0.27.3", "--yes")
	before = c.agentsByNode(t)
	c.play(t, sandbox.Fault{Name: "registry", Image: ":v0.27.3", Mode: sandbox.Pending})
	c.want(t, 4, append(slices.Clone(update), "--pre-pull=false")...).says(t, "gate agent-ready")
	if got := changed(before, c.agentsByNode(t), 0); len(got) != 1 {
		t.Errorf("without --pre-pull the agents of %v are gone, want one", got)
	}
}

// Each agent goes after the images were there and its node was cordoned, and what was made beside it goes with it or before. It would catch a
// pull that nobody waits for. What happened is told by the audit of what was watched, and not by the end.
func TestImagesAreThereBeforeTheAgentGoes(t *testing.T) {
	c, update := gated(t, 2, append([]string{"--pre-pull", "--cordon"}, freshPod...)...)
	w, err := c.Client().CoreV1().Pods(system).Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pulled, proved := map[string]bool{}, map[string]bool{}
	var wrong []string
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for e := range w.ResultChan() {
			p, ok := e.Object.(*corev1.Pod)
			if !ok {
				continue
			}
			node := p.Spec.NodeName
			switch {
			case p.Labels[kube.LabelHelper] == "pull":
				images := 0
				for _, s := range p.Status.ContainerStatuses {
					if s.State.Running != nil && strings.Contains(s.Image, "flannel") {
						images++
					}
				}
				pulled[node] = pulled[node] || images == len(p.Spec.Containers) && images == 2
			case p.Labels["app"] == "flannel" && p.DeletionTimestamp != nil && strings.HasSuffix(p.Spec.Containers[0].Image, ":v0.26.2") && !pulled[node]:
				wrong = append(wrong, node+" lost its agent before it had the images")
			case p.Labels["app"] == "flannel" && p.Annotations[kube.AnnotationFresh] != "":
				proved[node] = true
			}
		}
	}()
	c.must(t, update...)
	w.Stop()
	<-ended
	if len(pulled) != 2 || len(proved) != 2 || len(wrong) > 0 {
		t.Errorf("images on %v, fresh pods on %v: %v", pulled, proved, wrong)
	}
	c.tidy(t)
}

// web is a Deployment of so many pods; budget, unless nil, is how many of them have to stay.
func (c *cluster) web(t *testing.T, replicas int32, budget *int) {
	t.Helper()
	labels := map[string]string{"app": "web"}
	_, err := c.Client().AppsV1().Deployments("default").Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "example.com/web:1"}}},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if budget != nil {
		least := intstr.FromInt(*budget)
		_, err = c.Client().PolicyV1().PodDisruptionBudgets("default").Create(t.Context(), &policyv1.PodDisruptionBudget{
			ObjectMeta: metav1.ObjectMeta{Name: "web"},
			Spec:       policyv1.PodDisruptionBudgetSpec{MinAvailable: &least, Selector: &metav1.LabelSelector{MatchLabels: labels}},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		d, err := c.Client().AppsV1().Deployments("default").Get(ctx, "web", metav1.GetOptions{})
		if err == nil && d.Status.AvailableReplicas != replicas {
			err = fmt.Errorf("%d pods are available", d.Status.AvailableReplicas)
		}
		return err
	})
}

// webPods are the pods of the Deployment by UID, with their nodes.
func (c *cluster) webPods(t *testing.T) map[types.UID]string {
	t.Helper()
	list, err := c.Client().CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{LabelSelector: "app=web"})
	if err != nil {
		t.Fatal(err)
	}
	out := map[types.UID]string{}
	for _, p := range list.Items {
		if p.DeletionTimestamp == nil {
			out[p.UID] = p.Spec.NodeName
		}
	}
	return out
}

// A drain evicts what a Deployment would make anew, keeps to its disruption budget, and leaves what nobody would. A node that cannot be drained
// halts the roll with the reason named and its agent in place, is given back, and the same command goes on. It would catch a drain that
// deletes, that forces, or that leaves a node cordoned. A node that somebody else cordoned stays so.
func TestADrainKeepsToBudgetsAndLeavesWhatNobodyWouldMakeAnew(t *testing.T) {
	c, update := gated(t, 3, "--drain", "--on-failure", "hold")
	before, order := c.agentsByNode(t), c.order(t)
	c.cordon(t, order[2])
	all := 2
	c.web(t, 2, &all)
	first := c.webPods(t)
	if !slices.Contains(slices.Collect(maps.Values(first)), order[0]) {
		t.Skipf("no pod came to %s: %v", order[0], first)
	}

	r := c.want(t, 4, update...)
	r.says(t, "halted at "+order[0]+": gate drain", "PodDisruptionBudget default/web", "no agent was deleted there")
	if now := c.webPods(t); len(now) != len(first) {
		t.Errorf("pods were evicted against their budget: %v, had %v", now, first)
	}
	if got := changed(before, c.agentsByNode(t), 0); len(got) > 0 {
		t.Fatalf("the agents of %v are gone", got)
	}
	c.tidy(t)
	if c.node(t, order[0]).Spec.Unschedulable || !c.node(t, order[2]).Spec.Unschedulable {
		t.Error("the node that was not drained has to be given back, and the one that somebody cordoned to stay so")
	}

	if err := c.Client().PolicyV1().PodDisruptionBudgets("default").Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	alone := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "alone"},
		Spec:       corev1.PodSpec{NodeName: order[1], Containers: []corev1.Container{{Name: "c", Image: "example.com/alone:1"}}},
	}
	alone, err := c.Client().CoreV1().Pods("default").Create(t.Context(), alone, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r = c.want(t, 4, update...)
	r.says(t, "halted at "+order[1]+": gate drain", "default/alone")
	if got := changed(before, c.agentsByNode(t), 0); !slices.Equal(got, order[:1]) {
		t.Errorf("the agents of %v were changed, want %v\n%s", got, order[:1], r)
	}
	for uid, node := range c.webPods(t) {
		if node == order[0] && first[uid] == order[0] {
			t.Errorf("a pod of the Deployment was not evicted from %s", node)
		}
	}
	now, err := c.Client().CoreV1().Pods("default").Get(t.Context(), "alone", metav1.GetOptions{})
	if err != nil || now.UID != alone.UID || now.DeletionTimestamp != nil {
		t.Fatalf("the pod that nobody would make anew is gone: %v", err)
	}
	c.tidy(t)

	if err := c.Client().CoreV1().Pods("default").Delete(t.Context(), "alone", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	c.want(t, 5, update...).says(t, order[2], "cordoned")
	c.tidy(t)
	if !c.node(t, order[2]).Spec.Unschedulable {
		t.Errorf("%s was cordoned by somebody else, and is not any more", order[2])
	}
}

// A condition that an operator named halts while it is False, or when nobody has said it in time, and lets the roll go on when it is True.
func TestARollAsksForConditionsThatOthersSet(t *testing.T) {
	c, update := gated(t, 2, "--gate", "example.com/Packets", "--on-failure", "hold")
	r := c.want(t, 4, update...)
	r.says(t, "gate condition", "nobody has said example.com/Packets", "it had 30s")
	c.says(t, "example.com/Packets", "False", "lost 3 of 10")
	c.want(t, 4, update...).says(t, "gate condition", "example.com/Packets is False: lost 3 of 10")
	c.says(t, "example.com/Packets", "True", "") // the update must not see what was said before
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			_ = c.say(ctx, "example.com/Packets", "True", "") // a pod may just be going
			time.Sleep(500 * time.Millisecond)
		}
	}()
	c.must(t, update...)
}

// says sets a condition of all agents of the new release.
func (c *cluster) says(t *testing.T, kind, status, message string) {
	t.Helper()
	if err := c.say(t.Context(), kind, status, message); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) say(ctx context.Context, kind, status, message string) error {
	pods := c.Client().CoreV1().Pods(system)
	list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: "app=flannel"})
	if err != nil {
		return err
	}
	for _, p := range list.Items {
		if !strings.HasSuffix(p.Spec.Containers[0].Image, ":v0.27.3") {
			continue
		}
		body := fmt.Sprintf(`{"status":{"conditions":[{"type":%q,"status":%q,"message":%q}]}}`, kind, status, message)
		if _, err := pods.Patch(ctx, p.Name, types.StrategicMergePatchType, []byte(body), metav1.PatchOptions{}, "status"); err != nil {
			return err
		}
	}
	return nil
}
