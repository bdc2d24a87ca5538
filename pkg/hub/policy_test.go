package hub_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/status"
	"github.com/addonctl/addonctl/pkg/testkube"
)

// Policies, rollouts and the catalog: the API server refuses what nobody can follow, and names the field.
func TestTheRecordsOfAFleetKeepTheirRulesOnARealAPIServer(t *testing.T) {
	t.Parallel()
	k := client(t, testkube.Start(t, testkube.Options{}))
	if err := hub.New(k).Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Run("good policies are taken", func(t *testing.T) { goodPolicies(t, k) })
	t.Run("policies that nobody can follow are refused", func(t *testing.T) { badPolicies(t, k) })
	t.Run("misspelt keys of every kind are refused", func(t *testing.T) { misspelt(t, k) })
	t.Run("waves stay in their order", func(t *testing.T) { wavesInOrder(t, k) })
	t.Run("what a rollout is about, and its orders, stay", func(t *testing.T) { keptOrders(t, k) })
	t.Run("there is one catalog, of one source", func(t *testing.T) { oneCatalog(t, k) })
	t.Run("without the rules nonsense goes through", func(t *testing.T) { withoutFleetRules(t, k) })
}

// create creates an object of a kind from the YAML of its spec, as kubectl does.
func create(ctx context.Context, k *kube.Client, r schema.GroupVersionResource, kind, name, spec string) error {
	o := &unstructured.Unstructured{}
	text := fmt.Sprintf("apiVersion: addonctl.io/v1alpha1\nkind: %s\nmetadata: {name: %s}\nspec: %s\n", kind, name, spec)
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		return fmt.Errorf("the test itself: %w", err)
	}
	_, err := k.Dynamic.Resource(r).Create(ctx, o, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
	return err
}

func policyOf(ctx context.Context, k *kube.Client, name, spec string) error {
	return create(ctx, k, v1alpha1.UpdatePolicies, "UpdatePolicy", name, spec)
}

func goodPolicies(t *testing.T, k *kube.Client) {
	t.Helper()
	for name, spec := range map[string]string{
		"nothing":    `{}`,
		"counts":     `{maxConcurrent: 1, failureBudget: 0, waves: [{name: a, selector: a=b, maxConcurrent: 100000}]}`,
		"shares":     `{maxConcurrent: 100%, failureBudget: 0%, waves: [{name: a, maxConcurrent: 1%}]}`,
		"no-times":   `{soak: 0s, minimumAge: 0s, hungAfter: 1s, awayAfter: 0s}`,
		"long-times": `{soak: 8784h, minimumAge: 366h, hungAfter: 8784h0m0s, awayAfter: 1.5h, waves: [{name: a, soak: 1h30m}]}`,
		"windows":    `{windows: {allow: [{cron: "*/5 0-23/2 1,15 JAN-mar Mon", duration: 1m}], deny: [{cron: "0  2 * * 6", duration: 744h, zone: America/Argentina/Buenos_Aires}]}}`,
		"many-waves": `{waves: [` + waves(50) + `]}`,
	} {
		if err := policyOf(t.Context(), k, name, spec); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	text, err := os.ReadFile("../../docs/examples/update-policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Dynamic.Resource(v1alpha1.UpdatePolicies).Patch(t.Context(), "fleet", types.ApplyPatchType, text,
		metav1.PatchOptions{FieldManager: "kubectl", FieldValidation: metav1.FieldValidationStrict}); err != nil {
		t.Errorf("the example: %v", err)
	}
	u, err := k.Dynamic.Resource(v1alpha1.UpdatePolicies).Get(t.Context(), "fleet", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var p v1alpha1.UpdatePolicy
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &p); err != nil {
		t.Fatal(err)
	}
	if faults := status.PolicyFaults(p.Name, p.Spec); len(faults) > 0 || len(p.Spec.Waves) != 3 {
		t.Errorf("the example: %v", faults)
	}
}

func waves(n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("{name: w%d, selector: w=w%d}", i, i)
	}
	return strings.Join(out, ", ")
}

