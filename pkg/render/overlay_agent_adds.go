package render

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// listed tells what a list whose items have names says differently, and names the items more that no agent minds.
func listed(in string, x, y map[string]any, plain func(item any, own keyed) bool) (differences []Difference, added []string) {
	before, known := asKeyed(x[in])
	after, knownToo := asKeyed(y[in])
	if !known || !knownToo {
		return differ([]string{in}, x[in], y[in]), nil
	}
	after.items = maps.Clone(after.items)
	for _, name := range after.names {
		if before.items[name] == nil && plain(after.items[name], before) {
			delete(after.items, name)
			added = append(added, fieldText([]string{in, "[" + name + "]"}))
		}
	}
	return differ([]string{in}, before, after), added
}

// asKeyed is a list whose items have names, also one that is not there. Where names are not known it is false.
func asKeyed(list any) (keyed, bool) {
	if list == nil {
		return keyed{items: map[string]any{}}, true
	}
	k, ok := list.(keyed)
	return k, ok
}

// plainVariables are read by the libraries of programs and not by an agent for itself: how to get out of a network, whom to
// trust, and how to use a machine. Every other variable may be a setting of an agent, of the loader or of a shell.
var plainVariables = []string{
	"ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_DIR", "SSL_CERT_FILE", "GOMAXPROCS", "GOMEMLIMIT", "TZ",
}

func plainVariable(item any, _ keyed) bool {
	name := textAt(item, "name")
	return slices.Contains(plainVariables, name) || strings.HasSuffix(name, "_proxy") && slices.Contains(plainVariables, strings.ToUpper(name))
}

// plainSources of volumes need nothing that needs a network of pods.
var plainSources = []string{"configMap", "downwardAPI", "emptyDir", "hostPath", "projected", "secret"}

func plainVolume(item any, _ keyed) bool {
	return slices.ContainsFunc(plainSources, func(source string) bool { return field(item, source) != nil })
}

// certificateFolders are where programs look for the authorities that they trust. A mount anywhere else may hide the
// agent's own files.
var certificateFolders = []string{
	"/etc/ca-certificates", "/etc/pki", "/etc/ssl", "/usr/local/share/ca-certificates", "/usr/share/ca-certificates", "/usr/share/pki",
}

// plainMount tells whether a mount brings certificates, and neither hides one of the container's own nor stands in it.
func plainMount(item any, own keyed) bool {
	to := path.Clean(textAt(item, "mountPath"))
	meets := func(other string) bool { return under(to, path.Clean(other)) || under(path.Clean(other), to) }
	return field(item, "mountPropagation") == nil && !slices.ContainsFunc(own.names, meets) &&
		slices.ContainsFunc(certificateFolders, func(folder string) bool { return under(to, folder) })
}

// under tells whether a path is a folder, or in it.
func under(p, folder string) bool {
	return p == folder || strings.HasPrefix(p, strings.TrimSuffix(folder, "/")+"/")
}
