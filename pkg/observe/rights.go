package observe

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/kube"
)

// Rights are what looking at a cluster needs.
func Rights() []kube.Right {
	const system = "kube-system"
	return []kube.Right{
		{Verb: "get", Resource: "namespaces"},
		{Verb: "list", Resource: "nodes"},
		{Verb: "list", Group: "apps", Resource: "daemonsets"},
		{Verb: "get", Group: "apps", Resource: "daemonsets", Namespace: system},
		{Verb: "list", Group: "apps", Resource: "controllerrevisions", Namespace: system},
		{Verb: "list", Resource: "pods", Namespace: system},
		{Verb: "get", Resource: "configmaps", Namespace: system},
		{Verb: "list", Resource: "secrets", Namespace: system},
		{Verb: "get", Resource: "secrets", Namespace: system},
		{Verb: "get", Group: "addonctl.io", Resource: "clusternetworks"},
		{Verb: "get", Group: "addonctl.io", Resource: "addons"},
	}
}

// Watching are rights that following a roll makes use of, beside those to list: without them it looks at everything once a second.
func Watching() []kube.Right {
	return []kube.Right{
		{Verb: "watch", Resource: "nodes"},
		{Verb: "watch", Resource: "pods", Namespace: metav1.NamespaceSystem},
		{Verb: "watch", Group: "apps", Resource: "daemonsets", Namespace: metav1.NamespaceSystem},
	}
}

// Optional are rights that looking makes use of and does without: a fact that they would tell is unknown then.
func Optional() []kube.Right {
	out := []kube.Right{
		{Verb: "list", Group: "networking.k8s.io", Resource: "networkpolicies"},
		{Verb: "get", Group: "apps", Resource: "deployments", Namespace: metav1.NamespaceSystem},
		npnRight,
	}
	out = append(out, guardRights()...)
	for _, r := range adminPolicies {
		out = append(out, kube.Right{Verb: "list", Group: r.Group, Resource: r.Resource})
	}
	return out
}
