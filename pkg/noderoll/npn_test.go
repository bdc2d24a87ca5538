package noderoll_test

import (
	"testing"
	"time"

	"github.com/addonctl/addonctl/pkg/noderoll"
)

// A node without its addresses is not changed, and one that lost them is no yes; on a way back nobody asks, since the nodes that failed have
// to go back too.
func TestNativePodNetworks(t *testing.T) {
	t.Parallel()
	vcn := with(func(r *noderoll.Rules) { r.NPN = true })
	back := with(func(r *noderoll.Rules) { r.NPN, r.Back = true, true })
	fine, failed := npn("SUCCESS", "COMPLETED"), npn("BACKOFF", "FailedToCreatePrivateIP")
	check(t, map[string]decided{
		"before": {
			fleet(5, on(n(1), failed), on(n(3), npn("", "no right to list them")), on(n(4), npn("", "")), on(n(5), fine)), vcn, none,
			"Canary of canary nodes: change n5; n1 skipped, its NativePodNetwork is BACKOFF (FailedToCreatePrivateIP); n2 skipped, it has no NativePodNetwork; " +
				"n3 skipped, its NativePodNetwork is not known (no right to list them); n4 skipped, its NativePodNetwork is in no state",
		},
		"no data at all": {
			fleet(1), vcn, none, "Left: the nodes that are left cannot be changed now; n1 skipped, it has no NativePodNetwork",
		},
		"after": {
			fleet(2, on(n(1, 2), fine), on(n(1), failed, taken(30*time.Second))), vcn, begun(40*time.Second, "n1"), "Canary of canary nodes: waiting for n1",
		},
		"after its time": {
			fleet(2, on(n(1, 2), fine), on(n(1), failed, taken(70*time.Second))), vcn, begun(75*time.Second, "n1"),
			"Halted: halted at n1: gate native-pod-network: its NativePodNetwork is BACKOFF (FailedToCreatePrivateIP); it had 1m0s",
		},
		"that is gone after its time": {
			fleet(2, on(n(2), fine), on(n(1), taken(70*time.Second))), vcn, begun(75*time.Second, "n1"),
			"Halted: halted at n1: gate native-pod-network: it has no NativePodNetwork; it had 1m0s",
		},
		"where nobody asks": {fleet(1), rules, none, "Canary of canary nodes: change n1"},
		"a way back":        {fleet(2, on(n(1), failed)), back, none, "PutBack of the way back: change n1 n2"},
		"a node that is back": {
			fleet(2, on(n(1), failed, taken(time.Hour))), back, begun(2*time.Hour, "n1"), "PutBack of the way back: change n2",
		},
	})
}
