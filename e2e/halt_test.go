package e2e

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// byController lets the DaemonSet controller change six of twenty nodes at a time: it would not even slow down for the five that are bad.
var byController = []string{
	"--nodes", "rolling-update", "--set-config", `rollingUpdate={"maxUnavailable":"30%"}`, "--ready-for", "1s", "--node-timeout", "30s", "--yes",
}

// bad are the nodes on which the new release crashes.
var bad = []string{"node-03", "node-07", "node-11", "node-15", "node-19"}

// controlled is a cluster of twenty nodes that the DaemonSet controller is to change.
func controlled(t *testing.T) (c *cluster, before map[string][2]string) {
	t.Helper()
	c = start(t, testkube.Options{Nodes: 20})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	c.must(t, "unpin", "--yes")
	c.crashesOn(t, ":v0.27.3", bad...)
	return c, c.agentsByNode(t)
}

func updatedBy(more ...string) []string {
	return slices.Concat([]string{"update", "--version", "0.27.3"}, byController, more)
}

// strategy fails unless the DaemonSet controller may, or may not, replace pods.
func (c *cluster) strategy(t *testing.T, want appsv1.DaemonSetUpdateStrategyType) {
	t.Helper()
	if got := c.daemonSet(t).Spec.UpdateStrategy.Type; got != want {
		t.Errorf("the strategy is %s, want %s", got, want)
	}
}

// rests waits until the controller has done what it was about to do, and returns what the nodes run then.
func (c *cluster) rests(t *testing.T) map[string][2]string {
	t.Helper()
	var last map[string][2]string
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		time.Sleep(3 * time.Second)
		now := c.agentsByNode(t)
		same := len(now) == 20 && len(last) == 20 && len(changed(last, now, 0)) == 0
		if last = now; !same {
			return fmt.Errorf("%d nodes have an agent, and they still change", len(now))
		}
		return ctx.Err()
	})
	return last
}

// The DaemonSet controller changes the nodes and is stopped at the first bad one: it replaces no further pod, everybody is told the truth,
// the same command changes nothing while the node fails, and goes on when it does not any more. Without the halt it would change all twenty
// (the control of TestAHaltIsWhatNoOtherWayHas); with one that forgets it, the second command would.
func TestTheControllerIsStoppedAtTheFirstBadNode(t *testing.T) {
	c, before := controlled(t)
	c.want(t, 4, updatedBy("--on-failure", "hold")...).says(t, "halted at node-", "agent-", "stop the DaemonSet controller", "when node-", "is mended, go on with: addonctl update", "addonctl rollback")
	c.strategy(t, appsv1.OnDeleteDaemonSetStrategyType)
	stopped := c.rests(t)
	if got := changed(before, stopped, 1); len(got) == 20 || len(got) == 0 {
		t.Errorf("%d of 20 nodes were changed", len(got))
	} else {
		t.Logf("%d of 20 nodes were changed", len(got))
	}

	if s := c.must(t, "status").out; !strings.Contains(s, "Halted at:") || !strings.Contains(s, "no further node is changed") || strings.Contains(s, "put back") && strings.Contains(s, "Put back:") {
		t.Errorf("status:\n%s", s)
	}
	if p := c.must(t, "plan").out; strings.Contains(p, "nodes follow by RollingUpdate") || !strings.Contains(p, "halted at node-") {
		t.Errorf("plan:\n%s", p)
	}
	c.must(t, "drift")
	c.must(t, "nodes")
	c.want(t, 4, updatedBy("--on-failure", "hold")...).says(t, "halted at node-")
	c.strategy(t, appsv1.OnDeleteDaemonSetStrategyType)
	if got := changed(stopped, c.agentsByNode(t), 0); len(got) > 0 {
		t.Errorf("asked again, the agents of %v were replaced", got)
	}

	c.heals(t, "bad")
	testkube.Eventually(t, 3*soon, func(context.Context) error { // for longer than a node may take, so that its restarts are forgiven
		for _, p := range c.pods(t) {
			if ready := readySince(&p); ready.IsZero() || time.Since(ready) < 31*time.Second {
				return fmt.Errorf("%s is not Ready for long enough", p.Name)
			}
		}
		return nil
	})
	c.must(t, updatedBy()...)
	c.strategy(t, appsv1.RollingUpdateDaemonSetStrategyType)
	after := c.agentsByNode(t)
	if got := changed(before, after, 1); len(got) != 20 {
		t.Errorf("only %v run the new release", got)
	}
	for node := range stopped {
		if stopped[node][1] != before[node][1] && stopped[node][0] != after[node][0] {
			t.Errorf("%s was changed twice", node)
		}
	}
	c.must(t, "drift")
}

func readySince(p *corev1.Pod) time.Time {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			return c.LastTransitionTime.Time
		}
	}
	return time.Time{}
}

