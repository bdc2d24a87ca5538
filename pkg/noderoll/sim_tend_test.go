package noderoll_test

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/addonctl/addonctl/pkg/noderoll"
)

// hindrance is what becomes of what is done on a node before its agent goes, and after.
type hindrance int

const (
	unhindered   hindrance = iota
	noImage                // a helper pod that pulls says at once that there is no image
	slowImage              // or never says anything
	keptPods               // a pod that is never evicted
	strandedPods           // pods that nothing would make anew
	uncountable            // nobody can tell which pods are there
	noAddress              // a fresh pod never gets an address
	badFresh               // or cannot even start
	noCondition            // nobody says anything of the node's packets
	lostPackets            // or that they are lost
	noNetwork              // its NativePodNetwork never is in success again
	hindrances
)

// drawTending adds what is asked for beside deleting pods, and what hinders it.
func drawTending(t *rapid.T, s *schedule, hindered bool) {
	yes := func(name string) bool { return rapid.IntRange(0, 2).Draw(t, name) == 0 }
	s.rules.PrePull, s.rules.Drain, s.rules.FreshPod, s.rules.NPN = yes("pre-pull"), yes("drain"), yes("fresh pod"), yes("npn")
	s.rules.Cordon = s.rules.Drain || yes("cordon")
	if yes("condition") {
		s.rules.Gates = []string{probed}
	}
	for range s.nodes {
		h := unhindered
		if hindered && rapid.IntRange(0, 3).Draw(t, "is hindered") == 0 {
			h = hindrance(rapid.IntRange(0, int(hindrances)-1).Draw(t, "hindrance"))
		}
		s.hindrances = append(s.hindrances, h)
		s.loads = append(s.loads, rapid.IntRange(0, 2).Draw(t, "load"))
	}
}

// probed is the condition that stands for somebody's probe of the packets.
const probed = "Probed"

// tendings are events that change what is asked for in the middle, or disturb it.
var tendings = []string{"pre-pull", "cordoning", "draining", "fresh pods", "helper lost", "fewer at a time"}

func (w *world) tending(e event, n *simulated) {
	switch r := &w.rules; e.what {
	case "pre-pull":
		r.PrePull = !r.PrePull
	case "cordoning":
		r.Cordon = !r.Cordon || r.Drain
	case "draining":
		r.Drain = !r.Drain
		r.Cordon = r.Cordon || r.Drain
	case "fresh pods":
		r.FreshPod = !r.FreshPod
	case "fewer at a time":
		r.Max = 1
	case "helper lost":
		for i := range n.Helpers {
			n.Helpers[i].Terminating = true
		}
	}
}

// tend is what a second does to what is done beside deleting pods.
func (w *world) tend(n *simulated) {
	h := w.hindrances[n.place]
	left := n.Helpers[:0:0]
	for _, p := range n.Helpers {
		if p.Terminating && n.Ready {
			continue
		}
		age := int(w.time().Sub(p.Created) / time.Second)
		switch bad := p.Purpose == noderoll.Pull && h == noImage || p.Purpose == noderoll.Fresh && h == badFresh && w.newest != older; {
		case bad:
			p.Bad, p.Trouble = age > 0, "ErrImagePull"
		case p.Purpose == noderoll.Pull && h == slowImage, p.Purpose == noderoll.Fresh && h == noAddress && w.newest != older:
		case age >= w.slow[n.place]:
			p.Done, p.Address = true, "10.0.0.9"
		}
		left = append(left, p)
	}
	n.Helpers = left
	if !n.Cordoned {
		n.load = w.loads[n.place]
	}
	n.Evictable, n.Stranded = 0, ""
	if n.CordonedByUs && w.rules.Drain {
		n.Evictable = n.load
		switch {
		case h == uncountable:
			n.Evictable = -1
		case h == keptPods:
			n.Evictable = max(1, n.load)
		case h == strandedPods && n.load > 0:
			n.Stranded = "Pod default/alone has no controller"
		}
	}
	n.NPN = &noderoll.NPN{State: noderoll.NPNSuccess}
	if p := n.Pod; p != nil && p.Revision != older {
		age := int(w.time().Sub(p.Created) / time.Second)
		if h == noNetwork || age < 2 {
			n.NPN = &noderoll.NPN{State: "BACKOFF"}
		}
	}
	w.probe(n, h)
}

func (w *world) probe(n *simulated, h hindrance) {
	p := n.Pod
	if p == nil || !p.Ready || h == noCondition && p.Revision != older {
		return
	}
	status := "True"
	if h == lostPackets && p.Revision != older {
		status = "False"
	}
	p.Conditions = []noderoll.Condition{{Type: probed, Status: status}}
}

