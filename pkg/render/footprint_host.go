package render

import (
	"cmp"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// flags are those of a container's command line, with one dash or two. The word behind a flag is its value unless it is a
// flag itself.
func flags(c *corev1.Container) []string {
	if c == nil {
		return nil
	}
	words := slices.Concat(c.Command, c.Args)
	var out []string
	for i, word := range words {
		name, value, has := strings.Cut(strings.TrimLeft(word, "-"), "=")
		if !isFlag(word) || name == "" {
			continue
		}
		if !has {
			value = "true"
			if i+1 < len(words) && !isFlag(words[i+1]) {
				value = words[i+1]
			}
		}
		out = append(out, name+"="+value)
	}
	slices.SortStableFunc(out, func(a, b string) int {
		a, _, _ = strings.Cut(a, "=")
		b, _, _ = strings.Cut(b, "=")
		return cmp.Compare(a, b)
	})
	return out
}

func isFlag(word string) bool { return strings.HasPrefix(word, "-") }

// hostMounts are the places of the node that containers of a pod see.
func hostMounts(p *corev1.PodSpec) []catalog.HostMount {
	folders := map[string]string{}
	for _, v := range p.Volumes {
		if v.HostPath != nil {
			folders[v.Name] = v.HostPath.Path
		}
	}
	var out []catalog.HostMount
	for _, c := range containers(p) {
		for _, m := range c.VolumeMounts {
			if folder, ok := folders[m.Name]; ok {
				out = append(out, catalog.HostMount{At: path.Clean(m.MountPath), Path: path.Join(folder, m.SubPath)})
			}
		}
	}
	return tidy(out, func(m catalog.HostMount) string { return m.At })
}
