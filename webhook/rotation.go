package webhook

// Rotation is what a client says of the signing secret that is to replace a webhook's; all of it may be left
// out.
type Rotation struct {
	Input
	Secret           *string           `json:"secret"`            // the client's own; without it one is made
	SigningAlgorithm *SigningAlgorithm `json:"signing_algorithm"` // without it, that of the secret, or the present one
}

// NewSecret returns the secret to rotate to for a webhook that has been signing with the present algorithm.
// Everything wrong with the rotation comes back in one [Error], which doesn't hold the secret.
func (r Rotation) NewSecret(present SigningAlgorithm) (SigningSecret, error) {
	fields := r.Wrong()
	if r.SigningAlgorithm != nil {
		present = *r.SigningAlgorithm
		checkSigningAlgorithm(&fields, present)
	}
	var own SigningSecret
	if r.Secret != nil {
		own = checkSigningSecret(&fields, "/secret", *r.Secret)
	}
	if own != "" && r.SigningAlgorithm != nil && own.Algorithm() != present {
		fields.Add("/signing_algorithm", "is not that of the secret; leave one of them out")
	}
	if err := fields.Err(); err != nil {
		return "", err
	}
	if r.Secret != nil {
		return own, nil
	}
	return present.NewSecret(), nil
}
