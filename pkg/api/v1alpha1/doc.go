// Package v1alpha1 holds the custom resources in which the desired and the observed state of a fleet are kept
// (group addonctl.io). It knows field names, validation and documented constants; it refuses to know how anything is
// decided or written. Start with ClusterNetwork, which fixes a cluster's network type for life, then Addon.
//
// +kubebuilder:object:generate=true
// +groupName=addonctl.io
package v1alpha1
