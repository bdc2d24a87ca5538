package render_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/addonctl/addonctl/pkg/render"
)

// wholeAgent is a chart with an agent that says all that agents say.
var wholeAgent = map[string]string{"all.yaml": `
apiVersion: v1
kind: ServiceAccount
metadata: {name: agent, namespace: kube-system}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: kube-system}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      hostNetwork: true
      priorityClassName: system-node-critical
      serviceAccountName: agent
      terminationGracePeriodSeconds: 5
      securityContext: {seccompProfile: {type: RuntimeDefault}}
      initContainers:
        - {name: first, image: "x/first:v1", command: [cp], args: [-f, /a, /b], volumeMounts: [{name: bin, mountPath: /opt/cni/bin}]}
        - {name: second, image: "x/second:v1", command: [/install]}
      containers:
        - name: agent
          image: x/agent:v1
          command: [/opt/bin/agent]
          args: [--ip-masq, --kube-subnet-mgr, --iface=lo]
          env: [{name: A, value: "1"}, {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
          ports: [{name: health, containerPort: 9099}]
          lifecycle: {preStop: {exec: {command: [/stop]}}}
          livenessProbe: {httpGet: {path: /healthz, port: 9099}}
          readinessProbe: {httpGet: {path: /readyz, port: 9099}}
          resources: {requests: {memory: 50Mi}}
          securityContext: {privileged: false, capabilities: {add: [NET_ADMIN, NET_RAW]}}
          volumeMounts: [{name: run, mountPath: /run/agent}, {name: trust, mountPath: /etc/pki/agent}]
      volumes:
        - {name: bin, hostPath: {path: /opt/cni/bin}}
        - {name: run, hostPath: {path: /run/agent}}
        - {name: trust, emptyDir: {}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: helper, namespace: kube-system}
spec:
  replicas: 2
  selector: {matchLabels: {app: helper}}
  template:
    metadata: {labels: {app: helper}}
    spec: {priorityClassName: system-cluster-critical, containers: [{name: helper, image: "x/helper:v1"}]}
`}

// agentIs is a patch that replaces, or adds, a field of the agent's pods; no value takes it away.
func agentIs(field, value string) map[string][]byte {
	o := "{op: add, path: /spec/template/spec/" + field + ", value: " + value + "}"
	if value == "" {
		o = "{op: remove, path: /spec/template/spec/" + field + "}"
	}
	return patch("DaemonSet", "agent", o)
}

