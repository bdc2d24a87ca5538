package e2e

import (
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/addonctl/addonctl/pkg/testkube"
)

// A takeover whose fence fails half-way keeps the Lease: the next command must fence as well, for the actor before may still wake up.
// It would catch a Lease that is handed back as if nobody had to be shut out.
func TestAFenceThatFailedIsNotForgotten(t *testing.T) {
	c := start(t, testkube.Options{Nodes: 1})
	c.must(t, "install", "--network-type", "flannel", "--version", "0.26.2", "--yes")
	before := c.epoch(t)

	// An actor that did not leave: a process of another machine, whose time is up.
	gone := []byte(`{"spec":{"holderIdentity":"process 1 on elsewhere","renewTime":"2020-01-01T00:00:00.000000Z"}}`)
	leases := c.Client().CoordinationV1().Leases(system)
	if _, err := leases.Patch(t.Context(), "addonctl", types.MergePatchType, gone, metav1.PatchOptions{FieldManager: "addonctl"}); err != nil {
		t.Fatal(err)
	}
	broken := *c
	p := c.Proxy(t)
	broken.kubeconfig = p.KubeconfigPath()
	failed := 0
	p.Plan(func(_ int, call testkube.Passed) testkube.Fault {
		if call.Method == http.MethodPatch && strings.Contains(call.Path, "fieldManager=addonctl-fence") && strings.Contains(call.Path, "/daemonsets/") {
			failed++
			return testkube.Instead(http.StatusForbidden, metav1.StatusReasonForbidden, 0)
		}
		return nil
	})
	broken.want(t, 1, "pin", "--version", "0.27.3", "--reason", "x", "--yes").says(t, "fencing add-on Flannel")
	if failed == 0 {
		t.Fatal("nothing was fenced")
	}
	l, err := leases.Get(t.Context(), "addonctl", metav1.GetOptions{})
	if err != nil || l.Spec.HolderIdentity == nil || *l.Spec.HolderIdentity == "" {
		t.Fatalf("the Lease was handed back: %+v, %v", l, err)
	}
	if now := c.epoch(t); now != before {
		t.Errorf("the DaemonSet has epoch %q, want what it had, %q", now, before)
	}
	// The process that failed has not ended: it is this one. Its Lease runs out, and then the next one fences.
	c.must(t, "pin", "--version", "0.27.3", "--reason", "x", "--yes")
	if now := c.epoch(t); now == before || now == "" {
		t.Errorf("the DaemonSet has epoch %q after a takeover, and had %q before", now, before)
	}
}

// epoch is the mark of the fence on the DaemonSet.
func (c *cluster) epoch(t *testing.T) string {
	t.Helper()
	return c.daemonSet(t).Annotations["addonctl.io/epoch"]
}
