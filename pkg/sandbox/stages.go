package sandbox

import (
	"bytes"
	"embed"
	"fmt"
	"time"

	"sigs.k8s.io/yaml"
)

// stagesFile is kwok's configuration in the sandbox's folder.
const stagesFile = "stages.yaml"

// templates are what stages write into a status. Their language is kwok's.
//
//go:embed templates/*.tmpl
var templates embed.FS

// stage is one move of a node or pod: which objects it takes, after which delay, and what becomes of them. Of several
// stages that take an object those with a weight win over those without.
type stage struct {
	name     string
	kind     string
	when     []requirement
	delay    time.Duration
	jitter   time.Duration // the delay is at least delay and at most this, if set
	after    string        // a jq expression of the delay or the moment; replaces delay
	weight   int
	template string // file below templates
	status   string // literal, instead of a template
	remove   bool
}

// requirement compares what a jq expression finds with a value. An expression that finds nothing differs from any value.
type requirement struct {
	expression string
	operator   string
	values     []string
}

// The expressions that select.
const (
	readyExpression   = `.status.conditions[]? | select(.type == "Ready") | .status`
	phaseExpression   = `.status.phase`
	ownerExpression   = `.metadata.ownerReferences[]? | .kind`
	waitingExpression = `.status.containerStatuses[]? | .state.waiting.reason`
)

func is(expression string, values ...string) requirement {
	return requirement{expression: expression, operator: "In", values: values}
}

func not(expression string, values ...string) requirement {
	return requirement{expression: expression, operator: "NotIn", values: values}
}

func absent(expression string) requirement {
	return requirement{expression: expression, operator: "DoesNotExist"}
}

func present(expression string) requirement {
	return requirement{expression: expression, operator: "Exists"}
}

var (
	ready     = is(readyExpression, "True")
	notReady  = not(readyExpression, "True")
	deleting  = present(".metadata.deletionTimestamp")
	staying   = absent(".metadata.deletionTimestamp")
	unended   = not(phaseExpression, "Succeeded", "Failed")
	ofJob     = is(ownerExpression, "Job")
	notOfJob  = not(ownerExpression, "Job")
	ownAddr   = not(".spec.hostNetwork", "true")
	pending   = is(phaseExpression, "Pending")
	backedOff = is(waitingExpression, "ImagePullBackOff")
)

// The pace of a healthy node and its pods. A pod is Ready 0.3 to 0.6 s after it was bound, as from a pulled image.
const (
	readyAfter     = 300 * time.Millisecond
	readyAtLatest  = 600 * time.Millisecond
	heartbeat      = 60 * time.Second
	heartbeatLater = 90 * time.Second
)

// healthy is how nodes and pods behave without faults. At most one of these stages takes an object at a time, and none
// has a weight, so that a fault wins. pod-steady writes nothing, but makes a kwok that was restarted
// count the addresses of pods that it did not start as taken.
func healthy() []stage {
	return []stage{
		{name: "node-ready", kind: "Node", when: []requirement{notReady}, template: "node.tmpl"},
		{name: "node-heartbeat", kind: "Node", when: []requirement{ready}, delay: heartbeat, jitter: heartbeatLater, template: "node.tmpl"},
		{name: "pod-ready", kind: "Pod", when: []requirement{staying, unended, notReady}, delay: readyAfter, jitter: readyAtLatest, template: "running.tmpl"},
		{name: "pod-steady", kind: "Pod", when: []requirement{staying, ready, ownAddr, notOfJob}, status: "phase: Running\n"},
		{name: "pod-completed", kind: "Pod", when: []requirement{staying, ready, ofJob}, delay: readyAfter, template: "completed.tmpl"},
		{name: "pod-deleted", kind: "Pod", when: []requirement{deleting}, remove: true},
	}
}

// writeStages writes kwok's configuration: healthy behaviour and the faults over it.
func (s *Sandbox) writeStages(faults []Fault) error {
	documents := []any{kwokOptions()}
	all := healthy()
	for _, f := range faults {
		all = append(all, f.stages()...)
	}
	for _, st := range all {
		document, err := st.document()
		if err != nil {
			return err
		}
		documents = append(documents, document)
	}
	var out bytes.Buffer
	for _, d := range documents {
		data, err := yaml.Marshal(d)
		if err != nil {
			return err
		}
		fmt.Fprintf(&out, "---\n%s", data)
	}
	return writeFile(s.path(stagesFile), out.Bytes())
}

type object = map[string]any

// kwokOptions lets many pods move at once: the defaults are for a handful.
func kwokOptions() object {
	return object{
		"apiVersion": "config.kwok.x-k8s.io/v1alpha1", "kind": "KwokConfiguration",
		"options": object{
			"podPlayStageParallelism": 16, "nodePlayStageParallelism": 16, "podsOnNodeSyncParallelism": 8,
		},
	}
}

// document is the stage in kwok's own form.
func (st stage) document() (object, error) {
	next, err := st.next()
	if err != nil {
		return nil, err
	}
	spec := object{
		"resourceRef": object{"apiGroup": "v1", "kind": st.kind},
		"selector":    object{"matchExpressions": expressions(st.when)},
		"weight":      st.weight,
		"next":        next,
	}
	if delay := st.pace(); len(delay) > 0 {
		spec["delay"] = delay
	}
	return object{
		"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage", "metadata": object{"name": st.name}, "spec": spec,
	}, nil
}

func (st stage) next() (object, error) {
	switch {
	case st.remove:
		return object{"delete": true}, nil
	case st.status != "":
		return object{"statusTemplate": st.status}, nil
	}
	text, err := templates.ReadFile("templates/" + st.template)
	if err != nil {
		return nil, err
	}
	return object{"statusTemplate": string(text)}, nil
}

func (st stage) pace() object {
	delay := object{}
	if st.after != "" {
		delay["durationFrom"] = object{"jq": object{"expression": st.after}}
	}
	if st.delay > 0 {
		delay["durationMilliseconds"] = st.delay.Milliseconds()
	}
	if st.jitter > 0 {
		delay["jitterDurationMilliseconds"] = st.jitter.Milliseconds()
	}
	return delay
}

func expressions(when []requirement) []object {
	list := make([]object, 0, len(when))
	for _, r := range when {
		jq := object{"key": r.expression, "operator": r.operator}
		if len(r.values) > 0 {
			jq["values"] = r.values
		}
		list = append(list, object{"jq": jq})
	}
	return list
}
