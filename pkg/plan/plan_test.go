package plan_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/version"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// shipped is the catalog that is built in: flannel 0.24.4 and 0.26.2 from Kubernetes 1.31 on, 0.27.3 from 1.34 on.
func shipped(tb testing.TB) *catalog.Catalog {
	tb.Helper()
	c, err := catalog.Load(addons.FS)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// fresh is a cluster of three nodes without a CNI and without a record, rendered as the planner would ask for it.
func fresh(tb testing.TB) plan.Input {
	tb.Helper()
	in := plan.Input{
		Now: now, Catalog: shipped(tb),
		Cluster: plan.Cluster{Name: "in-cluster", Kubernetes: version.MustParse("v1.36.3"), UID: "uid-1"},
	}
	for i := range 3 {
		in.Nodes = append(in.Nodes, noderoll.Node{
			Name: fmt.Sprintf("node-%d", i+1), Ready: true, KubeletVersion: "v1.36.3", PodCIDRs: []string{fmt.Sprintf("10.244.%d.0/25", i)},
		})
	}
	return in
}

// settled is the same cluster with a version of flannel on every node.
func settled(tb testing.TB, v string) plan.Input {
	tb.Helper()
	in := fresh(tb)
	in.Cluster.NetworkType = catalog.FlannelOverlay
	in.Cluster.Stamp = &plan.Stamp{NetworkType: catalog.FlannelOverlay, UID: "uid-1"}
	in.Cluster.CNIs = []plan.CNI{{Plugin: "flannel", NetworkType: catalog.FlannelOverlay, Workload: "kube-system/kube-flannel-ds", Ours: true}}
	in.Desired = plan.Desired{AddOn: "Flannel"}
	in.Installed = plan.Installed{Present: true, Ours: true, Version: v, Digest: "render-" + v, Observed: true, Newest: "hash-" + v, MaxUnavailable: 1}
	in.Record = plan.Record{Revisions: []plan.Revision{{Number: 1, Version: v, Status: plan.Deployed, Digest: "render-" + v}}}
	for i := range in.Nodes {
		in.Nodes[i].Pod = &noderoll.Pod{Name: "p", Revision: "hash-" + v, Version: v, Ready: true, Available: true}
	}
	return in
}

// rendered fills in what the engine would say of the target.
func rendered(in plan.Input) plan.Input {
	if _, r, ok := plan.Target(in); ok {
		in.Change.Version, in.Change.Digest = r.Version.String(), "render-"+r.Version.String()
		if in.Change.Network == nil {
			in.Change.Network = plan.PodCIDRs(in)
		}
	}
	return in
}

func with(in plan.Input, fs ...func(*plan.Input)) plan.Input {
	for _, f := range fs {
		f(&in)
	}
	return in
}

func install(v string) func(*plan.Input) {
	return func(in *plan.Input) {
		in.Request = plan.Request{Verb: plan.Install, NetworkType: catalog.FlannelOverlay, Version: v, Pin: plan.Pin{Reason: "install"}}
	}
}

func request(verb plan.Verb, v string) func(*plan.Input) {
	return func(in *plan.Input) { in.Request = plan.Request{Verb: verb, Version: v, Pin: plan.Pin{Reason: "test"}} }
}

func pinnedTo(v string) func(*plan.Input) {
	return func(in *plan.Input) {
		in.Desired.Version, in.Desired.Pin = v, plan.Pin{Reason: "kernel", Ticket: "NET-1"}
	}
}

func broken(n int) func(*plan.Input) {
	return func(in *plan.Input) {
		for i := range n {
			p := *in.Nodes[i].Pod
			p.Ready, p.Available, p.Trouble, p.Bad = false, false, "kube-flannel: CrashLoopBackOff", true
			in.Nodes[i].Pod = &p
		}
	}
}

func kubernetes(v string) func(*plan.Input) {
	return func(in *plan.Input) { in.Cluster.Kubernetes = version.MustParse(v) }
}

// Every row is a rule: the check that says it, what it says, and whether it blocks. The negative control is run for each:
// without the check the finding is gone, so the row would fail.
func TestEveryCheckFindsWhatItIsThereFor(t *testing.T) {
	t.Parallel()
	type row struct {
		check    string
		in       plan.Input
		reason   plan.Reason
		blocking bool
		says     string
	}
	for name, c := range map[string]row{
		"no type recorded and none given": {
			"network-type-known", fresh(t), plan.NotRegistered, true, "no recorded network type",
		},
		"a type without an add-on in the catalog": {
			"network-type-known", with(fresh(t), func(in *plan.Input) {
				in.Request = plan.Request{Verb: plan.Install, NetworkType: catalog.OCIVCNIPNative}
			}), plan.NoAddOn, true, "OCI_VCN_IP_NATIVE",
		},
		"another type than the recorded one": {
			"network-type-immutable", with(settled(t, "0.26.2"), func(in *plan.Input) {
				in.Request = plan.Request{Verb: plan.Install, NetworkType: catalog.OCIVCNIPNative}
			}), plan.NetworkTypeImmutable, true, "FLANNEL_OVERLAY (recorded) and cannot become OCI_VCN_IP_NATIVE",
		},
		"another type than the stamped one, the record being deleted": {
			"network-type-immutable", with(fresh(t), func(in *plan.Input) {
				in.Cluster.Stamp = &plan.Stamp{NetworkType: catalog.FlannelOverlay, UID: "uid-1"}
				in.Request = plan.Request{Verb: plan.Install, NetworkType: catalog.OCIVCNIPNative}
			}), plan.NetworkTypeImmutable, true, "stamped on the cluster",
		},
		"a record without a stamp": {
			"network-type-proven", with(settled(t, "0.26.2"), func(in *plan.Input) { in.Cluster.Stamp = nil }),
			plan.NetworkTypeUnproven, true, "carries no stamp",
		},
		"a stamp of another cluster": {
			"network-type-proven", with(settled(t, "0.26.2"), func(in *plan.Input) { in.Cluster.Stamp.UID = "uid-2" }),
			plan.NetworkTypeUnproven, true, "another cluster",
		},
		"a stamp that the record contradicts": {
			"network-type-proven", with(settled(t, "0.26.2"), func(in *plan.Input) { in.Cluster.Stamp.NetworkType = catalog.OCIVCNIPNative }),
			plan.NetworkTypeUnproven, true, "stamped OCI_VCN_IP_NATIVE",
		},
		"a stamp that the running CNI contradicts": {
			"network-type-proven", with(settled(t, "0.26.2"), func(in *plan.Input) {
				in.Cluster.CNIs = append(in.Cluster.CNIs, plan.CNI{Plugin: "vcn-native", NetworkType: catalog.OCIVCNIPNative, Workload: "kube-system/vcn-native-ip-cni"})
			}), plan.NetworkTypeUnproven, true, "vcn-native-ip-cni",
		},
		"a second name for the same cluster": {
			"one-record", with(settled(t, "0.26.2"), func(in *plan.Input) { in.Cluster.Stamp.Cluster = "other" }), plan.OtherRecord, true, "registered as other",
		},
		"a record that was deleted, and an update": {
			"one-record", with(settled(t, "0.26.2"), func(in *plan.Input) { in.Cluster.NetworkType = "" }, request(plan.Update, "")), plan.RecordLost, true, "is gone",
		},
		"a record that was deleted, and a look": {
			"one-record", with(settled(t, "0.26.2"), func(in *plan.Input) { in.Cluster.NetworkType = "" }), plan.RecordLost, false, "is gone",
		},
		"other pod CIDRs than the live ones": {
			"pod-cidrs-immutable", with(settled(t, "0.26.2"), func(in *plan.Input) {
				in.Installed.Network = []string{"10.244.0.0/16"}
				in.Request = plan.Request{Verb: plan.Install, PodCIDRs: []string{"10.0.0.0/8"}}
			}), plan.NetworkTypeImmutable, true, "10.244.0.0/16",
		},
		"an object that is gone": {
			"complete", with(settled(t, "0.26.2"), func(in *plan.Input) { in.Change.Missing = []string{"ClusterRole flannel"} }),
			plan.ObjectsMissing, false, "ClusterRole flannel",
		},
		"an image that somebody changed": {
			"complete", with(settled(t, "0.26.2"), func(in *plan.Input) { in.Installed.Version = "0.25.1" }), plan.LiveDiffers, false, "of 0.25.1",
		},
		"a way back with more broken pods than may be": {
			"old-pods-available", with(settled(t, "0.27.3"), request(plan.Update, "0.26.2"), broken(3)), plan.OldPodsUnavailable, false, "node-1",
		},
		"broken pods long after a move that was never settled": {
			"old-pods-available", with(settled(t, "0.26.2"), request(plan.Update, "0.27.3"), broken(2), func(in *plan.Input) {
				in.Record.Revisions[0].Status = plan.PendingUpgrade
			}), plan.OldPodsUnavailable, true, "replace them all together",
		},
		"other pod CIDRs than the recorded ones": {
			"pod-cidrs-immutable", with(settled(t, "0.26.2"), func(in *plan.Input) {
				in.Cluster.PodCIDRs = []string{"10.244.0.0/16"}
				in.Request = plan.Request{Verb: plan.Install, PodCIDRs: []string{"10.0.0.0/8"}}
			}), plan.NetworkTypeImmutable, true, "10.244.0.0/16",
		},
		"a pod CIDR that is none": {
			"pod-cidrs-immutable", with(fresh(t), install(""), func(in *plan.Input) { in.Request.PodCIDRs = []string{"10.244.0.0"} }),
			plan.BadPodCIDR, true, `"10.244.0.0"`,
		},
		"a flannel that is not ours": {
			"one-cni", with(fresh(t), install(""), func(in *plan.Input) {
				in.Cluster.CNIs = []plan.CNI{{Plugin: "flannel", NetworkType: catalog.FlannelOverlay, Workload: "kube-flannel/kube-flannel-ds", Owner: "field manager kubectl"}}
			}), plan.ForeignCNI, true, "kube-flannel/kube-flannel-ds (put there by field manager kubectl)",
		},
		"another CNI": {
			"one-cni", with(fresh(t), install(""), func(in *plan.Input) {
				in.Cluster.CNIs = []plan.CNI{{Plugin: "cilium", Workload: "kube-system/cilium"}}
			}), plan.OtherCNI, true, "exactly one CNI",
		},
		"a paused cluster": {
			"not-paused", with(settled(t, "0.26.2"), func(in *plan.Input) { in.Cluster.Paused = true }), plan.Paused, true, "paused",
		},
		"an update against a pin": {
			"pin-kept", with(settled(t, "0.26.2"), pinnedTo("0.26.2"), request(plan.Update, "")), plan.Pinned, true, `pinned to 0.26.2 (reason "kernel", ticket NET-1)`,
		},
		"an update to another version than the pin's": {
			"pin-kept", with(settled(t, "0.26.2"), pinnedTo("0.26.2"), request(plan.Update, "0.27.3")), plan.Pinned, true, "pinned to 0.26.2",
		},
		"a pin whose day has passed": {
			"pin-date", with(settled(t, "0.26.2"), pinnedTo("0.26.2"), func(in *plan.Input) { in.Desired.Pin.Until = now.Add(-time.Hour) }),
			plan.PinExpired, false, "2026-11-22",
		},
		"installing another version over an installed one": {
			"install-once", with(settled(t, "0.26.2"), install("0.27.3")), plan.AlreadyInstalled, true, "0.26.2 is installed, or recorded to be",
		},
		"a version that nobody knows": {
			"release-known", with(fresh(t), install("0.99.1")), plan.UnknownVersion, true, "these fit: 0.27.3, 0.26.2, 0.24.4",
		},
		"a Kubernetes that nothing fits": {
			"release-known", with(fresh(t), install(""), kubernetes("v1.21.0")), plan.NoFittingRelease, true, "1.21.0",
		},
		"a version that Kubernetes is too old for": {
			"kubernetes-range", with(fresh(t), install("0.27.3"), kubernetes("v1.33.2")), plan.KubernetesOutOfRange, true, "these fit: 0.26.2, 0.24.4",
		},
		"an installed version that does not fit any more": {
			"kubernetes-range", with(settled(t, "0.27.3"), kubernetes("v1.33.2"), pinnedTo("0.27.3")), plan.KubernetesOutOfRange, false, "needs Kubernetes 1.34",
		},
		"a node whose kubelet is too old": {
			"kubelet-range", with(settled(t, "0.26.2"), request(plan.SetPin, "0.27.3"), func(in *plan.Input) { in.Nodes[1].KubeletVersion = "v1.33.1" }),
			plan.NodeOutOfRange, false, "node-2 (v1.33.1)",
		},
		"a Kubernetes that the release is not listed for": {
			"listed-for", with(fresh(t), install("0.26.2")), plan.NotListedFor, false, "1.31, 1.32, 1.33",
		},
		"a way back": {
			"backwards", with(settled(t, "0.27.3"), request(plan.Update, "0.26.2")), plan.Backwards, false, "older than the installed 0.27.3",
		},
		"a node outside of the network": {
			"pod-cidr-in-network", with(fresh(t), install(""), func(in *plan.Input) { in.Nodes[2].PodCIDRs = []string{"192.168.0.0/24"} }),
			plan.PodCIDROutsideNetwork, true, "node-3 (192.168.0.0/24)",
		},
		"a node without a pod CIDR": {
			"pod-cidr-in-network", with(fresh(t), install(""), func(in *plan.Input) { in.Nodes[2].PodCIDRs = nil }),
			plan.NodeWithoutPodCIDR, false, "node-3",
		},
		"more broken old pods than a rolling update holds back": {
			"old-pods-available", with(settled(t, "0.26.2"), request(plan.Update, "0.27.3"), broken(2)), plan.OldPodsUnavailable, true, "replace them all together",
		},
		"as many broken old pods as may be": {
			"old-pods-available", with(settled(t, "0.26.2"), request(plan.Update, "0.27.3"), broken(1)), plan.OldPodsUnavailable, false, "node-1",
		},
		"a node that is not Ready": {
			"nodes-ready", with(settled(t, "0.26.2"), func(in *plan.Input) { in.Nodes[0].Ready = false }), plan.NodesNotReady, false, "node-1",
		},
		"a right that we lack": {
			"own-rights", with(fresh(t), install(""), func(in *plan.Input) { in.Change.MissingRights = []string{"create daemonsets.apps in kube-system"} }),
			plan.MissingRight, true, "create daemonsets.apps in kube-system",
		},
		"an object that the server refuses": {
			"dry-run", with(fresh(t), install(""), func(in *plan.Input) {
				in.Change.Objects = []plan.ObjectChange{{Object: "DaemonSet kube-flannel-ds", Action: plan.Refused, Message: "field is immutable"}}
			}), plan.ObjectRefused, true, "field is immutable",
		},
		"a field that somebody else owns": {
			"dry-run", with(settled(t, "0.26.2"), func(in *plan.Input) {
				in.Change.Objects = []plan.ObjectChange{{Object: "DaemonSet kube-flannel-ds", Action: plan.Conflict, Message: "image (kubectl-set)"}}
			}), plan.FieldConflict, true, "kubectl-set",
		},
		"an object that is not ours": {
			"dry-run", with(fresh(t), install(""), func(in *plan.Input) {
				in.Change.Objects = []plan.ObjectChange{{Object: "ClusterRole flannel", Action: plan.NotOurs, Message: "it belongs to somebody"}}
			}), plan.ObjectNotOurs, true, "ClusterRole flannel",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := rendered(c.in)
			f, ok := find(plan.Make(in), c.reason)
			if !ok || f.Check != c.check || f.Blocking != c.blocking || !strings.Contains(f.Message, c.says) {
				t.Errorf("finding %s = %+v (found %v), want one of check %s, blocking %v, saying %q", c.reason, f, ok, c.check, c.blocking, c.says)
			}
			if c.blocking && len(plan.Make(in).Steps) > 0 {
				t.Error("a blocked plan has steps")
			}
			if f, ok := find(plan.MakeWithout(in, c.check), c.reason); ok {
				t.Errorf("without the check %s there still is %+v", c.check, f)
			}
		})
	}
}

