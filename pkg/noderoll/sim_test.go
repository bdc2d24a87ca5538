package noderoll_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/addonctl/addonctl/pkg/noderoll"
)

// fate of a pod of one revision on one node.
type fate int

const (
	good  fate = iota
	never      // never Ready
	crash      // a crash loop from the start
	late       // Ready, and a crash loop later
	fates
)

// event is what somebody else does.
type event struct {
	at   int // in seconds from the beginning
	what string
	node int
}

var (
	// calm events are no reason to halt, harsh ones may be one.
	calm  = append([]string{"join", "vanish", "evict", "cordon", "uncordon", "clock back", "pause", "resume"}, tendings...)
	harsh = []string{"node down", "node up", "agent lost", "agent blinks", "edit", "edit back"}
)

// schedule is a cluster, what happens to it, and when whoever rolls it is killed.
type schedule struct {
	nodes  int
	rules  noderoll.Rules
	pools  []int
	slow   []int // seconds until a pod is Ready, by node
	fates  []fate
	broken []bool
	events []event
	// hindrances and loads, the pods that are to be evicted, by node.
	hindrances []hindrance
	loads      []int
	// kills by the number of the step with deletions: 1 before the record is written, 2 after it, 3 after the first deletion.
	kills map[int]int
	// away is how many seconds pass until somebody goes on. Killed twice while a node is drained, it is not to be out of time for that alone.
	away int
}

// harmless schedules give no reason to halt, and none to leave a node out.
func (s schedule) harmless() bool {
	return !slices.ContainsFunc(s.fates, func(f fate) bool { return f != good }) && !slices.Contains(s.broken, true) &&
		!slices.ContainsFunc(s.hindrances, func(h hindrance) bool { return h != unhindered }) &&
		!slices.ContainsFunc(s.events, func(e event) bool { return slices.Contains(harsh, e.what) })
}

var (
	anySchedule = rapid.Custom(func(t *rapid.T) schedule { return draw(t, append(slices.Clone(calm), harsh...), 5) })
	// quiet schedules have no events.
	quietSchedule = rapid.Custom(func(t *rapid.T) schedule { return draw(t, nil, 0) })
)

func draw(t *rapid.T, events []string, most int) schedule {
	s := schedule{
		nodes: rapid.IntRange(1, 7).Draw(t, "nodes"), away: rapid.IntRange(0, 3).Draw(t, "away"), kills: map[int]int{},
		rules: noderoll.Rules{
			Canaries: rapid.IntRange(0, 2).Draw(t, "canaries"), Max: rapid.IntRange(1, 3).Draw(t, "max"), MaxRestarts: 1,
			Soak: rapid.SampledFrom([]time.Duration{0, 3 * time.Second}).Draw(t, "soak"), ReadyFor: 2 * time.Second, NodeTimeout: 12 * time.Second,
		},
	}
	bad := rapid.IntRange(0, 2).Draw(t, "bad nodes") // of three schedules one has none
	for range s.nodes {
		s.pools = append(s.pools, rapid.IntRange(0, 1).Draw(t, "pool"))
		s.slow = append(s.slow, rapid.IntRange(1, 4).Draw(t, "slow"))
		f, b := good, false
		if bad > 0 {
			f = fate(max(0, rapid.IntRange(-4, int(fates)-1).Draw(t, "fate")))
			b = rapid.IntRange(0, 9).Draw(t, "broken") == 0
		}
		s.fates, s.broken = append(s.fates, f), append(s.broken, b)
	}
	drawTending(t, &s, bad > 1)
	for range rapid.IntRange(0, most).Draw(t, "events") {
		s.events = append(s.events, event{
			rapid.IntRange(0, 60).Draw(t, "at"), rapid.SampledFrom(events).Draw(t, "what"), rapid.IntRange(0, s.nodes-1).Draw(t, "node"),
		})
	}
	if most > 0 {
		for range rapid.IntRange(0, 2).Draw(t, "kills") {
			s.kills[rapid.IntRange(1, 8).Draw(t, "step")] = rapid.IntRange(1, 3).Draw(t, "kill")
		}
	}
	return s
}

// simulated node: what is seen of it, and what will be.
type simulated struct {
	noderoll.Node
	load    int  // pods that are to be evicted
	place   int  // fates and slowness go by it
	left    int  // seconds until a pod is gone, or the next one is there
	blinks  int  // seconds until an agent that blinks is back
	evicted bool // and replaced before anybody looks
}

// world is a cluster in virtual time, with a DaemonSet controller and kubelets in it.
type world struct {
	schedule
	second   int
	behind   time.Duration // how far the clock went back
	nodes    []*simulated
	newest   string
	record   noderoll.Record
	pods     int
	joined   int
	steps    int
	paused   bool
	whole    bool // what was decided last was carried out whole
	quiet    bool // nothing gives a reason to halt, or to leave a node out
	touched  map[string]string
	decide   decider
	lastSeen noderoll.Decision
}

