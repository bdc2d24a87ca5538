package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/addonctl/addonctl/pkg/catalog"
)

// repositories of the images of a render, without tags and digests, as "ghcr.io/flannel-io/flannel"; sorted, each once.
func repositories(f catalog.Footprint) []string {
	var out []string
	for _, w := range f.Workloads {
		for _, image := range w.Images {
			out = append(out, repository(image))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func repository(image string) string {
	image, _, _ = strings.Cut(image, "@")
	slash := strings.LastIndex(image, "/") + 1
	name, _, _ := strings.Cut(image[slash:], ":")
	image = image[:slash] + name
	if host(image) == "docker.io" && !strings.HasPrefix(image, "docker.io/") {
		return "docker.io/" + image
	}
	return image
}

// host of a repository: docker.io where it names none.
func host(repository string) string {
	first, _, found := strings.Cut(repository, "/")
	if !found || !strings.ContainsAny(first, ".:") && first != "localhost" {
		return "docker.io"
	}
	return first
}

func hosts(repositories []string) []string {
	var out []string
	for _, r := range repositories {
		out = append(out, host(r))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// registryKept : an old pod is deleted before anybody notices that its node cannot reach the new registry.
func registryKept(_ decision, before, after catalog.Footprint) []Finding {
	was, is := repositories(before), repositories(after)
	fresh := missing(hosts(was), hosts(is))
	if len(was) == 0 || len(fresh) == 0 {
		return nil
	}
	images := slices.DeleteFunc(slices.Clone(is), func(r string) bool { return !slices.Contains(fresh, host(r)) })
	return warn(RegistryMoved, "B23",
		fmt.Sprintf("images come from %s and no more from %s alone: %s; a node that cannot reach it is left without its agent",
			strings.Join(fresh, ", "), strings.Join(hosts(was), ", "), few(images)),
		"see that every node, or your mirror, reaches it with its pull secret, and pull the images before the first node moves")
}

// repositoriesKept tells of repositories that are new on a registry that is not: a mirror may not have them.
func repositoriesKept(_ decision, before, after catalog.Footprint) []Finding {
	was := repositories(before)
	fresh := slices.DeleteFunc(missing(was, repositories(after)), func(r string) bool {
		return !slices.Contains(hosts(was),
			host(r))
	})
	if len(fresh) == 0 {
		return nil
	}
	return warn(RepositoryNew, "B23",
		fmt.Sprintf("images come from repositories that the live release does not use: %s; a mirror that lacks one leaves "+
			"nodes without their agent",
			few(fresh)), "see that your mirror has them, for every architecture of the cluster's nodes")
}
