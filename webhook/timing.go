package webhook

// Timing is where the time of an attempt went, in milliseconds. What did not take place is nil: looking an address
// up that is no name, connecting where a connection was there already, what comes after the step that failed.
type Timing struct {
	DNSMS     *int `json:"dns_ms,omitempty"`     // looking up the host name
	ConnectMS *int `json:"connect_ms,omitempty"` // connecting by TCP
	TLSMS     *int `json:"tls_ms,omitempty"`     // agreeing on TLS
	// FirstByteMS is how long the endpoint took: from the connection to the first byte of its answer.
	FirstByteMS *int `json:"first_byte_ms,omitempty"`
	// Reused says that the connection was one of an earlier request.
	Reused bool `json:"reused,omitempty"`
}
