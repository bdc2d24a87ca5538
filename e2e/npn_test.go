package e2e

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
)

const (
	npnFails  = "addonctl.io/sandbox-npn=BACKOFF/FailedToCreatePrivateIP"
	npnHeals  = "addonctl.io/sandbox-npn-"
	npnFine   = "SUCCESS COMPLETED"
	npnFailed = "BACKOFF FailedToCreatePrivateIP"
)

// annotate says what a node's NativePodNetwork is to say, as a user of a sandbox would.
func (c *vcnCluster) annotate(t *testing.T, node, text string) {
	t.Helper()
	if out, err := c.tryKubectl(t, "annotate", "node", node, "--overwrite", text); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// npnSays is the state and reason of each NativePodNetwork by its node.
func (c *vcnCluster) npnSays(ctx context.Context, t *testing.T) (map[string]string, error) {
	t.Helper()
	list, err := c.dynamic(t).Resource(nativePodNetworkResource).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, o := range list.Items {
		state, _, _ := unstructured.NestedString(o.Object, "status", "state")
		reason, _, _ := unstructured.NestedString(o.Object, "status", "reason")
		for _, owner := range o.GetOwnerReferences() {
			if strings.ReplaceAll("sandbox"+owner.Name, "-", "") == o.GetName() && owner.Kind == "Node" {
				out[owner.Name] = state + " " + reason
			}
		}
	}
	return out, nil
}

// npnsAre waits until just these nodes have a NativePodNetwork, and it says that.
func (c *vcnCluster) npnsAre(t *testing.T, want map[string]string) {
	t.Helper()
	c.await(t, func(ctx context.Context) error {
		got, err := c.npnSays(ctx, t)
		if err == nil && !maps.Equal(got, want) {
			err = fmt.Errorf("NativePodNetworks say %v, want %v", got, want)
		}
		return err
	})
}

// allFine are the NativePodNetworks of nodes that have their addresses.
func allFine(nodes ...string) map[string]string {
	out := map[string]string{}
	for _, n := range nodes {
		out[n] = npnFine
	}
	return out
}

// What stands in for Oracle's controller does what is known of that one, whatever is taken away from it: it would catch a stand-in by whose
// silence the gates of a roll are tested against nothing.
func TestASandboxHasNativePodNetworks(t *testing.T) {
	c := &vcnCluster{cluster: start(t, testkube.Options{Nodes: 2})}
	other := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "virtual"}, Spec: corev1.NodeSpec{ProviderID: "ocid1.virtualnode.oc1..virtual"}}
	if _, err := c.Client().CoreV1().Nodes().Create(t.Context(), other, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	c.install(t)
	c.npnsAre(t, allFine("node-01", "node-02"))
	npns := c.dynamic(t).Resource(nativePodNetworkResource)
	uid := func(name string) string {
		o, err := npns.Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return string(o.GetUID())
	}
	for _, step := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"one that is told to fail fails, and heals", func(t *testing.T) {
			t.Helper()
			c.annotate(t, "node-02", npnFails)
			c.npnsAre(t, map[string]string{"node-01": npnFine, "node-02": npnFailed})
			c.annotate(t, "node-02", npnHeals)
			c.npnsAre(t, allFine("node-01", "node-02"))
		}},
		{"what there is is taken as it is by one that starts again", func(t *testing.T) {
			t.Helper()
			before := uid("sandboxnode01")
			if err := c.Kill(t.Context(), sandbox.NPNController); err != nil {
				t.Fatal(err)
			}
			c.annotate(t, "node-02", npnFails)
			if err := c.Start(t.Context(), sandbox.NPNController); err != nil {
				t.Fatal(err)
			}
			c.npnsAre(t, map[string]string{"node-01": npnFine, "node-02": npnFailed})
			c.annotate(t, "node-02", npnHeals)
			if after := uid("sandboxnode01"); after != before {
				t.Errorf("it was made anew: %s after %s", after, before)
			}
		}},
		{"a node joins after the API server was away", func(t *testing.T) {
			t.Helper()
			if err := c.Restart(t.Context(), sandbox.APIServer); err != nil {
				t.Fatal(err)
			}
			if err := c.AddNodes(t.Context(), sandbox.Pool{Name: sandbox.DefaultPool, Count: 1}); err != nil {
				t.Fatal(err)
			}
			c.npnsAre(t, allFine("node-01", "node-02", "node-03"))
		}},
		{"one goes with its node", func(t *testing.T) {
			t.Helper()
			if err := c.Client().CoreV1().Nodes().Delete(t.Context(), "node-03", metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			c.npnsAre(t, allFine("node-01", "node-02"))
		}},
		{"all come back with their definition", func(t *testing.T) {
			t.Helper()
			before := uid("sandboxnode01")
			if out, err := c.tryKubectl(t, "delete", "crd", "nativepodnetworks.oci.oraclecloud.com"); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, o := range c.objects {
				if o.GetKind() == "CustomResourceDefinition" {
					c.apply(t, o)
				}
			}
			c.npnsAre(t, allFine("node-01", "node-02"))
			if uid("sandboxnode01") == before {
				t.Error("the definition was never away, and this shows nothing")
			}
		}},
	} {
		if !t.Run(step.name, step.run) {
			return // later steps stand on it
		}
	}
}