func laidOverAgent(t *testing.T, files map[string][]byte) *render.Render {
	t.Helper()
	out, err := laid(t, chartOf(wholeAgent), "0.27.3", files)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAnOverlayMakesNoOtherAgent(t *testing.T) {
	t.Parallel()
	const (
		of    = "DaemonSet kube-system/agent"
		pods  = "pods of " + of
		agent = "container agent of " + of
		first = "container first of " + of
		c     = "containers/0/"
	)
	for name, tt := range map[string]struct {
		files map[string][]byte
		where string
		want  string
	}{
		"another program":            {agentIs(c+"command", "[/bin/sleep, infinity]"), agent, `command: ["/opt/bin/agent"] -> ["/bin/sleep","infinity"]`},
		"the image's own program":    {agentIs(c+"command", ""), agent, `command: ["/opt/bin/agent"] -> nothing`},
		"an init container for show": {agentIs("initContainers/0/command", "[/bin/true]"), first, `command: ["cp"] -> ["/bin/true"]`},
		"arguments in order":         {agentIs("initContainers/0/args", "[-f, /b, /a]"), first, `args: ["-f","/a","/b"] -> ["-f","/b","/a"]`},
		"a flag less":                {agentIs(c+"args/1", ""), agent, `args[--kube-subnet-mgr]: "--kube-subnet-mgr" -> nothing`},
		"a flag more":                {agentIs(c+"args/-", "--v=9"), agent, `args[--v]: nothing -> "--v=9"`},
		"another value of a flag":    {patch("DaemonSet", "agent", "{op: replace, path: /spec/template/spec/containers/0/args/2, value: --iface=eth0}"), agent, `args[--iface]: "--iface=lo" -> "--iface=eth0"`},
		"another working directory":  {agentIs(c+"workingDir", "/tmp"), agent, `workingDir: nothing -> "/tmp"`},
		"another variable":           {agentIs(c+"env/0/value", "'2'"), agent, `env[A].value: "1" -> "2"`},
		"a variable less":            {agentIs(c+"env/1", ""), agent, `env[POD]: {"name":"POD","valueFrom":{"fieldRef":{"apiVersion":"v1","fieldPath":"metadata.name"}}} -> nothing`},
		"a variable of the agent's":  {agentIs(c+"env/-", "{name: FLANNELD_IFACE, value: lo}"), agent, `env[FLANNELD_IFACE]: nothing -> {"name":"FLANNELD_IFACE","value":"lo"}`},
		"a variable like a proxy's":  {agentIs(c+"env/-", "{name: a_proxy, value: b}"), agent, `env[a_proxy]: nothing -> {"name":"a_proxy","value":"b"}`},
		"one variable twice":         {agentIs(c+"env", "[{name: A, value: '1'}, {name: A, value: '2'}]"), agent, `env: [{"name":"A","value":"1"},{"name":"POD","valueFrom":{"fieldRef":{"apiVersion":"v1","fieldPath":"metadata.name"}}}] -> [{"name":"A","value":"1"},{"name":"A","value":"2"}]`},
		"variables of a ConfigMap":   {agentIs(c+"envFrom", "[{configMapRef: {name: x}}]"), agent, `envFrom: nothing -> [{"configMapRef":{"name":"x"}}]`},
		"a mount less":               {agentIs(c+"volumeMounts/0", ""), agent, `volumeMounts[/run/agent]: {"mountPath":"/run/agent","name":"run"} -> nothing`},
		"another mount":              {agentIs(c+"volumeMounts/0/readOnly", "true"), agent, `volumeMounts[/run/agent].readOnly: nothing -> true`},
		"a mount over the program":   {agentIs(c+"volumeMounts/-", "{name: run, mountPath: /opt/bin}"), agent, `volumeMounts[/opt/bin]: nothing -> {"mountPath":"/opt/bin","name":"run"}`},
		"a mount over an own one":    {agentIs(c+"volumeMounts/-", "{name: run, mountPath: /etc/pki}"), agent, `volumeMounts[/etc/pki]: nothing -> {"mountPath":"/etc/pki","name":"run"}`},
		"a mount in an own one":      {agentIs(c+"volumeMounts/-", "{name: run, mountPath: /etc/pki/agent/x}"), agent, `volumeMounts[/etc/pki/agent/x]: nothing -> {"mountPath":"/etc/pki/agent/x","name":"run"}`},
		"a mount by a way around":    {agentIs(c+"volumeMounts/-", "{name: run, mountPath: /etc/ssl/../../opt/bin}"), agent, `volumeMounts[/etc/ssl/../../opt/bin]: nothing -> {"mountPath":"/etc/ssl/../../opt/bin","name":"run"}`},
		"a mount that leads back":    {agentIs(c+"volumeMounts/-", "{name: run, mountPath: /etc/ssl, mountPropagation: Bidirectional}"), agent, `volumeMounts[/etc/ssl]: nothing -> {"mountPath":"/etc/ssl","mountPropagation":"Bidirectional","name":"run"}`},
		"another port":               {agentIs(c+"ports/0/containerPort", "9100"), agent, `ports[9099/TCP]: {"containerPort":9099,"hostPort":9099,"name":"health","protocol":"TCP"} -> nothing`},
		"no security context":        {agentIs(c+"securityContext", ""), agent, `securityContext.privileged: false -> nothing`},
		"privileged":                 {agentIs(c+"securityContext/privileged", "true"), agent, `securityContext.privileged: false -> true`},
		"a capability less":          {agentIs(c+"securityContext/capabilities/add/1", ""), agent, `securityContext.capabilities.add: "NET_RAW" -> nothing`},
		"no liveness":                {agentIs(c+"livenessProbe", ""), agent, `livenessProbe: {"failureThreshold":3,"httpGet":{"path":"/healthz","port":9099,"scheme":"HTTP"},"periodSeconds":10,"successThreshold":1,"timeoutSeconds":1} -> nothing`},
		"another readiness":          {agentIs(c+"readinessProbe/periodSeconds", "600"), agent, `readinessProbe.periodSeconds: 10 -> 600`},
		"another startup":            {agentIs(c+"startupProbe", "{exec: {command: [x]}}"), agent, `startupProbe: nothing -> {"exec":{"command":["x"]},"failureThreshold":3,"periodSeconds":10,"successThreshold":1,"timeoutSeconds":1}`},
		"another end":                {agentIs(c+"lifecycle/preStop/exec/command", "[/x]"), agent, `lifecycle.preStop.exec.command: ["/stop"] -> ["/x"]`},
		"images that nobody pulls":   {agentIs(c+"imagePullPolicy", "Never"), agent, `imagePullPolicy: "IfNotPresent" -> "Never"`},
		"a container of a new kind":  {agentIs("initContainers/1/restartPolicy", "Always"), "container second of " + of, `restartPolicy: nothing -> "Always"`},
		"a field that nobody knows":  {agentIs(c+"tomorrow", "true"), agent, `tomorrow: nothing -> true`},
		"init containers turned round": {
			patch("DaemonSet", "agent", "{op: move, from: /spec/template/spec/initContainers/1, path: /spec/template/spec/initContainers/0}"),
			pods, `initContainers (order): "first, second" -> "second, first"`,
		},
		"an init container that runs beside": {
			patch("DaemonSet", "agent", "{op: move, from: /spec/template/spec/initContainers/0, path: /spec/template/spec/containers/-}"),
			pods, `initContainers[first]: "initContainers" -> "containers"`,
		},
		"two containers of one name":  {agentIs("containers/-", "{name: agent, image: 'x/agent:v1', command: [/bin/sleep]}"), pods, ""},
		"another folder of the node":  {agentIs("volumes/0/hostPath/path", "/tmp"), pods, `volumes[bin].hostPath.path: "/opt/cni/bin" -> "/tmp"`},
		"a volume of another kind":    {agentIs("volumes/2", "{name: trust, hostPath: {path: /x}}"), pods, ""},
		"a volume over the network":   {agentIs("volumes/-", "{name: claim, persistentVolumeClaim: {claimName: c}}"), pods, `volumes[claim]: nothing -> {"name":"claim","persistentVolumeClaim":{"claimName":"c"}}`},
		"a volume less":               {agentIs("volumes/2", ""), pods, `volumes[trust]: {"emptyDir":{},"name":"trust"} -> nothing`},
		"no volumes":                  {agentIs("volumes", ""), pods, `volumes[trust]: {"emptyDir":{},"name":"trust"} -> nothing`},
		"the pod's security context":  {agentIs("securityContext", "{runAsUser: 1000}"), pods, `securityContext.runAsUser: nothing -> 1000`},
		"processes of the node":       {agentIs("hostPID", "true"), pods, `hostPID: nothing -> true`},
		"shared memory of the node":   {agentIs("hostIPC", "true"), pods, `hostIPC: nothing -> true`},
		"a network of its own":        {agentIs("hostNetwork", "false"), pods, `hostNetwork: true -> nothing`},
		"no token":                    {agentIs("automountServiceAccountToken", "false"), pods, `automountServiceAccountToken: nothing -> false`},
		"no token for the account":    {patch("ServiceAccount", "agent", "{op: add, path: /automountServiceAccountToken, value: false}"), "ServiceAccount kube-system/agent", `automountServiceAccountToken: nothing -> false`},
		"another scheduler":           {agentIs("schedulerName", "mine"), pods, `schedulerName: "default-scheduler" -> "mine"`},
		"another runtime":             {agentIs("runtimeClassName", "kata"), pods, `runtimeClassName: nothing -> "kata"`},
		"other name servers":          {agentIs("dnsPolicy", "None"), pods, `dnsPolicy: "ClusterFirst" -> "None"`},
		"other names of hosts":        {agentIs("hostAliases", "[{ip: 192.0.2.1, hostnames: [a]}]"), pods, `hostAliases: nothing -> [{"hostnames":["a"],"ip":"192.0.2.1"}]`},
		"one node":                    {agentIs("nodeName", "a"), pods, `nodeName: nothing -> "a"`},
		"a condition that never is":   {agentIs("readinessGates", "[{conditionType: x}]"), pods, `readinessGates: nothing -> [{"conditionType":"x"}]`},
		"a lower priority":            {agentIs("priorityClassName", "system-cluster-critical"), pods, `priorityClassName: "system-node-critical" -> "system-cluster-critical"`},
		"a priority of one's own":     {agentIs("priorityClassName", "mine"), pods, `priorityClassName: "system-node-critical" -> "mine"`},
		"no priority":                 {agentIs("priorityClassName", ""), pods, `priorityClassName: "system-node-critical" -> nothing`},
		"no replicas":                 {patch("Deployment", "helper", "{op: replace, path: /spec/replicas, value: 0}"), "Deployment kube-system/helper", `replicas: 2 -> 0`},
		"a workload that stands":      {patch("Deployment", "helper", "{op: add, path: /spec/paused, value: true}"), "Deployment kube-system/helper", `paused: nothing -> true`},
		"another program of a helper": {patch("Deployment", "helper", "{op: add, path: /spec/template/spec/containers/0/command, value: [x]}"), "container helper of Deployment kube-system/helper", `command: nothing -> ["x"]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			told := laidOverAgent(t, tt.files)
			want := "! OverlayChangesAgent: the overlay changes " + strings.Replace(tt.where, "pods of", "the pods of", 1) + ": " + tt.want
			all := said(told)
			found := false
			for i, text := range all {
				if !strings.HasPrefix(text, "! OverlayChangesAgent: ") || told.Findings[i].Fix == "" {
					t.Errorf("something else is told: %s", text)
				}
				found = found || text == want || tt.want == "" && strings.HasPrefix(text, want)
			}
			if !found {
				t.Errorf("it is not told:\n%s\nbut:\n%s", want, strings.Join(all, "\n"))
			}
		})
	}
}

func TestWhatAnOverlayMayGiveAnAgent(t *testing.T) {
	t.Parallel()
	const adds = "OverlayAddsToAgent: the overlay adds to "
	for name, tt := range map[string]struct {
		files map[string][]byte
		want  []string
	}{
		"resources, however low": {agentIs("containers/0/resources", "{limits: {memory: 5Mi}}"), nil},
		"a node selector":        {agentIs("nodeSelector", "{a: b}"), nil},
		"a toleration":           {agentIs("tolerations", "[{operator: Exists}]"), nil},
		"affinity":               {agentIs("affinity", "{nodeAffinity: {}}"), nil},
		"pull secrets":           {agentIs("imagePullSecrets", "[{name: a}]"), nil},
		"a mirror":               {agentIs("containers/0/image", "mirror/agent:v1"), nil},
		"pulling always":         {agentIs("containers/0/imagePullPolicy", "Always"), nil},
		"a higher priority":      {patch("Deployment", "helper", "{op: replace, path: /spec/template/spec/priorityClassName, value: system-node-critical}"), nil},
		"more replicas":          {patch("Deployment", "helper", "{op: replace, path: /spec/replicas, value: 3}"), nil},
		"labels and annotations": {overlay("labels: [{pairs: {a: b}, includeTemplates: true}]\ncommonAnnotations: {c: d}"), nil},
		"a pull secret of the account": {
			patch("ServiceAccount", "agent", "{op: add, path: /imagePullSecrets, value: [{name: a}]}"), nil,
		},
		"what a server would fill in": {agentIs("dnsPolicy", "ClusterFirst"), nil},
		"the same in another order":   {agentIs("containers/0/args", "[--iface=lo, --ip-masq, --kube-subnet-mgr]"), nil},
		"another time to end": {
			agentIs("terminationGracePeriodSeconds", ""),
			[]string{"OverlayChangesStrategy: the overlay changes terminationGracePeriodSeconds of DaemonSet kube-system/agent, which a pod has to end: 5 -> 30"},
		},
		"the way through a proxy, whose password is nobody's business": {
			merge("DaemonSet", "agent", pods("containers: [{name: agent, env: [{name: HTTPS_PROXY, value: 'http://u:p@proxy'}, {name: no_proxy, value: 10.0.0.0/8}]}]")),
			[]string{adds + "container agent of DaemonSet kube-system/agent: env[HTTPS_PROXY], env[no_proxy]"},
		},
		"certificates": {
			merge("DaemonSet", "agent", pods("containers: [{name: agent, env: [{name: SSL_CERT_FILE, value: /etc/ssl/own/ca.crt}], "+
				"volumeMounts: [{name: ca, mountPath: /etc/ssl/own, readOnly: true}]}], volumes: [{name: ca, configMap: {name: ca}}]")),
			[]string{
				adds + "the pods of DaemonSet kube-system/agent: volumes[ca]",
				adds + "container agent of DaemonSet kube-system/agent: env[SSL_CERT_FILE], volumeMounts[/etc/ssl/own]",
			},
		},
		"the first variable of a container": {
			patch("Deployment", "helper", "{op: add, path: /spec/template/spec/containers/0/env, value: [{name: HTTP_PROXY, value: x}]}"),
			[]string{adds + "container helper of Deployment kube-system/helper: env[HTTP_PROXY]"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, said(laidOverAgent(t, tt.files))); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// Kustomize merges lists in its own order, and what it writes anew has to mean the same.
func TestAPullSecretMakesNoOtherAgentOfAnyRelease(t *testing.T) {
	t.Parallel()
	const secret = "{target: {kind: DaemonSet|Deployment}, patch: '{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: x}, " +
		"spec: {template: {spec: {imagePullSecrets: [{name: own}]}}}}'}"
	everyRelease(t, func(t *testing.T, plain *render.Render, with func(map[string][]byte) *render.Render) {
		t.Helper()
		got := with(overlay("patches: [" + secret + "]"))
		if diff := cmp.Diff(plain.Findings, got.Findings); diff != "" || plain.Manifest == got.Manifest {
			t.Errorf("findings (-without +with), or nothing is changed:\n%s", diff)
		}
	})
}
