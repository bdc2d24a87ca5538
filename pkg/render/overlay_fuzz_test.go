package render_test

import (
	"testing"

	"github.com/addonctl/addonctl/pkg/render"
)

// Whatever an overlay says, it is never a panic, and there are never objects together with an error.
func FuzzOverlay(f *testing.F) {
	for _, name := range []string{"mirror", "tolerations", "resources"} {
		files := example(f, name)
		f.Add(files["kustomization.yaml"], files["daemonset.yaml"])
	}
	for _, seed := range [][2]string{
		{"", ""},
		{"patches: [{path: patch.yaml}]", flannelOf("{hostPID: true}")},
		{"patches: [{path: patch.yaml, target: {kind: DaemonSet}}]", `[{"op": "add", "path": "/spec/template/spec/tolerations/-", "value": {}}]`},
		{"patches: [{path: patch.yaml, target: {kind: .*}}]", "- {op: remove, path: /metadata/labels}"},
		{"resources: [patch.yaml]", document("Secret", "a") + "---\n" + document("DaemonSet", "b")},
		{"resources: [patch.yaml]\nnamePrefix: x-\nnamespace: other", "apiVersion: v1\nkind: List\nitems: [{kind: A, metadata: {name: b}}]"},
		{"configurations: [patch.yaml]\nlabels: [{pairs: {a: b}, includeSelectors: true}]", "nameReference: [{kind: A, fieldSpecs: [{path: spec/a}]}]"},
		{"replacements: [{path: patch.yaml}]", "{source: {kind: DaemonSet}, targets: [{select: {kind: ClusterRole}, fieldPaths: [rules.0.verbs.1], options: {create: true}}]}"},
		{"replacements: [{sourceValue: x, targets: [{select: {kind: DaemonSet}, reject: [null]}]}]", ""},
		{"configMapGenerator: [{name: a, behavior: merge, files: [patch.yaml], literals: [a=b]}]\ngeneratorOptions: {immutable: true}", "\x00"},
		{"images: [{name: '[', newTag: x}, {name: .*, tagSuffix: y}]\nreplicas: [{name: a, count: 5}]\nsortOptions: {order: fifo}", ""},
		{"a: &a [*a]", "a: &a {<<: *a}"},
		{"{apiVersion: kustomize.config.k8s.io/v1alpha1, kind: Component, components: [.], commonAnnotations: {a: b}}", ""},
	} {
		f.Add([]byte(seed[0]), []byte(seed[1]))
	}
	folder := chartOf(everyKind)
	f.Fuzz(func(t *testing.T, kustomization, patch []byte) {
		files := map[string][]byte{"kustomization.yaml": kustomization, "patch.yaml": patch, "daemonset.yaml": patch}
		got, err := laid(t, folder, "0.27.3", files)
		if (err == nil) == (got == nil) {
			t.Fatalf("%v together with %v", got, err)
		}
		if err != nil {
			return
		}
		if _, err := render.ReadOverlay(folderOf(files)); err != nil {
			t.Fatalf("it renders, and cannot be read: %v", err)
		}
		blocked := false
		for _, finding := range got.Findings {
			blocked = blocked || finding.Blocking
		}
		plain, err := laid(t, folder, "0.27.3", nil)
		if err != nil {
			t.Fatal(err)
		}
		if !blocked && len(got.Objects) < len(plain.Objects) {
			t.Fatalf("objects are gone, and nothing is said: %v", got.Findings)
		}
	})
}
