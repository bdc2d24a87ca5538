package e2e

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/addonctl/addonctl/pkg/testkube"
)

var compareNodes = flag.Int("compare-nodes", 20, "how many nodes the ways to update are compared on")

// way is one way to bring a release to the nodes; it returns what it says at its end.
type way struct {
	name   string
	before []string // addonctl's arguments for the release before; nil installs with Helm
	update func(*testing.T, *cluster) string
	// bare ways know no halt: they are the negative controls of those that do.
	bare bool
}

var flannel = []string{"install", "--network-type", "flannel", "--version", "0.26.2", "--yes"}

var ways = []way{
	{name: "addonctl update", before: flannel, update: func(t *testing.T, c *cluster) string {
		t.Helper()
		return said(c.run(t, append([]string{"update", "--version", "0.27.3", "--yes"}, patient...)...))
	}},
	{name: "--nodes rolling-update, 10%", before: flannel, update: func(t *testing.T, c *cluster) string {
		t.Helper()
		return said(c.run(t, "update", "--version", "0.27.3", "--nodes", "rolling-update", "--ready-for", "1s", "--on-failure", "hold", "--yes"))
	}},
	// Nothing of ours is at work here: the template is changed as kubectl does it.
	{name: "DaemonSet RollingUpdate, 10%", before: append(slices.Clone(flannel), "--nodes", "rolling-update"), bare: true, update: func(t *testing.T, c *cluster) string {
		t.Helper()
		const agent = "daemonset/kube-flannel-ds"
		if out, err := c.tryKubectl(t, "-n", system, "set", "image", agent, "kube-flannel=docker.io/flannel/flannel:v0.27.3"); err != nil {
			t.Fatalf("kubectl set image: %v\n%s", err, out)
		}
		out, err := c.tryKubectl(t, "-n", system, "rollout", "status", agent, "--timeout", "120s")
		lines := strings.Split(strings.TrimSpace(out), "\n")
		return fmt.Sprintf("%s (%v)", lines[len(lines)-1], err)
	}},
	{name: "helm upgrade --wait, 10%", bare: true, update: func(t *testing.T, c *cluster) string {
		t.Helper()
		out, err := c.helm(t, "upgrade", "flannel", "../charts/flannel", "--namespace", system, "--wait", "--timeout", "120s", "--set", "version=0.27.3,minReadySeconds=2")
		if err != nil {
			return "exit 1: " + strings.ReplaceAll(err.Error(), "\n", " ")
		}
		for line := range strings.Lines(out) {
			if s, ok := strings.CutPrefix(line, "STATUS: "); ok {
				return "exit 0: STATUS: " + strings.TrimSpace(s)
			}
		}
		return "exit 0"
	}},
}

func said(r result) string {
	for line := range strings.Lines(r.err) {
		if s, ok := strings.CutPrefix(line, "addonctl: "); ok {
			return fmt.Sprintf("exit %d: %s", r.code, strings.TrimSpace(s))
		}
	}
	return fmt.Sprintf("exit %d", r.code)
}

// The same release, which crashes on the seventh node that a roll would change, by four ways: how many nodes get it. The bare ones are
// the negative controls of the halt: the controller has none, and Helm's wait sees nothing (facts: CNI B8, B9). Where we stop the controller it
// depends on the order that it takes nodes in: it may be few, and in the worst case all of them.
func TestAHaltIsWhatNoOtherWayHas(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	got := map[string]int{}
	rows := map[string]string{}
	t.Run("ways", func(t *testing.T) {
		for _, w := range ways {
			t.Run(w.name, func(t *testing.T) {
				n, row := w.play(t)
				mu.Lock()
				defer mu.Unlock()
				got[w.name], rows[w.name] = n, row
			})
		}
	})
	table := fmt.Sprintf("%-30s %-12s %-7s %s\n", "WAY", "GOT IT", "TOOK", "SAID AT ITS END")
	for _, w := range ways {
		table += rows[w.name] + "\n"
	}
	t.Logf("%d nodes, the new release crashes on the seventh:\n%s", *compareNodes, table)
	if t.Failed() {
		return
	}
	if n := got[ways[0].name]; n != 7 {
		t.Errorf("a roll that halts changed %d nodes, want 7", n)
	}
	if !strings.Contains(rows[ways[1].name], "exit 4: halted at node-") {
		t.Errorf("the controller was not stopped: %s", rows[ways[1].name])
	}
	for _, w := range ways {
		if n, played := got[w.name]; played && w.bare && n < *compareNodes*8/10 {
			t.Errorf("%s changed %d nodes only: the fault shows no difference to a halt", w.name, got[w.name])
		}
	}
}

// play returns on how many nodes the agent is another than before, and a row of the table.
func (w way) play(t *testing.T) (nodes int, row string) {
	t.Helper()
	c := start(t, testkube.Options{Nodes: *compareNodes})
	if w.before != nil {
		c.must(t, w.before...)
		c.must(t, "unpin", "--yes")
	} else {
		c.helmDoes(t, "install", "flannel", "../charts/flannel", "--wait", "--set", "version=0.26.2,minReadySeconds=2,images.flannel=docker.io/flannel/flannel:v0.26.2,images.flannel-cni-plugin=docker.io/flannel/flannel-cni-plugin:v1.6.0-flannel1")
	}
	before := c.agentsByNode(t)
	c.crashesOn(t, ":v0.27.3", c.order(t)[6])
	began := time.Now()
	end := w.update(t, c)
	took := time.Since(began).Round(time.Second)
	if w.bare { // they only have to go on over the bad node, however slowly
		testkube.Eventually(t, 6*soon, func(context.Context) error {
			if n := len(changed(before, c.agentsByNode(t), 0)); n < *compareNodes*8/10 {
				return fmt.Errorf("%d of %d nodes are changed", n, *compareNodes)
			}
			return nil
		})
	}
	n := len(changed(before, c.agentsByNode(t), 0))
	if len(end) > 120 {
		end = end[:120] + "…"
	}
	return n, fmt.Sprintf("%-30s %-12s %-7s %s", w.name, fmt.Sprintf("%d of %d", n, len(before)), took, end)
}
