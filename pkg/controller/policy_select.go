package controller

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/rollout"
	"github.com/addonctl/addonctl/pkg/status"
)

// records are what the hub holds at one moment. Nothing that they point to may be changed: a cache shares it.
type records struct {
	// policies by their names, the built-in one last where there is one.
	policies []status.Policy
	networks map[string]*v1alpha1.ClusterNetwork
	// addons in order of clusters, and rollouts in order of names.
	addons   []*v1alpha1.Addon
	rollouts []*v1alpha1.AddonRollout
	recalls  []v1alpha1.Recall
	// releases are the catalog without the hub's recalls; nil while nobody read it.
	releases *catalog.Catalog
	// now is when they were read; zero lets no pin end.
	now time.Time
	// chosen are takers that were found before, with the editions of policies that of names.
	chosen *choices
	of     string
}

// newRecords puts together what was listed. builtIn tells whether clusters that nobody takes have a policy; known is what was found out at
// the looks before, and may be new.
func newRecords(policies []v1alpha1.UpdatePolicy, networks []v1alpha1.ClusterNetwork, addons []v1alpha1.Addon, rollouts []v1alpha1.AddonRollout,
	recalls []v1alpha1.Recall, builtIn bool, known *choices,
) records {
	r := records{networks: make(map[string]*v1alpha1.ClusterNetwork, len(networks)), recalls: recalls, chosen: known}
	r.policies, r.of = known.read(policies)
	slices.SortFunc(r.policies, func(a, b status.Policy) int { return cmp.Compare(a.Name, b.Name) })
	if _, replaced := r.policy(status.BuiltInPolicy); builtIn && !replaced {
		r.policies = append(r.policies, status.BuiltIn())
	}
	for i := range networks {
		r.networks[networks[i].Name] = &networks[i]
	}
	for i := range addons {
		r.addons = append(r.addons, &addons[i])
	}
	slices.SortFunc(r.addons, func(a, b *v1alpha1.Addon) int {
		return cmp.Or(cmp.Compare(a.Spec.Cluster, b.Spec.Cluster), cmp.Compare(a.Name, b.Name))
	})
	for i := range rollouts {
		r.rollouts = append(r.rollouts, &rollouts[i])
	}
	slices.SortFunc(r.rollouts, func(a, b *v1alpha1.AddonRollout) int { return cmp.Compare(a.Name, b.Name) })
	return r
}

// policy of a name.
func (r records) policy(name string) (status.Policy, bool) {
	i := slices.IndexFunc(r.policies, func(p status.Policy) bool { return p.Name == name })
	if i < 0 {
		return status.Policy{}, false
	}
	return r.policies[i], true
}

// takers are the names of the policies that take an add-on of a cluster.
func (r records) takers(a *v1alpha1.Addon) []string {
	n := r.networks[a.Spec.Cluster]
	if n == nil {
		return nil
	}
	return r.chosen.takers(r.of, n, a.Spec.Addon, func() []string { return status.Takers(r.policies, n, a.Spec.Addon) })
}

// taken are the add-ons that a policy takes, and for each that others take too, who.
func (r records) taken(policy string) (addons []*v1alpha1.Addon, overlaps []overlap) {
	for _, a := range r.addons {
		takers := r.takers(a)
		if !slices.Contains(takers, policy) {
			continue
		}
		addons = append(addons, a)
		for _, other := range takers {
			if other != policy {
				overlaps = append(overlaps, overlap{other, a.Spec.Addon, a.Spec.Cluster})
			}
		}
	}
	return addons, overlaps
}

// faults keep a policy from being followed: those of its fields, and more clusters than a rollout can have.
func (r records) faults(p status.Policy) []error {
	out := slices.Clone(p.Faults)
	counts := map[string]int{}
	addons, _ := r.taken(p.Name)
	for _, a := range addons {
		counts[a.Spec.Addon]++
	}
	for _, addOn := range sortedKeys(counts) {
		if n := counts[addOn]; n > v1alpha1.MaxRolloutMembers {
			out = append(out, rollout.FieldError{
				Field: "spec.selector", Value: p.Spec.Selector,
				Want: fmt.Sprintf("want at most %d clusters, and it takes %d with %s: split the policy", v1alpha1.MaxRolloutMembers, n, addOn),
			})
		}
	}
	return out
}

// overlap is an add-on of a cluster that another policy takes too.
type overlap struct{ policy, addOn, cluster string }

// overlapText names the other policies, and some of the clusters; empty when there is none.
func overlapText(all []overlap) string {
	slices.SortFunc(all, func(a, b overlap) int {
		return cmp.Or(cmp.Compare(a.policy, b.policy), cmp.Compare(a.addOn, b.addOn), cmp.Compare(a.cluster, b.cluster))
	})
	var out []string
	for len(all) > 0 {
		first := all[0]
		n := slices.IndexFunc(all, func(o overlap) bool { return o.policy != first.policy || o.addOn != first.addOn })
		if n < 0 {
			n = len(all)
		}
		var clusters []string
		for _, o := range all[:n] {
			clusters = append(clusters, o.cluster)
		}
		out = append(out, fmt.Sprintf("policy %s takes %s of %s too", first.policy, first.addOn, few(clusters)))
		all = all[n:]
	}
	return strings.Join(out, "; ")
}

// few are some of them, and how many more there are.
func few(all []string) string {
	const most = 5
	if len(all) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
	}
	return strings.Join(all, ", ")
}

// automatic is what automatic updates go by.
func (r records) automatic() status.Automatic {
	return status.Automatic{Rollouts: r.rollouts, Recalls: r.recalls, Withdrawn: r.releases.Withdrawn, Now: r.now}
}
