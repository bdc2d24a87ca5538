package plan

import "fmt"

// Field is a field of an object whose live value is not the one that writing would give it.
type Field struct {
	// Path such as spec.template.spec.containers[kube-flannel].image.
	Path string `json:"path"`
	// Owner are the other field managers that own it; empty when none does.
	Owner string `json:"owner,omitempty"`
	// Live and After are the values as short JSON, now and once it is written; empty where there is none.
	Live  string `json:"live,omitempty"`
	After string `json:"after,omitempty"`
	// Fate is what becomes of it.
	Fate Fate `json:"fate,omitempty"`
}

// Fate of a field that somebody else set.
type Fate string

// What becomes of a field.
const (
	// Refuse : nothing is written because of it.
	Refuse Fate = "refuse"
	// Take : it is written over, and owned from then on.
	Take Fate = "take"
	// Keep : it stays as it is, its owner's.
	Keep Fate = "keep"
	// Undo : it was set since we wrote it last, and is set back.
	Undo Fate = "undo"
)

// String is the field in a sentence: path, values, owner.
func (f Field) String() string {
	text := f.Path
	switch {
	case f.Live == "" && f.After == "":
	case f.Fate == Keep:
		text += fmt.Sprintf(": %s stays, not %s", orNothing(f.Live), orNothing(f.After))
	default:
		text += fmt.Sprintf(": %s -> %s", orNothing(f.Live), orNothing(f.After))
	}
	if f.Owner != "" {
		text += " (" + f.Owner + ")"
	}
	return text
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// MergedConflicts is the conflict policy that the input's target is to be written with: the recorded one with the request in it,
// FailOnConflict where none is.
func MergedConflicts(in Input) ConflictPolicy {
	if p := merge(in).Conflicts; p != "" {
		return p
	}
	return FailOnConflict
}

// fated are the fields of an object with a fate, in words, at most five.
func (o ObjectChange) fated(fate Fate) []string {
	var out []string
	for _, f := range o.Fields {
		if f.Fate == fate {
			out = append(out, f.String())
		}
	}
	return out
}
