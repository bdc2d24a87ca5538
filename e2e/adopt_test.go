package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// upstream is flannel 0.26.2 as its makers lay it out, in a namespace.
func upstream(t *testing.T, namespace string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "pkg", "engine", "helm", "testdata", "flannel-0.26.2.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if namespace == "kube-flannel" {
		return string(text)
	}
	_, objects, _ := strings.Cut(string(text), "\n---\n") // the Namespace comes first
	return strings.ReplaceAll(objects, "namespace: kube-flannel", "namespace: "+namespace)
}

// pipe feeds a kubectl on the cluster.
func (c *cluster) pipe(t *testing.T, stdin string, args ...string) {
	t.Helper()
	cmd := c.Kubectl(t.Context(), args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// agents are the live DaemonSet and the UIDs of its pods by node.
type agents struct {
	set  *appsv1.DaemonSet
	pods map[string]string
}

func (c *cluster) agents(t *testing.T, namespace string) agents {
	t.Helper()
	a := agents{pods: map[string]string{}}
	var err error
	if a.set, err = c.Client().AppsV1().DaemonSets(namespace).Get(t.Context(), "kube-flannel-ds", metav1.GetOptions{}); err != nil {
		t.Fatal(err)
	}
	pods, err := c.Client().CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "app=flannel"})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pods.Items {
		a.pods[p.Spec.NodeName] = string(p.UID)
	}
	return a
}

// touched says what an adoption may not have touched; empty when nothing was.
func (a agents) touched(now agents) string {
	return cmp.Diff(a.set.Spec, now.set.Spec) + cmp.Diff(a.pods, now.pods) +
		cmp.Diff([]any{a.set.UID, a.set.Generation}, []any{now.set.UID, now.set.Generation})
}

// running waits until all agents are available, and the DaemonSet controller, where it changes them, is at its end.
func (c *cluster) running(t *testing.T, namespace string, nodes int) {
	t.Helper()
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		d, err := c.Client().AppsV1().DaemonSets(namespace).Get(ctx, "kube-flannel-ds", metav1.GetOptions{})
		if err != nil {
			return err
		}
		st := d.Status
		changes := d.Spec.UpdateStrategy.Type == appsv1.RollingUpdateDaemonSetStrategyType && int(st.UpdatedNumberScheduled) != nodes
		if int(st.NumberAvailable) != nodes || st.ObservedGeneration != d.Generation || changes {
			return fmt.Errorf("%d agents are available, %d are of the newest template", st.NumberAvailable, st.UpdatedNumberScheduled)
		}
		return nil
	})
}

// adoption is what the tests read of the result of `adopt`.
type adoption struct {
	AddOn, Version, Workload, Outcome string
	Revision                          int
	Pinned                            bool
	Objects                           []struct{ Object, Owner string }
	Differences                       []struct{ Object, Field string }
	Findings                          []struct{ Reason, Message string }
}

// A flannel that kubectl applied is taken over, in its makers' namespace or in OKE's: no pod restarts, no template changes, the
// history begins, and the next release goes over all nodes. A template that was touched would be seen.
func TestAdoptingRestartsNoPod(t *testing.T) {
	t.Parallel()
	for _, namespace := range []string{"kube-system", "kube-flannel"} {
		t.Run(namespace, func(t *testing.T) {
			const nodes = 3
			c := start(t, testkube.Options{Nodes: nodes})
			c.pipe(t, upstream(t, namespace), "apply", "-f", "-")
			c.running(t, namespace, nodes)
			before := c.agents(t, namespace)

			c.want(t, 2, "adopt").says(t, "found Flannel 0.26.2 as DaemonSet "+namespace+"/kube-flannel-ds", "kubectl-client-side-apply", "add --yes")
			if diff := before.touched(c.agents(t, namespace)); diff != "" {
				t.Errorf("looking touched something:\n%s", diff)
			}
			args := []string{"adopt", "--yes", "-o", "json"}
			if namespace == "kube-flannel" {
				args = append(args, "--automatic")
			}
			r := read[adoption](t, c.must(t, args...))
			if r.Outcome != "Adopted" || r.Version != "0.26.2" || r.Revision != 1 || len(r.Objects) != 5 || r.Pinned == (namespace == "kube-flannel") {
				t.Errorf("adopted: %+v", r)
			}
			if diff := before.touched(c.agents(t, namespace)); diff != "" {
				t.Errorf("adopting touched (-before +after):\n%s", diff)
			}
			c.adopted(t, args)
			c.must(t, "drift")
			if namespace == "kube-flannel" {
				c.stays(t, before)
				c.must(t, append([]string{"update", "--version", "0.27.3", "--yes"}, brisk...)...)
			} else {
				c.want(t, 3, "update", "--version", "0.27.3", "--yes").says(t, "Pinned", "adopted")
				c.must(t, append([]string{"pin", "--version", "0.27.3", "--reason", "test", "--yes"}, brisk...)...)
			}
			now := c.agents(t, namespace)
			if image := now.set.Spec.Template.Spec.Containers[0].Image; !strings.HasSuffix(image, ":v0.27.3") {
				t.Errorf("after the update the agent's image is %s", image)
			}
			for node, uid := range now.pods {
				if uid == before.pods[node] {
					t.Errorf("the pod on %s was not updated", node)
				}
			}
			// The negative control: the same look sees what an update touches.
			if before.touched(now) == "" {
				t.Error("an update is not seen as touching anything")
			}
			if d := c.must(t, "history").out; !strings.Contains(d, "0.26.2") || !strings.Contains(d, "0.27.3") {
				t.Errorf("history after the update:\n%s", d)
			}
		})
	}
}

