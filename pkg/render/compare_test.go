package render_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/render"
)

func parsed(t *testing.T, manifest string) []*unstructured.Unstructured {
	t.Helper()
	out, err := render.Parse(manifest)
	if err != nil {
		t.Fatalf("%v:\n%s", err, manifest)
	}
	return out
}

// daemonSet is one with a pod's specification, in flow style.
func daemonSet(pod string) string {
	return "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: x, namespace: kube-system}, " +
		"spec: {selector: {matchLabels: {app: x}}, template: {metadata: {labels: {app: x}}, spec: " + pod + "}}}"
}

// container is a DaemonSet with one container that has some fields.
func container(fields string) string { return daemonSet("{containers: [{name: a, " + fields + "}]}") }

func object(kind, fields string) string {
	versions := map[string]string{
		"ClusterRole": "rbac.authorization.k8s.io/v1", "ClusterRoleBinding": "rbac.authorization.k8s.io/v1", "Role": "rbac.authorization.k8s.io/v1",
		"DaemonSet": "apps/v1", "Deployment": "apps/v1", "CustomResourceDefinition": "apiextensions.k8s.io/v1",
		"ValidatingAdmissionPolicy": "admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding": "admissionregistration.k8s.io/v1",
		"RoleBinding": "rbac.authorization.k8s.io/v1", "Gadget": "example.org/v1",
	}
	version := versions[kind]
	if version == "" {
		version = "v1"
	}
	return "{apiVersion: " + version + ", kind: " + kind + ", metadata: {name: x, namespace: kube-system}, " + fields + "}"
}

