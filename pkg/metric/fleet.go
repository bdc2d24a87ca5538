package metric

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/status"
)

// Records are what is told about. Whoever drives no clusters leaves Networks and Addons empty, whoever decides on no rollouts Rollouts and
// Policies, so that of several managers each tells its own part. Nothing of them is changed.
type Records struct {
	Networks []v1alpha1.ClusterNetwork
	// Addons of other clusters than Networks are left out.
	Addons   []v1alpha1.Addon
	Rollouts []v1alpha1.AddonRollout
	Policies []v1alpha1.UpdatePolicy
	// Catalog of the hub; nil where it has none.
	Catalog *v1alpha1.AddonCatalog
}

// Sample is one value of a family, with the values of its labels in their order.
type Sample struct {
	Name   string
	Labels []string
	Value  float64
}

// samples adds up what is told, by name and labels.
type samples map[string]*Sample

func (s samples) add(value float64, name string, labels ...string) {
	for i := range labels {
		labels[i] = strings.ToValidUTF8(labels[i], "?") // Prometheus takes nothing else
	}
	key := strings.Join(append([]string{name}, labels...), "\x00")
	if s[key] == nil {
		s[key] = &Sample{Name: name, Labels: labels}
	}
	s[key].Value += value
}

// Fleet is what the records say, in order of names and labels.
func Fleet(r Records) []Sample {
	s := samples{}
	there := map[string]bool{}
	for i := range r.Networks {
		there[r.Networks[i].Name] = true
		s.cluster(&r.Networks[i])
	}
	recalls := s.catalog(r.Catalog, len(r.Networks) > 0)
	for i := range r.Addons {
		if there[r.Addons[i].Spec.Cluster] {
			s.addOn(&r.Addons[i], recalls)
		}
	}
	for i := range r.Rollouts {
		s.rollout(&r.Rollouts[i])
	}
	for i := range r.Policies {
		s.add(1, policies, reason(r.Policies[i].Status.Conditions, v1alpha1.ConditionReady, "Unknown"))
	}
	out := make([]Sample, 0, len(s))
	for _, x := range s {
		out = append(out, *x)
	}
	slices.SortFunc(out, func(a, b Sample) int { return cmp.Or(cmp.Compare(a.Name, b.Name), slices.Compare(a.Labels, b.Labels)) })
	return out
}

func (s samples) cluster(c *v1alpha1.ClusterNetwork) {
	state := "unseen"
	if reached := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReachable); reached != nil {
		state = "unreachable"
		if reached.Status == metav1.ConditionTrue {
			state = "reachable"
		}
	}
	s.add(1, clusters, string(c.Spec.NetworkType), minor(c.Status.KubernetesVersion), state)
	if c.Status.Away != nil {
		s.add(seconds(c.Status.Away), clusterAway, c.Name)
	}
}

// minor is the minor version of a server's version, such as 1.34 of v1.34.2; empty when it has none.
func minor(v string) string {
	parts := strings.SplitN(strings.TrimPrefix(v, "v"), ".", 3)
	if len(parts) < 2 {
		return ""
	}
	return parts[0] + "." + parts[1]
}

func seconds(t *metav1.Time) float64 { return float64(t.Unix()) }

// drift are the findings that say that somebody changed something beside addonctl.
var drift = []string{"ChangedByHelm", "GuardMissing", "LiveDiffers", "ObjectsMissing"}

func (s samples) addOn(a *v1alpha1.Addon, recalls []v1alpha1.Recall) {
	name, st := a.Spec.Addon, a.Status
	mode := "automatic"
	if a.Spec.Version != "" {
		mode = "pinned"
	}
	s.add(1, addons, name, st.CurrentInstalledVersion, cmp.Or(st.LifecycleState, "NOT_INSTALLED"), mode)
	for _, v := range st.NodeVersions {
		s.add(float64(v.Nodes), addonNodes, name, v.Version)
	}
	if why := reason(st.Conditions, v1alpha1.ConditionStalled, ""); why != "" {
		s.add(1, addonsStalled, name, why)
	}
	if reason(st.Conditions, v1alpha1.ConditionReconciling, "") == v1alpha1.ReasonGuardLifted {
		s.add(1, guardLifted, name)
	}
	for _, h := range st.Held {
		s.add(1, addonsHeld, name, h.Version)
	}
	if a.Spec.Version != "" && a.Spec.Pin != nil && a.Spec.Pin.Until != nil {
		s.add(seconds(a.Spec.Pin.Until), pinExpiry, a.Spec.Cluster, name)
	}
	s.findings(a, recalls)
}

