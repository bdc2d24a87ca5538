package noderoll_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/noderoll"
)

// helper puts a pod of ours beside the agent that the node has.
func helper(purpose noderoll.Purpose, ago time.Duration, changes ...func(*noderoll.Helper)) edit {
	return func(n *noderoll.Node) {
		h := noderoll.Helper{Purpose: purpose, Name: string(purpose) + "-" + n.Name, UID: "h", By: n.Pod.UID, Created: noon.Add(-ago)}
		for _, c := range changes {
			c(&h)
		}
		n.Helpers = append(n.Helpers, h)
	}
}

func done(h *noderoll.Helper)       { h.Done, h.Address = true, "10.0.0.7" }
func ending(h *noderoll.Helper)     { h.Terminating = true }
func ofAnother(h *noderoll.Helper)  { h.By = "another" }
func unpullable(h *noderoll.Helper) { h.Bad, h.Trouble = true, "ErrImagePull" }
func pulling(h *noderoll.Helper)    { h.Trouble = "Pulling" }

// ours : we cordoned it so long ago.
func ours(ago time.Duration) edit {
	return func(n *noderoll.Node) { n.Cordoned, n.CordonedByUs, n.CordonedSince = true, true, noon.Add(-ago) }
}

func evictable(pods int) edit { return func(n *noderoll.Node) { n.Evictable = pods } }
func proved(n *noderoll.Node) { n.Pod.Proved = true }
func npn(state, reason string) edit {
	return func(n *noderoll.Node) { n.NPN = &noderoll.NPN{State: state, Reason: reason} }
}
func alone(n *noderoll.Node) { n.Evictable, n.Stranded = 1, "Pod a/b has no controller" }

func condition(status, message string) edit {
	return func(n *noderoll.Node) {
		n.Pod.Conditions = []noderoll.Condition{{Type: "A"}, {Type: probed, Status: status, Message: message}}
	}
}

// asks are the rules of the tables with more asked for.
func asks(changes ...func(*noderoll.Rules)) noderoll.Rules {
	r := rules
	for _, c := range changes {
		c(&r)
	}
	return r
}

func prePull(r *noderoll.Rules)  { r.PrePull = true }
func cordon(r *noderoll.Rules)   { r.Cordon = true }
func drain(r *noderoll.Rules)    { r.Cordon, r.Drain = true, true }
func freshPod(r *noderoll.Rules) { r.FreshPod = true }
func native(r *noderoll.Rules)   { r.NPN = true }
func probes(r *noderoll.Rules)   { r.Gates = []string{probed} }
func back(r *noderoll.Rules)     { r.Back = true }
func pause(r *noderoll.Rules)    { r.Paused = true }
func one(r *noderoll.Rules)      { r.Max = 1 }

func errandsOf(es []noderoll.Errand) string {
	var out []string
	for _, e := range es {
		out = append(out, e.String())
	}
	return strings.Join(out, ", ")
}

// tended is a case of a table whose decision is said with its errands.
type tended struct {
	nodes  []noderoll.Node
	rules  noderoll.Rules
	record noderoll.Record
	want   string
}

func checkErrands(t *testing.T, table map[string]tended) {
	t.Helper()
	for name, c := range table {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := noderoll.Decide(c.nodes, newest, c.rules, c.record, noon)
			if got := says(d) + " | " + errandsOf(d.Errands); got != c.want {
				t.Errorf("decided\n%s, want\n%s", got, c.want)
			}
		})
	}
}

