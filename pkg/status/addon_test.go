package status_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/status"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// A plan in each state, as plan.Make makes it, of three nodes.

func notInstalled() plan.Plan { return plan.Plan{AddOn: "Flannel", State: plan.NotInstalled} }

func installing() plan.Plan {
	return plan.Plan{
		AddOn: "Flannel", State: plan.Applying, To: "0.26.2", Hop: "0.26.2", Nodes: truth(0),
		Steps: []plan.Step{{Kind: plan.Apply, Text: "write the objects"}, {Kind: plan.AwaitNodes, Text: "wait"}},
	}
}

func rolling(ready int) plan.Plan {
	return plan.Plan{
		AddOn: "Flannel", State: plan.Rolling, From: "0.26.2", To: "0.26.2", Hop: "0.26.2", Nodes: truth(ready),
		Steps: []plan.Step{{Kind: plan.AwaitNodes, Text: "wait"}},
	}
}

func settling() plan.Plan {
	return plan.Plan{
		AddOn: "Flannel", State: plan.Settling, From: "0.26.2", To: "0.26.2", Hop: "0.26.2", Nodes: truth(3),
		Steps: []plan.Step{{Kind: plan.Settle, Text: "take back"}},
	}
}

func upToDate() plan.Plan {
	return plan.Plan{AddOn: "Flannel", State: plan.UpToDate, From: "0.26.2", To: "0.26.2", Hop: "0.26.2", Nodes: truth(3)}
}

func blocked(p plan.Plan) plan.Plan {
	p.State, p.Steps = plan.Blocked, nil
	p.Findings = []plan.Finding{
		{Reason: plan.NotListedFor, Message: "a note"},
		{Reason: plan.Paused, Message: "cluster in-cluster is paused", Blocking: true},
		{Reason: plan.OtherCNI, Message: "cilium runs", Blocking: true},
	}
	return p
}

// failing has one node that will not become Ready by waiting.
func failing(p plan.Plan) plan.Plan {
	p.Nodes.Waiting = append(p.Nodes.Waiting, noderoll.Waiting{Node: "n9", State: noderoll.Failing, Why: "CrashLoopBackOff"})
	return p
}

func failedPin(p plan.Plan) plan.Plan {
	p.Pinned, p.PinFailed = true, "Flannel is pinned to 0.27.3, which failed (pods lost DNS)"
	return p
}

func truth(ready int) noderoll.Truth {
	t := noderoll.Truth{Total: 3, Updated: ready, Ready: ready, Unavailable: 3 - ready}
	for i := ready; i < 3; i++ {
		t.Waiting = append(t.Waiting, noderoll.Waiting{Node: fmt.Sprintf("n%d", i), State: noderoll.Starting, Why: "not Ready"})
	}
	if ready > 0 {
		t.Versions = []noderoll.VersionCount{{Version: "0.26.2", Nodes: ready}}
	}
	return t
}

func present(r ...plan.Revision) plan.Input {
	return plan.Input{Now: now, Installed: plan.Installed{Present: true, Observed: true, Version: "0.26.2"}, Record: plan.Record{Revisions: r}}
}

// One row per row of Lifecycle's table, and those where two rows of it hold.
func TestLifecycleIsOKEsWordForWhereAnAddOnStands(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		plan plan.Plan
		want string
	}{
		"a blocking finding":                            {blocked(upToDate()), "NEEDS_ATTENTION"},
		"a blocking finding and nothing live":           {blocked(installing()), "NEEDS_ATTENTION"},
		"nodes that will not become Ready":              {failing(rolling(2)), "NEEDS_ATTENTION"},
		"nodes that fail while everything is installed": {failing(installing()), "NEEDS_ATTENTION"},
		"nothing left, and the pin has failed":          {failedPin(upToDate()), "NEEDS_ATTENTION"},
		"steps left, on the way back from a pin":        {failedPin(settling()), "UPDATING"},
		"steps left, nothing live yet":                  {installing(), "CREATING"},
		"steps left, to be written over another": {
			plan.Plan{State: plan.Applying, From: "0.24.4", To: "0.26.2", Steps: []plan.Step{{Kind: plan.Apply}}}, "UPDATING",
		},
		"steps left, nodes on their way":           {rolling(1), "UPDATING"},
		"steps left, old rules to be taken back":   {settling(), "UPDATING"},
		"nothing left, every node Ready":           {upToDate(), "ACTIVE"},
		"nothing left, no node that should run it": {plan.Plan{State: plan.UpToDate, From: "0.26.2"}, "ACTIVE"},
		"nothing left, nothing live":               {notInstalled(), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := status.Lifecycle(c.plan); got != c.want {
				t.Errorf("lifecycle = %q, want %q", got, c.want)
			}
		})
	}
}

