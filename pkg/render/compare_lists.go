package render

import (
	"fmt"
	"slices"
	"strings"
)

// listRule says how the items of a list are told apart where their order has no meaning.
type listRule struct {
	// keys are the fields that name an item, as far as it has them; without any the items name themselves.
	keys []string
	// ordered tells whether the order has a meaning beside; nil means never.
	ordered func(items []any) bool
	// flags is true for arguments of a program.
	flags bool
}

// lists are the lists of Kubernetes' own kinds whose order nobody reads, by the field that they stand in. A list that is not
// here is compared as it stands: command, envFrom and the sources of a projected volume are, since a later item overrides an
// earlier one, and a CNI configuration's plugins, since they are called one after the other.
var lists = map[string]listRule{
	// A pod's parts are known by name; init containers run one after the other, and a variable may use those before it.
	"containers":       {keys: []string{"name"}},
	"initContainers":   {keys: []string{"name"}, ordered: always},
	"volumes":          {keys: []string{"name"}},
	"env":              {keys: []string{"name"}, ordered: expands},
	"ports":            {keys: []string{"containerPort", "port", "protocol"}},
	"volumeMounts":     {keys: []string{"mountPath"}},
	"imagePullSecrets": {keys: []string{"name"}},
	"args":             {flags: true},
	"add":              {},
	"drop":             {},
	"items":            {},
	// What a pod tolerates, and where it may run: each stands for itself.
	"tolerations":               {},
	"topologySpreadConstraints": {},
	"nodeSelectorTerms":         {},
	"matchExpressions":          {},
	"matchFields":               {},
	"values":                    {},
	"namespaces":                {},
	"preferredDuringSchedulingIgnoredDuringExecution": {},
	"requiredDuringSchedulingIgnoredDuringExecution":  {},
	// Who is bound to a role.
	"subjects": {},
	// Definitions: versions are ranked by their names.
	"versions":   {keys: []string{"name"}},
	"required":   {},
	"enum":       {},
	"shortNames": {},
	"categories": {},
	// Admission policies.
	"resourceRules":     {},
	"apiGroups":         {},
	"apiVersions":       {},
	"resources":         {},
	"resourceNames":     {},
	"operations":        {},
	"validationActions": {},
	"matchConditions":   {keys: []string{"name"}},
}

func always([]any) bool { return true }

// expands tells whether a value of an environment uses a variable, which has to stand before it.
func expands(items []any) bool {
	return slices.ContainsFunc(items, func(item any) bool {
		value, _ := field(item, "value").(string)
		return strings.Contains(value, "$(")
	})
}

// tree is a value with the lists that the rules know as what their items name; no rules leave all as they stand. The field
// is the one that the value stands in.
func tree(v any, in string, rules map[string]listRule) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			out[key] = tree(value, key, rules)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = tree(item, "", rules)
		}
		if r, ok := rules[in]; ok {
			return r.keyed(v, out)
		}
		return out
	case document:
		return tree(v.value, "", nil)
	default:
		return number(v)
	}
}

// number writes whole numbers in one way, whoever decoded them.
func number(v any) any {
	switch v := v.(type) {
	case int:
		return int64(v)
	case float64:
		if whole := int64(v); float64(whole) == v {
			return whole
		}
	}
	return v
}

// keyed names the items of a list. Where two have one name the list stays as it stands: which of them counts is not known.
func (r listRule) keyed(raw, items []any) any {
	if r.flags {
		return asFlags(items)
	}
	out := keyed{items: map[string]any{}, set: len(r.keys) == 0, ordered: r.ordered != nil && r.ordered(raw)}
	for _, item := range items {
		name := r.name(item)
		if _, ok := out.items[name]; ok && !out.set {
			return items
		}
		if _, ok := out.items[name]; !ok {
			out.names = append(out.names, name)
		}
		out.items[name] = item
	}
	if !out.ordered {
		slices.Sort(out.names) // one text for one meaning
	}
	return out
}

func (r listRule) name(item any) string {
	if len(r.keys) == 0 {
		return textOf(item)
	}
	var out []string
	for _, key := range r.keys {
		if value := field(item, key); value != nil {
			out = append(out, fmt.Sprint(value))
		}
	}
	return strings.Join(out, "/")
}

// asFlags are arguments by the flag that each sets, where all of them are such. One flag may be given several times, and the
// order of its values may have a meaning: flannel tries the interfaces that it is given one after the other.
func asFlags(items []any) any {
	out := keyed{items: map[string]any{}}
	for _, item := range items {
		text, _ := item.(string)
		if !strings.HasPrefix(text, "-") || text == "-" || text == "--" {
			return items
		}
		name, _, _ := strings.Cut(text, "=")
		switch have := out.items[name].(type) {
		case nil:
			out.names = append(out.names, name)
			out.items[name] = text
		case []any:
			out.items[name] = append(have, text)
		default:
			out.items[name] = []any{have, text}
		}
	}
	return out
}
