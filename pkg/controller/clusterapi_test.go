package controller

import (
	"maps"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// capiFrom is a Cluster as the manager keeps it: what slim drops is not read.
func capiFrom(t *testing.T, text string) capiCluster {
	t.Helper()
	u := &unstructured.Unstructured{}
	must(t, yaml.Unmarshal([]byte("apiVersion: cluster.x-k8s.io/v1beta2\nkind: Cluster\n"+text), &u.Object))
	o, err := slim(u)
	must(t, err)
	kept, _ := o.(*unstructured.Unstructured)
	return capiCluster{kept}
}

// Both versions of Cluster API tell when a control plane takes requests. It would catch a manager that waits until a node is Ready, which takes the
// CNI that it is to install.
func TestAControlPlaneThatTakesRequests(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status string
		want   bool
	}{
		"nothing is known":                {"{}", false},
		"v1beta2":                         {"{initialization: {controlPlaneInitialized: true}}", true},
		"v1beta2, not yet":                {"{initialization: {infrastructureProvisioned: true}, conditions: [{type: ControlPlaneInitialized, status: 'False'}]}", false},
		"v1beta1":                         {"{controlPlaneReady: true}", true},
		"v1beta1, and no node is Ready":   {"{controlPlaneReady: false, conditions: [{type: ControlPlaneInitialized, status: 'True'}]}", true},
		"v1beta1, not yet":                {"{infrastructureReady: true, conditions: [{type: ControlPlaneInitialized, status: 'False'}]}", false},
		"another condition":               {"{conditions: [{type: InfrastructureReady, status: 'True'}]}", false},
		"a provider that writes nonsense": {"{controlPlaneReady: 'yes', conditions: [1]}", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := capiFrom(t, "metadata: {name: a, namespace: b}\nstatus: "+c.status).answers(); got != c.want {
				t.Errorf("got %t", got)
			}
		})
	}
}

func TestWhatAClusterOfClusterAPIWants(t *testing.T) {
	t.Parallel()
	const flannel = "annotations: {addonctl.io/network-type: flannel}"
	for name, c := range map[string]struct {
		meta, spec string
		// want is name, type, blocks and families; or else the refusal says it.
		want, refused string
	}{
		"flannel":                        {flannel, "{clusterNetwork: {pods: {cidrBlocks: [10.0.0.0/8]}}}", "a FLANNEL_OVERLAY 10.0.0.0/8", ""},
		"without blocks":                 {flannel, "{}", "a FLANNEL_OVERLAY", ""},
		"dual":                           {flannel, "{clusterNetwork: {pods: {cidrBlocks: [10.0.0.0/8, 'fd00::/48']}}}", "a FLANNEL_OVERLAY 10.0.0.0/8 fd00::/48 IPv4 IPv6", ""},
		"VCN-native, by an alias":        {"annotations: {addonctl.io/network-type: NPN}", "{clusterNetwork: {pods: {cidrBlocks: [10.0.0.0/8]}}}", "a OCI_VCN_IP_NATIVE", ""},
		"another name":                   {"annotations: {addonctl.io/network-type: native, addonctl.io/cluster-name: eu-7}", "{}", "eu-7 OCI_VCN_IP_NATIVE", ""},
		"no such type":                   {"annotations: {addonctl.io/network-type: calico}", "{}", "", "BadAnnotation: annotation addonctl.io/network-type: parsing network type \"calico\""},
		"no type":                        {"annotations: {addonctl.io/network-type: ''}", "{}", "", "BadAnnotation"},
		"no name":                        {"annotations: {addonctl.io/network-type: native, addonctl.io/cluster-name: A_B}", "{}", "", `BadAnnotation: "A_B" is no name`},
		"the hub's own name":             {"annotations: {addonctl.io/network-type: native, addonctl.io/cluster-name: in-cluster}", "{}", "", `BadAnnotation: "in-cluster"`},
		"no block":                       {flannel, "{clusterNetwork: {pods: {cidrBlocks: [10.0.0.0]}}}", "", `BadPodCIDR: spec.clusterNetwork.pods.cidrBlocks: "10.0.0.0"`},
		"two of a family":                {flannel, "{clusterNetwork: {pods: {cidrBlocks: [10.0.0.0/8, 11.0.0.0/8]}}}", "", "BadPodCIDR: spec.clusterNetwork.pods.cidrBlocks: 10.0.0.0/8, 11.0.0.0/8 are two blocks of IPv4"},
		"blocks that are no list at all": {flannel, "{clusterNetwork: {pods: {cidrBlocks: 10.0.0.0/8}}}", "", "BadPodCIDR"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, refusal := capiFrom(t, "metadata: {name: a, namespace: b, uid: u, "+c.meta+"}\nspec: "+c.spec).network()
			if refusal != nil {
				if c.refused == "" || !strings.HasPrefix(refusal.Error(), c.refused) {
					t.Errorf("refused: %v, want %q", refusal, c.refused)
				}
				return
			}
			words := append([]string{n.Name, string(n.Spec.NetworkType)}, n.Spec.PodCIDRs...)
			for _, f := range n.Spec.IPFamilies {
				words = append(words, string(f))
			}
			if got := strings.Join(words, " "); got != c.want {
				t.Errorf("wants %q, not %q", got, c.want)
			}
			if s := n.Spec.Connection.KubeconfigSecret; s.Namespace != "b" || s.Name != "a-kubeconfig" {
				t.Errorf("reached by %v", s)
			}
		})
	}
}

