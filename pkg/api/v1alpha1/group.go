package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the API group and version of every kind in this package.
var GroupVersion = schema.GroupVersion{Group: "addonctl.io", Version: "v1alpha1"}

// The resources (plural names) of the kinds, as the API server serves them.
var (
	ClusterNetworks = GroupVersion.WithResource("clusternetworks")
	Addons          = GroupVersion.WithResource("addons")
	UpdatePolicies  = GroupVersion.WithResource("updatepolicies")
	AddonRollouts   = GroupVersion.WithResource("addonrollouts")
	AddonCatalogs   = GroupVersion.WithResource("addoncatalogs")
)

// AddToScheme registers the kinds of this package with a scheme.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion, &ClusterNetwork{}, &ClusterNetworkList{}, &Addon{}, &AddonList{}, &UpdatePolicy{}, &UpdatePolicyList{}, &AddonRollout{},
		&AddonRolloutList{}, &AddonCatalog{}, &AddonCatalogList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
