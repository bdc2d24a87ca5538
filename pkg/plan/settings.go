package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	kjson "sigs.k8s.io/json"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// Settings are an operator's own. They are part of the wish, so that every render of an add-on uses the same ones, whoever makes
// it.
type Settings struct {
	// Configurations are OKE's keys with their values as given, JSON plain or in Base64 (facts: OKE 2.7).
	Configurations map[string]string `json:"configurations,omitempty"`
	// Values of the chart.
	Values map[string]any `json:"values,omitempty"`
	// Overlay is a kustomize overlay, the text of its files by path.
	Overlay map[string]string `json:"overlay,omitempty"`
}

// SettingsChange is what a caller wants to be other than recorded.
type SettingsChange struct {
	// Configurations to set; an empty value takes the key away. The others stay: writing configurations replaces all of them in
	// OKE, so they are read, merged and written (facts: OKE rule 17).
	Configurations map[string]string
	// Values and Overlay take the place of the recorded ones; nil leaves those, an empty one clears them.
	Values  map[string]any
	Overlay map[string]string
}

// IsZero tells whether nothing is to change.
func (c SettingsChange) IsZero() bool {
	return len(c.Configurations) == 0 && c.Values == nil && c.Overlay == nil
}

// IsZero tells whether nothing is set.
func (s Settings) IsZero() bool {
	return len(s.Configurations) == 0 && len(s.Values) == 0 && len(s.Overlay) == 0
}

// Equal tells whether two settings mean the same: values of keys decoded, whatever the order of their fields.
func (s Settings) Equal(o Settings) bool {
	return maps.EqualFunc(s.Configurations, o.Configurations, catalog.SameValue) && maps.Equal(s.Overlay, o.Overlay) &&
		encoded(s.Values) == encoded(o.Values)
}

// With is s after a change. A value that means the same as before stays as it was written.
func (s Settings) With(c SettingsChange) Settings {
	if len(c.Configurations) > 0 {
		s.Configurations = maps.Clone(s.Configurations)
		if s.Configurations == nil {
			s.Configurations = map[string]string{}
		}
	}
	for key, value := range c.Configurations {
		switch before, had := s.Configurations[key]; {
		case value == "":
			delete(s.Configurations, key)
		case !had || !catalog.SameValue(before, value):
			s.Configurations[key] = value
		}
	}
	if c.Values != nil {
		s.Values = c.Values
	}
	if c.Overlay != nil {
		s.Overlay = c.Overlay
	}
	return s
}

// MergedSettings are those that the input's target is to be rendered with: the recorded ones with the request in them.
func MergedSettings(in Input) Settings { return merge(in).Settings }

// JSON is the text that a revision is recorded with; ParseSettings reads it.
func (s Settings) JSON() string {
	text, err := json.Marshal(s)
	if err != nil {
		return "" // Check refuses them
	}
	return string(text)
}

// ParseSettings reads what JSON wrote; nil for a text that is none, such as that of a revision that was recorded without.
func ParseSettings(text string) *Settings {
	s := &Settings{}
	if err := kjson.UnmarshalCaseSensitivePreserveInts([]byte(text), s); err != nil {
		return nil
	}
	return s
}

// What a record holds at most. Together it stays far below the 1.5 MiB that etcd takes.
const (
	maxKeys           = 50
	maxConfiguration  = 64 << 10
	maxConfigurations = 128 << 10
	maxValues         = 64 << 10
	maxFiles          = 200
	maxOverlay        = 256 << 10
)

// Check reports all that no record may hold: too much, and files whose paths lead out of the overlay.
func (s Settings) Check() error {
	problems := s.checkConfigurations()
	text, err := json.Marshal(s.Values)
	switch {
	case err != nil:
		problems = append(problems, fmt.Errorf("values are not JSON: %w", err))
	case len(text) > maxValues:
		problems = append(problems, tooLarge("values", len(text), maxValues))
	}
	return errors.Join(append(problems, s.checkOverlay()...)...)
}

func (s Settings) checkConfigurations() []error {
	var problems []error
	if n := len(s.Configurations); n > maxKeys {
		problems = append(problems, fmt.Errorf("%d configurations are set, and a record holds at most %d", n, maxKeys))
	}
	total := 0
	for _, key := range slices.Sorted(maps.Keys(s.Configurations)) {
		n := len(s.Configurations[key])
		if n > maxConfiguration {
			problems = append(problems, tooLarge(fmt.Sprintf("configuration %q", key), n, maxConfiguration))
		}
		total += len(key) + n
	}
	if total > maxConfigurations {
		problems = append(problems, tooLarge("configurations", total, maxConfigurations))
	}
	return problems
}

func (s Settings) checkOverlay() []error {
	var problems []error
	if n := len(s.Overlay); n > maxFiles {
		problems = append(problems, fmt.Errorf("the overlay has %d files, and a record holds at most %d", n, maxFiles))
	}
	total := 0
	for _, path := range slices.Sorted(maps.Keys(s.Overlay)) {
		if !fs.ValidPath(path) || path == "." {
			problems = append(problems, fmt.Errorf("overlay file %q: want a path below the overlay's folder, such as patches/tolerations.yaml", path))
		}
		total += len(path) + len(s.Overlay[path])
	}
	if total > maxOverlay {
		problems = append(problems, tooLarge("overlay", total, maxOverlay))
	}
	return problems
}

func tooLarge(what string, have, most int) error {
	return fmt.Errorf("%s: %d bytes, and a record holds at most %d KiB of it", what, have, most>>10)
}

// Text names what is set, without the values; empty when nothing is.
func (s Settings) Text() string {
	var out []string
	if keys := slices.Sorted(maps.Keys(s.Configurations)); len(keys) > 0 {
		out = append(out, fmt.Sprintf("%s %s", verb(len(keys), "configuration", "configurations"), strings.Join(keys, ", ")))
	}
	if names := slices.Sorted(maps.Keys(s.Values)); len(names) > 0 {
		out = append(out, fmt.Sprintf("%s %s", verb(len(names), "value", "values"), strings.Join(names, ", ")))
	}
	if n := len(s.Overlay); n > 0 {
		out = append(out, "an overlay of "+count(n, "file", "files"))
	}
	return strings.Join(out, "; ")
}

// encoded is a text that is the same for settings that mean the same; empty for none.
func (s Settings) encoded() string {
	if s.IsZero() {
		return ""
	}
	decoded := map[string]any{}
	for key, value := range s.Configurations {
		decoded[key], _ = catalog.Configuration{}.Decode(value) // what cannot be decoded is refused elsewhere
	}
	return encoded(map[string]any{"configurations": decoded, "values": s.Values, "overlay": s.Overlay})
}

// encoded writes values as JSON; empty for none.
func encoded(values map[string]any) string {
	if len(values) == 0 {
		return ""
	}
	text, err := json.Marshal(values)
	if err != nil {
		return fmt.Sprint(values) // Check refuses them
	}
	return string(text)
}