// refused fails unless an error says that an object is refused, with the texts given.
func refused(t *testing.T, what string, err error, texts ...string) {
	t.Helper()
	if !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err) {
		t.Errorf("%s: %v, want it refused", what, err)
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%s: the refusal does not say %q: %v", what, text, err)
		}
	}
}

// badSpecs of policies, and what the refusal names.
var badSpecs = map[string][2]string{
	"a misspelt key":                  {`{maxConcurent: 1}`, `unknown field "spec.maxConcurent"`},
	"a misspelt key of a wave":        {`{waves: [{name: a, selektor: x}]}`, `unknown field "spec.waves[0].selektor"`},
	"a misspelt key of a window":      {`{windows: {allow: [{crom: x, cron: "0 2 * * 6", duration: 1h}]}}`, `unknown field "spec.windows.allow[0].crom"`},
	"a wave without a name":           {`{waves: [{selector: a}]}`, "spec.waves[0].name"},
	"two waves of one name":           {`{waves: [{name: a, selector: x}, {name: a}]}`, "spec.waves[1]"},
	"a wave's name with spaces":       {`{waves: [{name: "a b"}]}`, "spec.waves[0].name"},
	"waves that go round in a circle": {`{waves: [{name: a, after: b, selector: x}, {name: b, after: a}]}`, `unknown field "spec.waves[0].after"`}, // they are a list: there is no other order
	"too many waves":                  {`{waves: [` + waves(51) + `]}`, "spec.waves"},
	"no cluster at all":               {`{maxConcurrent: 0}`, "spec.maxConcurrent"},
	"less than no cluster":            {`{maxConcurrent: -1}`, "spec.maxConcurrent"},
	"no percent":                      {`{maxConcurrent: 0%}`, "spec.maxConcurrent"},
	"more than all":                   {`{maxConcurrent: 101%}`, "spec.maxConcurrent"},
	"a count in words":                {`{maxConcurrent: "3"}`, "spec.maxConcurrent"},
	"half a cluster":                  {`{maxConcurrent: 0.5}`, "spec.maxConcurrent"},
	"no cluster of a wave":            {`{waves: [{name: a, maxConcurrent: 0%}]}`, "spec.waves[0].maxConcurrent"},
	"a budget below nothing":          {`{failureBudget: -1}`, "spec.failureBudget"},
	"a budget above all":              {`{failureBudget: 200%}`, "spec.failureBudget"},
	"a soak in days":                  {`{soak: 1d}`, "spec.soak"},
	"a soak that is a number":         {`{soak: 30}`, "spec.soak"},
	"a soak below nothing":            {`{soak: -1h}`, "spec.soak"},
	"a soak of years":                 {`{soak: 9000h}`, "spec.soak"},
	"a soak without end":              {`{soak: 99999999999h}`, "spec.soak"},
	"a wave's soak of years":          {`{waves: [{name: a, soak: 9000h}]}`, "spec.waves[0].soak"},
	"an age in words":                 {`{minimumAge: old}`, "spec.minimumAge"},
	"hung at once":                    {`{hungAfter: 0s}`, "spec.hungAfter"},
	"a way that nobody knows":         {`{onWindowEnd: panic}`, "spec.onWindowEnd"},
	"an end of pins nobody knows":     {`{onPinEnd: forget}`, "spec.onPinEnd"},
	"a window that never closes":      {`{windows: {allow: [{cron: "0 2 * * 6", duration: 745h}]}}`, "spec.windows.allow[0].duration"},
	"a window that never opens":       {`{windows: {deny: [{cron: "0 2 * * 6", duration: 0s}]}}`, "spec.windows.deny[0].duration"},
	"a window without its length":     {`{windows: {allow: [{cron: "0 2 * * 6"}]}}`, "spec.windows.allow[0].duration"},
	"a schedule of four fields":       {`{windows: {allow: [{cron: "0 2 * *", duration: 1h}]}}`, "spec.windows.allow[0].cron"},
	"a schedule of six fields":        {`{windows: {allow: [{cron: "0 0 2 * * 6", duration: 1h}]}}`, "spec.windows.allow[0].cron"},
	"a schedule with a zone":          {`{windows: {allow: [{cron: "TZ=UTC 0 2 * *", duration: 1h}]}}`, "spec.windows.allow[0].cron"},
	"a schedule in words":             {`{windows: {allow: [{cron: "@daily", duration: 1h}]}}`, "spec.windows.allow[0].cron"},
	"an add-on that is no name":       {`{addons: ["flannel 1"]}`, "spec.addons[0]"},
	"an add-on twice":                 {`{addons: [Flannel, Flannel]}`, "spec.addons[1]"},
	"a selector of a thousand words":  {`{selector: "` + strings.Repeat("a", 1025) + `"}`, "spec.selector"},
}

