package charts_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Typha above 50 nodes, one for 200 of them, three in production, at most 20, and fewer than nodes (projectcalico/calico
// #6995: one too many holds up every update).
func TestTyphaRunsInBigClustersAlone(t *testing.T) {
	t.Parallel()
	type given struct {
		nodes   int
		enabled any
	}
	tests := map[given]int32{
		{0, "auto"}: 0, {1, "auto"}: 0, {50, "auto"}: 0, {51, "auto"}: 3, {600, "auto"}: 3, {601, "auto"}: 4, {1000, "auto"}: 5,
		{4000, "auto"}: 20, {9000, "auto"}: 20,
		{0, true}: 1, {1, true}: 1, {2, true}: 1, {3, true}: 2, {4, true}: 3, {50, true}: 3,
		{51, false}: 0, {9000, false}: 0,
	}
	for in, want := range tests {
		for _, networkType := range bothNetworkTypes {
			r := renderCalico(t, "3.32.0", map[string]any{
				"networkType": networkType, "nodes": in.nodes, "typha": map[string]any{"enabled": in.enabled},
			})
			var replicas int32
			for _, d := range all[*appsv1.Deployment](r) {
				if d.Name == "calico-typha" {
					replicas = *d.Spec.Replicas
				}
			}
			_, used := variablesOf(t, calicoAgent(t, r))["FELIX_TYPHAK8SSERVICENAME"]
			if replicas != want || used != (want > 0) || len(all[*corev1.Service](r)) > 0 != used {
				t.Errorf("%s, %d nodes, enabled %v: %d replicas, want %d; used by agents: %t", networkType, in.nodes, in.enabled, replicas, want, used)
			}
		}
	}
}

func TestTyphaIsReachedAndLetsGoSlowly(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"TYPHA_DATASTORETYPE": "kubernetes", "TYPHA_CONNECTIONREBALANCINGMODE": "kubernetes", "TYPHA_HEALTHENABLED": "true",
		"TYPHA_LOGFILEPATH": "none", "TYPHA_LOGSEVERITYSCREEN": "info", "TYPHA_LOGSEVERITYSYS": "none", "TYPHA_SHUTDOWNTIMEOUTSECS": "300",
		"USE_POD_CIDR": "true", "FELIX_INTERFACEPREFIX": "oci",
	}
	r := renderCalico(t, "3.32.0", map[string]any{"nodes": 300})
	deployment := only[*appsv1.Deployment](t, r, "calico-typha")
	pod := deployment.Spec.Template.Spec
	typha := pod.Containers[0]
	if diff := cmp.Diff(want, variablesOf(t, typha)); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
	if !pod.HostNetwork || *pod.TerminationGracePeriodSeconds != 300 || typha.Ports[0].ContainerPort != 5473 {
		t.Errorf("host network %t, grace %d, port %v", pod.HostNetwork, *pod.TerminationGracePeriodSeconds, typha.Ports)
	}
	for path, probe := range map[string]*corev1.Probe{"/liveness": typha.LivenessProbe, "/readiness": typha.ReadinessProbe} {
		if get := probe.HTTPGet; get.Path != path || get.Host != "localhost" || get.Port.IntValue() != 9098 {
			t.Errorf("probe of %s: %v", path, get)
		}
	}
	rolling := deployment.Spec.Strategy.RollingUpdate
	if rolling.MaxUnavailable.IntValue() != 1 || *rolling.MaxSurge != intstr.FromString("100%") {
		t.Errorf("strategy: %v", rolling)
	}
	service := only[*corev1.Service](t, r, "calico-typha")
	wantPorts := []corev1.ServicePort{{Name: "calico-typha", Port: 5473, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromString("calico-typha")}}
	if diff := cmp.Diff(wantPorts, service.Spec.Ports); diff != "" {
		t.Errorf("ports of the service (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(deployment.Spec.Selector.MatchLabels, service.Spec.Selector); diff != "" {
		t.Errorf("the service's selector (-deployment +service):\n%s", diff)
	}
	// Its own host interfaces are Calico's where its plugin wires pods.
	beside := only[*appsv1.Deployment](t, renderCalico(t, "3.32.0", besideFlannel(map[string]any{"nodes": 300})), "calico-typha")
	if prefix, ok := variablesOf(t, beside.Spec.Template.Spec.Containers[0])["FELIX_INTERFACEPREFIX"]; ok {
		t.Errorf("beside flannel Typha looks for interfaces %s", prefix)
	}
}

func TestEachMinorHasItsPods(t *testing.T) {
	t.Parallel()
	type pods struct {
		Controllers                      string
		NonRoot, Seccomp, FoldersAreMade bool
	}
	tests := map[string]pods{
		"3.26.4": {Controllers: "node"},
		"3.27.2": {Controllers: "node", FoldersAreMade: true},
		"3.28.2": {Controllers: "node", FoldersAreMade: true},
		"3.29.2": {Controllers: "node", FoldersAreMade: true, NonRoot: true, Seccomp: true},
		"3.30.3": {Controllers: "node,loadbalancer", FoldersAreMade: true, NonRoot: true, Seccomp: true},
		"3.31.5": {Controllers: "node,loadbalancer", FoldersAreMade: true, NonRoot: true, Seccomp: true},
		"3.32.0": {Controllers: "node,loadbalancer", FoldersAreMade: true, NonRoot: true, Seccomp: true},
	}
	for version, want := range tests {
		r := renderCalico(t, version, besideFlannel(map[string]any{"nodes": 300}))
		pod, controllers := calicoPod(t, r), only[*appsv1.Deployment](t, r, "calico-kube-controllers")
		container := controllers.Spec.Template.Spec.Containers[0]
		variables := variablesOf(t, container)
		got := pods{Controllers: variables["ENABLED_CONTROLLERS"], NonRoot: container.SecurityContext != nil && *container.SecurityContext.RunAsNonRoot}
		seccomp := map[string]bool{}
		for name, spec := range map[string]corev1.PodSpec{
			"node": pod, "controllers": controllers.Spec.Template.Spec, "typha": only[*appsv1.Deployment](t, r, "calico-typha").Spec.Template.Spec,
		} {
			seccomp[name] = spec.SecurityContext != nil && spec.SecurityContext.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault
		}
		got.Seccomp = seccomp["node"]
		if seccomp["controllers"] != got.Seccomp || seccomp["typha"] != got.Seccomp {
			t.Errorf("%s: seccomp differs: %v", version, seccomp)
		}
		made := ""
		if want.FoldersAreMade {
			made = " DirectoryOrCreate"
		}
		wantFolders := map[string]string{
			"lib-modules": "/lib/modules", "xtables-lock": "/run/xtables.lock FileOrCreate", "policysync": "/var/run/nodeagent DirectoryOrCreate",
			"bpffs": "/sys/fs/bpf Directory", "sys-fs": "/sys/fs/ DirectoryOrCreate", "nodeproc": "/proc", "cni-net-dir": "/etc/cni/net.d",
			"cni-log-dir": "/var/log/calico/cni", "var-run-calico": "/var/run/calico" + made, "var-lib-calico": "/var/lib/calico" + made,
			"cni-bin-dir": "/opt/cni/bin" + made,
		}
		if diff := cmp.Diff(wantFolders, hostFolders(pod)); diff != "" {
			t.Errorf("%s: folders (-want +got):\n%s", version, diff)
		}
		got.FoldersAreMade = want.FoldersAreMade
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", version, diff)
		}
		if variables["DATASTORE_TYPE"] != "kubernetes" || controllers.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType || *controllers.Spec.Replicas != 1 {
			t.Errorf("%s: kube-controllers has variables %v, strategy %v, %d replicas", version, variables, controllers.Spec.Strategy, *controllers.Spec.Replicas)
		}
	}
}

