// Package helm carries out one step of a plan on a self-managed cluster: it renders a release, writes its objects in
// phases by server-side apply, and keeps Helm's release storage. It refuses to decide: which step, and whether, is the
// planner's. No code path here deletes or empties the live CNI. Start with Engine.
package helm
