package noderoll

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// choose says which nodes go first: those that the operator marked, else as many as were asked for, else one of each kind and at most
// a tenth. Nodes that cannot be changed are no canaries, nor are those that took the release by chance: they come on top. What was
// chosen once stays, and what is lost of it is replaced.
func (r *roll) choose() {
	if r.Back {
		return
	}
	r.canaries = filter(r.members, func(m *member) bool { return m.Canary && m.stands != skipped })
	if r.marked = len(r.canaries) > 0; r.marked {
		return
	}
	chosen := set(r.record.Canaries)
	r.canaries = filter(r.members, func(m *member) bool { return chosen[m.Name] && m.stands != skipped })
	if r.replaces && r.record.Capacity != nil {
		return // what is lost of them was replaced
	}
	fit := filter(r.old, func(m *member) bool { return !m.broken && !chosen[m.Name] })
	if r.Canaries > 0 {
		r.fill(fit, r.Canaries, r.firstOfKind())
		r.fill(fit, r.Canaries, func(*member) bool { return true })
	} else {
		r.fill(fit, max(1, len(r.members)/10), r.firstOfKind())
	}
	slices.SortFunc(r.canaries, func(a, b *member) int { return cmp.Compare(a.Name, b.Name) })
}

// fill adds canaries until there are so many. It takes each node once, whoever asks how often.
func (r *roll) fill(fit []*member, most int, take func(*member) bool) {
	for _, m := range fit {
		if len(r.canaries) >= most {
			return
		}
		if !m.canary && take(m) {
			m.canary = true
			r.canaries = append(r.canaries, m)
		}
	}
}

// firstOfKind takes a node when no canary is of its kind yet.
func (r *roll) firstOfKind() func(*member) bool {
	kinds := map[[5]string]bool{}
	for _, m := range r.canaries {
		kinds[m.kind()] = true
	}
	return func(m *member) bool {
		k := m.kind()
		first := !kinds[k]
		kinds[k] = true
		return first
	}
}

// kind is what a canary node stands for.
func (m *member) kind() [5]string {
	return [5]string{m.Pool, m.OSImage, m.Kernel, m.KubeletVersion, m.Architecture}
}

// stage is nodes that are changed together.
type stage struct {
	phase Phase
	name  string
	nodes []*member
}

// open tells whether some of its nodes are still to be changed, or were and have not passed. Those that were changed by chance have to
// pass as well, but hold up no stage: in a big cluster there is always one.
func (s stage) open() bool {
	return slices.ContainsFunc(s.nodes, func(m *member) bool {
		return m.stands == old || m.stands == inFlight && m.asked != nil
	})
}

