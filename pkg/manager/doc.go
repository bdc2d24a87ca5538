// Package manager is the process addon-manager: its flags, its connection to the hub, the election of one leader, the controllers, and one
// address for health and metrics. It decides nothing. Start with Run.
package manager
