package metric

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
)

var (
	noon  = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	at    = metav1.NewTime(noon)
	exact = metav1.NewMicroTime(noon.Add(500 * time.Millisecond))
)

func network(name string, reached metav1.ConditionStatus) v1alpha1.ClusterNetwork {
	c := v1alpha1.ClusterNetwork{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.ClusterNetworkSpec{NetworkType: v1alpha1.FlannelOverlay}}
	if reached != "" {
		c.Status.KubernetesVersion = "v1.34.2"
		c.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReachable, Status: reached}}
	}
	if reached == metav1.ConditionFalse {
		c.Status.Away = &at
	}
	return c
}

func addOn(cluster string, how func(*v1alpha1.Addon)) v1alpha1.Addon {
	a := v1alpha1.Addon{Spec: v1alpha1.AddonSpec{Cluster: cluster, Addon: "Flannel"}}
	a.Status.CurrentInstalledVersion, a.Status.LifecycleState = "0.27.3", v1alpha1.StateActive
	how(&a)
	return a
}

func asItIs(*v1alpha1.Addon) {}

func rollout(phase string, how func(*v1alpha1.AddonRollout)) v1alpha1.AddonRollout {
	x := v1alpha1.AddonRollout{
		ObjectMeta: metav1.ObjectMeta{Name: "r"}, Spec: v1alpha1.AddonRolloutSpec{Policy: "p", Addon: "Flannel", Version: "0.27.3"},
		Status: v1alpha1.AddonRolloutStatus{Phase: phase},
	}
	how(&x)
	return x
}

// text is a sample in one line.
func text(s Sample) string {
	return fmt.Sprintf("%s{%s} %v", strings.TrimPrefix(s.Name, "addonctl_"), strings.Join(s.Labels, ","), s.Value)
}

