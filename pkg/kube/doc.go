// Package kube talks to a Kubernetes API server: clients, server-side apply without force, ownership marks, access
// reviews, and what an error means. It refuses to know add-ons, plans and releases. Start with Client.
package kube
