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

// imagesThere judges what was found of the images in their registries. A node may take them from elsewhere than we can see, so an
// operator may go on; and what nodes have already, or had before, does not stand in the way.
func imagesThere(d decision) []Finding {
	if !d.rewrites() {
		return nil
	}
	var gone, lacking, unchecked []string
	fresh := map[Reason]bool{}
	for _, i := range d.Change.Images {
		needed := !d.goesBack() && !d.runs(i.Image)
		switch {
		case i.Unchecked != "":
			unchecked = append(unchecked, fmt.Sprintf("%s (%s)", i.Image, i.Unchecked))
		case slices.Contains(i.Missing, "*"):
			gone = append(gone, i.Image)
			fresh[ImageMissing] = fresh[ImageMissing] || needed
		case len(i.Missing) > 0:
			lacking = append(lacking, fmt.Sprintf("%s (no %s)", i.Image, strings.Join(i.Missing, ", ")))
			fresh[ImageArchitecture] = fresh[ImageArchitecture] || needed
		}
	}
	var out []Finding
	if len(gone) > 0 {
		out = append(out, forbid(ImageMissing, "B23",
			fmt.Sprintf("the registry has no %s: a node whose old pod is gone would be left without its agent", few(gone)),
			"push it, or name the registry that has it (an overlay with a mirror); "+unseenMirror)...)
	}
	if len(lacking) > 0 {
		out = append(out, forbid(ImageArchitecture, "B23",
			"images are not there for every architecture of the cluster's nodes: "+few(lacking),
			"copy them with all their platforms, or keep these nodes out; "+unseenMirror)...)
	}
	for i := range out {
		out[i].Blocking = fresh[out[i].Reason]
	}
	return append(d.unlessAccepted(out), imagesUnchecked(unchecked)...)
}

const unseenMirror = "where nodes have a mirror that this machine does not see, --check-images=false"

func imagesUnchecked(images []string) []Finding {
	if len(images) == 0 {
		return nil
	}
	f := warn(ImageUnchecked, "B23", "could not be looked up from here: "+few(images), "see that every node reaches them, for its architecture")
	f[0].Minor = true
	return f
}

// runs tells whether an image is one of what is live.
func (d decision) runs(image string) bool {
	return d.Change.From != nil && slices.ContainsFunc(d.Change.From.Workloads, func(w catalog.WorkloadFootprint) bool {
		return slices.Contains(w.Images, image)
	})
}
