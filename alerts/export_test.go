package alerts

// Elsewhere has a mail server on this machine treated as one on another.
func (m *Mail) Elsewhere() *Mail {
	m.plain = false
	return m
}
