package helm

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/addonctl/addonctl/pkg/catalog"
	"github.com/addonctl/addonctl/pkg/kube"
	"github.com/addonctl/addonctl/pkg/plan"
	"github.com/addonctl/addonctl/pkg/record"
	"github.com/addonctl/addonctl/pkg/render"
)

// A literal chart stands for what somebody else had written: its one template gives the live objects word for word.
const (
	literalVersion  = "0.0.0-adopted"
	literalLive     = "live.yaml"
	literalSettings = "settings.json"
)

// literal makes the chart of what is live, and renders it as every later look will.
func (l *looker) literal(context.Context) error {
	cleaned := make([]*unstructured.Unstructured, 0, len(l.found))
	for _, o := range l.found {
		cleaned = append(cleaned, clean(o))
	}
	text, err := render.Print(cleaned)
	if err != nil {
		return err
	}
	c := &chart.Chart{
		Metadata: &chart.Metadata{
			APIVersion: chart.APIVersionV2, Name: l.Release.Chart, Version: literalVersion, Type: "application",
			Description: l.AddOn.Name + " as it was found and adopted",
		},
		Templates: []*chart.File{{Name: "templates/live.yaml", Data: []byte(`{{ .Files.Get "` + literalLive + `" }}`)}},
		Files:     []*chart.File{{Name: literalLive, Data: []byte(text)}, {Name: literalSettings, Data: []byte(l.Settings.JSON())}},
		Values:    map[string]any{},
	}
	made := func() (*render.Render, error) {
		return released(func(a catalog.AddOn, r catalog.Release, s render.Settings) (*render.Render, error) {
			return render.With(c, a, r, s)
		}, l.in, l.AddOn, l.Release, l.Settings)
	}
	if l.live, err = made(); err == nil {
		_, err = render.Footprint(l.live.Objects)
	}
	if err != nil {
		l.refuse(plan.NotAdoptable, "", "what is live cannot be recorded: %s", oneLine(err))
		return nil
	}
	l.Digest = record.Digest(l.live.Manifest)
	return nil
}

// literalWith tells whether a chart is a literal one that was recorded with these settings.
func literalWith(c *chart.Chart, s plan.Settings) bool {
	if !isLiteral(c) {
		return false
	}
	for _, f := range c.Files {
		if was := plan.ParseSettings(string(f.Data)); f.Name == literalSettings && was != nil {
			return was.Equal(s)
		}
	}
	return false
}

func isLiteral(c *chart.Chart) bool {
	return c != nil && c.Metadata != nil && c.Metadata.Version == literalVersion
}

// fitting are the revisions whose charts give what is asked for: a literal chart knows no settings, so with others than it was
// recorded with a release is rendered with a chart of ours.
func fitting(stored []record.Revision, s plan.Settings) []record.Revision {
	out := slices.Clone(stored)
	for i, r := range out {
		if isLiteral(r.Chart) && !literalWith(r.Chart, s) {
			out[i].Chart = nil
		}
	}
	return out
}

// clean is a live object without what the API server and controllers keep there, and without marks of ours that depend on the
// revision: what somebody wrote.
func clean(live *unstructured.Unstructured) *unstructured.Unstructured {
	o := live.DeepCopy()
	delete(o.Object, "status")
	meta, _ := o.Object["metadata"].(map[string]any)
	for _, field := range []string{"managedFields", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink"} {
		delete(meta, field)
	}
	notes := o.GetAnnotations()
	for name := range notes {
		if passing(name) {
			delete(notes, name)
		}
	}
	o.SetAnnotations(notes)
	if _, aggregated := o.Object["aggregationRule"]; aggregated {
		delete(o.Object, "rules") // the controller fills them in
	}
	switch o.GetKind() {
	case "ServiceAccount":
		delete(o.Object, "secrets") // tokens, by a controller
	case "Service":
		if ip, _, _ := unstructured.NestedString(o.Object, "spec", "clusterIP"); ip != corev1.ClusterIPNone {
			unstructured.RemoveNestedField(o.Object, "spec", "clusterIP")
			unstructured.RemoveNestedField(o.Object, "spec", "clusterIPs")
		}
	}
	if template, ok, _ := unstructured.NestedMap(o.Object, "spec", "template", "metadata"); ok {
		delete(template, "creationTimestamp")
		_ = unstructured.SetNestedMap(o.Object, template, "spec", "template", "metadata")
	}
	return o
}

// passing tells whether an annotation is a note of a tool or a controller on the object as it is now.
func passing(annotation string) bool {
	switch annotation {
	case corev1.LastAppliedConfigAnnotation, "deprecated.daemonset.template.generation", "deployment.kubernetes.io/revision":
		return true
	}
	return strings.HasPrefix(annotation, "addonctl.io/")
}

// untouched tells, by errTouched, that an object says something else than before, beside labels, annotations and the like.
func untouched(before, after *unstructured.Unstructured) error {
	// A Deployment's generation counts its annotations too.
	if before.GetGeneration() != after.GetGeneration() && before.GetKind() != "Deployment" {
		return fmt.Errorf("%s: %w: its generation goes from %d to %d", kube.Ref(before), errTouched, before.GetGeneration(), after.GetGeneration())
	}
	for _, o := range []*unstructured.Unstructured{before, after} {
		for field := range o.Object {
			if field == "metadata" || reflect.DeepEqual(before.Object[field], after.Object[field]) {
				continue
			}
			return fmt.Errorf("%s: %w: its %s would be another", kube.Ref(before), errTouched, field)
		}
	}
	return nil
}
