package render_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/render"
)

// orders are the lists whose order nobody reads, each where it stands: two items of it, and one that means something else than
// the first.
var orders = map[string]struct{ in, a, b, other string }{
	"containers":       {daemonSet("{containers: LIST}"), "{name: a}", "{name: b}", "{name: a, tty: true}"},
	"volumes":          {daemonSet("{volumes: LIST}"), "{name: a}", "{name: b}", "{name: a, emptyDir: {}}"},
	"env":              {container("env: LIST"), "{name: a, value: c}", "{name: b}", "{name: a, value: d}"},
	"ports":            {container("ports: LIST"), "{containerPort: 1}", "{containerPort: 2}", "{containerPort: 1, name: a}"},
	"volumeMounts":     {container("volumeMounts: LIST"), "{mountPath: /a, name: c}", "{mountPath: /b, name: c}", "{mountPath: /a, name: d}"},
	"imagePullSecrets": {daemonSet("{imagePullSecrets: LIST}"), "{name: a}", "{name: b}", "{name: c}"},
	"args":             {container("args: LIST"), "--a=1", "--b", "--a=2"},
	"add":              {container("securityContext: {capabilities: {add: LIST}}"), "a", "b", "c"},
	"drop":             {container("securityContext: {capabilities: {drop: LIST}}"), "a", "b", "c"},
	"items":            {daemonSet("{volumes: [{name: v, configMap: {name: m, items: LIST}}]}"), "{key: a, path: p}", "{key: b, path: q}", "{key: a, path: r}"},

	"tolerations":               {daemonSet("{tolerations: LIST}"), "{key: a}", "{key: b}", "{key: a, effect: NoSchedule}"},
	"topologySpreadConstraints": {daemonSet("{topologySpreadConstraints: LIST}"), "{topologyKey: a}", "{topologyKey: b}", "{topologyKey: c}"},
	"nodeSelectorTerms":         {required("LIST"), term("key: a"), term("key: b"), term("key: c")},
	"matchExpressions":          {required("[{matchExpressions: LIST}]"), "{key: a}", "{key: b}", "{key: c}"},
	"matchFields":               {required("[{matchFields: LIST}]"), "{key: a}", "{key: b}", "{key: c}"},
	"values":                    {required("[{matchExpressions: [{key: a, values: LIST}]}]"), "a", "b", "c"},
	"namespaces": {
		daemonSet("{affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: z, namespaces: LIST}]}}}"), "a", "b", "c",
	},
	"requiredDuringSchedulingIgnoredDuringExecution": {
		daemonSet("{affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: LIST}}}"), "{topologyKey: a}", "{topologyKey: b}", "{topologyKey: c}",
	},
	"preferredDuringSchedulingIgnoredDuringExecution": {
		daemonSet("{affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: LIST}}}"), "{weight: 1}", "{weight: 2}", "{weight: 3}",
	},

	"subjects": {object("ClusterRoleBinding", "subjects: LIST"), "{kind: User, name: a}", "{kind: User, name: b}", "{kind: Group, name: a}"},

	"versions":   {object("CustomResourceDefinition", "spec: {versions: LIST}"), "{name: a}", "{name: b}", "{name: a, served: true}"},
	"required":   {schema("required: LIST"), "a", "b", "c"},
	"enum":       {schema("enum: LIST"), "a", "b", "c"},
	"shortNames": {object("CustomResourceDefinition", "spec: {names: {shortNames: LIST}}"), "a", "b", "c"},
	"categories": {object("CustomResourceDefinition", "spec: {names: {categories: LIST}}"), "a", "b", "c"},

	"resourceRules":     {policy("LIST"), "{apiGroups: [a]}", "{apiGroups: [b]}", "{apiGroups: [c]}"},
	"apiGroups":         {policy("[{apiGroups: LIST}]"), "a", "b", "c"},
	"apiVersions":       {policy("[{apiVersions: LIST}]"), "a", "b", "c"},
	"resources":         {policy("[{resources: LIST}]"), "a", "b", "c"},
	"resourceNames":     {policy("[{resourceNames: LIST}]"), "a", "b", "c"},
	"operations":        {policy("[{operations: LIST}]"), "a", "b", "c"},
	"validationActions": {object("ValidatingAdmissionPolicyBinding", "spec: {validationActions: LIST}"), "Deny", "Audit", "Warn"},
	"matchConditions": {
		object("ValidatingAdmissionPolicy", "spec: {matchConditions: LIST}"), "{name: a, expression: x}", "{name: b}", "{name: a, expression: y}",
	},
}

// required is a DaemonSet that may run where one of some terms holds.
func required(terms string) string {
	return daemonSet("{affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: " + terms + "}}}}")
}

func term(expression string) string { return "{matchExpressions: [{" + expression + "}]}" }

func schema(fields string) string {
	return object("CustomResourceDefinition", "spec: {versions: [{name: v1, schema: {openAPIV3Schema: {"+fields+"}}}]}")
}

func policy(rules string) string {
	return object("ValidatingAdmissionPolicy", "spec: {matchConstraints: {resourceRules: "+rules+"}}")
}

func TestTheOrderOfAListThatNobodyReadsIsNoDifference(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(render.UnorderedLists(), slices.Sorted(maps.Keys(orders))); diff != "" {
		t.Errorf("lists and their cases (-table +cases):\n%s", diff)
	}
	for name, c := range orders {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			with := func(items ...string) []*unstructured.Unstructured {
				return parsed(t, strings.Replace(c.in, "LIST", "["+strings.Join(items, ", ")+"]", 1))
			}
			for _, d := range render.Compare(with(c.a, c.b), with(c.b, c.a)) {
				t.Errorf("no difference, and one is told: %s", d)
			}
			if len(render.Compare(with(c.a, c.b), with(c.other, c.b))) == 0 {
				t.Error("another item is not seen")
			}
			if len(render.Compare(with(c.a, c.b), with(c.a))) == 0 {
				t.Error("an item that is gone is not seen")
			}
		})
	}
}
