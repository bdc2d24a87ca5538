package status

import (
	"slices"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/rollout"
)

// BuiltInPolicy is the name of the policy for clusters that no UpdatePolicy takes. All its fields have their defaults; an UpdatePolicy of
// this name replaces it.
const BuiltInPolicy = "default"

// Policy is an update policy that can be asked.
type Policy struct {
	Name    string
	Spec    v1alpha1.UpdatePolicySpec
	BuiltIn bool
	// Faults that keep it from being followed, with field paths.
	Faults []error
	// selector of its clusters, nil when it cannot be read, and of its waves.
	selector labels.Selector
	waves    []waveSelector
}

// waveSelector is a wave of a policy that can be asked.
type waveSelector struct {
	name     string
	selector labels.Selector
}

// ReadPolicy reads a policy. One with faults is read as far as it can be.
func ReadPolicy(name string, spec v1alpha1.UpdatePolicySpec) Policy {
	p := Policy{Name: name, Spec: spec, Faults: PolicyFaults(name, spec)}
	p.selector, _ = labels.Parse(spec.Selector)
	for _, w := range spec.Waves {
		if s, err := labels.Parse(w.Selector); err == nil {
			p.waves = append(p.waves, waveSelector{w.Name, s})
		}
	}
	if len(spec.Waves) == 0 {
		p.waves = []waveSelector{{"all", labels.Everything()}}
	}
	return p
}

// BuiltIn is the policy for clusters that no other takes.
func BuiltIn() Policy {
	p := ReadPolicy(BuiltInPolicy, v1alpha1.UpdatePolicySpec{})
	p.BuiltIn = true
	return p
}

// covers tells whether a policy is for an add-on on clusters with such labels.
func (p Policy) covers(of labels.Set, addOn string) bool {
	return p.selector != nil && p.selector.Matches(of) && (len(p.Spec.Addons) == 0 || slices.Contains(p.Spec.Addons, addOn))
}

// Waves are those of a rollout that the policy opens, which nothing is recorded of yet.
func (p Policy) Waves() []rollout.WaveRecord {
	var out []rollout.WaveRecord
	for _, w := range p.waves {
		out = append(out, rollout.WaveRecord{Name: w.name})
	}
	return out
}

// WaveOf is the index, among waves that were recorded, of the first wave of a policy that takes a cluster; -1 when none does.
func (p Policy) WaveOf(of labels.Set, recorded []rollout.WaveRecord) int {
	for _, w := range p.waves {
		if w.selector.Matches(of) {
			return slices.IndexFunc(recorded, func(r rollout.WaveRecord) bool { return r.Name == w.name })
		}
	}
	return -1
}

// Takers are the names of the policies that take an add-on of a cluster:
//
//	| policies that cover it | one whose selector cannot be read | takers                              |
//	|------------------------|-----------------------------------|-------------------------------------|
//	| some                   |                                   | these                               |
//	| none                   | no                                | the built-in one, where it is given |
//	| none                   | yes: it may mean this cluster     | none                                |
func Takers(policies []Policy, n *v1alpha1.ClusterNetwork, addOn string) []string {
	var out []string
	unread, builtIn := false, ""
	for _, p := range policies {
		switch {
		case p.BuiltIn:
			builtIn = p.Name
		case p.selector == nil:
			unread = true
		case p.covers(n.Labels, addOn):
			out = append(out, p.Name)
		}
	}
	if builtIn != "" && len(out) == 0 && !unread {
		return []string{builtIn}
	}
	return out
}
