package version

import (
	"cmp"
	"slices"
	"strings"
)

// buildParts splits build text at every separator: "oke.0.2.20-multiarch-98"
// gives oke, 0, 2, 20, multiarch, 98.
func buildParts(build string) []string {
	if build == "" {
		return nil
	}
	return strings.Split(strings.NewReplacer("-", ".", "+", ".").Replace(build), ".")
}

// validBuild wants at least one part, and in each at least one character, all
// of them ASCII letters or digits.
func validBuild(build string) bool {
	return build != "" && !slices.ContainsFunc(buildParts(build), func(part string) bool {
		return part == "" || strings.ContainsFunc(part, isForeign)
	})
}

func isForeign(r rune) bool {
	return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

// compareBuild compares part by part; where one runs out, the shorter is less.
func compareBuild(a, b string) int {
	return slices.CompareFunc(buildParts(a), buildParts(b), comparePart)
}

// comparePart cuts both parts into runs of digits and of other characters and
// compares run by run, so that "flannel9" comes before "flannel10". Numbers
// come before words.
func comparePart(a, b string) int {
	for a != "" && b != "" {
		runA, runB := leadingRun(a), leadingRun(b)
		if c := compareRun(runA, runB); c != 0 {
			return c
		}
		a, b = a[len(runA):], b[len(runB):]
	}
	return cmp.Compare(len(a), len(b))
}

// leadingRun returns the longest prefix of only digits or of only non-digits.
func leadingRun(s string) string {
	digits := isDigit(s[0])
	for i := 1; i < len(s); i++ {
		if isDigit(s[i]) != digits {
			return s[:i]
		}
	}
	return s
}

func compareRun(a, b string) int {
	digitsA, digitsB := isDigit(a[0]), isDigit(b[0])
	switch {
	case digitsA && digitsB:
		return compareDigits(a, b)
	case digitsA != digitsB:
		return compareBool(digitsB, digitsA)
	default:
		return cmp.Compare(a, b)
	}
}

// compareDigits compares as numbers of any length. Digits that name the same
// number with more leading zeros ("007" and "7") are told apart by length, but
// only so that the order stays total.
func compareDigits(a, b string) int {
	x, y := strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y), cmp.Compare(len(a), len(b)))
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
