package console

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The purposes of sealed values. One made for a purpose is worth nothing for another.
const (
	sessionPurpose = "session"
	noticePurpose  = "notice"
)

// sealer makes values that only a server with the same admin key can have made, for cookies. They are
// readable and can be kept no server-side; they outlive a restart and die with the key.
type sealer struct {
	key []byte
	// suffix tells the cookies of one admin key from those of another. Browsers share cookies between the
	// ports of a host, and two durahooks side by side must not sign each other's visitors out.
	suffix string
}

// newSealer derives its key from the admin key, so that the cookie of a visitor says nothing that helps to
// find the admin key, and the derived one is of no use as an API key.
func newSealer(adminKey string) *sealer {
	return &sealer{
		key:    derive(adminKey, "durahook console cookies v1", sha256.Size),
		suffix: "_" + hex.EncodeToString(derive(adminKey, "durahook console cookie names v1", 4)),
	}
}

func derive(adminKey, label string, size int) []byte {
	key, err := hkdf.Key(sha256.New, []byte(adminKey), nil, label, size)
	if err != nil {
		// HKDF refuses only sizes beyond 8 KiB and, in FIPS mode, admin keys that are far too short.
		panic(fmt.Errorf("derive a key from the admin key: %w", err))
	}
	return key
}

// seal returns "payload.expiry.mac".
func (s *sealer) seal(purpose string, payload []byte, expires time.Time) string {
	content := base64.RawURLEncoding.EncodeToString(payload) + "." + strconv.FormatInt(expires.Unix(), 10)
	return content + "." + base64.RawURLEncoding.EncodeToString(s.mac(purpose, content))
}

// open returns the payload of a value that seal made for this purpose and that has not expired.
func (s *sealer) open(purpose, value string, now time.Time) (payload []byte, ok bool) {
	cut := strings.LastIndexByte(value, '.')
	if cut < 0 {
		return nil, false
	}
	content := value[:cut]
	mac, err := base64.RawURLEncoding.DecodeString(value[cut+1:])
	if err != nil || !hmac.Equal(mac, s.mac(purpose, content)) {
		return nil, false
	}
	encoded, expiry, _ := strings.Cut(content, ".")
	seconds, err := strconv.ParseInt(expiry, 10, 64)
	if err != nil || !now.Before(time.Unix(seconds, 0)) {
		return nil, false
	}
	payload, err = base64.RawURLEncoding.DecodeString(encoded)
	return payload, err == nil
}

func (s *sealer) mac(purpose, content string) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(purpose + "\x00" + content))
	return mac.Sum(nil)
}