func badPolicies(t *testing.T, k *kube.Client) {
	t.Helper()
	for name, c := range badSpecs {
		refused(t, name, policyOf(t.Context(), k, "bad", c[0]), c[1])
	}
	refused(t, "a long name", policyOf(t.Context(), k, strings.Repeat("a", 101), `{}`), "metadata.name", "at most 100 characters")
}

// misspelt keys are refused in every kind, as deep as they stand. kubectl asks for that (--validate=strict) without being told.
func misspelt(t *testing.T, k *kube.Client) {
	t.Helper()
	for _, c := range []struct {
		kind, spec, says string
		of               schema.GroupVersionResource
	}{
		{"ClusterNetwork", `{networkType: FLANNEL_OVERLAY, connector: {}}`, `unknown field "spec.connector"`, v1alpha1.ClusterNetworks},
		{
			"ClusterNetwork", `{networkType: FLANNEL_OVERLAY, connection: {kubeconfigSecret: {namespace: a, name: b, keys: c}}}`,
			`unknown field "spec.connection.kubeconfigSecret.keys"`, v1alpha1.ClusterNetworks,
		},
		{"ClusterNetwork", `{networkType: flannel}`, "spec.networkType", v1alpha1.ClusterNetworks},
		{"Addon", `{cluster: a, addon: Flannel, versions: 0.27.3}`, `unknown field "spec.versions"`, v1alpha1.Addons},
		{"Addon", `{cluster: a, addon: Flannel, version: 0.27.3, pin: {reason: x, til: "2027-01-01T00:00:00Z"}}`, `unknown field "spec.pin.til"`, v1alpha1.Addons},
		{"Addon", `{cluster: a, addon: Flannel, version: 0.27.3, pin: {reason: x, until: tomorrow}}`, "spec.pin.until", v1alpha1.Addons},
		{"Addon", `{cluster: a, addon: Flannel, pin: {reason: x}}`, "spec: Invalid value: a pin needs a version", v1alpha1.Addons},
		{"Addon", `{cluster: a, addon: Flannel, roll: {soak: 30s, readyfor: 1s}}`, `unknown field "spec.roll.readyfor"`, v1alpha1.Addons},
		{"AddonRollout", `{policy: a, addon: Flannel, version: 0.27.3, order: []}`, `unknown field "spec.order"`, v1alpha1.AddonRollouts},
		{
			"AddonRollout", `{policy: a, addon: Flannel, version: 0.27.3, orders: [{number: 1, verb: retry, by: a, cluster: [b]}]}`,
			`unknown field "spec.orders[0].cluster"`, v1alpha1.AddonRollouts,
		},
	} {
		refused(t, c.says, create(t.Context(), k, c.of, c.kind, "misspelt", c.spec), c.says)
	}
}

