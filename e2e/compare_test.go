package e2e

import (
	"flag"
	"fmt"
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
}

var ways = []way{
	{"addonctl update", []string{"install", "--network-type", "flannel", "--version", "0.26.2", "--yes"}, func(t *testing.T, c *cluster) string {
		t.Helper()
		return said(c.run(t, append([]string{"update", "--version", "0.27.3", "--yes"}, byNode...)...))
	}},
	{"DaemonSet RollingUpdate, 10%", []string{"install", "--network-type", "flannel", "--version", "0.26.2", "--yes"}, func(t *testing.T, c *cluster) string {
		t.Helper()
		return said(c.run(t, "update", "--version", "0.27.3", "--nodes", "rolling-update", "--max-unavailable", "10%", "--on-failure", "hold", "--timeout", "120s", "--yes"))
	}},
	{"helm upgrade --wait, 10%", nil, func(t *testing.T, c *cluster) string {
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

// The same release, which crashes on the seventh node that a roll would change, by three ways: how many nodes get it. The second and the
// third are the negative controls of the halt: the controller has none, and Helm's wait sees nothing (facts: CNI B8, B9).
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
	for _, w := range ways[1:] {
		if got[w.name] < *compareNodes*8/10 {
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
	n := len(changed(before, c.agentsByNode(t), 0))
	if len(end) > 120 {
		end = end[:120] + "…"
	}
	return n, fmt.Sprintf("%-30s %-12s %-7s %s", w.name, fmt.Sprintf("%d of %d", n, len(before)), took, end)
}
