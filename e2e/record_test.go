package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// What people do to a cluster beside addonctl, and two of them at once: nothing moves that nobody asked to move, and no
// wish is walked over.
func TestNobodysWishIsWalkedOver(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 3})
	t.Run("another CNI is seen by its installer", c.calico)
	t.Run("pod CIDRs may be given after registering", c.late)
	t.Run("a second name is no way around a pin", func(t *testing.T) {
		c.want(t, 3, "pin", "--version", "0.26.2", "--reason", "x", "--yes", "--cluster", "other").says(t, "OtherRecord", "--cluster in-cluster")
	})
	t.Run("installing again keeps the pin as it is", c.again)
	t.Run("an update mends a pinned add-on", c.mends)
	t.Run("a deleted record loses neither the type nor the pin", c.lost)
	t.Run("a pin whose record is gone is asked for", c.unwished)
	t.Run("a pin under a running update ends the update", c.superseded)
	t.Run("old pods keep their rules when the release storage is deleted", c.forgotten)
	t.Run("nothing moves by a look", func(t *testing.T) {
		c.must(t, "unpin", "--yes")
		generation := c.daemonSet(t).Generation
		c.must(t, "status")
		c.must(t, "install", "--yes")
		if now := c.daemonSet(t).Generation; now != generation {
			t.Errorf("the DaemonSet was written: generation %d, then %d", generation, now)
		}
	})
}

