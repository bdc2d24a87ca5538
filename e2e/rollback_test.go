package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// stalls keeps agents of a release that are made from now on from getting their image.
func (c *cluster) stalls(t *testing.T, name, v string) {
	t.Helper()
	if err := c.Play(t.Context(), sandbox.Fault{Name: name, Image: ":v" + v, Mode: sandbox.Pending}); err != nil {
		t.Fatal(err)
	}
}

// kinds of flannel's objects.
var kinds = []schema.GroupVersionResource{
	{Group: "apps", Version: "v1", Resource: "daemonsets"},
	{Version: "v1", Resource: "configmaps"},
	{Version: "v1", Resource: "serviceaccounts"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"},
}

// objects are flannel's objects by kind and name, without what no release has: who wrote them, when and how often, and their status.
func (c *cluster) objects(t *testing.T) map[string]map[string]any {
	t.Helper()
	out := map[string]map[string]any{}
	for _, kind := range kinds {
		l, err := c.dynamic(t).Resource(kind).List(t.Context(), metav1.ListOptions{LabelSelector: "addonctl.io/addon=Flannel"})
		if err != nil {
			t.Fatal(err)
		}
		for i := range l.Items {
			o := l.Items[i]
			for _, field := range []string{"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid"} {
				unstructured.RemoveNestedField(o.Object, "metadata", field)
			}
			for _, mark := range []string{"addonctl.io/revision", "addonctl.io/epoch", "deprecated.daemonset.template.generation"} {
				unstructured.RemoveNestedField(o.Object, "metadata", "annotations", mark)
			}
			delete(o.Object, "status")
			out[o.GetKind()+" "+o.GetName()] = o.Object
		}
	}
	return out
}

// back fails unless flannel's objects are what they were and every pod runs a version.
func (c *cluster) back(t *testing.T, before map[string]map[string]any, v string) {
	t.Helper()
	if diff := cmp.Diff(before, c.objects(t)); diff != "" {
		t.Errorf("the cluster is not as it was (-before +after):\n%s", diff)
	}
	for _, p := range c.pods(t) {
		if !strings.HasSuffix(p.Spec.Containers[0].Image, ":v"+v) {
			t.Errorf("%s runs %s", p.Name, p.Spec.Containers[0].Image)
		}
	}
}

// recorded is the Addon that is recorded.
func (c *cluster) recorded(t *testing.T) v1alpha1.Addon {
	t.Helper()
	u, err := c.dynamic(t).Resource(v1alpha1.Addons).Get(t.Context(), "in-cluster.flannel", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var a v1alpha1.Addon
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// plays lets the agents of a release crash, until "bad" is healed.
func (c *cluster) plays(t *testing.T, v string) {
	t.Helper()
	if err := c.Play(t.Context(), sandbox.Fault{Name: "bad", Image: ":v" + v, Mode: sandbox.Crash}); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) heals(t *testing.T, name string) {
	t.Helper()
	if err := c.Heal(t.Context(), name); err != nil {
		t.Fatal(err)
	}
}

// An update to a release whose agent never gets Ready goes back by itself when that was asked for, and not otherwise. The release is
// held until somebody says retry.
func TestAFailedUpdateGoesBackByItself(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 3})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--set-config", resourcesKey+"="+resources, "--yes")
	c.must(t, "unpin", "--yes")
	before := c.objects(t)
	c.plays(t, "0.27.3")

	t.Run("held, it stays", func(t *testing.T) {
		// The negative control: without the policy everything is left for somebody to look at.
		c.want(t, 4, "update", "--version", "0.27.3", "--on-failure", "hold", "--yes").says(t, "halted at node-01", "the way back, to 0.26.2, is: addonctl rollback")
		if diff := cmp.Diff(before, c.objects(t)); diff == "" {
			t.Error("it is as it was")
		}
		c.must(t, "rollback", "--reason", "it crashes", "--timeout", "2m", "--yes").says(t, "NotRolledBack", "do not choose 0.27.3 again")
		c.back(t, before, "0.26.2")
		c.must(t, "retry", "--yes")
	})
	t.Run("reverted, it is as it was", func(t *testing.T) {
		r := c.want(t, 6, "update", "--on-failure", "revert-all", "--set-config", resourcesKey+"="+resources, "--version", "0.27.3", "--yes", "-o", "json").
			says(t, "rolled back: halted at node-01: gate agent-", "0.27.3 is held", "addonctl retry")
		if got := read[act](t, r); got.Outcome != "RolledBack" || got.Version != "0.26.2" || got.Pinned || got.Nodes.Ready != 3 {
			t.Errorf("the result: %s", r)
		}
		c.back(t, before, "0.26.2")
		a := c.recorded(t)
		if a.Spec.MoveTo != "" || a.Spec.Version != "" || a.Spec.Rollback != nil || len(a.Spec.Configurations) != 1 {
			t.Errorf("recorded is %+v", a.Spec)
		}
		if h := a.Status.Held; len(h) != 1 || h[0].Version != "0.27.3" || !strings.Contains(h[0].Reason, "node-0") || h[0].At.IsZero() {
			t.Errorf("held is %+v", h)
		}
	})
	t.Run("it is not chosen again until retry", c.holds)
	t.Run("so it is when an agent hangs and is in no trouble", func(t *testing.T) {
		c.hangs(t, before, "--node-timeout", "30s")
		c.plays(t, "0.27.3")
	})
	t.Run("a way back that was interrupted goes on", func(t *testing.T) { c.goesOn(t, before) })
	t.Run("a way back that fails too says what is not back", c.failsTwice)
}

// hangs plays an agent that starts and never gets Ready: no crash, no image that is missing, nothing that counts as trouble. The update
// ends when its time is up: that of the node, or under the DaemonSet controller that of the command.
func (c *cluster) hangs(t *testing.T, before map[string]map[string]any, patience ...string) {
	t.Helper()
	c.heals(t, "bad")
	if err := c.Play(t.Context(), sandbox.Fault{Name: "hung", Image: ":v0.27.3", Mode: sandbox.Slow, Delay: time.Hour}); err != nil {
		t.Fatal(err)
	}
	c.want(t, 6, append([]string{"update", "--version", "0.27.3", "--on-failure", "revert-all", "--yes"}, patience...)...).says(t, "rolled back", "0.27.3 is held")
	c.back(t, before, "0.26.2")
	c.heals(t, "hung")
	c.must(t, "retry", "--yes")
}

// holds looks whether automatic mode leaves out the held release.
func (c *cluster) holds(t *testing.T) {
	if s := c.must(t, "status").out; !strings.Contains(s, "Held:") || !strings.Contains(s, "0.27.3 (held since") {
		t.Errorf("status:\n%s", s)
	}
	if got := read[act](t, c.must(t, "update", "--yes", "-o", "json")); got.Outcome != "Unchanged" || got.Version != "0.26.2" {
		t.Errorf("update takes the held release: %+v", got)
	}
	c.want(t, 2, "retry").says(t, "automatic updates may choose Flannel 0.27.3 again", "--yes")
	c.must(t, "retry", "--version", "0.24.4", "--yes").says(t, "nothing is held")
	if r := c.must(t, "retry", "--version", "v0.27.3", "--yes"); !strings.Contains(r.out, "0.27.3") {
		t.Errorf("retry: %s", r)
	}
	c.must(t, "retry", "--yes").says(t, "nothing is held")
	if s := c.must(t, "status").out; strings.Contains(s, "Held:") || !strings.Contains(s, "0.27.3 is the newest that fits") {
		t.Errorf("status after retry:\n%s", s)
	}
}

// goesOn interrupts a way back as soon as its first object shows, and runs the very command again that had failed.
func (c *cluster) goesOn(t *testing.T, before map[string]map[string]any) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan result, 1)
	args := []string{"update", "--version", "0.27.3", "--node-timeout", "2m", "--yes"} // the policy is recorded
	go func() { ended <- c.runUntil(ctx, args...) }()
	testkube.Eventually(t, 3*soon, func(context.Context) error {
		if a := c.recorded(t); a.Spec.Rollback == nil {
			return fmt.Errorf("recorded is %+v", a.Spec)
		}
		return nil
	})
	cancel()
	if r := <-ended; r.code != 130 {
		t.Errorf("interrupted: %s", r)
	} else {
		r.says(t, "interrupted on the way back to 0.26.2", "go on going back with: addonctl update", "--version=0.27.3")
	}
	if a := c.recorded(t); a.Spec.Rollback == nil || a.Spec.MoveTo != "0.26.2" {
		t.Errorf("recorded is %+v", a.Spec)
	}
	c.want(t, 6, args...).says(t, "BackFirst", "rolled back")
	c.back(t, before, "0.26.2")
	if h := c.recorded(t).Status.Held; len(h) != 1 {
		t.Errorf("held is %+v", h)
	}
}

