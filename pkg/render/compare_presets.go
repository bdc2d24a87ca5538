package render

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
)

// preset is a field that an API server fills in: without it, and with this value, an object means the same.
type preset struct {
	// path to the field; "*" stands for every item of a list.
	path  string
	value any
}

// presets are those of whole objects, by kind (facts: CNI C4; Kubernetes pkg/apis/{core,apps,rbac,admissionregistration}/v1/defaults.go).
// Those of definitions come with their type.
var presets = map[string][]preset{
	"DaemonSet": {{"spec.revisionHistoryLimit", 10}},
	"Deployment": {
		{"spec.replicas", 1}, {"spec.revisionHistoryLimit", 10}, {"spec.progressDeadlineSeconds", 600},
	},
	"Service": {
		{"spec.type", "ClusterIP"}, {"spec.sessionAffinity", "None"}, {"spec.internalTrafficPolicy", "Cluster"}, {"spec.ports.*.protocol", "TCP"},
	},
	"ClusterRoleBinding": {{"roleRef.apiGroup", rbac}},
	"RoleBinding":        {{"roleRef.apiGroup", rbac}},
	"ValidatingAdmissionPolicy": {
		{"spec.failurePolicy", "Fail"},
		{"spec.matchConstraints.matchPolicy", "Equivalent"},
		{"spec.matchConstraints.namespaceSelector", map[string]any{}},
		{"spec.matchConstraints.objectSelector", map[string]any{}},
		{"spec.matchConstraints.resourceRules.*.scope", "*"},
	},
	"ValidatingAdmissionPolicyBinding": {
		{"spec.matchResources.matchPolicy", "Equivalent"},
		{"spec.matchResources.namespaceSelector", map[string]any{}},
		{"spec.matchResources.objectSelector", map[string]any{}},
		{"spec.matchResources.resourceRules.*.scope", "*"},
	},
}

// podPresets are those of a pod's specification (facts: CNI C4; Kubernetes pkg/apis/core/v1/defaults.go).
var podPresets = []preset{
	{"dnsPolicy", "ClusterFirst"},
	{"restartPolicy", "Always"},
	{"schedulerName", "default-scheduler"},
	{"terminationGracePeriodSeconds", 30},
	{"enableServiceLinks", true},
	{"securityContext", map[string]any{}},
	{"volumes.*.hostPath.type", ""},
	{"volumes.*.configMap.defaultMode", 420},
	{"volumes.*.secret.defaultMode", 420},
	{"volumes.*.downwardAPI.defaultMode", 420},
	{"volumes.*.downwardAPI.items.*.fieldRef.apiVersion", "v1"},
	{"volumes.*.projected.defaultMode", 420},
	{"volumes.*.projected.sources.*.downwardAPI.items.*.fieldRef.apiVersion", "v1"},
	{"volumes.*.projected.sources.*.serviceAccountToken.expirationSeconds", 3600},
}

// containerPresets are those of a container of either kind.
var containerPresets = []preset{
	{"terminationMessagePath", "/dev/termination-log"},
	{"terminationMessagePolicy", "File"},
	{"securityContext", map[string]any{}},
	{"ports.*.protocol", "TCP"},
	{"env.*.valueFrom.fieldRef.apiVersion", "v1"},
	{"lifecycle.preStop.httpGet.path", "/"},
	{"lifecycle.preStop.httpGet.scheme", "HTTP"},
	{"lifecycle.postStart.httpGet.path", "/"},
	{"lifecycle.postStart.httpGet.scheme", "HTTP"},
}

// probes are the fields that hold one, probePresets what each of them is filled with.
var (
	probes       = []string{"livenessProbe", "readinessProbe", "startupProbe"}
	probePresets = []preset{
		{"timeoutSeconds", 1},
		{"periodSeconds", 10},
		{"successThreshold", 1},
		{"failureThreshold", 3},
		{"httpGet.path", "/"},
		{"httpGet.scheme", "HTTP"},
	}
)

// fillAll writes presets where nothing stands.
func fillAll(into any, all []preset) {
	for _, p := range all {
		fill(into, strings.Split(p.path, "."), p.value)
	}
}

// fill writes a value where nothing stands; a part that is not there is not made for it.
func fill(into any, path []string, value any) {
	switch into := into.(type) {
	case []any:
		for _, item := range into {
			fill(item, path[1:], value)
		}
	case map[string]any:
		if len(path) > 1 {
			fill(into[path[0]], path[1:], value)
			return
		}
		if have := into[path[0]]; have == nil || have == "" {
			into[path[0]] = fresh(value)
		}
	}
}

// fresh is a value that nobody else holds, as decoders write it.
func fresh(v any) any {
	if v, ok := v.(int); ok {
		return int64(v)
	}
	return runtime.DeepCopyJSONValue(v)
}