func find(p plan.Plan, r plan.Reason) (plan.Finding, bool) {
	i := slices.IndexFunc(p.Findings, func(f plan.Finding) bool { return f.Reason == r })
	if i < 0 {
		return plan.Finding{}, false
	}
	return p.Findings[i], true
}

func TestEveryCheckHasARow(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range plan.Checks {
		if seen[c.Name] {
			t.Errorf("two checks are called %s", c.Name)
		}
		seen[c.Name] = true
	}
	recalled := shipped(t)
	recalled.AddOns[0].Releases[0].Status = catalog.Recalled
	in := with(fresh(t), install("0.27.3"))
	in.Catalog = recalled
	if f, ok := find(plan.Make(rendered(in)), plan.Recalled); !ok || !f.Blocking || f.Check != "release-status" {
		t.Errorf("a recalled release: %+v", f)
	}
	recalled.AddOns[0].Releases[0].Status = catalog.Preview
	if f, ok := find(plan.Make(rendered(in)), plan.NotActive); !ok || f.Blocking {
		t.Errorf("a preview chosen by hand: %+v", f)
	}
}

func kinds(p plan.Plan) []plan.StepKind {
	var out []plan.StepKind
	for _, s := range p.Steps {
		out = append(out, s.Kind)
	}
	return out
}