// wavesInOrder lets somebody turn the waves around in a file: their order is what it is about.
func wavesInOrder(t *testing.T, k *kube.Client) {
	t.Helper()
	r := k.Dynamic.Resource(v1alpha1.UpdatePolicies)
	for _, names := range []string{"a b c", "c b a", "c x a b", "b"} {
		var list []string
		for n := range strings.FieldsSeq(names) {
			list = append(list, fmt.Sprintf("{name: %s, selector: w=%s}", n, n))
		}
		text := fmt.Sprintf("apiVersion: addonctl.io/v1alpha1\nkind: UpdatePolicy\nmetadata: {name: turned}\nspec: {waves: [%s]}\n", strings.Join(list, ", "))
		u, err := r.Patch(t.Context(), "turned", types.ApplyPatchType, []byte(text), metav1.PatchOptions{FieldManager: "kubectl"})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		items, _, _ := unstructured.NestedSlice(u.Object, "spec", "waves")
		for _, i := range items {
			got = append(got, i.(map[string]any)["name"].(string))
		}
		if strings.Join(got, " ") != names {
			t.Errorf("applied %s, and the waves are %s", names, got)
		}
	}
}

const (
	rolloutSpec = `{policy: fleet, addon: Flannel, version: 0.27.3, orders: [{number: 1, verb: pause, by: jane}, {number: 2, verb: approve, wave: prod, by: jane, reason: x}]}`
	firstOrders = `{"number":1,"verb":"pause","by":"jane"},{"number":2,"verb":"approve","wave":"prod","by":"jane","reason":"x"}`
)

// badOrders are changes of a rollout that somebody may try, and what the refusal names.
var badOrders = map[string][2]string{
	"another policy":                {`{"policy":"other"}`, "spec"},
	"another release":               {`{"version":"0.27.4"}`, "spec"},
	"another add-on":                {`{"addon":"Calico"}`, "spec"},
	"an order removed":              {`{"orders":[{"number":2,"verb":"approve","wave":"prod","by":"jane","reason":"x"}]}`, "spec.orders"},
	"all orders removed":            {`{"orders":null}`, "spec.orders"},
	"another verb":                  {`{"orders":[{"number":1,"verb":"resume","by":"jane"},{"number":2,"verb":"approve","wave":"prod","by":"jane","reason":"x"}]}`, "spec.orders[0]"},
	"another person":                {`{"orders":[{"number":1,"verb":"pause","by":"joe"},{"number":2,"verb":"approve","wave":"prod","by":"jane","reason":"x"}]}`, "spec.orders[0]"},
	"another wave":                  {`{"orders":[{"number":1,"verb":"pause","by":"jane"},{"number":2,"verb":"approve","wave":"test","by":"jane","reason":"x"}]}`, "spec.orders[1]"},
	"another reason":                {`{"orders":[{"number":1,"verb":"pause","by":"jane"},{"number":2,"verb":"approve","wave":"prod","by":"jane"}]}`, "spec.orders[1]"},
	"a number twice":                {`{"orders":[` + firstOrders + `,{"number":2,"verb":"abort","by":"jane"}]}`, "spec.orders[2]"},
	"a number that is none":         {`{"orders":[` + firstOrders + `,{"number":0,"verb":"abort","by":"jane"}]}`, "spec.orders[2].number"},
	"a verb that nobody knows":      {`{"orders":[` + firstOrders + `,{"number":3,"verb":"dance","by":"jane"}]}`, "spec.orders[2].verb"},
	"nobody's order":                {`{"orders":[` + firstOrders + `,{"number":3,"verb":"abort","by":""}]}`, "spec.orders[2].by"},
	"an approval of nothing":        {`{"orders":[` + firstOrders + `,{"number":3,"verb":"approve","by":"jane"}]}`, "spec.orders[2]"},
	"a pause of a wave":             {`{"orders":[` + firstOrders + `,{"number":3,"verb":"pause","wave":"prod","by":"jane"}]}`, "spec.orders[2]"},
	"an abort of clusters":          {`{"orders":[` + firstOrders + `,{"number":3,"verb":"abort","clusters":["a"],"by":"jane"}]}`, "spec.orders[2]"},
	"a cluster twice":               {`{"orders":[` + firstOrders + `,{"number":3,"verb":"retry","clusters":["a","a"],"by":"jane"}]}`, "spec.orders[2].clusters[1]"},
	"more orders than there can be": {`{"orders":[` + firstOrders + manyOrders(101) + `]}`, "spec.orders"},
}