// conditions are what a status says, as "Type=Status Reason".
func conditions(s v1alpha1.AddonStatus) []string {
	var out []string
	for _, c := range s.Conditions {
		out = append(out, fmt.Sprintf("%s=%s %s", c.Type, c.Status, c.Reason))
	}
	return out
}

func TestConditionsSayWhereAnAddOnStands(t *testing.T) {
	t.Parallel()
	pinned := upToDate()
	pinned.Pinned = true
	noNodes := upToDate()
	noNodes.Nodes = noderoll.Truth{}
	late := upToDate()
	late.Nodes.Unavailable = 1
	for name, c := range map[string]struct {
		in   plan.Input
		plan plan.Plan
		want []string
	}{
		"nothing installed": {
			plan.Input{Now: now},
			notInstalled(),
			[]string{"Ready=False NotInstalled", "Degraded=False AllNodesReady", "Pinned=False Automatic"},
		},
		"a first installation, before the first write": {
			plan.Input{Now: now},
			installing(),
			[]string{"Ready=False Applying", "Degraded=False AllNodesReady", "Pinned=False Automatic", "Reconciling=True Applying"},
		},
		"nodes on their way": {
			present(), rolling(1),
			[]string{"Ready=False Rolling", "Degraded=True NodesNotReady", "Pinned=False Automatic", "Reconciling=True Rolling"},
		},
		"old rules to be taken back": {
			present(), settling(),
			[]string{"Ready=False Rolling", "Degraded=False AllNodesReady", "Pinned=False Automatic", "Reconciling=True Rolling"},
		},
		"everything done": {
			present(), upToDate(), []string{"Ready=True AllNodesReady", "Degraded=False AllNodesReady", "Pinned=False Automatic"},
		},
		"everything done, and no node should run it": {
			present(), noNodes, []string{"Ready=True NoNodes", "Degraded=False AllNodesReady", "Pinned=False Automatic"},
		},
		"an operator keeps the version": {
			present(), pinned, []string{"Ready=True AllNodesReady", "Degraded=False AllNodesReady", "Pinned=True Pinned"},
		},
		"the pin has failed": {
			present(), failedPin(upToDate()),
			[]string{"Ready=False PinFailed", "Degraded=False AllNodesReady", "Pinned=True PinFailed", "Stalled=True PinFailed"},
		},
		"the pin has failed, and nodes are on their way back": {
			present(), failedPin(rolling(1)),
			[]string{"Ready=False Rolling", "Degraded=True NodesNotReady", "Pinned=True PinFailed", "Reconciling=True Rolling"},
		},
		"a blocking finding while every node is fine": {
			present(), blocked(upToDate()),
			[]string{"Ready=False Blocked", "Degraded=False AllNodesReady", "Pinned=False Automatic", "Stalled=True Blocked"},
		},
		"a blocking finding and nothing live": {
			plan.Input{Now: now},
			blocked(installing()),
			[]string{"Ready=False Blocked", "Degraded=False AllNodesReady", "Pinned=False Automatic", "Stalled=True Blocked"},
		},
		"a node in trouble that is still waited for": {
			present(), failing(rolling(2)),
			[]string{"Ready=False Rolling", "Degraded=True NodesNotReady", "Pinned=False Automatic", "Reconciling=True Rolling"},
		},
		"a node without an available pod, nothing left to do": {
			present(), late, []string{"Ready=True AllNodesReady", "Degraded=True NodesNotReady", "Pinned=False Automatic"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := status.Addon(v1alpha1.AddonStatus{}, 7, c.in, c.plan, "cli")
			if diff := cmp.Diff(c.want, conditions(got)); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
			for _, x := range got.Conditions {
				if x.Message == "" || x.ObservedGeneration != 7 || !x.LastTransitionTime.Time.Equal(now) {
					t.Errorf("%s: message %q, generation %d, since %s", x.Type, x.Message, x.ObservedGeneration, x.LastTransitionTime)
				}
			}
		})
	}
}

