package render_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"github.com/addonctl/addonctl/charts"
	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/render"
	"github.com/addonctl/addonctl/pkg/version"
)

func footprint(tb testing.TB, objects []*unstructured.Unstructured) *catalog.Footprint {
	tb.Helper()
	f, err := render.Footprint(objects)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// of is the footprint of a manifest text.
func of(tb testing.TB, manifest string) *catalog.Footprint {
	tb.Helper()
	return footprint(tb, parse(tb, manifest))
}

// later is a release of flannel that is not shipped (yet): the newest one with other values.
func later(tb testing.TB, v string) *render.Render {
	tb.Helper()
	a, r := release(tb, "0.27.3")
	r.Version, r.Images = version.MustParse(v), slices.Clone(r.Images)
	for i := range r.Images {
		r.Images[i].Ref = "registry/" + r.Images[i].Name + ":of-" + v
	}
	out, err := render.Release(charts.FS, a, r, settings())
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// flannelRights are those of every release that is shipped, and what 0.24.4 has beside them (facts: CNI A1.3).
var (
	flannelRights = []string{
		"kube-system/flannel: get nodes", "kube-system/flannel: get pods", "kube-system/flannel: list nodes",
		"kube-system/flannel: patch nodes/status", "kube-system/flannel: watch nodes",
	}
	clusterCIDRs = []string{
		"kube-system/flannel: list clustercidrs.networking.k8s.io", "kube-system/flannel: watch clustercidrs.networking.k8s.io",
	}
)

func TestTheFootprintOfFlannelIsWhatItsChartSays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		render *render.Render
		change func(*catalog.Footprint)
	}{
		"0.27.3": {shipped(t, "0.27.3", settings()), func(*catalog.Footprint) {}},
		"0.26.2": {shipped(t, "0.26.2", settings()), func(f *catalog.Footprint) {
			f.Workloads[0].Images = []string{"docker.io/flannel/flannel-cni-plugin:v1.6.0-flannel1", "docker.io/flannel/flannel:v0.26.2"}
			delete(f.Workloads[0].Env, "CONT_WHEN_CACHE_NOT_READY")
		}},
		"0.24.4": {shipped(t, "0.24.4", settings()), func(f *catalog.Footprint) {
			f.Workloads[0].Images = []string{"docker.io/flannel/flannel-cni-plugin:v1.4.0-flannel1", "docker.io/flannel/flannel:v0.24.4"}
			delete(f.Workloads[0].Env, "CONT_WHEN_CACHE_NOT_READY")
			f.Grants = append(slices.Clone(flannelRights), clusterCIDRs...)
			slices.Sort(f.Grants)
		}},
		"0.28.9 with its probes": {later(t, "0.28.9"), func(f *catalog.Footprint) {
			f.Workloads[0].Images = []string{"registry/flannel-cni-plugin:of-0.28.9", "registry/flannel:of-0.28.9"}
			f.Workloads[0].HostPorts, f.Workloads[0].ReadinessProbe = []int{8081}, true
			f.Workloads[0].Args = []string{"healthz-port=8081", "ip-masq=true", "kube-subnet-mgr=true"}
		}},
		"two families": {shipped(t, "0.27.3", settings("fd00:10:244::/56", "10.0.0.0/12")), func(f *catalog.Footprint) {
			f.Network.Networks = []string{"10.0.0.0/12", "fd00:10:244::/56"}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := footprint(t, c.render.Objects)
			want := flannelFootprint(configOf(t, got))
			c.change(want)
			want.Bytes = len(c.render.Manifest)
			want.Workloads[0].Template = got.Workloads[0].Template
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("footprint (-want +got):\n%s", diff)
			}
		})
	}
}

