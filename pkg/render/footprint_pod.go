package render

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// annotationMain is Kubernetes' own way to name the main container of a pod; without it the first one is.
const annotationMain = "kubectl.kubernetes.io/default-container"

// containers are those that a pod starts, in the order in which it starts them.
func containers(p *corev1.PodSpec) []corev1.Container {
	return append(slices.Clone(p.InitContainers), p.Containers...)
}

func mainContainer(t *corev1.PodTemplateSpec) *corev1.Container {
	for i := range t.Spec.Containers {
		if t.Spec.Containers[i].Name == t.Annotations[annotationMain] {
			return &t.Spec.Containers[i]
		}
	}
	if len(t.Spec.Containers) == 0 {
		return nil
	}
	return &t.Spec.Containers[0]
}

// hostPorts are ports of the node: every port of a pod in the host's network, and whatever is mapped.
func hostPorts(p *corev1.PodSpec) []int {
	var out []int
	for _, c := range containers(p) {
		for _, port := range c.Ports {
			if n := port.HostPort; n > 0 {
				out = append(out, int(n))
			} else if p.HostNetwork {
				out = append(out, int(port.ContainerPort))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func images(p *corev1.PodSpec) []string {
	var out []string
	for _, c := range containers(p) {
		out = append(out, c.Image)
	}
	return set(out)
}

// signs of the operators of tolerations that have a value.
var signs = map[corev1.TolerationOperator]string{
	"": "=", corev1.TolerationOpEqual: "=", corev1.TolerationOpLt: "<", corev1.TolerationOpGt: ">",
}

func tolerations(ts []corev1.Toleration) []string {
	var out []string
	for _, t := range ts {
		text := t.Key
		if sign, ok := signs[t.Operator]; ok {
			text += sign + t.Value
		}
		out = append(out, text+":"+string(t.Effect))
	}
	return set(out)
}

// env are the variables with plain values. The main container comes last, so that its values count, and its variables
// that have no plain value hide those of the others.
func env(p *corev1.PodSpec, main *corev1.Container) map[string]string {
	all := containers(p)
	slices.Reverse(all) // of the others the earlier ones count
	if main != nil {
		all = append(all, *main)
	}
	out := map[string]string{}
	for _, c := range all {
		for _, e := range c.Env {
			if e.ValueFrom == nil {
				out[e.Name] = e.Value
			} else {
				delete(out, e.Name)
			}
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// configuration are the ConfigMaps and Secrets that a pod's containers read, as files or as variables.
func configuration(p *corev1.PodSpec) []string {
	var out []string
	note := func(kind, name string) { out = append(out, kind+" "+name) }
	for _, v := range p.Volumes {
		for _, s := range sources(v) {
			if s.ConfigMap != nil {
				note("ConfigMap", s.ConfigMap.Name)
			}
			if s.Secret != nil {
				note("Secret", s.Secret.Name)
			}
		}
	}
	for _, c := range containers(p) {
		variables(c, note)
	}
	return set(out)
}

// variables notes the ConfigMaps and Secrets that a container's variables come from.
func variables(c corev1.Container, note func(kind, name string)) {
	for _, e := range c.EnvFrom {
		if e.ConfigMapRef != nil {
			note("ConfigMap", e.ConfigMapRef.Name)
		}
		if e.SecretRef != nil {
			note("Secret", e.SecretRef.Name)
		}
	}
	for _, e := range c.Env {
		if e.ValueFrom == nil {
			continue
		}
		if e.ValueFrom.ConfigMapKeyRef != nil {
			note("ConfigMap", e.ValueFrom.ConfigMapKeyRef.Name)
		}
		if e.ValueFrom.SecretKeyRef != nil {
			note("Secret", e.ValueFrom.SecretKeyRef.Name)
		}
	}
}

// sources are the ConfigMaps and Secrets of a volume, which may be one or a projection of several.
func sources(v corev1.Volume) []corev1.VolumeProjection {
	var out []corev1.VolumeProjection
	if m := v.ConfigMap; m != nil {
		out = append(out, corev1.VolumeProjection{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: m.LocalObjectReference, Items: m.Items}})
	}
	if s := v.Secret; s != nil {
		out = append(out, corev1.VolumeProjection{Secret: &corev1.SecretProjection{
			LocalObjectReference: corev1.LocalObjectReference{Name: s.SecretName}, Items: s.Items,
		}})
	}
	if v.Projected != nil {
		out = append(out, v.Projected.Sources...)
	}
	return out
}
