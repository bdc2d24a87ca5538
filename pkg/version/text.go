package version

// Same tells whether two texts name one version, such as v0.26.2 and 0.26.2. Two that cannot be read do when they are equal.
func Same(a, b string) bool {
	v, w, ok := both(a, b)
	return a == b || ok && v.Equal(w)
}

// Newer tells whether a is newer than b. One that cannot be read is newer than nothing, and nothing is newer than it.
func Newer(a, b string) bool {
	v, w, ok := both(a, b)
	return ok && w.Less(v)
}

func both(a, b string) (v, w Version, ok bool) {
	v, err := Parse(a)
	if err != nil {
		return v, w, false
	}
	w, err = Parse(b)
	return v, w, err == nil
}
