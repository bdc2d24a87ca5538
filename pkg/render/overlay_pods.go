package render

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

// podsChange is what was made of an object that runs pods.
type podsChange struct {
	name          string
	before, after podsSpec
	// finds pods of the workload.
	finds labels.Selector
}

// podsSpec is what DaemonSets and Deployments have in common, and how DaemonSets replace pods.
type podsSpec struct {
	Selector        *metav1.LabelSelector  `json:"selector"`
	Template        corev1.PodTemplateSpec `json:"template"`
	MinReadySeconds int32                  `json:"minReadySeconds"`
	UpdateStrategy  struct {
		Type string `json:"type"`
	} `json:"updateStrategy"`
}

// grace is the time in seconds that a pod has to end.
func (p podsSpec) grace() int64 {
	if s := p.Template.Spec.TerminationGracePeriodSeconds; s != nil {
		return *s
	}
	return corev1.DefaultTerminationGracePeriodSeconds
}

func (c change) podsOf() (podsChange, error) {
	var before, after struct {
		Spec podsSpec `json:"spec"`
	}
	if err := c.typed(&before, &after); err != nil {
		return podsChange{}, err
	}
	finds, err := metav1.LabelSelectorAsSelector(before.Spec.Selector)
	if err != nil {
		return podsChange{}, fmt.Errorf("reading the selector of %s: %w", full(c.before), err)
	}
	return podsChange{full(c.before), before.Spec, after.Spec, finds}, nil
}

// selectors : those of any kind of object, and the labels that the pods of a workload need for its own.
func (l *layer) selectors() []Finding {
	const fix = "leave selectors, and labels that they ask for, as they are; labels without includeSelectors are free"
	var out []Finding
	for _, c := range l.changes() {
		before, _, _ := unstructured.NestedFieldNoCopy(c.before.Object, "spec", "selector")
		after, _, _ := unstructured.NestedFieldNoCopy(c.after.Object, "spec", "selector")
		if !reflect.DeepEqual(before, after) {
			out = append(out, refusal(OverlayChangesSelector, fix, "the overlay changes the selector of %s", full(c.before)))
		}
	}
	for _, p := range l.pods {
		if !p.finds.Matches(labels.Set(p.after.Template.Labels)) {
			out = append(out, refusal(OverlayChangesSelector, fix, "the overlay takes labels off the pods of %s by which they are found (%s)", p.name, p.finds))
		}
	}
	return out
}

// containers : a pod runs the release's containers, and no others.
func (l *layer) containers() []Finding {
	var out []Finding
	for _, p := range l.pods {
		before, after := containers(&p.before.Template.Spec), containers(&p.after.Template.Spec)
		for _, c := range before {
			if !runs(after, c.Name) {
				out = append(out, refusal(OverlayChangesContainers, "keep every container", "the overlay takes container %s off the pods of %s", c.Name, p.name))
			}
		}
		for _, c := range after {
			if !runs(before, c.Name) {
				out = append(out, refusal(OverlayChangesContainers, "run it in pods of its own",
					"the overlay adds container %s to the pods of %s: an agent would count as ready only with it", c.Name, p.name))
			}
		}
	}
	return out
}

func runs(all []corev1.Container, name string) bool {
	return slices.ContainsFunc(all, func(c corev1.Container) bool { return c.Name == name })
}

// versions : registry and repository are free, for a mirror; the version is the catalog's.
func (l *layer) versions() []Finding {
	var out []Finding
	for _, p := range l.pods {
		after := containers(&p.after.Template.Spec)
		for _, c := range containers(&p.before.Template.Spec) {
			i := slices.IndexFunc(after, func(a corev1.Container) bool { return a.Name == c.Name })
			if i >= 0 && !sameVersion(c.Image, after[i].Image) {
				out = append(out, refusal(OverlayChangesImage, "take another release for another version; leave newTag out where the registry changes",
					"the overlay changes the version of an image: %s -> %s (container %s of %s)", c.Image, after[i].Image, c.Name, p.name))
			}
		}
	}
	return out
}

// sameVersion tells whether two references are of one version, as far as they say:
//
//	before            | after with that digest | with another digest | with that tag | with another tag, or nothing
//	tag               |                        | yes, it pins        | yes           | no
//	digest            | yes                    | no                  |               | no
//	tag and digest    | yes                    | no                  | yes           | no
//
// A digest says more than the tag beside it, which a mirror may have given anew.
func sameVersion(before, after string) bool {
	tag, digest := versionOf(before)
	newTag, newDigest := versionOf(after)
	switch {
	case digest != "" && newDigest != "":
		return digest == newDigest
	case newDigest != "":
		return newTag == "" || newTag == tag
	default:
		return newTag == tag && newTag != ""
	}
}

// versionOf an image reference is its tag and its digest.
func versionOf(image string) (tag, digest string) {
	image, digest, _ = strings.Cut(image, "@")
	_, tag, _ = strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	return tag, digest
}

// accounts : the release grants its rights to the account that its pods run as.
func (l *layer) accounts() []Finding {
	var out []Finding
	for _, p := range l.pods {
		was, is := p.before.Template.Spec.ServiceAccountName, p.after.Template.Spec.ServiceAccountName
		if was != is {
			out = append(out, refusal(OverlayWeakensRights, "leave serviceAccountName as it is",
				"the overlay has the pods of %s run as ServiceAccount %q in place of %q, to which the rights are given", p.name, is, was))
		}
	}
	return out
}

// strategies : the engine sets how nodes take a release, and when an agent counts as ready decides when a roll goes on.
func (l *layer) strategies() []Finding {
	var out []Finding
	for _, p := range l.pods {
		if was, is := p.before.UpdateStrategy.Type, p.after.UpdateStrategy.Type; was != is {
			out = append(out, note(OverlayChangesStrategy, "leave it out: nodes take a release as the add-on's nodeUpdate says",
				"the overlay changes updateStrategy.type of %s: %s -> %s", p.name, was, is))
		}
		if was, is := p.before.MinReadySeconds, p.after.MinReadySeconds; was != is {
			out = append(out, note(OverlayChangesStrategy, "",
				"the overlay changes minReadySeconds of %s, after which a pod counts as available: %d -> %d", p.name, was, is))
		}
		if was, is := p.before.grace(), p.after.grace(); was != is {
			out = append(out, note(OverlayChangesStrategy, "",
				"the overlay changes terminationGracePeriodSeconds of %s, which a pod has to end: %d -> %d", p.name, was, is))
		}
	}
	return out
}
