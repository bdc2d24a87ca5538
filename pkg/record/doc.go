// Package record keeps the releases of an add-on in Helm's own storage format (Secrets), so that `helm list`,
// `history`, `status` and `get` show them. What storage says is the truth: every call reads it again. It refuses to
// know how a release is rendered or applied. Start with Store.
package record
