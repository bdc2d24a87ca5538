package e2e

import (
	"strings"
	"testing"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// Somebody restarts the agents as Kubernetes has it, on a DaemonSet whose controller replaces no pod: the next update takes the nodes through
// it one by one, with the gates of any roll, and a node that fails halts it. It would catch a command that waits for nobody.
func TestARestartIsRolled(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 4})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	c.must(t, "unpin", "--yes")
	restart := func() {
		t.Helper()
		if out, err := c.tryKubectl(t, "-n", system, "rollout", "restart", "daemonset/kube-flannel-ds"); err != nil {
			t.Fatalf("kubectl rollout restart: %v\n%s", err, out)
		}
	}
	before := c.agentsByNode(t)
	restart()
	if s := c.must(t, "status").out; !strings.Contains(s, "go on with: addonctl update") {
		t.Errorf("status:\n%s", s)
	}
	again := append([]string{"update", "--version", "0.26.2", "--yes"}, byNode...)
	r := c.must(t, again...)
	r.says(t, "Canary (canary nodes), 0 of 4 nodes passed")
	if got := changed(before, c.agentsByNode(t), 0); len(got) != 4 {
		t.Errorf("the agents of %v alone were replaced\n%s", got, r)
	}
	c.must(t, "drift")
	if s := c.must(t, "status").out; !strings.Contains(s, "UpToDate") {
		t.Errorf("status:\n%s", s)
	}
	if d := c.daemonSet(t); d.Annotations[kube.AnnotationRoll] != "" {
		t.Errorf("the roll is still noted: %s", d.Annotations[kube.AnnotationRoll])
	}

	before = c.agentsByNode(t)
	c.play(t, sandbox.Fault{Name: "bad", Image: ":v0.26.2", Nodes: c.order(t)[1:2], Mode: sandbox.Pending})
	restart()
	c.want(t, 4, again...).says(t, "halted at "+c.order(t)[1], "not put back by itself: what runs is what was there before")
	if got := changed(before, c.agentsByNode(t), 0); len(got) != 2 {
		t.Errorf("the agents of %v were replaced, want the canary's and the bad one", got)
	}
	c.heals(t, "bad")
	c.running(t, system, 4)
	c.must(t, again...)
	if got := changed(before, c.agentsByNode(t), 0); len(got) != 4 {
		t.Errorf("gone on with, the agents of %v alone were replaced", got)
	}
}
