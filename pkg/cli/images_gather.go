package cli

import (
	"maps"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/version"
)

// imagesOf gathers the images of renders, sorted.
func imagesOf(sources []imageSource) imagesReport {
	uses := map[string]map[string][]version.Version{}
	for _, s := range sources {
		for _, ref := range imagesIn(s) {
			if uses[ref] == nil {
				uses[ref] = map[string][]version.Version{}
			}
			if some := uses[ref][s.release.AddOn]; !slices.ContainsFunc(some, s.release.Version.Equal) {
				uses[ref][s.release.AddOn] = append(some, s.release.Version)
			}
		}
	}
	r := imagesReport{Images: []usedImage{}}
	for _, ref := range slices.Sorted(maps.Keys(uses)) {
		image := usedImage{Ref: ref}
		for _, addOn := range slices.Sorted(maps.Keys(uses[ref])) {
			releases := uses[ref][addOn]
			slices.SortFunc(releases, func(x, y version.Version) int { return version.Compare(y, x) })
			image.Uses = append(image.Uses, imageUse{addOn, releases})
		}
		r.Images = append(r.Images, image)
	}
	return r
}

// imagesIn are the images of one render, and those of the catalog that it does not have in any registry: only some clusters run
// them, such as Typha on big ones.
func imagesIn(s imageSource) []string {
	var refs []string
	for _, o := range s.objects {
		collectImages(o.Object, &refs)
	}
	rendered := slices.Clone(refs)
	for _, image := range s.release.Images {
		if !slices.ContainsFunc(rendered, func(ref string) bool { return repository(ref) == repository(image.Ref) }) {
			refs = append(refs, image.Ref)
		}
	}
	slices.Sort(refs)
	return slices.Compact(refs)
}

// collectImages finds the containers and the image volumes of pods, wherever a workload has them.
func collectImages(v any, into *[]string) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			switch list, _ := value.([]any); key {
			case "containers", "initContainers":
				for _, c := range list {
					appendRef(c, "image", into)
				}
			case "volumes":
				for _, volume := range list {
					if m, ok := volume.(map[string]any); ok {
						appendRef(m["image"], "reference", into)
					}
				}
			}
			collectImages(value, into)
		}
	case []any:
		for _, item := range v {
			collectImages(item, into)
		}
	}
}

func appendRef(v any, field string, into *[]string) {
	m, _ := v.(map[string]any)
	if ref, _ := m[field].(string); ref != "" {
		*into = append(*into, ref)
	}
}

// repository is the last word of an image's name: what it is called in every registry.
func repository(ref string) string {
	name, _, _ := strings.Cut(ref[strings.LastIndex(ref, "/")+1:], "@")
	name, _, _ = strings.Cut(name, ":")
	return name
}