func TestNodesAreMadeReady(t *testing.T) {
	t.Parallel()
	passed := on(n(1), taken(time.Hour))
	since := begun(time.Hour, "n1")
	checkErrands(t, map[string]tended{
		"all at once": {
			fleet(4, passed), asks(prePull, drain), since,
			"Batch of the other nodes: preparing n2, n3 | cordon n2, pull the images on n2, cordon n3, pull the images on n3",
		},
		"then what is on them goes": {
			fleet(4, passed, on(n(2, 3), ours(time.Second), evictable(2))), asks(drain), since, "Batch of the other nodes: preparing n2, n3 | drain n2, drain n3",
		},
		"what cannot be told is waited for": {
			fleet(3, passed, on(n(2), ours(time.Second), evictable(-1))), asks(drain, one), since, "Batch of the other nodes: preparing n2 | ",
		},
		"images that are on their way": {
			fleet(3, passed, on(n(2), helper(noderoll.Pull, time.Second))), asks(prePull, one), since, "Batch of the other nodes: preparing n2 | ",
		},
		"a node that is ready does not wait for another": {
			fleet(4, passed, on(n(2, 3), ours(time.Second)), on(n(3), evictable(1))), asks(drain), since, "Batch of the other nodes: change n2 | drain n3",
		},
		"a node that is ready for all that is asked": {
			fleet(3, passed, on(n(2), ours(time.Second), helper(noderoll.Pull, time.Second, done))), asks(drain, prePull, one), since, "Batch of the other nodes: change n2 | ",
		},
		"a helper of another agent is none": {
			fleet(3, passed, on(n(2), helper(noderoll.Pull, time.Second, done, ofAnother))), asks(prePull, one), since,
			"Batch of the other nodes: preparing n2 | pull the images on n2, remove pod pull-n2 on n2",
		},
		"one that ends is none either": {
			fleet(3, passed, on(n(2), helper(noderoll.Pull, time.Second, done, ending))), asks(prePull, one), since, "Batch of the other nodes: preparing n2 | pull the images on n2",
		},
		"what was begun is not begun elsewhere": {
			fleet(4, passed, on(n(3), ours(time.Second))), asks(cordon, one), since, "Batch of the other nodes: change n3 | ",
		},
		"nor where only images were pulled": {
			fleet(4, passed, on(n(3), helper(noderoll.Pull, time.Second))), asks(prePull, one), since, "Batch of the other nodes: preparing n3 | ",
		},
		"what is down counts against the bound": {
			fleet(4, passed, on(n(4), notReady(time.Hour))), asks(cordon), since,
			"Batch of the other nodes: preparing n2; n4 skipped, the node itself is not Ready | cordon n2",
		},
		"until it is given back": {
			fleet(4, passed, on(n(1), ours(time.Hour))), asks(cordon, one), since, "Batch of the other nodes: taking the cordon from n1 | uncordon n1",
		},
		"one that nobody gives back bars the others": {
			fleet(3, passed, on(n(2), ours(time.Hour), alone)), asks(drain, one), broken(since, "n2"),
			"Left of the other nodes: nodes without a working agent, or cordoned by us: 1; at most 1 may be so at any moment; n2 skipped, was broken before, and still is: Pod a/b has no controller | ",
		},
		"more than one at a time no more": {
			fleet(4, passed, on(n(2, 3), ours(time.Second), evictable(1))), asks(drain, one), since, "Batch of the other nodes: preparing n2 | drain n2, uncordon n3",
		},
		"what was promised is made ready too": {
			fleet(3, passed), asks(cordon), begun(time.Second, "n2"), "Batch of what was begun: preparing n2 | cordon n2",
		},
		"but not where somebody else has cordoned it": {
			fleet(3, passed, on(n(2), cordoned)), asks(cordon), begun(time.Second, "n2"), "Batch of the other nodes: preparing n3; n2 skipped, the node is cordoned | cordon n3",
		},
		"no cordon is asked for any more": {
			fleet(3, passed, on(n(2, 3), ours(time.Second))), asks(one), since, "Batch of the other nodes: change n2 | uncordon n2, uncordon n3",
		},
		"nodes of ours wait through a soak without a cordon": {
			fleet(3, on(n(1), taken(20*time.Second)), on(n(2), ours(time.Second))), asks(cordon), begun(25*time.Second, "n1"),
			"Soak of the other nodes: the nodes changed so far run until 12:00:20 before others follow | uncordon n2",
		},
		"a doubtful moment changes nothing": {
			fleet(4, passed, on(n(2), ours(time.Second)), on(n(4), down(time.Second))), asks(cordon), since,
			"Batch of the other nodes: waiting to see whether an agent that was not touched comes back: n4 | ",
		},
		"a drain of an earlier try is tried anew": {
			fleet(3, passed, on(n(2), ours(2*time.Minute), evictable(1))), asks(drain, one), since, "Batch of the other nodes: preparing n2 | uncordon n2",
		},
		"as is a pull": {
			fleet(3, passed, on(n(2), helper(noderoll.Pull, 2*time.Minute))), asks(prePull, one), since, "Batch of the other nodes: preparing n2 | remove pod pull-n2 on n2",
		},
		"on a way back nobody waits": {
			fleet(3), asks(prePull, drain, back), none, "PutBack of the way back: change n1 n2 | ",
		},
		"and what was cordoned stays so until it is back": {
			fleet(3, on(n(1), ours(time.Hour), taken(time.Hour)), on(n(2), gone, ours(time.Hour)), on(n(3), ours(time.Hour))), asks(back), begun(time.Second, "n2"),
			"PutBack of the way back: change n3 | uncordon n1",
		},
	})
}