// flannelFootprint is that of 0.27.3 with its ConfigMap under the name given.
func flannelFootprint(config string) *catalog.Footprint {
	return &catalog.Footprint{
		Objects: []string{
			"ClusterRole flannel", "ClusterRoleBinding flannel", "ConfigMap kube-system/" + config,
			"DaemonSet kube-system/kube-flannel-ds", "ServiceAccount kube-system/flannel",
		},
		APIs: []string{
			"apps/v1 DaemonSet", "rbac.authorization.k8s.io/v1 ClusterRole", "rbac.authorization.k8s.io/v1 ClusterRoleBinding",
			"v1 ConfigMap", "v1 ServiceAccount",
		},
		Workloads: []catalog.WorkloadFootprint{{
			Kind: "DaemonSet", Namespace: "kube-system", Name: "kube-flannel-ds",
			Selector: map[string]string{"app": "flannel"}, ServiceAccount: "flannel", HostNetwork: true,
			PriorityClass: "system-node-critical",
			Images:        []string{"ghcr.io/flannel-io/flannel-cni-plugin:v1.7.1-flannel1", "ghcr.io/flannel-io/flannel:v0.27.3"},
			Tolerations:   []string{":NoExecute", ":NoSchedule"},
			NodeAffinity: `{"nodeSelectorTerms":[{"matchExpressions":[{"key":"kubernetes.io/os","operator":"In","values":["linux"]},` +
				`{"key":"oci.oraclecloud.com/custom-k8s-networking","operator":"NotIn","values":["true"]}]}]}`,
			Configuration: []string{"ConfigMap " + config},
			Env:           map[string]string{"EVENT_QUEUE_DEPTH": "5000", "CONT_WHEN_CACHE_NOT_READY": "false"},
			Args:          []string{"ip-masq=true", "kube-subnet-mgr=true"},
			HostMounts: []catalog.HostMount{
				{At: "/etc/cni/net.d", Path: "/etc/cni/net.d"},
				{At: "/opt/cni/bin", Path: "/opt/cni/bin"},
				{At: "/run/flannel", Path: "/run/flannel"},
				{At: "/run/xtables.lock", Path: "/run/xtables.lock"},
			},
			Strategy: "RollingUpdate", MaxUnavailable: "10%", MinReadySeconds: 10,
		}},
		Bindings: []catalog.Binding{{
			Name: "ClusterRoleBinding flannel", Role: "ClusterRole flannel", Subjects: []string{"ServiceAccount kube-system/flannel"},
		}},
		Grants:  flannelRights,
		Network: &catalog.NetConf{Networks: []string{"10.244.0.0/16"}, Backend: "vxlan", VNI: 1, Port: 8472},
		Chain: &catalog.CNIChain{
			File: "10-flannel.conflist", Name: "cbr0", Version: "0.3.1", Plugins: []string{"flannel", "portmap"},
		},
	}
}

// configOf is the name of the one ConfigMap, which is a digest of its content.
func configOf(t *testing.T, f *catalog.Footprint) string {
	t.Helper()
	for _, o := range f.Objects {
		if name, ok := strings.CutPrefix(o, "ConfigMap kube-system/"); ok {
			return name
		}
	}
	t.Fatalf("no ConfigMap among %v", f.Objects)
	return ""
}

// What an update changes is what its two footprints differ in, and nothing else: a digest that is the same for two
// templates, or another one for the same, would make a move look like what it is not.
func TestTwoFootprintsTellWhatAnUpdateChanges(t *testing.T) {
	t.Parallel()
	older, newer := footprint(t, shipped(t, "0.24.4", settings()).Objects), footprint(t, shipped(t, "0.26.2", settings()).Objects)
	again := footprint(t, shipped(t, "0.24.4", settings()).Objects)
	if older.Workloads[0].Template == newer.Workloads[0].Template {
		t.Error("another image, and the same template")
	}
	if diff := cmp.Diff(older, again); diff != "" {
		t.Errorf("of the same render (-want +got):\n%s", diff)
	}
	if got := len(older.Workloads[0].Template); got != 64 {
		t.Errorf("the digest has %d digits", got)
	}
	var fewer []string
	for _, g := range older.Grants {
		if !slices.Contains(newer.Grants, g) {
			fewer = append(fewer, g)
		}
	}
	if diff := cmp.Diff(clusterCIDRs, fewer); diff != "" {
		t.Errorf("rights that are taken back (-want +got):\n%s", diff)
	}
}

// A recorded manifest is read like the render that it was printed from.
func TestAPrintedRenderHasTheSameFootprint(t *testing.T) {
	t.Parallel()
	for _, r := range flannel(t).Releases {
		out := shipped(t, r.Version.String(), settings())
		if diff := cmp.Diff(footprint(t, out.Objects), of(t, out.Manifest)); diff != "" {
			t.Errorf("%s (-render +printed):\n%s", r.Version, diff)
		}
	}
}

