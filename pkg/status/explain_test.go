package status_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/status"
)

// hoursAgo is a recorded time before now.
func hoursAgo(h int) *metav1.Time {
	t := metav1.NewTime(now.Add(-time.Duration(h) * time.Hour))
	return &t
}

func micro(h int) *metav1.MicroTime {
	t := metav1.NewMicroTime(now.Add(-time.Duration(h) * time.Hour))
	return &t
}

// recorded is a fleet of one cluster, c1, on 0.26.2 for 100 hours, that would take 0.27.3, driven by a manager.
func recorded(change func(*status.Fleet)) status.Fleet {
	f := inHub("c1", func(n *v1alpha1.ClusterNetwork, a *v1alpha1.Addon) {
		n.Status.Manager = "addonctl-system/addon-manager"
		a.Status.NewestFit = "0.27.3"
		a.Status.History = []v1alpha1.HistoryEntry{
			{Revision: 2, Version: "0.26.2", Status: "deployed", At: hoursAgo(100)}, {Revision: 1, Version: "0.24.4", Status: "superseded", At: hoursAgo(200)},
		}
	})
	change(&f)
	return f
}

// inRollout puts c1 into a rollout of 0.27.3 that says where it stands.
func inRollout(f *status.Fleet, phase, why, who string, change func(*v1alpha1.AddonRollout)) {
	x := v1alpha1.AddonRollout{
		ObjectMeta: metav1.ObjectMeta{Name: "fleet-flannel-0.27.3"},
		Spec:       v1alpha1.AddonRolloutSpec{Policy: "fleet", Addon: "Flannel", Version: "0.27.3"},
		Status: v1alpha1.AddonRolloutStatus{
			Phase: phase, Why: why, Who: who, Wave: "canary", Opened: micro(10), Running: 2,
			Waves:   []v1alpha1.RolloutWave{{Name: "canary", Started: micro(9)}, {Name: "rest"}},
			Members: []v1alpha1.RolloutMember{{Cluster: "c0", State: "Done", Since: micro(8)}, {Cluster: "c1", Wave: 1, State: "Pending", Since: micro(10)}},
		},
	}
	change(&x)
	f.Policies = append(f.Policies, v1alpha1.UpdatePolicy{ObjectMeta: metav1.ObjectMeta{Name: "fleet"}})
	f.Rollouts = append(f.Rollouts, x)
}

func whole(*v1alpha1.AddonRollout) {}

// state makes c1 another member of the rollout.
func state(s, reason string) func(*v1alpha1.AddonRollout) {
	return func(x *v1alpha1.AddonRollout) {
		m := &x.Status.Members[1]
		m.State, m.Reason, m.Since = s, reason, micro(2)
	}
}

// recalls takes a release back in the whole hub.
func recalls(f *status.Fleet, version string) {
	r := v1alpha1.Recall{Addon: "Flannel", Version: version, Reason: "leaks", At: hoursAgo(4)}
	f.Catalog = &v1alpha1.AddonCatalog{Spec: v1alpha1.AddonCatalogSpec{Recalls: []v1alpha1.Recall{r}}}
}

// pinEnded pins c1 until three hours ago, under a policy that says what becomes of that.
func pinEnded(f *status.Fleet, then string) {
	f.Addons[0].Spec.Version, f.Addons[0].Spec.Pin = "0.26.2", &v1alpha1.Pin{Reason: "r", Until: hoursAgo(3)}
	f.Policies = []v1alpha1.UpdatePolicy{{ObjectMeta: metav1.ObjectMeta{Name: "fleet"}, Spec: v1alpha1.UpdatePolicySpec{OnPinEnd: then}}}
}

// pinFailed pins c1 to a release that it was put back from.
func pinFailed(f *status.Fleet) {
	a := &f.Addons[0]
	a.Spec.Version, a.Spec.Pin = "0.27.3", &v1alpha1.Pin{Reason: "r", At: hoursAgo(9)}
	a.Status.Held = []v1alpha1.HeldRelease{{Version: "0.27.3", Reason: "DNS", At: hoursAgo(5), Pinned: true, Pin: a.Spec.Pin.DeepCopy()}}
	a.Status.Conditions = append(a.Status.Conditions, metav1.Condition{Type: "Stalled", Status: metav1.ConditionTrue, Reason: "PinFailed", LastTransitionTime: *hoursAgo(5)})
}