// A plan made after a crash at any point is the rest of the plan made before it.
func TestStepsAreWhatObservationShowsToBeLeft(t *testing.T) {
	t.Parallel()
	all := []plan.StepKind{plan.Apply, plan.AwaitNodes, plan.Settle}
	pending := func(v string, n int) plan.Revision {
		return plan.Revision{Number: n, Version: v, Status: plan.PendingUpgrade, Digest: "render-" + v}
	}
	for name, c := range map[string]struct {
		in       plan.Input
		want     []plan.StepKind
		revision int
		state    plan.State
	}{
		"a fresh installation": {with(fresh(t), install("")), all, 1, plan.Applying},
		"killed after the revision was recorded": {with(fresh(t), install("0.27.3"), func(in *plan.Input) {
			in.Record.Revisions = []plan.Revision{{Number: 1, Version: "0.27.3", Status: plan.PendingInstall, Digest: "render-0.27.3"}}
		}), all, 1, plan.Applying},
		"killed after the objects were written": {with(settled(t, "0.27.3"), func(in *plan.Input) {
			in.Record.Revisions = []plan.Revision{pending("0.27.3", 2)}
			in.Installed.Observed = false
		}), all[1:], 2, plan.Rolling},
		"nodes under way": {with(settled(t, "0.27.3"), broken(1), func(in *plan.Input) {
			in.Record.Revisions = []plan.Revision{pending("0.27.3", 2)}
		}), all[1:], 2, plan.Rolling},
		"every node there, not settled": {with(settled(t, "0.27.3"), func(in *plan.Input) {
			in.Record.Revisions = []plan.Revision{pending("0.27.3", 2)}
		}), all[2:], 2, plan.Settling},
		"nothing left": {settled(t, "0.27.3"), nil, 0, plan.UpToDate},
		"an object was deleted": {with(settled(t, "0.27.3"), func(in *plan.Input) {
			in.Change.Missing = []string{"ClusterRole flannel"}
		}), all, 2, plan.Applying},
		"the record was deleted":         {with(settled(t, "0.27.3"), func(in *plan.Input) { in.Record = plan.Record{} }), all, 1, plan.Applying},
		"a newer release, asked for":     {with(settled(t, "0.26.2"), request(plan.Update, "")), all, 2, plan.Applying},
		"a newer release, not asked for": {settled(t, "0.26.2"), nil, 0, plan.UpToDate},
		"the live image was changed":     {with(settled(t, "0.26.2"), func(in *plan.Input) { in.Installed.Version = "0.25.1" }), all, 2, plan.Applying},
		"the way back in mid-roll is a revision of its own": {with(settled(t, "0.27.3"), func(in *plan.Input) {
			in.Record.Revisions = []plan.Revision{
				{Number: 1, Version: "0.26.2", Status: plan.Deployed, Digest: "render-0.26.2"}, pending("0.27.3", 2),
			}
			in.Desired.MoveTo = "0.26.2"
		}, broken(3)), all, 3, plan.Applying},
		"a node that broke after the fact": {with(settled(t, "0.27.3"), broken(1)), all[1:2], 1, plan.Rolling},
		"nothing is wanted of a cluster that is only registered": {with(fresh(t), func(in *plan.Input) {
			in.Request = plan.Request{Verb: plan.Register, NetworkType: catalog.FlannelOverlay}
		}), nil, 0, plan.NotInstalled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := plan.Make(rendered(c.in))
			if diff := cmp.Diff(c.want, kinds(p)); diff != "" || p.State != c.state {
				t.Errorf("state %s, want %s; steps (-want +got):\n%s\nfindings: %+v", p.State, c.state, diff, p.Blocking())
			}
			for _, s := range p.Steps {
				if s.Revision != c.revision {
					t.Errorf("%s is of revision %d, want %d", s.Kind, s.Revision, c.revision)
				}
			}
		})
	}
}