// manyOrders are those from 3 to n.
func manyOrders(n int) string {
	var b strings.Builder
	for i := 3; i <= n; i++ {
		fmt.Fprintf(&b, `,{"number":%d,"verb":"retry","clusters":["a"],"by":"jane"}`, i)
	}
	return b.String()
}

func rolloutPatch(ctx context.Context, k *kube.Client, name, spec string) error {
	_, err := k.Dynamic.Resource(v1alpha1.AddonRollouts).Patch(ctx, name, types.MergePatchType, []byte(`{"spec":`+spec+`}`), metav1.PatchOptions{})
	return err
}

func keptOrders(t *testing.T, k *kube.Client) {
	t.Helper()
	if err := create(t.Context(), k, v1alpha1.AddonRollouts, "AddonRollout", "fleet-flannel-0.27.3", rolloutSpec); err != nil {
		t.Fatal(err)
	}
	for name, c := range badOrders {
		refused(t, name, rolloutPatch(t.Context(), k, "fleet-flannel-0.27.3", c[0]), c[1])
	}
	const third = `{"number":7,"verb":"retry","clusters":["a","b"],"by":"jane"}`
	for _, orders := range []string{firstOrders, firstOrders + "," + third, third + "," + firstOrders} {
		if err := rolloutPatch(t.Context(), k, "fleet-flannel-0.27.3", `{"orders":[`+orders+`]}`); err != nil {
			t.Errorf("%s: %v", orders, err)
		}
	}
	between := `{"orders":[` + firstOrders + `,` + third + `,{"number":5,"verb":"abort","by":"jane"}]}`
	refused(t, "an order between those that were given", rolloutPatch(t.Context(), k, "fleet-flannel-0.27.3", between), "spec.orders", "a number above all")
	if err := create(t.Context(), k, v1alpha1.AddonRollouts, "AddonRollout", "fresh", `{policy: fleet, addon: Flannel, version: 0.27.3}`); err != nil {
		t.Fatal(err)
	}
	for n := 3; n <= v1alpha1.MaxOrders; n += 97 { // none, three, all: each time those before are looked at
		if err := rolloutPatch(t.Context(), k, "fresh", `{"orders":[`+firstOrders+manyOrders(n)+`]}`); err != nil {
			t.Errorf("%d orders: %v", n, err)
		}
	}
	refused(t, "the order after the last", rolloutPatch(t.Context(), k, "fresh", `{"orders":[`+firstOrders+manyOrders(v1alpha1.MaxOrders+1)+`]}`), "spec.orders")
}

