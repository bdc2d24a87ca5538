package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/version"
)

// span says in which Kubernetes minors an API is served: from since on, and no more from removed on. Without kinds it is
// about the whole group version.
type span struct {
	groupVersion   string
	kinds          string
	since, removed string
}

// spans are the APIs that charts may hold and that come and go (facts: CNI C1, C2). Everything else is taken to be served.
var spans = []span{
	{"apps/v1beta1", "", "", "1.16"},
	{"apps/v1beta2", "", "", "1.16"},
	{"extensions/v1beta1", "DaemonSet Deployment ReplicaSet NetworkPolicy", "", "1.16"},
	{"extensions/v1beta1", "Ingress", "", "1.22"},
	{"rbac.authorization.k8s.io/v1beta1", "", "", "1.22"},
	{"admissionregistration.k8s.io/v1beta1", "MutatingWebhookConfiguration ValidatingWebhookConfiguration", "", "1.22"},
	{"networking.k8s.io/v1beta1", "Ingress IngressClass", "", "1.22"},
	{"scheduling.k8s.io/v1beta1", "", "", "1.22"},
	{"certificates.k8s.io/v1beta1", "CertificateSigningRequest", "", "1.22"},
	{"coordination.k8s.io/v1beta1", "Lease", "", "1.22"},
	{"storage.k8s.io/v1beta1", "CSIDriver CSINode StorageClass VolumeAttachment", "", "1.22"},
	{"apiextensions.k8s.io/v1beta1", "", "", "1.22"},
	{"apiregistration.k8s.io/v1beta1", "", "", "1.22"},
	{"batch/v1beta1", "CronJob", "", "1.25"},
	{"discovery.k8s.io/v1beta1", "EndpointSlice", "", "1.25"},
	{"policy/v1beta1", "", "", "1.25"},
	{"events.k8s.io/v1beta1", "", "", "1.25"},
	{"node.k8s.io/v1beta1", "", "", "1.25"},
	{"autoscaling/v2beta1", "", "", "1.25"},
	{"autoscaling/v2beta2", "", "", "1.26"},
	{"flowcontrol.apiserver.k8s.io/v1beta1", "", "", "1.26"},
	{"storage.k8s.io/v1beta1", "CSIStorageCapacity", "", "1.27"},
	{"flowcontrol.apiserver.k8s.io/v1beta2", "", "", "1.29"},
	{"networking.k8s.io/v1alpha1", "ClusterCIDR", "", "1.29"},
	{"flowcontrol.apiserver.k8s.io/v1beta3", "", "", "1.32"},
	{"admissionregistration.k8s.io/v1alpha1", "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding", "", "1.32"},
	{"admissionregistration.k8s.io/v1beta1", "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding", "", "1.34"},
	{"networking.k8s.io/v1beta1", "IPAddress ServiceCIDR", "", "1.37"},
	{"storage.k8s.io/v1beta1", "VolumeAttributesClass", "", "1.37"},
	{"certificates.k8s.io/v1alpha1", "ClusterTrustBundle", "", "1.37"},
	{"admissionregistration.k8s.io/v1alpha1", "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding", "", "1.38"},
	{"resource.k8s.io/v1beta1", "", "", "1.38"},
	{"admissionregistration.k8s.io/v1beta1", "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding", "", "1.40"},
	{"admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding", "1.30", ""},
	{"admissionregistration.k8s.io/v1", "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding", "1.36", ""},
}

// lifetime of an API such as "apps/v1 DaemonSet": the first minor that serves it and the first that does not any more; zero
// where nothing is known.
func lifetime(api string) (since, removed version.Minor) {
	groupVersion, kind, _ := strings.Cut(api, " ")
	for _, s := range spans {
		if s.groupVersion == groupVersion && (s.kinds == "" || slices.Contains(strings.Fields(s.kinds), kind)) {
			return minor(s.since), minor(s.removed)
		}
	}
	return version.Minor{}, version.Minor{}
}

func minor(s string) version.Minor { return parse(s).Minor() }

// removedBy are the APIs of a render that a Kubernetes minor does not serve any more.
func removedBy(apis []string, m version.Minor) []string {
	var out []string
	for _, api := range apis {
		if _, removed := lifetime(api); removed != (version.Minor{}) && removed.Compare(m) <= 0 {
			out = append(out, fmt.Sprintf("%s (until %s)", api, removed))
		}
	}
	return out
}

func apisServed(d decision, after catalog.Footprint) []Finding {
	if d.Cluster.Kubernetes.IsZero() {
		return nil
	}
	gone := removedBy(after.APIs, d.Cluster.Kubernetes.Minor())
	if len(gone) == 0 {
		return nil
	}
	return forbid(APIRemoved, "B29",
		fmt.Sprintf("Kubernetes %s does not serve what the release is written in: %s", d.Cluster.Kubernetes.Core(), few(gone)),
		"take a release or an overlay that uses the API that came after it")
}

// apisLast looks one minor ahead: a control plane takes one at a time, and takes the release's objects with it.
func apisLast(d decision, after catalog.Footprint) []Finding {
	now := d.Cluster.Kubernetes.Minor()
	if d.Cluster.Kubernetes.IsZero() {
		return nil
	}
	gone := missing(removedBy(after.APIs, now), removedBy(after.APIs, now.Next()))
	if len(gone) == 0 {
		return nil
	}
	return warn(APILastMinor, "B29",
		fmt.Sprintf("Kubernetes %s, the next minor, does not serve what the release is written in: %s", now.Next(), few(gone)),
		"move to a release without it before Kubernetes is upgraded")
}

func apisIntroduced(d decision, after catalog.Footprint) []Finding {
	now := d.Cluster.Kubernetes.Minor()
	var early []string
	for _, api := range after.APIs {
		if since, _ := lifetime(api); !d.Cluster.Kubernetes.IsZero() && now.Compare(since) < 0 {
			early = append(early, fmt.Sprintf("%s (from %s on)", api, since))
		}
	}
	if len(early) == 0 {
		return nil
	}
	return forbid(APINotYetServed, "B29",
		fmt.Sprintf("Kubernetes %s does not serve yet what the release is written in: %s", d.Cluster.Kubernetes.Core(), few(early)),
		"upgrade Kubernetes first, or take a release without it")
}

// wayBackServed looks at the live render as the way back: what cannot be written any more cannot be put back.
func wayBackServed(d decision, before, _ catalog.Footprint) []Finding {
	if d.Cluster.Kubernetes.IsZero() {
		return nil
	}
	gone := removedBy(before.APIs, d.Cluster.Kubernetes.Minor())
	if len(gone) == 0 {
		return nil
	}
	return warn(WayBackUnserved, "B29",
		fmt.Sprintf("there is no way back to the live release: Kubernetes %s does not serve what it is written in: %s",
			d.Cluster.Kubernetes.Core(), few(gone)), "be sure of the new release before the first node: try it on another cluster")
}
