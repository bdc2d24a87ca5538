package e2e

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// eight nodes are changed one at a time by the DaemonSet controller (its chart says 10%), and on five of them the new agent does not come up: the
// controller gets as far as the first of these, whichever order it takes, and stands there until the fault is taken away. Then it would go on.
const eight = 8

var stuckOn = []string{"node-02", "node-04", "node-05", "node-06", "node-08"}

// stuck plays the fault.
func (c *cluster) stuck(t *testing.T) {
	t.Helper()
	if err := c.Play(t.Context(), sandbox.Fault{Name: "stuck", Image: ":v0.27.3", Nodes: stuckOn, Mode: sandbox.Creating}); err != nil {
		t.Fatal(err)
	}
}

// meets waits until the controller stands at a node on which the new agent does not come up.
func (c *cluster) meets(t *testing.T) {
	t.Helper()
	testkube.Eventually(t, 4*soon, func(context.Context) error {
		for _, p := range c.pods(t) {
			if strings.HasSuffix(p.Spec.Containers[0].Image, ":v0.27.3") && p.Status.Phase == corev1.PodPending && len(p.Status.ContainerStatuses) > 0 {
				return nil
			}
		}
		return errors.New("no new agent is stuck")
	})
}

// stops waits until the DaemonSet controller is stopped.
func (c *cluster) stops(t *testing.T) {
	t.Helper()
	testkube.Eventually(t, long, func(context.Context) error {
		if s := c.daemonSet(t).Spec.UpdateStrategy.Type; s != appsv1.OnDeleteDaemonSetStrategyType {
			return fmt.Errorf("the strategy is %s", s)
		}
		return nil
	})
}

// standsStill fails when an agent is replaced within a while in which the controller would have gone on.
func (c *cluster) standsStill(t *testing.T, before map[string][2]string) {
	t.Helper()
	_ = pause(t.Context(), 8*time.Second)
	if got := changed(before, c.agentsByNode(t), 0); len(got) > 0 {
		t.Errorf("the agents of %v were replaced after the controller was stopped", got)
	}
	c.strategy(t, appsv1.OnDeleteDaemonSetStrategyType)
}

// some fails unless some of the nodes, and not all, were changed.
func some(t *testing.T, before, after map[string][2]string) {
	t.Helper()
	if n := len(changed(before, after, 1)); n == 0 || n == eight || len(after) != eight {
		t.Errorf("%d of %d nodes were changed, and %d have an agent", n, eight, len(after))
	}
}

// A command line has the DaemonSet controller change nodes, and the release is recalled meanwhile: the controller is stopped, what it had begun
// ends, and so does the command. Nobody lets it go again for that release but who takes the recall off: then the same command does, and every
// node is changed, once. That is the negative control of the stop. A recall that comes when all is done stops nothing.
func TestARecallStopsTheControllerThatACommandLineWatches(t *testing.T) {
	c := start(t, testkube.Options{Nodes: eight})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	c.must(t, "unpin", "--yes")
	before := c.agentsByNode(t)
	c.stuck(t)
	again := []string{"update", "--version", "0.27.3", "--nodes", "rolling-update", "--yes"}
	ended := make(chan result, 1)
	go func() { ended <- c.runUntil(t.Context(), again...) }()
	c.meets(t)
	c.must(t, "recall", "Flannel", "0.27.3", "--reason", recalledFor, "--yes")
	c.stops(t)
	c.heals(t, "stuck")
	r := <-ended
	if r.code != 3 {
		t.Fatalf("the update ended with %s", r)
	}
	stopped := c.agentsByNode(t)
	some(t, before, stopped)
	n := len(changed(before, stopped, 1))
	counts := []string{fmt.Sprintf("0.27.3 on %d node", n), fmt.Sprintf("0.26.2 on %d node", eight-n)}
	r.says(t, "the DaemonSet controller is stopped: "+recalledWhy, "all nodes leave it with: addonctl update", "addonctl rollback", counts[0], counts[1])
	c.standsStill(t, stopped)

	status := c.must(t, "status").out
	for _, text := range []string{"RollRecalled: " + recalledWhy + "; the DaemonSet controller is stopped", counts[0], counts[1], "RecalledInstalled", "go on with: addonctl update"} {
		if !strings.Contains(status, text) {
			t.Errorf("want %q in the status:\n%s", text, status)
		}
	}
	if p := c.must(t, "plan").out; strings.Contains(p, "nodes follow by RollingUpdate") || !strings.Contains(p, recalledWhy) {
		t.Errorf("plan:\n%s", p)
	}
	c.must(t, "drift")
	generation := c.daemonSet(t).Generation
	c.want(t, 3, again...).says(t, "the DaemonSet controller is stopped: "+recalledWhy)
	c.want(t, 3, slices.Concat(again, []string{"--wait=false"})...).says(t, "the DaemonSet controller is stopped: "+recalledWhy)
	c.must(t, "drift", "--fix", "--yes")
	if now := c.daemonSet(t).Generation; now != generation {
		t.Errorf("the DaemonSet was written to by who asked again: generation %d, was %d", now, generation)
	}
	c.standsStill(t, stopped)

	c.must(t, "recall", "--undo", "Flannel", "0.27.3", "--yes")
	c.must(t, again...)
	after := c.agentsByNode(t)
	if left := eight - len(changed(before, after, 1)); left > 0 {
		t.Errorf("%d nodes do not run the release after the recall was taken off", left)
	}
	for _, node := range changed(before, stopped, 1) {
		if stopped[node][0] != after[node][0] {
			t.Errorf("%s was changed twice", node)
		}
	}
	c.strategy(t, appsv1.RollingUpdateDaemonSetStrategyType)

	c.must(t, "recall", "Flannel", "0.27.3", "--reason", recalledFor, "--yes")
	generation = c.daemonSet(t).Generation
	c.must(t, again...)
	c.strategy(t, appsv1.RollingUpdateDaemonSetStrategyType)
	if now := c.daemonSet(t).Generation; now != generation {
		t.Errorf("a recall of what every node has wrote to the DaemonSet: generation %d, was %d", now, generation)
	}
	c.must(t, "drift")
}