func TestWhatIsNotToBeDoneIsTakenBack(t *testing.T) {
	t.Parallel()
	passed := on(n(1), taken(time.Hour))
	since := begun(time.Hour, "n1")
	checkErrands(t, map[string]tended{
		"while it is paused": {
			fleet(3, passed, on(n(2), ours(time.Second), evictable(1), helper(noderoll.Pull, time.Second, done))), asks(drain, prePull, pause), since,
			"Paused: paused | remove pod pull-n2 on n2, uncordon n2",
		},
		"at a halt, on nodes that were not changed": {
			fleet(4, on(n(1), taken(time.Hour), crashing, ours(time.Hour)), on(n(2), ours(time.Second)), on(n(3), gone, ours(time.Second))), asks(cordon), begun(time.Second, "n1", "n3"),
			"Halted: halted at n1: gate agent-restarts: CrashLoopBackOff (3 restarts) | uncordon n2",
		},
		"a node that has passed":            {fleet(1, on(n(1), taken(time.Hour), ours(time.Hour))), asks(cordon), since, "Finished: every node has taken the release and passed its gates | uncordon n1"},
		"a node that others cordoned stays": {fleet(1, on(n(1), taken(time.Hour), cordoned)), asks(cordon), since, "Finished: every node has taken the release and passed its gates | "},
		"a node that is skipped": {
			fleet(2, passed, on(n(2), ours(time.Second), notReady(time.Second), helper(noderoll.Pull, time.Second))), asks(cordon, prePull), since,
			"Left: the nodes that are left cannot be changed now; n2 skipped, the node itself is not Ready | remove pod pull-n2 on n2, uncordon n2",
		},
		"a node that need not run it any more": {
			fleet(2, passed, on(n(2), ours(time.Second), helper(noderoll.Pull, time.Second), func(n *noderoll.Node) { n.Exempt = "taint" })), asks(cordon), since,
			"Finished: every node has taken the release and passed its gates | remove pod pull-n2 on n2, uncordon n2",
		},
		"a node that is none of those that go back": {
			fleet(2, passed, on(n(2), ours(time.Second), helper(noderoll.Fresh, time.Second))), with(func(r *noderoll.Rules) { r.Back, r.FreshPod, r.Only = true, true, []string{"n1"} }), none,
			"PutBack of the way back: waiting for n1 | start a fresh pod on n1, remove pod fresh-n2 on n2, uncordon n2",
		},
		"a helper by a pod that is gone": {
			fleet(2, passed, on(n(2), helper(noderoll.Pull, time.Second), gone)), asks(prePull), begun(time.Second, "n2"), "Batch of the other nodes: waiting for n2 | remove pod pull-n2 on n2",
		},
		"a pull that nobody asks for":          {fleet(1, passed, on(n(1), helper(noderoll.Pull, time.Second))), rules, since, "Finished: every node has taken the release and passed its gates | remove pod pull-n1 on n1"},
		"a fresh pod that nobody asks for":     {fleet(1, passed, on(n(1), helper(noderoll.Fresh, time.Second, done))), rules, since, "Finished: every node has taken the release and passed its gates | remove pod fresh-n1 on n1"},
		"a fresh pod that is noted":            {fleet(1, passed, on(n(1), proved, helper(noderoll.Fresh, time.Second, done))), asks(freshPod), since, "Finished: every node has taken the release and passed its gates | remove pod fresh-n1 on n1"},
		"what ends already is left to its end": {fleet(1, passed, on(n(1), helper(noderoll.Fresh, time.Second, ending))), rules, since, "Finished: every node has taken the release and passed its gates | "},
	})
}