// Each thing that a cluster can wait for is told with who has to act, and the one that decides comes first.
func TestWhyAClusterDoesNotMoveIsTold(t *testing.T) {
	t.Parallel()
	addOn := func(change func(*v1alpha1.Addon)) func(*status.Fleet) {
		return func(f *status.Fleet) { change(&f.Addons[0]) }
	}
	network := func(change func(*v1alpha1.ClusterNetwork)) func(*status.Fleet) {
		return func(f *status.Fleet) { change(&f.Networks[0]) }
	}
	for name, c := range map[string]struct {
		change func(*status.Fleet)
		want   string
	}{
		"a release that no rollout brings yet": {func(*status.Fleet) {}, "it does not move: it would take 0.27.3, and no rollout of policy default brings that yet | Rollout"},
		"nobody drives it": {
			network(func(n *v1alpha1.ClusterNetwork) { n.Status.Manager = "" }),
			"it does not move: it would take 0.27.3, and no rollout of policy default brings that yet; no manager drives the cluster | Rollout: whoever runs addon-manager; or addonctl update --cluster c1",
		},
		"nothing newer": {addOn(func(a *v1alpha1.Addon) { a.Status.NewestFit = "0.26.2" }), "it does not move: it runs 0.26.2, which is the newest that fits"},
		"no release fits": {
			addOn(func(a *v1alpha1.Addon) { a.Status.NewestFit = "" }),
			"it does not move: no release fits, or nobody has looked; addonctl explain beside the cluster tells each rule",
		},
		"pinned": {
			addOn(func(a *v1alpha1.Addon) {
				a.Spec.Version, a.Spec.Pin = "0.26.2", &v1alpha1.Pin{Reason: "kernel 4.18", By: "jo", At: hoursAgo(50), Until: hoursAgo(-50), Ticket: "T-1"}
			}),
			"it does not move: it is pinned to 0.26.2 by jo, on 2026-11-20 10:00:00, until 2026-11-24 14:00:00, ticket T-1: kernel 4.18 | Pin: addonctl unpin --cluster c1, or addonctl pin --version V --cluster c1",
		},
		"on its way to a pin": {
			addOn(func(a *v1alpha1.Addon) { a.Spec.Version, a.Spec.Pin = "0.27.3", &v1alpha1.Pin{Reason: "new kernel"} }),
			"it moves: to 0.27.3, where it is pinned: new kernel | Move",
		},
		"out of reach": {
			func(f *status.Fleet) {
				f.Networks[0].Status.Away = hoursAgo(3)
				inRollout(f, "Rolling", "wave rest", "", state("Unreachable", ""))
			},
			"it does not move: nobody has reached it since 2026-11-22 09:00:00; it blocks no other cluster, and catches up | Reach: whoever can bring its API server back",
		},
		"paused": {
			network(func(n *v1alpha1.ClusterNetwork) { n.Spec.Paused = true }),
			"it does not move: the cluster is paused: nobody writes to it | Pause: kubectl patch clusternetwork c1 --type=merge -p '{\"spec\":{\"paused\":false}}'",
		},
		"an approval": {
			func(f *status.Fleet) {
				inRollout(f, "Approval", "wave rest has to be approved", "addonctl rollout approve --wave rest", whole)
			},
			"it does not move: the rollout fleet-flannel-0.27.3 is Approval: wave rest has to be approved | Approval in wave rest: addonctl rollout approve fleet-flannel-0.27.3 --wave rest",
		},
		"a window": {
			func(f *status.Fleet) {
				inRollout(f, "Waiting", "no window is open until then", "", func(x *v1alpha1.AddonRollout) { x.Status.Next = micro(-5) })
			},
			"it does not move: the rollout fleet-flannel-0.27.3 is Waiting: no window is open until then | Window in wave rest until 17:00",
		},
		"the age of a release": {
			func(f *status.Fleet) {
				inRollout(f, "Waiting", "the release is old enough then", "", func(x *v1alpha1.AddonRollout) { x.Status.Next, x.Status.NotBefore = micro(-5), micro(-5) })
			},
			"it does not move: the rollout fleet-flannel-0.27.3 is Waiting: the release is old enough then | Age in wave rest until 17:00",
		},
		"its turn": {
			func(f *status.Fleet) { inRollout(f, "Rolling", "wave canary", "", whole) },
			"it does not move: the rollout fleet-flannel-0.27.3 is in wave canary, with 2 clusters under way; its own wave is rest | Turn in wave rest",
		},
		"the budget": {
			func(f *status.Fleet) {
				inRollout(f, "Halted", "1 failed, and 0 may: c0", "addonctl rollout retry", whole)
			},
			"it does not move: the rollout fleet-flannel-0.27.3 is Halted: 1 failed, and 0 may: c0 | Budget in wave rest: addonctl rollout retry fleet-flannel-0.27.3",
		},
		"its own failure": {
			func(f *status.Fleet) { inRollout(f, "Halted", "1 failed", "", state("Failed", "pods lost DNS")) },
			"it does not move: its move to 0.27.3 failed on 2026-11-22 10:00:00: pods lost DNS | Failure in wave rest: addonctl rollout retry fleet-flannel-0.27.3 --cluster c1",
		},
		"a hold": {
			func(f *status.Fleet) {
				inRollout(f, "Paused", "paused by jo", "addonctl rollout resume", state("Running", ""))
				f.Addons[0].Spec.MoveTo, f.Addons[0].Spec.Rollout = "0.27.3", &v1alpha1.AddonInRollout{Name: "fleet-flannel-0.27.3", Hold: v1alpha1.HoldFinishNode}
			},
			"it does not move: the rollout fleet-flannel-0.27.3 holds it (FinishNode): paused by jo | Hold in wave rest: addonctl rollout resume fleet-flannel-0.27.3",
		},
		"nothing: it moves": {
			func(f *status.Fleet) {
				inRollout(f, "Rolling", "wave rest", "", state("Running", ""))
				f.Addons[0].Spec.MoveTo, f.Addons[0].Spec.Rollout = "0.27.3", &v1alpha1.AddonInRollout{Name: "fleet-flannel-0.27.3"}
				f.Addons[0].Status.Roll = &v1alpha1.RollStatus{Phase: "Batch", Changed: 1, Total: 3}
			},
			"it moves: to 0.27.3, by the rollout fleet-flannel-0.27.3; Batch, 1 of 3 nodes changed | Move",
		},
		"a roll that halted": {
			addOn(func(a *v1alpha1.Addon) {
				a.Spec.MoveTo, a.Status.Roll = "0.27.3", &v1alpha1.RollStatus{Halt: &v1alpha1.Halt{Node: "n1", Gate: "agent-ready", Evidence: "it crashes"}}
				a.Status.Conditions = []metav1.Condition{{Type: "Stalled", Status: "True", Reason: "RollHalted", LastTransitionTime: *hoursAgo(1)}}
			}),
			"it does not move: its roll halted at node n1, gate agent-ready: it crashes | Failure: addonctl rollback --cluster c1, or addonctl retry --cluster c1",
		},
		"a way back":       {addOn(func(a *v1alpha1.Addon) { a.Spec.Rollback = &v1alpha1.Rollback{Revision: 1, Reason: "packets"} }), "it does not move: it goes back to revision 1: packets | WayBack"},
		"a roll on paused": {addOn(func(a *v1alpha1.Addon) { a.Spec.Roll = &v1alpha1.Roll{Paused: true} }), "it does not move: the roll of its nodes is paused | RollPause: addonctl resume --cluster c1"},
		"a recall": {
			func(f *status.Fleet) {
				recalls(f, "0.26.2")
			},
			"it does not move: it runs 0.26.2, which was recalled: leaks; it would take 0.27.3, and no rollout of policy default brings that yet | Rollout",
		},
		"a recall, and an older one fits": {
			func(f *status.Fleet) {
				recalls(f, "0.26.2")
				f.Addons[0].Status.NewestFit = "0.24.4"
			},
			"it does not move: it runs 0.26.2, which was recalled: leaks; it would take 0.24.4, and no rollout of policy default brings that yet | Rollout",
		},
		"a recall, and no other fits": {
			func(f *status.Fleet) {
				recalls(f, "0.26.2")
				f.Addons[0].Status.NewestFit = "0.26.2"
			},
			"it does not move: it runs 0.26.2, which was recalled: leaks | Recall: addonctl update --cluster c1, or addonctl recall --undo Flannel 0.26.2",
		},
		"a recall by the catalog, and no other fits": {
			func(f *status.Fleet) {
				f.Withdrawn = func(addOn, v string) bool { return addOn == "Flannel" && v == "0.26.2" }
				f.Addons[0].Status.NewestFit = "0.26.2"
			},
			"it does not move: it runs 0.26.2, which was recalled: the catalog has it as recalled | Recall: addonctl update --cluster c1",
		},
		"a recall, and what it would leave for halted": {
			func(f *status.Fleet) {
				recalls(f, "0.26.2")
				inRollout(f, "Halted", "1 failed, and 0 may: c0", "", func(x *v1alpha1.AddonRollout) { x.Status.Members = x.Status.Members[:1] })
			},
			"it does not move: it runs 0.26.2, which was recalled: leaks; it does not leave for 0.27.3, whose rollout fleet-flannel-0.27.3 was halted or ended | " +
				"Recall: addonctl pin --version V --cluster c1, or addonctl update --version V --cluster c1",
		},
		"a recall, and it is on its way": {
			func(f *status.Fleet) {
				recalls(f, "0.26.2")
				f.Addons[0].Spec.MoveTo, f.Addons[0].Spec.Rollout = "0.27.3", &v1alpha1.AddonInRollout{Name: "fleet-flannel-0.27.3-from-0.26.2"}
			},
			"it moves: to 0.27.3, by the rollout fleet-flannel-0.27.3-from-0.26.2 | Move",
		},
		"what it would take was recalled": {
			func(f *status.Fleet) { recalls(f, "0.27.3") },
			"it does not move: it runs 0.26.2, which is the newest that fits",
		},
		"a pin that has ended, under a policy that ends it": {
			func(f *status.Fleet) { pinEnded(f, v1alpha1.OnPinEndAutomatic) },
			"it does not move: it would take 0.27.3, and no rollout of policy fleet brings that yet | Rollout",
		},
		"a pin that has ended, under a policy that warns": {
			func(f *status.Fleet) { pinEnded(f, v1alpha1.OnPinEndWarn) },
			"it does not move: it is pinned to 0.26.2 until 2026-11-22 09:00:00: r | Pin: addonctl unpin --cluster c1, or addonctl pin --version V --cluster c1",
		},
		"on the way back from its pin": {
			func(f *status.Fleet) {
				pinFailed(f)
				f.Addons[0].Spec.Rollback = &v1alpha1.Rollback{Revision: 2, Leaves: "0.27.3", To: "0.26.2", Reason: "DNS"}
			},
			"it does not move: it is pinned to 0.27.3 on 2026-11-22 03:00:00: r, which failed, and goes back to revision 2, of 0.26.2: DNS | WayBack",
		},
		"put back from its pin": {
			pinFailed,
			"it does not move: it is pinned to 0.27.3 on 2026-11-22 03:00:00: r, which failed: DNS | " +
				"Pin: addonctl retry --version 0.27.3 --cluster c1, or addonctl pin --version V --cluster c1, or addonctl unpin --cluster c1",
		},
		"pinned again to what it was put back from": {
			func(f *status.Fleet) { pinFailed(f); f.Addons[0].Spec.Pin.At = hoursAgo(1) }, "it moves: to 0.27.3, where it is pinned on 2026-11-22 11:00:00: r | Move",
		},
		"put back": {
			addOn(func(a *v1alpha1.Addon) {
				a.Status.NewestFit, a.Status.Held = "0.26.2", []v1alpha1.HeldRelease{{Version: "0.27.3", Reason: "DNS", At: hoursAgo(5)}}
			}),
			"it does not move: it was put back, and automatic updates do not take that release again until there is a newer one: 0.27.3: DNS | Held: addonctl retry --cluster c1",
		},
		"two policies": {
			func(f *status.Fleet) {
				f.Policies = []v1alpha1.UpdatePolicy{{ObjectMeta: metav1.ObjectMeta{Name: "a"}}, {ObjectMeta: metav1.ObjectMeta{Name: "b"}}}
			},
			"it does not move: it is taken by the policies a, b, so nothing is begun | Policy: whoever keeps policy a: kubectl edit updatepolicy a",
		},
		"a policy that is paused": {
			func(f *status.Fleet) {
				f.Policies = []v1alpha1.UpdatePolicy{{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Spec: v1alpha1.UpdatePolicySpec{Paused: true}}}
			},
			"it does not move: policy a is paused: it opens no rollout | Policy: whoever keeps policy a: kubectl edit updatepolicy a",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := status.Explain(recorded(c.change), "c1", now, now)
			if len(all) != 1 {
				t.Fatalf("%d explanations", len(all))
			}
			got := all[0].Verdict
			if len(all[0].Waits) > 0 {
				w := all[0].Waits[0]
				got += " | " + w.For
				if w.Wave != "" {
					got += " in wave " + w.Wave
				}
				if !w.Until.IsZero() {
					got += " until " + w.Until.Format("15:04")
				}
				if w.Who != "" {
					got += ": " + w.Who
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("explained (-want +got):\n%s", diff)
			}
		})
	}
}