// errand carries out an errand, as the engine does: what is so already is left.
func (w *world) errand(e noderoll.Errand) error {
	i := slices.IndexFunc(w.nodes, func(n *simulated) bool { return n.Name == e.Node })
	if i < 0 {
		return fmt.Errorf("%s: there is no such node", e)
	}
	n := w.nodes[i]
	switch e.Kind {
	case noderoll.Cordon:
		if n.Cordoned || n.CordonedByUs {
			return fmt.Errorf("%s: it is cordoned", e)
		}
		if err := w.cordonBound(n); err != nil {
			return err
		}
		n.Cordoned, n.CordonedByUs, n.CordonedSince = true, true, w.time()
	case noderoll.Uncordon:
		if !n.CordonedByUs {
			return fmt.Errorf("%s: it was not us who cordoned it", e)
		}
		n.Cordoned, n.CordonedByUs, n.CordonedSince = false, false, time.Time{}
	case noderoll.Drain:
		if !n.CordonedByUs || w.rules.Back {
			return fmt.Errorf("%s: it is not cordoned, or this is a way back", e)
		}
		if h := w.hindrances[n.place]; h != keptPods && h != strandedPods {
			n.load = max(0, n.load-1)
		}
	case noderoll.StartPull, noderoll.StartFresh:
		return w.start(n, e)
	case noderoll.NoteFresh:
		if n.Pod == nil || n.Pod.UID != e.UID {
			return fmt.Errorf("%s: its agent is another one", e)
		}
		n.Pod.Proved = true
		return w.dismiss(n, e)
	case noderoll.RemoveHelper:
		return w.dismiss(n, e)
	default:
		return fmt.Errorf("%s: unheard of", e)
	}
	return nil
}

func (w *world) start(n *simulated, e noderoll.Errand) error {
	p := noderoll.Helper{Purpose: noderoll.Pull, Name: "h-" + n.Name, By: e.UID, Created: w.time()}
	if e.Kind == noderoll.StartFresh {
		p.Purpose = noderoll.Fresh
	}
	tried := 1
	for _, o := range w.nodes {
		for _, h := range o.Helpers {
			if h.Purpose == noderoll.Fresh && !h.Done && !h.Terminating && !h.Bad && w.time().Sub(h.Created) < w.rules.NodeTimeout {
				tried++
			}
		}
	}
	switch {
	case n.Pod == nil || n.Pod.UID != e.UID || (n.Pod.Revision == w.newest) != (p.Purpose == noderoll.Fresh):
		return fmt.Errorf("%s: its agent is another one, or of the wrong revision", e)
	case p.Purpose == noderoll.Fresh && len(n.Helpers) > 0:
		return fmt.Errorf("%s: there is a helper pod still", e)
	case p.Purpose == noderoll.Fresh && tried > w.rules.Max:
		return fmt.Errorf("%s: %d are tried at a time, of %d at most", e, tried, w.rules.Max)
	case slices.ContainsFunc(n.Helpers, func(h noderoll.Helper) bool { return h.Purpose == p.Purpose }):
		return nil // its name is taken for a moment
	}
	w.pods++
	p.UID = fmt.Sprint(w.pods)
	n.Helpers = append(n.Helpers, p)
	return nil
}

func (w *world) dismiss(n *simulated, e noderoll.Errand) error {
	for i := range n.Helpers {
		if n.Helpers[i].UID == e.HelperUID {
			n.Helpers[i].Terminating = true
			return nil
		}
	}
	return fmt.Errorf("%s: there is no such pod", e)
}

// cordonBound : never more nodes than may be are cordoned by us or down together, after n has become so.
func (w *world) cordonBound(n *simulated) error {
	if n.CordonedByUs || !works(n.Node) {
		return nil
	}
	out := 1
	for _, o := range w.nodes {
		if o.CordonedByUs || !works(o.Node) {
			out++
		}
	}
	if out > w.rules.Max {
		return fmt.Errorf("%d nodes are cordoned by us or down with %s, of %d at most", out, n.Name, w.rules.Max)
	}
	return nil
}

// prepared : no agent goes before its node is as the policy wants it.
func (w *world) prepared(n noderoll.Node) error {
	r := w.rules
	pulled := slices.ContainsFunc(n.Helpers, func(h noderoll.Helper) bool { return h.Purpose == noderoll.Pull && h.Done && h.By == n.Pod.UID })
	switch {
	case r.Back:
		return nil
	case r.PrePull && !pulled:
		return fmt.Errorf("the agent of %s is deleted before the images are there", n.Name)
	case r.Cordon && !n.CordonedByUs:
		return fmt.Errorf("the agent of %s is deleted before it is cordoned", n.Name)
	case r.Drain && n.Evictable != 0:
		return fmt.Errorf("the agent of %s is deleted before it is drained", n.Name)
	}
	return nil
}

// begins tells whether an errand begins something.
func begins(e noderoll.Errand) bool {
	return !slices.Contains([]noderoll.ErrandKind{noderoll.NoteFresh, noderoll.RemoveHelper, noderoll.Uncordon}, e.Kind)
}

// tidied : at the end nothing of ours is left but on nodes that wait for somebody, and nothing at all once what is left over was taken back.
func (w *world) tidied() error {
	d := w.lastSeen
	waits := map[string]bool{}
	for _, h := range d.Failed {
		waits[h.Node] = true
	}
	for _, s := range d.Skipped {
		waits[s.Node] = s.State == noderoll.Failing || s.State == noderoll.Outdated || s.State == noderoll.Broken
	}
	for _, name := range d.InFlight {
		waits[name] = true
	}
	for _, n := range w.nodes {
		if n.CordonedByUs && (!waits[n.Name] || d.Phase == noderoll.Finished) {
			return fmt.Errorf("%s stays cordoned by us", n.Name)
		}
		for _, h := range n.Helpers {
			if !h.Terminating && (!waits[n.Name] || d.Phase == noderoll.Finished) {
				return fmt.Errorf("helper pod %+v stays on %s", h, n.Name)
			}
		}
	}
	for _, e := range noderoll.Leftovers(w.seen()) {
		if begins(e) {
			return fmt.Errorf("%s is no taking back", e)
		}
	}
	return nil
}
