package cli

import (
	"fmt"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

// conditioned is a catalog whose one block asks for a value of a fact.
const conditioned = `
apiVersion: catalog.addonctl.io/v1alpha1
kind: Block
name: Asked
to: {minimal: "1.0.0"}
when:
  - %s
message: A sentence.
url: https://example.org/asked
reviewed: "2026-11-22"
`

func loads(condition string) bool {
	_, err := catalog.Load(fstest.MapFS{
		"asked/addon.yaml": {Data: []byte(`
apiVersion: catalog.addonctl.io/v1alpha1
kind: AddOn
name: Asked
networkType: FLANNEL_OVERLAY
chart: asked
release: asked
workload: {namespace: kube-system, kind: DaemonSet, name: asked, container: asked}
nodeKinds: [Managed]
moves:
  back:
    - {class: Reversible, message: Nothing is lost.}
`)},
		"asked/releases/1.0.0.yaml": {Data: []byte(`
apiVersion: catalog.addonctl.io/v1alpha1
kind: Release
version: "1.0.0"
status: ACTIVE
mechanism: RollingUpdate
images: [{name: asked, ref: "example.org/asked:v1"}]
confidence: inferred
sources: [a test]
`)},
		"asked/blocked/asked.yaml": {Data: fmt.Appendf(nil, conditioned, condition)},
	})
	return err == nil
}

// A value that --fact takes and no condition can ask for, or the other way round, would leave a way closed for ever.
func TestFactsTakeTheValuesThatConditionsMayAskFor(t *testing.T) {
	t.Parallel()
	values := []string{"0", "7", "-1", "007", "1.5", "5.15.0", "nonsense", "", "True"}
	for _, f := range catalog.FactNames() {
		values = append(values, f.Values()...)
	}
	for _, f := range catalog.FactNames() {
		for _, v := range values {
			condition := fmt.Sprintf("{fact: %s, in: [%q]}", f, v)
			if slices.Contains([]catalog.Fact{catalog.FactKernel, catalog.FactKubelet, catalog.FactKubernetes}, f) {
				if v == "" {
					continue // an absent bound is another fault
				}
				condition = fmt.Sprintf("{fact: %s, below: %q}", f, v)
			}
			if want, got := loads(condition), f.Misfit(v) == ""; got != want {
				t.Errorf("%s=%q: --fact takes it: %t, a condition may ask for it: %t", f, v, got, want)
			}
		}
	}
}

func TestWhatIsToldToOpenAWayOpensIt(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		condition  catalog.Condition
		text, tell string
	}{
		"a value that must not be":       {catalog.Condition{Fact: "iptables", In: []string{"legacy"}}, "iptables is not legacy", "nft"},
		"several that must not be":       {catalog.Condition{Fact: "kubeProxyMode", In: []string{"iptables", "nftables"}}, "kubeProxyMode is none of iptables, nftables", "ipvs"},
		"a value that has to be":         {catalog.Condition{Fact: "networkPolicies", NotIn: []string{"0"}}, "networkPolicies is 0", "0"},
		"one of several that has to be":  {catalog.Condition{Fact: "os", NotIn: []string{"OL8", "OL9"}}, "os is OL8 or OL9", "OL8"},
		"a version that is too low":      {catalog.Condition{Fact: "kernel", Below: version.MustParse("5.10")}, "kernel is 5.10 or later", "5.10"},
		"a version that is too high":     {catalog.Condition{Fact: "kubelet", AtLeast: version.MustParse("1.36")}, "kubelet is below 1.36", "VALUE"},
		"a value of endlessly many":      {catalog.Condition{Fact: "os", In: []string{"OL7"}}, "os is not OL7", "VALUE"},
		"a fact of which all are closed": {catalog.Condition{Fact: "typha", In: []string{"false", "true"}}, "typha is none of false, true", "VALUE"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open := opposite(tt.condition)
			if text, tell := holds(open), exampleOf(open); text != tt.text || tell != tt.tell {
				t.Errorf("open where %q, tell %q; want %q, %q", text, tell, tt.text, tt.tell)
			}
			if tt.tell == "VALUE" {
				return
			}
			if a := tt.condition.Holds(catalog.Facts{tt.condition.Fact: {tt.tell}}); a != catalog.No {
				t.Errorf("with %s=%s the condition answers %d, want No", tt.condition.Fact, tt.tell, a)
			}
			if want := tt.condition.Fact.Misfit(tt.tell); want != "" {
				t.Errorf("%s=%s is told and would be refused: wants %s", tt.condition.Fact, tt.tell, want)
			}
		})
	}
}