// adopted tells that the planner has nothing to do, the history begins, and adopting again changes nothing.
func (c *cluster) adopted(t *testing.T, args []string) {
	t.Helper()
	p := read[struct {
		State string
		Steps []any
	}](t, c.must(t, "plan", "--version", "0.26.2", "-o", "json"))
	if p.State != "UpToDate" || len(p.Steps) > 0 {
		t.Errorf("plan after the adoption: %+v", p)
	}
	if h := c.must(t, "history").out; !strings.Contains(h, "0.26.2") || !strings.Contains(h, "deployed") || !strings.Contains(h, "adopted") {
		t.Errorf("history after the adoption:\n%s", h)
	}
	if again := read[adoption](t, c.must(t, args...)); again.Outcome != "Unchanged" || again.Revision != 1 {
		t.Errorf("adopting again: %+v", again)
	}
}

// stays tells that a plain update of what was adopted with the DaemonSet controller's strategy has nothing to do, touches nothing, and
// leaves no drift: the strategy comes with the first change.
func (c *cluster) stays(t *testing.T, before agents) {
	t.Helper()
	if got := read[act](t, c.must(t, "update", "--version", "0.26.2", "--yes", "-o", "json")); got.Outcome != "Unchanged" {
		t.Errorf("a plain update after the adoption: %+v", got)
	}
	c.must(t, "drift")
	now := c.agents(t, before.set.Namespace)
	if diff := before.touched(now); diff != "" || now.set.Spec.UpdateStrategy.Type != appsv1.RollingUpdateDaemonSetStrategyType {
		t.Errorf("it touched (-before +after):\n%s", diff)
	}
}

// What Helm installed under another name is taken over with a word of warning, and its release is left where it is.
func TestAdoptingFromAnotherHelmRelease(t *testing.T) {
	helmBinary(t)
	c := start(t, testkube.Options{Nodes: 2})
	// Somebody's chart that lets an uninstall delete what it brought.
	c.helmDoes(t, "install", "other", flannelChart(t, "templates/_helpers.tpl", "helm.sh/resource-policy: keep", "somebody: x"), "--set", "minReadySeconds=2")
	c.running(t, system, 2)
	before := c.agents(t, system)
	r := read[adoption](t, c.must(t, "adopt", "--network-type", "flannel", "--yes", "-o", "json"))
	if r.Outcome != "Adopted" || len(r.Objects) != 5 || len(r.Findings) == 0 || r.Findings[0].Reason != "FormerOwner" || !strings.Contains(r.Findings[0].Message, "Helm release kube-system/other") {
		t.Errorf("adopted: %+v", r)
	}
	if diff := before.touched(c.agents(t, system)); diff != "" {
		t.Errorf("adopting touched (-before +after):\n%s", diff)
	}
	if d := c.daemonSet(t); !kube.Ours(d, "Flannel", "flannel", system) {
		t.Errorf("marks: %v %v", d.Labels, d.Annotations)
	}
	if l := c.helmDoes(t, "list"); !strings.Contains(l, "flannel-0.0.0-adopted") || !strings.Contains(l, "other") {
		t.Errorf("helm list:\n%s", l)
	}
	if live, m := c.helmDoes(t, "get", "manifest", "flannel"), "kind: DaemonSet"; !strings.Contains(live, m) {
		t.Errorf("helm get manifest has no %q:\n%s", m, live)
	}
	// Whoever uninstalls the old release all the same is denied by the guard: Helm goes by its own record.
	if out, err := c.helm(t, "uninstall", "other", "--namespace", system); err == nil || !strings.Contains(err.Error(), "failed to delete release") {
		t.Errorf("helm uninstall of the old release: %s, %v", out, err)
	}
	if diff := before.touched(c.agents(t, system)); diff != "" {
		t.Errorf("helm uninstall of the old release touched (-before +after):\n%s", diff)
	}
	c.must(t, "drift")
	c.must(t, append([]string{"pin", "--version", "0.27.4", "--reason", "test", "--yes"}, brisk...)...)
}

// Two CNIs, another type than the one asked for, and nothing at all are refused, and nothing is written.
func TestWhatCannotBeAdoptedIsLeftAlone(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 1})
	c.want(t, 2, "adopt", "--yes").says(t, "--network-type")
	c.want(t, 3, "adopt", "--network-type", "flannel", "--yes").says(t, "NothingToAdopt")
	c.pipe(t, upstream(t, system), "apply", "-f", "-")
	c.want(t, 3, "adopt", "--network-type", "vcn-native", "--yes").says(t, "OtherCNI")
	const second = `{"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "cilium", "namespace": "kube-system"}, "spec": {
		"selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "x", "image": "quay.io/cilium/cilium:v1.16.0"}]}}}}`
	c.pipe(t, second, "apply", "-f", "-")
	c.want(t, 3, "adopt", "--yes").says(t, "OtherCNI", "cilium")
	if kube.Ours(c.daemonSet(t), "Flannel", "flannel", system) {
		t.Error("something was written")
	}
	if _, err := c.Client().CoreV1().ConfigMaps(system).Get(t.Context(), stamp, metav1.GetOptions{}); err == nil {
		t.Error("the cluster was stamped")
	}
	c.pipe(t, "", "delete", "daemonset", "cilium", "-n", system)
	c.eventually(t, func() error {
		if r := c.run(t, "adopt", "--yes"); r.code != 0 {
			return errors.New(r.String())
		}
		return nil
	})
}
