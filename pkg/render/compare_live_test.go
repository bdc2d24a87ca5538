package render_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"

	"github.com/addonctl/addonctl/addons"
	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/testkube"
	"github.com/addonctl/addonctl/pkg/version"
)

// many is one object of each kind that the tables of presets speak of, with every part that an API server fills in.
const many = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: many, namespace: kube-system}
spec:
  selector: {matchLabels: {app: many}}
  template:
    metadata: {labels: {app: many}}
    spec:
      hostNetwork: true
      tolerations: [{key: a, value: b}]
      initContainers:
        - {name: first, image: example.org/first}
      containers:
        - name: main
          image: example.org/main:v1
          resources: {requests: {cpu: 0.1, memory: 1024Mi}}
          env: [{name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
          ports: [{containerPort: 80}, {containerPort: 81, protocol: UDP}]
          livenessProbe: {httpGet: {port: 80}}
          readinessProbe: {exec: {command: ["true"]}}
          startupProbe: {tcpSocket: {port: 80}}
          lifecycle: {preStop: {httpGet: {port: 80}}, postStart: {httpGet: {port: 80}}}
        - name: second
          image: example.org/second@sha256:0123456789012345678901234567890123456789012345678901234567890123
      volumes:
        - {name: host, hostPath: {path: /a}}
        - {name: config, configMap: {name: a}}
        - {name: secret, secret: {secretName: a}}
        - {name: nothing, emptyDir: {}}
        - {name: down, downwardAPI: {items: [{path: a, fieldRef: {fieldPath: metadata.name}}]}}
        - {name: token, projected: {sources: [{serviceAccountToken: {path: token}}, {downwardAPI: {items: [{path: a, fieldRef: {fieldPath: metadata.name}}]}}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: many, namespace: kube-system}
spec:
  selector: {matchLabels: {app: many}}
  template:
    metadata: {labels: {app: many}, name: many}
    spec:
      serviceAccountName: many
      containers: [{name: main, image: "example.org/main:latest", ports: [{containerPort: 80}]}]
---
{apiVersion: v1, kind: Service, metadata: {name: many, namespace: kube-system}, spec: {selector: {app: many}, ports: [{port: 5473, targetPort: typha}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: plain, namespace: kube-system}, spec: {clusterIP: None, ports: [{port: 5473}]}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: many, namespace: kube-system}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: many}
roleRef: {kind: ClusterRole, name: many}
subjects: [{kind: ServiceAccount, name: many, namespace: kube-system}, {kind: User, name: a}, {kind: Group, name: b}]
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: many, namespace: kube-system}, roleRef: {kind: Role, name: many}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: many}
spec:
  matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], resources: [pods], operations: [DELETE]}]}
  validations: [{expression: "true"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: many}
spec:
  policyName: many
  validationActions: [Deny]
  matchResources: {resourceRules: [{apiGroups: [""], apiVersions: [v1], resources: [pods], operations: [DELETE]}]}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: manies.example.org}
spec:
  group: example.org
  scope: Cluster
  names: {kind: Many, plural: manies}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
`

// The tables say what an API server fills in: here a real one is asked. What it makes of an object is the same as the object.
func TestWhatAServerMakesOfAnObjectIsTheSame(t *testing.T) {
	t.Parallel()
	server := testkube.Start(t, testkube.Options{})
	asks, err := discovery.NewDiscoveryClientForConfig(server.Config())
	if err != nil {
		t.Fatal(err)
	}
	client, err := dynamic.NewForConfig(server.Config())
	if err != nil {
		t.Fatal(err)
	}
	l := live{client, restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(asks))}
	t.Run("of every part that is filled in", func(t *testing.T) { l.compare(t, parsed(t, many)) })
	shipped, err := catalog.Load(addons.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range shipped.AddOns {
		for _, r := range a.Releases {
			for _, n := range a.OnNetworkTypes() {
				t.Run(fmt.Sprintf("%s %s on %s", a.Name, r.Version, n), func(t *testing.T) {
					s := render.Settings{Kubernetes: version.MustParse(server.Version()), NetworkType: n, Nodes: 100}
					out, err := render.Release(charts.FS, a, r, s)
					if err != nil {
						t.Fatal(err)
					}
					l.compare(t, out.Objects)
				})
			}
		}
	}
}

// live is an API server that is asked what it would make of objects.
type live struct {
	client dynamic.Interface
	mapper meta.RESTMapper
}

func (l live) compare(t *testing.T, objects []*unstructured.Unstructured) {
	t.Helper()
	made := make([]*unstructured.Unstructured, 0, len(objects))
	for _, o := range objects {
		made = append(made, l.made(t, o))
	}
	for _, d := range render.Compare(objects, made) {
		t.Error(d)
	}
}

func (l live) made(t *testing.T, o *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	m, err := l.mapper.RESTMapping(o.GroupVersionKind().GroupKind(), o.GroupVersionKind().Version)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	resource := dynamic.ResourceInterface(l.client.Resource(m.Resource))
	if m.Scope.Name() == meta.RESTScopeNameNamespace {
		resource = l.client.Resource(m.Resource).Namespace(o.GetNamespace())
	}
	out, err := resource.Patch(t.Context(), o.GetName(), types.ApplyPatchType, body,
		metav1.PatchOptions{FieldManager: "test", FieldValidation: metav1.FieldValidationStrict, DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
