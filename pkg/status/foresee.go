package status

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
	"github.com/addonctl/addonctl/pkg/version"
)

// Fleet are the records of a hub at one moment.
type Fleet struct {
	Policies []v1alpha1.UpdatePolicy
	Networks []v1alpha1.ClusterNetwork
	Addons   []v1alpha1.Addon
	Rollouts []v1alpha1.AddonRollout
	// Catalog of the hub; nil where it has none.
	Catalog *v1alpha1.AddonCatalog
	// Withdrawn tells whether the catalog itself has a release as recalled; nil where nobody read one.
	Withdrawn func(addOn, version string) bool
}

// Network is the record of a cluster; nil when there is none.
func (f Fleet) Network(name string) *v1alpha1.ClusterNetwork {
	i := slices.IndexFunc(f.Networks, func(n v1alpha1.ClusterNetwork) bool { return n.Name == name })
	if i < 0 {
		return nil
	}
	return &f.Networks[i]
}

// Recall of a release in the hub's catalog; nil when there is none.
func (f Fleet) Recall(addOn, version string) *v1alpha1.Recall {
	if f.Catalog == nil {
		return nil
	}
	return RecallOf(f.Catalog.Spec.Recalls, addOn, version)
}

// RecallOf is the recall of a release; nil when there is none.
func RecallOf(all []v1alpha1.Recall, addOn, version string) *v1alpha1.Recall {
	for i := range all {
		if all[i].Addon == addOn && SameVersion(all[i].Version, version) {
			return &all[i]
		}
	}
	return nil
}

// Recalls is what catalog.Catalog.Recalled asks, of the recalls of a hub.
func Recalls(all []v1alpha1.Recall) func(addOn, version string) (why string, ok bool) {
	return func(addOn, version string) (string, bool) {
		r := RecallOf(all, addOn, version)
		if r == nil {
			return "", false
		}
		return r.Reason, true
	}
}

// read are the policies of the fleet as they can be asked, with the built-in one where none replaces it.
func (f Fleet) read() []Policy {
	var out []Policy
	builtIn := true
	for _, p := range f.Policies {
		out = append(out, ReadPolicy(p.Name, p.Spec))
		builtIn = builtIn && p.Name != BuiltInPolicy
	}
	if builtIn {
		out = append(out, BuiltIn())
	}
	return out
}

// With is the fleet under another policy, which takes the place of the one of its name.
func (f Fleet) With(p v1alpha1.UpdatePolicy) Fleet {
	f.Policies = append(slices.DeleteFunc(slices.Clone(f.Policies), func(o v1alpha1.UpdatePolicy) bool { return o.Name == p.Name }), p)
	return f
}

// automatic is what automatic updates go by at a time.
func (f Fleet) automatic(now time.Time) Automatic {
	m := Automatic{Withdrawn: f.Withdrawn, Now: now}
	if f.Catalog != nil {
		m.Recalls = f.Catalog.Spec.Recalls
	}
	for i := range f.Rollouts {
		m.Rollouts = append(m.Rollouts, &f.Rollouts[i])
	}
	slices.SortFunc(m.Rollouts, func(a, b *v1alpha1.AddonRollout) int { return cmp.Compare(a.Name, b.Name) })
	return m
}

// sights are the add-ons of the fleet whose clusters are recorded, with the policies that take them.
func (f Fleet) sights() iter.Seq[Sight] {
	all := f.read()
	return func(yield func(Sight) bool) {
		for i := range f.Addons {
			a := &f.Addons[i]
			if n := f.Network(a.Spec.Cluster); n != nil && !yield(Sight{Addon: a, Network: n, Takers: Takers(all, n, a.Spec.Addon)}) {
				return
			}
		}
	}
}

// Next is what goes over the clusters of a policy next: the target of the rollout that goes on, or is to be opened. It has no version when no
// cluster would take one by itself. What is being taken back is taken as done.
func (f Fleet) Next(policy, addOn string, now time.Time) rollout.Target {
	m := f.automatic(now)
	for i, x := range m.Rollouts {
		if x.Status.Undone != "" {
			x = x.DeepCopy()
			x.Status.Phase = string(rollout.Undone)
			m.Rollouts[i] = x
		}
	}
	for _, p := range f.read() {
		if all := m.Candidates(p, f.sights())[addOn]; p.Name == policy && len(all) > 0 {
			return m.Active(policy, addOn, all)
		}
	}
	return rollout.Target{}
}

// Coming is a release that comes out, and what is assumed of its way over a fleet.
type Coming struct {
	AddOn, Version string
	// At is when it comes out, and Day what its age counts from; zero stands for At. For is how long to look.
	At, Day time.Time
	For     time.Duration
	// Unfit says why the release does not fit a cluster, as the end of a sentence; empty when nothing speaks against it. It is asked for
	// clusters whose record does not tell, because nobody there knows the release yet.
	Unfit func(*v1alpha1.ClusterNetwork) string
	// Takes is how long a move takes, Fails the share of moves that fail.
	Takes  rollout.Spread
	Fails  float64
	People rollout.People
}

