package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/testkube"
)

const stamp = "addonctl-network-type"

// A cluster's network type stays what it is, whatever is patched, deleted or registered anew.
func TestTheNetworkTypeIsForLife(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 1})
	c.must(t, "cluster", "register", "--network-type", "flannel", "--yes")
	c.must(t, "cluster", "register", "--network-type", "flannel", "--yes")
	c.want(t, 3, "cluster", "register", "--network-type", "vcn-native", "--yes").
		says(t, "NetworkTypeImmutable", "FLANNEL_OVERLAY (recorded) and cannot become OCI_VCN_IP_NATIVE")
	c.must(t, "install", "--version", "0.26.2", "--yes")
	c.want(t, 3, "install", "--network-type", "vcn-native", "--yes").says(t, "NetworkTypeImmutable")

	// Plain kubectl is refused by the API server itself.
	out, err := c.Kubectl(t.Context(), "patch", "clusternetwork", "in-cluster", "--type=merge", "-p", `{"spec":{"networkType":"OCI_VCN_IP_NATIVE"}}`).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "networkType is fixed for the cluster's life") {
		t.Errorf("kubectl patch: %v\n%s", err, out)
	}
	c.withoutRecord(t)
	c.withoutStamp(t)
}

// withoutRecord deletes the record: the stamp still says what the cluster is. Without the check of the stamp the other
// type would be registered here.
func (c *cluster) withoutRecord(t *testing.T) {
	t.Helper()
	if err := c.dynamic(t).Resource(v1alpha1.ClusterNetworks).Delete(t.Context(), "in-cluster", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	c.want(t, 3, "cluster", "register", "--network-type", "vcn-native", "--yes").says(t, "NetworkTypeImmutable", "stamped on the cluster")
	c.want(t, 3, "install", "--network-type", "vcn-native", "--yes").says(t, "NetworkTypeImmutable")
	c.must(t, "cluster", "register", "--network-type", "flannel", "--yes")
	if s := c.must(t, "status").out; !strings.Contains(s, "FLANNEL_OVERLAY, for life") || !strings.Contains(s, "pinned to 0.26.2") {
		t.Errorf("status after registering again:\n%s", s)
	}
}

// withoutStamp deletes the stamp: nothing more is written until it is proven again.
func (c *cluster) withoutStamp(t *testing.T) {
	t.Helper()
	breaker := c.breaker(t)
	maps := breaker.CoreV1().ConfigMaps(system)
	if err := maps.Delete(t.Context(), stamp, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	c.want(t, 3, "pin", "--version", "0.27.3", "--reason", "x", "--yes").says(t, "NetworkTypeUnproven", "--restamp")
	if s := c.must(t, "status").out; !strings.Contains(s, "NOT PROVEN") {
		t.Errorf("status without a stamp:\n%s", s)
	}
	c.must(t, "cluster", "register", "--restamp", "--yes")
	if s := c.must(t, "status").out; !strings.Contains(s, "FLANNEL_OVERLAY, for life") {
		t.Errorf("status with a new stamp:\n%s", s)
	}
	// A stamp that was restored from another cluster proves nothing, and neither does a record alone.
	if err := maps.Delete(t.Context(), stamp, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	c.plant(t, "FLANNEL_OVERLAY", "another-cluster")
	c.want(t, 3, "pin", "--version", "0.27.3", "--reason", "x", "--yes").says(t, "NetworkTypeUnproven", "another cluster")
	if err := breaker.AppsV1().DaemonSets(system).Delete(t.Context(), "kube-flannel-ds", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	testkube.Eventually(t, soon, func(context.Context) error {
		if r := c.run(t, "cluster", "register", "--restamp", "--yes"); r.code != 3 || !strings.Contains(r.err, "nothing confirms it") {
			return fmt.Errorf("restamping without a CNI: %s", r)
		}
		return nil
	})
}

// plant writes a stamp that is not ours.
func (c *cluster) plant(t *testing.T, networkType, uid string) {
	t.Helper()
	out, err := c.Kubectl(t.Context(), "create", "configmap", stamp, "-n", system,
		"--from-literal=networkType="+networkType, "--from-literal=kubeSystemUID="+uid).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
