package render_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/render"
)

// Every row of the tables: absent and filled in are one thing, and another value is seen.
func TestWhatAnAPIServerFillsInIsNoDifference(t *testing.T) {
	t.Parallel()
	rows := render.PresetRows()
	if len(rows) < 100 {
		t.Errorf("only %d rows", len(rows))
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := parsed(t, object(row.Kind, "spec: {}"))[0]
			path := strings.Split(row.Path, ".")
			bare, filled, other := o.DeepCopy(), o.DeepCopy(), o.DeepCopy()
			put(bare.Object, path, nil)
			put(filled.Object, path, decoded(row.Value))
			put(other.Object, path, unlike(t, row))
			for _, d := range one(bare, filled) {
				t.Errorf("no difference, and one is told: %s", d)
			}
			if len(one(bare, other)) == 0 || len(one(filled, other)) == 0 {
				t.Error("another value is not seen")
			}
		})
	}
}

func one(a, b *unstructured.Unstructured) []render.Difference {
	return render.Compare([]*unstructured.Unstructured{a}, []*unstructured.Unstructured{b})
}

// put writes a value at a path and makes what is above it; nil makes only that.
func put(into map[string]any, path []string, value any) {
	key := path[0]
	switch {
	case len(path) == 1:
		if value != nil {
			into[key] = value
		}
	case path[1] == "*":
		item := map[string]any{"name": "a"}
		if key == "sources" || key == "resourceRules" {
			item = map[string]any{} // they have no names
		}
		put(item, path[2:], value)
		into[key] = []any{item}
	default:
		below, _ := into[key].(map[string]any)
		if below == nil {
			below = map[string]any{}
			into[key] = below
		}
		put(below, path[1:], value)
	}
}

// decoded is a value as a decoder gives it.
func decoded(v any) any {
	if v, ok := v.(int); ok {
		return int64(v)
	}
	return v
}

// unlike is a value that means something else.
func unlike(t *testing.T, row render.PresetRow) any {
	t.Helper()
	switch v := row.Value.(type) {
	case string:
		return v + "Other"
	case int:
		return int64(v) + 1
	case bool:
		return !v
	case map[string]any:
		if strings.HasSuffix(row.Path, "securityContext") {
			return map[string]any{"runAsUser": int64(1)}
		}
		return map[string]any{"matchLabels": map[string]any{"a": "b"}}
	default:
		t.Fatalf("a preset of type %T", v)
		return nil
	}
}
