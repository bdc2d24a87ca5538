package helm

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// A configuration that a pod reads is not taken back, however it reads it: Calico's installer gets it as a variable.
func TestEveryWayToReadAConfigMapIsSeen(t *testing.T) {
	t.Parallel()
	named := func(name string) corev1.LocalObjectReference { return corev1.LocalObjectReference{Name: name} }
	got := map[string]bool{}
	readBy(&corev1.PodSpec{
		Volumes: []corev1.Volume{
			{VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: named("volume")}}},
			{VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
				{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: named("projected")}}, {Secret: &corev1.SecretProjection{}},
			}}}},
			{VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		},
		InitContainers: []corev1.Container{{Env: []corev1.EnvVar{
			{Name: "A", Value: "a"},
			{Name: "B", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: named("variable")}}},
		}}},
		Containers: []corev1.Container{{EnvFrom: []corev1.EnvFromSource{
			{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: named("variables")}}, {SecretRef: &corev1.SecretEnvSource{}},
		}}},
	}, got)
	if diff := cmp.Diff(map[string]bool{"volume": true, "projected": true, "variable": true, "variables": true}, got); diff != "" {
		t.Errorf("ConfigMaps that are read (-want +got):\n%s", diff)
	}
}