type decider func([]noderoll.Node, string, noderoll.Rules, noderoll.Record, time.Time) noderoll.Decision

func begin(s schedule, decide decider) *world {
	w := &world{schedule: s, newest: older, touched: map[string]string{}, decide: decide, quiet: s.harmless()}
	for i := range s.nodes {
		w.join(i)
		n := w.nodes[i]
		n.ReadySince = w.time().Add(-time.Hour)
		p := w.pod(n)
		p.Ready, p.Available = !s.broken[i], !s.broken[i]
		p.Created, p.Started, p.ReadySince = n.ReadySince, n.ReadySince, n.ReadySince
		w.tend(n)
	}
	w.newest = newest
	return w
}

func (w *world) time() time.Time { return noon.Add(time.Duration(w.second)*time.Second - w.behind) }

func (w *world) join(place int) {
	w.joined++
	w.nodes = append(w.nodes, &simulated{place: place, Node: noderoll.Node{
		Name: fmt.Sprintf("n%02d", w.joined), Ready: true, ReadySince: w.time(), Pool: fmt.Sprint(w.pools[place]),
	}})
}

func (w *world) pod(n *simulated) *noderoll.Pod {
	w.pods++
	n.Pod = &noderoll.Pod{Name: fmt.Sprintf("p%d", w.pods), UID: fmt.Sprint(w.pods), Revision: w.newest, Created: w.time(), ReadySince: w.time()}
	return n.Pod
}

// tick lets a second pass.
func (w *world) tick() {
	w.second++
	for _, e := range w.events {
		if e.at == w.second {
			w.happen(e)
		}
	}
	for _, n := range w.nodes {
		n.left--
		switch {
		case n.Pod == nil && n.left <= 0:
			w.pod(n)
		case n.Pod == nil:
		case n.Pod.Terminating && n.Ready && n.left <= 0:
			n.Pod, n.left = nil, w.slow[n.place]-1
			if n.evicted {
				w.pod(n)
			}
		case !n.Pod.Terminating && n.Ready:
			w.live(n)
		}
		w.tend(n)
	}
}

// live is what a kubelet does with a pod.
func (w *world) live(n *simulated) {
	p, f := n.Pod, w.fates[n.place]
	if p.Started.IsZero() {
		p.Started = w.time()
	}
	if n.blinks > 0 {
		if n.blinks--; n.blinks == 0 {
			w.ready(n, true)
		}
	}
	age := int(w.time().Sub(p.Started) / time.Second)
	if p.Revision == older {
		f = good
	}
	switch slow := w.slow[n.place]; {
	case f == crash && age >= slow, f == late && age >= slow+4:
		if !p.Bad {
			w.ready(n, false)
			p.Bad, p.Trouble, p.Restarts = true, "CrashLoopBackOff", 2
		}
	case (f == good || f == late) && age == slow:
		w.ready(n, true)
	}
}

func (w *world) ready(n *simulated, ready bool) {
	if p := n.Pod; p != nil && p.Ready != ready {
		p.Ready, p.Available, p.ReadySince = ready, ready, w.time()
	}
}

func (w *world) happen(e event) {
	if len(w.nodes) == 0 {
		return
	}
	n := w.nodes[e.node%len(w.nodes)]
	switch e.what {
	case "join":
		w.join(e.node)
	case "vanish":
		if len(w.nodes) > 1 {
			w.nodes = slices.DeleteFunc(w.nodes, func(o *simulated) bool { return o == n })
		}
	case "evict":
		w.quiet = w.quiet && !w.onlyMeant(n)
		w.remove(n)
		n.evicted = true
	case "cordon", "uncordon":
		n.Cordoned = e.what == "cordon" // our mark on it stays
		w.quiet = w.quiet && !n.CordonedByUs
	case "clock back":
		w.behind += 20 * time.Second
	case "pause", "resume":
		w.paused = e.what == "pause"
	case "node down", "node up":
		if up := e.what == "node up"; up != n.Ready {
			n.Ready, n.ReadySince = up, w.time()
			w.ready(n, up && n.Pod != nil && !n.Pod.Bad && !n.Pod.Terminating)
		}
	case "agent lost":
		w.ready(n, false)
	case "agent blinks":
		if n.Pod != nil && n.Pod.Ready {
			w.ready(n, false)
			n.blinks = 3
		}
	case "edit", "edit back":
		w.edit(map[string]string{"edit": "c", "edit back": older}[e.what])
	default:
		w.tending(e, n)
	}
}

