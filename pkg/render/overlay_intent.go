package render

import (
	"cmp"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
)

// mirrored : where images get other names, one that keeps its own is likely a name that the overlay does not know: releases
// have moved from one registry to another.
func (l *layer) mirrored() []Finding {
	if !l.overlay.mirrors {
		return nil
	}
	var missed []string
	for _, p := range l.pods {
		is := images(&p.after.Template.Spec)
		for _, image := range images(&p.before.Template.Spec) {
			if slices.Contains(is, image) {
				missed = append(missed, image)
			}
		}
	}
	var out []Finding
	for _, image := range set(missed) {
		out = append(out, note(OverlayMissesImage, "add its name, without the tag, to images", "the overlay gives images other names, and not to %s", image))
	}
	return out
}

// matched : a patch that no object is for does nothing, and a name that was written wrong looks the same.
func (l *layer) matched() []Finding {
	targets := l.overlay.targets
	spots := slices.SortedFunc(maps.Keys(targets), func(a, b spot) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.field, b.field))
	})
	all := l.all()
	var out []Finding
	for _, s := range spots {
		target := targets[s]
		match, err := types.NewSelectorRegex(&target)
		if err != nil {
			continue // kustomize would have said so
		}
		if !slices.ContainsFunc(all, func(o *unstructured.Unstructured) bool { return selects(match, o) }) {
			out = append(out, note(OverlayMatchesNothing, "check its target; leave the patch out where no release needs it",
				"the overlay's %s (%s) is for no object of this release", s.field, s.file))
		}
	}
	return out
}

// all are the objects by the names that a patch may know them by.
func (l *layer) all() []*unstructured.Unstructured {
	out := append(l.left(), l.objects()...)
	for _, c := range l.kept {
		out = append(out, c.before)
	}
	return out
}

// selects tells whether a target is an object, by all but its labels and annotations, which patches before may have changed.
func selects(match *types.SelectorRegex, o *unstructured.Unstructured) bool {
	group, version := resid.ParseGroupVersion(o.GetAPIVersion())
	return match.MatchGvk(resid.NewGvk(group, version, o.GetKind())) && match.MatchName(o.GetName()) && match.MatchNamespace(o.GetNamespace())
}
