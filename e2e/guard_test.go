package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// tryKubectl runs the real one as the administrator, unless the arguments say otherwise.
func (c *cluster) tryKubectl(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := c.Kubectl(t.Context(), args...).CombinedOutput()
	return string(out), err
}

// breaker is a client that the guard lets through, for a test that takes away what is guarded.
func (c *cluster) breaker(t *testing.T) kubernetes.Interface {
	t.Helper()
	config := rest.AnonymousClientConfig(c.Config())
	config.BearerToken = strings.TrimSpace(c.must(t, "break-glass", "--reason", "a test", "--for", "1h", "--yes").out)
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

var deletion = []string{"delete", "ds", "kube-flannel-ds", "-n", system, "--dry-run=server"}

// A mistake is stopped, somebody who means it is not, and both leave the cluster's administrator wiser. Without the guard the
// deletion goes through, as is tried in between: a test of a guard that never denies would pass otherwise.
func TestTheGuardStopsMistakes(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 2})
	if out, err := c.tryKubectl(t, "get", "validatingadmissionpolicies", "-o", "name"); err != nil || strings.Contains(out, "addonctl") {
		t.Fatalf("there is a guard before anything was installed: %s (%v)", out, err)
	}
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	out, err := c.tryKubectl(t, deletion[:len(deletion)-1]...)
	if err == nil || !strings.Contains(out, "DaemonSet kube-system/kube-flannel-ds belongs to Flannel, the network of this cluster's pods") ||
		!strings.Contains(out, "addonctl break-glass --for 10m --reason") {
		t.Fatalf("a cluster admin may delete the CNI (%v):\n%s", err, out)
	}
	t.Run("the glass is broken", func(t *testing.T) { c.breakGlass(t) })
	t.Run("the guard is removed, and restored first", func(t *testing.T) { c.unguard(t) })
	if s := c.must(t, "status").err; strings.Contains(s, "GuardMissing") {
		t.Errorf("at the end: %s", s)
	}
}

func (c *cluster) breakGlass(t *testing.T) {
	t.Helper()
	for _, bad := range [][]string{
		{"break-glass", "--yes"},
		{"break-glass", "--reason", "r"},
		{"break-glass", "--reason", "r", "--for", "5m", "--yes"},
		{"break-glass", "--reason", "r", "--for", "2h", "--yes"},
		{"break-glass", "--reason", "a\nb", "--yes"},
	} {
		if r := c.want(t, 2, bad...); r.out != "" {
			t.Errorf("%v: %s", bad, r)
		}
	}
	if n := len(c.glasses(t)); n > 0 {
		t.Errorf("%d Events of what was refused", n)
	}
	r := c.must(t, "break-glass", "--for", "10m", "--reason", "the agents hang", "--yes").says(t, "kubectl --token=", "Event kube-system/")
	token := strings.TrimSpace(r.out)
	if out, err := c.tryKubectl(t, append([]string{"--token=" + token}, deletion...)...); err != nil {
		t.Errorf("with a break-glass token: %v\n%s", err, out)
	}
	g := read[struct {
		Token, User, Event string
		Expires            time.Time
	}](t, c.must(t, "break-glass", "--reason", "the agents hang", "--yes", "-o", "json"))
	if g.Token == "" || g.User != "system:serviceaccount:kube-system:addonctl-break-glass" || time.Until(g.Expires) > 10*time.Minute || time.Until(g.Expires) < 0 {
		t.Errorf("glass %+v", g)
	}
	events := c.glasses(t)
	if len(events) != 2 || events[1].Type != corev1.EventTypeWarning || !strings.Contains(events[1].Message, "addonctl-sandbox-admin") || !strings.Contains(events[1].Message, "the agents hang") {
		t.Errorf("events: %+v", events)
	}
}

func (c *cluster) glasses(t *testing.T) []corev1.Event {
	t.Helper()
	l, err := c.Client().CoreV1().Events(system).List(t.Context(), metav1.ListOptions{FieldSelector: "reason=BreakGlass"})
	if err != nil {
		t.Fatal(err)
	}
	return l.Items
}

// unguard removes parts of the guard: then the deletion works, and the next command restores them before anything else.
func (c *cluster) unguard(t *testing.T) {
	t.Helper()
	bindings := c.Client().AdmissionregistrationV1().ValidatingAdmissionPolicyBindings()
	for name, remove := range map[string]func() error{
		"removed": func() error {
			return bindings.Delete(t.Context(), "addonctl-guard-objects", metav1.DeleteOptions{})
		},
		"set to audit": func() error {
			_, err := bindings.Patch(t.Context(), "addonctl-guard-objects", types.MergePatchType, []byte(`{"spec":{"validationActions":["Audit"]}}`), metav1.PatchOptions{})
			return err
		},
	} {
		if err := remove(); err != nil {
			t.Fatal(err)
		}
		testkube.Eventually(t, soon, func(context.Context) error {
			if out, err := c.tryKubectl(t, deletion...); err != nil {
				return fmt.Errorf("%s, the deletion is still denied: %s", name, out)
			}
			return nil
		})
		if s := c.must(t, "status", "-o", "json").out; !strings.Contains(s, "GuardMissing") || !strings.Contains(s, "addonctl-guard-objects") {
			t.Errorf("%s: status does not say so:\n%s", name, s)
		}
		before := c.daemonSet(t)
		c.must(t, "update", "--version", "0.26.2", "--yes")
		if out, err := c.tryKubectl(t, deletion...); err == nil {
			t.Errorf("%s and restored, it does not deny: %s", name, out)
		}
		if after := c.daemonSet(t); after.Generation != before.Generation {
			t.Errorf("%s: restoring the guard changed the CNI", name)
		}
	}
}

