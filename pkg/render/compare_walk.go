package render

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// keyed is a list whose items have names, so that their order need not be the same on both sides.
type keyed struct {
	names []string // in the order of the list
	items map[string]any
	// set is true when the items are their own names: such an item is there or not, and never differs.
	set bool
	// ordered is true when the order has a meaning beside.
	ordered bool
}

// differ walks two trees together. What is missing on a side is nil.
func differ(path []string, a, b any) []Difference {
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			return differMaps(path, x, y)
		}
	case keyed:
		if y, ok := b.(keyed); ok {
			return differKeyed(path, x, y)
		}
	case []any:
		if y, ok := b.([]any); ok && len(x) == len(y) && !words(x) {
			return differItems(path, x, y)
		}
	}
	if reflect.DeepEqual(a, b) {
		return nil
	}
	return []Difference{{Field: fieldText(path), From: plainValue(a), To: plainValue(b)}}
}

func differMaps(path []string, x, y map[string]any) []Difference {
	all := maps.Clone(x)
	maps.Copy(all, y)
	var out []Difference
	for _, key := range slices.Sorted(maps.Keys(all)) {
		out = append(out, differ(below(path, key), x[key], y[key])...)
	}
	return out
}

func differKeyed(path []string, x, y keyed) []Difference {
	all := maps.Clone(x.items)
	maps.Copy(all, y.items)
	var out []Difference
	for _, name := range slices.Sorted(maps.Keys(all)) {
		at := below(path, "["+name+"]")
		if x.set || y.set {
			at = path
		}
		out = append(out, differ(at, x.items[name], y.items[name])...)
	}
	if before, after := common(x, y), common(y, x); (x.ordered || y.ordered) && !slices.Equal(before, after) {
		out = append(out, Difference{Field: fieldText(path) + " (order)", From: strings.Join(before, ", "), To: strings.Join(after, ", ")})
	}
	return out
}

// common are the names of a list that another one has too, in its own order.
func common(x, y keyed) []string {
	return slices.DeleteFunc(slices.Clone(x.names), func(name string) bool { _, ok := y.items[name]; return !ok })
}

func differItems(path []string, x, y []any) []Difference {
	var out []Difference
	for i := range x {
		out = append(out, differ(below(path, fmt.Sprintf("[%d]", i)), x[i], y[i])...)
	}
	return out
}

// words tells whether a list is of words alone: such a list is read as a whole.
func words(list []any) bool {
	return !slices.ContainsFunc(list, func(item any) bool {
		switch item.(type) {
		case map[string]any, []any, keyed:
			return true
		default:
			return false
		}
	})
}

func below(path []string, key string) []string { return append(slices.Clip(path), key) }

// fieldText writes a path as people do. Keys that would be taken for a path stand in brackets, as names of items do.
func fieldText(path []string) string {
	var out strings.Builder
	for _, key := range path {
		switch {
		case strings.HasPrefix(key, "["):
			out.WriteString(key)
		case key == "" || strings.ContainsAny(key, "./ "):
			out.WriteString("[" + key + "]")
		default:
			if out.Len() > 0 {
				out.WriteString(".")
			}
			out.WriteString(key)
		}
	}
	return out.String()
}

// plainValue is a tree as JSON has it.
func plainValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			out[key] = plainValue(value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = plainValue(item)
		}
		return out
	case keyed:
		out := make([]any, 0, len(v.items))
		for _, name := range v.names {
			out = append(out, plainValue(v.items[name]))
		}
		return out
	default:
		return v
	}
}

// textOf is a value as JSON, its keys sorted.
func textOf(v any) string {
	text, err := json.Marshal(plainValue(v))
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
