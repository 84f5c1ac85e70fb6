package encryption_test

import (
	"bytes"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/encryption"
)

const owner = "acc_1/whk_1/signing_secret"

func newKey(t *testing.T) *encryption.Key {
	t.Helper()
	key, err := encryption.ParseKey(encryption.NewKeyText())
	require.NoError(t, err)
	return key
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	for _, secret := range [][]byte{{}, []byte("s"), []byte("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), bytes.Repeat([]byte{0}, 10_000)} {
		sealed, err := key.Seal(secret, owner)
		require.NoError(t, err)
		opened, err := key.Open(sealed, owner)
		require.NoError(t, err)
		require.True(t, bytes.Equal(secret, opened))
		if len(secret) > 1 {
			require.False(t, bytes.Contains(sealed, secret))
		}
	}
}

// Equal secrets must not be recognizable as such.
func TestSealedTwiceDiffers(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	one, err := key.Seal([]byte("secret"), owner)
	require.NoError(t, err)
	two, err := key.Seal([]byte("secret"), owner)
	require.NoError(t, err)
	require.NotEqual(t, one, two)
}

// The same text is the same key, after a restart too.
func TestParsedTwiceIsTheSameKey(t *testing.T) {
	t.Parallel()
	text := encryption.NewKeyText()
	before, err := encryption.ParseKey(text)
	require.NoError(t, err)
	after, err := encryption.ParseKey(text + "\n")
	require.NoError(t, err)
	sealed, err := before.Seal([]byte("secret"), owner)
	require.NoError(t, err)
	opened, err := after.Open(sealed, owner)
	require.NoError(t, err)
	require.Equal(t, "secret", string(opened))
	require.NotEqual(t, encryption.NewKeyText(), encryption.NewKeyText())
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	const secret = "a secret that nobody may read"
	sealed, err := key.Seal([]byte(secret), owner)
	require.NoError(t, err)
	const otherKey = "open secret of " + owner + ": it was sealed with another --encryption-key"

	requireRefused := func(key *encryption.Key, sealed []byte, owner, message string) {
		opened, err := key.Open(sealed, owner)
		require.ErrorContains(t, err, message)
		require.NotContains(t, err.Error(), secret)
		require.Nil(t, opened)
	}
	requireRefused(newKey(t), sealed, owner, otherKey)
	requireRefused(key, sealed, "acc_1/whk_2/signing_secret", "open secret of acc_1/whk_2/signing_secret: ")
	requireRefused(key, sealed, "", "open secret of ")
	for size := range sealed {
		requireRefused(key, sealed[:size], owner, "open secret of ")
	}
	requireRefused(key, nil, owner, otherKey)
	requireRefused(key, append(bytes.Clone(sealed), 0), owner, "open secret of ")
	for i := range sealed {
		tampered := bytes.Clone(sealed)
		tampered[i] ^= 1
		requireRefused(key, tampered, owner, "open secret of ")
	}
}

func TestParseKeyRefuses(t *testing.T) {
	t.Parallel()
	ofSize := func(size int) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), size)) }
	for _, text := range []string{
		"", "not base64!", ofSize(31), ofSize(33), ofSize(16), ofSize(64), "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk",
		base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, 32)),
	} {
		key, err := encryption.ParseKey(text)
		require.EqualError(t, err, "is not 32 bytes in base64; make one with: openssl rand -base64 32")
		require.Nil(t, key)
	}
}
