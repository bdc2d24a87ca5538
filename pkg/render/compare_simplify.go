package render

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// serverOwned are fields of an object that an API server writes (facts: CNI C4).
var serverOwned = []string{
	"status", "metadata.uid", "metadata.managedFields", "metadata.creationTimestamp", "metadata.resourceVersion", "metadata.generation",
	"metadata.selfLink",
	// The names of a template mean nothing.
	"spec.template.metadata.name", "spec.template.metadata.namespace",
}

// marks are labels and annotations of an object that say whose it is, and those that controllers and kubectl keep for
// themselves.
var marks = map[string][]string{
	"labels": {labelManagedBy, labelAddOn, "helm.sh/chart"},
	"annotations": {
		annotationRelease, annotationNS, annotationKeep, "addonctl.io/render", "addonctl.io/revision",
		"deprecated.daemonset.template.generation", "deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration",
	},
}

// chosen are fields that a server chooses a value for where none is given: on one side alone they say nothing.
var chosen = map[string][]string{
	"Service":                  {"spec.clusterIP", "spec.clusterIPs", "spec.ipFamilies", "spec.ipFamilyPolicy", "spec.healthCheckNodePort"},
	"ServiceAccount":           {"secrets"},
	"CustomResourceDefinition": {"metadata.finalizers"},
}

// simplify takes out of an object what has no meaning, and writes what has one in one way.
func simplify(kind string, o map[string]any) {
	for _, path := range serverOwned {
		remove(o, path)
	}
	for in, names := range marks {
		for _, name := range names {
			if m := tableAt(o, "metadata."+in); m != nil {
				delete(m, name)
			}
		}
		if len(tableAt(o, "metadata."+in)) == 0 {
			remove(o, "metadata."+in)
		}
	}
	fillAll(o, presets[kind])
	if more := simplifiers[kind]; more != nil {
		more(o)
	}
}

// simplifiers know what is particular to a kind.
var simplifiers = map[string]func(o map[string]any){
	"DaemonSet": func(o map[string]any) {
		simplifyStrategy(tableAt(o, "spec"), "updateStrategy", 1, 0)
		simplifyPod(tableAt(o, "spec.template.spec"))
	},
	"Deployment": func(o map[string]any) {
		simplifyStrategy(tableAt(o, "spec"), "strategy", "25%", "25%")
		simplifyPod(tableAt(o, "spec.template.spec"))
	},
	"Service":            func(o map[string]any) { simplifyPorts(tableAt(o, "spec")) },
	"ClusterRole":        simplifyRules,
	"Role":               simplifyRules,
	"ClusterRoleBinding": simplifySubjects,
	"RoleBinding":        simplifySubjects,
	"ConfigMap":          func(o map[string]any) { readDocuments(tableAt(o, "data")) },
	"Secret": func(o map[string]any) {
		hide(tableAt(o, "data"))
		hide(tableAt(o, "stringData"))
	},
}

// headless is what makes a service one of names alone. No server chooses that.
const headless = "None"

// forgive takes out what a server chose on one side.
func forgive(kind string, x, y map[string]any) {
	for _, path := range chosen[kind] {
		was, is := valueAt(x, path), valueAt(y, path)
		if (was == nil || is == nil) && was != headless && is != headless {
			remove(x, path)
			remove(y, path)
		}
	}
}

// simplifyStrategy fills in how a workload takes a new template. What belongs to the other way has no meaning.
func simplifyStrategy(spec map[string]any, in string, unavailable, surge any) {
	if spec == nil {
		return
	}
	strategy, _ := spec[in].(map[string]any)
	if strategy == nil {
		strategy = map[string]any{}
		spec[in] = strategy
	}
	rolling := string(catalog.RollingUpdate)
	fill(strategy, []string{"type"}, rolling)
	if strategy["type"] != rolling {
		delete(strategy, "rollingUpdate")
		return
	}
	fill(strategy, []string{"rollingUpdate"}, map[string]any{})
	fillAll(strategy, []preset{{"rollingUpdate.maxUnavailable", unavailable}, {"rollingUpdate.maxSurge", surge}})
}

// simplifyPorts writes the port that each port of a service leads to.
func simplifyPorts(spec map[string]any) {
	for _, port := range tablesIn(spec, "ports") {
		if to := port["targetPort"]; to == nil || to == "" || number(to) == int64(0) {
			port["targetPort"] = port["port"]
		}
	}
}

// simplifyRules writes rules as the verbs of each thing that they are about: group, resource and name (facts: CNI C4). The
// rules of a role that is put together from others are a controller's.
func simplifyRules(role map[string]any) {
	if role["aggregationRule"] != nil {
		delete(role, "rules")
		return
	}
	verbs := map[string][]string{}
	for _, r := range tablesIn(role, "rules") {
		for _, right := range expand(rule{
			Verbs: textsIn(r, "verbs"), APIGroups: textsIn(r, "apiGroups"), Resources: textsIn(r, "resources"),
			ResourceNames: textsIn(r, "resourceNames"), NonResourceURLs: textsIn(r, "nonResourceURLs"),
		}) {
			verb, thing, _ := strings.Cut(right, " ")
			verbs[thing] = append(verbs[thing], verb)
		}
	}
	rules := map[string]any{}
	for thing, some := range verbs {
		if some = set(some); slices.Contains(some, "*") {
			some = []string{"*"}
		}
		rules["["+thing+"]"] = strings.Join(some, ", ")
	}
	role["rules"] = rules
}

// simplifySubjects writes the group that each kind of subject is of.
func simplifySubjects(binding map[string]any) {
	for _, s := range tablesIn(binding, "subjects") {
		if s["kind"] != rbacv1.ServiceAccountKind {
			fill(s, []string{"apiGroup"}, rbac)
		} else if s["apiGroup"] == "" {
			delete(s, "apiGroup")
		}
	}
}

// hide puts a digest in the place of each secret: whether two are the same is told, and not what they are.
func hide(data map[string]any) {
	for key, value := range data {
		sum := sha256.Sum256([]byte(fmt.Sprint(value)))
		data[key] = "sha256:" + hex.EncodeToString(sum[:6])
	}
}