// Labels by which other tools know their own do not go along: one that prunes would take the record away.
func TestLabelsOfAClusterGoAlong(t *testing.T) {
	t.Parallel()
	c := capiFrom(t, `metadata: {name: a, namespace: b, labels: {env: prod, example.com/tier: gold, topology.kubernetes.io/region: eu,
  cluster.x-k8s.io/cluster-name: a, topology.cluster.x-k8s.io/owned: "", app.kubernetes.io/instance: fleet, argocd.argoproj.io/instance: fleet,
  kustomize.toolkit.fluxcd.io/name: fleet, applyset.kubernetes.io/part-of: x, kapp.k14s.io/app: "1", helm.sh/chart: c, addonctl.io/cluster: z, notcluster.x-k8s.io/a: b}}`)
	want := map[string]string{"env": "prod", "example.com/tier": "gold", "topology.kubernetes.io/region": "eu", "notcluster.x-k8s.io/a": "b"}
	if got := c.labels(); !maps.Equal(got, want) {
		t.Errorf("labels %v, want %v", got, want)
	}
}

// The table of follow, cell by cell.
func TestARecordFollowsItsCluster(t *testing.T) {
	t.Parallel()
	const marked = v1alpha1.AnnotationClusterAPIPaused
	for name, c := range map[string]struct {
		spec                 string
		before, ours         bool
		paused, afterwardsMe bool
	}{
		"at work, and so is the record":       {"{}", false, false, false, false},
		"paused, and its record is not":       {"{paused: true}", false, false, true, true},
		"paused, and so is its record by us":  {"{paused: true}", true, true, true, true},
		"paused, and somebody's pause stays":  {"{paused: true}", true, false, true, false},
		"paused, and somebody took it off":    {"{paused: true}", false, true, true, true},
		"at work again":                       {"{}", true, true, false, false},
		"at work, and somebody's pause stays": {"{paused: false}", true, false, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := &v1alpha1.ClusterNetwork{Spec: v1alpha1.ClusterNetworkSpec{Paused: c.before}}
			if c.ours {
				n.Annotations = map[string]string{marked: "true"}
			}
			got := follow(n, capiFrom(t, "metadata: {name: a, namespace: b}\nspec: "+c.spec))
			if _, ours := got.Annotations[marked]; got.Spec.Paused != c.paused || ours != c.afterwardsMe {
				t.Errorf("paused %t, by us %t", got.Spec.Paused, ours)
			}
			if n.Spec.Paused != c.before {
				t.Error("what it was given was changed")
			}
		})
	}
	deleted := capiFrom(t, "metadata: {name: a, namespace: b, deletionTimestamp: '2026-11-23T18:00:00Z'}\nspec: {}")
	if got := follow(&v1alpha1.ClusterNetwork{}, deleted); !got.Spec.Paused {
		t.Error("the record of a Cluster that goes away is not paused")
	}
}