func TestTheTargetFollowsPinMoveAndAutomaticMode(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   plan.Input
		want string
	}{
		"update takes the newest that fits":      {with(settled(t, "0.26.2"), request(plan.Update, "")), "0.27.3"},
		"update takes what the cluster admits":   {with(settled(t, "0.24.4"), request(plan.Update, ""), kubernetes("v1.33.2")), "0.26.2"},
		"update takes what every kubelet admits": {with(settled(t, "0.24.4"), request(plan.Update, ""), func(in *plan.Input) { in.Nodes[0].KubeletVersion = "v1.33.2" }), "0.26.2"},
		"update never goes backwards":            {with(settled(t, "0.27.3"), request(plan.Update, ""), kubernetes("v1.33.2")), "0.27.3"},
		"a CNI that was deleted by hand comes back as it was": {with(settled(t, "0.26.2"), request(plan.Update, ""), func(in *plan.Input) {
			in.Installed, in.Cluster.CNIs = plan.Installed{}, nil
		}), "0.26.2"},
		"following the record moves nothing by itself": {settled(t, "0.26.2"), "0.26.2"},
		"un-pinned under a running loop": {with(settled(t, "0.24.4"), func(in *plan.Input) {
			in.Record.Revisions = append(in.Record.Revisions, plan.Revision{Number: 2, Version: "0.26.2", Status: plan.PendingUpgrade, Digest: "render-0.26.2"})
		}), "0.26.2"},
		"the record deleted under a running loop":       {with(settled(t, "0.26.2"), func(in *plan.Input) { in.Desired = plan.Desired{} }), "0.26.2"},
		"installing again keeps a pin that is recorded": {with(settled(t, "0.26.2"), pinnedTo("0.26.2"), install("0.26.2")), "0.26.2"},
		"a pin holds":                                    {with(settled(t, "0.26.2"), pinnedTo("0.26.2")), "0.26.2"},
		"a pin may go backwards":                         {with(settled(t, "0.27.3"), pinnedTo("0.24.4")), "0.24.4"},
		"a single move":                                  {with(settled(t, "0.24.4"), request(plan.Update, "0.26.2")), "0.26.2"},
		"a single move that is under way":                {with(settled(t, "0.24.4"), func(in *plan.Input) { in.Desired.MoveTo = "0.26.2" }), "0.26.2"},
		"update without a version forgets a single move": {with(settled(t, "0.24.4"), func(in *plan.Input) { in.Desired.MoveTo = "0.26.2" }, request(plan.Update, "")), "0.27.3"},
		"installing again moves nothing":                 {with(settled(t, "0.26.2"), install("")), "0.26.2"},
		"un-pinning moves nothing":                       {with(settled(t, "0.26.2"), pinnedTo("0.26.2"), request(plan.Unpin, "")), "0.26.2"},
		"a v in front means the same":                    {with(settled(t, "0.24.4"), request(plan.Update, "v0.26.2")), "0.26.2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := plan.Make(rendered(c.in)); got.To != c.want || len(got.Blocking()) > 0 {
				t.Errorf("target %q, want %q; blocking: %+v", got.To, c.want, got.Blocking())
			}
		})
	}
}