// A pinned cluster, whose command is killed when it is about to stop the controller: the next one does it first, and is killed right after that; what
// comes then lets nothing go. The pin holds the cluster there, half way, until its operator decides; the move away gives the nodes back to the
// controller. It would catch a stop that somebody has to remember, and a pin under which the controller goes on.
func TestARecallThatIsKilledStopsTheControllerAtTheNextLook(t *testing.T) {
	c := start(t, testkube.Options{Nodes: eight})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	before := c.agentsByNode(t)
	c.stuck(t)
	program, proxy := built(t), c.Proxy(t)
	run := func(args []string, at func(kill func()) testkube.Fault) (code int, said string) {
		ctx, kill := context.WithCancel(t.Context())
		defer kill()
		cmd := exec.CommandContext(ctx, program, append(args, "--kubeconfig", proxy.KubeconfigPath(), "--catalog", c.catalog)...)
		proxy.Plan(func(_ int, call testkube.Passed) testkube.Fault {
			if !stops(call) {
				return nil
			}
			return at(kill)
		})
		out, _ := cmd.CombinedOutput() // how it ended is read from its state
		return cmd.ProcessState.ExitCode(), string(out)
	}
	ended := make(chan string, 1)
	go func() {
		code, said := run([]string{"pin", "--version", "0.27.3", "--reason", "kernel", "--nodes", "rolling-update", "--yes"},
			func(kill func()) testkube.Fault { return testkube.Both(testkube.Before(kill), testkube.Cut) })
		ended <- fmt.Sprintf("%d\n%s", code, said)
	}()
	c.meets(t)
	c.must(t, "recall", "Flannel", "0.27.3", "--reason", recalledFor, "--yes")
	if said := <-ended; !strings.HasPrefix(said, "-1\n") {
		t.Fatalf("it was not killed: %s", said)
	}
	c.strategy(t, appsv1.RollingUpdateDaemonSetStrategyType)
	if p := read[struct{ Steps []struct{ Kind string } }](t, c.must(t, "plan", "-o", "json")); len(p.Steps) == 0 || p.Steps[0].Kind != "Halt" {
		t.Errorf("the plan is %+v", p)
	}
	if s := c.must(t, "status").out; !strings.Contains(s, "changes nodes until the next step stops it") || !strings.Contains(s, "PinRecalled") {
		t.Errorf("status:\n%s", s)
	}

	if code, said := run([]string{"update", "--yes"}, cutAfterSuccess); code != -1 {
		t.Fatalf("it was not killed: %d\n%s", code, said)
	}
	c.strategy(t, appsv1.OnDeleteDaemonSetStrategyType)
	c.heals(t, "stuck")
	stopped := c.agentsByNode(t)
	code, said := run([]string{"update", "--yes"}, func(func()) testkube.Fault { return nil })
	if code != 3 || !strings.Contains(said, "the DaemonSet controller is stopped: "+recalledWhy) || !strings.Contains(said, "addonctl pin --version") {
		t.Errorf("the next one ended with %d:\n%s", code, said)
	}
	some(t, before, stopped)
	c.standsStill(t, stopped)
	if s := c.must(t, "status").out; !strings.Contains(s, "PinRecalled: Flannel 0.27.3") || !strings.Contains(s, "the pin holds it until its operator decides") {
		t.Errorf("status of the pin:\n%s", s)
	}

	c.must(t, "unpin", "--yes")
	c.standsStill(t, stopped)
	c.must(t, "update", "--yes").says(t, "from 0.27.3 to 0.26.2")
	c.strategy(t, appsv1.RollingUpdateDaemonSetStrategyType)
	if n := c.on(t, "v0.26.2"); n != eight {
		t.Errorf("%d nodes left what was recalled, want all", n)
	}
	if got := changed(before, c.agentsByNode(t), 0); len(got) != len(changed(before, stopped, 1)) {
		t.Errorf("the agents of %v were replaced, and those of %v had to be", got, changed(before, stopped, 1))
	}
	c.must(t, "drift")
}