// Foresee is what would happen if a release came out: a scenario of the clusters that a policy takes, each as its record stands. Which those
// are, why one would not take the release, where those go that run a recalled one, and when a pin ends, is found as the manager finds it
// (Takers, Journey.Report, Automatic). A cluster that is out of reach stays so.
func Foresee(f Fleet, p v1alpha1.UpdatePolicy, c Coming) rollout.Scenario {
	f = f.With(p)
	policy := ReadPolicy(p.Name, p.Spec)
	j := Journey{Version: c.Version, Policy: policy, Waves: policy.Waves(), Now: c.At}
	for i := range f.Rollouts {
		if x := &f.Rollouts[i]; x.Spec.Policy == p.Name && x.Spec.Addon == c.AddOn {
			j.Siblings = append(j.Siblings, x.Name)
		}
	}
	out := rollout.Scenario{
		AddOn: c.AddOn, Start: c.At, For: c.For, Policy: RolloutPolicy(p.Name, p.Spec), People: c.People,
		Releases: []rollout.SimRelease{{Version: c.Version, At: c.At, Day: c.Day}},
	}
	known, rule := f.known(c.AddOn, c.Version), f.automatic(c.At)
	for s := range f.sights() {
		if s.Addon.Spec.Addon != c.AddOn || !slices.Contains(s.Takers, p.Name) {
			continue
		}
		x := c.cluster(j, s, known)
		for _, v := range []string{x.Version, x.Fits} {
			if rule.Recalled(c.AddOn, v) != "" && !slices.Contains(out.Recalled, v) {
				out.Recalled = append(out.Recalled, v)
			}
		}
		out.Clusters = append(out.Clusters, x)
	}
	return out
}

// known tells whether the managers of a fleet know a release: then the record of each cluster within reach tells whether it would take it.
func (f Fleet) known(addOn, version string) bool {
	return slices.ContainsFunc(f.Addons, func(a v1alpha1.Addon) bool {
		return a.Spec.Addon == addOn && (SameVersion(a.Status.NewestFit, version) || NewerVersion(a.Status.NewestFit, version))
	})
}

// cluster is one cluster of the scenario.
func (c Coming) cluster(j Journey, s Sight, known bool) rollout.SimCluster {
	refused, fits := "", s.Addon.Status.NewestFit
	if SameVersion(fits, c.Version) {
		fits = "" // it comes
	} else if (!known || !Reachable(s.Network)) && (fits == "" || NewerVersion(c.Version, fits)) {
		if c.Unfit != nil {
			refused = c.Unfit(s.Network)
		}
		s.Addon = s.Addon.DeepCopy()
		s.Addon.Status.NewestFit = c.Version
	}
	r := j.Report(nil, s, c.At)
	out := rollout.SimCluster{
		Name: r.Cluster, Region: r.Region, Wave: r.Wave, Version: r.Version, Fits: fits, Takes: c.Takes, Fails: c.Fails,
	}
	out.Unfit, out.Until = j.keeps(s)
	if out.Unfit == "" {
		out.Unfit = unmoved(r)
	}
	if refused = cmp.Or(refused, j.first(soft, nil, s)); refused != "" {
		out.Refuses = map[string]string{c.Version: refused}
	}
	if !r.Reachable {
		out.Outages = []rollout.Outage{{From: c.At, For: 2 * c.For}}
	}
	return out
}

// unmoved says why a cluster that nobody keeps moves to no release; empty when it does.
func unmoved(r rollout.Report) string {
	if _, err := version.Parse(r.Version); err != nil {
		return fmt.Sprintf("it runs %q, which no release can be compared with", r.Version)
	}
	if r.Wave < 0 {
		return "no wave takes it"
	}
	return ""
}

// keeps says why no rollout moves an add-on, and until when, where that is the end of a pin. What would keep it beyond that is told first.
func (j Journey) keeps(s Sight) (why string, until time.Time) {
	ask := append([]func(Journey, *rollout.Member, Sight) string{isNotInstalled}, hard...)
	why = j.first(ask, nil, s)
	pin := s.Addon.Spec.Pin
	if s.Addon.Spec.Version == "" || pin == nil || pin.Until == nil || !j.Now.Before(pin.Until.Time) {
		return why, time.Time{}
	}
	j.Now = pin.Until.Time
	if then := j.first(ask, nil, s); then != "" {
		return then, time.Time{}
	}
	return why, pin.Until.UTC()
}

// Took is how long moves of an add-on took, as far as rollouts tell: of waves that had one cluster, which came through at once. n is how many
// there are.
func Took(all []v1alpha1.AddonRollout, addOn string) (took rollout.Spread, n int) {
	var list []time.Duration
	for i := range all {
		if st := all[i].Status; all[i].Spec.Addon == addOn && st.Undone == "" {
			for w := range st.Waves {
				if d := alone(st, w); d > 0 {
					list = append(list, d)
				}
			}
		}
	}
	if n = len(list); n == 0 {
		return took, 0
	}
	slices.Sort(list)
	return rollout.Spread{P50: list[(n-1)/2], P95: list[(n*95+99)/100-1]}, n
}

// alone is how long the only cluster of a wave took; zero where nobody can tell.
func alone(st v1alpha1.AddonRolloutStatus, wave int) time.Duration {
	var only *v1alpha1.RolloutMember
	for i := range st.Members {
		m := &st.Members[i]
		switch {
		case int(m.Wave) != wave:
		case only != nil:
			return 0
		default:
			only = m
		}
	}
	w := st.Waves[wave]
	if only == nil || w.Started == nil || only.Since == nil || only.Tries != 1 || only.Late || only.Back || only.State != string(rollout.Done) {
		return 0
	}
	return only.Since.Sub(w.Started.Time)
}

// FieldErrors of a policy as somebody wrote it, each with its field, value and what is wanted.
func FieldErrors(p v1alpha1.UpdatePolicy, knows func(addOn string) bool) []error {
	out := PolicyFaults(p.Name, p.Spec)
	for i, a := range p.Spec.Addons {
		if !knows(a) {
			out = append(out, rollout.FieldError{Field: fmt.Sprintf("spec.addons[%d]", i), Value: a, Want: "want an add-on of the catalog"})
		}
	}
	return out
}
