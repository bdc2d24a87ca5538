package addons_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// Oracle's two tables name six common keys and one of each add-on; Calico has those that make sense (facts: OKE 2.7).
func TestEveryReleaseHasTheDocumentedKeys(t *testing.T) {
	t.Parallel()
	common := []string{"affinity", "nodeSelectors", "numOfReplicas", "rollingUpdate", "tolerations", "topologySpreadConstraints"}
	want := map[string][]string{
		"Flannel":        append([]string{"kube-flannel.ContainerResources"}, common...),
		"OciVcnIpNative": append([]string{"install-cni-ips.ContainerResources"}, common...),
		"Calico":         {"affinity", "calico-node.ContainerResources", "nodeSelectors", "rollingUpdate", "tolerations"},
	}
	for _, a := range shipped(t).AddOns {
		keys := slices.Sorted(slices.Values(want[a.Name]))
		for _, r := range a.Releases {
			var got []string
			for _, c := range r.Configurations {
				got = append(got, c.Key)
				if c.Required {
					t.Errorf("%s %s: %s is required", a.Name, r.Version, c.Key)
				}
			}
			if diff := cmp.Diff(keys, got); diff != "" {
				t.Errorf("%s %s: keys (-want +got):\n%s", a.Name, r.Version, diff)
			}
		}
	}
}

func TestValuesOfKeysAreCheckedStrictly(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ good, bad []string }{
		"affinity": {
			good: []string{
				`{}`,
				`{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"pool","operator":"In","values":["a"]}]}]}}}`,
				`{"podAntiAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":1,"podAffinityTerm":{"topologyKey":"zone","labelSelector":{"matchLabels":{"app":"x"}}}}]}}`,
			},
			bad: []string{
				`[]`, `{"nodeaffinity":{}}`, `{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[]}}}`,
				`{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"pool","operator":"in"}]}]}}}`,
				`{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"labelSelector":{}}]}}`,
			},
		},
		"nodeSelectors": {
			good: []string{`{"foo":"bar","foo2":"bar2"}`, `{"addon":"no-schedule"}`, `{"kubernetes.io/arch":"arm64"}`, `{"flag":""}`},
			bad:  []string{`{"foo":1}`, `["foo"]`, `{"":"x"}`, `{"a b":"x"}`, `{"foo":"two words"}`},
		},
		"numOfReplicas": {good: []string{`1`, `2`}, bad: []string{`0`, `"1"`, `1.5`, `[1]`}},
		"rollingUpdate": {
			good: []string{`{"maxUnavailable":"25%"}`, `{"maxSurge":0,"maxUnavailable":1}`, `{"maxSurge":"10%","maxUnavailable":0}`},
			bad:  []string{`{}`, `{"maxUnavailable":-1}`, `{"maxUnavailable":"101%"}`, `{"maxUnavailable":"25"}`, `{"maxunavailable":1}`, `"25%"`},
		},
		"tolerations": {
			good: []string{
				`[]`, `[{"operator":"Exists"}]`, `[{"key":"a","operator":"Equal","value":"b","effect":"NoSchedule"}]`, `[{"key":"a"}]`,
				`[{"key":"a","operator":"Exists","effect":"NoExecute","tolerationSeconds":60}]`,
			},
			bad: []string{
				`{}`, `[{"key":"a","effect":"noSchedule"}]`, `[{"key":"a","operator":"Exists","value":"b"}]`, `[{"effect":"NoSchedule"}]`,
				`[{"key":"a","tolerationSeconds":60}]`, `[{"keys":"a","operator":"Exists"}]`,
			},
		},
		"topologySpreadConstraints": {
			good: []string{`[{"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"ScheduleAnyway","labelSelector":{"matchLabels":{"app":"x"}}}]`},
			bad:  []string{`[{"maxSkew":0,"topologyKey":"zone","whenUnsatisfiable":"ScheduleAnyway"}]`, `[{"maxSkew":1,"topologyKey":"zone"}]`, `{}`},
		},
		"ContainerResources": {
			good: []string{`{"limits":{"cpu":"500m","memory":"200Mi"},"requests":{"cpu":"100m","memory":"100Mi"}}`, `{"requests":{"cpu":0.1}}`},
			bad:  []string{`{}`, `{"limit":{"cpu":"1"}}`, `{"limits":{"mem":"1Gi"}}`, `{"limits":{"memory":"200MB"}}`, `{"limits":{"cpu":-1}}`},
		},
	}
	own := map[string]string{
		"kube-flannel.ContainerResources": "ContainerResources", "install-cni-ips.ContainerResources": "ContainerResources",
		"calico-node.ContainerResources": "ContainerResources",
	}
	for _, a := range shipped(t).AddOns {
		for _, c := range a.Releases[0].Configurations {
			key := c.Key
			if name, ok := own[key]; ok {
				key = name
			}
			tt, ok := tests[key]
			if !ok {
				t.Errorf("%s: no values for %s", a.Name, c.Key)
			}
			check(t, a.Name, c, tt.good, true)
			check(t, a.Name, c, tt.bad, false)
		}
	}
}

func check(t *testing.T, name string, c catalog.Configuration, values []string, want bool) {
	t.Helper()
	for _, v := range values {
		if _, err := c.Decode(v); (err == nil) != want {
			t.Errorf("%s: %s with %s: accepted %t, want %t (%v)", name, c.Key, v, err == nil, want, err)
		}
	}
}
