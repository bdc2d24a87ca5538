package render_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/render"
)

// everyKind is a chart with whatever an overlay may spoil.
var everyKind = map[string]string{"all.yaml": `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec:
  group: example.com
  names: {kind: Thing, plural: things}
  scope: Cluster
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: agent, namespace: kube-system}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: agent}
rules:
  - {apiGroups: [""], resources: [nodes, pods], verbs: [get, list]}
  - {nonResourceURLs: [/metrics], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: agent}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: agent}
subjects: [{kind: ServiceAccount, name: agent, namespace: kube-system}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: config-0123456789, namespace: kube-system}
immutable: true
data: {a: b}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other, namespace: kube-system}
data: {a: b}
---
apiVersion: v1
kind: Service
metadata: {name: helper, namespace: kube-system}
spec: {selector: {app: helper}, ports: [{port: 1}]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: guard}
spec: {failurePolicy: Fail, validations: [{expression: "false"}]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: guard}
spec: {policyName: guard, validationActions: [Deny]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: kube-system}
spec:
  minReadySeconds: 5
  selector: {matchLabels: {app: agent}, matchExpressions: [{key: tier, operator: In, values: [node, host]}]}
  updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 1}}
  template:
    metadata: {labels: {app: agent, tier: node, free: "yes"}}
    spec:
      serviceAccountName: agent
      initContainers: [{name: install, image: quay.io/x/install:v1}]
      containers:
        - {name: agent, image: "quay.io/x/agent:v1", envFrom: [{configMapRef: {name: other}}]}
      volumes: [{name: config, configMap: {name: config-0123456789}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: helper, namespace: kube-system}
spec:
  selector: {matchLabels: {app: helper}}
  template:
    metadata: {labels: {app: helper}}
    spec: {containers: [{name: helper, image: "quay.io/x/helper@sha256:0000"}]}
`}

// said is what a render's findings say, with an exclamation mark where they block.
func said(r *render.Render) []string {
	var out []string
	for _, f := range r.Findings {
		text := f.Reason + ": " + f.Message
		if f.Blocking {
			text = "! " + text
		}
		out = append(out, text)
	}
	return out
}

