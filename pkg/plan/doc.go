// Package plan decides. Facts go in (Input), findings and ordered steps come out (Plan); a refusal is a finding, never
// an error. It knows the rules of network types, releases, pins and safe order, as a readable list of named Checks; it
// refuses to know how facts are gathered, how steps are carried out, what time it is, and where anything is stored.
// Start with Make.
package plan