// Every kind of normalisation: what is the same though it is written otherwise, and what is another thing though it looks
// alike. The field is where the latter is seen.
var meanings = map[string]struct{ is, same, other, field string }{
	"the order of variables": {
		is:    container(`env: [{name: X, value: "1"}, {name: Z, value: "2"}]`),
		same:  container(`env: [{name: Z, value: "2"}, {name: X, value: "1"}]`),
		other: container(`env: [{name: Z, value: "3"}, {name: X, value: "1"}]`), field: "spec.template.spec.containers[a].env[Z].value",
	},
	"the order of variables where one uses another": {
		is:    container(`env: [{name: X, value: "1"}, {name: Z, value: "$(X)"}]`),
		other: container(`env: [{name: Z, value: "$(X)"}, {name: X, value: "1"}]`), field: "spec.template.spec.containers[a].env (order)",
	},
	"a variable that is given twice, of which the later counts": {
		is:    container(`env: [{name: X, value: "1"}, {name: X, value: "2"}]`),
		other: container(`env: [{name: X, value: "2"}, {name: X, value: "1"}]`), field: "spec.template.spec.containers[a].env[0].value",
	},
	"the order of ports": {
		is:    container(`ports: [{containerPort: 1}, {containerPort: 2, name: b}]`),
		same:  container(`ports: [{containerPort: 2, name: b}, {containerPort: 1}]`),
		other: container(`ports: [{containerPort: 2, name: c}, {containerPort: 1}]`), field: "spec.template.spec.containers[a].ports[2/TCP].name",
	},
	"one port of two protocols": {
		is:    container(`ports: [{containerPort: 1, protocol: UDP}, {containerPort: 1}]`),
		same:  container(`ports: [{containerPort: 1}, {containerPort: 1, protocol: UDP}]`),
		other: container(`ports: [{containerPort: 1}]`), field: "spec.template.spec.containers[a].ports[1/UDP]",
	},
	"the order of mounts": {
		is:    container(`volumeMounts: [{name: v, mountPath: /a}, {name: w, mountPath: /b}]`),
		same:  container(`volumeMounts: [{name: w, mountPath: /b}, {name: v, mountPath: /a}]`),
		other: container(`volumeMounts: [{name: v, mountPath: /b}, {name: w, mountPath: /a}]`), field: "spec.template.spec.containers[a].volumeMounts[/a].name",
	},
	"the order of flags": {
		is:    container(`args: [--ip-masq, --kube-subnet-mgr, --healthz-port=8081]`),
		same:  container(`args: [--healthz-port=8081, --ip-masq, --kube-subnet-mgr]`),
		other: container(`args: [--healthz-port=8082, --ip-masq, --kube-subnet-mgr]`), field: "spec.template.spec.containers[a].args[--healthz-port]",
	},
	"the order of one flag's values": {
		is:    container(`args: [--iface=eth0, --iface=eth1, -v]`),
		same:  container(`args: [-v, --iface=eth0, --iface=eth1]`),
		other: container(`args: [--iface=eth1, --iface=eth0, -v]`), field: "spec.template.spec.containers[a].args[--iface]",
	},
	"the order of arguments that are no flags": {
		is:    container(`args: [-f, /flannel, /opt/cni/bin/flannel]`),
		other: container(`args: [-f, /opt/cni/bin/flannel, /flannel]`), field: "spec.template.spec.containers[a].args",
	},
	"the order of a command": {
		is:    container(`command: [cp, -f, -v]`),
		other: container(`command: [cp, -v, -f]`), field: "spec.template.spec.containers[a].command",
	},
	"the order of sources of an environment, of which the later counts": {
		is:    container(`envFrom: [{configMapRef: {name: b}}, {configMapRef: {name: c}}]`),
		other: container(`envFrom: [{configMapRef: {name: c}}, {configMapRef: {name: b}}]`), field: "spec.template.spec.containers[a].envFrom[0].configMapRef.name",
	},
	"the order of capabilities": {
		is:    container(`securityContext: {capabilities: {add: [NET_ADMIN, NET_RAW]}}`),
		same:  container(`securityContext: {capabilities: {add: [NET_RAW, NET_ADMIN]}}`),
		other: container(`securityContext: {capabilities: {add: [NET_ADMIN]}}`), field: "spec.template.spec.containers[a].securityContext.capabilities.add",
	},
	"the order of containers": {
		is:    daemonSet(`{containers: [{name: a}, {name: b, image: "i:1"}]}`),
		same:  daemonSet(`{containers: [{name: b, image: "i:1"}, {name: a}]}`),
		other: daemonSet(`{containers: [{name: b, image: "i:2"}, {name: a}]}`), field: "spec.template.spec.containers[b].image",
	},
	"the order of init containers, which run one after the other": {
		is:    daemonSet(`{initContainers: [{name: a}, {name: b}]}`),
		other: daemonSet(`{initContainers: [{name: b}, {name: a}]}`), field: "spec.template.spec.initContainers (order)",
	},
	"the order of volumes": {
		is:    daemonSet(`{volumes: [{name: v, hostPath: {path: /a}}, {name: w, emptyDir: {}}]}`),
		same:  daemonSet(`{volumes: [{name: w, emptyDir: {}}, {name: v, hostPath: {path: /a}}]}`),
		other: daemonSet(`{volumes: [{name: w, emptyDir: {}}, {name: v, hostPath: {path: /b}}]}`), field: "spec.template.spec.volumes[v].hostPath.path",
	},
	"the order of tolerations, and equality as their operator": {
		is:    daemonSet(`{tolerations: [{key: a, value: b}, {operator: Exists}]}`),
		same:  daemonSet(`{tolerations: [{operator: Exists}, {key: a, operator: Equal, value: b}]}`),
		other: daemonSet(`{tolerations: [{operator: Exists, effect: NoSchedule}, {key: a, value: b}]}`), field: "spec.template.spec.tolerations",
	},
	"the order of what is asked of a node": {
		is:    daemonSet(`{affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: In, values: [b, c]}, {key: d, operator: Exists}]}]}}}}`),
		same:  daemonSet(`{affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: d, operator: Exists}, {key: a, operator: In, values: [c, b]}]}]}}}}`),
		other: daemonSet(`{affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: d, operator: Exists}]}]}}}}`),
		field: "spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms",
	},
	"the port of a host that a container on its network has": {
		is:    daemonSet(`{hostNetwork: true, containers: [{name: a, ports: [{containerPort: 9099}]}]}`),
		same:  daemonSet(`{hostNetwork: true, containers: [{name: a, ports: [{containerPort: 9099, hostPort: 9099}]}]}`),
		other: daemonSet(`{hostNetwork: true, containers: [{name: a, ports: [{containerPort: 9099, hostPort: 1}]}]}`),
		field: "spec.template.spec.containers[a].ports[9099/TCP].hostPort",
	},
	"the port of a host that a container has on its own network": {
		is:    container(`ports: [{containerPort: 9099}]`),
		other: container(`ports: [{containerPort: 9099, hostPort: 9099}]`), field: "spec.template.spec.containers[a].ports[9099/TCP].hostPort",
	},
	"when an image with a tag is pulled": {
		is:    container(`image: "r.example:5000/i:v1"`),
		same:  container(`image: "r.example:5000/i:v1", imagePullPolicy: IfNotPresent`),
		other: container(`image: "r.example:5000/i:v1", imagePullPolicy: Always`), field: "spec.template.spec.containers[a].imagePullPolicy",
	},
	"when an image with a digest is pulled": {
		is: container(`image: "i@sha256:0"`), same: container(`image: "i@sha256:0", imagePullPolicy: IfNotPresent`),
		other: container(`image: "i@sha256:0", imagePullPolicy: Never`), field: "spec.template.spec.containers[a].imagePullPolicy",
	},
	"when an image without a tag is pulled": {
		is: container(`image: "r.example:5000/i"`), same: container(`image: "r.example:5000/i", imagePullPolicy: Always`),
		other: container(`image: "r.example:5000/i", imagePullPolicy: IfNotPresent`), field: "spec.template.spec.containers[a].imagePullPolicy",
	},
	"when the latest image is pulled": {
		is: container(`image: "i:latest"`), same: container(`image: "i:latest", imagePullPolicy: Always`),
		other: container(`image: "i:latest", imagePullPolicy: IfNotPresent`), field: "spec.template.spec.containers[a].imagePullPolicy",
	},
	"the old name of the account's field": {
		is: daemonSet(`{serviceAccountName: a}`), same: daemonSet(`{serviceAccountName: a, serviceAccount: a}`),
		other: daemonSet(`{serviceAccountName: b, serviceAccount: b}`), field: "spec.template.spec.serviceAccountName",
	},
	"the account under the field's old name alone": {
		is: daemonSet(`{serviceAccountName: a}`), same: daemonSet(`{serviceAccount: a}`),
		other: daemonSet(`{serviceAccount: b}`), field: "spec.template.spec.serviceAccountName",
	},
	"quantities": {
		is:    container(`resources: {requests: {cpu: "0.1", memory: 1024Mi}}`),
		same:  container(`resources: {requests: {cpu: 100m, memory: 1Gi}}`),
		other: container(`resources: {requests: {cpu: 0.01, memory: 1Gi}}`), field: "spec.template.spec.containers[a].resources.requests.cpu",
	},
	"what is empty and means nothing": {
		is:    container(`image: "i:1"`),
		same:  daemonSet(`{nodeSelector: {}, tolerations: [], hostPID: false, volumes: null, containers: [{name: a, image: "i:1", env: [], resources: {limits: {}}}]}`),
		other: daemonSet(`{hostPID: true, containers: [{name: a, image: "i:1"}]}`), field: "spec.template.spec.hostPID",
	},
	"what is empty and means everything": {
		is:    daemonSet(`{affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: z}]}}}`),
		other: daemonSet(`{affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: z, namespaceSelector: {}}]}}}`),
		field: "spec.template.spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution",
	},
	"the update strategy of a DaemonSet": {
		is:    object("DaemonSet", "spec: {}"),
		same:  object("DaemonSet", "spec: {updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 1, maxSurge: 0}}}"),
		other: object("DaemonSet", "spec: {updateStrategy: {rollingUpdate: {maxUnavailable: 10%}}}"), field: "spec.updateStrategy.rollingUpdate.maxUnavailable",
	},
	"what belongs to another strategy": {
		is:    object("DaemonSet", "spec: {updateStrategy: {type: OnDelete}}"),
		same:  object("DaemonSet", "spec: {updateStrategy: {type: OnDelete, rollingUpdate: {maxUnavailable: 10%}}}"),
		other: object("DaemonSet", "spec: {updateStrategy: {type: RollingUpdate}}"), field: "spec.updateStrategy.type",
	},
	"the strategy of a Deployment": {
		is:    object("Deployment", "spec: {}"),
		same:  object("Deployment", "spec: {strategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 25%, maxSurge: 25%}}}"),
		other: object("Deployment", "spec: {strategy: {type: Recreate}}"), field: "spec.strategy.type",
	},
	"the names of a template": {
		is:    object("Deployment", "spec: {template: {metadata: {labels: {a: b}}}}"),
		same:  object("Deployment", "spec: {template: {metadata: {name: x, namespace: kube-system, creationTimestamp: null, labels: {a: b}}}}"),
		other: object("Deployment", "spec: {template: {metadata: {labels: {a: c}}}}"), field: "spec.template.metadata.labels.a",
	},
	"how rules are grouped": {
		is: object("ClusterRole", `rules: [{apiGroups: [""], resources: [pods, nodes], verbs: [list, get]}]`),
		same: object("ClusterRole", `rules: [{apiGroups: [""], resources: [nodes], verbs: [get]}, {apiGroups: [""], resources: [pods], verbs: [get, list, get]},
			{apiGroups: [""], resources: [nodes], verbs: [list]}]`),
		other: object("ClusterRole", `rules: [{apiGroups: [""], resources: [pods], verbs: [list, get]}, {apiGroups: [""], resources: [nodes], verbs: [get]}]`),
		field: "rules[nodes]",
	},
	"the group of a rule": {
		is:    object("Role", `rules: [{apiGroups: [a, b], resources: [c], verbs: [get]}]`),
		same:  object("Role", `rules: [{apiGroups: [b], resources: [c], verbs: [get]}, {apiGroups: [a], resources: [c], verbs: [get]}]`),
		other: object("Role", `rules: [{apiGroups: [a], resources: [c], verbs: [get]}]`), field: "rules[c.b]",
	},
	"names that a rule is limited to": {
		is:    object("ClusterRole", `rules: [{apiGroups: [""], resources: [configmaps], resourceNames: [b, a], verbs: [get]}]`),
		same:  object("ClusterRole", `rules: [{apiGroups: [""], resources: [configmaps], resourceNames: [a, b], verbs: [get]}]`),
		other: object("ClusterRole", `rules: [{apiGroups: [""], resources: [configmaps], verbs: [get]}]`), field: "rules[configmaps [a]]",
	},
	"every verb": {
		is:    object("ClusterRole", `rules: [{nonResourceURLs: [/metrics], verbs: ["*"]}]`),
		same:  object("ClusterRole", `rules: [{nonResourceURLs: [/metrics], verbs: [get, "*"]}]`),
		other: object("ClusterRole", `rules: [{nonResourceURLs: [/metrics], verbs: [get]}]`), field: "rules[/metrics]",
	},
	"rules that a controller puts together": {
		is:    object("ClusterRole", `aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}, rules: []`),
		same:  object("ClusterRole", `aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}, rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]`),
		other: object("ClusterRole", `aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: c}}]}`), field: "aggregationRule.clusterRoleSelectors[0].matchLabels.a",
	},
	"the order and the groups of subjects": {
		is: object("ClusterRoleBinding", `roleRef: {kind: ClusterRole, name: r}, subjects: [{kind: ServiceAccount, name: a, namespace: n}, {kind: User, name: u}]`),
		same: object("ClusterRoleBinding", `roleRef: {kind: ClusterRole, name: r, apiGroup: rbac.authorization.k8s.io},
			subjects: [{kind: User, name: u, apiGroup: rbac.authorization.k8s.io}, {kind: ServiceAccount, name: a, namespace: n, apiGroup: ""}]`),
		other: object("ClusterRoleBinding", `roleRef: {kind: ClusterRole, name: r}, subjects: [{kind: ServiceAccount, name: a, namespace: n}, {kind: Group, name: u}]`),
		field: "subjects",
	},
	"a network configuration": {
		is:    object("ConfigMap", `data: {net-conf.json: '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan", "VNI": 1}}'}`),
		same:  object("ConfigMap", `data: {net-conf.json: '{"Backend":{"VNI":1.0,"Type":"vxlan"},"Network":"10.244.0.0/16","EnableNFTables":false,"EnableIPv4":true,"EnableIPv6":false}'}`),
		other: object("ConfigMap", `data: {net-conf.json: '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan", "VNI": 2}}'}`), field: "data[net-conf.json].Backend.VNI",
	},
	"rules by nftables": {
		is:    object("ConfigMap", `data: {net-conf.json: '{}'}`),
		same:  object("ConfigMap", `data: {net-conf.json: '{"EnableNFTables": false}'}`),
		other: object("ConfigMap", `data: {net-conf.json: '{"EnableNFTables": true}'}`), field: "data[net-conf.json].EnableNFTables",
	},
	"a chain of plugins, whose order counts": {
		is:    object("ConfigMap", `data: {cni-conf.json: '{"name": "cbr0", "plugins": [{"type": "flannel"}, {"type": "portmap"}]}'}`),
		same:  object("ConfigMap", `data: {cni-conf.json: '{"plugins":[{"type":"flannel"},{"type":"portmap"}],"name":"cbr0"}'}`),
		other: object("ConfigMap", `data: {cni-conf.json: '{"name": "cbr0", "plugins": [{"type": "portmap"}, {"type": "flannel"}]}'}`), field: "data[cni-conf.json].plugins[0].type",
	},
	"a list in JSON, of which nothing is known": {
		is:    object("ConfigMap", `data: {a.json: '{"env": [{"name": "a"}, {"name": "b"}]}'}`),
		other: object("ConfigMap", `data: {a.json: '{"env": [{"name": "b"}, {"name": "a"}]}'}`), field: "data[a.json].env[0].name",
	},
	"a network configuration with a number that is put in later": {
		is:    object("ConfigMap", `data: {cni_network_config: '{"type": "calico", "mtu": __CNI_MTU__}'}`),
		same:  object("ConfigMap", `data: {cni_network_config: '{"mtu":__CNI_MTU__,"type":"calico"}'}`),
		other: object("ConfigMap", `data: {cni_network_config: '{"mtu":1500,"type":"calico"}'}`), field: "data.cni_network_config.mtu",
	},
	"a number that is put in later, and a text of the same letters": {
		is:    object("ConfigMap", `data: {cni_network_config: '{"mtu": __CNI_MTU__}'}`),
		other: object("ConfigMap", `data: {cni_network_config: '{"mtu": "__CNI_MTU__"}'}`), field: "data.cni_network_config.mtu",
	},
	"text that is no JSON": {
		is:    object("ConfigMap", `data: {a.json: '{"a":', b: '{"c": 1}'}`),
		other: object("ConfigMap", `data: {a.json: '{"a":', b: '{"c":1}'}`), field: "data.b",
	},
	"what a server chooses for a Service": {
		is:    object("Service", `spec: {ports: [{port: 5473}]}`),
		same:  object("Service", `spec: {clusterIP: 10.96.0.7, clusterIPs: [10.96.0.7], ipFamilies: [IPv4], ipFamilyPolicy: SingleStack, healthCheckNodePort: 30000, ports: [{port: 5473, targetPort: 5473}]}`),
		other: object("Service", `spec: {ports: [{port: 5473, targetPort: typha}]}`), field: "spec.ports[5473/TCP].targetPort",
	},
	"what is asked of a server for a Service": {
		is:    object("Service", `spec: {clusterIP: None}`),
		other: object("Service", `spec: {clusterIP: 10.96.0.7}`), field: "spec.clusterIP",
	},
	"a Service that has an address, or none at all": {
		is:    object("Service", `spec: {clusterIP: None}`),
		same:  object("Service", `spec: {clusterIP: None, clusterIPs: [None], ipFamilies: [IPv4], ipFamilyPolicy: SingleStack}`),
		other: object("Service", `spec: {}`), field: "spec.clusterIP",
	},
	"secrets that a server made for an account": {
		is:    object("ServiceAccount", `imagePullSecrets: [{name: b}, {name: a}]`),
		same:  object("ServiceAccount", `imagePullSecrets: [{name: a}, {name: b}], secrets: [{name: x-token}]`),
		other: object("ServiceAccount", `imagePullSecrets: [{name: a}]`), field: "imagePullSecrets[b]",
	},
	"what a server writes into every object": {
		is: object("ConfigMap", `data: {a: b}`),
		same: `{apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: kube-system, uid: u, resourceVersion: "7", generation: 2, selfLink: s,
			creationTimestamp: "2026-01-01T00:00:00Z", managedFields: [{manager: m}]}, data: {a: b}}`,
		other: object("ConfigMap", `data: {a: c}`), field: "data.a",
	},
	"status": {
		is: object("DaemonSet", "spec: {minReadySeconds: 5}"), same: object("DaemonSet", "spec: {minReadySeconds: 5}, status: {numberReady: 3}"),
		other: object("DaemonSet", "spec: {minReadySeconds: 6}"), field: "spec.minReadySeconds",
	},
	"marks of ownership": {
		is: object("ConfigMap", `data: {}`),
		same: `{apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: kube-system, labels: {app.kubernetes.io/managed-by: Helm, addonctl.io/addon: Flannel, helm.sh/chart: flannel-1},
			annotations: {meta.helm.sh/release-name: flannel, meta.helm.sh/release-namespace: kube-system, helm.sh/resource-policy: keep, addonctl.io/render: d, addonctl.io/revision: "3",
			deprecated.daemonset.template.generation: "1", deployment.kubernetes.io/revision: "2", kubectl.kubernetes.io/last-applied-configuration: "{}"}}}`,
		other: `{apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: kube-system, labels: {app: flannel}}}`, field: "metadata.labels",
	},
	"what comes with a definition's type": {
		is: object("CustomResourceDefinition", `spec: {group: g, scope: Cluster, names: {kind: Pool, plural: pools}, versions: [{name: v1, served: true, storage: true}]}`),
		same: object("CustomResourceDefinition", `spec: {group: g, scope: Cluster, names: {kind: Pool, plural: pools, singular: pool, listKind: PoolList}, conversion: {strategy: None},
			versions: [{name: v1, served: true, storage: true}]}, status: {storedVersions: [v1]}`),
		other: object("CustomResourceDefinition", `spec: {group: g, scope: Cluster, names: {kind: Pool, plural: pools}, versions: [{name: v1, served: false, storage: true}]}`),
		field: "spec.versions[v1].served",
	},
	"the order of what a schema asks for": {
		is:    object("CustomResourceDefinition", `spec: {group: g, versions: [{name: v1, schema: {openAPIV3Schema: {type: object, required: [a, b]}}}]}`),
		same:  object("CustomResourceDefinition", `spec: {group: g, versions: [{name: v1, schema: {openAPIV3Schema: {type: object, required: [b, a]}}}]}`),
		other: object("CustomResourceDefinition", `spec: {group: g, versions: [{name: v1, schema: {openAPIV3Schema: {type: object, required: [a]}}}]}`),
		field: "spec.versions[v1].schema.openAPIV3Schema.required",
	},
	"what an admission policy matches": {
		is:    object("ValidatingAdmissionPolicy", `spec: {matchConstraints: {resourceRules: [{apiGroups: [apps], operations: [DELETE, UPDATE]}]}}`),
		same:  object("ValidatingAdmissionPolicy", `spec: {matchConstraints: {resourceRules: [{apiGroups: [apps], operations: [UPDATE, DELETE]}]}}`),
		other: object("ValidatingAdmissionPolicy", `spec: {matchConstraints: {resourceRules: [{apiGroups: [apps], operations: [UPDATE]}]}}`), field: "spec.matchConstraints.resourceRules",
	},
	"the order of variables of a policy, of which one uses another": {
		is:    object("ValidatingAdmissionPolicy", `spec: {variables: [{name: a, expression: "1"}, {name: b, expression: variables.a}]}`),
		other: object("ValidatingAdmissionPolicy", `spec: {variables: [{name: b, expression: variables.a}, {name: a, expression: "1"}]}`), field: "spec.variables[0].name",
	},
	"what a server writes into a definition": {
		is: object("CustomResourceDefinition", `spec: {scope: Cluster}`),
		same: `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: x, namespace: kube-system,
			finalizers: [customresourcecleanup.apiextensions.k8s.io]}, spec: {scope: Cluster}}`,
		other: object("CustomResourceDefinition", `spec: {scope: Namespaced}`), field: "spec.scope",
	},
	"a kind that nothing is known of": {
		is:    object("Gadget", `spec: {env: [{name: a}, {name: b}], size: 1}`),
		same:  object("Gadget", `spec: {size: 1.0, env: [{name: a}, {name: b}]}`),
		other: object("Gadget", `spec: {env: [{name: b}, {name: a}], size: 1}`), field: "spec.env[0].name",
	},
	"a field that its type does not have": {
		is:    daemonSet(`{containers: [{name: a}, {name: b}]}`),
		same:  daemonSet(`{dnsPolicy: ClusterFirst, containers: [{name: b}, {name: a}]}`),
		other: daemonSet(`{containers: [{name: a}, {name: b, hollow: true}]}`), field: "spec.template.spec.containers[b].hollow",
	},
	"the version of an API": {
		is:    object("Gadget", `spec: {}`),
		other: strings.Replace(object("Gadget", `spec: {}`), "example.org/v1", "example.org/v2", 1), field: "apiVersion",
	},
}