func judged(t *testing.T, files map[string][]byte) *render.Render {
	t.Helper()
	out, err := laid(t, chartOf(everyKind), "0.27.3", files)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// patch of one object, as JSON 6902.
func patch(kind, name string, operations ...string) map[string][]byte {
	var b strings.Builder
	for _, o := range operations {
		fmt.Fprintf(&b, "      - %s\n", o)
	}
	return overlay(fmt.Sprintf("patches:\n  - target: {kind: %s, name: %s}\n    patch: |\n%s", kind, name, b.String()))
}

// merge is a strategic merge patch of an object of a kind.
func merge(kind, name, text string) map[string][]byte {
	versions := map[string]string{
		"ClusterRole": "rbac.authorization.k8s.io/v1", "ClusterRoleBinding": "rbac.authorization.k8s.io/v1",
		"CustomResourceDefinition": "apiextensions.k8s.io/v1", "DaemonSet": "apps/v1", "Deployment": "apps/v1",
	}
	return overlay("patches: [{path: p.yaml}]", "p.yaml",
		fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: %s, namespace: kube-system}\n%s", versions[kind], kind, name, text))
}

func pods(text string) string { return "spec: {template: {spec: {" + text + "}}}" }

func admission(kind string) string {
	return "apiVersion: admissionregistration.k8s.io/v1\nkind: " + kind + "\nmetadata: {name: x}\n---\n"
}

func mayRefuse(name string) string {
	return "! OverlayAddsAdmission: the overlay adds " + name + ", which may refuse pods of the add-on or change them"
}

func TestWhatAnOverlayMayNotChange(t *testing.T) {
	t.Parallel()
	const (
		agent   = "DaemonSet kube-system/agent"
		rules   = "ClusterRole agent"
		guarded = "! OverlayTouchesGuard: the overlay "
		content = "! OverlayChangesConfiguration: the overlay changes the content of ConfigMap kube-system/config-0123456789, " +
			"and pods would read another one under the same name"
		version = "! OverlayChangesImage: the overlay changes the version of an image: "
	)
	for name, c := range map[string]struct {
		files map[string][]byte
		want  []string
	}{
		// Guards.
		"what a guard does": {
			patch("ValidatingAdmissionPolicy", "guard", "{op: replace, path: /spec/failurePolicy, value: Ignore}"),
			[]string{guarded + "changes ValidatingAdmissionPolicy guard"},
		},
		"what the binding of a guard does": {
			patch("ValidatingAdmissionPolicyBinding", "guard", "{op: replace, path: /spec/validationActions/0, value: Audit}"),
			[]string{guarded + "changes ValidatingAdmissionPolicyBinding guard"},
		},
		"a guard that is taken away": {
			overlay("patches: [{target: {kind: ValidatingAdmissionPolicy}, patch: '{apiVersion: x, kind: x, metadata: {name: x}, $patch: delete}'}]"),
			[]string{guarded + "takes ValidatingAdmissionPolicy guard away"},
		},
		"a guard under another name": {
			patch("ValidatingAdmissionPolicyBinding", "guard", "{op: replace, path: /metadata/name, value: other}"),
			[]string{guarded + "takes ValidatingAdmissionPolicyBinding guard away"},
		},
		"a label on a guard": {patch("Validating.*", "guard", "{op: add, path: /metadata/labels, value: {a: b}}"), nil},

		// Names.
		"another name": {
			patch("ServiceAccount", "agent", "{op: replace, path: /metadata/name, value: other}"),
			// kustomize has the binding follow.
			[]string{
				"! OverlayRenames: the overlay makes ServiceAccount kube-system/other out of ServiceAccount kube-system/agent",
				"! OverlayWeakensRights: the overlay takes from what ClusterRoleBinding agent grants: ServiceAccount kube-system/agent",
				"! OverlayWeakensRights: the overlay has the pods of " + agent + ` run as ServiceAccount "other" in place of "agent", to which the rights are given`,
				"OverlayAddsRights: the overlay adds to what ClusterRoleBinding agent grants: ServiceAccount kube-system/other",
			},
		},
		"another namespace": {
			patch("Service", "helper", "{op: replace, path: /metadata/namespace, value: other}"),
			[]string{"! OverlayRenames: the overlay makes Service other/helper out of Service kube-system/helper"},
		},
		"another kind": {
			patch("Service", "helper", "{op: replace, path: /kind, value: Servant}"),
			[]string{
				"! OverlayRenames: the overlay takes Service kube-system/helper (v1) out of the release",
				"OverlayAdds: the overlay adds Servant kube-system/helper",
			},
		},
		"another API version": {
			patch("DaemonSet", "agent", "{op: replace, path: /apiVersion, value: apps/v1beta2}"),
			[]string{
				"! OverlayRenames: the overlay takes " + agent + " (apps/v1) out of the release",
				"! OverlayAddsWorkload: the overlay adds " + agent + ": a release of an add-on is no place for other software",
			},
		},
		"an object that is deleted": {
			merge("Deployment", "helper", "$patch: delete"),
			[]string{"! OverlayRenames: the overlay takes Deployment kube-system/helper (apps/v1) out of the release"},
		},
		"an object that kustomize is told to keep to itself": {
			patch("Deployment", "helper", "{op: add, path: /metadata/annotations, value: {config.kubernetes.io/local-config: 'true'}}"),
			[]string{"! OverlayRenames: the overlay takes Deployment kube-system/helper (apps/v1) out of the release"},
		},

		// Definitions.
		"the schema of a definition": {
			patch("CustomResourceDefinition", ".*", "{op: add, path: /spec/versions/0/schema/openAPIV3Schema/x-kubernetes-preserve-unknown-fields, value: true}"),
			[]string{"! OverlayChangesDefinition: the overlay changes what CustomResourceDefinition things.example.com defines"},
		},
		"a label on a definition": {patch("CustomResourceDefinition", ".*", "{op: add, path: /metadata/labels, value: {a: b}}"), nil},

		// Configuration.
		"the content of a ConfigMap that is named after it": {patch("ConfigMap", "config-.*", "{op: replace, path: /data/a, value: c}"), []string{content}},
		"binary content of it":                              {patch("ConfigMap", "config-.*", "{op: add, path: /binaryData, value: {a: YQ==}}"), []string{content}},
		"that it may be changed later":                      {patch("ConfigMap", "config-.*", "{op: remove, path: /immutable}"), []string{content}},
		"a label on it":                                     {patch("ConfigMap", "config-.*", "{op: add, path: /metadata/labels, value: {a: b}}"), nil},
		"the content of a ConfigMap with a plain name":      {patch("ConfigMap", "other", "{op: replace, path: /data/a, value: c}"), nil},
		"another ConfigMap in a volume": {
			patch("DaemonSet", "agent", "{op: replace, path: /spec/template/spec/volumes/0/configMap/name, value: mine}"),
			[]string{
				"! OverlayChangesConfiguration: the overlay has the pods of " + agent + " read ConfigMap config-0123456789 no more",
				"! OverlayChangesAgent: the overlay changes the pods of " + agent + `: volumes[config].configMap.name: "config-0123456789" -> "mine"`,
			},
		},
		"a ConfigMap that is read as variables no more": {
			patch("DaemonSet", "agent", "{op: remove, path: /spec/template/spec/containers/0/envFrom}"),
			[]string{
				"! OverlayChangesConfiguration: the overlay has the pods of " + agent + " read ConfigMap other no more",
				"! OverlayChangesAgent: the overlay changes container agent of " + agent + `: envFrom: [{"configMapRef":{"name":"other"}}] -> nothing`,
			},
		},
		"a ConfigMap more": {
			merge("DaemonSet", "agent", pods("volumes: [{name: more, configMap: {name: more}}]")),
			[]string{"OverlayAddsToAgent: the overlay adds to the pods of " + agent + ": volumes[more]"},
		},

		// Selectors.
		"the selector of a workload": {
			overlay("labels: [{pairs: {a: b}, includeSelectors: true, fields: [{path: spec/selector, kind: x}]}]"),
			[]string{
				"! OverlayChangesSelector: the overlay changes the selector of Service kube-system/helper",
				"! OverlayChangesSelector: the overlay changes the selector of " + agent,
				"! OverlayChangesSelector: the overlay changes the selector of Deployment kube-system/helper",
			},
		},
		"a label that the selector asks for": {
			merge("DaemonSet", "agent", "spec: {template: {metadata: {labels: {app: other}}}}"),
			[]string{"! OverlayChangesSelector: the overlay takes labels off the pods of " + agent + " by which they are found (app=agent,tier in (host,node))"},
		},
		"a label that an expression asks for": {
			patch("DaemonSet", "agent", "{op: remove, path: /spec/template/metadata/labels/tier}"),
			[]string{"! OverlayChangesSelector: the overlay takes labels off the pods of " + agent + " by which they are found (app=agent,tier in (host,node))"},
		},
		"a label that an expression does as well with": {merge("DaemonSet", "agent", "spec: {template: {metadata: {labels: {tier: host, free: 'no'}}}}"), nil},

		// Containers and images.
		"a container more": {
			merge("DaemonSet", "agent", pods("containers: [{name: more, image: x}]")),
			[]string{"! OverlayChangesContainers: the overlay adds container more to the pods of " + agent + ": an agent would count as ready only with it"},
		},
		"a container less": {
			merge("DaemonSet", "agent", pods("initContainers: [{name: install, $patch: delete}]")),
			[]string{"! OverlayChangesContainers: the overlay takes container install off the pods of " + agent},
		},
		"another tag": {
			overlay("images: [{name: quay.io/x/install, newTag: v2}]"),
			[]string{version + "quay.io/x/install:v1 -> quay.io/x/install:v2 (container install of " + agent + ")"},
		},
		"another tag of a mirror": {
			overlay("images: [{name: quay.io/x/agent, newName: 'localhost:5000/agent', newTag: v2}, {name: quay.io/x/(install|helper), newName: mirror}]"),
			[]string{version + "quay.io/x/agent:v1 -> localhost:5000/agent:v2 (container agent of " + agent + ")"},
		},
		"no tag": {
			patch("DaemonSet", "agent", "{op: replace, path: /spec/template/spec/containers/0/image, value: 'localhost:5000/agent'}"),
			[]string{version + "quay.io/x/agent:v1 -> localhost:5000/agent (container agent of " + agent + ")"},
		},
		"no image": {
			patch("DaemonSet", "agent", "{op: remove, path: /spec/template/spec/containers/0/image}"),
			[]string{version + "quay.io/x/agent:v1 ->  (container agent of " + agent + ")"},
		},
		"another digest": {
			overlay("images: [{name: quay.io/x/helper, digest: 'sha256:1111'}]"),
			[]string{version + "quay.io/x/helper@sha256:0000 -> quay.io/x/helper@sha256:1111 (container helper of Deployment kube-system/helper)"},
		},
		"a tag in place of a digest": {
			overlay("images: [{name: quay.io/x/helper, newTag: v1}]"),
			[]string{version + "quay.io/x/helper@sha256:0000 -> quay.io/x/helper:v1 (container helper of Deployment kube-system/helper)"},
		},
		"nothing in place of a digest": {
			patch("Deployment", "helper", "{op: replace, path: /spec/template/spec/containers/0/image, value: quay.io/x/helper}"),
			[]string{version + "quay.io/x/helper@sha256:0000 -> quay.io/x/helper (container helper of Deployment kube-system/helper)"},
		},
		"a digest that goes with another tag": {
			overlay("images: [{name: quay.io/x/agent, newTag: v2, digest: 'sha256:1111'}]"),
			[]string{version + "quay.io/x/agent:v1 -> quay.io/x/agent:v2@sha256:1111 (container agent of " + agent + ")"},
		},
		"a digest beside the tag":      {overlay("images: [{name: quay.io/x/agent, newTag: v1, digest: 'sha256:1111'}]"), nil},
		"a digest in place of a tag":   {overlay("images: [{name: quay.io/x/agent, digest: 'sha256:1111'}]"), nil},
		"a tag beside the same digest": {overlay("images: [{name: quay.io/x/helper, newTag: v7, digest: 'sha256:0000'}]"), nil},
		"a registry with a port":       {overlay("images: [{name: quay.io/x/(.*), newName: 'localhost:5000/y'}]"), nil},
		"a mirror that some images are forgotten in": {overlay("images: [{name: quay.io/x/agent, newName: mirror/agent}]"), []string{
			"OverlayMissesImage: the overlay gives images other names, and not to quay.io/x/helper@sha256:0000",
			"OverlayMissesImage: the overlay gives images other names, and not to quay.io/x/install:v1",
		}},

		// Rights.
		"a rule less": {
			patch("ClusterRole", "agent", "{op: remove, path: /rules/1}"),
			[]string{"! OverlayWeakensRights: the overlay takes from what " + rules + " grants: get /metrics"},
		},
		"a verb less and a verb more": {
			patch("ClusterRole", "agent", "{op: replace, path: /rules/0/verbs, value: [get, watch]}"),
			[]string{
				"! OverlayWeakensRights: the overlay takes from what " + rules + " grants: list nodes, list pods",
				"OverlayAddsRights: the overlay adds to what " + rules + " grants: watch nodes, watch pods",
			},
		},
		"the same rights, only for some names": {
			patch("ClusterRole", "agent", "{op: add, path: /rules/0/resourceNames, value: [a]}"),
			[]string{"! OverlayWeakensRights: the overlay takes from what " + rules + " grants: get nodes, get pods, list nodes, list pods"},
		},
		"the same rights in other words": {
			patch("ClusterRole", "agent", "{op: replace, path: /rules/0, value: {apiGroups: [''], resources: [pods], verbs: [list, get]}}",
				"{op: add, path: /rules/-, value: {apiGroups: [''], resources: [nodes], verbs: [list, get]}}"),
			nil,
		},
		"all rights of a kind": {
			patch("ClusterRole", "agent", "{op: replace, path: /rules/0/verbs, value: ['*']}"),
			[]string{"OverlayAddsRights: the overlay adds to what " + rules + " grants: * nodes, * pods"},
		},
		"a subject less": {
			patch("ClusterRoleBinding", "agent", "{op: replace, path: /subjects, value: []}"),
			[]string{"! OverlayWeakensRights: the overlay takes from what ClusterRoleBinding agent grants: ServiceAccount kube-system/agent"},
		},
		"a subject more": {
			patch("ClusterRoleBinding", "agent", "{op: add, path: /subjects/-, value: {kind: Group, apiGroup: rbac.authorization.k8s.io, name: all}}"),
			[]string{"OverlayAddsRights: the overlay adds to what ClusterRoleBinding agent grants: Group all"},
		},
		"another role": {
			patch("ClusterRoleBinding", "agent", "{op: replace, path: /roleRef/name, value: cluster-admin}"),
			[]string{
				"! OverlayWeakensRights: the overlay takes from what ClusterRoleBinding agent grants: ClusterRole agent",
				"OverlayAddsRights: the overlay adds to what ClusterRoleBinding agent grants: ClusterRole cluster-admin",
			},
		},
		"another account": {
			merge("DaemonSet", "agent", pods("serviceAccountName: default")),
			[]string{"! OverlayWeakensRights: the overlay has the pods of " + agent + ` run as ServiceAccount "default" in place of "agent", to which the rights are given`},
		},

		// How pods are replaced.
		"the strategy": {
			patch("DaemonSet", "agent", "{op: replace, path: /spec/updateStrategy, value: {type: OnDelete}}"),
			[]string{"OverlayChangesStrategy: the overlay changes updateStrategy.type of " + agent + ": RollingUpdate -> OnDelete"},
		},
		"when a pod counts as available": {
			merge("DaemonSet", "agent", "spec: {minReadySeconds: 1}"),
			[]string{"OverlayChangesStrategy: the overlay changes minReadySeconds of " + agent + ", after which a pod counts as available: 5 -> 1"},
		},
		"how many at once": {merge("DaemonSet", "agent", "spec: {updateStrategy: {rollingUpdate: {maxUnavailable: 2}}}"), nil},

		// What is added.
		"other software": {
			overlay("resources: [a.yaml]", "a.yaml", document("Job", "j")+"---\n"+document("CronJob", "c")+"---\n"+document("DaemonSet", "d")),
			[]string{
				"! OverlayAddsWorkload: the overlay adds CronJob c: a release of an add-on is no place for other software",
				"! OverlayAddsWorkload: the overlay adds DaemonSet d: a release of an add-on is no place for other software",
				"! OverlayAddsWorkload: the overlay adds Job j: a release of an add-on is no place for other software",
			},
		},
		"what may refuse pods": {
			overlay("resources: [a.yaml]", "a.yaml", admission("ValidatingAdmissionPolicy")+admission("ValidatingAdmissionPolicyBinding")+
				admission("ValidatingWebhookConfiguration")+admission("MutatingWebhookConfiguration")+admission("MutatingAdmissionPolicy")+
				document("ResourceQuota", "x")+"---\n"+document("LimitRange", "x")+"---\n"+
				document("Namespace", "closed", "  labels: {pod-security.kubernetes.io/enforce: baseline}")+"---\n"+
				document("Namespace", "open", "  labels: {pod-security.kubernetes.io/enforce: privileged}")),
			[]string{
				mayRefuse("LimitRange x"), mayRefuse("MutatingAdmissionPolicy x"), mayRefuse("MutatingWebhookConfiguration x"), mayRefuse("Namespace closed"),
				mayRefuse("ResourceQuota x"), mayRefuse("ValidatingAdmissionPolicy x"), mayRefuse("ValidatingAdmissionPolicyBinding x"),
				mayRefuse("ValidatingWebhookConfiguration x"), "OverlayAdds: the overlay adds Namespace open",
			},
		},
		"a ConfigMap and a Secret": {
			overlay("configMapGenerator: [{name: c, namespace: ns, literals: [a=b], files: [f, x=g/f], envs: [e.env]}]\n"+
				"secretGenerator: [{name: s, env: e.env}]\ngeneratorOptions: {disableNameSuffixHash: true}", "f", "\x00\x01", "g/f", ": [", "e.env", "V=w\n"),
			[]string{"OverlayAdds: the overlay adds ConfigMap ns/c", "OverlayAdds: the overlay adds Secret s"},
		},
		"a role and a binding": {
			overlay("resources: [a.yaml]", "a.yaml", "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: more, namespace: ns}\n"+
				"rules: [{apiGroups: [''], resources: [secrets], resourceNames: [a], verbs: [get]}]\n---\n"+
				"apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: more, namespace: ns}\n"+
				"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: more}\nsubjects: [{kind: ServiceAccount, name: agent, namespace: kube-system}]"),
			[]string{
				"OverlayAddsRights: the overlay adds Role ns/more, which grants: get secrets [a]",
				"OverlayAddsRights: the overlay adds RoleBinding ns/more, which grants: Role more, ServiceAccount kube-system/agent",
			},
		},
		"a patch for nothing": {
			overlay("patches: [{target: {kind: DaemonSet, name: agnet}, path: a/p.yaml}, {target: {kind: DaemonSet}, path: a/p.yaml}]", "a/p.yaml", pods("hostPID: false")+
				"\napiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: x}\n"),
			[]string{"OverlayMatchesNothing: the overlay's patches[0] (kustomization.yaml) is for no object of this release"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := judged(t, c.files)
			if diff := cmp.Diff(c.want, said(got)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			for _, f := range got.Findings {
				if f.Blocking && f.Fix == "" {
					t.Errorf("%s says nothing of what to do", f.Reason)
				}
			}
		})
	}
}

// Whatever renames at a stroke is told once for each object, and as nothing else.
func TestAPrefixIsARefusalForEachObject(t *testing.T) {
	t.Parallel()
	reasons := map[string]int{}
	for _, f := range judged(t, overlay("namePrefix: x-")).Findings {
		reasons[f.Reason]++
	}
	plain := judged(t, nil)
	// The binding and the pods follow the new names.
	want := map[string]int{"OverlayRenames": len(plain.Objects) - 3, "OverlayTouchesGuard": 2}
	if diff := cmp.Diff(want, reasons); diff != "" {
		t.Errorf("findings by reason (-want +got):\n%s", diff)
	}
}

// Definitions that an operator supplies may have been read in another way than the chart's objects, with whole numbers.
func TestWhatAnOverlayLeavesAloneIsNotWrittenAnew(t *testing.T) {
	t.Parallel()
	definition := &unstructured.Unstructured{}
	if err := definition.UnmarshalJSON([]byte(`{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": {"name": "things.example.com"}, "spec": {"maximum": 10000000}}`)); err != nil {
		t.Fatal(err)
	}
	a := flannelOnce(t)
	s := settings()
	s.Definitions = []*unstructured.Unstructured{definition}
	plain, err := render.Release(chartOf(everyKind), a, a.Releases[0], s)
	if err != nil {
		t.Fatal(err)
	}
	s.Overlay = merge("DaemonSet", "agent", pods("hostPID: true"))
	got, err := render.Release(chartOf(everyKind), a, a.Releases[0], s)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range plain.Objects {
		if diff := cmp.Diff(o, got.Objects[i]); (diff != "") != (o.GetKind() == "DaemonSet") {
			t.Errorf("%s %s (-without +with):\n%s", o.GetKind(), o.GetName(), diff)
		}
	}
}
