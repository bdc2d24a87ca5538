package render

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The fields that an overlay may change. Whatever is not among them makes another agent of the release's, also what a later
// Kubernetes brings. Some have a judgement of their own, which is named.
var (
	freeOfWorkload = []string{
		"minReadySeconds", "progressDeadlineSeconds", "revisionHistoryLimit", "strategy",
		"replicas",       // unless there are none
		"selector",       // selectors
		"template",       // field by field
		"updateStrategy", // strategies
	}
	freeOfPod = []string{
		"affinity", "imagePullSecrets", "nodeSelector", "resources", "tolerations", "topologySpreadConstraints",
		"containers", "initContainers", "volumes", // one by one
		"priorityClassName",             // unless it is a lower one
		"serviceAccountName",            // accounts
		"terminationGracePeriodSeconds", // strategies
	}
	freeOfContainer = []string{
		"image",               // versions
		"imagePullPolicy",     // unless it is Never
		"env", "volumeMounts", // one by one
		"resizePolicy", "resources", "terminationMessagePolicy",
	}
	freeOfAccount = []string{"apiVersion", "kind", "metadata", "secrets", "imagePullSecrets"}
)

// ranks of Kubernetes' own priority classes; those of an operator are below them.
var ranks = map[string]int{"system-cluster-critical": 1, "system-node-critical": 2}

// agents : what runs is what the release says, and how it runs. A pod that does nothing, or something else, can look ready.
func (l *layer) agents() []Finding {
	var out []Finding
	for _, c := range l.changes() {
		name := full(c.before)
		switch {
		case PhaseOf(c.before) == Workloads:
			x, y := inMeaning(c.before.DeepCopy(), c.after.DeepCopy())
			out = append(out, changedAgent(name, ofWorkload(tableAt(x, "spec"), tableAt(y, "spec")))...)
			out = append(out, changedPods(name, tableAt(x, "spec.template.spec"), tableAt(y, "spec.template.spec"))...)
		case isAccount(c.before):
			out = append(out, changedAgent(name, besides(c.before.Object, c.after.Object, freeOfAccount))...)
		}
	}
	return out
}

func isAccount(o *unstructured.Unstructured) bool {
	return o.GetKind() == "ServiceAccount" && o.GroupVersionKind().Group == ""
}

func changedAgent(where string, differences []Difference) []Finding {
	var out []Finding
	for _, d := range differences {
		out = append(out, refusal(OverlayChangesAgent, "leave it as it is: use the chart's values (--values) or configuration (--set-config)",
			"the overlay changes %s: %s: %s -> %s", where, d.Field, valueText(d.From), valueText(d.To)))
	}
	return out
}

func valueText(v any) string {
	if v == nil {
		return "nothing"
	}
	return textOf(v)
}

// besides are the fields, beside the free ones, that two tables say differently.
func besides(x, y map[string]any, free []string) []Difference {
	all := map[string]any{}
	maps.Copy(all, x)
	maps.Copy(all, y)
	var out []Difference
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if !slices.Contains(free, key) {
			out = append(out, differ([]string{key}, x[key], y[key])...)
		}
	}
	return out
}

func ofWorkload(x, y map[string]any) []Difference {
	out := besides(x, y, freeOfWorkload)
	if y["replicas"] == int64(0) {
		out = append(out, differ([]string{"replicas"}, x["replicas"], y["replicas"])...)
	}
	return out
}

// changedPods judges the pods of a workload, and then each of their containers.
func changedPods(workload string, x, y map[string]any) []Finding {
	where := "the pods of " + workload
	volumes, added := listed("volumes", x, y, plainVolume)
	differences := append(besides(x, y, freeOfPod), volumes...)
	if was, is := textAt(x, "priorityClassName"), textAt(y, "priorityClassName"); was != is && ranks[is] <= ranks[was] {
		differences = append(differences, differ([]string{"priorityClassName"}, x["priorityClassName"], y["priorityClassName"])...)
	}
	out := append(changedAgent(where, differences), addedTo(where, added)...)
	out = append(out, changedAgent(where, places(x, y))...)
	before, after := byName(x), byName(y)
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if after[name] != nil { // containers tells of one that is gone
			out = append(out, changedContainer("container "+name+" of "+workload, before[name], after[name])...)
		}
	}
	return out
}

func changedContainer(where string, x, y map[string]any) []Finding {
	differences := besides(x, y, freeOfContainer)
	if y["imagePullPolicy"] == "Never" {
		differences = append(differences, differ([]string{"imagePullPolicy"}, x["imagePullPolicy"], y["imagePullPolicy"])...)
	}
	env, variables := listed("env", x, y, plainVariable)
	mounts, folders := listed("volumeMounts", x, y, plainMount)
	differences = append(append(differences, env...), mounts...)
	return append(changedAgent(where, differences), addedTo(where, append(variables, folders...))...)
}

// addedTo names what is added without its values, which may be secrets.
func addedTo(where string, added []string) []Finding {
	if len(added) == 0 {
		return nil
	}
	return []Finding{note(OverlayAddsToAgent, "", "the overlay adds to %s: %s", where, strings.Join(added, ", "))}
}

// containerLists of a pod; a name stands in one of them only.
var containerLists = []string{"initContainers", "containers"}

// byName are the containers of a pod of either kind.
func byName(pod map[string]any) map[string]map[string]any {
	out := map[string]map[string]any{}
	for _, in := range containerLists {
		k, _ := asKeyed(pod[in])
		for name, item := range k.items {
			out[name], _ = item.(map[string]any)
		}
	}
	return out
}

// places : a container stays of its kind, and those that run one after the other keep their order.
func places(x, y map[string]any) []Difference {
	var out []Difference
	for i, in := range containerLists {
		before, known := asKeyed(x[in])
		after, knownToo := asKeyed(y[in])
		if !known || !knownToo { // two have one name
			out = append(out, differ([]string{in}, x[in], y[in])...)
			continue
		}
		other := containerLists[1-i]
		there, _ := asKeyed(y[other])
		for _, name := range before.names {
			if after.items[name] == nil && there.items[name] != nil {
				out = append(out, Difference{Field: in + "[" + name + "]", From: in, To: other})
			}
		}
		if was, is := common(before, after), common(after, before); before.ordered && !slices.Equal(was, is) {
			out = append(out, Difference{Field: in + " (order)", From: strings.Join(was, ", "), To: strings.Join(is, ", ")})
		}
	}
	return out
}
