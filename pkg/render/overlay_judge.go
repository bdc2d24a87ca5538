package render

import (
	"fmt"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// judgements of an overlay, in the order of their findings.
var judgements = []func(*layer) []Finding{
	(*layer).guards,        // the CNI's own protection
	(*layer).names,         // what is live would be left behind, and a second one written beside it
	(*layer).definitions,   // stored objects are read by them
	(*layer).configuration, // old and new pods would read different things under one name
	(*layer).selectors,     // for life
	(*layer).agents,        // what is called the agent would be something else
	(*layer).containers,    // readiness of the agent would depend on something else
	(*layer).versions,      // catalog and cluster would disagree
	(*layer).rights,        // the agent may lack what it needs, or get more than it asks for
	(*layer).accounts,      // likewise
	(*layer).strategies,    // how a roll is watched
	(*layer).additions,     // what else lives and dies with the release
	(*layer).mirrored,      // nodes cannot pull what no mirror has
	(*layer).matched,       // kustomize passes such a patch over in silence
}

// judge says what is to be said of an overlay: what stops a write first, then what is only told.
func (l *layer) judge() []Finding {
	var out []Finding
	for _, j := range judgements {
		out = append(out, j(l)...)
	}
	slices.SortStableFunc(out, func(a, b Finding) int {
		switch {
		case a.Blocking == b.Blocking:
			return 0
		case a.Blocking:
			return -1
		default:
			return 1
		}
	})
	return out
}

func refusal(reason, fix, format string, args ...any) Finding {
	return Finding{Reason: reason, Message: fmt.Sprintf(format, args...), Fix: fix, Blocking: true}
}

func note(reason, fix, format string, args ...any) Finding {
	return Finding{Reason: reason, Message: fmt.Sprintf(format, args...), Fix: fix}
}

func isGuard(o *unstructured.Unstructured) bool { return PhaseOf(o) == Guards }

// guards : labels and annotations of a policy may change, what it does may not.
func (l *layer) guards() []Finding {
	const fix = "leave admission policies as they are"
	var out []Finding
	for _, c := range l.changes() {
		if isGuard(c.before) && !reflect.DeepEqual(bare(c.before), bare(c.after)) {
			out = append(out, refusal(OverlayTouchesGuard, fix, "the overlay changes %s", full(c.before)))
		}
	}
	for _, o := range l.left() {
		if isGuard(o) {
			out = append(out, refusal(OverlayTouchesGuard, fix, "the overlay takes %s away", full(o)))
		}
	}
	return out
}

// left are the objects of the release that are not there under their names.
func (l *layer) left() []*unstructured.Unstructured {
	out := slices.Clone(l.gone)
	for _, c := range l.renamed {
		out = append(out, c.before)
	}
	return out
}

// bare is an object without labels and annotations.
func bare(o *unstructured.Unstructured) map[string]any {
	o = o.DeepCopy()
	unstructured.RemoveNestedField(o.Object, "metadata", "labels")
	unstructured.RemoveNestedField(o.Object, "metadata", "annotations")
	return o.Object
}

// names : an object keeps its name, namespace, kind and API version.
func (l *layer) names() []Finding {
	const fix = "keep every object of the release, and its name, namespace and kind"
	var out []Finding
	for _, c := range l.renamed {
		if !isGuard(c.before) {
			out = append(out, refusal(OverlayRenames, fix, "the overlay makes %s out of %s", full(c.after), full(c.before)))
		}
	}
	for _, o := range l.gone {
		if !isGuard(o) {
			out = append(out, refusal(OverlayRenames, fix, "the overlay takes %s (%s) out of the release", full(o), o.GetAPIVersion()))
		}
	}
	return out
}

// definitions : what they define belongs to the release, and an operator's own come by another way.
func (l *layer) definitions() []Finding {
	var out []Finding
	for _, c := range l.changes() {
		if c.before.GetKind() == kindDefinition && c.touches("spec") {
			out = append(out, refusal(OverlayChangesDefinition, "give upstream's own definitions in place of the chart's",
				"the overlay changes what %s defines", full(c.before)))
		}
	}
	return out
}

// touches tells whether a field is not as it was.
func (c change) touches(field string) bool {
	return !reflect.DeepEqual(c.before.Object[field], c.after.Object[field])
}

// configuration : a ConfigMap's name stands for its content, and pods read the one that was made for them.
func (l *layer) configuration() []Finding {
	const fix = "change configuration by values (--set-config), from which the ConfigMap gets a name of its own"
	var out []Finding
	for _, c := range l.changes() {
		if c.before.GetKind() != "ConfigMap" || !hashed.MatchString(c.before.GetName()) {
			continue
		}
		if slices.ContainsFunc([]string{"data", "binaryData", "immutable"}, c.touches) {
			out = append(out, refusal(OverlayChangesConfiguration, fix,
				"the overlay changes the content of %s, and pods would read another one under the same name", full(c.before)))
		}
	}
	for _, p := range l.pods {
		reads := configuration(&p.after.Template.Spec)
		for _, name := range configuration(&p.before.Template.Spec) {
			if !slices.Contains(reads, name) {
				out = append(out, refusal(OverlayChangesConfiguration, fix, "the overlay has the pods of %s read %s no more", p.name, name))
			}
		}
	}
	return out
}

// runners are kinds that run pods, of whichever API group.
var runners = []string{
	"CronJob", "DaemonSet", "Deployment", "Job", "Pod", "PodTemplate", "ReplicaSet", "ReplicationController", "StatefulSet",
}

// admits tells whether an object takes part in the admission of pods: policies and webhooks of every kind, bounds of a
// namespace, and a namespace that takes only pods of some security standard (kubernetes.io, Pod Security Admission).
func admits(o *unstructured.Unstructured) bool {
	switch kind := o.GetKind(); o.GroupVersionKind().Group {
	case "admissionregistration.k8s.io":
		return true
	case "":
		level := o.GetLabels()["pod-security.kubernetes.io/enforce"]
		return kind == "ResourceQuota" || kind == "LimitRange" || kind == "Namespace" && level != "" && level != "privileged"
	default:
		return false
	}
}

// additions : what is small and belongs to the add-on may come with it, such as a PriorityClass or a pull secret.
func (l *layer) additions() []Finding {
	var out []Finding
	for _, o := range l.added {
		switch {
		case slices.Contains(runners, o.GetKind()):
			out = append(out, refusal(OverlayAddsWorkload, "install it by itself",
				"the overlay adds %s: a release of an add-on is no place for other software", full(o)))
		case admits(o):
			out = append(out, refusal(OverlayAddsAdmission, "install it by itself, when the add-on runs",
				"the overlay adds %s, which may refuse pods of the add-on or change them", full(o)))
		case isRole(o) || isBinding(o): // rights tells of them
		default:
			out = append(out, note(OverlayAdds, "", "the overlay adds %s", full(o)))
		}
	}
	return out
}
