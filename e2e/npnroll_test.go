package e2e

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/addonctl/addonctl/pkg/sandbox"
	"github.com/addonctl/addonctl/pkg/testkube"
)

const npnBad = "its NativePodNetwork is BACKOFF (FailedToCreatePrivateIP)"

// A node whose NativePodNetwork goes to BACKOFF after its agent was changed halts the roll there when its time is up, though its agent is
// Ready, and goes back. Without the gate the roll goes on over all nodes, each of which may lose the addresses of its pods.
func TestANativePodNetworkThatFailsHaltsTheRoll(t *testing.T) {
	c := &vcnRolled{vcnCluster: &vcnCluster{cluster: start(t, testkube.Options{Nodes: 3})}}
	c.must(t, "install", "--network-type", "vcn-native", "--version", "2.3.0", "--yes")
	c.must(t, "unpin", "--yes")
	c.npnsAre(t, allFine(c.order(t)...))
	pods, order := c.pluginPods(t), c.order(t)
	slow := sandbox.Fault{Name: "slow", Image: ":v3.3.0", Nodes: order[1:2], Mode: sandbox.Slow, Delay: 15 * time.Second}
	if err := c.Play(t.Context(), slow); err != nil { // so that there is time between its change and its gates
		t.Fatal(err)
	}
	done := make(chan result)
	go func() { done <- c.run(t, append(slices.Clone(vcnRoll), "--node-timeout", "40s")...) }()
	c.await(t, func(context.Context) error {
		if now := c.pluginPods(t)[order[1]]; now[0] == "" || now == pods[order[1]] {
			return errors.New("it is not changed yet")
		}
		return nil
	})
	c.annotate(t, order[1], npnFails)
	r := <-done
	if r.code != 4 {
		t.Fatalf("want exit 4, got %s", r)
	}
	r.says(t, "halted at "+order[1]+": gate native-pod-network: "+npnBad, order[1]+" runs OciVcnIpNative 2.3.0 again", "1 node keeps 3.3.0")
	after := c.pluginPods(t)
	if got := changed(pods, after, 0); !slices.Equal(got, sorted(order[:2])) {
		t.Errorf("the pods of %v were made anew, want those of the first two nodes, %v", got, order[:2])
	}
	if got := changed(pods, after, 1); !slices.Equal(got, order[:1]) {
		t.Errorf("%v run the new release, want the first node, %s", got, order[0])
	}
}

// Nodes whose NativePodNetwork nobody may see, is gone, or failed before are not touched, and whoever rolls is told why. Without that rule
// a node that gets no addresses is changed, halts the roll, and the release is blamed; and without data all nodes are changed.
func TestANodeWithoutItsNativePodNetworkIsNotTouched(t *testing.T) {
	c := &withoutNPN{vcnRolled: &vcnRolled{vcnCluster: &vcnCluster{cluster: start(t, testkube.Options{Nodes: 3})}}}
	c.must(t, "install", "--network-type", "vcn-native", "--version", "2.3.0", "--yes")
	c.must(t, "unpin", "--yes")
	c.nodes = c.order(t)
	c.npnsAre(t, allFine(c.nodes...))
	c.pods = c.pluginPods(t)
	for _, step := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"nobody may see them", c.unseen},
		{"there are none", c.none},
		{"one failed before", c.failedBefore},
		{"it is mended", c.mended},
	} {
		if !t.Run(step.name, step.run) {
			return // later steps stand on it
		}
	}
}

// withoutNPN is a cluster on which a roll begins.
type withoutNPN struct {
	*vcnRolled
	nodes []string
	pods  map[string][2]string
}

// touched fails unless the pods of just these nodes are others than before.
func (c *withoutNPN) touched(t *testing.T, nodes ...string) {
	t.Helper()
	if got := changed(c.pods, c.pluginPods(t), 0); !slices.Equal(got, sorted(nodes)) {
		t.Errorf("the pods of %v were made anew, want %v", got, nodes)
	}
}

func (c *withoutNPN) unseen(t *testing.T) {
	t.Helper()
	blind := *c.cluster
	rules := slices.DeleteFunc(documented(t)[0], func(r rbacv1.PolicyRule) bool { return slices.Contains(r.Resources, "nativepodnetworks") })
	_, blind.kubeconfig = c.User(t, "blind", rules...)
	const why = "no right to list nativepodnetworks.oci.oraclecloud.com"
	blind.want(t, 5, vcnRoll...).says(t, "on 0 of 3 nodes", "its NativePodNetwork is not known ("+why+")")
	blind.must(t, "status")
	if n := blind.must(t, "nodes", "-o", "wide"); strings.Count(n.out, why) != 3 {
		t.Error(n)
	}
	c.touched(t)
}

func (c *withoutNPN) none(t *testing.T) {
	t.Helper()
	if err := c.Kill(t.Context(), sandbox.NPNController); err != nil {
		t.Fatal(err)
	}
	if out, err := c.tryKubectl(t, "delete", "npn", "--all"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c.want(t, 5, vcnRoll...).says(t, "on 0 of 3 nodes", "it has no NativePodNetwork")
	c.touched(t)
}

func (c *withoutNPN) failedBefore(t *testing.T) {
	t.Helper()
	c.annotate(t, c.nodes[1], npnFails)
	if err := c.Start(t.Context(), sandbox.NPNController); err != nil {
		t.Fatal(err)
	}
	want := allFine(c.nodes...)
	want[c.nodes[1]] = npnFailed
	c.npnsAre(t, want)
	c.want(t, 5, vcnRoll...).says(t, "on 2 of 3 nodes", c.nodes[1], npnBad)
	c.touched(t, c.nodes[0], c.nodes[2])
	if n := c.must(t, "nodes", "-o", "wide"); strings.Count(n.out, "BACKOFF (FailedToCreatePrivateIP)") < 1 || strings.Count(n.out, "SUCCESS") != 2 {
		t.Error(n)
	}
	type item struct {
		Name string
		NPN  struct{ State, Reason string }
	}
	for _, n := range read[struct{ Nodes []item }](t, c.must(t, "nodes", "-o", "json")).Nodes {
		if got := n.NPN.State + " " + n.NPN.Reason; got != want[n.Name] {
			t.Errorf("%s has %s, want %s", n.Name, got, want[n.Name])
		}
	}
}

func (c *withoutNPN) mended(t *testing.T) {
	t.Helper()
	c.annotate(t, c.nodes[1], npnHeals)
	c.npnsAre(t, allFine(c.nodes...))
	c.must(t, vcnRoll...)
	c.touched(t, c.nodes...)
}
