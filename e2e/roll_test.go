package e2e

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// byNode is a roll with one node at a time, as fast as one can look. Nobody says --nodes: it is the default.
var byNode = append([]string{"--canaries", "1", "--max-unavailable", "1"}, brisk...)

// patient is byNode for a release that crashes where the nodes are counted: a busy machine may let a crashing agent be Ready for a second or two.
var patient = append(slices.Clone(byNode), "--ready-for", "5s")

// agentsByNode are the UID and the revision of the agent on each node, by its name.
func (c *cluster) agentsByNode(t *testing.T) map[string][2]string {
	t.Helper()
	out := map[string][2]string{}
	for _, p := range c.pods(t) {
		if p.DeletionTimestamp == nil {
			out[p.Spec.NodeName] = [2]string{string(p.UID), p.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]}
		}
	}
	return out
}

// changed are the nodes whose agent is another one than before, or of another revision, in order.
func changed(before, after map[string][2]string, by int) []string {
	var out []string
	for node := range before {
		if before[node][by] != after[node][by] {
			out = append(out, node)
		}
	}
	slices.Sort(out)
	return out
}

// crashesOn plays a release that crashes on some nodes.
func (c *cluster) crashesOn(t *testing.T, image string, nodes ...string) {
	t.Helper()
	if err := c.Play(t.Context(), sandbox.Fault{Name: "bad", Image: image, Nodes: nodes, Mode: sandbox.Crash}); err != nil {
		t.Fatal(err)
	}
}

// order in which a roll changes the nodes: one canary, then zone by zone.
func (c *cluster) order(t *testing.T) []string {
	t.Helper()
	nodes, err := c.Client().CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(nodes.Items, func(a, b corev1.Node) int {
		first := func(n corev1.Node) int { return min(1, strings.Compare(n.Name, "node-01")) }
		return cmp.Or(first(a)-first(b), strings.Compare(a.Labels[corev1.LabelTopologyZone], b.Labels[corev1.LabelTopologyZone]), strings.Compare(a.Name, b.Name))
	})
	var out []string
	for _, n := range nodes.Items {
		out = append(out, n.Name)
	}
	return out
}

func sorted(nodes []string) []string { return slices.Sorted(slices.Values(nodes)) }

// A release that crashes on the seventh node reaches seven nodes: the roll halts there, that node gets the release before back, and the
// others keep what they run until somebody decides. Without the halt it would reach all fifty.
func TestARollHaltsAtTheFirstBadNode(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 50})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	c.must(t, "unpin", "--yes")
	before := c.agentsByNode(t)
	order := c.order(t)
	seventh := order[6]
	c.crashesOn(t, ":v0.27.3", seventh)

	r := c.want(t, 4, append([]string{"update", "--version", "0.27.3", "--yes"}, patient...)...)
	r.says(t, "halted at "+seventh, "agent-")
	after := c.agentsByNode(t)
	if got := changed(before, after, 0); !slices.Equal(got, sorted(order[:7])) {
		t.Errorf("the agents of %v were restarted, want those of the first seven nodes", got)
	}
	if got := changed(before, after, 1); !slices.Equal(got, sorted(order[:6])) {
		t.Errorf("%v run the new release, want the first six nodes\n%s", got, r)
	}
	if e := c.must(t, "explain", "-o", "wide").out; !strings.Contains(e, "0.27.3") {
		t.Errorf("explain says nothing of the release: %s", e)
	}

	// The same again changes nothing: somebody has to decide.
	c.want(t, 4, append([]string{"update", "--yes"}, byNode...)...)
	if got := changed(after, c.agentsByNode(t), 0); len(got) > 0 {
		t.Errorf("asked again, the agents of %v were restarted", got)
	}

	// All back.
	c.must(t, "rollback", "--yes")
	if got := changed(before, c.agentsByNode(t), 1); len(got) > 0 {
		t.Errorf("after the rollback %v do not run the release before", got)
	}
}