func TestAPinIsKeptWhileItIsBeingReached(t *testing.T) {
	t.Parallel()
	in := with(settled(t, "0.26.2"), pinnedTo("0.27.3"), request(plan.Update, ""))
	if p := plan.Make(rendered(in)); len(p.Blocking()) > 0 || p.To != "0.27.3" {
		t.Errorf("going on to the pin: to %s, blocking %+v", p.To, p.Blocking())
	}
}

// A pinned cluster is mended by update: what the pin wants is not whole.
func TestAPinDoesNotKeepAnUpdateFromMending(t *testing.T) {
	t.Parallel()
	in := with(settled(t, "0.26.2"), pinnedTo("0.26.2"), request(plan.Update, ""), func(in *plan.Input) { in.Change.Missing = []string{"ClusterRole flannel"} })
	if p := plan.Make(rendered(in)); len(p.Blocking()) > 0 || p.To != "0.26.2" || len(p.Steps) != 3 {
		t.Errorf("to %s, steps %v, blocking %+v", p.To, kinds(p), p.Blocking())
	}
}

// The pipeline's install may run again whatever an operator has done since: the recorded wish stays.
func TestInstallingAgainKeepsTheRecordedWish(t *testing.T) {
	t.Parallel()
	in := rendered(with(settled(t, "0.26.2"), pinnedTo("0.26.2"), install("0.26.2")))
	if diff := cmp.Diff(in.Desired, plan.Make(in).Desired); diff != "" {
		t.Errorf("the wish was changed:\n%s", diff)
	}
	in = rendered(with(settled(t, "0.26.2"), install("0.26.2")))
	if p := plan.Make(in); p.Pinned || len(p.Blocking()) > 0 {
		t.Errorf("an un-pinned add-on was pinned again: %+v", p.Desired)
	}
}

