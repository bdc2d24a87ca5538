package noderoll

// With is the policy with what another one sets; a selector takes the place of a number of canary nodes, and the other way round.
func (p Policy) With(q Policy) Policy {
	if q.Canaries != 0 || q.CanarySelector != "" {
		p.Canaries, p.CanarySelector = q.Canaries, q.CanarySelector
	}
	if q.MaxUnavailable != "" {
		p.MaxUnavailable = q.MaxUnavailable
	}
	p.Soak, p.ReadyFor = given(q.Soak, p.Soak), given(q.ReadyFor, p.ReadyFor)
	p.NodeTimeout, p.MaxRestarts = given(q.NodeTimeout, p.NodeTimeout), given(q.MaxRestarts, p.MaxRestarts)
	p.Paused = p.Paused || q.Paused
	return p
}

func given[T any](a, b *T) *T {
	if a != nil {
		return a
	}
	return b
}