func TestFreshPods(t *testing.T) {
	t.Parallel()
	all := on(n(1, 2, 3), taken(time.Hour))
	since := begun(time.Hour, "n1")
	checkErrands(t, map[string]tended{
		"each changed node is tried, so many at a time": {fleet(3, all), asks(freshPod), since, "Canary of canary nodes: waiting for n1, n2, n3 | start a fresh pod on n1, start a fresh pod on n2"},
		"those that are tried count": {
			fleet(3, all, on(n(1), helper(noderoll.Fresh, time.Second))), asks(freshPod), since, "Canary of canary nodes: waiting for n1, n2, n3 | start a fresh pod on n2",
		},
		"until their time is up": {
			fleet(3, all, on(n(1), helper(noderoll.Fresh, time.Minute))), asks(freshPod, one), broken(since, "n1"),
			"Batch: waiting for n2, n3; n1 skipped, was broken before, and still is: a fresh pod got no address, or was not Ready, within 1m0s: nothing is known | start a fresh pod on n2",
		},
		"what got an address is noted, and passes": {
			fleet(3, all, on(n(1, 2, 3), helper(noderoll.Fresh, time.Hour, done))), asks(freshPod), since,
			"Finished: every node has taken the release and passed its gates | note that a fresh pod on n1 got 10.0.0.7, and remove it, " +
				"note that a fresh pod on n2 got 10.0.0.7, and remove it, note that a fresh pod on n3 got 10.0.0.7, and remove it",
		},
		"what is noted is not tried again": {fleet(3, all, on(n(1, 2, 3), proved)), asks(freshPod), since, "Finished: every node has taken the release and passed its gates | "},
		"not before the other gates say yes": {
			fleet(2, on(n(1), taken(time.Hour)), on(n(1), proved), on(n(2), taken(time.Second))), asks(freshPod), begun(2*time.Second, "n2"), "Batch of the other nodes: waiting for n2 | ",
		},
		"not while it is paused": {fleet(2, on(n(1, 2), taken(time.Hour))), asks(freshPod, pause), since, "Paused: paused | "},
		"not while another one has its name": {
			fleet(1, on(n(1), taken(time.Hour), helper(noderoll.Fresh, time.Second, ending))), asks(freshPod), since, "Canary of canary nodes: waiting for n1 | ",
		},
		"not beside one for another agent": {
			fleet(1, on(n(1), taken(time.Hour), helper(noderoll.Fresh, time.Second, ofAnother))), asks(freshPod), since, "Canary of canary nodes: waiting for n1 | remove pod fresh-n1 on n1",
		},
		"asked for in the middle it comes first": {
			fleet(6, all), asks(freshPod, one), since, "Canary of canary nodes: waiting for n1, n2, n3 | start a fresh pod on n1",
		},
		"a changed node is not late while it waits its turn": {
			fleet(2, on(n(1, 2), taken(70*time.Second))), asks(freshPod, one), begun(75*time.Second, "n1", "n2"), "Canary of canary nodes: waiting for n1, n2 | start a fresh pod on n1",
		},
		"one that is noted after a halt": {
			fleet(2, on(n(1), taken(time.Hour), crashing), on(n(2), taken(time.Hour), helper(noderoll.Fresh, time.Second, done))), asks(freshPod), since,
			"Halted: halted at n1: gate agent-restarts: CrashLoopBackOff (3 restarts) | note that a fresh pod on n2 got 10.0.0.7, and remove it",
		},
		"one that failed long ago is tried anew": {
			fleet(1, on(n(1), taken(time.Hour), helper(noderoll.Fresh, 2*time.Minute))), asks(freshPod), since,
			"Halted: halted at n1: gate fresh-pod: a fresh pod got no address, or was not Ready, within 1m0s: nothing is known | remove pod fresh-n1 on n1",
		},
		"but not where that does not halt": {
			fleet(1, on(n(1), taken(time.Hour), helper(noderoll.Fresh, time.Hour))), asks(freshPod), broken(since, "n1"),
			"Left: the nodes that are left cannot be changed now; n1 skipped, was broken before, and still is: a fresh pod got no address, or was not Ready, within 1m0s: nothing is known | ",
		},
		"a way back proves what is back": {fleet(1, on(n(1), taken(time.Hour))), asks(freshPod, back), none, "PutBack of the way back: waiting for n1 | start a fresh pod on n1"},
	})
}