func TestChoicesSayWhyNot(t *testing.T) {
	t.Parallel()
	in := with(settled(t, "0.26.2"), pinnedTo("0.26.2"), kubernetes("v1.33.2"))
	want := []plan.Choice{
		{Version: "0.27.3", Status: catalog.Active, Why: "needs Kubernetes 1.34 or later, the cluster runs 1.33.2", ListedFor: []string{"1.34", "1.35", "1.36"}},
		{Version: "0.26.2", Status: catalog.Active, Fits: true, Newest: true, Installed: true, Pinned: true, ListedFor: []string{"1.31", "1.32", "1.33"}},
		{
			Version: "0.24.4", Status: catalog.Active, Fits: true, ListedFor: []string{"1.31"},
			Why: "is older than the installed 0.26.2, and automatic updates never go backwards",
		},
	}
	for i := range in.Nodes {
		in.Nodes[i].KubeletVersion = "v1.33.2"
	}
	if diff := cmp.Diff(want, plan.Choices(in)); diff != "" {
		t.Errorf("choices (-want +got):\n%s", diff)
	}
}

func TestRestampingNeedsRecordAndRunningCNIToAgree(t *testing.T) {
	t.Parallel()
	base := settled(t, "0.26.2").Cluster
	if why := plan.RestampRefused(base); why != "" {
		t.Errorf("refused: %s", why)
	}
	for name, f := range map[string]func(*plan.Cluster){
		"not registered": func(c *plan.Cluster) { c.NetworkType = "" },
		"nothing runs":   func(c *plan.Cluster) { c.CNIs = nil },
		"another runs":   func(c *plan.Cluster) { c.CNIs = []plan.CNI{{NetworkType: catalog.OCIVCNIPNative}} },
	} {
		c := base
		f(&c)
		if plan.RestampRefused(c) == "" {
			t.Errorf("%s: restamping is allowed", name)
		}
	}
}