// failsTwice breaks the release that is gone back to as well.
func (c *cluster) failsTwice(t *testing.T) {
	c.must(t, "retry", "--yes")
	c.heals(t, "bad")
	c.must(t, "update", "--timeout", "2m", "--yes")
	c.stalls(t, "old", "0.26.2")
	c.want(t, 4, "rollback", "--yes").says(t, "halted at node-0") // a rollback is never turned round by itself
	if a := c.recorded(t); a.Spec.Rollback == nil || a.Spec.MoveTo != "0.26.2" {
		t.Errorf("recorded is %+v", a.Spec)
	}
	c.heals(t, "old")
	c.running(t, system, 3)
	c.must(t, "rollback", "--timeout", "2m", "--yes")
	c.must(t, "retry", "--yes")
	c.plays(t, "0.27.3")
	c.stalls(t, "old", "0.26.2") // agents that run already go on
	c.want(t, 4, "update", "--yes").says(t, "the way back failed too: the nodes that are left", "node-01", "go on going back with")
	c.heals(t, "old")
	c.running(t, system, 3)
	c.want(t, 6, "update", "--timeout", "2m", "--yes").says(t, "rolled back")
}

// A rollback brings back release and settings, moves a pin, and is refused where there is nothing to go back to.
func TestARollbackBringsBackReleaseAndSettings(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 2})
	c.plays(t, "0.26.2")
	c.want(t, 4, "install", "--network-type", "flannel", "--version", "0.26.2", "--on-failure", "revert-all", "--timeout", "45s", "--yes").
		says(t, "an installation has nothing to go back to", "a CNI is never removed")
	c.heals(t, "bad")
	c.running(t, system, 2)
	c.must(t, "install", "--timeout", "2m", "--yes")
	c.want(t, 3, "rollback", "--yes").says(t, "NothingToGoBackTo")
	first := c.objects(t)
	c.must(t, "pin", "--version", "0.27.3", "--reason", "newer", "--set-config", resourcesKey+"="+resources, "--timeout", "2m", "--yes")
	second := c.objects(t)
	c.want(t, 3, "rollback", "--to", "9", "--yes").says(t, "NoSuchRevision", "recorded are: 1, 2")
	c.want(t, 2, "rollback", "--to", "0", "--yes").says(t, "--to 0")

	c.must(t, "rollback", "--timeout", "2m", "--yes").says(t, "SettingsChanged", "pinned (rollback to revision 1)", "NotRolledBack")
	c.back(t, first, "0.26.2")
	a := c.recorded(t)
	if a.Spec.Version != "0.26.2" || a.Spec.Pin.Reason != "rollback to revision 1" || a.Spec.Pin.By == "" || len(a.Spec.Configurations) != 0 || a.Spec.Rollback != nil {
		t.Errorf("recorded is %+v with pin %+v", a.Spec, a.Spec.Pin)
	}
	if got := read[act](t, c.must(t, "rollback", "--to", "1", "--yes", "-o", "json")); got.Outcome != "Unchanged" {
		t.Errorf("going back to what is there: %+v", got)
	}
	c.want(t, 3, "rollback", "--yes").says(t, "NothingToGoBackTo") // and not forwards again
	c.must(t, "rollback", "--to", "2", "--timeout", "2m", "--yes").says(t, "HeldRelease")
	c.back(t, second, "0.27.3")
	if a := c.recorded(t); len(a.Spec.Configurations) != 1 || a.Spec.Version != "0.27.3" {
		t.Errorf("recorded is %+v", a.Spec)
	}

	// A pin that fails stays as its operator said it last, and the cluster goes back.
	c.must(t, "pin", "--version", "0.26.2", "--reason", "older", "--ticket", "NET-7", "--timeout", "2m", "--yes")
	c.plays(t, "0.27.3")
	c.want(t, 6, "pin", "--version", "0.27.3", "--reason", "again", "--on-failure", "revert-all", "--timeout", "2m", "--yes").
		says(t, "rolled back", "the pin to 0.27.3 stays as it is", "addonctl retry --version 0.27.3")
	a = c.recorded(t)
	if a.Spec.Version != "0.27.3" || a.Spec.Pin.Reason != "again" || a.Spec.Pin.At == nil || a.Spec.Rollback != nil || a.Status.CurrentInstalledVersion != "0.26.2" {
		t.Errorf("recorded is %+v with pin %+v, installed %s", a.Spec, a.Spec.Pin, a.Status.CurrentInstalledVersion)
	}
	c.want(t, 3, "update", "--yes").says(t, "PinFailed")
	c.heals(t, "bad")
	c.must(t, "retry", "--yes").says(t, "may be tried again")
	c.must(t, "update", "--timeout", "2m", "--yes")
	if now := c.recorded(t); now.Status.CurrentInstalledVersion != "0.27.3" || cmp.Diff(a.Spec.Pin, now.Spec.Pin) != "" {
		t.Errorf("after retry, recorded is %+v with pin %+v", now.Spec, now.Spec.Pin)
	}
}

