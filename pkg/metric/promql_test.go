package metric

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// reply is what Prometheus' parser says of an expression (e2e/prometheus).
type reply struct {
	Faults          []string
	Labels, Metrics []string
}

// parser is a program that asks Prometheus' own parser. It is built of a module of its own: the parser would bring Prometheus' modules into ours.
type parser string

func newParser(t *testing.T) parser {
	t.Helper()
	program := filepath.Join(t.TempDir(), "promql")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-C", "../../e2e/prometheus", "-o", program, ".")
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building e2e/prometheus: %v\n%s", err, out)
	}
	return parser(program)
}

// ask asks about expressions by name. Series are what the families are told as, and what Prometheus' client says of every process.
func (p parser) ask(t *testing.T, expressions map[string]string) map[string]reply {
	t.Helper()
	type series struct {
		Labels  []string
		Counter bool
	}
	there := map[string]series{"process_start_time_seconds": {}}
	for _, f := range Families() {
		if f.Kind == gauge {
			there[f.Name] = series{Labels: f.Labels}
			continue
		}
		there[f.Name+"_bucket"] = series{Labels: append([]string{"le"}, f.Labels...), Counter: true}
		there[f.Name+"_sum"], there[f.Name+"_count"] = series{f.Labels, true}, series{f.Labels, true}
	}
	names := slices.Sorted(maps.Keys(expressions))
	question := struct {
		Series      map[string]series
		Expressions []string
	}{Series: there}
	for _, name := range names {
		question.Expressions = append(question.Expressions, expressions[name])
	}
	in, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), string(p))
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var replies []reply
	if err := json.Unmarshal(out, &replies); err != nil || len(replies) != len(names) {
		t.Fatalf("%d replies to %d expressions, %v", len(replies), len(names), err)
	}
	all := map[string]reply{}
	for i, name := range names {
		all[name] = replies[i]
	}
	return all
}

// macros are what Grafana puts in the place of its own words.
var macros = strings.NewReplacer("$__rate_interval", "5m", "$addon", "Flannel")

// values is a question of Grafana for the values of a label.
var values = regexp.MustCompile(`^label_values\((\w+), (\w+)\)$`)

// expressions are those of alerts and dashboard, by what they are for.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, a := range alerts(t) {
		out[a.Alert] = a.Expr
	}
	b := dashboard(t)
	for _, p := range b.Panels {
		for i, target := range p.Targets {
			out[fmt.Sprintf("%s %d", p.Title, i)] = macros.Replace(target.Expr)
		}
	}
	for _, v := range b.Templating.List {
		if q, ok := v.Query.(map[string]any); ok {
			m := values.FindStringSubmatch(fmt.Sprint(q["query"]))
			if m == nil {
				t.Fatalf("variable %s asks %v", v.Name, q["query"])
			}
			out["variable "+v.Name] = fmt.Sprintf("sum by (%s) (%s)", m[2], m[1])
		}
	}
	return out
}

// Every expression is one of Prometheus, of metrics and labels that we tell, and what an alert says names labels that its expression gives.
func TestExpressionsReadWhatThereIs(t *testing.T) {
	t.Parallel()
	p := newParser(t)
	replies := p.ask(t, expressions(t))
	read := map[string]bool{}
	for name, r := range replies {
		for _, fault := range r.Faults {
			t.Errorf("%s: %s", name, fault)
		}
		for _, m := range r.Metrics {
			read[strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(m, "_bucket"), "_sum"), "_count")] = true
		}
	}
	for _, f := range Families() {
		if f.Name != catalogInfo && f.Name != catalogReleases && f.Name != rollouts && !read[f.Name] {
			t.Errorf("%s is neither shown nor alerted on", f.Name)
		}
	}
	for _, a := range alerts(t) {
		for _, text := range a.Annotations {
			for _, l := range regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(text, -1) {
				if !slices.Contains(replies[a.Alert].Labels, l[1]) {
					t.Errorf("%s: its expression gives no label %s, but %v", a.Alert, l[1], replies[a.Alert].Labels)
				}
			}
		}
		// Else it would be another alert as soon as another replica leads.
		if slices.Contains(replies[a.Alert].Labels, "instance") {
			t.Errorf("%s is one for each replica: %v", a.Alert, replies[a.Alert].Labels)
		}
	}
	p.findsFaults(t)
}

// findsFaults is the negative control: what is wrong with an expression is found.
func (p parser) findsFaults(t *testing.T) {
	t.Helper()
	for expr, want := range map[string]string{
		`sum by (addon) (addonctl_addons) > 0`:                                           "",
		`rate(addonctl_gate_seconds_count[5m])`:                                          "",
		`addonctl_rollout_phase{phase="no label is in here"}`:                            "",
		`sum by (job) (addonctl_leader) unless max by (job) (addonctl_leader)`:           "",
		`addonctl_rollout_info * on (rollout) group_left (phase) addonctl_rollout_phase`: "",
		`sum(addonctl_addon)`:                                                              `nobody tells "addonctl_addon"`,
		`addonctl_gate_seconds > 1`:                                                        `nobody tells "addonctl_gate_seconds"`,
		`sum by (node) (addonctl_addons)`:                                                  "addonctl_addons has no label node",
		`max by (addon) (sum by (version) (addonctl_addons))`:                              "sum by (version) (addonctl_addons) has no label addon",
		`addonctl_addons{mood="pinned"}`:                                                   "has no label mood",
		`addonctl_leader * on (rollout) addonctl_rollout_info`:                             "addonctl_leader has no label rollout",
		`addonctl_rollout_info * on (rollout) group_left (wave) addonctl_rollout_phase`:    "addonctl_rollout_phase has no label wave",
		`addonctl_rollout_orders_pending and max by (rollout) (addonctl_rollout_phase)`:    "never find each other",
		`rate(addonctl_addons[5m])`:                                                        "addonctl_addons is no counter",
		`histogram_quantile(0.5, sum by (addon) (rate(addonctl_gate_seconds_bucket[5m])))`: "has no label le",
		`label_replace(addonctl_leader, "a", "b", "c", "d")`:                               "nobody has said which labels label_replace gives",
		`sum(addonctl_addons`:                                                              "parse error",
		`addonctl_addons)`:                                                                 "parse error",
		`summ(addonctl_addons)`:                                                            "parse error",
		`addonctl_addons[5m] > 0`:                                                          "parse error",
		`vector(1)`:                                                                        "it reads no metric",
	} {
		r := p.ask(t, map[string]string{"": expr})[""]
		got := strings.Join(r.Faults, "; ")
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", expr, got, want)
		}
	}
}