// The bad node goes back by our roll, and then all of them: the controller, let go too early, would change the nodes that passed. When all
// are back it is let go. The release is bad on the nodes that it has not come to when three have passed.
func TestNodesThatTheControllerChangedArePutBack(t *testing.T) {
	c, before := controlled(t)
	c.heals(t, "bad")
	ended := make(chan result, 1)
	go func() {
		ended <- c.runUntil(t.Context(), "update", "--version", "0.27.3", "--nodes", "rolling-update", "--set-config", `rollingUpdate={"maxUnavailable":1}`,
			"--ready-for", "1s", "--node-timeout", "15s", "--yes")
	}()
	testkube.Eventually(t, 5*soon, func(context.Context) error {
		fine := 0
		for _, p := range c.pods(t) {
			if since := readySince(&p); before[p.Spec.NodeName][1] != p.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] && !since.IsZero() && time.Since(since) > 2*time.Second {
				fine++
			}
		}
		if fine < 3 {
			return fmt.Errorf("%d nodes have passed", fine)
		}
		return nil
	})
	bad := slices.DeleteFunc(slices.Sorted(maps.Keys(before)), func(node string) bool { return c.agentsByNode(t)[node][1] != before[node][1] })
	c.crashesOn(t, ":v0.27.3", bad...)
	if r := <-ended; r.code != 4 {
		t.Fatalf("the update: %s", r)
	} else {
		r.says(t, "halted at node-", " Flannel 0.26.2 again")
	}
	c.strategy(t, appsv1.OnDeleteDaemonSetStrategyType)
	left := changed(before, c.rests(t), 1)
	for _, node := range left {
		if slices.Contains(bad, node) {
			t.Errorf("%s has the bad release still", node)
		}
	}
	if len(left) < 3 {
		t.Errorf("the new release is left on %v only", left)
	}
	c.must(t, "drift")
	c.must(t, "rollback", "--yes")
	if got := changed(before, c.agentsByNode(t), 1); len(got) > 0 {
		t.Errorf("after the rollback %v do not run the release before", got)
	}
	c.strategy(t, appsv1.RollingUpdateDaemonSetStrategyType)
	c.must(t, "drift")
}

// One who is killed when it is about to stop the controller leaves that to the next, who does it before anything else; and one who is killed
// right after leaves a halt that the next one knows of, though nobody wrote it down.
func TestAHaltThatIsKilledIsCarriedOutByTheNext(t *testing.T) {
	c, before := controlled(t)
	program, proxy := built(t), c.Proxy(t)
	run := func(at func(kill func()) testkube.Fault) (code int, said string) {
		t.Helper()
		ctx, kill := context.WithCancel(t.Context())
		defer kill()
		cmd := exec.CommandContext(ctx, program, append(updatedBy("--on-failure", "hold"), "--kubeconfig", proxy.KubeconfigPath(), "--catalog", c.catalog)...)
		proxy.Plan(func(_ int, call testkube.Passed) testkube.Fault {
			if !stops(call) {
				return nil
			}
			return at(kill)
		})
		out, _ := cmd.CombinedOutput() // how it ended is read from its state
		return cmd.ProcessState.ExitCode(), string(out)
	}

	if code, said := run(func(kill func()) testkube.Fault { return testkube.Both(testkube.Before(kill), testkube.Cut) }); code != -1 {
		t.Fatalf("it was not killed: %d\n%s", code, said)
	}
	c.strategy(t, appsv1.RollingUpdateDaemonSetStrategyType)
	// An agent that has crashed once and runs again may yet be well: until it crashes again there is nothing to say.
	testkube.Eventually(t, soon, func(context.Context) error {
		if p := read[struct{ Steps []struct{ Kind string } }](t, c.must(t, "plan", "-o", "json")); len(p.Steps) == 0 || p.Steps[0].Kind != "Halt" {
			return fmt.Errorf("the plan is %+v", p)
		}
		if s := c.must(t, "status").out; !strings.Contains(s, "goes on changing nodes until addonctl update stops it") {
			return fmt.Errorf("status:\n%s", s)
		}
		return nil
	})

	if code, said := run(cutAfterSuccess); code != -1 {
		t.Fatalf("it was not killed: %d\n%s", code, said)
	}
	for _, call := range proxy.Calls() {
		if call.Method == http.MethodPatch && strings.Contains(call.Path, "fieldManager="+kube.FieldManager+"&") && !strings.Contains(call.Path, "dryRun") {
			if !stops(call) {
				t.Errorf("what it wrote first: %s", call)
			}
			break
		}
	}
	c.strategy(t, appsv1.OnDeleteDaemonSetStrategyType)
	stopped := c.rests(t)

	code, said := run(func(func()) testkube.Fault { return nil })
	if code != 4 || !strings.Contains(said, "halted at node-") {
		t.Errorf("the next one ended with %d:\n%s", code, said)
	}
	c.strategy(t, appsv1.OnDeleteDaemonSetStrategyType)
	if got := changed(stopped, c.agentsByNode(t), 0); len(got) > 0 {
		t.Errorf("the next one replaced the agents of %v", got)
	}
	if got := changed(before, stopped, 1); len(got) == 20 {
		t.Error("every node was changed: this test shows nothing")
	}
}

// cutAfterSuccess kills when a write was carried out; the controller writes to the workload all the time, so some are conflicts.
func cutAfterSuccess(kill func()) testkube.Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			said := httptest.NewRecorder()
			next.ServeHTTP(said, r)
			if said.Code < http.StatusMultipleChoices {
				kill()
				panic(http.ErrAbortHandler)
			}
			maps.Copy(w.Header(), said.Header())
			w.WriteHeader(said.Code)
			_, _ = w.Write(said.Body.Bytes()) // who does not read it asks again
		})
	}
}

// stops tells the write that stops the controller: the only one that takes the DaemonSet by force.
func stops(c testkube.Passed) bool {
	return c.Method == http.MethodPatch && strings.Contains(c.Path, "daemonsets/kube-flannel-ds") && strings.Contains(c.Path, "force=true") && !strings.Contains(c.Path, "dryRun")
}
