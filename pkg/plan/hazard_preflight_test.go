package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/plan"
)

// preflightRows are the checks that judge what the engine asked the cluster and the registries.
func preflightRows() map[string]hazardRow {
	pod := func(a plan.Action, says string) func(*hazardMove) {
		return func(m *hazardMove) {
			m.in.Change.Pod = []plan.ObjectChange{{Object: "DaemonSet kube-flannel-ds", Action: a, Message: says}}
		}
	}
	webhook := func(ready int, unchecked string, conditional bool) func(*hazardMove) {
		return func(m *hazardMove) {
			m.in.Change.Webhooks = []plan.Webhook{{
				Name: "ValidatingWebhookConfiguration policy/pods.example.org", About: []string{"DaemonSet kube-flannel-ds", "pods of DaemonSet kube-flannel-ds"},
				Service: "policy/server", Ready: ready, Unchecked: unchecked, Conditional: conditional,
			}}
		}
	}
	image := func(i plan.Image) func(*hazardMove) {
		return func(m *hazardMove) { m.in.Change.Images = []plan.Image{i} }
	}
	const flannel = "ghcr.io/flannel-io/flannel:v0.27.3"
	refused := pod(plan.Refused, `violates PodSecurity "baseline:latest"`)
	return map[string]hazardRow{
		"a pod that the namespace does not admit": {
			check: "pods-admitted", base: flannelMove, fires: refused,
			spares: func(m *hazardMove) { refused(m); m.in.Request.Verb = plan.Unpin }, // which writes the record alone
			reason: plan.PodRefused, blocking: true, says: "refuses the pods of DaemonSet kube-flannel-ds: violates PodSecurity",
		},
		"a pod that is refused while the plan goes back in the middle of a roll": {
			check: "pods-admitted", base: flannelMove,
			fires: func(m *hazardMove) {
				refused(m)
				m.in.Installed.Version = "0.30.0"
				m.in.Record.Revisions = []plan.Revision{{Status: plan.PendingUpgrade}}
			},
			spares: none, reason: plan.PodRefused, says: "refuses the pods",
		},
		"a pod that may not be asked about": {
			check: "pods-admitted", base: flannelMove, fires: pod(plan.Unchecked, "your user may not create pods in kube-system"), spares: none,
			reason: plan.PodUnchecked, says: "may not create pods",
		},
		"a webhook that takes no part in dry runs": {
			check: "pods-admitted", base: flannelMove,
			fires:  pod(plan.Unchecked, `admission webhook "pods.example.org" does not support dry run`),
			spares: none, reason: plan.PodUnchecked, says: "pods.example.org",
		},
		"a webhook that nobody answers for": {
			check: "webhooks-answer", base: flannelMove, fires: webhook(0, "", false), spares: none,
			reason: plan.WebhookDeadlock, blocking: true, says: "its service policy/server has no ready endpoint",
		},
		"a webhook that nobody answers for, and that may not be asked": {
			check: "webhooks-answer", base: flannelMove, fires: webhook(0, "", true), spares: none,
			reason: plan.WebhookDeadlock, says: "may ask",
		},
		"a webhook whose server runs": {
			check: "webhooks-answer", base: flannelMove, fires: webhook(2, "", false), spares: none,
			reason: plan.WebhookDeadlock, says: "2 ready endpoints",
		},
		"a webhook of which nobody may know": {
			check: "webhooks-answer", base: flannelMove, fires: webhook(0, "your user may not list", false), spares: none,
			reason: plan.WebhookDeadlock, says: "is not known: your user may not list",
		},
		"an image that the registry does not have": {
			check: "images-there", base: flannelMove, fires: image(plan.Image{Image: flannel, Missing: []string{"*"}}),
			spares: image(plan.Image{Image: flannel}), reason: plan.ImageMissing, blocking: true, says: flannel,
		},
		"an image that the registry lost, and that nodes run": {
			check: "images-there", base: flannelMove,
			fires:  image(plan.Image{Image: "ghcr.io/flannel-io/flannel-cni-plugin:v1.7.1-flannel1", Missing: []string{"*"}}),
			spares: none, reason: plan.ImageMissing, says: "flannel-cni-plugin",
		},
		"an image that the registry lost, on the way back": {
			check: "images-there", base: flannelMove,
			fires: func(m *hazardMove) {
				image(plan.Image{Image: flannel, Missing: []string{"*"}})(m)
				m.in.Installed.Version = "0.30.0"
			},
			spares: none, reason: plan.ImageMissing, says: flannel,
		},
		"an image without an architecture of the nodes": {
			check: "images-there", base: flannelMove, fires: image(plan.Image{Image: flannel, Missing: []string{"arm64"}}),
			spares: image(plan.Image{Image: flannel}), reason: plan.ImageArchitecture, blocking: true, says: flannel + " (no arm64)",
		},
		"an image that cannot be looked up": {
			check: "images-there", base: flannelMove, fires: image(plan.Image{Image: flannel, Unchecked: "no route to host"}),
			spares: none, reason: plan.ImageUnchecked, says: flannel + " (no route to host)",
		},
		"a live version that is served no more": {
			check: "served-versions-kept", base: calicoMove,
			fires: thereIs(func(d *catalog.Definition) { d.Served = []string{"v1", "v2"} }), spares: thereIs(nil),
			reason: plan.ServedVersionDropped, says: "does not serve version v2",
		},
		"a live version that objects are stored in, and that nobody recorded": {
			check: "stored-versions-kept", base: calicoMove,
			fires: thereIs(func(d *catalog.Definition) { d.Stored = []string{"v1", "v1beta1"} }),
			spares: func(m *hazardMove) {
				thereIs(func(d *catalog.Definition) { d.Stored = []string{"v1", "v1beta1"} })(m)
				m.after.Definitions[0].Unserved = []string{"v1beta1"}
			},
			reason: plan.StoredVersionDropped, blocking: true, says: "drops version v1beta1",
		},
		"a live definition of another scope before the first installation": {
			check: "definition-scope-kept", base: calicoInstall,
			fires: thereIs(func(d *catalog.Definition) { d.Scope = "Namespaced" }), spares: thereIs(nil),
			reason: plan.ScopeChanged, blocking: true, says: "from scope Namespaced to Cluster",
		},
		"a definition with fewer fields": {
			check: "definition-fields-kept", base: calicoMove,
			fires:  func(m *hazardMove) { m.in.Change.Narrowed = []string{"tiers.crd.projectcalico.org v1: spec.order"} },
			spares: none, reason: plan.SchemaNarrowed, says: "spec.order",
		},
	}
}

