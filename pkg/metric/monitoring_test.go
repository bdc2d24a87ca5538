package metric

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// alert is a rule of Prometheus.
type alert struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

// alerts are those that we ship, decoded strictly.
func alerts(t *testing.T) []alert {
	t.Helper()
	data, err := os.ReadFile("../../manifests/monitoring/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		APIVersion, Kind string
		Metadata         map[string]any
		Spec             struct {
			Groups []struct {
				Name  string
				Rules []alert
			}
		}
	}
	if err := yaml.UnmarshalStrict(data, &file); err != nil {
		t.Fatal(err)
	}
	var out []alert
	for _, g := range file.Spec.Groups {
		out = append(out, g.Rules...)
	}
	if file.Kind != "PrometheusRule" || len(out) < 10 {
		t.Fatalf("a %s with %d alerts", file.Kind, len(out))
	}
	return out
}

// command is one that an annotation names.
var command = regexp.MustCompile("`((?:addonctl|kubectl) [^`]+)`")

func TestEveryAlertSaysWhatToDo(t *testing.T) {
	t.Parallel()
	reference, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, a := range alerts(t) {
		if names[a.Alert] || !strings.HasPrefix(a.Alert, "Addonctl") {
			t.Errorf("%s is no name of its own", a.Alert)
		}
		names[a.Alert] = true
		if !slices.Contains([]string{"critical", "warning", "info"}, a.Labels["severity"]) {
			t.Errorf("%s has the severity %q", a.Alert, a.Labels["severity"])
		}
		if s := a.Annotations["summary"]; s == "" || !strings.HasSuffix(s, ".") {
			t.Errorf("%s: summary %q is no sentence", a.Alert, s)
		}
		commands := command.FindAllStringSubmatch(a.Annotations["description"], -1)
		if len(commands) == 0 {
			t.Errorf("%s: %q names no command", a.Alert, a.Annotations["description"])
		}
		for _, c := range commands {
			if verb := verbOf(c[1]); verb != "" && !strings.Contains(string(reference), "## "+verb+"\n") {
				t.Errorf("%s: there is no command %q", a.Alert, verb)
			}
		}
		for _, fault := range faults(a.Expr) {
			t.Errorf("%s: %s", a.Alert, fault)
		}
		for _, text := range a.Annotations {
			for _, l := range regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(text, -1) {
				if !strings.Contains(a.Expr, l[1]) && !slices.Contains(labelsOf(a.Expr), l[1]) {
					t.Errorf("%s: no label %s comes of %s", a.Alert, l[1], a.Expr)
				}
			}
		}
	}
}

// verbOf is the command of addonctl that a text begins with, without its flags and arguments; empty for other programs.
func verbOf(text string) string {
	words := strings.Fields(text)
	if words[0] != "addonctl" {
		return ""
	}
	n := 2
	if slices.Contains([]string{"rollout", "catalog", "cluster"}, words[1]) {
		n = 3
	}
	return strings.Join(words[:n], " ")
}

func TestTheDashboardShowsWhatThereIs(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../manifests/monitoring/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Title, UID string
		Panels     []struct {
			ID          int
			Title, Type string
			Description string
			GridPos     struct{ X, Y, W, H int }
			Targets     []struct{ Expr, RefID string }
		}
	}
	if err := json.Unmarshal(data, &board); err != nil {
		t.Fatal(err)
	}
	taken := map[string]string{}
	shown := strings.Builder{}
	for i, p := range board.Panels {
		if p.ID != i+1 || p.Title == "" || p.Type == "" || p.Description == "" || len(p.Targets) == 0 {
			t.Errorf("panel %d: %+v", i+1, p)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				at := fmt.Sprint(x, y)
				if taken[at] != "" || x >= 24 {
					t.Fatalf("%q and %q lie over each other at %s", p.Title, taken[at], at)
				}
				taken[at] = p.Title
			}
		}
		for _, target := range p.Targets {
			for _, fault := range faults(target.Expr) {
				t.Errorf("%s: %s", p.Title, fault)
			}
			shown.WriteString(target.Expr + " ")
		}
	}
	for _, a := range alerts(t) {
		shown.WriteString(a.Expr + " ")
	}
	for _, f := range Families() {
		if f.Name != catalogInfo && f.Name != catalogReleases && f.Name != rollouts && !strings.Contains(shown.String(), f.Name) {
			t.Errorf("%s is neither shown nor alerted on", f.Name)
		}
	}
}

