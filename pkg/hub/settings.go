package hub

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	kjson "sigs.k8s.io/json"

	"github.com/addonctl/addonctl/pkg/api/v1alpha1"
	"github.com/addonctl/addonctl/pkg/plan"
)

// settings are those that a recorded spec stands for; a record from before there were any has none.
func settings(s v1alpha1.AddonSpec) (plan.Settings, error) {
	out := plan.Settings{}
	for _, c := range s.Configurations {
		if out.Configurations == nil {
			out.Configurations = map[string]string{}
		}
		out.Configurations[c.Key] = c.Value
	}
	for path, text := range s.Overlay {
		if out.Overlay == nil {
			out.Overlay = map[string]string{}
		}
		out.Overlay[path] = string(text)
	}
	if s.Values == nil {
		return out, nil
	}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(s.Values.Raw, &out.Values); err != nil {
		return out, fmt.Errorf("reading spec.values: %w", err)
	}
	return out, nil
}

// wantSettings writes settings into a spec. What means the same already stays as somebody wrote it.
func wantSettings(s *v1alpha1.AddonSpec, want plan.Settings) error {
	have, err := settings(*s)
	if err == nil && have.Equal(want) {
		return nil
	}
	s.Configurations, s.Values, s.Overlay = nil, nil, nil
	for _, key := range slices.Sorted(maps.Keys(want.Configurations)) {
		s.Configurations = append(s.Configurations, v1alpha1.Configuration{Key: key, Value: want.Configurations[key]})
	}
	if len(want.Values) > 0 {
		text, err := json.Marshal(want.Values)
		if err != nil {
			return fmt.Errorf("encoding values: %w", err)
		}
		s.Values = &apiextensionsv1.JSON{Raw: text}
	}
	if len(want.Overlay) > 0 {
		s.Overlay = map[string]v1alpha1.OverlayFile{}
	}
	for path, text := range want.Overlay {
		s.Overlay[path] = v1alpha1.OverlayFile(text)
	}
	return nil
}
