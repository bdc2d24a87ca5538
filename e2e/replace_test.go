package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// replace lets somebody replace the nodes, as fast as one can look.
var replace = []string{"--nodes", "replace", "--canaries", "1", "--max-unavailable", "2", "--soak", "0s", "--ready-for", "1s"}

// cordoned are the nodes that take no pods, in order.
func (c *cluster) cordoned(ctx context.Context, t *testing.T) []string {
	t.Helper()
	var out []string
	for _, n := range c.nodes(ctx, t) {
		if n.Spec.Unschedulable {
			out = append(out, n.Name)
		}
	}
	return out
}

func (c *cluster) nodes(ctx context.Context, t *testing.T) []corev1.Node {
	t.Helper()
	list, err := c.Client().CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil && ctx.Err() == nil {
		t.Error(err)
		return nil
	}
	if err != nil {
		return nil
	}
	return list.Items
}

// replacer is somebody who replaces cordoned nodes by new ones while a command runs, and counts.
type replacer struct {
	// gone are the nodes that were replaced, in order; most is how many were cordoned at once, least how many took pods.
	gone        []string
	most, least int
}

// replaces starts one; stop ends it.
func (c *cluster) replaces(t *testing.T) (r *replacer, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r = &replacer{least: len(c.nodes(ctx, t))}
	var group sync.WaitGroup
	group.Go(func() {
		for ctx.Err() == nil {
			out := c.cordoned(ctx, t)
			r.most = max(r.most, len(out))
			if all := c.nodes(ctx, t); all != nil {
				r.least = min(r.least, len(all)-len(out))
			}
			if len(out) > 0 {
				if err := c.replaceOne(ctx, out[0]); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				r.gone = append(r.gone, out[0])
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	return r, func() { cancel(); group.Wait() }
}

// replaceOne takes a node away, and then brings a new one.
func (c *cluster) replaceOne(ctx context.Context, node string) error {
	if err := c.Client().CoreV1().Nodes().Delete(ctx, node, metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("deleting node %s: %w", node, err)
	}
	return c.AddNodes(ctx, sandbox.Pool{Name: "new", Count: 1})
}

// Nobody replaces what is cordoned, and the command says who has to; somebody does, and it finishes. Never are more than two nodes cordoned,
// nor fewer than three left to take pods, and in the end every node is a new one.
func TestNodesAreReplaced(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 5})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	c.must(t, "unpin", "--yes")
	update := append([]string{"update", "--version", "0.27.3", "--yes"}, replace...)

	testkube.Eventually(t, 3*soon, func(context.Context) error { // its time may be up before anything is cordoned
		r := c.run(t, append(slices.Clone(update), "--timeout", "15s")...)
		if r.code != 5 || !strings.Contains(r.err, "nodes to replace: node-01") || !strings.Contains(r.err, "kubectl delete node") {
			return fmt.Errorf("%s", r)
		}
		return nil
	})
	if got := c.cordoned(t.Context(), t); !slices.Equal(got, []string{"node-01"}) {
		t.Fatalf("cordoned are %v, want the canary", got)
	}
	if s := c.must(t, "status"); !strings.Contains(s.out, "Replacing (canary nodes), 0 of 5 nodes passed") || !strings.Contains(s.out, "To replace:     node-01") {
		t.Errorf("status says %s", s)
	}

	r, stop := c.replaces(t)
	out := c.run(t, update...)
	stop()
	if out.code != 0 {
		t.Fatalf("it does not finish: %s", out)
	}
	if r.most > 2 || r.least < 3 || len(r.gone) != 5 || r.gone[0] != "node-01" {
		t.Errorf("%+v", r)
	}
	if got := c.cordoned(t.Context(), t); len(got) > 0 {
		t.Errorf("%v stay cordoned", got)
	}
	for _, n := range c.nodes(t.Context(), t) {
		if n.Labels[sandbox.LabelPool] != "new" {
			t.Errorf("%s was not replaced", n.Name)
		}
	}
}
