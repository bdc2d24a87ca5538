package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// What is decided on a real cluster is what can be asked beforehand: why, with which dangers, and with which way back.
func TestAMoveIsExplainedBeforeItIsMade(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 2})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.24.4", "--yes")
	c.must(t, "unpin", "--yes")
	c.knownBadFactsRefuse(t)
	c.asksBeforeMoving(t)
	c.heldIsNotTaken(t)
	c.oneWayNeedsAWord(t)
	c.updateFinishesWhatWasBegun(t)
}

func (c *cluster) annotate(t *testing.T, node, fact, value string) {
	t.Helper()
	body := `{"metadata":{"annotations":{"facts.addonctl.io/` + fact + `":"` + value + `"}}}`
	if _, err := c.Client().CoreV1().Nodes().Patch(t.Context(), node, types.MergePatchType, []byte(body), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	c.cached(t, func(o metav1.ListOptions) (bool, error) {
		l, err := c.Client().CoreV1().Nodes().List(t.Context(), o)
		return err == nil && slices.ContainsFunc(l.Items, func(n corev1.Node) bool { return n.Name == node && n.Annotations["facts.addonctl.io/"+fact] == value }), err
	})
}

// knownBadFactsRefuse : flanneld from 0.26.0 exits where br_netfilter is not loaded. A node that tells so, and one that tells
// nonsense, are refused by the fact's name, and nothing is written. A node that does not tell is told of and no more.
func (c *cluster) knownBadFactsRefuse(t *testing.T) {
	t.Helper()
	c.annotate(t, "node-01", "brNetfilter", "missing")
	c.want(t, 3, "update", "--version", "0.26.2", "--yes").says(t, "br_netfilter", "node-01")
	c.annotate(t, "node-01", "brNetfilter", "perhaps")
	c.want(t, 3, "update", "--version", "0.26.2", "--yes").says(t, "FactContradictory", "brNetfilter", "perhaps")
	if got := c.daemonSet(t).Generation; got != 1 {
		t.Errorf("the refused updates touched the DaemonSet: generation %d", got)
	}
	c.annotate(t, "node-01", "brNetfilter", "loaded")
	c.must(t, "update", "--version", "0.26.2", "--yes").says(t, "BrNetfilterNeeded", "node-02")
}

func (c *cluster) asksBeforeMoving(t *testing.T) {
	t.Helper()
	if r := c.want(t, 1, "outdated"); !strings.Contains(r.out, "0.27.3 is newer and fits") {
		t.Errorf("outdated: %s", r)
	}
	p := c.must(t, "plan").out
	for _, want := range []string{"Applying, 0.26.2 -> 0.27.3", "EgressGapOnStop", "RegistryMoved", "way back: Reversible", "configure DaemonSet kube-flannel-ds"} {
		if !strings.Contains(p, want) {
			t.Errorf("plan lacks %q:\n%s", want, p)
		}
	}
	if b := c.must(t, "plan", "--reverse").out; !strings.Contains(b, "the way back from 0.27.3 to 0.26.2 is Reversible") {
		t.Errorf("the way back:\n%s", b)
	}
	if e := c.must(t, "explain").out; !strings.Contains(e, "0.27.3 is the newest release that passes every rule") {
		t.Errorf("explain:\n%s", e)
	}
	if f := c.must(t, "preflight").out; !strings.Contains(f, "0 refuse") {
		t.Errorf("preflight:\n%s", f)
	}
	if got := c.daemonSet(t).Generation; got != 2 {
		t.Errorf("asking touched the DaemonSet: generation %d", got)
	}
}

// heldIsNotTaken : a release that the cluster was put back from is not chosen by itself, stays held over later looks, and
// can still be asked for.
func (c *cluster) heldIsNotTaken(t *testing.T) {
	t.Helper()
	held := `{"status":{"held":[{"version":"0.27.3","reason":"node-01 lost its pods' egress"}]}}`
	if _, err := c.dynamic(t).Resource(v1alpha1.Addons).Patch(t.Context(), "in-cluster.flannel", types.MergePatchType, []byte(held),
		metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
	c.must(t, "update", "--yes")
	e := c.must(t, "explain", "-o", "wide").out
	if !strings.Contains(e, "not-held fails: held: 0.27.3") || !strings.Contains(e, "lost its pods' egress") {
		t.Errorf("explain:\n%s", e)
	}
	if got := c.daemonSet(t).Generation; got != 2 {
		t.Errorf("a held release was taken: generation %d", got)
	}
	moved := c.must(t, "update", "--version", "0.27.3", "--yes", "-o", "json").says(t, "HeldRelease")
	if got := read[act](t, moved); got.Version != "0.27.3" || got.Outcome != "Done" {
		t.Errorf("a held release that was asked for: %s", moved)
	}
	c.must(t, "outdated")
}

// oneWayNeedsAWord : the word for a move without a way back is recorded with the version that it holds for, because the loop
// follows the record. No shipped chart has such a move yet, so the word is given for one that does not need it.
func (c *cluster) oneWayNeedsAWord(t *testing.T) {
	t.Helper()
	c.must(t, "update", "--version", "0.26.2", "--accept", "tested on staging", "--yes")
	a, err := c.dynamic(t).Resource(v1alpha1.Addons).Get(t.Context(), "in-cluster.flannel", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	spec, _ := a.Object["spec"].(map[string]any)
	if got, _ := spec["accept"].(map[string]any); got["version"] != "0.26.2" || got["reason"] != "tested on staging" {
		t.Errorf("recorded %v", spec)
	}
	c.must(t, "pin", "--version", "0.26.2", "--reason", "stay", "--yes")
	if a, err = c.dynamic(t).Resource(v1alpha1.Addons).Get(t.Context(), "in-cluster.flannel", metav1.GetOptions{}); err != nil {
		t.Fatal(err)
	}
	if spec, _ := a.Object["spec"].(map[string]any); spec["accept"] != nil {
		t.Errorf("the word outlived its move: %v", spec)
	}
}

// updateFinishesWhatWasBegun : a way back that was left in the middle is finished by a plain update, also by somebody else's, and
// is not turned round again. status says the same command that plan would show.
func (c *cluster) updateFinishesWhatWasBegun(t *testing.T) {
	t.Helper()
	c.must(t, "unpin", "--yes")
	if s := c.must(t, "status", "-o", "json").out; !strings.Contains(s, `"pinned": false`) || strings.Contains(s, "an operator keeps") {
		t.Errorf("status after un-pinning:\n%s", s)
	}
	if err := c.Play(t.Context(), sandbox.Fault{Name: "slow", Image: ":v0.24.4", Mode: sandbox.Slow, Delay: time.Hour}); err != nil {
		t.Fatal(err)
	}
	c.want(t, 5, "update", "--version", "0.24.4", "--yes", "--timeout", "10s")
	if s := c.must(t, "status").out; !strings.Contains(s, "go on with: addonctl update --version 0.24.4") {
		t.Errorf("status in the middle of the way back:\n%s", s)
	}
	c.heals(t, "slow")
	done := c.must(t, "update", "--yes", "-o", "json")
	if got := read[act](t, done); got.Version != "0.24.4" || got.Outcome != "Done" {
		t.Errorf("a plain update in the middle of the way back: %s", done)
	}
}
