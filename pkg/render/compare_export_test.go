package render

import (
	"maps"
	"slices"
)

// UnorderedLists are the fields whose lists are compared whatever their order.
func UnorderedLists() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(lists)), func(name string) bool {
		r := lists[name]
		return r.ordered != nil && r.ordered(nil)
	})
}

// PresetRow is one row of the tables of what an API server fills in.
type PresetRow struct {
	Kind, Path string
	Value      any
}

// PresetRows are all rows, with paths from the object's root, by a sentence.
func PresetRows() map[string]PresetRow {
	out := map[string]PresetRow{}
	add := func(kind, prefix string, rows []preset) {
		for _, p := range rows {
			out[kind+" "+prefix+p.path] = PresetRow{kind, prefix + p.path, p.value}
		}
	}
	for kind, rows := range presets {
		add(kind, "", rows)
	}
	for _, kind := range []string{"DaemonSet", "Deployment"} {
		const pod = "spec.template.spec."
		add(kind, pod, podPresets)
		for _, in := range []string{"containers.*.", "initContainers.*."} {
			add(kind, pod+in, containerPresets)
			for _, probe := range probes {
				add(kind, pod+in+probe+".", probePresets)
			}
		}
	}
	return out
}
