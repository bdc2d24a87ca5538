package render

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Reasons of the findings of an overlay; docs/overlays.md has a line for each. The blocking ones come first.
const (
	// OverlayTouchesGuard : an admission policy of the release, or its binding, is changed or gone.
	OverlayTouchesGuard = "OverlayTouchesGuard"
	// OverlayRenames : an object of the release is gone, or has another name, namespace, kind or API version.
	OverlayRenames = "OverlayRenames"
	// OverlayChangesDefinition : what a CustomResourceDefinition defines is not what the release brings.
	OverlayChangesDefinition = "OverlayChangesDefinition"
	// OverlayChangesConfiguration : a ConfigMap that is named after its content has another one, or pods do not read theirs.
	OverlayChangesConfiguration = "OverlayChangesConfiguration"
	// OverlayChangesSelector : a selector is another one, or pods lack a label that their selector asks for.
	OverlayChangesSelector = "OverlayChangesSelector"
	// OverlayChangesAgent : what a container or pod of the release runs, or how, is not what the release says.
	OverlayChangesAgent = "OverlayChangesAgent"
	// OverlayChangesContainers : pods have containers that the release does not have, or lack one that it has.
	OverlayChangesContainers = "OverlayChangesContainers"
	// OverlayChangesImage : an image is of another version than the catalog says.
	OverlayChangesImage = "OverlayChangesImage"
	// OverlayWeakensRights : a right that the release grants is taken away.
	OverlayWeakensRights = "OverlayWeakensRights"
	// OverlayAddsWorkload : something that runs pods is added.
	OverlayAddsWorkload = "OverlayAddsWorkload"
	// OverlayAddsAdmission : something is added that may refuse pods.
	OverlayAddsAdmission = "OverlayAddsAdmission"
	// OverlayAddsRights : a right is granted that the release does not ask for; not blocking.
	OverlayAddsRights = "OverlayAddsRights"
	// OverlayAddsToAgent : pods get a variable, a volume or a mount that does not change how the agent runs; not blocking.
	OverlayAddsToAgent = "OverlayAddsToAgent"
	// OverlayChangesStrategy : how pods are replaced, or when one counts as available, is not the chart's; not blocking.
	OverlayChangesStrategy = "OverlayChangesStrategy"
	// OverlayAdds : an object is added; not blocking.
	OverlayAdds = "OverlayAdds"
	// OverlayMissesImage : some images get other names, and this one does not; not blocking.
	OverlayMissesImage = "OverlayMissesImage"
	// OverlayMatchesNothing : there is no object for a patch; not blocking.
	OverlayMatchesNothing = "OverlayMatchesNothing"
)

// overlaid are the objects with a kustomize overlay laid over them, its files by path, and what is to be said of it. They
// keep their order; objects that the overlay adds come last in their phase. No files mean that there is no overlay. An
// overlay that cannot be read, or that kustomize cannot build, is an error, and then there are no objects at all.
func overlaid(objects []*unstructured.Unstructured, files map[string][]byte) ([]*unstructured.Unstructured, []Finding, error) {
	if len(files) == 0 {
		return objects, nil, nil
	}
	var l *layer
	err := unbroken(func() error {
		o, err := checkedOverlay(files)
		if err != nil {
			return err
		}
		built, err := kustomized(objects, o)
		if err != nil {
			return fmt.Errorf("building the overlay: %w", err)
		}
		l, err = layerOf(objects, built, o)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return l.objects(), l.judge(), nil
}

// unbroken makes an error of a panic: kustomize and the parsers below it have some for input that nobody expected.
func unbroken(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("building the overlay: kustomize broke off: %v", p)
		}
	}()
	return f()
}
