package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/addonctl/addonctl/pkg/testkube"
)

const (
	recalledFor = "it loses packets on kernel 6.12"
	recalledWhy = "Flannel 0.27.3 has been recalled: " + recalledFor
)

// A command line that drives a cluster by itself takes no release that the hub has recalled, and says why everywhere. When the recall is
// taken off, the same commands take it: that is the negative control of each refusal.
func TestARecallBindsACommandLine(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 2})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	c.must(t, "unpin", "--yes")
	newest := func() string { return c.must(t, "explain").out }
	if got := newest(); !strings.Contains(got, "Chosen: automatic: 0.27.3 is the newest release") {
		t.Fatalf("before the recall: %s", got)
	}
	c.must(t, "recall", "Flannel", "0.27.3", "--reason", recalledFor, "--yes")
	for _, args := range [][]string{
		{"update", "--version", "0.27.3", "--yes"}, {"pin", "--version", "0.27.3", "--reason", "a test", "--yes"}, {"plan", "--version", "0.27.3"},
	} {
		c.want(t, 3, args...).says(t, "refused (Recalled)", recalledWhy)
	}
	c.must(t, "outdated")
	if got := c.must(t, "status").out; strings.Contains(got, "0.27.3") {
		t.Errorf("status speaks of what was recalled:\n%s", got)
	}
	for _, look := range []string{newest(), c.must(t, "versions").out} {
		if !strings.Contains(look, recalledFor) {
			t.Errorf("the reason is not told:\n%s", look)
		}
	}
	c.withoutTheRight(t)

	c.must(t, "recall", "--undo", "Flannel", "0.27.3", "--yes")
	c.want(t, 1, "outdated")
	c.must(t, "pin", "--version", "0.27.3", "--reason", "a test", "--yes")

	// What runs and is recalled then is said, moved away from, and not gone back to.
	c.must(t, "recall", "Flannel", "0.27.3", "--reason", recalledFor, "--yes")
	if got := c.must(t, "status").out; !strings.Contains(got, "PinRecalled: Flannel 0.27.3, which is installed, has been recalled: "+recalledFor) {
		t.Errorf("status of a recalled pin:\n%s", got)
	}
	c.must(t, "unpin", "--yes")
	c.must(t, "update", "--yes").says(t, "move Flannel from 0.27.3 to 0.26.2")
	c.want(t, 3, "rollback", "--to", "2", "--yes").says(t, "refused (Recalled)", recalledWhy)
}

// withoutTheRight looks as somebody who may not read the hub's catalog: the commands work as they did before they read recalls, and say
// once what nobody knows.
func (c *cluster) withoutTheRight(t *testing.T) {
	t.Helper()
	rules := documented(t)[0]
	less := slices.DeleteFunc(slices.Clone(rules), func(r rbacv1.PolicyRule) bool { return slices.Contains(r.Resources, "addoncatalogs") })
	if len(less) == len(rules) {
		t.Fatal("no documented rule lets the person read the hub's catalog")
	}
	const warning = "warning: what the hub has recalled is not known: your user may not get addoncatalogs.addonctl.io"
	user := *c
	_, user.kubeconfig = c.User(t, "unknowing", less...)
	if r := user.must(t, "plan", "--version", "0.27.3"); strings.Count(r.err, warning) != 1 {
		t.Errorf("want it said once: %s", r)
	}
	_, user.kubeconfig = c.User(t, "knowing", rules...)
	if r := user.want(t, 3, "plan", "--version", "0.27.3").says(t, recalledWhy); strings.Contains(r.err, warning) {
		t.Errorf("who may read it is told that he may not: %s", r)
	}
}

// A roll that a command line drives stops at the node when its release is recalled meanwhile, and ends; the way out of it is open. Where
// the recalls were read at the start alone, the roll would go on over the three nodes: that is what this would catch.
func TestARollOfACommandLineStopsAtTheNodeThatARecallFinds(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 3})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes", "--soak", "2m", "--ready-for", "1s")
	c.must(t, "unpin", "--yes")
	ended := make(chan result, 1)
	go func() { ended <- c.runUntil(t.Context(), "update", "--version", "0.27.3", "--yes") }()
	testkube.Eventually(t, 4*soon, func(context.Context) error { // the canary is changed, and soaks
		if n := c.on(t, "v0.27.3"); n == 0 {
			return fmt.Errorf("no node runs 0.27.3")
		}
		return nil
	})
	c.must(t, "recall", "Flannel", "0.27.3", "--reason", recalledFor, "--yes")
	r := <-ended
	if r.code != 3 {
		t.Fatalf("the roll ended with %s", r)
	}
	r.says(t, "stopped at the node: "+recalledWhy, "of 3 nodes passed", "addonctl update")
	if n := c.on(t, "v0.27.3"); n != 1 {
		t.Errorf("%d nodes run what was recalled, want the canary alone", n)
	}
	if s := c.must(t, "status").out; !strings.Contains(s, recalledFor) || strings.Contains(s, "resume") {
		t.Errorf("status:\n%s", s)
	}
	c.want(t, 3, "update", "--version", "0.27.3", "--yes").says(t, "stopped at the node")
	if n := c.on(t, "v0.27.3"); n != 1 {
		t.Errorf("%d nodes run what was recalled after the same command again", n)
	}
	c.must(t, "update", "--soak", "0s", "--yes").says(t, "from 0.27.3 to 0.26.2")
	if n := c.on(t, "v0.26.2"); n != 3 {
		t.Errorf("%d nodes left what was recalled, want all", n)
	}
	// The negative control: the same roll without a recall reaches every node.
	c.must(t, "recall", "--undo", "Flannel", "0.27.3", "--yes")
	c.must(t, "update", "--version", "0.27.3", "--soak", "0s", "--yes")
	if n := c.on(t, "v0.27.3"); n != 3 {
		t.Errorf("without the recall %d nodes run 0.27.3", n)
	}
}

// on counts the agents that run an image of a tag.
func (c *cluster) on(t *testing.T, tag string) int {
	t.Helper()
	n := 0
	for _, p := range c.pods(t) {
		if p.DeletionTimestamp == nil && strings.HasSuffix(p.Spec.Containers[0].Image, ":"+tag) {
			n++
		}
	}
	return n
}