func TestRecordsBecomeSamples(t *testing.T) {
	t.Parallel()
	east := []v1alpha1.ClusterNetwork{network("east", metav1.ConditionTrue)}
	const eastText = "clusters{FLANNEL_OVERLAY,1.34,reachable} 1"
	for name, c := range map[string]struct {
		records Records
		want    []string
	}{
		"nothing": {Records{}, nil},
		"clusters by whether they answer": {
			Records{Networks: []v1alpha1.ClusterNetwork{network("a", "True"), network("b", "True"), network("c", "False"), network("d", "")}},
			[]string{
				"cluster_away_timestamp_seconds{c} 1.7954352e+09",
				"clusters{FLANNEL_OVERLAY,,unseen} 1", "clusters{FLANNEL_OVERLAY,1.34,reachable} 2", "clusters{FLANNEL_OVERLAY,1.34,unreachable} 1",
			},
		},
		"add-ons by version, state and mode, and those of other shards not": {
			Records{Networks: east, Addons: []v1alpha1.Addon{
				addOn("east", func(a *v1alpha1.Addon) {
					a.Status.NodeVersions = []v1alpha1.NodeVersion{{Version: "0.26.2", Nodes: 2}, {Version: "0.27.3", Nodes: 5}}
				}),
				addOn("east", func(a *v1alpha1.Addon) { a.Spec.Version = "0.27.3" }),
				addOn("west", asItIs),
			}},
			[]string{
				"addon_nodes{Flannel,0.26.2} 2", "addon_nodes{Flannel,0.27.3} 5",
				"addons{Flannel,0.27.3,ACTIVE,automatic} 1", "addons{Flannel,0.27.3,ACTIVE,pinned} 1", eastText,
			},
		},
		"what is wrong with add-ons": {
			Records{Networks: east, Addons: []v1alpha1.Addon{
				addOn("east", func(a *v1alpha1.Addon) {
					a.Status.LifecycleState = v1alpha1.StateNeedsAttention
					a.Status.Conditions = []metav1.Condition{{Type: "Stalled", Status: "True", Reason: "RollHalted"}}
					a.Status.Held = []v1alpha1.HeldRelease{{Version: "0.27.4"}}
					a.Status.Findings = []v1alpha1.Finding{{Reason: "LiveDiffers"}, {Reason: "GuardMissing"}, {Reason: "Pinned"}}
				}),
				addOn("east", func(a *v1alpha1.Addon) {
					a.Status.CurrentInstalledVersion, a.Status.LifecycleState = "", ""
					a.Status.Conditions = []metav1.Condition{{Type: "Reconciling", Status: "True", Reason: "GuardLifted"}}
				}),
			}},
			[]string{
				"addons{Flannel,,NOT_INSTALLED,automatic} 1", "addons{Flannel,0.27.3,NEEDS_ATTENTION,automatic} 1",
				"addons_drifted{Flannel,GuardMissing} 1", "addons_drifted{Flannel,LiveDiffers} 1", "addons_held{Flannel,0.27.4} 1",
				"addons_stalled{Flannel,RollHalted} 1", eastText, "guard_lifted{Flannel} 1",
			},
		},
		"pins that end, and those that do not": {
			Records{Networks: east, Addons: []v1alpha1.Addon{
				addOn("east", func(a *v1alpha1.Addon) { a.Spec.Version, a.Spec.Pin = "0.27.3", &v1alpha1.Pin{Until: &at} }),
				addOn("east", func(a *v1alpha1.Addon) { a.Spec.Version, a.Spec.Pin = "0.27.3", &v1alpha1.Pin{} }),
			}},
			[]string{"addons{Flannel,0.27.3,ACTIVE,pinned} 2", eastText, "pin_expiry_timestamp_seconds{east,Flannel} 1.7954352e+09"},
		},
		"recalls of the hub, one that nobody runs, and one of the catalog": {
			Records{
				Networks: east,
				Addons: []v1alpha1.Addon{addOn("east", asItIs), addOn("east", func(a *v1alpha1.Addon) {
					a.Status.CurrentInstalledVersion, a.Status.Findings = "0.26.2", []v1alpha1.Finding{{Reason: "RecalledInstalled"}}
				})},
				Catalog: &v1alpha1.AddonCatalog{Spec: v1alpha1.AddonCatalogSpec{Recalls: []v1alpha1.Recall{{Addon: "Flannel", Version: "v0.27.3"}, {Addon: "Flannel", Version: "0.1.0"}}}},
			},
			[]string{
				"addons{Flannel,0.26.2,ACTIVE,automatic} 1", "addons{Flannel,0.27.3,ACTIVE,automatic} 1",
				"addons_recalled{Flannel,0.1.0} 0", "addons_recalled{Flannel,0.26.2} 1", "addons_recalled{Flannel,v0.27.3} 1", "catalog_ready{} 0", eastText,
			},
		},
		"a catalog that was read": {
			Records{Catalog: &v1alpha1.AddonCatalog{Status: v1alpha1.AddonCatalogStatus{
				Digest: "sha256:1", Releases: 40, Read: &at, Conditions: []metav1.Condition{{Type: "Ready", Status: "True"}},
			}}},
			[]string{"catalog_info{sha256:1} 1", "catalog_read_timestamp_seconds{} 1.7954352e+09", "catalog_ready{} 1", "catalog_releases{} 40"},
		},
		"a rollout under way, wave by wave, with an order that nobody has carried out": {
			Records{Rollouts: []v1alpha1.AddonRollout{rollout("Approval", func(x *v1alpha1.AddonRollout) {
				x.Spec.Orders = []v1alpha1.Order{{Number: 1}, {Number: 2}}
				x.Status.Obeyed, x.Status.Opened, x.Status.Wave = 1, &exact, "rest"
				x.Status.Waves = []v1alpha1.RolloutWave{{Name: "canary"}, {Name: "rest"}}
				x.Status.Members = []v1alpha1.RolloutMember{{Cluster: "a", State: "Done"}, {Cluster: "b", Wave: 1, State: "Pending"}, {Cluster: "c", Wave: 1, State: "Pending"}}
			})}},
			[]string{
				"rollout_approval_pending{r,rest} 1",
				"rollout_clusters{r,canary,Done} 1", "rollout_clusters{r,canary,Failed} 0", "rollout_clusters{r,canary,Pending} 0",
				"rollout_clusters{r,canary,Running} 0", "rollout_clusters{r,canary,Skipped} 0", "rollout_clusters{r,canary,Unreachable} 0",
				"rollout_clusters{r,rest,Done} 0", "rollout_clusters{r,rest,Failed} 0", "rollout_clusters{r,rest,Pending} 2",
				"rollout_clusters{r,rest,Running} 0", "rollout_clusters{r,rest,Skipped} 0", "rollout_clusters{r,rest,Unreachable} 0",
				"rollout_info{r,p,Flannel,0.27.3} 1", "rollout_opened_timestamp_seconds{r} 1.7954352005e+09", "rollout_orders_pending{r} 1", "rollout_phase{r,Approval} 1",
				"rollouts{p,Flannel,Approval} 1",
			},
		},
		"rollouts that are over are counted, and one whose clusters are not chosen yet is told of": {
			Records{Rollouts: []v1alpha1.AddonRollout{rollout("Finished", func(*v1alpha1.AddonRollout) {}), rollout("Finished", func(*v1alpha1.AddonRollout) {}), rollout("", func(*v1alpha1.AddonRollout) {})}},
			[]string{
				"rollout_info{r,p,Flannel,0.27.3} 1", "rollout_orders_pending{r} 0", "rollout_phase{r,Gathering} 1",
				"rollouts{p,Flannel,Finished} 2", "rollouts{p,Flannel,Gathering} 1",
			},
		},
		"policies by what is said of them": {
			Records{Policies: []v1alpha1.UpdatePolicy{{}, {Status: v1alpha1.UpdatePolicyStatus{Conditions: []metav1.Condition{{Type: "Ready", Status: "False", Reason: "Overlaps"}}}}}},
			[]string{"policies{Overlaps} 1", "policies{Unknown} 1"},
		},
		"what is not UTF-8 is told as far as it is": {
			Records{Networks: east, Addons: []v1alpha1.Addon{addOn("east", func(a *v1alpha1.Addon) { a.Status.CurrentInstalledVersion = "0.\xff" })}},
			[]string{"addons{Flannel,0.?,ACTIVE,automatic} 1", eastText},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, s := range Fleet(c.records) {
				got = append(got, text(s))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("samples (-want +got):\n%s", diff)
			}
		})
	}
}