// The revision that an adoption records is as good to go back to as any other, by itself and by hand, though it tolerates less than the
// chart's releases. It would catch a way back that is refused for what an update added, and leaves the cluster half way.
func TestTheWayBackToWhatWasAdopted(t *testing.T) {
	const nodes = 3
	c := start(t, testkube.Options{Nodes: nodes})
	c.pipe(t, upstream(t, system), "apply", "-f", "-")
	c.running(t, system, nodes)
	c.must(t, "adopt", "--network-type", "flannel", "--automatic", "--yes")
	before := c.objects(t)

	// Left to the DaemonSet controller, it is stopped at the first node that fails.
	c.plays(t, "0.27.3")
	c.want(t, 6, "update", "--version", "0.27.3", "--nodes", "rolling-update", "--on-failure", "revert-all", "--timeout", "2m", "--yes").
		says(t, "rolled back: halted at node-0", "stop the DaemonSet controller", "0.27.3 is held")
	c.back(t, before, "0.26.2")

	c.must(t, "retry", "--yes")
	c.hangs(t, before, "--timeout", "60s") // half of it is what an agent has to hang for, and a look comes every 5 s
	c.must(t, append([]string{"update", "--version", "0.27.3", "--nodes", "roll", "--timeout", "2m", "--yes"}, brisk...)...)
	if cmp.Diff(before, c.objects(t)) == "" {
		t.Error("the update changed nothing")
	}
	// The negative control: the same release by an update is a move like any other, and is judged.
	c.want(t, 3, "update", "--version", "0.26.2", "--yes").says(t, "NodesLose", "--accept")
	c.must(t, "rollback", "--to", "1", "--nodes", "rolling-update", "--timeout", "2m", "--yes").says(t, "NodesLose", "the way back to revision 1")
	c.back(t, before, "0.26.2")
}
