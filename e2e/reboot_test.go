package e2e

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/addonctl/addonctl/pkg/testkube"
)

// VCN-native before 2.3.0 is taken at a reboot: plugin pods that are Ready say nothing of it. The update ends in waiting, names the nodes
// that have not been booted since, and settles when the last one was. It would catch an update that counts Ready pods as success.
func TestARebootIsWaitedFor(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 3})
	c.must(t, "install", "--network-type", "vcn-native", "--version", "2.1.0", "--yes")
	c.must(t, "unpin", "--yes")
	r := c.want(t, 5, "update", "--version", "2.2.3", "--nodes", "roll", "--soak", "0s", "--ready-for", "1s", "--yes", "-o", "json")
	r.says(t, "waiting for reboots", "node-01, node-02, node-03")
	if got := read[act](t, r); got.Outcome != "WaitingForReboot" || got.Nodes.Ready != 3 {
		t.Errorf("%+v", got)
	}

	c.reboot(t, "node-01", "node-03")
	c.want(t, 5, "update", "--yes").says(t, "at their next boot: node-02")
	if s := c.must(t, "status"); !strings.Contains(s.out, "node-02") {
		t.Errorf("status does not name the node: %s", s)
	}

	c.reboot(t, "node-02")
	c.must(t, "update", "--yes")
	if _, err := c.Client().CoreV1().ConfigMaps(system).Get(t.Context(), "addonctl-boots-vcn-native-ip-cni", metav1.GetOptions{}); err == nil {
		t.Error("what was kept for the roll is still there")
	}
	// A node whose agent is replaced later is no new reason to wait.
	c.must(t, "update", "--yes")
}

// reboot changes the boot IDs of nodes.
func (c *cluster) reboot(t *testing.T, nodes ...string) {
	t.Helper()
	for _, n := range nodes {
		body := `{"status":{"nodeInfo":{"bootID":"second-boot-of-` + n + `"}}}`
		if _, err := c.Client().CoreV1().Nodes().Patch(t.Context(), n, types.StrategicMergePatchType, []byte(body), metav1.PatchOptions{}, "status"); err != nil {
			t.Fatal(err)
		}
	}
}