func oneCatalog(t *testing.T, k *kube.Client) {
	t.Helper()
	recall := `recalls: [{addon: Flannel, version: 0.27.3, reason: it loses packets}]`
	for name, c := range map[string]struct{ name, spec, says string }{
		"another name":                {"other", `{builtIn: true}`, "metadata.name"},
		"two sources":                 {"default", `{builtIn: true, directory: /catalog}`, "give exactly one source"},
		"no source":                   {"default", `{builtIn: false}`, "give exactly one source"},
		"nothing":                     {"default", `{}`, "give exactly one source"},
		"a directory that is no path": {"default", `{directory: catalog}`, "spec.directory"},
		"a builtIn and a URL":         {"default", `{builtIn: true, url: "https://example.com/catalog.tgz", keys: ["-----BEGIN PUBLIC KEY-----\nx"]}`, "exactly one source"},
		"a web site without keys":     {"default", `{url: "https://example.com/catalog.tgz"}`, "spec.keys"},
		"a web site over plain HTTP":  {"default", `{url: "http://example.com/catalog.tgz", keys: ["-----BEGIN PUBLIC KEY-----\nx"]}`, "spec.url"},
		"a tag without keys":          {"default", `{oci: "oci://example.com/catalog:now"}`, "spec.keys"},
		"a registry without a scheme": {"default", `{oci: "example.com/catalog:now", keys: ["-----BEGIN PUBLIC KEY-----\nx"]}`, "spec.oci"},
		"a private key":               {"default", `{oci: "oci://example.com/catalog:now", keys: ["-----BEGIN PRIVATE KEY-----\nx"]}`, "spec.keys[0]"},
		"keys for a directory":        {"default", `{directory: /catalog, keys: ["-----BEGIN PUBLIC KEY-----\nx"]}`, "spec.keys"},
		"a recall without a reason":   {"default", `{builtIn: true, recalls: [{addon: Flannel, version: 0.27.3}]}`, "spec.recalls[0].reason"},
		"a recall of nothing":         {"default", `{builtIn: true, recalls: [{addon: Flannel, version: "", reason: x}]}`, "spec.recalls[0].version"},
		"a recall twice":              {"default", `{builtIn: true, recalls: [{addon: Flannel, version: 0.27.3, reason: x}, {addon: Flannel, version: 0.27.3, reason: y}]}`, "spec.recalls[1]"},
		"a misspelt key":              {"default", `{builtIn: true, recall: []}`, `unknown field "spec.recall"`},
	} {
		refused(t, name, create(t.Context(), k, v1alpha1.AddonCatalogs, "AddonCatalog", c.name, c.spec), c.says)
	}
	if err := create(t.Context(), k, v1alpha1.AddonCatalogs, "AddonCatalog", "default", `{directory: /catalog, `+recall+`}`); err != nil {
		t.Error(err)
	}
	_, err := k.Dynamic.Resource(v1alpha1.AddonCatalogs).Patch(t.Context(), "default", types.MergePatchType, []byte(`{"spec":{"builtIn":true}}`), metav1.PatchOptions{})
	refused(t, "a second source", err, "give exactly one source")
	if _, err := k.Dynamic.Resource(v1alpha1.AddonCatalogs).Patch(t.Context(), "default", types.MergePatchType,
		[]byte(`{"spec":{"builtIn":true,"directory":null}}`), metav1.PatchOptions{}); err != nil {
		t.Errorf("another source: %v", err)
	}
}

// withoutFleetRules is the negative control: with the rules taken out of the definitions the nonsense goes through.
func withoutFleetRules(t *testing.T, k *kube.Client) {
	t.Helper()
	definitions, err := hub.Definitions()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range definitions {
		if name, _, _ := strings.Cut(d.GetName(), "."); name == "updatepolicies" || name == "addonrollouts" || name == "addoncatalogs" {
			live, err := k.Get(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			unrule(live.Object)
			r, err := k.Resource(live)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Update(t.Context(), live, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	testkube.Eventually(t, time.Minute, func(ctx context.Context) error {
		for _, name := range []string{"no cluster at all", "a soak of years", "a window that never closes", "a schedule of four fields"} {
			if err := policyOf(ctx, k, "lax-"+strings.ReplaceAll(name, " ", "-"), badSpecs[name][0]); err != nil && !apierrors.IsAlreadyExists(err) {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		for _, name := range []string{"another person", "another release", "an order removed"} {
			if err := rolloutPatch(ctx, k, "fleet-flannel-0.27.3", badOrders[name][0]); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return create(ctx, k, v1alpha1.AddonCatalogs, "AddonCatalog", "other", `{}`)
	})
}

// unrule takes every rule and pattern out of a schema.
func unrule(node any) {
	switch n := node.(type) {
	case map[string]any:
		delete(n, "x-kubernetes-validations")
		if _, ok := n["pattern"].(string); ok {
			delete(n, "pattern")
		}
		for _, v := range n {
			unrule(v)
		}
	case []any:
		for _, v := range n {
			unrule(v)
		}
	}
}