func TestObjectsAreComparedByMeaning(t *testing.T) {
	t.Parallel()
	for name, c := range meanings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			is, same, other := parsed(t, c.is), parsed(t, c.is), parsed(t, c.other)
			if c.same != "" {
				same = parsed(t, c.same)
			}
			for _, d := range slices.Concat(render.Compare(is, same), render.Compare(same, is)) {
				t.Errorf("no difference, and one is told: %s", d)
			}
			seen := render.Compare(is, other)
			if len(seen) == 0 {
				t.Fatal("a difference is not seen")
			}
			if !slices.ContainsFunc(seen, func(d render.Difference) bool { return d.Field == c.field }) {
				t.Errorf("not seen at %q, but: %v", c.field, seen)
			}
			back := render.Compare(other, is)
			if len(back) != len(seen) {
				t.Errorf("%d differences one way, %d the other", len(seen), len(back))
			}
		})
	}
}

func configMap(name, fields, data string) string {
	return "{apiVersion: v1, kind: ConfigMap, metadata: {name: " + name + ", namespace: kube-system}, " + fields + "data: {a: " + data + "}}\n"
}

func mounting(name string) string {
	return daemonSet(`{volumes: [{name: v, configMap: {name: `+name+`}}]}`) + "\n"
}

func TestObjectsAreFoundByWhatTheyAre(t *testing.T) {
	t.Parallel()
	const immutable = "immutable: true, "
	for name, c := range map[string]struct {
		from, to string
		want     []string
	}{
		"the same": {from: configMap("a", "", "b"), to: configMap("a", "", "b")},
		"another name": {
			from: configMap("a", "", "b"), to: configMap("c", "", "b"),
			want: []string{"ConfigMap kube-system/a: Removed", "ConfigMap kube-system/c: Added"},
		},
		"names that end in the hash of their content": {
			from: configMap("a-0123456789", immutable, "b") + "---\n" + mounting("a-0123456789"),
			to:   configMap("a-abcdef0123", immutable, "c") + "---\n" + mounting("a-abcdef0123"),
			want: []string{"ConfigMap kube-system/a: data.a: b -> c"},
		},
		"a name that was adopted without a hash": {
			from: configMap("a", "", "b"), to: configMap("a-abcdef0123", immutable, "b"),
			want: []string{"ConfigMap kube-system/a: immutable: <nil> -> true"},
		},
		"a pod that reads another one": {
			from: configMap("a-0123456789", immutable, "b") + "---\n" + mounting("a-0123456789"),
			to:   configMap("a-0123456789", immutable, "b") + "---\n" + mounting("z"),
			want: []string{"DaemonSet kube-system/x: spec.template.spec.volumes[v].configMap.name: a -> z"},
		},
		"a name that only looks like one with a hash": {
			from: configMap("a-0123456789", "", "b"), to: configMap("a-abcdef0123", "", "b"),
			want: []string{"ConfigMap kube-system/a-0123456789: Removed", "ConfigMap kube-system/a-abcdef0123: Added"},
		},
		"two of one base in the middle of a roll": {
			from: configMap("a-0123456789", immutable, "b") + "---\n" + configMap("a-abcdef0123", immutable, "c"),
			to:   configMap("a-abcdef0123", immutable, "c"),
			want: []string{
				"ConfigMap kube-system/a: Added", "ConfigMap kube-system/a-0123456789: Removed", "ConfigMap kube-system/a-abcdef0123: Removed",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, d := range render.Compare(parsed(t, c.from), parsed(t, c.to)) {
				got = append(got, d.String())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSecretsAreComparedAndNotTold(t *testing.T) {
	t.Parallel()
	secret := func(v string) string { return object("Secret", "data: {token: "+v+"}") }
	got := render.Compare(parsed(t, secret("aHVzaA==")), parsed(t, secret("cXVpZXQ=")))
	if len(got) != 1 || got[0].Field != "data.token" || strings.Contains(got[0].String(), "aHVzaA") || strings.Contains(got[0].String(), "cXVpZXQ") {
		t.Errorf("told as %v", got)
	}
	if again := render.Compare(parsed(t, secret("aHVzaA==")), parsed(t, secret("aHVzaA=="))); len(again) != 0 {
		t.Errorf("the same secret: %v", again)
	}
}

// Two shipped releases, whatever the order of their objects; and what is compared is left as it was.
func TestShippedReleasesAreCompared(t *testing.T) {
	t.Parallel()
	from, to := shipped(t, "0.26.2", settings("10.244.0.0/16")), shipped(t, "0.27.3", settings("10.244.0.0/16"))
	before := printed(t, from.Objects) + printed(t, to.Objects)
	const pod = "DaemonSet kube-system/kube-flannel-ds: spec.template.spec."
	want := []string{
		`DaemonSet kube-system/kube-flannel-ds: metadata.labels[app.kubernetes.io/version]: 0.26.2 -> 0.27.3`,
		`DaemonSet kube-system/kube-flannel-ds: spec.template.metadata.labels[app.kubernetes.io/version]: 0.26.2 -> 0.27.3`,
		pod + `containers[kube-flannel].env[CONT_WHEN_CACHE_NOT_READY]: <nil> -> map[name:CONT_WHEN_CACHE_NOT_READY value:false]`,
		pod + `containers[kube-flannel].image: docker.io/flannel/flannel:v0.26.2 -> ghcr.io/flannel-io/flannel:v0.27.3`,
		pod + `initContainers[install-cni-plugin].image: docker.io/flannel/flannel-cni-plugin:v1.6.0-flannel1 -> ghcr.io/flannel-io/flannel-cni-plugin:v1.7.1-flannel1`,
		pod + `initContainers[install-cni].image: docker.io/flannel/flannel:v0.26.2 -> ghcr.io/flannel-io/flannel:v0.27.3`,
	}
	shuffled := slices.Clone(to.Objects)
	slices.Reverse(shuffled)
	for _, objects := range [][]*unstructured.Unstructured{to.Objects, shuffled} {
		var got []string
		for _, d := range render.Compare(from.Objects, objects) {
			got = append(got, d.String())
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff(before, printed(t, from.Objects)+printed(t, to.Objects)); diff != "" {
		t.Errorf("what was compared was changed (-want +got):\n%s", diff)
	}
}

// Objects that no API server would take are compared nevertheless.
func TestNonsenseIsComparedToo(t *testing.T) {
	t.Parallel()
	nonsense := []string{
		"{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: x}, spec: text}",
		"{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: x}, spec: {updateStrategy: 7, template: [1]}}",
		"{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: x}, spec: {template: {spec: {containers: {a: b}, tolerations: [1, a], volumes: [[]]}}}}",
		"{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}}",
		"{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: x}, rules: [1, {verbs: get}]}",
		"{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: x}, rules: {a: b}}",
		"{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: [a]}",
		"{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {net-conf.json: 7, cni-conf.json: '[]'}}",
		"{apiVersion: v1, kind: Service, metadata: {name: x}, spec: {ports: [a, {port: b}]}}",
		"{apiVersion: v1, kind: Secret, metadata: {name: x}, data: 1}",
	}
	for _, a := range nonsense {
		for _, b := range nonsense {
			got := render.Compare(parsed(t, a), parsed(t, b))
			if a == b && len(got) != 0 {
				t.Errorf("%s differs from itself: %v", a, got)
			}
		}
	}
}
