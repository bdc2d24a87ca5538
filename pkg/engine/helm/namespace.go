package helm

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/kube"
)

// lasting are the namespaces that an API server lets nobody delete.
var lasting = []string{metav1.NamespaceDefault, metav1.NamespaceSystem, metav1.NamespacePublic}

// claim labels the namespace that an adopted add-on lives in, so that the guard lets nobody delete it: the CNI would go on in a
// namespace that ends for ever, without its record and without a pod that ends there. A namespace of another add-on's stays that
// one's.
func (e *Engine) claim(ctx context.Context, addOn catalog.AddOn) error {
	return relabel(ctx, e.Target, addOn, "", addOn.Name)
}

// release takes the label off again, as somebody whom the guard lets through.
func release(ctx context.Context, c *kube.Client, addOn catalog.AddOn) error {
	return relabel(ctx, c, addOn, addOn.Name, nil)
}

// relabel sets our label of the add-on's namespace where it is what it was; to nil takes it off.
func relabel(ctx context.Context, c *kube.Client, addOn catalog.AddOn, was string, to any) error {
	name := addOn.Workload.Namespace
	if slices.Contains(lasting, name) {
		return nil
	}
	ns, err := c.Typed.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading namespace %s: %w", name, err)
	}
	if ns.Labels[kube.LabelAddOn] != was {
		return nil
	}
	return patchLabel(ctx, c, ns, to)
}

// patchLabel carries no version that was read: namespaces are edited by others, and the label is ours alone.
func patchLabel(ctx context.Context, c *kube.Client, ns *corev1.Namespace, to any) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": ns.UID, "labels": map[string]any{kube.LabelAddOn: to}}})
	if err != nil {
		return fmt.Errorf("encoding the label of namespace %s: %w", ns.Name, err)
	}
	_, err = c.Typed.CoreV1().Namespaces().Patch(ctx, ns.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: kube.FieldManager})
	if err != nil {
		return fmt.Errorf("labelling namespace %s: %w", ns.Name, err)
	}
	return nil
}
