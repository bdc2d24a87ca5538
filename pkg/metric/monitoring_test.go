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
	Keep                string `json:"keep_firing_for"`
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

// board is what we read of the dashboard.
type board struct {
	Templating struct {
		List []struct {
			Name  string
			Query any
		}
	}
	Panels []struct {
		ID          int
		Title, Type string
		Description string
		GridPos     struct{ X, Y, W, H int }
		Targets     []struct{ Expr, RefID string }
	}
}

func dashboard(t *testing.T) board {
	t.Helper()
	data, err := os.ReadFile("../../manifests/monitoring/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var out board
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestThePanelsOfTheDashboardLieBesideEachOther(t *testing.T) {
	t.Parallel()
	taken := map[string]string{}
	for i, p := range dashboard(t).Panels {
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
	}
}