func TestAStalledAddOnSaysTheFirstThingThatBlocks(t *testing.T) {
	t.Parallel()
	got := status.Addon(v1alpha1.AddonStatus{}, 1, present(), blocked(upToDate()), "cli")
	for _, c := range got.Conditions {
		if (c.Type == "Ready" || c.Type == "Stalled") && c.Message != "cluster in-cluster is paused" {
			t.Errorf("%s says %q", c.Type, c.Message)
		}
	}
}

// A condition's time is that of its last change, however often it is looked at, and whatever its text says by now.
func TestATransitionTimeIsKeptUntilTheConditionChanges(t *testing.T) {
	t.Parallel()
	at := func(minute int, p plan.Plan, before v1alpha1.AddonStatus) v1alpha1.AddonStatus {
		in := present()
		in.Now = now.Add(time.Duration(minute) * time.Minute)
		return status.Addon(before, int64(minute), in, p, "cli")
	}
	since := func(s v1alpha1.AddonStatus) map[string]string {
		out := map[string]string{}
		for _, c := range s.Conditions {
			out[c.Type] = fmt.Sprintf("%s since minute %.0f", c.Status, c.LastTransitionTime.Sub(now).Minutes())
		}
		return out
	}
	s := at(0, upToDate(), v1alpha1.AddonStatus{})
	for _, look := range []struct {
		minute int
		plan   plan.Plan
		want   map[string]string
	}{
		{1, upToDate(), map[string]string{"Ready": "True since minute 0", "Degraded": "False since minute 0", "Pinned": "False since minute 0"}},
		{2, rolling(1), map[string]string{
			"Ready": "False since minute 2", "Degraded": "True since minute 2", "Pinned": "False since minute 0", "Reconciling": "True since minute 2",
		}},
		// Other texts and reasons, the same truth.
		{3, rolling(2), map[string]string{
			"Ready": "False since minute 2", "Degraded": "True since minute 2", "Pinned": "False since minute 0", "Reconciling": "True since minute 2",
		}},
		{4, blocked(upToDate()), map[string]string{
			"Ready": "False since minute 2", "Degraded": "False since minute 4", "Pinned": "False since minute 0", "Stalled": "True since minute 4",
		}},
		{5, upToDate(), map[string]string{"Ready": "True since minute 5", "Degraded": "False since minute 4", "Pinned": "False since minute 0"}},
		// A condition that was gone begins anew.
		{6, blocked(upToDate()), map[string]string{
			"Ready": "False since minute 6", "Degraded": "False since minute 4", "Pinned": "False since minute 0", "Stalled": "True since minute 6",
		}},
	} {
		s = at(look.minute, look.plan, s)
		if diff := cmp.Diff(look.want, since(s)); diff != "" {
			t.Errorf("minute %d (-want +got):\n%s", look.minute, diff)
		}
		if s.ObservedGeneration != int64(look.minute) {
			t.Errorf("minute %d: generation %d", look.minute, s.ObservedGeneration)
		}
	}
}

