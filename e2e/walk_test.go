package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// The main job from end to end: install, look, pin, be refused, un-pin, move, look back.
func TestAClusterIsInstalledPinnedAndMoved(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 3})
	c.installs(t)
	c.pins(t)
	c.moves(t)
	c.looksBack(t)
}

func (c *cluster) installs(t *testing.T) {
	t.Helper()
	c.want(t, 2, "install", "--network-type", "flannel").says(t, "no terminal", "--yes")
	first := c.must(t, "install", "--network-type", "flannel", "--version", "0.24.4", "--wait", "--yes", "-o", "json")
	got := read[act](t, first)
	if got.AddOn != "Flannel" || got.Version != "0.24.4" || got.Outcome != "Done" || !got.Pinned || got.Cluster == "" {
		t.Errorf("installing: %s", first)
	}
	if n := got.Nodes; n.Total != 3 || n.Updated != 3 || n.Ready != 3 {
		t.Errorf("node counts: %+v", n)
	}
	if p := c.pods(t); len(p) != 3 {
		t.Errorf("%d pods, want 3", len(p))
	}
	again := read[act](t, c.must(t, "install", "--network-type", "flannel", "--version", "0.24.4", "--wait", "--yes", "-o", "json"))
	if again.Outcome != "Unchanged" || again.Revision != 1 {
		t.Errorf("installing again: %+v", again)
	}
	c.want(t, 3, "install", "--version", "0.26.2", "--yes").says(t, "AlreadyInstalled", "addonctl pin --version 0.26.2")
	if s := c.must(t, "status").out; !strings.Contains(s, "FLANNEL_OVERLAY, for life") || !strings.Contains(s, "pinned to 0.24.4: install, by addonctl-sandbox-admin") {
		t.Errorf("status:\n%s", s)
	}
}

func (c *cluster) pins(t *testing.T) {
	t.Helper()
	c.must(t, "pin", "--version", "0.24.4", "--reason", "waiting for a kernel", "--ticket", "NET-1", "--until", "2099-01-01", "--yes")
	c.want(t, 3, "update", "--yes").says(t, "Pinned", "waiting for a kernel", "ticket NET-1", "until 2099-01-01", "addonctl unpin")
	c.want(t, 3, "update", "--version", "0.26.2", "--yes").says(t, "Pinned")
	if got := c.daemonSet(t).Generation; got != 1 {
		t.Errorf("the refused updates touched the DaemonSet: generation %d", got)
	}
	c.must(t, "unpin", "--yes")
	if s := c.must(t, "status").out; !strings.Contains(s, "automatic, 0.27.3 is the newest that fits") {
		t.Errorf("status after un-pinning:\n%s", s)
	}
}

// moves updates from 0.24.4, whose rules and configuration differ, and looks while nodes run both releases. The old
// release needs the rule for clustercidrs and a net-conf without EnableNFTables. Written over the old names, an old pod
// that restarts in the middle would run with the new release's configuration and without its rule: that is what this
// would catch.
func (c *cluster) moves(t *testing.T) {
	t.Helper()
	// The first node that takes the new release cannot pull it, and that halts the roll: the others keep the old one.
	if err := c.Play(t.Context(), sandbox.Fault{Name: "pull", Image: ":v0.26.2", Mode: sandbox.Pending}); err != nil {
		t.Fatal(err)
	}
	old := c.pods(t)
	before, err := c.configuration(t.Context(), &old[0])
	if err != nil {
		t.Fatal(err)
	}
	halted := c.want(t, 4, "update", "--version", "0.26.2", "--on-failure", "hold", "--yes", "-o", "json").
		says(t, "Canary", "halted at node-01: gate agent-ready", "ImagePullBackOff", "the way back, to 0.24.4, is: addonctl rollback")
	if got := read[act](t, halted); got.Outcome != "Halted" || len(got.Waiting) == 0 {
		t.Errorf("a node that cannot pull: %s", halted)
	}
	mixed := false
	for _, p := range c.pods(t) {
		if !strings.HasSuffix(p.Spec.Containers[0].Image, ":v0.24.4") {
			continue
		}
		mixed = true
		if now, err := c.configuration(t.Context(), &p); err != nil || now != before {
			t.Errorf("old pod %s would restart with %q (%v), it was started with %q", p.Name, now, err, before)
		}
	}
	if !mixed {
		t.Error("no pod of the old release is left to look at")
	}
	if !c.rules(t)["clustercidrs"] {
		t.Error("the old release's rule is gone while its pods run")
	}
	c.heals(t, "pull")
	testkube.Eventually(t, soon, func(context.Context) error { // the node is mended when its agent runs
		for _, p := range c.pods(t) {
			if readySince(&p).IsZero() {
				return fmt.Errorf("%s is not Ready", p.Name)
			}
		}
		return nil
	})
	done := read[act](t, c.must(t, "update", "--version", "0.26.2", "--yes", "--timeout", "2m", "-o", "json"))
	if done.Outcome != "Done" || done.Previous != "0.24.4" || done.Revision != 2 {
		t.Errorf("going on: %+v", done)
	}
	c.prunes(t, before)
}

// prunes looks whether only what the new release needs is left.
func (c *cluster) prunes(t *testing.T, before string) {
	t.Helper()
	if c.rules(t)["clustercidrs"] {
		t.Error("the old release's rule is still there")
	}
	l, err := c.Client().CoreV1().ConfigMaps(system).List(t.Context(), metav1.ListOptions{LabelSelector: "addonctl.io/addon=Flannel"})
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Items) != 1 || l.Items[0].Data["net-conf.json"] == before {
		t.Errorf("%d ConfigMaps are left: %v", len(l.Items), l.Items)
	}
}