func TestTheGatesOnAddresses(t *testing.T) {
	t.Parallel()
	passed := on(n(1), taken(time.Hour), npn("SUCCESS", ""))
	since := begun(time.Hour, "n1")
	pull := func(changes ...func(*noderoll.Helper)) []noderoll.Node {
		return fleet(3, passed, on(n(2), helper(noderoll.Pull, 59*time.Second, changes...)))
	}
	late := func(h *noderoll.Helper) { h.Created = noon.Add(-time.Minute) }
	check(t, map[string]decided{
		"no image":                 {pull(unpullable), asks(prePull), since, "Halted: halted at n2: gate image: ErrImagePull"},
		"an image that is slow":    {pull(pulling), asks(prePull, one), since, "Batch of the other nodes: preparing n2; images on n2: Pulling"},
		"too slow":                 {pull(pulling, late), asks(prePull), since, "Halted: halted at n2: gate image: the images are not there after 1m0s: Pulling"},
		"and nobody says why":      {pull(late), asks(prePull), since, "Halted: halted at n2: gate image: the images are not there after 1m0s: nothing is known"},
		"an image nobody asks for": {pull(unpullable), asks(one), since, "Batch of the other nodes: change n2"},
		"no image on a way back":   {pull(unpullable), asks(prePull, back), since, "PutBack of the way back: change n2 n3"},
		"no image where a change was begun": {
			pull(unpullable), asks(prePull), begun(time.Second, "n2"), "Halted: halted at n2: gate image: ErrImagePull",
		},
		"no image on a node that was broken": {
			fleet(2, passed, on(n(2), down(time.Hour), helper(noderoll.Pull, time.Second, unpullable))), asks(prePull), broken(since, "n2"),
			"Left: the nodes that are left cannot be changed now; n2 skipped, was broken before, and still is: ErrImagePull",
		},

		"a pod that would be lost":                    {fleet(2, passed, on(n(2), ours(time.Second), alone)), asks(drain), since, "Halted: halted at n2: gate drain: Pod a/b has no controller"},
		"however long ago":                            {fleet(2, passed, on(n(2), ours(time.Hour), alone)), asks(drain), since, "Halted: halted at n2: gate drain: Pod a/b has no controller"},
		"pods that do not leave":                      {fleet(2, passed, on(n(2), ours(time.Minute), evictable(2))), asks(drain), since, "Halted: halted at n2: gate drain: 2 pods have not left it after 1m0s"},
		"pods that nobody can count":                  {fleet(2, passed, on(n(2), ours(time.Minute), evictable(-1))), asks(drain), since, "Halted: halted at n2: gate drain: it cannot be told whether its pods have left it, for 1m0s: nothing is known"},
		"a drained node that has waited":              {fleet(2, passed, on(n(2), ours(time.Minute))), asks(drain), since, "Batch of the other nodes: change n2"},
		"pods that do not leave a node of a way back": {fleet(2, passed, on(n(2), ours(time.Minute), evictable(2))), asks(drain, back), since, "PutBack of the way back: change n2"},

		"addresses of the node's pods": {fleet(1, passed), asks(native), since, "Finished: every node has taken the release and passed its gates"},
		"none yet":                     {fleet(1, on(n(1), taken(50*time.Second), npn("IN_PROGRESS", ""))), asks(native), begun(55*time.Second, "n1"), "Canary of canary nodes: waiting for n1"},
		"none in time": {
			fleet(1, on(n(1), taken(time.Minute), npn("BACKOFF", "FailedToCreatePrivateIP"))), asks(native), begun(61*time.Second, "n1"),
			"Halted: halted at n1: gate native-pod-network: its NativePodNetwork is BACKOFF (FailedToCreatePrivateIP); it had 1m0s",
		},
		"nobody says anything": {fleet(1, on(n(1), taken(time.Hour))), asks(native), begun(time.Hour, "n1"), "Halted: halted at n1: gate native-pod-network: it has no NativePodNetwork; it had 1m0s"},
		"in no state":          {fleet(1, on(n(1), taken(time.Hour), npn("", ""))), asks(native), begun(time.Hour, "n1"), "Halted: halted at n1: gate native-pod-network: its NativePodNetwork is in no state; it had 1m0s"},
		"a node without addresses is not changed": {
			fleet(2, passed, on(n(2), npn("BACKOFF", ""))), asks(native), since, "Left: the nodes that are left cannot be changed now; n2 skipped, its NativePodNetwork is BACKOFF",
		},
		"but put back":           {fleet(2, passed, on(n(2), npn("BACKOFF", ""))), asks(native, back), none, "PutBack of the way back: change n2"},
		"where nobody needs one": {fleet(2, on(n(1), taken(time.Hour))), rules, since, "Batch of the other nodes: change n2"},

		"packets arrive":     {fleet(1, on(n(1), taken(time.Hour), condition("True", ""))), asks(probes), since, "Finished: every node has taken the release and passed its gates"},
		"nobody has said so": {fleet(1, on(n(1), taken(50*time.Second))), asks(probes), begun(55*time.Second, "n1"), "Canary of canary nodes: waiting for n1"},
		"nobody knows":       {fleet(1, on(n(1), taken(time.Minute), condition("Unknown", ""))), asks(probes), begun(61*time.Second, "n1"), "Halted: halted at n1: gate condition: nobody has said Probed; it had 1m0s"},
		"packets are lost":   {fleet(1, on(n(1), taken(20*time.Second), condition("False", "5 of 100 lost"))), asks(probes), begun(25*time.Second, "n1"), "Halted: halted at n1: gate condition: Probed is False: 5 of 100 lost"},
		"for no reason":      {fleet(1, on(n(1), taken(20*time.Second), condition("False", ""))), asks(probes), begun(25*time.Second, "n1"), "Halted: halted at n1: gate condition: Probed is False: it does not say why"},

		"a fresh pod cannot start":   {fleet(1, on(n(1), taken(time.Hour), helper(noderoll.Fresh, time.Second, unpullable))), asks(freshPod), since, "Halted: halted at n1: gate fresh-pod: ErrImagePull"},
		"a fresh pod has no address": {fleet(1, on(n(1), taken(time.Hour), helper(noderoll.Fresh, 59*time.Second))), asks(freshPod), since, "Canary of canary nodes: waiting for n1"},
		"a fresh pod gets none": {
			fleet(1, on(n(1), taken(time.Hour), helper(noderoll.Fresh, time.Minute, func(h *noderoll.Helper) { h.Trouble = "no IP" }))), asks(freshPod), since,
			"Halted: halted at n1: gate fresh-pod: a fresh pod got no address, or was not Ready, within 1m0s: no IP",
		},
	})
}