// drain moves a node's pods away as kubectl drain does, the CNI's too; the CNI comes back, and the next update goes through.
func TestNodesDrainAndUpdateUnderTheGuard(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 2})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	if out, err := c.tryKubectl(t, "drain", "node-01", "--ignore-daemonsets", "--timeout=60s"); err != nil {
		t.Fatalf("drain: %v\n%s", err, out)
	}
	if out, err := c.tryKubectl(t, "uncordon", "node-01"); err != nil {
		t.Fatalf("uncordon: %v\n%s", err, out)
	}
	c.must(t, "pin", "--version", "0.27.3", "--reason", "a test", "--yes")
	c.must(t, "update", "--set-config", `nodeSelectors={"kubernetes.io/os":"linux"}`, "--accept", "a test", "--yes")
}

// Uninstalling takes every word that is asked for, and then all of the add-on; the type stays. Each refusal before it leaves
// everything in place.
func TestUninstallingIsSaidTwice(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 2})
	sure := []string{"uninstall", "--cluster", "in-cluster", "--i-accept-no-network"}
	c.want(t, 3, append(sure, "--confirm", "in-cluster")...).says(t, "not registered")
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	before := c.daemonSet(t)
	for _, bad := range [][]string{
		{"uninstall"},
		{"uninstall", "--i-accept-no-network", "--confirm", "in-cluster"},
		{"uninstall", "--cluster", "in-cluster", "--confirm", "in-cluster"},
		sure,
		append(sure, "--confirm", "other"),
	} {
		c.want(t, 2, bad...)
	}
	c.work(t)
	c.want(t, 3, append(sure, "--confirm", "in-cluster")...).says(t, "1 pod on 1 node: node-0", "--force")
	if after := c.daemonSet(t); after.UID != before.UID || after.DeletionTimestamp != nil {
		t.Fatal("a refusal took the CNI away")
	}
	// Killed half-way: the workload is gone, the rest is not.
	token := strings.TrimSpace(c.must(t, "break-glass", "--reason", "half an uninstall", "--yes").out)
	if out, err := c.tryKubectl(t, "--token="+token, "delete", "ds", "kube-flannel-ds", "-n", system); err != nil {
		t.Fatal(out)
	}
	r := read[struct{ Outcome, Event string }](t, c.must(t, append(sure, "--confirm", "in-cluster", "--force", "-o", "json")...).says(t, "1 pod on 1 node"))
	if r.Outcome != "Uninstalled" || r.Event == "" {
		t.Errorf("result %+v", r)
	}
	c.cleared(t)
	r = read[struct{ Outcome, Event string }](t, c.must(t, append(sure, "--confirm", "in-cluster", "-o", "json")...))
	if r.Outcome != "Unchanged" {
		t.Errorf("again: %+v", r)
	}
	c.want(t, 3, "install", "--network-type", "vcn-native", "--yes").says(t, "NetworkTypeImmutable")
	c.must(t, "install", "--network-type", "flannel", "--version", "0.27.3", "--yes")
	c.running(t, system, 2)
	if d := c.daemonSet(t); d.Status.NumberReady != 2 {
		t.Errorf("installed again: %+v", d.Status)
	}
}

// work puts a pod on a node that needs a network.
func (c *cluster) work(t *testing.T) {
	t.Helper()
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "work"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "example.com/c"}}}}
	if _, err := c.Client().CoreV1().Pods("default").Create(t.Context(), p, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	testkube.Eventually(t, soon, func(ctx context.Context) error {
		p, err := c.Client().CoreV1().Pods("default").Get(ctx, "work", metav1.GetOptions{})
		if err == nil && p.Spec.NodeName == "" {
			err = fmt.Errorf("it is on no node")
		}
		return err
	})
}