func TestTheOrderOfObjectsDoesNotMatter(t *testing.T) {
	t.Parallel()
	objects := slices.Concat(shipped(t, "0.24.4", settings()).Objects, parse(t, calico+everything))
	objects = append(objects, objects[0].DeepCopy(), objects[len(objects)-1].DeepCopy())
	before, want := printed(t, objects), footprint(t, objects)
	rapid.Check(t, func(t *rapid.T) {
		got, err := render.Footprint(rapid.Permutation(objects).Draw(t, "objects"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("in another order (-want +got):\n%s", diff)
		}
	})
	if diff := cmp.Diff(before, printed(t, objects)); diff != "" {
		t.Errorf("the objects were changed (-want +got):\n%s", diff)
	}
}

// workload is a workload whose pod is given in one line of YAML, and its kind's own fields in another.
func workload(kind, spec, pod string) string {
	return fmt.Sprintf(`---
apiVersion: apps/v1
kind: %s
metadata: {name: x, namespace: ns}
spec:
  %s
  template: {metadata: {labels: {a: b}}, spec: {%s}}
`, kind, spec, pod)
}

func TestWhatIsReadOfAWorkload(t *testing.T) {
	t.Parallel()
	type w = catalog.WorkloadFootprint
	for name, c := range map[string]struct {
		kind, spec, pod string
		// want beside what every row has.
		want w
	}{
		"nothing written": {"DaemonSet", "", "containers: [{name: c}]", w{Strategy: "RollingUpdate", Images: []string{""}}},
		"no container":    {"DaemonSet", "", "", w{Strategy: "RollingUpdate"}},
		"a selector with expressions": {
			"DaemonSet", "selector: {matchLabels: {a: b}, matchExpressions: [{key: k, operator: In, values: [z, w]}, {key: e, operator: Exists}]}", "",
			w{Strategy: "RollingUpdate", Selector: map[string]string{"a": "b", "k In": "w,z", "e Exists": ""}},
		},
		"a DaemonSet's strategy": {
			"DaemonSet", "minReadySeconds: 5\n  updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 0, maxSurge: 25%}}", "",
			w{Strategy: "RollingUpdate", MaxUnavailable: "0", MaxSurge: "25%", MinReadySeconds: 5},
		},
		"OnDelete": {"DaemonSet", "updateStrategy: {type: OnDelete}", "", w{Strategy: "OnDelete"}},
		"a Deployment's strategy": {
			"Deployment", "minReadySeconds: 7\n  strategy: {rollingUpdate: {maxUnavailable: 1, maxSurge: 100%}}", "",
			w{Strategy: "RollingUpdate", MaxUnavailable: "1", MaxSurge: "100%", MinReadySeconds: 7},
		},
		"Recreate": {"Deployment", "strategy: {type: Recreate}", "", w{Strategy: "Recreate"}},
		"identity and place": {
			"DaemonSet", "", "serviceAccountName: s, hostNetwork: true, priorityClassName: p, nodeSelector: {k: v}",
			w{Strategy: "RollingUpdate", ServiceAccount: "s", HostNetwork: true, PriorityClass: "p", NodeSelector: map[string]string{"k": "v"}},
		},
		"the old name of the service account": {"DaemonSet", "", "serviceAccount: s", w{Strategy: "RollingUpdate", ServiceAccount: "s"}},
		"ports of a pod in the host's network": {
			"DaemonSet", "", "hostNetwork: true, containers: [{name: c, ports: [{containerPort: 9}, {containerPort: 8, hostPort: 8}, {containerPort: 9, protocol: UDP}]}]",
			w{Strategy: "RollingUpdate", HostNetwork: true, HostPorts: []int{8, 9}, Images: []string{""}},
		},
		"ports that are mapped": {
			"DaemonSet", "", "containers: [{name: c, ports: [{containerPort: 9}, {containerPort: 8, hostPort: 88}]}], initContainers: [{name: i, ports: [{containerPort: 7, hostPort: 77}]}]",
			w{Strategy: "RollingUpdate", HostPorts: []int{77, 88}, Images: []string{""}},
		},
		"images, each once": {
			"DaemonSet", "", "containers: [{name: c, image: b}, {name: d, image: a}], initContainers: [{name: i, image: c}, {name: j, image: b}]",
			w{Strategy: "RollingUpdate", Images: []string{"a", "b", "c"}},
		},
		"tolerations": {
			"DaemonSet", "", "tolerations: [{key: k, value: v, effect: NoSchedule}, {key: k, operator: Equal, value: w}, {key: e, operator: Exists, effect: NoExecute}, {operator: Exists}, {key: z}, {operator: Exists, effect: NoSchedule}, {key: k, value: v, effect: NoSchedule}]",
			w{Strategy: "RollingUpdate", Tolerations: []string{":", ":NoSchedule", "e:NoExecute", "k=v:NoSchedule", "k=w:", "z=:"}},
		},
		"affinity that is only preferred": {
			"DaemonSet", "", "affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, preference: {}}]}, podAffinity: {}}",
			w{Strategy: "RollingUpdate"},
		},
		"affinity whatever its order": {
			"DaemonSet", "", "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: z, operator: Exists}, {key: a, operator: In, values: [w, v]}]}, {matchFields: [{key: f, operator: In, values: [f1]}]}]}}}",
			w{
				Strategy: "RollingUpdate",
				NodeAffinity: `{"nodeSelectorTerms":[{"matchFields":[{"key":"f","operator":"In","values":["f1"]}]},` +
					`{"matchExpressions":[{"key":"a","operator":"In","values":["v","w"]},{"key":"z","operator":"Exists"}]}]}`,
			},
		},
		"what the pods read": {
			"DaemonSet", "", "volumes: [{name: a, configMap: {name: m}}, {name: b, secret: {secretName: s}}, {name: c, projected: {sources: [{configMap: {name: pm}}, {secret: {name: ps}}, {serviceAccountToken: {path: t}}]}}, {name: h, hostPath: {path: /x}}], " +
				"initContainers: [{name: i, envFrom: [{configMapRef: {name: fm}}, {secretRef: {name: fs}}]}], containers: [{name: c, env: [{name: A, valueFrom: {configMapKeyRef: {name: em, key: k}}}, {name: B, valueFrom: {secretKeyRef: {name: es, key: k}}}, {name: C, valueFrom: {fieldRef: {fieldPath: x}}}]}]",
			w{
				Strategy: "RollingUpdate", Images: []string{""},
				Configuration: []string{"ConfigMap em", "ConfigMap fm", "ConfigMap m", "ConfigMap pm", "Secret es", "Secret fs", "Secret ps", "Secret s"},
			},
		},
		"the first container's variables count": {
			"DaemonSet", "", "initContainers: [{name: i, env: [{name: A, value: init}, {name: I, value: init}]}], containers: [{name: c, env: [{name: A, value: old}, {name: A, value: main}, {name: E}, {name: V, valueFrom: {fieldRef: {fieldPath: x}}}]}, {name: d, env: [{name: A, value: side}, {name: I, value: side}, {name: D, value: side}, {name: V, value: side}]}]",
			w{Strategy: "RollingUpdate", Images: []string{""}, Env: map[string]string{"A": "main", "D": "side", "E": "", "I": "init"}},
		},
		"a probe of the main container": {
			"DaemonSet", "", "containers: [{name: c, readinessProbe: {exec: {command: [x]}}}, {name: d}]",
			w{Strategy: "RollingUpdate", Images: []string{""}, ReadinessProbe: true},
		},
		"a probe of another container": {
			"DaemonSet", "", "containers: [{name: c, livenessProbe: {exec: {command: [x]}}}, {name: d, readinessProbe: {exec: {command: [x]}}}]",
			w{Strategy: "RollingUpdate", Images: []string{""}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := of(t, workload(c.kind, c.spec, c.pod)).Workloads
			if len(got) != 1 || len(got[0].Template) != 64 {
				t.Fatalf("workloads %+v", got)
			}
			c.want.Kind, c.want.Namespace, c.want.Name, c.want.Template = c.kind, "ns", "x", got[0].Template
			if diff := cmp.Diff([]w{c.want}, got); diff != "" {
				t.Errorf("workload (-want +got):\n%s", diff)
			}
		})
	}
}

// Kubernetes' own annotation tells which container is the main one.
func TestTheMainContainerIsTheNamedOne(t *testing.T) {
	t.Parallel()
	text := workload("DaemonSet", "", "containers: [{name: c, env: [{name: A, value: first}]}, {name: d, readinessProbe: {exec: {command: [x]}}, env: [{name: A, value: second}]}]")
	text = strings.Replace(text, "labels: {a: b}", "annotations: {kubectl.kubernetes.io/default-container: d}", 1)
	got := of(t, text).Workloads[0]
	if got.Env["A"] != "second" || !got.ReadinessProbe {
		t.Errorf("workload %+v", got)
	}
}

func TestATemplatesDigestIsOfTheWholeTemplate(t *testing.T) {
	t.Parallel()
	digest := func(spec, pod string) string { return of(t, workload("DaemonSet", spec, pod)).Workloads[0].Template }
	one := digest("", "containers: [{name: c, args: [a]}], hostNetwork: true")
	for name, same := range map[string]string{
		"the order of keys": digest("", "hostNetwork: true, containers: [{args: [a], name: c}]"),
		"what is beside it": digest("minReadySeconds: 3", "containers: [{name: c, args: [a]}], hostNetwork: true"),
	} {
		if same != one {
			t.Errorf("%s changes the digest", name)
		}
	}
	for name, other := range map[string]string{
		"an argument":             digest("", "containers: [{name: c, args: [b]}], hostNetwork: true"),
		"a field we do not know":  digest("", "containers: [{name: c, args: [a]}], hostNetwork: true, newField: 1"),
		"the order of containers": digest("", "containers: [{name: d}, {name: c, args: [a]}], hostNetwork: true"),
	} {
		if other == one {
			t.Errorf("%s does not change the digest", name)
		}
	}
}

func rights(objects ...string) string { return strings.Join(objects, "") }

func clusterRole(kind, meta, rules string) string {
	return fmt.Sprintf("---\napiVersion: rbac.authorization.k8s.io/v1\nkind: %s\nmetadata: {%s}\nrules: [%s]\n", kind, meta, rules)
}

func bindingTo(kind, meta, role, subjects string) string {
	return fmt.Sprintf("---\napiVersion: rbac.authorization.k8s.io/v1\nkind: %s\nmetadata: {%s}\nroleRef: {apiGroup: rbac.authorization.k8s.io, %s}\nsubjects: [%s]\n",
		kind, meta, role, subjects)
}

func TestGrantsAreExpandedForEachServiceAccount(t *testing.T) {
	t.Parallel()
	const agent, clusterRoleR, roleR = "{kind: ServiceAccount, namespace: ns, name: agent}", "kind: ClusterRole, name: r", "kind: Role, name: r"
	get := `{apiGroups: [""], resources: [nodes], verbs: [get]}`
	for name, c := range map[string]struct {
		manifest string
		want     []string
	}{
		"groups, resources and verbs multiply": {
			rights(clusterRole("ClusterRole", "name: r", `{apiGroups: ["", apps], resources: [a, b/status], verbs: [list, get]}`), bindingTo("ClusterRoleBinding", "name: b", clusterRoleR, agent)),
			[]string{
				"ns/agent: get a", "ns/agent: get a.apps", "ns/agent: get b/status", "ns/agent: get b/status.apps",
				"ns/agent: list a", "ns/agent: list a.apps", "ns/agent: list b/status", "ns/agent: list b/status.apps",
			},
		},
		"names, addresses and everything": {
			rights(clusterRole("ClusterRole", "name: r", `{apiGroups: [""], resources: [secrets], resourceNames: [x, w], verbs: [get]}, {nonResourceURLs: [/metrics], verbs: [get]}, {apiGroups: ["*"], resources: ["*"], verbs: ["*"]}`), bindingTo("ClusterRoleBinding", "name: b", clusterRoleR, agent)),
			[]string{"ns/agent: * *.*", "ns/agent: get /metrics", "ns/agent: get secrets [w]", "ns/agent: get secrets [x]"},
		},
		"the same right twice": {
			rights(clusterRole("ClusterRole", "name: r", get+", "+get), bindingTo("ClusterRoleBinding", "name: b", clusterRoleR, agent), bindingTo("ClusterRoleBinding", "name: c", clusterRoleR, agent)),
			[]string{"ns/agent: get nodes"},
		},
		"in one namespace": {
			rights(clusterRole("Role", "name: r, namespace: ns", get), bindingTo("RoleBinding", "name: b, namespace: ns", roleR, agent)),
			[]string{"ns/agent: get nodes in ns"},
		},
		"a ClusterRole in one namespace": {
			rights(clusterRole("ClusterRole", "name: r", get), bindingTo("RoleBinding", "name: b, namespace: other", clusterRoleR, agent)),
			[]string{"ns/agent: get nodes in other"},
		},
		"a Role of another namespace is another role": {
			rights(clusterRole("Role", "name: r, namespace: ns", get), bindingTo("RoleBinding", "name: b, namespace: other", roleR, agent)), nil,
		},
		"a Role is not the ClusterRole of its name": {
			rights(clusterRole("ClusterRole", "name: r", get), bindingTo("RoleBinding", "name: b, namespace: ns", roleR, agent)), nil,
		},
		"several subjects, of which one is a user": {
			rights(clusterRole("ClusterRole", "name: r", get), bindingTo("ClusterRoleBinding", "name: b", clusterRoleR, agent+", {kind: User, name: ann}, {kind: Group, name: ops}, {kind: ServiceAccount, namespace: ns, name: other}")),
			[]string{"ns/agent: get nodes", "ns/other: get nodes"},
		},
		"a service account by its user's name": {
			rights(clusterRole("ClusterRole", "name: r", get), bindingTo("ClusterRoleBinding", "name: b", clusterRoleR, `{kind: User, name: "system:serviceaccount:ns:agent"}`)),
			[]string{"ns/agent: get nodes"},
		},
		"a role that nobody has":      {clusterRole("ClusterRole", "name: r", get), nil},
		"a role that is not in there": {bindingTo("ClusterRoleBinding", "name: b", "kind: ClusterRole, name: view", agent), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, of(t, c.manifest).Grants); diff != "" {
				t.Errorf("grants (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBindingsNameTheirRoleAndTheirSubjects(t *testing.T) {
	t.Parallel()
	got := of(t, bindingTo("RoleBinding", "name: b, namespace: ns", "kind: Role, name: r", "{kind: User, name: ann}, {kind: ServiceAccount, namespace: ns, name: agent}, {kind: User, name: ann}")+
		bindingTo("ClusterRoleBinding", "name: a", "kind: ClusterRole, name: view", "")).Bindings
	if diff := cmp.Diff([]catalog.Binding{
		{Name: "ClusterRoleBinding a", Role: "ClusterRole view"},
		{Name: "RoleBinding ns/b", Role: "Role r", Subjects: []string{"ServiceAccount ns/agent", "User ann"}},
	}, got); diff != "" {
		t.Errorf("bindings (-want +got):\n%s", diff)
	}
}

func TestDefinitionsTellTheirVersions(t *testing.T) {
	t.Parallel()
	const text = `---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: tiers.crd.projectcalico.org}
spec:
  scope: Cluster
  versions: [{name: v2, served: true, storage: true}, {name: v1, served: true}, {name: v0, storage: false}]
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: live.crd.projectcalico.org}
spec: {scope: Namespaced, versions: [{name: v1, served: true, storage: true}]}
status: {storedVersions: [v1, v0]}
---
apiVersion: example.com/v1
kind: CustomResourceDefinition
metadata: {name: somebody-elses-kind}
`
	if diff := cmp.Diff([]catalog.Definition{
		{Name: "live.crd.projectcalico.org", Scope: "Namespaced", Served: []string{"v1"}, Storage: "v1", Stored: []string{"v0", "v1"}},
		{Name: "tiers.crd.projectcalico.org", Scope: "Cluster", Served: []string{"v1", "v2"}, Unserved: []string{"v0"}, Storage: "v2"},
	}, of(t, text).Definitions); diff != "" {
		t.Errorf("definitions (-want +got):\n%s", diff)
	}
}

// config is a ConfigMap with one key.
func config(name, key, text string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: ns}\ndata:\n  %s: |\n    %s\n",
		name, key, strings.ReplaceAll(text, "\n", "\n    "))
}

// What stands in a network configuration is what flannel makes of it, so that a default that is written down is no change
// (facts: CNI A1.4).
func TestANetworkConfigurationIsReadAsFlannelReadsIt(t *testing.T) {
	t.Parallel()
	type conf = catalog.NetConf
	for name, c := range map[string]struct {
		text string
		want conf
	}{
		"the chart's":           {`{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}`, conf{Networks: []string{"10.244.0.0/16"}, Backend: "vxlan", VNI: 1, Port: 8472}},
		"defaults written down": {`{"Network": "10.244.0.0/16", "EnableNFTables": false, "Backend": {"Type": "vxlan", "VNI": 1, "Port": 8472, "GBP": false}}`, conf{Networks: []string{"10.244.0.0/16"}, Backend: "vxlan", VNI: 1, Port: 8472}},
		"everything else": {
			`{"Network": "10.0.0.0/8", "IPv6Network": "fd00::/48", "EnableIPv6": true, "EnableNFTables": true, "Backend": {"Type": "vxlan", "VNI": 4096, "Port": 4789, "MTU": 8900, "GBP": true, "DirectRouting": true}}`,
			conf{Networks: []string{"10.0.0.0/8", "fd00::/48"}, Backend: "vxlan", VNI: 4096, Port: 4789, MTU: 8900, GBP: true, DirectRouting: true, NFTables: true},
		},
		"no backend":          {`{"Network": "10.0.0.0/8"}`, conf{Networks: []string{"10.0.0.0/8"}, Backend: "udp"}},
		"another backend":     {`{"Backend": {"Type": "host-gw"}}`, conf{Backend: "host-gw"}},
		"wireguard's port":    {`{"Backend": {"Type": "wireguard", "ListenPort": 51820}}`, conf{Backend: "wireguard", Port: 51820, PortV6: 51821, Mode: "separate"}},
		"keys in lower case":  {`{"network": "10.0.0.0/8", "backend": {"type": "vxlan", "vni": 7}}`, conf{Networks: []string{"10.0.0.0/8"}, Backend: "vxlan", VNI: 7, Port: 8472}},
		"keys we do not know": {`{"SubnetLen": 25, "Backend": {"Type": "vxlan", "MacPrefix": "0E-2A"}}`, conf{Backend: "vxlan", VNI: 1, Port: 8472}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(&c.want, of(t, config("m", "net-conf.json", c.text)).Network); diff != "" {
				t.Errorf("network (-want +got):\n%s", diff)
			}
		})
	}
	if got := of(t, config("m", "other.json", "{}")+"---\n"+document("Secret", "s", `stringData: {net-conf.json: "{"}`)).Network; got != nil {
		t.Errorf("of a render without one: %+v", got)
	}
}

// reader is a DaemonSet whose one container has the fields given, and the volumes.
func reader(container, volumes string) string {
	return workload("DaemonSet", "", fmt.Sprintf("containers: [{name: c, %s}], volumes: [%s]", container, volumes))
}

const (
	mounted = "{name: v, configMap: {name: m}}"
	mounts  = "volumeMounts: [{name: v, mountPath: /etc/x}]"
	conf    = `{"name": "n", "cniVersion": "1.0.0", "plugins": [{"type": "ptp", "ipam": {"type": "host-local"}}, {"type": "portmap"}]}`
)

func TestAChainIsThatOfTheConfigurationThatPodsInstall(t *testing.T) {
	t.Parallel()
	whole := func(file string) *catalog.CNIChain {
		return &catalog.CNIChain{File: file, Name: "n", Version: "1.0.0", Plugins: []string{"ptp", "portmap"}, IPAM: "host-local"}
	}
	for name, c := range map[string]struct {
		manifest string
		want     *catalog.CNIChain
	}{
		"in a mounted file": {config("m", "cni-conf.json", conf) + reader(mounts, mounted), whole("")},
		"under a path of the command line": {
			config("m", "cni-conf.json", conf) + reader(mounts+", command: [cp], args: [-f, /etc/x/cni-conf.json, /host/etc/cni/net.d/10-a.conflist]", mounted), whole("10-a.conflist"),
		},
		"under a path in a shell's line": {
			config("m", "cni-conf.json", conf) + reader(mounts+`, command: [sh, -c, "cp /etc/x/a '/etc/cni/net.d/10-a.conflist'; sleep 1"]`, mounted), whole("10-a.conflist"),
		},
		"under two paths": {
			config("m", "cni-conf.json", conf) + reader(mounts+", command: [cp, /etc/cni/net.d/10-a.conflist, /etc/cni/net.d/20-a.conflist]", mounted), whole(""),
		},
		"one item of a volume": {
			config("m", "cni-conf.json", conf) + reader(mounts, "{name: v, configMap: {name: m, items: [{key: cni-conf.json, path: a}]}}"), whole(""),
		},
		"projected with others": {
			config("m", "cni-conf.json", conf) + reader(mounts, "{name: v, projected: {sources: [{configMap: {name: m}}]}}"), whole(""),
		},
		"another item of the volume": {
			config("m", "cni-conf.json", conf) + reader(mounts, "{name: v, configMap: {name: m, items: [{key: other, path: a}]}}"), nil,
		},
		"a volume that is not mounted":    {config("m", "cni-conf.json", conf) + reader("image: i", mounted), nil},
		"another ConfigMap":               {config("m", "cni-conf.json", conf) + reader(mounts, "{name: v, configMap: {name: o}}"), nil},
		"another namespace":               {strings.ReplaceAll(config("m", "cni-conf.json", conf), "namespace: ns", "namespace: other") + reader(mounts, mounted), nil},
		"no pod":                          {config("m", "cni-conf.json", conf), nil},
		"another key":                     {config("m", "conf.json", conf) + reader(mounts, mounted), nil},
		"in a variable, and its name too": {config("m", "cni_network_config", conf) + reader("env: [{name: CNI_NETWORK_CONFIG, valueFrom: {configMapKeyRef: {name: m, key: cni_network_config}}}, {name: CNI_CONF_NAME, value: 10-calico.conflist}]", ""), whole("10-calico.conflist")},
		"in all variables":                {config("m", "CNI_NETWORK_CONFIG", conf) + reader("envFrom: [{configMapRef: {name: m}}]", ""), whole("")},
		"a variable of another key":       {config("m", "cni_network_config", conf) + reader("env: [{name: A, valueFrom: {configMapKeyRef: {name: m, key: veth_mtu}}}]", ""), nil},
		"a single plugin": {
			config("m", "cni-conf.json", `{"name": "n", "cniVersion": "1.0.0", "type": "ptp", "ipam": {"type": "static"}}`) + reader(mounts, mounted),
			&catalog.CNIChain{Name: "n", Version: "1.0.0", Plugins: []string{"ptp"}, IPAM: "static"},
		},
		"an address plugin of a delegate": {
			config("m", "cni-conf.json", `{"name": "n", "cniVersion": "1.0.0", "plugins": [{"type": "flannel", "delegate": {"ipam": {"type": "dhcp"}}}]}`) + reader(mounts, mounted),
			&catalog.CNIChain{Name: "n", Version: "1.0.0", Plugins: []string{"flannel"}, IPAM: "dhcp"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, of(t, c.manifest).Chain); diff != "" {
				t.Errorf("chain (-want +got):\n%s", diff)
			}
		})
	}
}

