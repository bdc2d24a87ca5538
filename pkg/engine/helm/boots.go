package helm

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/noderoll"
	"github.com/addonctl/addonctl/pkg/plan"
)

// noteBoots keeps the boot IDs of nodes before they get a release that they take at their next boot: of all of them before it is written,
// and anew of each that is changed one by one. A node that joins later has booted with it (facts: OKE rule 14). It is old configuration
// that no pod reads, so Settle takes it back.
func (j *job) noteBoots(ctx context.Context, in plan.Input, s plan.Step) error {
	_, r, ok := plan.Target(in)
	if !ok || r.Mechanism != catalog.OnReboot || s.From == "" || s.From == s.Version {
		return nil
	}
	live, err := j.boots(ctx)
	if err != nil {
		return err
	}
	kept := map[string]string{}
	if live.Data[kube.BootsRevision] == strconv.Itoa(s.Revision) && json.Unmarshal([]byte(live.Data[kube.BootsNodes]), &kept) == nil && s.Kind == plan.Apply {
		return nil // an earlier run kept them
	}
	text, err := json.Marshal(bootsOf(in.Nodes, s, kept))
	if err != nil {
		return fmt.Errorf("encoding the boot IDs of nodes: %w", err)
	}
	live.Data = map[string]string{kube.BootsRevision: strconv.Itoa(s.Revision), kube.BootsNodes: string(text)}
	return j.keepBoots(ctx, live)
}

// boots reads the ConfigMap of the boot IDs; one that is not there is as it will be made, without a UID.
func (j *job) boots(ctx context.Context) (*corev1.ConfigMap, error) {
	ns, name := j.addOn.Workload.Namespace, kube.Boots(j.addOn.Release)
	m, err := j.Target.Typed.CoreV1().ConfigMaps(ns).Get(ctx, name, metav1.GetOptions{})
	switch {
	case err == nil:
		return m, kube.Fenced(m, j.Target.Epoch)
	case !apierrors.IsNotFound(err):
		return nil, fmt.Errorf("reading the boot IDs of nodes: %w", err)
	}
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: name, Namespace: ns,
		Labels:      map[string]string{kube.LabelManagedBy: kube.FieldManager, kube.LabelAddOn: j.addOn.Name},
		Annotations: map[string]string{kube.AnnotationReleaseName: j.addOn.Release, kube.AnnotationReleaseNS: ns},
	}}, nil
}

func (j *job) keepBoots(ctx context.Context, m *corev1.ConfigMap) error {
	maps := j.Target.Typed.CoreV1().ConfigMaps(m.Namespace)
	var err error
	if m.UID == "" {
		_, err = maps.Create(ctx, m, metav1.CreateOptions{FieldManager: kube.RollManager})
	} else {
		_, err = maps.Update(ctx, m, metav1.UpdateOptions{FieldManager: kube.RollManager})
	}
	if err != nil {
		return fmt.Errorf("keeping the boot IDs of nodes: %w", err)
	}
	return nil
}

// bootsOf are the boot IDs to keep: before writing those of all nodes that have an agent, before changing nodes those of the targets
// over what was kept.
func bootsOf(nodes []noderoll.Node, s plan.Step, kept map[string]string) map[string]string {
	out := map[string]string{}
	if s.Kind == plan.ChangeNodes {
		out = kept
	}
	targets := map[string]bool{}
	for _, t := range s.Targets {
		targets[t.Node] = true
	}
	for _, n := range nodes {
		if s.Kind == plan.Apply && n.Pod != nil || targets[n.Name] {
			out[n.Name] = n.BootID
		}
	}
	return out
}