// stages are the canary nodes, then each pool and zone, in order of their names.
func (r *roll) stages() []stage {
	out := []stage{{Canary, "canary nodes", r.canaries}}
	for _, m := range r.canaries {
		m.canary = true
	}
	groups := map[[2]string][]*member{}
	for _, m := range r.members {
		if !m.canary {
			key := [2]string{m.Pool, m.Zone}
			groups[key] = append(groups[key], m)
		}
	}
	keys := make([][2]string, 0, len(groups))
	for key := range groups {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	for _, key := range keys {
		out = append(out, stage{Batch, stageName(key[0], key[1]), groups[key]})
	}
	return out
}

func stageName(pool, zone string) string {
	var parts []string
	if pool != "" {
		parts = append(parts, "pool "+pool)
	}
	if zone != "" {
		parts = append(parts, "zone "+zone)
	}
	if len(parts) == 0 {
		return "the other nodes"
	}
	return strings.Join(parts, ", ")
}

// forwards changes the canary nodes, then pool by pool and zone by zone.
func (r *roll) forwards(d *Decision) {
	stages := r.stages()
	i := slices.IndexFunc(stages, stage.open)
	switch {
	case i >= 0:
		r.change(d, stages[:i], stages[i])
	case len(r.inFlight) > 0:
		d.Why = waitingFor(r.inFlight)
	default:
		d.Phase, d.Why = Left, nothingCanBe
	}
}

const nothingCanBe = "the nodes that are left cannot be changed now"

// change goes on with a stage, once what was changed before has run for long enough. Each canary is such a before of its own.
func (r *roll) change(d *Decision, before []stage, s stage) {
	d.Phase, d.Stage = s.phase, s.name
	remaining := filter(s.nodes, func(m *member) bool { return m.stands == old })
	limit := r.Max
	if s.phase == Canary {
		before, limit = []stage{s}, min(1, r.Max)
	}
	if until := r.soaked(before); len(remaining) > 0 && r.now.Before(until) {
		d.Phase, d.Until = Soak, until
		d.Why = fmt.Sprintf("the nodes changed so far run until %s before others follow", until.UTC().Format(time.TimeOnly))
		return
	}
	r.take(d, workingFirst(remaining), limit)
	r.mend(d, s.phase)
}

// mend changes nodes whose agent does not work where nothing else can be changed for the bound: it would stand for ever if nothing mended
// what fills it. Forwards that is one at a time, while it mends them.
func (r *roll) mend(d *Decision, phase Phase) {
	limit := min(1, r.Max)
	if r.Back {
		limit = r.Max
	}
	bad := filter(r.old, func(m *member) bool { return !working(m.Node) })
	if d.Phase == Left && len(bad) > 0 && (r.Back || r.stuck == 0) {
		d.Phase, d.Stage, d.Why = phase, "nodes whose agent does not work", ""
		r.take(d, bad, limit)
	}
}

// soaked is when the nodes of these stages that were changed last have run for long enough; zero when none of them was. Those that were
// changed before them have run for longer.
func (r *roll) soaked(before []stage) time.Time {
	var last time.Time
	for _, s := range before {
		for _, m := range s.nodes {
			if m.stands == passed && m.asked != nil {
				last = latest(last, m.Pod.ReadySince)
				if m.ReadySince.After(m.Pod.Created) {
					last = latest(last, m.ReadySince)
				}
			}
		}
	}
	if last.IsZero() {
		return last
	}
	return last.Add(r.ReadyFor + r.Soak)
}

// take chooses pods to delete among candidates, and nodes to make ready for it: no more nodes at work than limit, and no more unavailable
// than allowed. A node whose agent does not work loses nothing, and what was begun on a node is not begun on another one in its place.
func (r *roll) take(d *Decision, candidates []*member, limit int) {
	if len(r.doubtful) > 0 {
		for _, m := range candidates {
			m.chosen = m.CordonedByUs // for this moment it stays as it is
		}
		d.Why = "waiting to see whether an agent that was not touched comes back: " + few(r.doubtful)
		return
	}
	preparing := r.begin(d, r.begunFirst(candidates), limit)
	givenBack := filter(r.all, func(m *member) bool { return m.CordonedByUs && working(m.Node) && !r.keepsCordoned(m, true) })
	switch {
	case len(d.Delete) > 0:
	case len(preparing) > 0:
		d.Why = preparation(preparing)
	case len(r.inFlight) > 0:
		d.Why = waitingFor(r.inFlight)
	case len(givenBack) > 0:
		d.Why = "taking the cordon from " + few(givenBack)
	case len(candidates) > 0:
		d.Phase, d.Why = Left, r.full()
	default:
		d.Phase, d.Why = Left, nothingCanBe
	}
}

// full says what bars nodes that could be changed but for the bound.
func (r *roll) full() string {
	if r.out > r.down {
		return fmt.Sprintf("nodes without a working agent, or cordoned by us: %d; at most %d may be so at any moment", r.out, r.Max)
	}
	return fmt.Sprintf("nodes without a working agent: %d; at most %d may be without one at any moment", r.down, r.Max)
}

// begin changes candidates, or makes them ready for it, as far as limit and bound allow; it returns those that are not ready yet.
func (r *roll) begin(d *Decision, candidates []*member, limit int) (preparing []*member) {
	atWork, down, out := len(r.inFlight), r.down, r.out
	for _, m := range candidates {
		healthy := working(m.Node)
		more := healthy && !m.CordonedByUs && !r.Back
		if atWork >= limit || healthy && down >= r.Max || more && out >= r.Max {
			continue
		}
		m.chosen = true
		atWork++
		down += truth(healthy)
		out += truth(more)
		todo, ready := r.prepare(m)
		d.Errands = append(d.Errands, todo...)
		if ready {
			d.Delete = append(d.Delete, Target{m.Name, m.Pod.Name, m.Pod.UID})
		} else {
			preparing = append(preparing, m)
		}
	}
	return preparing
}

// begunFirst puts nodes that are being made ready before those that are not. On a way back none is.
func (r *roll) begunFirst(nodes []*member) []*member {
	if r.Back {
		return nodes
	}
	out := slices.Clone(nodes)
	begun := func(m *member) int { return truth(m.CordonedByUs || m.helper(Pull) != nil) }
	slices.SortStableFunc(out, func(a, b *member) int { return begun(b) - begun(a) })
	return out
}

// preparation says which nodes are made ready for their change, and what keeps the first of them that something keeps.
func preparation(nodes []*member) string {
	text := "preparing " + few(nodes)
	for _, m := range nodes {
		if m.Withheld != "" {
			return fmt.Sprintf("%s; pods do not leave %s: %s", text, m.Name, m.Withheld)
		}
		if h := m.helper(Pull); h != nil && h.Trouble != "" {
			return fmt.Sprintf("%s; images on %s: %s", text, m.Name, h.Trouble)
		}
	}
	return text
}

// workingFirst puts nodes whose agent works before those whose does not: they tell more of the release.
func workingFirst(nodes []*member) []*member {
	out := slices.Clone(nodes)
	slices.SortStableFunc(out, func(a, b *member) int { return truth(working(b.Node)) - truth(working(a.Node)) })
	return out
}

// backwards are the nodes on a way back: those whose agent does not work first, then the ones changed last.
func (r *roll) backwards() []*member {
	out := slices.Clone(r.old)
	slices.SortStableFunc(out, func(a, b *member) int {
		return cmp.Or(truth(working(a.Node))-truth(working(b.Node)), b.Pod.Created.Compare(a.Pod.Created))
	})
	return out
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

func set(names []string) map[string]bool {
	out := make(map[string]bool, len(names))
	for _, n := range names {
		out[n] = true
	}
	return out
}

func filter(nodes []*member, keep func(*member) bool) []*member {
	var out []*member
	for _, m := range nodes {
		if keep(m) {
			out = append(out, m)
		}
	}
	return out
}

func names(nodes []*member) []string {
	var out []string
	for _, m := range nodes {
		out = append(out, m.Name)
	}
	return out
}

func waitingFor(nodes []*member) string { return "waiting for " + few(nodes) }

// few names some nodes, and counts the others.
func few(nodes []*member) string {
	const most = 3
	out := names(nodes)
	if len(out) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(out[:most], ", "), len(out)-most)
	}
	return strings.Join(out, ", ")
}