// cleared fails unless the add-on is gone, and what is for life, or somebody else's, is not.
func (c *cluster) cleared(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	for _, kind := range []string{"daemonsets", "configmaps", "serviceaccounts", "clusterroles", "clusterrolebindings"} {
		if out, err := c.tryKubectl(t, "get", kind, "-A", "-l", "addonctl.io/addon=Flannel", "-o", "name"); err != nil || strings.TrimSpace(out) != "" {
			t.Errorf("%s are left (%v): %s", kind, err, out)
		}
	}
	if _, err := c.Client().CoreV1().ConfigMaps(system).Get(ctx, "addonctl-network-type", metav1.GetOptions{}); err != nil {
		t.Errorf("the stamp: %v", err)
	}
	if _, err := c.dynamic(t).Resource(v1alpha1.ClusterNetworks).Get(ctx, "in-cluster", metav1.GetOptions{}); err != nil {
		t.Errorf("the record of the cluster: %v", err)
	}
	if _, err := c.dynamic(t).Resource(v1alpha1.Addons).Get(ctx, "in-cluster.flannel", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the record of the add-on: %v", err)
	}
	secrets, err := c.Client().CoreV1().Secrets(system).List(ctx, metav1.ListOptions{LabelSelector: "owner=helm,name=flannel"})
	if err != nil || len(secrets.Items) > 0 {
		t.Errorf("%d release Secrets are left (%v)", len(secrets.Items), err)
	}
	if err := c.Client().CoreV1().ConfigMaps(system).Delete(ctx, "addonctl-network-type", metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}}); !apierrors.IsForbidden(err) {
		t.Errorf("the stamp is not guarded any more: %v", err)
	}
}

// Calico beside the CNI goes first, wholly but for its definitions, and the CNI stays guarded all the while.
func TestAnAddOnBesideTheCNIIsUninstalledFirst(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 1})
	sure := []string{"uninstall", "--cluster", "in-cluster", "--i-accept-no-network", "--confirm", "in-cluster"}
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	c.must(t, "install", "--addon", "Calico", "--version", "3.30.3", "--accept", "a test", "--yes")
	c.want(t, 3, sure...).says(t, "Calico stands beside Flannel, and goes first", "--addon Calico")
	before := c.daemonSet(t)
	c.must(t, slices.Concat(sure, []string{"--addon", "Calico"})...)
	for _, kind := range []string{"ds", "deploy", "pdb", "svc", "cm", "sa", "clusterroles", "clusterrolebindings"} {
		if out, err := c.tryKubectl(t, "get", kind, "-A", "-l", "addonctl.io/addon=Calico", "-o", "name"); err != nil || strings.TrimSpace(out) != "" {
			t.Errorf("%s are left (%v): %s", kind, err, out)
		}
	}
	if out, err := c.tryKubectl(t, "get", "crd", "-l", "addonctl.io/addon=Calico", "-o", "name"); err != nil || !strings.Contains(out, "ippools") {
		t.Errorf("the definitions went too (%v): %s", err, out)
	}
	if after := c.daemonSet(t); after.UID != before.UID || after.Generation != before.Generation {
		t.Error("flannel was touched")
	}
	if out, err := c.tryKubectl(t, deletion...); err == nil {
		t.Errorf("flannel is not guarded any more: %s", out)
	}
}

// The namespace that an adopted CNI lives in is nobody's to delete: it would be Terminating for ever, without the release's record
// and without a pod that ends there. Without the guard the deletion is taken, as is tried at the end; and an uninstall gives the
// namespace back.
func TestTheNamespaceOfAnAdoptedCNIIsKept(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 1})
	const namespace = "kube-flannel"
	c.pipe(t, upstream(t, namespace), "apply", "-f", "-")
	c.running(t, namespace, 1)
	dry := []string{"delete", "namespace", namespace, "--dry-run=server"}
	if out, err := c.tryKubectl(t, dry...); err != nil {
		t.Fatalf("before it was adopted: %v\n%s", err, out)
	}
	c.must(t, "adopt", "--yes")
	out, err := c.tryKubectl(t, "delete", "namespace", namespace, "--wait=false")
	if err == nil || !strings.Contains(out, "Namespace kube-flannel belongs to Flannel") || !strings.Contains(out, "addonctl break-glass") {
		t.Fatalf("a cluster admin may delete the CNI's namespace (%v):\n%s", err, out)
	}
	if out, err := c.tryKubectl(t, "label", "namespace", namespace, "addonctl.io/addon-"); err == nil {
		t.Errorf("the label may be taken off:\n%s", out)
	}
	if out, err := c.tryKubectl(t, "label", "namespace", namespace, "mine=x"); err != nil {
		t.Errorf("the namespace may not be edited: %v\n%s", err, out)
	}
	c.must(t, append([]string{"pin", "--version", "0.27.3", "--reason", "a test", "--yes"}, brisk...)...)
	// The negative control.
	c.unbind(t)
	testkube.Eventually(t, soon, func(context.Context) error {
		if out, err := c.tryKubectl(t, dry...); err != nil {
			return fmt.Errorf("without the guard: %s", out)
		}
		return nil
	})
	c.must(t, "update", "--version", "0.27.3", "--yes")
	c.must(t, "uninstall", "--cluster", "in-cluster", "--i-accept-no-network", "--confirm", "in-cluster", "--force")
	if out, err := c.tryKubectl(t, dry...); err != nil {
		t.Errorf("after the uninstall: %v\n%s", err, out)
	}
}