func TestAPlanDependsOnNothingButItsInput(t *testing.T) {
	t.Parallel()
	in := rendered(with(settled(t, "0.26.2"), request(plan.Update, "0.27.3"), broken(2)))
	first := plan.Make(in)
	slices.Reverse(in.Nodes)
	if diff := cmp.Diff(first, plan.Make(in), cmp.AllowUnexported(version.Version{})); diff != "" {
		t.Errorf("the order of the nodes changes the plan:\n%s", diff)
	}
}

func BenchmarkMakeForAClusterOf1000Nodes(b *testing.B) {
	in := settled(b, "0.26.2")
	for i := range 1000 {
		n := in.Nodes[0]
		n.Name = fmt.Sprintf("node-%04d", i)
		in.Nodes = append(in.Nodes, n)
	}
	in = rendered(in)
	b.ReportAllocs()
	for b.Loop() {
		plan.Make(in)
	}
}

// A reason without a line in docs/findings.md leaves whoever meets it alone.
func TestEveryReasonIsDocumented(t *testing.T) {
	t.Parallel()
	f, err := parser.ParseFile(token.NewFileSet(), "finding.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	docs, err := os.ReadFile(filepath.Join("..", "..", "docs", "findings.md"))
	if err != nil {
		t.Fatal(err)
	}
	reasons := 0
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := v.Type.(*ast.Ident); ok && typ.Name == "Reason" {
			reasons++
			if name := v.Names[0].Name; !strings.Contains(string(docs), "| `"+name+"` |") {
				t.Errorf("docs/findings.md says nothing of %s", name)
			}
		}
		return true
	})
	if reasons < 20 {
		t.Errorf("only %d reasons were found", reasons)
	}
}