// findings are drift, and releases that run though they were recalled: by the hub, or by the catalog.
func (s samples) findings(a *v1alpha1.Addon, recalls []v1alpha1.Recall) {
	told := map[string]bool{}
	for _, f := range a.Status.Findings {
		told[f.Reason] = true
	}
	for _, f := range drift {
		if told[f] {
			s.add(1, addonsDrifted, a.Spec.Addon, f)
		}
	}
	installed := a.Status.CurrentInstalledVersion
	i := slices.IndexFunc(recalls, func(r v1alpha1.Recall) bool {
		return r.Addon == a.Spec.Addon && status.SameVersion(r.Version, installed)
	})
	switch {
	case i >= 0:
		s.add(1, addonsRecalled, a.Spec.Addon, recalls[i].Version)
	case told["RecalledInstalled"]:
		s.add(1, addonsRecalled, a.Spec.Addon, installed)
	}
}

// reason of a condition that is there; otherwise when it is not.
func reason(all []metav1.Condition, kind, otherwise string) string {
	if c := meta.FindStatusCondition(all, kind); c != nil {
		return c.Reason
	}
	return otherwise
}

// over are the phases in which nothing is left to be told of a rollout but that it was.
var over = []string{"Finished", "Undone", "Aborted"}

// states of a cluster in a rollout.
var states = []string{"Pending", "Running", "Done", "Failed", "Unreachable", "Skipped"}

func (s samples) rollout(x *v1alpha1.AddonRollout) {
	st := x.Status
	phase := cmp.Or(st.Phase, "Gathering")
	s.add(1, rollouts, x.Spec.Policy, x.Spec.Addon, phase)
	pending := 0
	for _, o := range x.Spec.Orders {
		if o.Number > st.Obeyed {
			pending++
		}
	}
	if slices.Contains(over, phase) && pending == 0 {
		return
	}
	s.add(1, rolloutInfo, x.Name, x.Spec.Policy, x.Spec.Addon, x.Spec.Version)
	s.add(1, rolloutPhase, x.Name, phase)
	s.add(float64(pending), rolloutOrders, x.Name)
	if st.Opened != nil {
		s.add(float64(st.Opened.UnixMicro())/1e6, rolloutOpened, x.Name)
	}
	if phase == "Approval" {
		s.add(1, rolloutApproval, x.Name, st.Wave)
	}
	for _, w := range st.Waves {
		for _, state := range states {
			s.add(0, rolloutClusters, x.Name, w.Name, state)
		}
	}
	for _, m := range st.Members {
		if int(m.Wave) < len(st.Waves) {
			s.add(1, rolloutClusters, x.Name, st.Waves[m.Wave].Name, m.State)
		}
	}
}

// catalog tells of the hub's catalog, and of each recall that nobody may run it; it returns the recalls.
func (s samples) catalog(c *v1alpha1.AddonCatalog, drives bool) []v1alpha1.Recall {
	if c == nil {
		return nil
	}
	ready := 0.0
	if meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionReady) {
		ready = 1
	}
	s.add(ready, catalogReady)
	if c.Status.Digest != "" {
		s.add(1, catalogInfo, c.Status.Digest)
		s.add(float64(c.Status.Releases), catalogReleases)
	}
	if c.Status.Read != nil {
		s.add(seconds(c.Status.Read), catalogRead)
	}
	for _, r := range c.Spec.Recalls {
		if drives {
			s.add(0, addonsRecalled, r.Addon, r.Version)
		}
	}
	return c.Spec.Recalls
}
