package e2e

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// fromMake is a program that `make alerts` builds.
func fromMake(t *testing.T, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		t.Skip(variable + " names no program; make alerts builds one and runs this test")
	}
	return path
}

// ruleGroup is a group of rules of Prometheus.
type ruleGroup struct {
	Name  string           `json:"name"`
	Rules []map[string]any `json:"rules"`
}

// shippedRules are those of the alerts that we ship, each changed by whoever wants to.
func shippedRules(t *testing.T, changes ...func(map[string]any)) []ruleGroup {
	t.Helper()
	data, err := os.ReadFile("../manifests/monitoring/alerts.yaml")
	var file struct {
		Spec struct{ Groups []ruleGroup }
	}
	if err == nil {
		err = yaml.Unmarshal(data, &file)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Spec.Groups {
		for _, r := range g.Rules {
			for _, change := range changes {
				change(r)
			}
		}
	}
	return file.Spec.Groups
}

// writeRules writes a rule file of Prometheus.
func writeRules(t *testing.T, path string, groups []ruleGroup) {
	t.Helper()
	data, err := yaml.Marshal(map[string]any{"groups": groups})
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// plays has promtool play the rule tests with rules.
func plays(t *testing.T, promtool string, groups []ruleGroup) (string, error) {
	t.Helper()
	dir := t.TempDir()
	writeRules(t, filepath.Join(dir, "alerts.rules.yaml"), groups)
	tests, err := os.ReadFile("prometheus/alerts_test.yaml")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "alerts_test.yaml"), tests, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), promtool, "test", "rules", filepath.Join(dir, "alerts_test.yaml")).CombinedOutput()
	return string(out), err
}

func text(r map[string]any, key string) string {
	s, _ := r[key].(string)
	return s
}

// spoilt are changes of an alert that the rule tests have to notice, each for the alerts that it changes.
var spoilt = map[string]func(map[string]any){
	"it never fires":                  func(r map[string]any) { r["expr"] = fmt.Sprintf("(%s) unless on () vector(1)", r["expr"]) },
	"it always fires":                 func(r map[string]any) { r["expr"] = fmt.Sprintf("(%s) or on () vector(1)", r["expr"]) },
	"the comparison is the other way": func(r map[string]any) { r["expr"] = compared.ReplaceAllStringFunc(text(r, "expr"), otherWay) },
	"the label has another value":     func(r map[string]any) { r["expr"] = strings.ReplaceAll(text(r, "expr"), `="`, `="x`) },
	"it waits for nothing":            func(r map[string]any) { delete(r, "for") },
	"it waits longer":                 func(r map[string]any) { r["for"] = longer[text(r, "for")] },
	"it ends with its leader":         func(r map[string]any) { delete(r, "keep_firing_for") },
	"it is one for each replica": func(r map[string]any) {
		r["expr"] = regexp.MustCompile(`max by \([^)]*\) \(`).ReplaceAllString(text(r, "expr"), "(")
	},
	"it has another severity":          func(r map[string]any) { r["labels"] = map[string]any{"severity": "page"} },
	"it says something else":           func(r map[string]any) { r["annotations"] = map[string]any{"summary": "Something is wrong."} },
	"it counts what one replica tells": func(r map[string]any) { r["expr"] = strings.ReplaceAll(text(r, "expr"), "sum(", "max(") },
}

var (
	compared = regexp.MustCompile(` (>|<|==) `)
	longer   = map[string]string{"": "1m", "5m": "6m", "10m": "11m", "15m": "16m", "30m": "31m", "1h": "61m"}
)

func otherWay(s string) string {
	return map[string]string{" > ": " < ", " < ": " > ", " == ": " != "}[s]
}

// promtool reads the alerts, and plays what makes each fire and what must not. The negative controls spoil all alerts at once, in one way after
// the other, and each that is changed by it has to be named among those that fail.
func TestAlertsFireWhenTheyShould(t *testing.T) {
	t.Parallel()
	promtool := fromMake(t, "ADDONCTL_TEST_PROMTOOL")
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	writeRules(t, rules, shippedRules(t))
	out, err := exec.CommandContext(t.Context(), promtool, "check", "rules", "--lint=all", "--lint-fatal", rules).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("promtool check rules:\n%s", out)
	if out, err := plays(t, promtool, shippedRules(t)); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	named := regexp.MustCompile(`alertname(?:: |=\\?")(\w+)`)
	for _, how := range slices.Sorted(maps.Keys(spoilt)) {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			changed := map[string]bool{}
			groups := shippedRules(t, func(r map[string]any) {
				before := fmt.Sprint(r)
				if spoilt[how](r); fmt.Sprint(r) != before {
					changed[text(r, "alert")] = true
				}
			})
			out, err := plays(t, promtool, groups)
			if err == nil {
				t.Error("the rule tests pass")
			}
			red := map[string]bool{}
			for _, m := range named.FindAllStringSubmatch(out, -1) {
				red[m[1]] = true
			}
			for _, name := range slices.Sorted(maps.Keys(changed)) {
				if !red[name] {
					t.Errorf("no rule test of %s fails", name)
				}
			}
			t.Logf("%d alerts were changed, tests of %d fail", len(changed), len(red))
		})
	}
}