// thereIs puts the first definition of the render on the cluster, changed.
func thereIs(change func(*catalog.Definition)) func(*hazardMove) {
	return func(m *hazardMove) {
		d := m.after.Definitions[0]
		if change != nil {
			change(&d)
		}
		m.in.Change.Definitions = []catalog.Definition{d}
	}
}

// What was recorded of a definition does not count where the cluster was asked.
func TestALiveDefinitionCountsAndNotTheRecordedOne(t *testing.T) {
	t.Parallel()
	m := calicoMove()
	m.before.Definitions[0].Stored = []string{"v1", "v1alpha1"}
	if got := of("stored-versions-kept", m.find("")); len(got) != 1 {
		t.Errorf("by the record: %+v", got)
	}
	m.in.Change.Definitions = []catalog.Definition{}
	if got := of("stored-versions-kept", m.find("")); len(got) != 0 {
		t.Errorf("with nothing live: %+v", got)
	}
}

// Whoever reads why pods are refused learns which of the many causes it is.
func TestARefusedPodNamesWhatToDoByItsCause(t *testing.T) {
	t.Parallel()
	for says, want := range map[string]string{
		`pods "a" is forbidden: violates PodSecurity "restricted:latest": host namespaces`:                       "enforce=privileged",
		`pods "a" is forbidden: exceeded quota: few, requested: pods=1, used: pods=0, limited: pods=0`:           "raise the ResourceQuota",
		`pods "a" is forbidden: failed quota: few: must specify limits.cpu`:                                      "every container",
		`insufficient quota to match these scopes: [{PriorityClass In [system-node-critical]}]`:                  "scopeSelector",
		`pods "a" is forbidden: no PriorityClass with name high was found`:                                       "kubectl get priorityclass",
		`pods "a" is forbidden: maximum cpu usage per Container is 10m, but limit is 100m`:                       "LimitRange",
		`Internal error occurred: failed calling webhook "a.b.c": failed to call webhook: dial tcp: i/o timeout`: "failurePolicy",
		`admission webhook "a.b.c" denied the request: no`:                                                       "exempt kube-system",
		`something else`: "see what admits pods in kube-system",
	} {
		m := flannelMove()
		m.in.Change.Pod = []plan.ObjectChange{{Object: "DaemonSet a", Action: plan.Refused, Message: says}}
		got := of("pods-admitted", m.find(""))
		if len(got) != 1 || !strings.Contains(got[0].Fix, want) {
			t.Errorf("%s: %+v, want a fix with %q", says, got, want)
		}
	}
}

// What passes by itself, or only could not be asked, is not pushed before what counts.
func TestWhatOnlyCouldNotBeAskedIsMinor(t *testing.T) {
	t.Parallel()
	var minor []plan.Reason
	for _, r := range preflightRows() {
		m := r.base()
		r.fires(&m)
		for _, f := range of(r.check, m.find("")) {
			if f.Minor {
				minor = append(minor, f.Reason)
			}
			if f.Minor && f.Blocking {
				t.Errorf("%+v", f)
			}
		}
	}
	slices.Sort(minor)
	if !slices.Equal(minor, []plan.Reason{plan.ImageUnchecked, plan.PodUnchecked}) {
		t.Errorf("minor: %v", minor)
	}
}
