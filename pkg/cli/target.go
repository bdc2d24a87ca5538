package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/hub"
	"github.com/addonctl/addonctl/pkg/kube"
)

// target is the cluster of --cluster, by the records of the API server that the command is connected to. Without it, or with a name that has no
// connection recorded, it is that server: else what the hub's own CNI is like would be taken for what another cluster's is.
func (a *app) target(ctx context.Context, home *kube.Client) (*kube.Client, error) {
	const within = 10 * time.Second
	if a.cluster == v1alpha1.InCluster {
		return home, nil
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	h := hub.New(home)
	n, err := h.Cluster(ctx, a.cluster)
	if err != nil || n == nil || n.Spec.Connection == nil {
		return home, err
	}
	cfg, err := h.Connection(ctx, n)
	if bad, ok := errors.AsType[*hub.KubeconfigError](err); ok {
		return nil, &exit{code: exitFailure, err: bad, hint: "addonctl cluster register " + n.Name + " --kubeconfig-file FILE writes another one"}
	}
	if apierrors.IsForbidden(err) {
		ref := n.Spec.Connection.KubeconfigSecret
		return nil, &exit{
			code: exitFailure, err: err,
			hint: fmt.Sprintf("ask for get of Secret %s in namespace %s, use a context of that cluster itself, or one of the commands that read the records alone: "+
				"cluster list, explain, rollout, pin -l, unpin -l", ref.Name, ref.Namespace),
		}
	}
	if err != nil {
		return nil, err
	}
	return kube.New(cfg)
}

// ownPins tells of pins that somebody set at another cluster itself, and which its hub does not know of yet.
func (s *session) ownPins(ctx context.Context) error {
	if s.client == s.home {
		return nil
	}
	pins, err := s.hub.OwnPins(ctx, hub.New(s.client), s.cluster)
	for _, a := range pins {
		s.note(fmt.Sprintf("note: %s is pinned to %s at cluster %s itself: the manager takes that over at its next look", a.Spec.Addon, a.Spec.Version, s.cluster))
	}
	return err
}