// calico is what Calico's own manifests hold of a configuration: no JSON before it is filled in (facts: CNI A3.4).
var calico = config("calico-config", "cni_network_config", `{
  "name": "k8s-pod-network",
  "cniVersion": "0.3.1",
  "plugins": [
    {"type": "calico", "nodename": "__KUBERNETES_NODE_NAME__", "mtu": __CNI_MTU__, "ipam": {"type": "host-local"}},
    {"type": "portmap", "snat": true}
  ]
}`) + `---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: calico-node, namespace: ns}
spec:
  template:
    spec:
      initContainers:
      - name: install-cni
        env:
        - {name: CNI_CONF_NAME, value: 10-calico.conflist}
        - {name: CNI_NETWORK_CONFIG, valueFrom: {configMapKeyRef: {name: calico-config, key: cni_network_config}}}
`

func TestAConfigurationThatIsFilledInOnTheNodeIsReadAsFarAsItCanBe(t *testing.T) {
	t.Parallel()
	type chain = catalog.CNIChain
	if diff := cmp.Diff(&chain{
		File: "10-calico.conflist", Name: "k8s-pod-network", Version: "0.3.1", Plugins: []string{"calico", "portmap"}, IPAM: "host-local",
	}, of(t, calico).Chain); diff != "" {
		t.Errorf("Calico's (-want +got):\n%s", diff)
	}
	for name, c := range map[string]struct {
		text string
		want chain
	}{
		"it ends too soon":                {`{"name": "n", "cniVersion": "1.0.0", "plugins": [{"type": "ptp"}`, chain{Name: "n", Version: "1.0.0"}},
		"a part of a value is filled in":  {`{"name": "n", "mtu": 1__MTU__, "plugins": []}`, chain{Name: "n"}},
		"all of it is filled in":          {`__CNI_NETWORK_CONFIG__`, chain{}},
		"a value has another type":        {`{"name": "n", "cniVersion": 1, "plugins": [{"type": "ptp"}]}`, chain{Name: "n", Plugins: []string{"ptp"}}},
		"it is a list":                    {`[1]`, chain{}},
		"it is empty":                     {``, chain{}},
		"a list of values is filled in":   {`{"name": "n", "plugins": [{"type": "a"}], "nets": [__NET__, __NET6__]}`, chain{Name: "n", Plugins: []string{"a"}}},
		"a whole key's value stands open": {`{"name": "n", "plugins": __PLUGINS__, "cniVersion": "1.0.0"}`, chain{Name: "n", Version: "1.0.0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, key := range []string{"cni_network_config", "CNI_NETWORK_CONFIG"} {
				got := of(t, config("m", key, c.text)+reader("envFrom: [{configMapRef: {name: m}}]", "")).Chain
				if diff := cmp.Diff(&c.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", key, diff)
				}
			}
		})
	}
}