// onlyMeant tells whether a pod is recorded as about to be deleted, and whoever meant to was killed before. When somebody else deletes it much
// later, it seems to be late: nothing tells since when it is gone. To halt then is the safe mistake.
func (w *world) onlyMeant(n *simulated) bool {
	meant := slices.Clone(w.record.Intent)
	for _, p := range w.record.Pending {
		meant = append(meant, p.Target)
	}
	return n.Pod != nil && slices.ContainsFunc(meant, func(t noderoll.Target) bool { return t.UID == n.Pod.UID })
}

// edit is a new target.
func (w *world) edit(revision string) {
	if w.newest != revision {
		w.newest, w.touched = revision, map[string]string{}
	}
}

func (w *world) remove(n *simulated) {
	if n.Pod != nil && !n.Pod.Terminating {
		w.ready(n, false)
		n.Pod.Terminating, n.left, n.evicted = true, w.slow[n.place]-1, false
	}
}

func (w *world) seen() []noderoll.Node {
	out := make([]noderoll.Node, 0, len(w.nodes))
	for _, n := range w.nodes {
		out = append(out, n.Node)
	}
	return out
}

func works(n noderoll.Node) bool {
	return n.Ready && n.Pod != nil && !n.Pod.Terminating && n.Pod.Available
}

// run rolls until the end; the error says which property does not hold.
func (w *world) run() error {
	over := 0
	for _, e := range w.events {
		over = max(over, e.at)
	}
	start := w.second
	for w.second < start+over+90*(len(w.nodes)+3) {
		wait, err := w.step()
		if err != nil {
			return fmt.Errorf("after %d s, deciding %s: %w", w.second, says(w.lastSeen), err)
		}
		if w.lastSeen.Phase == noderoll.Halted && w.whole || len(w.lastSeen.Errands) == 0 && w.ended() && w.second > over && w.rests() {
			return errors.Join(w.atTheEnd(), w.tidied())
		}
		for range wait {
			w.tick()
		}
	}
	return fmt.Errorf("it never ends: %s", says(w.lastSeen))
}

func (w *world) ended() bool {
	return slices.Contains([]noderoll.Phase{noderoll.Finished, noderoll.Halted, noderoll.Left, noderoll.Paused}, w.lastSeen.Phase)
}

// rests tells whether the DaemonSet controller has nothing to do.
func (w *world) rests() bool {
	return !slices.ContainsFunc(w.nodes, func(n *simulated) bool { return n.Ready && (n.Pod == nil || n.Pod.Terminating) })
}

// step is one look and what follows of it; wait is for how many seconds nobody looks again.
func (w *world) step() (wait int, err error) {
	r := w.rules
	r.Paused = w.paused
	d := w.decide(w.seen(), w.newest, r, w.record, w.time())
	w.lastSeen, w.whole = d, true
	if err := errors.Join(w.legal(d), w.bound(d)); err != nil {
		return 0, err
	}
	if len(d.Delete)+len(d.Errands) == 0 {
		return 1, nil
	}
	w.steps++
	kill := w.kills[w.steps]
	if len(d.Delete) == 0 {
		return w.tendAll(d.Errands, kill)
	}
	if kill == 1 {
		return w.away, nil
	}
	w.record = d.Record
	if kill == 2 {
		return w.away, nil
	}
	for i, t := range d.Delete {
		if i == 1 && kill == 3 {
			return w.away, nil
		}
		if err := w.touch(t); err != nil {
			return 0, err
		}
	}
	return 1, nil
}

// tendAll carries out errands, while no pod is to be deleted.
func (w *world) tendAll(errands []noderoll.Errand, kill int) (wait int, err error) {
	for i, e := range errands {
		if kill == 1 || kill > 1 && i == 1 {
			w.whole = false
			return w.away, nil
		}
		if err := w.errand(e); err != nil {
			return 0, err
		}
	}
	return 1, nil
}

// touch deletes a pod. A node is touched once for each target. What was not carried out does not count.
func (w *world) touch(t noderoll.Target) error {
	i := slices.IndexFunc(w.nodes, func(n *simulated) bool { return n.Name == t.Node })
	if i < 0 || w.nodes[i].Pod == nil || w.nodes[i].Pod.UID != t.UID || w.nodes[i].Pod.Terminating {
		return fmt.Errorf("%+v is deleted, which is not there", t)
	}
	if before := w.touched[t.Node]; before != "" {
		return fmt.Errorf("%s is touched twice: %s, %s", t.Node, before, t.UID)
	}
	if err := w.prepared(w.nodes[i].Node); err != nil {
		return err
	}
	w.touched[t.Node] = t.UID
	w.remove(w.nodes[i])
	return nil
}

