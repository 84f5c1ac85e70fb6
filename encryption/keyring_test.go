package encryption_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/encryption"
)

func TestKeyring(t *testing.T) {
	t.Parallel()
	current, previous, stranger := newKey(t), newKey(t), newKey(t)
	ring := encryption.NewKeyring(current, previous)
	sealed, err := ring.Seal([]byte("secret"), owner)
	require.NoError(t, err)
	require.Equal(t, ring.IDs()[0], sealed[:4])
	opened, err := current.Open(sealed, owner)
	require.NoError(t, err, "the first key seals")
	require.Equal(t, "secret", string(opened))
	_, err = previous.Open(sealed, owner)
	require.Error(t, err)

	for _, key := range []*encryption.Key{current, previous} {
		sealed, err := key.Seal([]byte("secret"), owner)
		require.NoError(t, err)
		opened, err := ring.Open(sealed, owner)
		require.NoError(t, err, "all keys open")
		require.Equal(t, "secret", string(opened))
		_, err = ring.Open(sealed, "acc_1/whk_2/signing_secret")
		require.Error(t, err)
		sealed[len(sealed)-1] ^= 1
		opened, err = ring.Open(sealed, owner)
		require.ErrorContains(t, err, "open secret of "+owner+": ")
		require.Nil(t, opened)
	}
	const otherKey = "open secret of " + owner + ": it was sealed with another --encryption-key"
	sealed, err = stranger.Seal([]byte("secret"), owner)
	require.NoError(t, err)
	for _, sealed := range [][]byte{sealed, sealed[:3], nil} {
		_, err = ring.Open(sealed, owner)
		require.EqualError(t, err, otherKey)
	}
}

func TestKeyringWithoutKeys(t *testing.T) {
	t.Parallel()
	ring := encryption.NewKeyring()
	_, err := ring.Seal([]byte("secret"), owner)
	require.EqualError(t, err, "seal secret of "+owner+": there is no key")
	_, err = ring.Open([]byte("12345"), owner)
	require.Error(t, err)
	require.Empty(t, ring.IDs())
}