// A roll that is interrupted, or loses its process, goes on where the nodes are, and changes no node twice.
func TestARollGoesOnWhereItWasCut(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 4})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	c.must(t, "unpin", "--yes")
	before := c.agentsByNode(t)
	ctx, cancel := context.WithCancel(t.Context())
	update := append([]string{"update", "--version", "0.27.3", "--yes"}, byNode...)
	go func() {
		defer cancel()
		for range 200 {
			pods, err := c.Client().CoreV1().Pods(system).List(ctx, metav1.ListOptions{LabelSelector: "app=flannel"})
			if err != nil {
				return
			}
			n := 0
			for _, p := range pods.Items {
				if strings.HasSuffix(p.Spec.Containers[0].Image, ":v0.27.3") {
					n++
				}
			}
			if n >= 2 {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	}()
	if r := c.runUntil(ctx, update...); r.code != 130 {
		t.Fatalf("interrupted: %s", r)
	}
	middle := c.agentsByNode(t)
	c.must(t, update...)
	after := c.agentsByNode(t)
	if got := changed(before, after, 1); len(got) != 4 {
		t.Errorf("only %v were changed", got)
	}
	for node, a := range middle {
		if a[1] != before[node][1] && after[node] != a {
			t.Errorf("%s was changed twice", node)
		}
	}
	if d := c.daemonSet(t); d.Spec.UpdateStrategy.Type != appsv1.OnDeleteDaemonSetStrategyType || d.Spec.UpdateStrategy.RollingUpdate != nil {
		t.Errorf("the strategy is %+v", d.Spec.UpdateStrategy)
	}
	c.must(t, "drift")
}

// By policy every node goes back by itself.
func TestAHaltedRollPutsAllNodesBack(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 5})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	c.must(t, "unpin", "--yes")
	before := c.agentsByNode(t)
	order := c.order(t)
	c.crashesOn(t, ":v0.27.3", order[2])
	c.want(t, 6, append([]string{"update", "--version", "0.27.3", "--on-failure", "revert-all", "--yes"}, patient...)...).says(t, order[2])
	after := c.agentsByNode(t)
	if got := changed(before, after, 1); len(got) > 0 {
		t.Errorf("%v do not run the release before", got)
	}
	if got := changed(before, after, 0); !slices.Equal(got, sorted(order[:3])) {
		t.Errorf("the agents of %v were restarted, want the first three", got)
	}
}

// Nodes that are down count: with one of them away nothing else is taken down, and a cordoned one is left and told of.
func TestARollTakesNoMoreNodesDownThanMayBe(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 3})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	c.must(t, "unpin", "--yes")
	before := c.agentsByNode(t)
	c.crashesOn(t, ":v0.26.2", "node-02") // the release that runs already
	testkube.Eventually(t, soon, func(context.Context) error {
		for _, p := range c.pods(t) {
			if p.Spec.NodeName == "node-02" && len(p.Status.ContainerStatuses) > 0 && p.Status.ContainerStatuses[0].RestartCount > 2 {
				return nil
			}
		}
		return fmt.Errorf("node-02 runs well")
	})
	c.cordon(t, "node-03")
	r := c.want(t, 5, append([]string{"update", "--version", "0.27.3", "--yes", "--timeout", "3m"}, byNode...)...)
	r.says(t, "node-03", "cordoned")
	// The broken agent costs nothing to change, and is well then; only then may the healthy one follow.
	if got := changed(before, c.agentsByNode(t), 1); !slices.Equal(got, []string{"node-01", "node-02"}) {
		t.Errorf("%v were changed\n%s", got, r)
	}
	c.uncordon(t, "node-03")
	c.must(t, append([]string{"update", "--yes"}, byNode...)...)
}

func (c *cluster) cordon(t *testing.T, node string) {
	t.Helper()
	if out, err := c.tryKubectl(t, "cordon", node); err != nil {
		t.Fatalf("kubectl cordon: %v\n%s", err, out)
	}
}

func (c *cluster) uncordon(t *testing.T, node string) {
	t.Helper()
	if out, err := c.tryKubectl(t, "uncordon", node); err != nil {
		t.Fatalf("kubectl uncordon: %v\n%s", err, out)
	}
}