// legal holds of each decision.
func (w *world) legal(d noderoll.Decision) error {
	for _, t := range d.Delete {
		for _, n := range w.nodes {
			if n.Name == t.Node && n.Pod != nil && n.Pod.Revision == w.newest {
				return fmt.Errorf("a pod of the newest revision is deleted on %s", t.Node)
			}
		}
	}
	if i := slices.IndexFunc(d.Errands, begins); i >= 0 && (d.Halt != nil || w.paused || w.ended()) {
		return fmt.Errorf("something is begun in the end, or while it is paused: %s", d.Errands[i])
	}
	switch {
	case (d.Halt != nil || w.paused || w.ended()) && len(d.Delete) > 0:
		return fmt.Errorf("something is deleted in the end, or while it is paused: %v", d.Delete)
	case (d.Halt != nil) != (d.Phase == noderoll.Halted):
		return fmt.Errorf("phase %s, halt %v", d.Phase, d.Halt)
	case d.Halt != nil && w.quiet:
		return fmt.Errorf("it halts for nothing")
	case (len(d.Delete) > 0) != (d.Record.Revision == w.newest):
		return fmt.Errorf("%d pods are deleted with the record %+v", len(d.Delete), d.Record)
	}
	return nil
}

// bound : nobody who works is taken down beyond the bound, those included that are down already.
func (w *world) bound(d noderoll.Decision) error {
	down, taken, out := 0, 0, 0
	for _, n := range w.nodes {
		goes := slices.ContainsFunc(d.Delete, func(t noderoll.Target) bool { return t.Node == n.Name })
		switch {
		case !works(n.Node):
			down++
		case goes:
			taken++
		case n.CordonedByUs && !w.rules.Back:
			out++
		}
	}
	if taken > 0 && down+taken > w.rules.Max {
		return fmt.Errorf("%d nodes are down and %d are taken down, of %d at most", down, taken, w.rules.Max)
	}
	anew := slices.ContainsFunc(w.nodes, func(n *simulated) bool {
		return works(n.Node) && !n.CordonedByUs && slices.ContainsFunc(d.Delete, func(t noderoll.Target) bool { return t.Node == n.Name })
	})
	if anew && down+taken+out > w.rules.Max {
		return fmt.Errorf("%d nodes are down, %d cordoned by us and %d taken down, of %d at most", down, out, taken, w.rules.Max)
	}
	return nil
}

// atTheEnd : what is said to be finished is, and nothing else is said when nothing speaks against it.
func (w *world) atTheEnd() error {
	rest := 0
	for _, n := range w.nodes {
		if !works(n.Node) || n.Pod.Revision != w.newest || w.rules.FreshPod && !n.Pod.Proved || w.rules.NPN && n.NPN.State != noderoll.NPNSuccess {
			rest++
		}
	}
	switch cordoned := slices.ContainsFunc(w.nodes, func(n *simulated) bool { return n.Cordoned && !n.CordonedByUs }); {
	case w.lastSeen.Phase == noderoll.Finished && rest > 0:
		return fmt.Errorf("finished without %d nodes", rest)
	case w.quiet && !cordoned && !w.paused && rest > 0:
		return fmt.Errorf("%d nodes are left for nothing: %s", rest, says(w.lastSeen))
	}
	return nil
}

// end is how a roll ended.
func (w *world) end() string {
	revisions := map[string]string{}
	for _, n := range w.nodes {
		if n.Pod != nil {
			revisions[n.Name] = n.Pod.Revision
		}
	}
	out := string(w.lastSeen.Phase)
	if h := w.lastSeen.Halt; h != nil {
		out += " at " + h.Node + " by " + h.Gate
	}
	for _, name := range slices.Sorted(maps.Keys(revisions)) {
		out += " " + name + "=" + revisions[name]
	}
	return out
}

// putBack ends the roll where it stands and goes back to the release before, with every kubelet alive, and every agent of that release
// that runs: what is down for another reason could fill the bound.
func (w *world) putBack() error {
	w.newest, w.touched = older, map[string]string{}
	w.events, w.paused, w.rules.Back, w.quiet = nil, false, true, false
	for _, n := range w.nodes {
		if !n.Ready {
			w.happen(event{what: "node up", node: slices.Index(w.nodes, n)})
		}
		if n.Pod != nil && n.Pod.Revision == older && !n.Pod.Terminating {
			w.ready(n, true)
		}
	}
	for range 3 * w.rules.NodeTimeout / time.Second {
		w.tick()
	}
	if err := w.run(); err != nil {
		return fmt.Errorf("on the way back: %w", err)
	}
	for _, n := range w.nodes {
		if n.Pod == nil || n.Pod.Revision != older {
			return fmt.Errorf("%s is not put back: %s", n.Name, says(w.lastSeen))
		}
		if !works(n.Node) {
			return fmt.Errorf("%s is put back and does not work: %s", n.Name, says(w.lastSeen))
		}
	}
	return nil
}
