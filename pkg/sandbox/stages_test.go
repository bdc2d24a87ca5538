package sandbox

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

func TestEveryStageOfAFaultWinsOverTheHealthyOnes(t *testing.T) {
	t.Parallel()
	for _, st := range healthy() {
		if st.weight != 0 {
			t.Errorf("%s is healthy and has weight %d", st.name, st.weight)
		}
	}
	for _, f := range []Fault{{Name: "f", Mode: Crash}, {Name: "f", Mode: Pending}, {Name: "f", Mode: Creating}, {Name: "f", Mode: Slow, Delay: time.Second}} {
		stages := f.stages()
		if len(stages) == 0 {
			t.Errorf("%s has no stage", f.Mode)
		}
		for _, st := range stages {
			if st.weight == 0 || !strings.HasPrefix(st.name, "fault-f") {
				t.Errorf("%s: stage %s has weight %d", f.Mode, st.name, st.weight)
			}
		}
	}
}

func TestAFaultMatchesByImageAndNode(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault Fault
		want  string
	}{
		"everywhere": {
			fault: Fault{Image: ":v1"},
			want:  `([.spec.containers[].image, .spec.initContainers[]?.image] | any(.[]; contains(":v1")))`,
		},
		"on two nodes": {
			fault: Fault{Image: ":v1", Nodes: []string{"a", "b"}},
			want:  `([.spec.containers[].image, .spec.initContainers[]?.image] | any(.[]; contains(":v1"))) and (.spec.nodeName | IN("a", "b"))`,
		},
		"text is no program": {
			fault: Fault{Image: `")) or ("`},
			want:  `([.spec.containers[].image, .spec.initContainers[]?.image] | any(.[]; contains("\")) or (\"")))`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, test.fault.expression()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTheConfigurationOfKwokHoldsAllStages(t *testing.T) {
	t.Parallel()
	s := &Sandbox{dir: t.TempDir()}
	if err := s.writeStages([]Fault{{Name: "slow", Mode: Slow, Delay: 2 * time.Second}}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(s.path(stagesFile))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for document := range strings.SplitSeq(string(data), "---\n") {
		var head struct {
			Kind     string `json:"kind"`
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
		}
		if err := yaml.Unmarshal([]byte(document), &head); err != nil {
			t.Fatal(err)
		}
		names = append(names, strings.TrimSpace(head.Kind+" "+head.Metadata.Name))
	}
	want := []string{
		"", "KwokConfiguration", "Stage node-ready", "Stage node-heartbeat", "Stage pod-ready", "Stage pod-steady",
		"Stage pod-completed", "Stage pod-deleted", "Stage fault-slow",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}