func TestWhatCannotBeReadIsAnErrorThatNamesTheObject(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ manifest, want string }{
		"a broken net-conf.json":           {config("m", "net-conf.json", `{"Network": "10.0.0.0/8"`), "net-conf.json of ConfigMap ns/m"},
		"a second net-conf.json is broken": {config("m", "net-conf.json", `{}`) + config("o", "net-conf.json", `{`), "net-conf.json of ConfigMap ns/o"},
		"a network that is none":           {config("m", "net-conf.json", `{"Network": "10.0.0.0"}`), "net-conf.json of ConfigMap ns/m"},
		"a VNI that is text":               {config("m", "net-conf.json", `{"Backend": {"Type": "vxlan", "VNI": "1"}}`), "net-conf.json of ConfigMap ns/m"},
		"a broken cni-conf.json":           {config("m", "cni-conf.json", `{"name": "n", "plugins": [{"type": "a"}]`) + reader(mounts, mounted), "cni-conf.json of ConfigMap ns/m"},
		"a chain of nothing":               {config("m", "cni-conf.json", `{"name": "n", "plugins": []}`) + reader(mounts, mounted), "cni-conf.json of ConfigMap ns/m"},
		"a chain without a name":           {config("m", "cni-conf.json", `{"plugins": [{"type": "a"}]}`) + reader(mounts, mounted), "cni-conf.json of ConfigMap ns/m"},
		"a plugin without a type":          {config("m", "cni-conf.json", `{"name": "n", "plugins": [{}]}`) + reader(mounts, mounted), "cni-conf.json of ConfigMap ns/m"},
		"a placeholder where none belongs": {config("m", "cni-conf.json", `{"name": "n", "plugins": [{"type": "a", "mtu": __MTU__}]}`) + reader(mounts, mounted), "cni-conf.json of ConfigMap ns/m"},
		"a flag that is text":              {workload("DaemonSet", "", `hostNetwork: "yes"`), "DaemonSet ns/x"},
		"a number that is text":            {workload("Deployment", `minReadySeconds: "5"`, ""), "Deployment ns/x"},
		"a template that is a list":        {"apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: x, namespace: ns}\nspec: {template: []}\n", "DaemonSet ns/x"},
		"rules that are text":              {"apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\nrules: all\n", "ClusterRole r"},
		"a role that is text":              {"apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: r}\nroleRef: r\n", "ClusterRoleBinding r"},
		"data that is a list":              {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: [a]\n", "ConfigMap m"},
		"versions that are text":           {"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: d}\nspec: {versions: v1}\n", "CustomResourceDefinition d"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := render.Footprint(parse(t, c.manifest))
			if err == nil || got != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v; want an error about %q", got, err, c.want)
			}
		})
	}
}

