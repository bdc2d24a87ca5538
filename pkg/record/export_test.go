package record

import typed "k8s.io/client-go/kubernetes/typed/core/v1"

// Through puts something between a store and the server.
func (s *Store) Through(wrap func(typed.SecretInterface) typed.SecretInterface) {
	s.secrets = wrap(s.secrets)
}
