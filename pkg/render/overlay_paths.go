package render

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
)

// spot is where something stands in an overlay.
type spot struct{ file, field string }

// paths checks every path of a kustomization and writes it so that it can mean nothing else.
func (r *overlayReader) paths(file string, k *types.Kustomization) {
	for i := range k.Resources {
		s := spot{file, fmt.Sprintf("resources[%d]", i)}
		if _, isFile := r.given[path.Join(path.Dir(file), k.Resources[i])]; isFile {
			r.document(s, &k.Resources[i])
		} else {
			r.include(s, &k.Resources[i], types.KustomizationKind)
		}
	}
	for i := range k.Components {
		r.include(spot{file, fmt.Sprintf("components[%d]", i)}, &k.Components[i], types.ComponentKind)
	}
	for i := range k.Configurations {
		r.document(spot{file, fmt.Sprintf("configurations[%d]", i)}, &k.Configurations[i])
	}
	for i := range k.Patches {
		r.patch(spot{file, fmt.Sprintf("patches[%d]", i)}, &k.Patches[i])
	}
	for i := range k.Replacements {
		if p := &k.Replacements[i].Path; *p != "" {
			r.document(spot{file, fmt.Sprintf("replacements[%d].path", i)}, p)
		}
	}
	for i := range k.ConfigMapGenerator {
		r.sources(spot{file, fmt.Sprintf("configMapGenerator[%d]", i)}, &k.ConfigMapGenerator[i].KvPairSources)
	}
	for i := range k.SecretGenerator {
		r.sources(spot{file, fmt.Sprintf("secretGenerator[%d]", i)}, &k.SecretGenerator[i].KvPairSources)
	}
}

// patch checks the file of a patch, or the patch itself where it stands in the kustomization.
func (r *overlayReader) patch(s spot, p *types.Patch) {
	if p.Target != nil {
		r.targets[s] = *p.Target
	}
	if p.Path != "" {
		r.document(spot{s.file, s.field + ".path"}, &p.Path)
	} else {
		r.yaml(spot{s.file, s.field + ".patch"}, []byte(p.Patch))
	}
}

// sources checks what a generator reads: "path" or "key=path", and files of variables.
func (r *overlayReader) sources(s spot, k *types.KvPairSources) {
	for i, f := range k.FileSources {
		key, p, named := strings.Cut(f, "=")
		if !named {
			p = f
		}
		r.file(spot{s.file, fmt.Sprintf("%s.files[%d]", s.field, i)}, &p)
		if k.FileSources[i] = p; named {
			k.FileSources[i] = key + "=" + p
		}
	}
	for i := range k.EnvSources {
		r.file(spot{s.file, fmt.Sprintf("%s.envs[%d]", s.field, i)}, &k.EnvSources[i])
	}
	if k.EnvSource != "" {
		r.file(spot{s.file, s.field + ".env"}, &k.EnvSource)
	}
}

// document checks the path of a file that is read as YAML, and the file.
func (r *overlayReader) document(s spot, p *string) {
	if name, ok := r.file(s, p); ok {
		r.yaml(spot{file: name}, r.given[name])
	}
}

// file checks the path of a file, relative to its kustomization, and returns its name in the overlay.
func (r *overlayReader) file(s spot, p *string) (string, bool) {
	dir := path.Dir(s.file)
	name, ok := r.inside(s, *p)
	if !ok {
		return "", false
	}
	if _, ok := r.given[name]; !ok {
		r.missing(s, *p)
		return "", false
	}
	below := name
	if dir != "." {
		if below, ok = strings.CutPrefix(name, dir+"/"); !ok {
			r.problem(s, "%q is not in folder %q or below: kustomize reads the files of a kustomization there alone", *p, dir)
			return "", false
		}
	}
	*p = "./" + below
	r.files[name] = r.given[name]
	return name, r.legal(s, name)
}

// include checks the path of a folder that is included, and reads that folder.
func (r *overlayReader) include(s spot, p *string, kind string) {
	name, ok := r.inside(s, *p)
	if !ok {
		return
	}
	if !r.isFolder(name) {
		r.missing(s, *p)
		return
	}
	*p = "./" + path.Clean(*p)
	if r.legal(s, name) {
		r.folder(name, kind)
	}
}

// inside is the name in the overlay that a path has which is relative to a file of it.
func (r *overlayReader) inside(s spot, p string) (string, bool) {
	name := path.Join(path.Dir(s.file), p)
	if p == "" || path.IsAbs(p) || !fs.ValidPath(name) || name == "." {
		r.problem(s, "%q leads out of the overlay, or to its root", p)
		return "", false
	}
	return name, true
}

// legalName is what kustomize takes for the path of a file in memory, without the colon of an address.
var legalName = regexp.MustCompile(`^[A-Za-z0-9_./-]+$`)

func (r *overlayReader) legal(s spot, name string) bool {
	if legalName.MatchString(name) && !strings.Contains(name, "..") {
		return true
	}
	r.problem(s, "%q has a name that kustomize does not take: letters, digits, dots and the signs - and _ are fine", name)
	return false
}

func (r *overlayReader) missing(s spot, p string) {
	r.problem(s, "%q is not in the overlay, and nothing is read from elsewhere: copy it into the overlay", p)
}

func (r *overlayReader) isFolder(name string) bool {
	for f := range r.given {
		if strings.HasPrefix(f, name+"/") {
			return true
		}
	}
	return false
}
