package kube

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Marks of ownership. The first three are Helm's own, so that Helm's tools know the objects; the others are ours.
const (
	LabelManagedBy        = "app.kubernetes.io/managed-by"
	AnnotationReleaseName = "meta.helm.sh/release-name"
	AnnotationReleaseNS   = "meta.helm.sh/release-namespace"
	AnnotationKeep        = "helm.sh/resource-policy"
	// LabelAddOn names the add-on that an object belongs to; only objects that addonctl wrote carry it.
	LabelAddOn = "addonctl.io/addon"
	// AnnotationDigest on a workload is the digest of the render that it was written from.
	AnnotationDigest = "addonctl.io/render"
	// AnnotationRevision on a workload is the revision of the release record.
	AnnotationRevision = "addonctl.io/revision"
)

// Ours tells whether a live object is of the add-on's release: Helm's marks name the release, and our label the add-on.
func Ours(o metav1.Object, addOn, release, namespace string) bool {
	a, l := o.GetAnnotations(), o.GetLabels()
	return l[LabelAddOn] == addOn && a[AnnotationReleaseName] == release && a[AnnotationReleaseNS] == namespace
}

// Owner describes who put a live object there: a Helm release, or the field managers; empty when nothing says.
func Owner(o metav1.Object) string {
	if name := o.GetAnnotations()[AnnotationReleaseName]; name != "" {
		return fmt.Sprintf("Helm release %s/%s", o.GetAnnotations()[AnnotationReleaseNS], name)
	}
	var managers []string
	for _, f := range o.GetManagedFields() {
		if f.Subresource == "" && !slices.Contains(managers, f.Manager) {
			managers = append(managers, f.Manager)
		}
	}
	if len(managers) == 0 {
		return ""
	}
	return "field manager " + strings.Join(managers, ", ")
}