func TestWhatIsLeftOverGoes(t *testing.T) {
	t.Parallel()
	nodes := fleet(4, on(n(3), ours(time.Hour), helper(noderoll.Pull, time.Hour)), on(n(2), cordoned), on(n(1), helper(noderoll.Fresh, time.Hour, done)),
		on(n(4), helper(noderoll.Fresh, time.Hour, ending), ours(time.Hour), func(n *noderoll.Node) { n.Exempt = "taint" }))
	nodes[0], nodes[2] = nodes[2], nodes[0]
	want := []noderoll.Errand{
		{Kind: noderoll.RemoveHelper, Node: "n1", Helper: "fresh-n1", HelperUID: "h"},
		{Kind: noderoll.RemoveHelper, Node: "n3", Helper: "pull-n3", HelperUID: "h"},
		{Kind: noderoll.Uncordon, Node: "n3"},
		{Kind: noderoll.Uncordon, Node: "n4"},
	}
	if diff := cmp.Diff(want, noderoll.Leftovers(nodes)); diff != "" {
		t.Errorf("Leftovers (-want +got):\n%s", diff)
	}
}

func TestAnErrandSaysWhatItDoes(t *testing.T) {
	t.Parallel()
	if got := (noderoll.Errand{Kind: "Other", Node: "n1"}).String(); got != "Other n1" {
		t.Errorf("says %q", got)
	}
}

// What was broken before its change and has not passed a gate of addresses does not halt the roll later on.
func TestABrokenNodeStaysKnownUntilItHasPassed(t *testing.T) {
	t.Parallel()
	nodes := fleet(3, on(n(1), taken(time.Hour), npn("BACKOFF", "")), on(n(2, 3), npn("SUCCESS", "")))
	d := noderoll.Decide(nodes, newest, asks(native), broken(begun(time.Hour, "n1"), "n1"), noon)
	if diff := cmp.Diff([]string{"n1"}, d.Record.Broken); diff != "" {
		t.Errorf("the record's broken nodes (-want +got):\n%s\n%s", diff, says(d))
	}
}
