package hub

import "github.com/addonctl/addonctl/pkg/kube"

// Rights are what recording a wish needs, beside those of looking.
func Rights() []kube.Right {
	const group, definitions = "addonctl.io", "customresourcedefinitions"
	return []kube.Right{
		{Verb: "get", Group: "apiextensions.k8s.io", Resource: definitions},
		{Verb: "create", Group: "apiextensions.k8s.io", Resource: definitions},
		{Verb: "patch", Group: "apiextensions.k8s.io", Resource: definitions},
		{Verb: "create", Group: group, Resource: "clusternetworks"},
		{Verb: "create", Group: group, Resource: "addons"},
		{Verb: "update", Group: group, Resource: "addons"},
		{Verb: "update", Group: group, Resource: "addons/status"},
		{Verb: "create", Resource: "configmaps", Namespace: "kube-system"},
	}
}
