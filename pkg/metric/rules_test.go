package metric

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// ruleTests are what promtool plays with the alerts, `make alerts`.
const ruleTests = "../../e2e/prometheus/alerts_test.yaml"

// played is a rule test as far as we read it; promtool reads it whole and strictly.
type played struct {
	Name string
	Test []struct {
		Alert    string `json:"alertname"`
		Expected []struct {
			Annotations map[string]string `json:"exp_annotations"`
		} `json:"exp_alerts"`
	} `json:"alert_rule_test"`
}

// untested says which alerts are never seen to fire, or never to keep quiet.
func untested(all []alert, tests []played) []string {
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, p := range tests {
		for _, x := range p.Test {
			fires[x.Alert] = fires[x.Alert] || len(x.Expected) > 0
			quiet[x.Alert] = quiet[x.Alert] || len(x.Expected) == 0
		}
	}
	var out []string
	for _, a := range all {
		if !fires[a.Alert] {
			out = append(out, a.Alert+": nothing makes it fire in "+ruleTests)
		}
		if !quiet[a.Alert] {
			out = append(out, a.Alert+": no near miss in "+ruleTests)
		}
	}
	return out
}

func TestEachAlertHasARuleTest(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(ruleTests)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Tests []played }
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	for _, fault := range untested(alerts(t), file.Tests) {
		t.Error(fault)
	}
	// The negative control: an alert that nobody has written a test for is noticed.
	if faults := untested([]alert{{Alert: "AddonctlNew"}}, file.Tests); len(faults) != 2 {
		t.Errorf("an alert without any test: %v", faults)
	}
}

// promtool takes minutes to build, so `make test` does not play the rule tests: `make alerts` does, and writes down what it played. It would catch
// an alert, or a rule test, that was changed and not played since.
func TestTheRuleTestsWerePlayedSinceTheAlertsWereChanged(t *testing.T) {
	t.Parallel()
	written, err := os.ReadFile("../../e2e/prometheus/played")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, name := range []string{"manifests/monitoring/alerts.yaml", "e2e/prometheus/alerts_test.yaml"} {
		data, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		want = append(want, fmt.Sprintf("%s  %s", hex.EncodeToString(sum[:]), name))
	}
	if got := strings.Split(strings.TrimSpace(string(written)), "\n"); !slices.Equal(got, want) {
		t.Errorf("promtool played\n%s\nand there is\n%s\nrun: make alerts", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