// A kind of that name in another group is somebody else's, and is only counted.
func TestKindsOfOtherGroupsAreNotTakenForKubernetesOwn(t *testing.T) {
	t.Parallel()
	text := "apiVersion: apps.kruise.io/v1alpha1\nkind: DaemonSet\nmetadata: {name: x, namespace: ns}\nspec: {template: none}\n"
	want := &catalog.Footprint{Objects: []string{"DaemonSet ns/x"}, APIs: []string{"apps.kruise.io/v1alpha1 DaemonSet"}}
	got := of(t, text)
	got.Bytes = 0
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("footprint (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&catalog.Footprint{}, footprint(t, nil)); diff != "" {
		t.Errorf("of nothing (-want +got):\n%s", diff)
	}
}

// everything has two of each kind that footprints know, under names that sort otherwise than they are written.
var everything = workload("Deployment", "", "") + strings.ReplaceAll(workload("Deployment", "", "hostNetwork: true"), "name: x", "name: a") +
	clusterRole("Role", "name: r, namespace: ns", `{apiGroups: [""], resources: [b, a], verbs: [get]}`) +
	clusterRole("ClusterRole", "name: r", `{apiGroups: [x], resources: [b, a], verbs: [get]}`) +
	bindingTo("RoleBinding", "name: z, namespace: ns", "kind: Role, name: r", "{kind: ServiceAccount, namespace: ns, name: agent}") +
	bindingTo("ClusterRoleBinding", "name: b", "kind: ClusterRole, name: r", "{kind: ServiceAccount, namespace: ns, name: agent}") +
	config("z", "net-conf.json", `{"Network": "10.9.0.0/16"}`) + config("w", "net-conf.json", `{"Network": "10.8.0.0/16"}`) +
	config("m", "cni-conf.json", conf) + strings.ReplaceAll(reader(mounts, mounted), "name: x", "name: reader") +
	"---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: z.d}\nspec: {scope: Cluster}\n" +
	"---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a.d}\nspec: {scope: Cluster}\n"
