// Package sandbox starts and stops a whole Kubernetes control plane on this machine: etcd, kube-apiserver,
// kube-controller-manager, kube-scheduler, kwok, which plays the nodes, and npn-controller, which plays Oracle's controller of
// NativePodNetworks, each as a process of its own on loopback ports.
// It knows those processes, their files and how a played node or pod behaves; it knows nothing of add-ons, and it prints
// nothing: progress goes to a callback.
//
// A sandbox is a folder below the user's cache folder plus the processes that carry its random id in their environment.
// The folder is written before the first process starts, and Down finds processes by that id alone, so whatever a crash
// of a caller leaves behind can be ended, and nothing else ever is. The programs come from e2e/sandbox, built once by
// "make sandbox".
//
// Start reading at Up, then programs.go (how each program is started) and stages.go (how pods are played).
package sandbox
