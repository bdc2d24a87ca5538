package v1alpha1

// Annotations that somebody puts on a Cluster of Cluster API (cluster.x-k8s.io), for the manager to pick it up. They are read when the Cluster is
// picked up; what was recorded then is not changed by them any more.
const (
	// AnnotationNetworkType is the network type, or an alias of it. A Cluster without it is left alone.
	AnnotationNetworkType = "addonctl.io/network-type"
	// AnnotationClusterName is the name of the ClusterNetwork where it is not that of the Cluster.
	AnnotationClusterName = "addonctl.io/cluster-name"
	// AnnotationVersion pins the CNI add-on to a release.
	AnnotationVersion = "addonctl.io/version"
)

// Annotations of the records of a Cluster that was picked up. A record without them was registered by somebody, and is theirs.
const (
	// AnnotationClusterAPI is "namespace/name" of the Cluster, on its ClusterNetwork and on the Addons that were made with it.
	AnnotationClusterAPI = "addonctl.io/cluster-api"
	// AnnotationClusterAPIUID is the Cluster's UID: a Cluster that is made anew under the same name is another one.
	AnnotationClusterAPIUID = "addonctl.io/cluster-api-uid"
	// AnnotationClusterAPILabels are the keys of the labels that were copied, with commas; the others were put there by somebody.
	AnnotationClusterAPILabels = "addonctl.io/cluster-api-labels"
	// AnnotationClusterAPIPaused is "true" where spec.paused was set because the Cluster is paused or goes away, and not by somebody.
	AnnotationClusterAPIPaused = "addonctl.io/cluster-api-paused"
)