// Which records are a Cluster's: by its UID, never by its name alone, and no record that somebody else made.
func TestRecordsAreKnownByTheUID(t *testing.T) {
	t.Parallel()
	meta := func(name, of, uid string) metav1.ObjectMeta {
		m := metav1.ObjectMeta{Name: name}
		if of != "" {
			m.Annotations = map[string]string{v1alpha1.AnnotationClusterAPI: of, v1alpha1.AnnotationClusterAPIUID: uid}
		}
		return m
	}
	addOn := func(cluster, of, uid string) v1alpha1.Addon {
		return v1alpha1.Addon{ObjectMeta: meta(cluster+".x", of, uid), Spec: v1alpha1.AddonSpec{Cluster: cluster}}
	}
	r := capiRecords{
		networks: v1alpha1.ClusterNetworkList{Items: []v1alpha1.ClusterNetwork{
			{ObjectMeta: meta("east", "team/east", "1")}, {ObjectMeta: meta("far", "other/east", "2")}, {ObjectMeta: meta("hand", "", "")},
		}},
		addOns: v1alpha1.AddonList{Items: []v1alpha1.Addon{
			addOn("east", "team/east", "1"), addOn("east", "", ""), addOn("hand", "team/east", "1"), addOn("hand", "", ""),
			addOn("cut-off", "team/east", "3"), addOn("nobodys", "", ""), addOn("others", "other/west", "4"), addOn("far", "team/east", "1"),
		}},
	}
	var got []string
	for uid, o := range r.of(types.NamespacedName{Namespace: "team", Name: "east"}) {
		got = append(got, o.GetName()+" of "+uid)
	}
	if want := []string{"east of 1", "east.x of 1", "east.x of 1", "cut-off.x of 3"}; !slices.Equal(got, want) {
		t.Errorf("records %v, want %v", got, want)
	}
}

// It would catch a manager that goes on with the cluster that it had reached, for the record of another one that took its name while it was at work.
func TestAnUndertakingEndsWithItsRecord(t *testing.T) {
	t.Parallel()
	record := func(uid types.UID, generation int64) *v1alpha1.ClusterNetwork {
		return &v1alpha1.ClusterNetwork{ObjectMeta: metav1.ObjectMeta{Name: "east", UID: uid, Generation: generation}}
	}
	u := &undertaking{record: "1", generation: 1}
	for name, c := range map[string]struct {
		record *v1alpha1.ClusterNetwork
		want   bool
	}{
		"nothing has changed": {record("1", 1), true}, "it was changed": {record("1", 2), false}, "it was made anew": {record("2", 1), false},
	} {
		if got := u.stands(c.record, nil); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// That an API server serves no Clusters at all does not say that one is gone. It would catch a manager that forgets its fleet while the definition
// of Clusters is replaced.
func TestAClusterThatIsNotServedIsNotGone(t *testing.T) {
	t.Parallel()
	k := testkube.Start(t, testkube.Options{})
	clusters, err := dynamic.NewForConfig(k.Config())
	must(t, err)
	p, f := &PickUp{clusters: clusters}, &following{resource: testkube.ClusterAPI("v1beta2")}
	key := types.NamespacedName{Namespace: "default", Name: "east"}
	if gone, err := p.gone(t.Context(), f, key, "1"); gone || err == nil {
		t.Errorf("nothing is served: gone %t, %v", gone, err)
	}
	k.ServeClusterAPI(t, "v1beta2")
	if gone, err := p.gone(t.Context(), f, key, "1"); !gone || err != nil {
		t.Errorf("there is none: gone %t, %v", gone, err)
	}
	u := &unstructured.Unstructured{}
	u.SetAPIVersion("cluster.x-k8s.io/v1beta2")
	u.SetKind("Cluster")
	u.SetName(key.Name)
	made, err := clusters.Resource(f.resource).Namespace(key.Namespace).Create(t.Context(), u, metav1.CreateOptions{})
	must(t, err)
	for uid, want := range map[string]bool{string(made.GetUID()): false, "1": true} {
		if gone, err := p.gone(t.Context(), f, key, uid); gone != want || err != nil {
			t.Errorf("UID %s is gone: %t, want %t (%v)", uid, gone, want, err)
		}
	}
}
