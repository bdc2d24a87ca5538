package graph

import (
	"math/bits"
	"slices"
)

// set is a set of small numbers, such as places of releases in their order.
type set []uint64

func newSet(n int) set { return make(set, (n+63)/64) }

func (s set) has(i int) bool { return s[i>>6]&(1<<(i&63)) != 0 }

func (s set) add(i int) { s[i>>6] |= 1 << (i & 63) }

// spanMask is the part of word w that lies in [lo, hi).
func spanMask(w, lo, hi int) uint64 {
	mask := ^uint64(0)
	if w == lo>>6 {
		mask <<= lo & 63
	}
	if w == (hi-1)>>6 {
		mask &= ^uint64(0) >> (63 - (hi-1)&63)
	}
	return mask
}

// fill adds [lo, hi).
func (s set) fill(lo, hi int) {
	if lo >= hi {
		return
	}
	for w := lo >> 6; w <= (hi-1)>>6; w++ {
		s[w] |= spanMask(w, lo, hi)
	}
}

// cut removes [lo, hi).
func (s set) cut(lo, hi int) {
	if lo >= hi {
		return
	}
	for w := lo >> 6; w <= (hi-1)>>6; w++ {
		s[w] &^= spanMask(w, lo, hi)
	}
}

// next returns the first number of the set that is at least i, or -1.
func (s set) next(i int) int {
	w := i >> 6
	if w >= len(s) {
		return -1
	}
	word := s[w] &^ (1<<(i&63) - 1)
	for word == 0 {
		if w++; w == len(s) {
			return -1
		}
		word = s[w]
	}
	return w<<6 + bits.TrailingZeros64(word)
}

// first returns the least number of the set, or -1.
func (s set) first() int { return s.next(0) }

// last returns the greatest number of the set, or -1.
func (s set) last() int {
	for w, word := range slices.Backward(s) {
		if word != 0 {
			return w<<6 + 63 - bits.LeadingZeros64(word)
		}
	}
	return -1
}

// nearest returns the member closest below i, else the one closest above it, or -1.
func (s set) nearest(i int) int {
	below := -1
	for j := s.first(); j >= 0; j = s.next(j + 1) {
		if j > i {
			if below < 0 {
				return j
			}
			break
		}
		below = j
	}
	return below
}

// without returns the least number of the set, other than i, that t does not have, or -1.
func (s set) without(t set, i int) int {
	for w := range s {
		word := s[w] &^ t[w]
		if w == i>>6 {
			word &^= 1 << (i & 63)
		}
		if word != 0 {
			return w<<6 + bits.TrailingZeros64(word)
		}
	}
	return -1
}

func (s set) remove(i int) { s[i>>6] &^= 1 << (i & 63) }

// count of numbers in the set.
func (s set) count() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// keep removes what is not in t.
func (s set) keep(t set) {
	for w := range s {
		s[w] &= t[w]
	}
}

// drop removes what is in t.
func (s set) drop(t set) {
	for w := range s {
		s[w] &^= t[w]
	}
}

// join adds what is in t.
func (s set) join(t set) {
	for w := range s {
		s[w] |= t[w]
	}
}

// meets tells whether both have a number in common.
func (s set) meets(t set) bool {
	for w := range s {
		if s[w]&t[w] != 0 {
			return true
		}
	}
	return false
}

// matrix has a set for each of some numbers.
type matrix struct {
	words int
	bits  set
}

func newMatrix(rows, columns int) matrix {
	words := (columns + 63) / 64
	return matrix{words, make(set, rows*words)}
}

func (m matrix) row(i int) set { return m.bits[i*m.words : (i+1)*m.words] }
