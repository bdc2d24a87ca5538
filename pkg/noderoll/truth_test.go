package noderoll_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/addonctl/addonctl/pkg/noderoll"
)

const newest, older = "b", "a"

func running(revision string) *noderoll.Pod {
	return &noderoll.Pod{Name: "p", Revision: revision, Version: "0.27.3", Ready: true, Available: true}
}

func change(p *noderoll.Pod, f func(*noderoll.Pod)) *noderoll.Pod {
	f(p)
	return p
}

func TestClassifyTellsTheStateOfANode(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		node noderoll.Node
		want noderoll.State
	}{
		"a node that should not run the add-on": {
			noderoll.Node{Ready: true, Exempt: "taint x:NoSchedule", Pod: running(newest)}, noderoll.Exempt,
		},
		"a node without a pod": {noderoll.Node{Ready: true}, noderoll.Missing},
		"a pod that is being deleted counts as none": {
			noderoll.Node{Ready: true, Pod: change(running(newest), func(p *noderoll.Pod) { p.Terminating = true })}, noderoll.Missing,
		},
		"an older pod that works": {noderoll.Node{Ready: true, Pod: running(older)}, noderoll.Outdated},
		"an older pod that is broken": {
			noderoll.Node{Ready: true, Pod: change(running(older), func(p *noderoll.Pod) { p.Ready = false })}, noderoll.Broken,
		},
		"the newest pod, available":            {noderoll.Node{Ready: true, Pod: running(newest)}, noderoll.Ready},
		"the newest pod on a node that is not": {noderoll.Node{Pod: running(newest)}, noderoll.Starting},
		"a crash loop in the moment that it runs": {
			noderoll.Node{Ready: true, Pod: change(running(newest), func(p *noderoll.Pod) {
				p.Available, p.Restarts, p.Trouble = false, 1, "restarted after exit code 1"
			})}, noderoll.Failing,
		},
		"a crash loop in its back-off": {
			noderoll.Node{Ready: true, Pod: change(running(newest), func(p *noderoll.Pod) {
				p.Ready, p.Available, p.Bad, p.Trouble = false, false, true, "CrashLoopBackOff"
			})}, noderoll.Failing,
		},
		"a pod that is Ready for an instant": {
			noderoll.Node{Ready: true, Pod: change(running(newest), func(p *noderoll.Pod) { p.Available = false })}, noderoll.Starting,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := noderoll.Classify(c.node, newest); got != c.want {
				t.Errorf("Classify = %s, want %s", got, c.want)
			}
		})
	}
}

func TestSumCountsWhatHelmWouldCallReadyAsNotDone(t *testing.T) {
	t.Parallel()
	nodes := []noderoll.Node{
		{Name: "n2", Ready: true, Pod: running(newest)},
		{Name: "n1", Ready: true, Pod: change(running(newest), func(p *noderoll.Pod) {
			p.Ready, p.Available, p.Bad, p.Trouble, p.Restarts = false, false, true, "kube-flannel: CrashLoopBackOff", 4
		})},
		{Name: "v1", Ready: true, Exempt: noderoll.NotSelected},
	}
	got := noderoll.Sum(nodes, newest)
	want := noderoll.Truth{
		Total: 2, Updated: 2, Ready: 1, Unavailable: 1,
		Versions: []noderoll.VersionCount{{Version: "0.27.3", Nodes: 2}},
		Waiting:  []noderoll.Waiting{{Node: "n1", State: noderoll.Failing, Why: "kube-flannel: CrashLoopBackOff (4 restarts)"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Sum (-want +got):\n%s", diff)
	}
	if got.Done() {
		t.Error("Done with a crashing node")
	}
	if len(got.Bad()) != 1 {
		t.Errorf("Bad = %v, want node n1", got.Bad())
	}
}

func TestEveryReasonForWaitingHasASentence(t *testing.T) {
	t.Parallel()
	for want, n := range map[string]noderoll.Node{
		"the node itself is not Ready":    {Pod: running(newest)},
		"no pod yet":                      {Ready: true},
		"pod p is being deleted":          {Ready: true, Pod: change(running(newest), func(p *noderoll.Pod) { p.Terminating = true })},
		"still runs 0.27.3":               {Ready: true, Pod: running(older)},
		"Ready, not yet for long enough":  {Ready: true, Pod: change(running(newest), func(p *noderoll.Pod) { p.Available = false })},
		"not Ready":                       {Ready: true, Pod: change(running(newest), func(p *noderoll.Pod) { p.Ready, p.Available = false, false })},
		"init: ErrImagePull":              {Ready: true, Pod: &noderoll.Pod{Revision: newest, Trouble: "init: ErrImagePull", Bad: true}},
		"kube-flannel: oops (3 restarts)": {Ready: true, Pod: &noderoll.Pod{Revision: older, Trouble: "kube-flannel: oops", Restarts: 3}},
	} {
		if w := noderoll.Sum([]noderoll.Node{n}, newest).Waiting; len(w) != 1 || w[0].Why != want {
			t.Errorf("waiting = %+v, want the reason %q", w, want)
		}
	}
}

// What must hold of any cluster: the counts fit together, and the order of the nodes means nothing.
func TestSumHoldsTogether(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		nodes := rapid.SliceOfN(rapid.Custom(anyNode), 0, 12).Draw(t, "nodes")
		sum := noderoll.Sum(nodes, newest)
		if sum.Ready > sum.Updated || sum.Updated > sum.Total || sum.Unavailable > sum.Total {
			t.Fatalf("counts do not fit: %+v", sum)
		}
		if sum.Total != sum.Ready+len(sum.Waiting) {
			t.Fatalf("%d nodes, %d ready, %d waiting", sum.Total, sum.Ready, len(sum.Waiting))
		}
		shuffled := noderoll.Sum(rapid.Permutation(nodes).Draw(t, "shuffled"), newest)
		if diff := cmp.Diff(sum, shuffled); diff != "" {
			t.Fatalf("the order of the nodes matters:\n%s", diff)
		}
	})
}

func anyNode(t *rapid.T) noderoll.Node {
	n := noderoll.Node{Name: rapid.StringMatching("[a-z]{8}").Draw(t, "name"), Ready: rapid.Bool().Draw(t, "ready")}
	if rapid.IntRange(0, 9).Draw(t, "exempt") == 0 {
		n.Exempt = noderoll.NotSelected
	}
	if rapid.Bool().Draw(t, "pod") {
		ready := rapid.Bool().Draw(t, "pod ready")
		n.Pod = &noderoll.Pod{
			Revision: rapid.SampledFrom([]string{newest, older}).Draw(t, "revision"), Version: rapid.SampledFrom([]string{"1", "2"}).Draw(t, "version"),
			Ready: ready, Available: ready && rapid.Bool().Draw(t, "available"), Restarts: rapid.Int32Range(0, 3).Draw(t, "restarts"),
			Bad: rapid.Bool().Draw(t, "bad"), Terminating: rapid.Bool().Draw(t, "terminating"),
		}
	}
	return n
}
