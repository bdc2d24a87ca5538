package render

import "strings"

// field is what an item has in a field; nil when it has none.
func field(item any, name string) any {
	m, _ := item.(map[string]any)
	return m[name]
}

// valueAt is what stands at a path; nil when nothing does.
func valueAt(v any, path string) any {
	for key := range strings.SplitSeq(path, ".") {
		v = field(v, key)
	}
	return v
}

// textAt is the text in a field of an item; empty when there is none.
func textAt(item any, name string) string {
	text, _ := field(item, name).(string)
	return text
}

func tableAt(v any, path string) map[string]any {
	m, _ := valueAt(v, path).(map[string]any)
	return m
}

func remove(o map[string]any, path string) {
	in, key := o, path
	if i := strings.LastIndex(path, "."); i >= 0 {
		in, key = tableAt(o, path[:i]), path[i+1:]
	}
	delete(in, key)
}

// tablesIn are the items of a list that are tables.
func tablesIn(v any, name string) []map[string]any {
	list, _ := field(v, name).([]any)
	var out []map[string]any
	for _, item := range list {
		if m, ok := item.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// textsIn are the items of a list that are texts.
func textsIn(v any, name string) []string {
	list, _ := field(v, name).([]any)
	var out []string
	for _, item := range list {
		if text, ok := item.(string); ok {
			out = append(out, text)
		}
	}
	return out
}