func TestTheAgentIsProbedAndEndsAtOnce(t *testing.T) {
	t.Parallel()
	for _, networkType := range bothNetworkTypes {
		r := renderCalico(t, "3.32.0", map[string]any{"networkType": networkType})
		pod, agent := calicoPod(t, r), calicoAgent(t, r)
		if live := agent.LivenessProbe; !slices.Equal(live.Exec.Command, []string{"/bin/calico-node", "-felix-live"}) ||
			live.InitialDelaySeconds != 10 || live.PeriodSeconds != 10 || live.TimeoutSeconds != 10 || live.FailureThreshold != 6 {
			t.Errorf("%s: liveness probe %v", networkType, live)
		}
		if ready := agent.ReadinessProbe; ready.PeriodSeconds != 10 || ready.TimeoutSeconds != 10 {
			t.Errorf("%s: readiness probe %v", networkType, ready)
		}
		if stop := agent.Lifecycle.PreStop.Exec.Command; !slices.Equal(stop, []string{"/bin/calico-node", "-shutdown"}) {
			t.Errorf("%s: before it stops: %v", networkType, stop)
		}
		if !pod.HostNetwork || pod.PriorityClassName != "system-node-critical" || *pod.TerminationGracePeriodSeconds != 0 || !*agent.SecurityContext.Privileged {
			t.Errorf("%s: host network %t, priority %s, grace %d", networkType, pod.HostNetwork, pod.PriorityClassName, *pod.TerminationGracePeriodSeconds)
		}
	}
}

// A selector can never be changed on a cluster, so it must not depend on anything.
func TestCalicosSelectorsNeverChange(t *testing.T) {
	t.Parallel()
	for _, version := range calicoMinors {
		for _, networkType := range bothNetworkTypes {
			r := renderCalico(t, version, map[string]any{"networkType": networkType, "nodes": 300})
			got := map[string]map[string]string{}
			for _, d := range all[*appsv1.DaemonSet](r) {
				got[d.Name] = d.Spec.Selector.MatchLabels
				wantLabels := map[string]string{"k8s-app": "calico-node", "app.kubernetes.io/version": version}
				if diff := cmp.Diff(wantLabels, d.Spec.Template.Labels); diff != "" {
					t.Errorf("%s: labels of a pod (-want +got):\n%s", version, diff)
				}
			}
			for _, d := range all[*appsv1.Deployment](r) {
				got[d.Name] = d.Spec.Selector.MatchLabels
			}
			for _, b := range all[*policyv1.PodDisruptionBudget](r) {
				got["budget of "+b.Name] = b.Spec.Selector.MatchLabels
				if b.Spec.MaxUnavailable.IntValue() != 1 {
					t.Errorf("%s: budget %s: %v", version, b.Name, b.Spec)
				}
			}
			of := func(name string) map[string]string { return map[string]string{"k8s-app": name} }
			want := map[string]map[string]string{
				"calico-node": of("calico-node"), "calico-kube-controllers": of("calico-kube-controllers"), "calico-typha": of("calico-typha"),
				"budget of calico-kube-controllers": of("calico-kube-controllers"), "budget of calico-typha": of("calico-typha"),
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s beside %s: selectors (-want +got):\n%s", version, networkType, diff)
			}
		}
	}
}