// What was decided is told of any time, as far as the record goes, and nothing that came later.
func TestTheRecordTellsWhatWasDecidedUntilThen(t *testing.T) {
	t.Parallel()
	f := recorded(func(f *status.Fleet) {
		inRollout(f, "Finished", "2 of 2 clusters run 0.27.3", "", func(x *v1alpha1.AddonRollout) {
			state("Done", "")(x)
			x.Spec.Orders = []v1alpha1.Order{{Number: 1, Verb: "approve", Wave: "rest", By: "jo", Reason: "looks well", At: hoursAgo(4)}}
		})
		a := &f.Addons[0]
		a.Status.CurrentInstalledVersion = "0.27.3"
		a.Status.History = append([]v1alpha1.HistoryEntry{{Revision: 3, Version: "0.27.3", Status: "deployed", At: hoursAgo(2)}}, a.Status.History...)
		a.Status.History[1].Status = "superseded"
	})
	tell := func(h int) string {
		x := status.Explain(f, "c1", now.Add(-time.Duration(h)*time.Hour), now)[0]
		out := []string{fmt.Sprintf("%s since %s: %s", x.Version, x.Since.Format("01-02 15:04"), x.Why), x.Verdict}
		for _, d := range x.Decided {
			out = append(out, strings.TrimRight(fmt.Sprintf("%s %s %s %s", d.At.Format("01-02 15:04"), d.What, d.By, d.Why), " "))
		}
		return strings.Join(append(out, strings.SplitN(x.Ends, ";", 2)[0]), "\n")
	}
	for hours, want := range map[int]string{
		0: `0.27.3 since 11-22 10:00: the rollout fleet-flannel-0.27.3 brought it on 2026-11-22 10:00:00
it does not move: it runs 0.27.3, which is the newest that fits
11-22 10:00 revision 3: 0.27.3 deployed
11-22 10:00 Done in rollout fleet-flannel-0.27.3
11-22 08:00 order 1 for fleet-flannel-0.27.3: approve wave rest jo looks well
11-22 02:00 rollout fleet-flannel-0.27.3 of 0.27.3 opened policy fleet
11-18 08:00 revision 2: 0.26.2
11-14 04:00 revision 1: 0.24.4
the record goes back to 2026-11-14 04:00:00`,
		50: `0.26.2 since 11-18 08:00: somebody installed or moved it; no rollout of this hub did
the record has nothing that stood in its way then
11-18 08:00 revision 2: 0.26.2
11-14 04:00 revision 1: 0.24.4
the record goes back to 2026-11-14 04:00:00`,
		500: ` since 01-01 00:00: the record does not tell
the record does not tell
the record begins on 2026-11-14 04:00:00, after the time that was asked for`,
	} {
		if diff := cmp.Diff(want, tell(hours)); diff != "" {
			t.Errorf("%d hours ago (-want +got):\n%s", hours, diff)
		}
	}
	if all := status.Explain(f, "c2", now, now); len(all) > 0 {
		t.Errorf("a cluster that nobody recorded is explained: %+v", all)
	}
}
