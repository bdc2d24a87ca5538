package observe

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
)

// boots are the boot IDs that nodes had when they got the revision that is under way, by their names; nil where none were kept, and for
// releases that nodes take without a boot.
func (o *Observer) boots(ctx context.Context, in *plan.Input, addOn catalog.AddOn) (map[string]string, error) {
	last := in.Record.Last()
	if addOn.NetworkType != catalog.OCIVCNIPNative || last.Number == 0 || last.Status == plan.Deployed {
		return nil, nil
	}
	m, err := o.Target.Typed.CoreV1().ConfigMaps(addOn.Workload.Namespace).Get(ctx, kube.Boots(addOn.Release), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the boot IDs of nodes: %w", err)
	}
	if m.Data[kube.BootsRevision] != strconv.Itoa(last.Number) {
		return nil, nil
	}
	var out map[string]string
	if err := json.Unmarshal([]byte(m.Data[kube.BootsNodes]), &out); err != nil {
		return nil, fmt.Errorf("reading the boot IDs of nodes in ConfigMap %s/%s: %w", m.Namespace, m.Name, err)
	}
	return out, nil
}
