package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// AnnotationEpoch is the highest epoch that an object was fenced with; on the Lease, that of the last tenure. It stands in no
// release: applying one leaves it.
const AnnotationEpoch = "addonctl.io/epoch"

// fenceManager is the field manager of the annotation, so that it belongs to no release's own fields.
const fenceManager = FieldManager + "-fence"

// ErrFenced says that somebody else took the cluster over: whoever gets it writes nothing more. It is never transient.
var ErrFenced = errors.New("another actor has taken this cluster over")

// EpochOf is the epoch on an object; 0 when there is none, or no number.
func EpochOf(o metav1.Object) int64 {
	epoch, err := strconv.ParseInt(o.GetAnnotations()[AnnotationEpoch], 10, 64)
	if err != nil {
		return 0
	}
	return epoch
}

// Fenced tells, by ErrFenced, that an object carries a higher epoch than the one that the caller writes in. Epoch 0 writes
// without a fence.
func Fenced(o metav1.Object, epoch int64) error {
	on := EpochOf(o)
	if epoch <= 0 || on <= epoch {
		return nil
	}
	return fmt.Errorf("%s was fenced with epoch %d, and ours is %d: %w", nameOf(o), on, epoch, ErrFenced)
}

func nameOf(o metav1.Object) string {
	if u, ok := o.(*unstructured.Unstructured); ok {
		return Ref(u)
	}
	return o.GetNamespace() + "/" + o.GetName()
}

// MarkEpoch writes the client's epoch on the live object of that kind and name. It makes a new resourceVersion, so that every
// write of who has read the object before is a conflict, and everybody who reads it from then on sees the epoch. ErrFenced when
// it carries a higher one; an object that does not exist is nil.
func (c *Client) MarkEpoch(ctx context.Context, o *unstructured.Unstructured) error {
	r, err := c.Resource(o)
	if err != nil {
		return err
	}
	for range attempts {
		var live *unstructured.Unstructured
		if live, err = c.Get(ctx, o); err != nil {
			return fmt.Errorf("reading %s: %w", Ref(o), err)
		}
		if live == nil || EpochOf(live) == c.Epoch {
			return nil
		}
		if err := Fenced(live, c.Epoch); err != nil {
			return err
		}
		var body []byte
		if body, err = epochPatch(live, c.Epoch); err != nil {
			return err
		}
		_, err = r.Patch(ctx, live.GetName(), types.MergePatchType, body, metav1.PatchOptions{FieldManager: fenceManager})
		if err == nil || apierrors.IsNotFound(err) {
			return nil
		}
		if !apierrors.IsConflict(err) {
			break
		}
	}
	return fmt.Errorf("marking %s with epoch %d: %w", Ref(o), c.Epoch, err)
}

func epochPatch(live *unstructured.Unstructured, epoch int64) ([]byte, error) {
	body, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": live.GetUID(), "resourceVersion": live.GetResourceVersion(),
		"annotations": map[string]any{AnnotationEpoch: strconv.FormatInt(epoch, 10)},
	}})
	if err != nil {
		return nil, fmt.Errorf("encoding the epoch of %s: %w", Ref(live), err)
	}
	return body, nil
}