// A manager drives, the DaemonSet controller changes the nodes, and the hub recalls the release. The manager is killed when it is about to stop the
// controller; the one that follows does it, and says so in the record and once as an event. Killed too, it is followed by one that lets
// nothing go. When the record says to leave the release, the controller has the nodes again. It would catch a manager that only holds
// rolls of ours, and one that plans by the catalog it was built with.
func TestARecallStopsTheControllerWhereAManagerDrives(t *testing.T) {
	f := startFleet(t, map[string]testkube.Options{"east": {Nodes: eight}})
	east := f.members["east"]
	before := east.agentsByNode(t)
	proxy := east.Proxy(t)
	f.ctl(t, "cluster", "register", "east", "--kubeconfig-file", proxy.KubeconfigPath(), "--yes")
	east.stuck(t)
	m := f.manage(t, "a")
	f.wish(t, "east", func(s *v1alpha1.AddonSpec) { s.MoveTo, s.NodeUpdate = "0.27.3", "RollingUpdate" })
	east.meets(t)
	proxy.Plan(func(_ int, call testkube.Passed) testkube.Fault {
		if !stops(call) {
			return nil
		}
		return testkube.Both(testkube.Before(m.kill), testkube.Cut)
	})
	f.ctl(t, "recall", "Flannel", "0.27.3", "--reason", recalledFor, "--yes")
	select {
	case <-m.ended:
	case <-time.After(long):
		t.Fatal("the manager did not try to stop the controller")
	}
	east.strategy(t, appsv1.RollingUpdateDaemonSetStrategyType)
	proxy.Plan(nil)

	// As a rollout of the release does by then, which is no reason to leave the controller alone.
	f.wish(t, "east", func(s *v1alpha1.AddonSpec) { s.Rollout = &v1alpha1.AddonInRollout{Name: "r", Hold: v1alpha1.HoldStop} })
	m = f.manage(t, "b")
	east.stops(t)
	east.heals(t, "stuck")
	testkube.Eventually(t, long, func(ctx context.Context) error { return f.standsRecalled(ctx, "east") })
	stopped := east.agentsByNode(t)
	some(t, before, stopped)
	f.told(t, "east.flannel", "RollRecalled")
	east.standsStill(t, stopped)
	m.kill()
	m = f.manage(t, "a")
	f.reachable(t, "east", metav1.ConditionTrue)
	east.standsStill(t, stopped)
	east.standsStill(t, stopped) // and has looked several times

	f.wish(t, "east", func(s *v1alpha1.AddonSpec) { s.MoveTo, s.Rollout = "0.26.2", nil })
	f.arrives(t, "east", "0.26.2")
	east.strategy(t, appsv1.RollingUpdateDaemonSetStrategyType)

	// The negative control: without the recall the controller changes every node, and the manager lets it.
	f.ctl(t, "recall", "--undo", "Flannel", "0.27.3", "--yes")
	f.wish(t, "east", moveTo("0.27.3"))
	f.arrives(t, "east", "0.27.3")
	east.strategy(t, appsv1.RollingUpdateDaemonSetStrategyType)
}

// standsRecalled tells whether a record says that its roll was stopped, by which recall, and how many nodes run what.
func (f *fleet) standsRecalled(ctx context.Context, name string) error {
	a, err := f.addOn(ctx, name)
	if err != nil {
		return err
	}
	for _, c := range a.Status.Conditions {
		if c.Type == v1alpha1.ConditionReady && c.Reason != v1alpha1.ReasonRecalled {
			return fmt.Errorf("%s is not ready because of %s: %s", name, c.Reason, c.Message)
		}
	}
	for _, found := range a.Status.Findings {
		if found.Reason == "RollRecalled" && strings.Contains(found.Message, recalledWhy+"; the DaemonSet controller is stopped") && strings.Contains(found.Message, "0.26.2 on ") {
			if a.Status.Roll == nil || a.Status.Roll.Passed == 0 || len(a.Status.NodeVersions) != 2 {
				return fmt.Errorf("its roll is %+v, its nodes %+v", a.Status.Roll, a.Status.NodeVersions)
			}
			return nil
		}
	}
	return fmt.Errorf("no finding tells of it: %+v", a.Status.Findings)
}