// rules are the resources that flannel's ClusterRole names.
func (c *cluster) rules(t *testing.T) map[string]bool {
	t.Helper()
	r, err := c.Client().RbacV1().ClusterRoles().Get(t.Context(), "flannel", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, rule := range r.Rules {
		for _, resource := range rule.Resources {
			out[resource] = true
		}
	}
	return out
}

func (c *cluster) looksBack(t *testing.T) {
	t.Helper()
	h := read[struct {
		Revisions []struct {
			Revision        int
			Version, Status string
		}
	}](t, c.must(t, "history", "-o", "json"))
	var got []string
	for _, r := range h.Revisions {
		got = append(got, fmt.Sprintf("%d %s %s", r.Revision, r.Version, r.Status))
	}
	if want := "2 0.26.2 deployed, 1 0.24.4 superseded"; strings.Join(got, ", ") != want {
		t.Errorf("history %v, want %s", got, want)
	}
	// The single move is over: the record is automatic again, and its status tells the truth to kubectl too.
	out, err := c.Kubectl(t.Context(), "get", "addon", "in-cluster.flannel", "-o",
		`jsonpath={.spec.moveTo}|{.status.lifecycleState}|{.status.currentInstalledVersion}|{.status.nodes.ready}|{.status.conditions[?(@.type=="Ready")].status}`).Output()
	if want := "|ACTIVE|0.26.2|3|True"; err != nil || string(out) != want {
		t.Errorf("the record says %s (%v), want %s", out, err, want)
	}
	if p := c.must(t, "plan").out; !strings.Contains(p, "0.26.2 -> 0.27.3") {
		t.Errorf("plan:\n%s", p)
	}
}

// A crash loop on one node of twenty, with the nodes left to the DaemonSet controller, which goes on over it: Helm's own rule calls it
// ready, we do not, and say which node it is.
func TestACrashLoopOnOneNodeIsNoSuccess(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 20})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	c.must(t, "unpin", "--yes")
	if err := c.Play(t.Context(), sandbox.Fault{Name: "bad", Image: ":v0.27.3", Nodes: []string{"node-07"}, Mode: sandbox.Crash}); err != nil {
		t.Fatal(err)
	}
	c.want(t, 4, "update", "--version", "0.27.3", "--nodes", "rolling-update", "--on-failure", "hold", "--wait", "--timeout", "10m", "--yes").says(t, "halted at node-07")
	// Somebody lets the DaemonSet controller go on with the others all the same; wait until it has done what it can.
	if out, err := c.tryKubectl(t, "-n", system, "patch", "daemonset/kube-flannel-ds", "-p", `{"spec":{"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":"10%","maxSurge":0}}}}`); err != nil {
		t.Fatalf("kubectl patch: %v\n%s", err, out)
	}
	testkube.Eventually(t, 10*soon, func(ctx context.Context) error {
		d, err := c.Client().AppsV1().DaemonSets(system).Get(ctx, "kube-flannel-ds", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if s := d.Status; s.UpdatedNumberScheduled != 20 || s.NumberReady < 19 {
			return fmt.Errorf("%d updated, %d ready", s.UpdatedNumberScheduled, s.NumberReady)
		}
		return nil
	})
	c.crashing(t)
	// The negative control: Helm's readiness function, asked about the very same state.
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		ready, notReadyPods := c.helmSaysReady(ctx, t)
		if !ready || notReadyPods != 1 {
			return fmt.Errorf("Helm says ready: %v, with %d pods not Ready", ready, notReadyPods)
		}
		return nil
	})
	c.want(t, 4, "update", "--version", "0.27.3", "--timeout", "60s", "--yes").says(t, "node-07", "gate", "the way back, to 0.26.2, is: addonctl rollback")
	if back := c.must(t, "update", "--version", "0.26.2", "--timeout", "10m", "--yes"); strings.Contains(back.err, "in trouble") {
		t.Logf("on the way back: %s", back.err)
	}
}

// crashing looks at the crashing node through `nodes`.
func (c *cluster) crashing(t *testing.T) {
	t.Helper()
	n := read[struct {
		Nodes []struct {
			Name, State, Why string
			Pod              struct {
				Version  string
				Restarts int
			}
		}
	}](t, c.must(t, "nodes", "-o", "json"))
	if len(n.Nodes) != 20 {
		t.Fatalf("%d nodes", len(n.Nodes))
	}
	for _, node := range n.Nodes {
		want := "Ready"
		if node.Name == "node-07" {
			want = "Failing"
			if node.Pod.Restarts == 0 || node.Why == "" {
				t.Errorf("the crashing node: %+v", node)
			}
		}
		if node.State != want && (node.Name == "node-07" || node.State != "Starting") {
			t.Errorf("%s is %s (%s), want %s", node.Name, node.State, node.Why, want)
		}
		if node.Pod.Version != "0.27.3" {
			t.Errorf("%s runs %s", node.Name, node.Pod.Version)
		}
	}
}

// notReady counts the pods that are not Ready.
func notReady(pods []corev1.Pod) int {
	n := 0
	for _, p := range pods {
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status != corev1.ConditionTrue {
				n++
			}
		}
	}
	return n
}
