package render

import "strings"

// simplifyPod fills in what an API server does in a pod template, and takes out what says nothing.
func simplifyPod(spec map[string]any) {
	if spec == nil {
		return
	}
	fill(spec, []string{"serviceAccountName"}, spec["serviceAccount"])
	delete(spec, "serviceAccount") // the field's old name
	for _, t := range tablesIn(spec, "tolerations") {
		fill(t, []string{"operator"}, "Equal")
	}
	for _, in := range []string{"containers", "initContainers"} {
		for _, c := range tablesIn(spec, in) {
			simplifyContainer(c, spec["hostNetwork"] == true)
		}
	}
	fillAll(spec, podPresets)
}

func simplifyContainer(c map[string]any, hostNetwork bool) {
	fillAll(c, containerPresets)
	for _, probe := range probes {
		fillAll(c[probe], probePresets)
	}
	image, _ := c["image"].(string)
	fill(c, []string{"imagePullPolicy"}, pullPolicy(image))
	if !hostNetwork {
		return
	}
	// Servers up to 1.27 write it into templates, later ones into pods alone; templates from then keep it (facts: CNI C4).
	for _, port := range tablesIn(c, "ports") {
		if have := port["hostPort"]; have == nil || number(have) == int64(0) {
			port["hostPort"] = port["containerPort"]
		}
	}
}

// pullPolicy of an image for which none is given.
func pullPolicy(image string) string {
	if strings.Contains(image, "@") {
		return "IfNotPresent"
	}
	_, tag, found := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	if !found || tag == "latest" {
		return "Always"
	}
	return "IfNotPresent"
}