// Nothing but the transition times comes from the status before.
func TestWhatStoodInAStatusBeforeIsGone(t *testing.T) {
	t.Parallel()
	before := status.Addon(v1alpha1.AddonStatus{}, 1, present(revisions(3)...), blocked(rolling(1)), "manager-7")
	kept := *before.DeepCopy()
	got := status.Addon(before, 2, plan.Input{Now: now}, notInstalled(), "cli")
	want := status.Addon(v1alpha1.AddonStatus{}, 2, plan.Input{Now: now}, notInstalled(), "cli")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(kept, before); diff != "" {
		t.Errorf("the status before was changed (-want +got):\n%s", diff)
	}
}

func revisions(n int) []plan.Revision {
	var out []plan.Revision
	for i := range n {
		r := plan.Revision{Number: i + 1, Version: fmt.Sprintf("0.%d.0", i+1), Status: plan.Superseded, Updated: now.Add(time.Duration(i-n) * time.Hour)}
		if i == n-1 {
			r.Status = plan.Deployed
		}
		out = append(out, r)
	}
	return out
}

func TestHistoryIsTheTenNewestRevisionsNewestFirst(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ recorded, want int }{
		"none": {0, 0}, "one": {1, 1}, "ten": {10, 10}, "eleven": {11, 10}, "very many": {200, 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := revisions(c.recorded)
			got := status.Addon(v1alpha1.AddonStatus{}, 1, present(all...), upToDate(), "cli").History
			var want []v1alpha1.HistoryEntry
			for i := range c.want {
				r := all[len(all)-1-i]
				want = append(want, v1alpha1.HistoryEntry{
					Revision: int32(r.Number), Version: r.Version, Status: string(r.Status), At: &metav1.Time{Time: r.Updated},
				})
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
		})
	}
}

func TestATargetIsNamedOnlyWhileAnAddOnIsOnItsWay(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]plan.Plan{"0.26.2": rolling(1), "": upToDate()} {
		if got := status.Addon(v1alpha1.AddonStatus{}, 1, present(), p, "cli").TargetVersion; got != want {
			t.Errorf("%s: target %q, want %q", p.State, got, want)
		}
	}
}

func TestAWholeStatusReadsLikeThis(t *testing.T) {
	t.Parallel()
	in := present(revisions(2)...)
	p := rolling(1)
	p.To, p.Pinned = "0.26.2", true
	p.Desired = plan.Desired{AddOn: "Flannel", Version: "0.26.2", Pin: plan.Pin{Reason: "kernel"}}
	p.Findings = []plan.Finding{{Check: "listed-for", Reason: plan.NotListedFor, Message: "Oracle lists it for 1.33", Fix: "none"}}
	got, err := yaml.Marshal(status.Addon(v1alpha1.AddonStatus{}, 4, in, p, "cli"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `conditions:
- lastTransitionTime: "2026-11-22T12:00:00Z"
  message: Flannel 0.26.2 is Ready on 1 of 3 nodes
  observedGeneration: 4
  reason: Rolling
  status: "False"
  type: Ready
- lastTransitionTime: "2026-11-22T12:00:00Z"
  message: 2 of 3 nodes have no available pod of Flannel
  observedGeneration: 4
  reason: NodesNotReady
  status: "True"
  type: Degraded
- lastTransitionTime: "2026-11-22T12:00:00Z"
  message: 'an operator keeps Flannel at 0.26.2: kernel'
  observedGeneration: 4
  reason: Pinned
  status: "True"
  type: Pinned
- lastTransitionTime: "2026-11-22T12:00:00Z"
  message: wait
  observedGeneration: 4
  reason: Rolling
  status: "True"
  type: Reconciling
currentInstalledVersion: 0.26.2
drivenBy: cli
findings:
- message: Oracle lists it for 1.33
  reason: NotListedFor
history:
- at: "2026-11-22T11:00:00Z"
  revision: 2
  status: deployed
  version: 0.2.0
- at: "2026-11-22T10:00:00Z"
  revision: 1
  status: superseded
  version: 0.1.0
lifecycleState: UPDATING
nodeVersions:
- nodes: 1
  version: 0.26.2
nodes:
  ready: 1
  total: 3
  updated: 1
observedGeneration: 4
targetVersion: 0.26.2
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