// known are the words of PromQL that the expressions use.
var known = strings.Fields("sum max by on and or absent time rate increase sort histogram_quantile group_left vector")

var (
	quoted   = regexp.MustCompile(`"[^"]*"`)
	span     = regexp.MustCompile(`\[(\d+[smhd]|\$__rate_interval)\]`)
	word     = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)
	grouping = regexp.MustCompile(`(?:by|on|group_left) \(([^)]*)\)`)
	matchers = regexp.MustCompile(`\{([^}]*)\}`)
)

// family is the one that a word of an expression names; a histogram is asked for by its parts.
func family(name string) *Family {
	for _, f := range Families() {
		if f.Kind == gauge && name == f.Name || f.Kind == histogram && slices.Contains([]string{f.Name + "_bucket", f.Name + "_sum", f.Name + "_count"}, name) {
			return &f
		}
	}
	return nil
}

// labelsOf are those of all metrics that an expression names.
func labelsOf(expr string) []string {
	out := []string{"le"}
	for _, w := range word.FindAllString(quoted.ReplaceAllString(expr, `""`), -1) {
		if f := family(w); f != nil {
			out = append(out, f.Labels...)
		}
	}
	return out
}

// faults are what is wrong with an expression: unbalanced brackets, a metric that we do not tell, a label that none of its metrics has, a word
// that is no function.
func faults(expr string) []string {
	var out []string
	plain := span.ReplaceAllString(quoted.ReplaceAllString(expr, `""`), "")
	var open []rune
	for _, c := range plain {
		switch i := strings.IndexRune(")]}", c); {
		case strings.ContainsRune("([{", c):
			open = append(open, c)
		case i >= 0 && (len(open) == 0 || open[len(open)-1] != rune("([{"[i])):
			out = append(out, fmt.Sprintf("%q closes nothing in %s", c, expr))
		case i >= 0:
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		out = append(out, fmt.Sprintf("%q stays open in %s", open, expr))
	}
	labels := labelsOf(expr)
	for _, m := range append(grouping.FindAllStringSubmatch(plain, -1), matchers.FindAllStringSubmatch(plain, -1)...) {
		for _, l := range word.FindAllString(m[1], -1) {
			if !slices.Contains(labels, l) {
				out = append(out, fmt.Sprintf("no metric has the label %s in %s", l, expr))
			}
		}
	}
	rest := matchers.ReplaceAllString(grouping.ReplaceAllStringFunc(plain, func(s string) string { return strings.Fields(s)[0] }), "")
	metrics := 0
	for _, w := range word.FindAllString(rest, -1) {
		switch {
		case family(w) != nil:
			metrics++
		case !slices.Contains(known, w):
			out = append(out, fmt.Sprintf("%s is neither a metric nor a function, in %s", w, expr))
		}
	}
	if metrics == 0 {
		out = append(out, "no metric in "+expr)
	}
	return out
}

// The negative control: what is wrong with an expression is found.
func TestFaultsOfExpressionsAreFound(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]string{
		`sum by (addon) (addonctl_addons) > 0`:                "",
		`rate(addonctl_gate_seconds_count[5m])`:               "",
		`sum(addonctl_addon)`:                                 "addonctl_addon is neither a metric",
		`addonctl_gate_seconds > 1`:                           "addonctl_gate_seconds is neither a metric",
		`sum by (node) (addonctl_addons)`:                     "no metric has the label node",
		`addonctl_addons{mood="pinned"}`:                      "no metric has the label mood",
		`sum(addonctl_addons`:                                 "stays open",
		`addonctl_addons)`:                                    "closes nothing",
		`summ(addonctl_addons)`:                               "summ is neither",
		`vector(1)`:                                           "no metric",
		`addonctl_rollout_phase{phase="no label is in here"}`: "",
	} {
		got := strings.Join(faults(expr), "; ")
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", expr, got, want)
		}
	}
}
