// Package cli turns arguments into calls and results into text: commands, questions, tables, exit codes. It decides
// nothing about clusters and holds no state. Start with Run.
package cli
