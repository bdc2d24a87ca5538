package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// passed waits until so many nodes have a Ready agent of a release.
func (c *cluster) passed(t *testing.T, image string, nodes int) {
	t.Helper()
	testkube.Eventually(t, 5*soon, func(ctx context.Context) error {
		l, err := c.Client().CoreV1().Pods(system).List(ctx, metav1.ListOptions{LabelSelector: "app=flannel"})
		if err != nil {
			return err
		}
		n := 0
		for _, p := range l.Items {
			if strings.HasSuffix(p.Spec.Containers[0].Image, image) && isReady(&p) {
				n++
			}
		}
		if n < nodes {
			return fmt.Errorf("%d nodes run %s", n, image)
		}
		return nil
	})
}

// lacking follows the agents until the context ends and tells the most nodes that were without one at a moment.
func (c *cluster) lacking(ctx context.Context, t *testing.T, nodes int) <-chan int {
	t.Helper()
	out := make(chan int, 1)
	go func() {
		most := 0
		for ; ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
			l, err := c.Client().CoreV1().Pods(system).List(ctx, metav1.ListOptions{LabelSelector: "app=flannel"})
			if err != nil {
				continue
			}
			n := 0
			for _, p := range l.Items {
				if p.DeletionTimestamp == nil && isReady(&p) {
					n++
				}
			}
			most = max(most, nodes-n)
		}
		out <- most
	}()
	return out
}

// world is a cluster in the middle of a roll, of so many nodes, one at a time.
func world(t *testing.T, pools ...sandbox.Pool) (c *cluster, before map[string][2]string, ended chan result) {
	t.Helper()
	c = start(t, testkube.Options{Pools: pools})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	c.must(t, "unpin", "--yes")
	return c, c.agentsByNode(t), make(chan result, 1)
}

var rolls = append([]string{"update", "--version", "0.27.3", "--yes", "--timeout", "5m"}, byNode...)

// The API server goes away for half a minute in the middle of a roll: the command waits, changes nothing twice, and ends. It would catch one
// that gives up, or that takes a node whose agent it has not seen for half a minute.
func TestARollOutlastsItsServer(t *testing.T) {
	c, before, ended := world(t, sandbox.Pool{Name: sandbox.DefaultPool, Count: 5})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	most := c.lacking(ctx, t, 5)
	go func() { ended <- c.runUntil(t.Context(), rolls...) }()
	c.passed(t, ":v0.27.3", 2)
	if err := c.Kill(t.Context(), sandbox.APIServer); err != nil {
		t.Fatal(err)
	}
	time.Sleep(30 * time.Second)
	if err := c.Start(t.Context(), sandbox.APIServer); err != nil {
		t.Fatal(err)
	}
	r := <-ended
	cancel()
	if r.code != 0 {
		t.Fatalf("the update: %s", r)
	}
	after := c.agentsByNode(t)
	if got := changed(before, after, 1); len(got) != 5 {
		t.Errorf("only %v were changed\n%s", got, r)
	}
	if n := <-most; n > 1 {
		t.Errorf("%d nodes were without a Ready agent at a moment", n)
	}
	c.must(t, "drift")
}

// A node that is gone in the middle is not waited for, one that joins has the new release, and a pool in which no node can be changed is told of
// and left; when it can be, the same command goes on.
func TestARollWhileNodesComeAndGo(t *testing.T) {
	c, before, ended := world(t, sandbox.Pool{Name: "a", Count: 4}, sandbox.Pool{Name: "b", Count: 2})
	for _, n := range []string{"b-01", "b-02"} {
		c.cordon(t, n)
	}
	go func() { ended <- c.runUntil(t.Context(), rolls...) }()
	c.passed(t, ":v0.27.3", 1)
	last := ""
	for n := range before {
		if strings.HasPrefix(n, "a-") && c.agentsByNode(t)[n][1] == before[n][1] && n > last {
			last = n
		}
	}
	if err := c.Client().CoreV1().Nodes().Delete(t.Context(), last, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := c.AddNodes(t.Context(), sandbox.Pool{Name: "a", Count: 1}); err != nil {
		t.Fatal(err)
	}
	r := <-ended
	if r.code != 5 {
		t.Fatalf("the update: %s", r)
	}
	r.says(t, "b-01", "b-02", "cordoned")
	if strings.Contains(r.err, last+" (") {
		t.Errorf("%s is gone, and waited for\n%s", last, r)
	}
	there := map[string]bool{} // a pod of a node that is gone tells nothing
	for _, n := range c.nodes(t.Context(), t) {
		there[n.Name] = true
	}
	var old []string
	for n, a := range c.agentsByNode(t) {
		if there[n] && a[1] == before["b-01"][1] {
			old = append(old, n)
		}
	}
	if slices.Sort(old); !slices.Equal(old, []string{"b-01", "b-02"}) {
		t.Errorf("%v run the old release", old)
	}
	for _, n := range []string{"b-01", "b-02"} {
		c.uncordon(t, n)
	}
	c.must(t, rolls...)
	if s := c.must(t, "status").out; !strings.Contains(s, "UpToDate") {
		t.Errorf("status:\n%s", s)
	}
}

// Somebody edits the DaemonSet in the middle of a roll: the nodes take what it is then, those that had taken the release too, with no more of them
// down than may be. It would catch a roll that calls a node done for a template that is no more.
func TestARollWhoseTemplateIsEdited(t *testing.T) {
	c, _, ended := world(t, sandbox.Pool{Name: sandbox.DefaultPool, Count: 4})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	most := c.lacking(ctx, t, 4)
	go func() { ended <- c.runUntil(t.Context(), rolls...) }()
	c.passed(t, ":v0.27.3", 2)
	if out, err := c.tryKubectl(t, "-n", system, "set", "env", "daemonset/kube-flannel-ds", "ADDED=beside"); err != nil {
		t.Fatalf("kubectl set env: %v\n%s", err, out)
	}
	r := <-ended
	cancel()
	if r.code != 0 {
		t.Fatalf("the update: %s", r)
	}
	for _, p := range c.pods(t) {
		has := slices.ContainsFunc(p.Spec.Containers[0].Env, func(e corev1.EnvVar) bool { return e.Name == "ADDED" })
		if !has || !strings.HasSuffix(p.Spec.Containers[0].Image, ":v0.27.3") {
			t.Errorf("%s on %s does not run the template as it is\n%s", p.Name, p.Spec.NodeName, r)
		}
	}
	if n := <-most; n > 1 {
		t.Errorf("%d nodes were without a Ready agent at a moment", n)
	}
}