func (c *cluster) calico(t *testing.T) {
	labels := map[string]string{"k8s-app": "calico-node"}
	_, err := c.Client().AppsV1().DaemonSets(system).Create(t.Context(), &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "calico-node"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					InitContainers: []corev1.Container{{Name: "install-cni", Image: "quay.io/calico/cni:v3.31.5"}},
					Containers:     []corev1.Container{{Name: "calico-node", Image: "quay.io/calico/node:v3.31.5"}},
				},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c.cachedSet(t, system, "calico-node")
	c.want(t, 3, "install", "--network-type", "flannel", "--yes").says(t, "OtherCNI", "calico")
	if err := c.Client().AppsV1().DaemonSets(system).Delete(t.Context(), "calico-node", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) late(t *testing.T) {
	c.must(t, "cluster", "register", "--network-type", "flannel", "--yes")
	c.must(t, "install", "--pod-cidr", "10.240.0.0/12", "--version", "0.24.4", "--yes")
	if conf, err := c.configuration(t.Context(), &c.pods(t)[0]); err != nil || !strings.Contains(conf, "10.240.0.0/12") {
		t.Errorf("net-conf: %s (%v)", conf, err)
	}
	c.want(t, 3, "install", "--pod-cidr", "10.0.0.0/8", "--yes").says(t, "10.240.0.0/12")
}

func (c *cluster) again(t *testing.T) {
	c.must(t, "pin", "--version", "0.24.4", "--reason", "kernel bug", "--ticket", "NET-42", "--yes")
	r := read[act](t, c.must(t, "install", "--network-type", "flannel", "--version", "0.24.4", "--yes", "-o", "json"))
	if s := c.must(t, "status").out; r.Outcome != "Unchanged" || !strings.Contains(s, "kernel bug") || !strings.Contains(s, "NET-42") {
		t.Errorf("outcome %s, status:\n%s", r.Outcome, s)
	}
}

func (c *cluster) mends(t *testing.T) {
	if err := c.breaker(t).RbacV1().ClusterRoles().Delete(t.Context(), "flannel", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if s := c.must(t, "status").out; !strings.Contains(s, "ObjectsMissing") || !strings.Contains(s, "ClusterRole flannel") {
		t.Errorf("status:\n%s", s)
	}
	c.must(t, "update", "--yes")
	if !c.rules(t)["nodes"] {
		t.Error("the ClusterRole is not back")
	}
	c.want(t, 3, "update", "--yes").says(t, "Pinned", "kernel bug")
}

func (c *cluster) lost(t *testing.T) {
	if err := c.dynamic(t).Resource(v1alpha1.ClusterNetworks).Delete(t.Context(), "in-cluster", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if s := c.must(t, "status").out; !strings.Contains(s, "RecordLost") || !strings.Contains(s, "0.24.4 on 3 nodes") || !strings.Contains(s, "kernel bug") {
		t.Errorf("status:\n%s", s)
	}
	c.want(t, 3, "update", "--version", "0.26.2", "--yes").says(t, "RecordLost", "cluster register")
	c.must(t, "cluster", "register", "--network-type", "flannel", "--yes")
	c.want(t, 3, "update", "--version", "0.26.2", "--yes").says(t, "Pinned", "kernel bug")
	if conf, err := c.configuration(t.Context(), &c.pods(t)[0]); err != nil || !strings.Contains(conf, "10.240.0.0/12") {
		t.Errorf("net-conf after the record was lost: %s (%v)", conf, err)
	}
}

// unwished deletes the Addon of a pinned add-on: nothing takes it for an automatic one.
func (c *cluster) unwished(t *testing.T) {
	if err := c.dynamic(t).Resource(v1alpha1.Addons).Delete(t.Context(), "in-cluster.flannel", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	c.want(t, 3, "update", "--yes").says(t, "WishLost", "addonctl pin --version 0.24.4", "addonctl unpin")
	c.must(t, "pin", "--version", "0.24.4", "--reason", "kernel bug", "--yes")
	c.want(t, 3, "update", "--yes").says(t, "Pinned", "kernel bug")
}

// superseded starts an update that cannot finish, and pins the old version beside it.
func (c *cluster) superseded(t *testing.T) {
	c.must(t, "unpin", "--yes")
	if err := c.Play(t.Context(), sandbox.Fault{Name: "pull", Image: ":v0.26.2", Mode: sandbox.Slow, Delay: time.Hour}); err != nil {
		t.Fatal(err)
	}
	done := make(chan result)
	go func() {
		done <- c.runUntil(t.Context(), "update", "--version", "0.26.2", "--yes", "--timeout", "2m", "-o", "json")
	}()
	testkube.Eventually(t, soon, func(context.Context) error {
		if image := c.daemonSet(t).Spec.Template.Spec.Containers[0].Image; !strings.HasSuffix(image, ":v0.26.2") {
			return fmt.Errorf("the template is still of %s", image)
		}
		return nil
	})
	c.must(t, "pin", "--version", "0.24.4", "--reason", "incident", "--yes", "--timeout", "2m")
	r := <-done
	if r.code != 8 || read[act](t, r).Outcome != "Superseded" {
		t.Errorf("the update that was pinned away: %s", r)
	}
	if err := c.Heal(t.Context(), "pull"); err != nil {
		t.Fatal(err)
	}
	if s := c.must(t, "status").out; !strings.Contains(s, "0.24.4 on 3 nodes") || !strings.Contains(s, "UpToDate") {
		t.Errorf("status:\n%s", s)
	}
}

// forgotten deletes Helm's Secrets in the middle of a roll: what the old pods need is read off the cluster then.
func (c *cluster) forgotten(t *testing.T) {
	c.must(t, "unpin", "--yes")
	if err := c.Play(t.Context(), sandbox.Fault{Name: "pull", Image: ":v0.26.2", Mode: sandbox.Pending}); err != nil {
		t.Fatal(err)
	}
	c.want(t, 4, "update", "--version", "0.26.2", "--on-failure", "hold", "--yes")
	err := c.Client().CoreV1().Secrets(system).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "owner=helm"})
	if err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	c.want(t, 4, "update", "--version", "0.26.2", "--yes")
	if !c.rules(t)["clustercidrs"] {
		t.Error("the rule that the old pods need is gone")
	}
	c.heals(t, "pull")
	c.running(t, system, 3)
	c.must(t, "update", "--version", "0.26.2", "--yes", "--timeout", "2m")
	if c.rules(t)["clustercidrs"] {
		t.Error("the old release's rule is still there after the last node")
	}
}
